"""What a test found, kept while it runs and sent along with its outcome.

A run is told by its cells: one for each operation, property and dtype.  Each test keeps
the cells that it judged; the controlling process adds them up.
"""

import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import msgspec

from convcheck.cases.case import Case
from convcheck.conformance.plan.step import Step, fore_layers_of
from convcheck.conformance.references import laws_of, reference_for
from convcheck.conformance.shapes.boundaries import boundary_geometries, classes_of, reachable
from convcheck.conformance.shapes.coverage import PLANNED, Pair, PairCounts
from convcheck.diagnosis.diagnose import diagnose
from convcheck.diagnosis.told import Diagnosis
from convcheck.diagnosis.where.seen import Seen
from convcheck.form.formats import DTYPES
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.certificates import Certificate
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict, explain
from convcheck.kernels.shown.code import snippet
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.shown.message import describe
from convcheck.kernels.subjects import Subject
from convcheck.kernels.text import printable
from convcheck.reports import rows

from .accuracy import Accuracy

PROPERTIES = (
    "certified",
    "exact",
    "bound",
    "nonfinite data",
    "nonfinite others",
    *LAWS,
    "real layers",
    "activations",
)

_LAST = 10**9
"""rank of failures that are told only where there is no other"""

Cell = tuple[str, str, str]


def planned_cells(subjects: Iterable[Subject]) -> list[Cell]:
    """Return operation, property and dtype of every cell that a full run fills."""
    return [cell for each in subjects for cell in cells_of(each.operation)]


def cells_of(operation: Operation) -> list[Cell]:
    """Return the cells that are filled of one operation."""
    laws = laws_of(operation.name)
    return [
        (operation.name, prop, dtype)
        for prop in PROPERTIES
        for dtype in DTYPES
        if (prop not in LAWS or prop in laws)
        # No published network fixes two layers.
        and (operation.default_fore is None or prop != "real layers")
        and (prop != "activations" or (operation.default_fore and dtype == "float64"))
    ]


def planned_boundaries(subjects: Iterable[Subject]) -> list[tuple[str, str]]:
    """Return operation and name of every boundary class that a full run reaches."""
    return [
        (operation.name, name)
        for each in subjects
        for operation, layers in [(each.operation, fore_layers_of(each))]
        for name in reachable(operation)
        if any(
            geometry.fore is None or geometry.fore.layer in layers
            for geometry in boundary_geometries(operation, name)
        )
    ]


def planned_pairs(subjects: Iterable[Subject]) -> list[tuple[str, str, int]]:
    """Return operation, kind and number of the pairs of classes that a full run reaches."""
    return [
        (each.operation.name, kind, len(pairs(each.operation.name, fore_layers_of(each))))
        for each in subjects
        for kind, pairs in PLANNED.items()
    ]


class ConformanceError(AssertionError):
    """A kernel failed; the message says how."""

    verdict: Verdict | None = None
    again: "Again"

    @classmethod
    def of(cls, verdict: Verdict, again: "Again") -> Self:
        """Return the error that a failed verdict is told by, in `explain`'s words."""
        error = cls(_message(verdict, again))
        error.verdict, error.again = verdict, again
        return error

    def diagnose(self) -> None:
        """Add to the message how the kernel is wrong: too slow while cases are shrunk."""
        found = None if self.verdict is None else _diagnosis(self.verdict)
        if self.verdict is not None and found:
            self.args = (_message(self.verdict, self.again, found, found.lines()),)


@dataclass
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    worst: float | None = None
    suspicious: int = 0
    failure: Verdict | None = None
    rank: int = 0
    again: "Again | None" = None


Again = Callable[[Verdict, Sequence[Case]], str]
"""says how a failed verdict is judged again, or these cases in a row"""

Keep = Callable[[Verdict, str | None], None]
"""keeps a case that failed for a later run, with the property that it is told under"""


class Record:
    """The cells of one test, or of one step of a plan."""

    def __init__(
        self,
        kernel_for: Callable[[str], Subject] = reference_for,
        keep: Keep | None = None,
        again: Callable[..., str] | None = None,
    ) -> None:
        """Begin with nothing.

        Args:
            kernel_for: returns the kernel of an operation.
            keep: keeps what failed, where that is wanted.
            again: as `rerun_command`, which it is by default.
        """
        self._kernel_for, self._keep, self._again = kernel_for, keep, again or rerun_command
        self._cells: dict[Cell, _Tally] = {}
        self._boundaries: Counter[tuple[str, str]] = Counter()
        self._pairs = PairCounts(lambda operation: fore_layers_of(self.subject(operation)))
        self._draws: Counter[str] = Counter()
        self._accuracy: dict[tuple[str, str], Accuracy] = {}
        self._certificates: list[Certificate] = []
        self._seen: dict[str, Seen] = {}
        self._entries: dict[str, dict[str, bool]] = {}
        self._compared: list[rows.Refactor] = []
        self._timed: list[rows.Timed] = []
        self._kept: list[rows.Kept] = []
        self._zeros: dict[str, rows.Zeros] = {}
        self._failed = False

    def subject(self, operation: Operation) -> Subject:
        """Return what is judged of an operation."""
        return self._kernel_for(operation.name)

    def walk(self, step: Step, rerun: str | None = None) -> set[Outcome]:
        """Judge a step, and return what came of it; ConformanceError at the first failure.

        `rerun` is as for `judged`.
        """
        __tracebackhide__ = True
        seen: set[Outcome] = set()
        for each in step.judge(self.subject(step.operation)):
            if each.certificate is not None:
                self.certificate(each.certificate)
            seen.update(verdict.outcome for verdict in each.verdicts)
            self.judged(each.verdicts, step.filed, rerun, rank=each.rank, random=each.random)
        return seen

    def entry(self, table: str, name: str, *, holds: bool) -> None:
        """Note whether entry `name` of the ledger or the domain map still holds."""
        self._entries.setdefault(table, {})[name] = holds

    def compared(self, found: rows.Refactor, timed: rows.Timed) -> None:
        """Add how a candidate compares with what it replaces."""
        self._compared.append(found)
        self._timed.append(timed)

    def kept(self, found: rows.Kept) -> None:
        """Add what came of a case kept from an earlier run."""
        self._kept.append(found)

    def judged(
        self,
        verdicts: list[Verdict],
        prop: str | None = None,
        rerun: str | None = None,
        *,
        rank: int = 0,
        random: bool = False,
    ) -> None:
        """Add the verdicts on one example; raise ConformanceError if any failed.

        Once an example failed, Hypothesis looks for smaller ones.  These are not added,
        so that counts are of cases chosen without regard to the kernel; but the last
        failure, which is the smallest, replaces earlier ones.  Of several on one example the
        first is told.

        Args:
            verdicts: on one example.
            prop: the property to file them under, instead of their own.
            rerun: a command that judges them again, where `--case` does not.
            rank: of several tests' failures the one with the lowest is told.
            random: whether Hypothesis drew the example.
        """
        __tracebackhide__ = True
        failed_cells: set[Cell] = set()
        again = partial(self._again, command=rerun)
        if prop != "real layers":  # of these, only patches were judged
            self._see(verdicts)
        for verdict in verdicts:
            case = verdict.case
            cell = (case.operation, prop or verdict.prop, case.dtype)
            tally = self._cells.setdefault(cell, _Tally())
            if verdict.failed and cell not in failed_cells:
                failed_cells.add(cell)
                tally.failure, tally.rank, tally.again = verdict, rank, again
            if self._failed:
                continue
            tally.counts[verdict.outcome.value] += 1
            tally.suspicious += verdict.suspicious
            self._of_zeros(verdict)
            if verdict.error is not None:
                tally.worst = max(tally.worst or 0.0, verdict.error)
            if verdict.outcome in DECIDED or case.geometry.batch == 0:
                operation = operation_named(case.operation)
                for name in classes_of(operation, case.geometry):
                    self._boundaries[case.operation, name] += 1
                self._pairs.add(operation, case.geometry)
            if verdict.error is not None:
                self._accuracy.setdefault(cell[::2], Accuracy()).add(verdict)
        self._count(verdicts, random=random)
        failed = next((verdict for verdict in verdicts if verdict.failed), None)
        if failed is not None:
            self._fail(failed, prop, replayable=rerun is None)
            raise ConformanceError.of(failed, again)

    def _fail(self, verdict: Verdict, prop: str | None, *, replayable: bool) -> None:
        """Add no more verdicts, and keep the case if its id says all that there is to judge."""
        self._failed = True
        if self._keep is not None and replayable:
            self._keep(verdict, prop)

    def _count(self, verdicts: list[Verdict], *, random: bool) -> None:
        if random and not self._failed:
            decided = {each.case.operation for each in verdicts if each.outcome in DECIDED}
            self._draws.update(decided)

    def _of_zeros(self, verdict: Verdict) -> None:
        """Keep what the kernel makes of zeros beside NaN and infinity."""
        if not (verdict.spreads or verdict.skips):
            return
        operation = verdict.case.operation
        spreads = [verdict.spreads] if verdict.spreads else []
        found = rows.Zeros(operation, spreads, verdict.skips)
        known = self._zeros.get(operation)
        self._zeros[operation] = known + found if known else found

    def _see(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            self._seen.setdefault(verdict.case.operation, Seen()).add(verdict)

    def replayed(self, verdict: Verdict, prop: str) -> None:
        """Tell of a kept case if it fails again, where no other of its cell does; count none."""
        __tracebackhide__ = True
        if verdict.failed:
            cell = (verdict.case.operation, prop, verdict.case.dtype)
            self._cells[cell] = _Tally(failure=verdict, rank=_LAST)
            raise ConformanceError.of(verdict, self._again)

    def certificate(self, certificate: Certificate) -> None:
        """Add a certificate, or one shard's part of it; it may go on growing."""
        self._certificates.append(certificate)

    def certified(self, certificate: Certificate) -> None:
        """Add a certificate, and all that was judged for it."""
        self.certificate(certificate)
        operation, failed = certificate.region.operation, certificate.failure
        for dtype in certificate.region.dtypes:
            self._cells[operation, "certified", dtype] = _Tally()
        for (dtype, outcome), count in sorted(certificate.judged.items()):
            self._cells[operation, "certified", dtype].counts[outcome.value] += count
        if failed is not None:
            self._cells[operation, "certified", failed.case.dtype].failure = failed

    def reached(self, operation: str, kind: str) -> Mapping[Pair, int]:
        """Return how many decided cases each planned pair of classes had, as in `coverage`."""
        return self._pairs.reached(operation, kind)

    def found(self) -> rows.Record:
        """Return what the test found, in rows that add up with those of others."""
        return rows.Record(
            cells=[self._cell(key, tally) for key, tally in self._cells.items()],
            boundaries=[rows.Boundary(*key, count) for key, count in self._boundaries.items()],
            pairs=[rows.Pairs.of(*each) for each in self._pairs.counts()],
            random=[rows.Random.of(*each) for each in self._draws.items()],
            zeros=list(self._zeros.values()),
            accuracy=[each.row(*key) for key, each in self._accuracy.items()],
            certificates=[rows.Certificate.of(each) for each in self._certificates],
            refactor=self._compared,
            entries=self._entries,
            seen={name: seen.plain() for name, seen in self._seen.items()},
            claims=[
                (*key, found.claims)
                for key, tally in self._cells.items()
                if tally.failure and (found := _diagnosis(tally.failure))
            ],
            kept=self._kept,
            speed=self._timed,
        )

    def dump(self) -> str:
        """Return `found` as JSON text, fit to cross processes."""
        return json.dumps(msgspec.to_builtins(self.found()))

    def _cell(self, key: Cell, tally: _Tally) -> rows.Cell:
        return rows.Cell(
            *key,
            counts=dict(tally.counts),
            worst=None if tally.worst is None else float(tally.worst),
            suspicious=int(tally.suspicious),
            stopped=int(self._failed),
            failure=None if tally.failure is None else _failure(tally.failure, tally),
        )


def rerun_command(verdict: Verdict, cases: Sequence[Case] = (), command: str | None = None) -> str:
    """Return the shell command that judges a kernel on a case again.

    Args:
        verdict: on the case.
        cases: those to judge one after another, where one does not do it.
        command: that of a test, where `--case` does not do it.
    """
    words = verdict.subject.command()
    named = f" {shlex.join(words)}" if words else ""
    if command is None or cases:
        return f"pytest{named}{''.join(f' --case {case}' for case in cases or [verdict.case])}"
    return command + named


def _message(
    verdict: Verdict, again: Again, found: Diagnosis | None = None, lines: Sequence[str] = ()
) -> str:
    """Return what a failure says, on the call that shows it; `lines` are its diagnosis's."""
    rerun = again(verdict, found.cases if found else ())
    return printable(explain(_showing(verdict, found), rerun, lines))


def _showing(verdict: Verdict, found: Diagnosis | None) -> Verdict:
    if found is None or found.evidence is None:
        return verdict
    details = verdict.evidence.details if verdict.evidence else ()
    shown = replace(found.evidence, details=found.evidence.details or details)
    return replace(verdict, evidence=shown)


def _diagnosis(verdict: Verdict) -> Diagnosis | None:
    """Return how the kernel is wrong; None where it hung or crashed."""
    return None if verdict.lost else diagnose(verdict)


def _failure(verdict: Verdict, tally: _Tally) -> rows.Failure:
    found, again = _diagnosis(verdict), tally.again or rerun_command
    case, evidence = verdict.case, _showing(verdict, found).evidence
    code = [] if evidence is None else snippet(verdict.subject, evidence)
    return rows.Failure(
        case=str(case),
        outcome="misbehaved" if verdict.outcome is Outcome.MISBEHAVED else "disagrees",
        rank=tally.rank,
        rerun=printable(again(verdict, found.cases if found else ())),
        said=printable(verdict.finding),
        details=[printable(line) for line in (evidence.details if evidence else ())],
        element=_element(evidence) if evidence and evidence.expression else None,
        described=f"{describe(case.geometry)}; fill {case.fill}",
        error=None if verdict.error is None else float(verdict.error),
        snippet=[printable(line) for line in code],
        diagnosis=_diagnosed(found) if found else None,
    )


def _element(evidence: Evidence) -> rows.Element:
    got, expected = rows.value_of(evidence.got), rows.value_of(evidence.expected)
    excess = None if evidence.excess is None else rows.value_of(evidence.excess)
    return rows.Element(evidence.expression, got, expected, excess, evidence.wrong, evidence.total)


def _diagnosed(found: Diagnosis) -> rows.Diagnosis:
    patterns = [rows.Pattern.of(each) for each in found.claims]
    told = {name: getattr(found, name) for name in ("names", "advice", "picture", "taps", "text")}
    return msgspec.convert({**told, "patterns": patterns}, rows.Diagnosis, from_attributes=True)

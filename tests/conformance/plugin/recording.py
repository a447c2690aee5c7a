"""What a test found, kept while it runs and sent along with its outcome.

A run is told by its cells: one for each operation, property and dtype.  Each test keeps
the cells that it judged; the controlling process adds them up.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from convcheck.campaigns.certificates import Certificate
from convcheck.cases.case import Case
from convcheck.conformance.plan.step import Step, fore_layers_of
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.boundaries import classes_of
from convcheck.conformance.shapes.coverage import Pair, PairCounts
from convcheck.diagnosis.where.seen import Seen
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict
from convcheck.kernels.subjects import Subject
from convcheck.reports import rows

from .accuracy import Accuracy
from .failures import Again, ConformanceError, diagnosis_of, failure_of, rerun_command
from .planned import Cell

_LAST = 10**9
"""rank of failures that are told only where there is no other"""

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
        self._cells: dict[Cell, rows.Cell] = {}
        self._failures: dict[Cell, tuple[Verdict, int, Again]] = {}
        self._boundaries: Counter[tuple[str, str]] = Counter()
        self._pairs = PairCounts(lambda operation: fore_layers_of(self.subject(operation)))
        self._draws: Counter[str] = Counter()
        self._accuracy: dict[tuple[str, str], Accuracy] = {}
        self._certificates: list[Certificate] = []
        self._seen: dict[str, Seen] = {}
        self._entries: dict[str, dict[str, bool]] = {}
        self._compared: list[rows.Refactor] = []
        self._timed: list[rows.Timed] = []
        self._fast: dict[str, bool] = {}
        self._remarks: dict[str, str] = {}
        self._kept: list[rows.Kept] = []
        self._zeros: dict[str, rows.Zeros] = {}
        self._failed = False

    def subject(self, operation: Operation) -> Subject:
        """Return what is judged of an operation."""
        return self._kernel_for(operation.name)

    def walk(self, step: Step, rerun: str | None = None) -> set[Outcome]:
        """Judge a step, and return what came of it; ConformanceError at the first failure.

        `rerun` is as for `require_right`.
        """
        __tracebackhide__ = True
        seen: set[Outcome] = set()
        for each in step.judge(self.subject(step.operation)):
            if each.certificate is not None:
                self.certificate(each.certificate)
            if each.fast is not None:
                self._fast[step.operation.name] = each.fast
            self._remarks |= {name: text for name, text in each.remarks.items() if text}
            seen.update(verdict.outcome for verdict in each.verdicts)
            self.require_right(each.verdicts, step.filed, rerun, rank=each.rank, random=each.random)
        return seen

    def entry(self, table: str, name: str, *, holds: bool) -> None:
        """Note whether entry `name` of the ledger or the domain map still holds."""
        self._entries.setdefault(table, {})[name] = holds

    def remark(self, name: str, text: str) -> None:
        """Add what else is to be known, of a case or a file."""
        self._remarks[name] = text

    def compared(self, found: rows.Refactor, timed: rows.Timed) -> None:
        """Add how a candidate compares with what it replaces."""
        self._compared.append(found)
        self._timed.append(timed)

    def kept(self, found: rows.Kept) -> None:
        """Add what came of a case kept from an earlier run."""
        self._kept.append(found)

    def require_right(
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
        self._see([verdict for verdict in verdicts if not verdict.sampled])
        for verdict in verdicts:
            case = verdict.case
            cell = (case.operation, prop or verdict.prop, case.dtype)
            tally = self._cells.setdefault(cell, rows.Cell(*cell))
            if verdict.failed and cell not in failed_cells:
                failed_cells.add(cell)
                self._failures[cell] = verdict, rank, again
            if self._failed:
                continue
            name = verdict.outcome.value
            tally.counts[name] = tally.counts.get(name, 0) + 1
            tally.suspicious += int(verdict.suspicious)
            self._of_zeros(verdict)
            if verdict.sampled and rerun is None:
                self._remarks[str(case)] = f"judged {verdict.sampled}"
            if verdict.error is not None:
                tally.worst = max(tally.worst or 0.0, float(verdict.error))
            if verdict.outcome in DECIDED or case.geometry.batch == 0:
                self._reach(case)
            if verdict.error is not None:
                self._accuracy.setdefault(cell[::2], Accuracy()).add(verdict)
        self._count(verdicts, random=random)
        failed = next((verdict for verdict in verdicts if verdict.failed), None)
        if failed is not None:
            self._fail(failed, prop, replayable=rerun is None)
            raise ConformanceError.of(failed, again)

    def _reach(self, case: Case) -> None:
        operation = operation_named(case.operation)
        for kind in classes_of(operation, case.geometry):
            self._boundaries[case.operation, kind] += 1
        if case.mode != "nonfinite":  # NaN may be all that there is in a result
            self._pairs.add(operation, case.geometry)

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
            self._cells[cell] = rows.Cell(*cell)
            self._failures[cell] = verdict, _LAST, self._again
            raise ConformanceError.of(verdict, self._again)

    def certificate(self, certificate: Certificate) -> None:
        """Add a certificate, or one shard's part of it; it may go on growing."""
        self._certificates.append(certificate)

    def certified(self, certificate: Certificate) -> None:
        """Add a certificate, and all that was judged for it."""
        self.certificate(certificate)
        operation, failed = certificate.region.operation, certificate.failure
        for dtype in certificate.region.dtypes:
            key = (operation, "certified", dtype)
            counts = {kind.value: n for (of, kind), n in certificate.judged.items() if of == dtype}
            self._cells[key] = rows.Cell(*key, counts=dict(sorted(counts.items())))
        if failed is not None:
            self._failures[operation, "certified", failed.case.dtype] = failed, 0, self._again

    def bear_witness(self) -> None:
        """Tell of no case any more: only what is said of others is held against them."""
        self._cells.clear()
        self._failures.clear()

    def reached(self, operation: str, kind: str) -> Mapping[Pair, int]:
        """Return how many decided cases each planned pair of classes had, as in `coverage`."""
        return self._pairs.reached(operation, kind)

    def found(self) -> rows.Record:
        """Return what the test found, in rows that add up with those of others."""
        return rows.Record(
            cells=[self._cell(key) for key in self._cells],
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
                for key, (verdict, *_) in self._failures.items()
                if (found := diagnosis_of(verdict))
            ],
            kept=self._kept,
            speed=self._timed,
            fast=self._fast,
            remarks=self._remarks,
        )

    def dump(self) -> str:
        """Return `found` as JSON text, fit to cross processes."""
        return self.found().dump()

    def _cell(self, key: Cell) -> rows.Cell:
        failed = self._failures.get(key)
        failure = failure_of(*failed) if failed else None
        return replace(self._cells[key], stopped=int(self._failed), failure=failure)

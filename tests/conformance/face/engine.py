"""Judging one kernel by the steps of a plan, and telling what came of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convcheck.cases.case import Case
from convcheck.conformance import references
from convcheck.conformance.plan.certified import Certified
from convcheck.conformance.plan.replay import Replay
from convcheck.conformance.plan.simplest import simplest
from convcheck.conformance.plan.step import Step
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.planned import cells_of
from convcheck.conformance.plugin.recording import Record
from convcheck.form import pytorch
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict
from convcheck.kernels import floating
from convcheck.kernels.subjects import Subject

from .given import Given

_REPR = 195
"""characters of a result's short line, where a case id leaves room"""


@dataclass(frozen=True)
class Result:
    """What came of judging a kernel: true if something was decided and nothing failed."""

    operation: str
    judged: int
    """cases"""
    decided: int
    """of these"""
    failures: tuple[Verdict, ...]
    """the first of each step of the plan that failed"""
    headline: str
    """the verdict in a sentence"""
    told: str
    """id of the case that tells most of what is wrong; empty if none failed"""
    whole: bool
    """whether all of a plan was judged"""
    text: str

    def __bool__(self) -> bool:
        """Whether something was decided and nothing failed."""
        return self.decided > 0 and not self.failures

    def __repr__(self) -> str:
        """Return one short line, which pytest shows where a result is not true."""
        from convcheck.reports.told import words  # noqa: PLC0415  (takes time to import)

        said = self.headline.removesuffix(".").replace(f": {self.operation} ", ": ", 1)
        text = f"<Result {self.operation}: {said[0].lower()}{said[1:]}"
        rest = f"; see {self.told}" if self.told else ""
        if self.failures and not self.whole:
            rest += f"; {words.NOTHING_ELSE}"
        room = _REPR - len(rest) - 1
        return (text if len(text) <= room else f"{text[: max(0, room - 3)]}...") + f"{rest}>"

    def __str__(self) -> str:
        """Return all that is known, as the end of `convcheck check` tells it."""
        return self.text


@dataclass
class Run:
    """A kernel that is judged by steps."""

    subject: Subject
    profile: str
    seed: int
    call: Callable[[Mapping[str, Any]], str]
    """writes Python that judges the kernel again, with such keywords"""
    records: dict[str, Record] = field(default_factory=dict)
    failures: dict[str, Verdict] = field(default_factory=dict)
    seen: set[Outcome] = field(default_factory=set)

    @property
    def conforms(self) -> bool:
        """Whether something was decided and nothing failed."""
        return not self.failures and not self.seen.isdisjoint(DECIDED)

    def walk(self, steps: Iterable[Step], *, stop: bool = False) -> None:
        """Judge by some steps; OracleError where the oracles differ.

        Where it is to `stop`, later steps than the first that fails are not told of, but for those
        that show it on a simpler geometry: what is said of it is held against them.
        """
        left = iter(steps)
        with floating.kept(self.subject.module), pytorch.one_thread(), np.errstate(all="ignore"):
            references.check_oracles(self.subject)
            for step in left:
                self._judge(step)
                if stop and self.failures:
                    self._look_further(step, left)
                    return

    def _look_further(self, failed: Step, left: Iterator[Step]) -> None:
        """Judge on simpler geometries, too: those of a small region, or else ever smaller ones."""
        (verdict,) = self.failures.values()
        lost = self.subject.at_once and verdict.outcome is Outcome.MISBEHAVED  # it may hang
        for step in left:
            if isinstance(step, Certified):
                self._judge(step)
            elif not lost:
                self._judge(step, witness=True)
        if len(self.failures) == 1 and failed.replayable:
            found = simplest(verdict)
            if found is not verdict:
                self._judge(Replay(self.subject.operation, found.case, found.prop))

    def _judge(self, step: Step, *, witness: bool = False) -> None:
        name = f"{type(step).__name__} {len(self.records):05} {step.name}"
        record = Record(lambda _: self.subject, again=self._again)
        self.records[name] = record
        self.subject.begin()
        try:
            self.seen |= record.walk(step, None if step.replayable else "")
        except ConformanceError as error:
            if error.verdict is None:
                raise
            if not witness:
                self.failures[name] = error.verdict
        if witness:
            record.bear_witness()

    def _again(
        self, verdict: Verdict, cases: Sequence[Case] = (), command: str | None = None
    ) -> str:
        """Return Python that judges a failed verdict again, or all: a case does not say what."""
        if command is not None and not cases:
            given = {"profile": self.profile, "seed": self.seed}
            usual = {"profile": "quick", "seed": 0}
            return self.call({key: each for key, each in given.items() if each != usual[key]})
        ids = [str(case) for case in cases or [verdict.case]]
        return self.call({"case": ids[0] if len(ids) == 1 else ids})

    def _looking_back(self) -> AbstractContextManager[None]:
        """Have a kernel that failed by what it remembers be looked into where it does not yet."""
        first = next(iter(self.failures.values()), None)
        if first is None or not isinstance(self.subject, Given):
            return nullcontext()
        return self.subject.remembering(first)

    def result(self, *, brief: bool = False, alone: Sequence[Case] = ()) -> Result:
        """Return what came of it; the kernel is called again, to find out how it is wrong.

        Args:
            brief: whether the text tells no more than that, if it is wrong.
            alone: the cases that were judged, if not all of a plan was.
        """
        # Where nothing failed nothing is told, and these take time to import.
        from convcheck.reports import circumstances, document, findings  # noqa: PLC0415
        from convcheck.reports.told import problems, terminal, words  # noqa: PLC0415

        operation, whole = self.subject.operation, not alone
        ids = " ".join(map(str, alone))
        with (
            floating.kept(self.subject.module),
            pytorch.one_thread(),
            np.errstate(all="ignore"),
            self._looking_back(),
        ):
            records = {name: each.found() for name, each in self.records.items()}
        outcomes = {name: "failed" if name in self.failures else "passed" for name in records}
        found = findings.build(
            findings.Results(records, outcomes, {}, records, whole=whole),
            findings.planned_rows(cells_of(self.subject), (), ()),
            document.Asked(
                {operation.name: str(self.subject)},
                {},
                {},
                self.profile,
                str(self.seed),
                ids or None,
                domains={operation.name: told} if (told := self.subject.judged_for) else {},
            ),
        )
        lines, told = [], ""
        for problem in problems.problems(found):
            if problem.first is not None:
                told = problem.first.told.case
            if not brief:
                lines += [problem.fault, *terminal.lines(found, problem), ""]
            elif problem.first is not None:
                lines += [problem.fault, *terminal.told(problem.first)]
        if not (brief and lines):
            lines += [words.sentence(found), *circumstances.slow(records.values())]
            remarks = circumstances.remarks(records.values())
            lines += [f"{case}: {how}" for case, how in remarks.items()]
        verdict, _ = words.headline(found)
        return Result(
            operation.name,
            judged=sum(found.totals.values()),
            decided=found.decided,
            failures=tuple(self.failures.values()),
            headline=verdict,
            told=told,
            whole=whole,
            text="\n".join(lines),
        )

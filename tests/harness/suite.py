"""The conformance tests, called in one process, in the order of the plan."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

import hypothesis
from hypothesis.errors import FlakyFailure

from convcheck.cases.case import Case
from convcheck.conformance import test_agreement, test_laws
from convcheck.conformance.plan.boundaries import boundaries
from convcheck.conformance.plan.combined import TIERS, Combined, combined
from convcheck.conformance.plan.drawn import DrawnAgreement, DrawnLaws, DrawnNonfinite
from convcheck.conformance.plan.plan import plan
from convcheck.conformance.plan.step import Step
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.recording import Record
from convcheck.diagnosis.mistakes import Mistake
from convcheck.form.operations import OPERATIONS, Kernel, Operation
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.subjects import Subject

Test = Callable[..., object]


class _CaughtError(BaseException):
    """A kernel has failed; Hypothesis is not to look for a simpler case."""


class _FailedError(AssertionError):
    """A kernel has failed; Hypothesis is to look for a simpler case."""


class _Watching(Record):
    """Counts judged cases, and keeps the one that failed; makes no message, which takes longer."""

    def __init__(self, subject: Subject, error: type[BaseException]) -> None:
        super().__init__(lambda _: subject)
        self._error, self.count = error, 0
        self.case: Case | None = None

    def require_right(self, verdicts: list[Verdict], *_: Any, **__: Any) -> None:
        """Look for a verdict that failed."""
        for verdict in verdicts:
            self.count += 1
            if verdict.failed:
                self.case = verdict.case
                raise self._error


# What Hypothesis draws in a run, in the place of what a plan draws.
_DRAWING: dict[type[Step], Any] = {
    DrawnAgreement: test_agreement.test_agreement,
    DrawnNonfinite: test_agreement.test_nonfinite,
    DrawnLaws: test_laws.test_laws,
}


def plain(subject: Subject) -> Iterator[Test]:
    """Yield the tests of fixed and of drawn geometries."""
    yield from map(_test, boundaries(subject.operation))
    for test in _DRAWING.values():
        yield partial(seeded(test, subject.operation), subject=subject)


def _test(step: Step) -> Test:
    return lambda record: record.walk(step)


def seeded(test: Any, operation: Operation) -> Any:
    """Return a test that draws what it draws in a run."""
    module = test.__module__.rpartition(".")[2]
    return hypothesis.seed(f"0 {module} {test.__name__}[{operation.name}]")(test)


def sizes(operation: Operation) -> Iterator[Test]:
    """Yield the tests of sizes."""
    return map(_test, combined(operation, TIERS[tier()]))


def conformance(subject: Subject) -> Iterator[tuple[str, Test]]:
    """Yield the tests of the profile that is loaded, and before each what kind of step it is."""
    for step in plan(subject.operation, tier(), seed=0):
        name, test = type(step).__name__, _DRAWING.get(type(step))
        if isinstance(step, Combined):
            name = f"{name}, {step.sizes.values} of {step.sizes.of}"
        if test is None:
            yield name, _test(step)
        else:
            yield name, partial(seeded(test, subject.operation), subject=subject)


def caught(kernel: Kernel, name: str) -> int | None:
    """Return after how many judged cases a kernel is caught; None if it never is."""
    subject = subject_of(kernel, OPERATIONS[name])
    record = _Watching(subject, _CaughtError)
    with contextlib.suppress(_CaughtError):
        for _, test in conformance(subject):
            test(record=record)
    return record.count if record.case else None


def catching(kernel: Kernel | Subject, name: str, first: Collection[str] = ()) -> Iterator[str]:
    """Yield the kinds of steps that catch a kernel, which remembers what it does.

    They are tried in the suite's order, those named in `first` before the others.
    """
    subject = subject_of(kernel, OPERATIONS[name])
    known = set()
    for kind, test in sorted(conformance(subject), key=lambda step: step[0] not in first):
        if kind not in known:
            try:
                test(record=_Watching(subject, _CaughtError))
            except _CaughtError:
                known.add(kind)
                yield kind


def shrunk(mistake: Mistake) -> int | None:
    """Return how many input elements a failure shrinks to; None if none is drawn."""
    subject = subject_of(mistake.make(), OPERATIONS[mistake.operation])
    record = _Watching(subject, _FailedError)
    test = seeded(test_agreement.test_agreement, subject.operation)
    with contextlib.suppress(_FailedError, FlakyFailure):  # flaky: it depends on calls before
        test(record=record, subject=subject)
    return sum(array.size for array in record.case.arrays().values()) if record.case else None

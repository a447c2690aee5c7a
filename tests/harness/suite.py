"""The conformance tests, called in one process, in the order in which they judge a candidate.

Left out are those of published networks' layers and of activations.
"""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import hypothesis
import pytest
from hypothesis.errors import FlakyFailure

from convcheck.cases.case import Case
from convcheck.conformance import test_agreement, test_laws
from convcheck.conformance.plan.boundaries import boundaries
from convcheck.conformance.plan.certified import certified
from convcheck.conformance.plan.combined import TIERS, Shapes, combined
from convcheck.conformance.plan.step import Step
from convcheck.conformance.plugin import kernels
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.recording import Record
from convcheck.diagnosis.mistakes import Mistake
from convcheck.form.operations import OPERATIONS, Kernel, Operation
from convcheck.judging.verdicts import Verdict

Test = Callable[..., object]


class _CaughtError(BaseException):
    """A kernel has failed; Hypothesis is not to look for a simpler case."""


class _FailedError(AssertionError):
    """A kernel has failed; Hypothesis is to look for a simpler case."""


class _Watching(Record):
    """Counts judged cases, and keeps the one that failed; makes no message, which takes longer."""

    count = 0
    case: Case | None = None

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self._error = error

    def judged(self, verdicts: list[Verdict], *_: Any, **__: Any) -> None:
        """Look for a verdict that failed."""
        for verdict in verdicts:
            self.count += 1
            if verdict.failed:
                self.case = verdict.case
                raise self._error


DRAWN: tuple[Any, ...] = (
    test_agreement.test_agreement,
    test_agreement.test_nonfinite,
    test_laws.test_laws,
)


def plain(operation: Operation) -> Iterator[Test]:
    """Yield the tests of fixed and of drawn geometries."""
    yield from map(_test, boundaries(operation))
    for test in DRAWN:
        yield partial(seeded(test, operation), operation=operation)


def _test(step: Step) -> Test:
    return lambda record: record.walk(step)


def seeded(test: Any, operation: Operation) -> Any:
    """Return a test that draws what it draws in a run."""
    module = test.__module__.rpartition(".")[2]
    return hypothesis.seed(f"0 {module} {test.__name__}[{operation.name}]")(test)


def sizes(operation: Operation) -> Iterator[Test]:
    """Yield the tests of sizes."""
    return map(_test, combined(operation, TIERS[tier()]))


def conformance(operation: Operation) -> Iterator[Test]:
    """Yield the tests of the profile that is loaded."""
    yield from plain(operation)
    yield from sizes(operation)
    yield _test(Shapes(operation))
    yield from map(_test, certified(operation, tier(), seed=0))


@contextlib.contextmanager
def judging(kernel: Kernel, name: str) -> Iterator[Operation]:
    """Have a kernel judged in the operation's place."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(kernels.CHOSEN, name, kernel)
        yield OPERATIONS[name]


def caught(kernel: Kernel, name: str) -> int | None:
    """Return after how many judged cases a kernel is caught; None if it never is."""
    record = _Watching(_CaughtError)
    with contextlib.suppress(_CaughtError), judging(kernel, name) as operation:
        for test in conformance(operation):
            test(record=record)
    return record.count if record.case else None


def shrunk(mistake: Mistake) -> int | None:
    """Return how many input elements a failure shrinks to; None if none is drawn."""
    record = _Watching(_FailedError)
    # Flaky are kernels that depend on calls before.
    with (
        contextlib.suppress(_FailedError, FlakyFailure),
        judging(mistake.make(), mistake.operation) as operation,
    ):
        seeded(test_agreement.test_agreement, operation)(record=record, operation=operation)
    if record.case is None:
        return None
    return sum(array.size for array in record.case.arrays().values())

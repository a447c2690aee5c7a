"""The same calls are judged again and again, where several threads work in them."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.form.operations import Operation
from convcheck.judging.threads import THREADS, growing
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.subjects import Subject

from .step import Judged, Step

_WRONG = Outcome.NOT_APPLICABLE, "the kernel is wrong in each call"


@dataclass(frozen=True)
class Threaded(Step):
    """Calls of growing size, each made many times where several threads work in it."""

    fills = (THREADS,)

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, in every dtype."""
        for verdicts in zip(*(growing(subject, dtype) for dtype in subject.asked), strict=True):
            yield Judged([each for verdict in verdicts for each in _told(verdict)])


def threaded(operation: Operation) -> Iterator[Threaded]:
    """Yield the step of an operation."""
    yield Threaded(operation)


def _told(verdict: Verdict) -> list[Verdict]:
    """Return a verdict; where the kernel is wrong in each call, no threads are to blame."""
    if verdict.prop == THREADS:
        return [verdict]
    return [verdict, Verdict(verdict.case, verdict.subject, THREADS, *_WRONG)]

"""The same calls are judged again and again, where several threads work in them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from convcheck.cases.case import Case
from convcheck.form.formats import DTYPES
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.operations import Operation
from convcheck.judging.judge import not_judged
from convcheck.judging.threads import ALONE, THREADS, judge_threads
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.shown.clock import KERNEL
from convcheck.kernels.subjects import Subject

from .step import Judged, Step

# Threads share batch items, rows or channels, seldom evenly.  Where there are fewer cores than busy
# threads, they take turns of milliseconds, and meet in long calls alone.
SIZES = (
    "b2.h6.w5.i2.o3.f3x2.s1x1",
    "b3.h13.w11.i4.o5.f3x3.s1x1",
    "b1.h21.w19.i6.o7.f3x3.s1x1",
    "b5.h31.w27.i8.o9.f3x3.s2x1",
    "b3.h49.w47.i13.o17.f3x3.s1x1",
    "b3.h66.w62.i17.o33.f3x3.s1x1",
)
_FORE = (3, 2, 2, 1, 1)

# Seconds of calls in which a kernel shows more than one thread, or is taken to have none: two
# thousandths of its own, and the way of arrays.
_LOOKED_AT = 0.005
# Seconds in all calls of a size, after which no larger one is judged.
_LONG = 1.0
_WRONG = Outcome.NOT_APPLICABLE, "the kernel is wrong in each call"
_TOO_LONG = Outcome.UNDECIDED, "so many calls of this size would take too long"


@dataclass(frozen=True)
class Threaded(Step):
    """Calls of growing size, each made many times where several threads work in it."""

    fills = (THREADS,)

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, in every dtype."""
        climbed = [_climbed(subject, dtype) for dtype in DTYPES]
        for verdicts in zip(*climbed, strict=True):
            yield Judged([each for verdict in verdicts for each in _told(verdict)])


def threaded(operation: Operation) -> Iterator[Threaded]:
    """Yield the step of an operation."""
    yield Threaded(operation)


def _told(verdict: Verdict) -> list[Verdict]:
    """Return a verdict; where the kernel is wrong in each call, no threads are to blame."""
    if verdict.prop == THREADS:
        return [verdict]
    return [verdict, Verdict(verdict.case, verdict.subject, THREADS, *_WRONG)]


def _climbed(subject: Subject, dtype: str) -> Iterator[Verdict]:
    """Yield verdicts on each size in a dtype; larger ones than what tells enough are not called."""
    enough, begun = None, KERNEL.seconds
    for case in _cases(subject.operation, dtype):
        if enough is not None:
            verdict = Verdict(case, subject, THREADS, *enough)
            yield not_judged(subject, case, THREADS) or verdict
            continue
        before = KERNEL.seconds
        verdict = judge_threads(subject, case)
        yield verdict
        if verdict.outcome is Outcome.NOT_APPLICABLE and KERNEL.seconds - begun > _LOOKED_AT:
            enough = ALONE
        elif KERNEL.seconds - before > _LONG:
            enough = _TOO_LONG


def _cases(operation: Operation, dtype: str) -> Iterator[Case]:
    layer = operation.default_fore
    fore = None if layer is None else Fore(layer, *_FORE)
    for text in SIZES:
        geometry = replace(Geometry.parse(text), fore=fore)
        yield Case(operation.name, geometry, dtype, "integers", seed=1)

"""Judging a kernel on the same call again and again, where several threads work in it.

Threads that share what each should have for itself meet by chance.  So the very same call is made
many times, and every result compared with the oracle's: on integers, as in exact mode.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.operations import Kernel, operation_named
from convcheck.kernels import floating
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import Misbehaviour
from convcheck.kernels.promises import suited
from convcheck.kernels.shown.clock import KERNEL
from convcheck.kernels.subjects import Subject

from .judge import judge_against, limits_of, not_judged, property_of
from .verdicts import DECIDED, Outcome, Verdict

THREADS = "threads"
"""the property"""

_ALONE = Outcome.NOT_APPLICABLE, "only one thread worked"

# Threads share batch items, rows or channels, seldom evenly.  Where there are fewer cores than busy
# threads, they take turns of milliseconds, and meet in long calls alone.
_SIZES = (
    "b2.h6.w5.i2.o3.f3x2.s1x1",
    "b3.h13.w11.i4.o5.f3x3.s1x1",
    "b1.h21.w19.i6.o7.f3x3.s1x1",
    "b5.h31.w27.i8.o9.f3x3.s2x1",
    "b3.h49.w47.i13.o17.f3x3.s1x1",
    "b3.h66.w62.i17.o33.f3x3.s1x1",
)
_FORE = (3, 2, 2, 1, 1)

# Seconds of calls in which a kernel shows more than one thread, or is taken to have none.
_LOOKED_AT = 0.002
# Seconds in all calls of a size, after which no larger one is judged.
_LONG = 1.0
_TOO_LONG = Outcome.UNDECIDED, "so many calls of this size would take too long"
# A matrix of every input by every result is right, and grows with the square of what it holds.
_TOO_LARGE = Outcome.UNDECIDED, "calls of this size would take too much memory"

# Calls in each of which another thread has to work: in one or two it may be somebody else's.
_LOOKS = 3

# How often the call is made, and how often it is at least when so many seconds are over.
_CALLS, _FEWEST, _SECONDS = 20, 5, 0.3


def growing(subject: Subject, dtype: str) -> Iterator[Verdict]:
    """Judge a kernel in a dtype on calls of growing size, as `judge_threads` does.

    Sizes beyond what tells enough are not called: where one thread alone has worked so far, or many
    calls have taken long, or one too much memory.
    """
    enough, looked = None, 0.0
    for case in _cases(subject, dtype):
        if enough is not None:
            verdict = Verdict(case, subject, THREADS, *enough)
            yield not_judged(subject, case, THREADS) or verdict
            continue
        before = KERNEL.seconds
        verdict = judge_threads(subject, case)
        spent = KERNEL.seconds - before  # others are judged between two of these
        problem = verdict.misbehaviour
        if problem is not None and problem.kind is Misbehaviour.TOOK_MEMORY:
            enough = _TOO_LARGE
            yield Verdict(case, subject, THREADS, *enough)
            continue
        yield verdict
        if verdict.outcome is Outcome.NOT_APPLICABLE:
            looked += spent
            enough = _ALONE if looked > _LOOKED_AT else None
        elif spent > _LONG:
            enough = _TOO_LONG


def _cases(subject: Subject, dtype: str) -> Iterator[Case]:
    operation, taken = subject.operation, subject.taken
    layer = operation.default_fore
    fore = None if layer is None else Fore(layer, *_FORE)
    for text in _SIZES:
        geometry = replace(Geometry.parse(text), fore=fore)
        own = taken.fit(operation, geometry) if taken.domain else None
        yield Case(operation.name, own or geometry, dtype, "integers", seed=1)


def judge_threads(kernel: Kernel, case: Case) -> Verdict:
    """Judge whether a kernel is right whenever it is called, if several threads work in it.

    Args:
        kernel: as for `judge.judge`.
        case: one with the fill `integers`, or `small`.

    Returns:
        the verdict: "not applicable" where one thread alone worked.  What is wrong in each
        call is so in exact mode.
    """
    subject = subject_of(kernel, operation_named(case.operation))
    case = suited(subject.promise, case)
    nothing = not_judged(subject, case, THREADS)
    if nothing is not None:
        return nothing
    agrees = Verdict(case, subject, THREADS, Outcome.AGREES)
    with floating.kept(subject.module), np.errstate(all="ignore"):
        found, several = [], True
        for verdict in repeated(agrees):
            found.append(verdict)
            several = subject.threaded or len(found) > _LOOKS
            if not several or verdict.outcome not in DECIDED:
                break
    failed = [verdict for verdict in found if verdict.failed]
    if failed:
        return _changing(failed[0], len(failed), len(found)) if several else _always(failed[0])
    if found[-1].outcome is Outcome.AGREES and not several:
        return agrees.but(*_ALONE)
    return found[-1]


def repeated(agrees: Verdict) -> Iterator[Verdict]:
    """Make a verdict's call many times, fewer where it takes long, until it is misbehaviour.

    Args:
        agrees: the verdict that the kernel agrees.

    Yields:
        what is found of each.
    """
    case, subject, begun = agrees.case, agrees.subject, KERNEL.seconds
    arrays = case.shared_arrays()
    expected = subject.operation.oracle(case.geometry, arrays)
    limits = limits_of(subject.promise, case, arrays)
    for number in range(1, _CALLS + 1):
        verdict = judge_against(agrees, arrays, expected, limits)
        yield verdict
        late = number >= _FEWEST and KERNEL.seconds - begun > _SECONDS
        if late or verdict.misbehaviour is not None:
            return


def _always(failed: Verdict) -> Verdict:
    """Return a verdict that failed as that of exact mode."""
    return replace(failed, prop=property_of(failed.case))


def _changing(failed: Verdict, wrong: int, number: int) -> Verdict:
    """Return a verdict that failed in so many of the calls, which says so if not in all."""
    if wrong == number:
        return _always(failed)
    share = f"in {wrong} of {number} calls with {failed.subject.threads or 'several'} threads"
    if failed.misbehaviour is not None:
        return replace(failed, reason=f"{failed.reason}, {share}")
    evidence = failed.evidence and replace(failed.evidence, repeats=number)
    return failed.but(Outcome.DISAGREES, f"wrong {share}", evidence)

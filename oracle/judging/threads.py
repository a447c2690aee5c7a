"""Judging a kernel on the same call again and again, where several threads work in it.

Threads that share what each should have for itself meet by chance.  So the very same call is made
many times, and every result compared with the oracle's: on integers, as in exact mode.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.operations import Kernel, operation_named
from convcheck.kernels import floating
from convcheck.kernels.functions import subject_of
from convcheck.kernels.promises import suited
from convcheck.kernels.shown.clock import KERNEL

from .judge import judge_against, limits_of, not_judged, property_of
from .verdicts import DECIDED, Outcome, Verdict

THREADS = "threads"
"""the property"""

ALONE = Outcome.NOT_APPLICABLE, "only one thread worked"
"""what is said of a kernel that is judged no further"""

# How often the call is made, and how often it is at least when so many seconds are over.
CALLS, _FEWEST, _SECONDS = 20, 5, 0.3


def judge_threads(kernel: Kernel, case: Case) -> Verdict:
    """Judge whether a kernel is right whenever it is called, if several threads work in it.

    Args:
        kernel: as for `judge.judge`.
        case: one with the fill `integers`, or `small`.

    Returns:
        the verdict: "not applicable" where one thread alone worked in the first call.  What is
        wrong in each call is so in exact mode.
    """
    subject = subject_of(kernel, operation_named(case.operation))
    case = suited(subject.promise, case)
    nothing = not_judged(subject, case, THREADS)
    if nothing is not None:
        return nothing
    agrees = Verdict(case, subject, THREADS, Outcome.AGREES)
    with floating.kept(subject.module), np.errstate(all="ignore"):
        calls = repeated(agrees)
        found = [next(calls)]
        if found[0].outcome in DECIDED and subject.threaded:
            found += calls
        elif found[0].outcome is Outcome.AGREES:
            return agrees.but(*ALONE)
    failed = [verdict for verdict in found if verdict.failed]
    return _changing(failed[0], len(failed), len(found)) if failed else found[-1]


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
    for number in range(1, CALLS + 1):
        verdict = judge_against(agrees, arrays, expected, limits)
        yield verdict
        late = number >= _FEWEST and KERNEL.seconds - begun > _SECONDS
        if late or verdict.misbehaviour is not None:
            return


def _changing(failed: Verdict, wrong: int, number: int) -> Verdict:
    """Return a verdict that failed in so many of the calls, which says so if not in all."""
    if wrong == number:
        return replace(failed, prop=property_of(failed.case))
    share = f"in {wrong} of {number} calls with {failed.subject.threads or 'several'} threads"
    if failed.misbehaviour is not None:
        return replace(failed, reason=f"{failed.reason}, {share}")
    evidence = failed.evidence and replace(failed.evidence, repeats=number)
    return failed.but(Outcome.DISAGREES, f"wrong {share}", evidence)

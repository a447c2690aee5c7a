"""Judging one kernel on one case, in exact mode or against a bound.

Exact mode.  The factors are filled with random non-zero integers so small that, with n
terms to a result and p bits of significand, n times the product of the factors' largest
magnitudes is at most 2**p.  Every partial sum is then an integer that the format holds
exactly, in whatever order the terms are added, so that a right kernel of that precision
makes no rounding error at all and its result must equal the oracle's.  -0 equals +0.

What agreement there means: suppose the kernel computes a polynomial of degree at most d
in its inputs (the operation itself has degree 2, or 4 for a backward kernel) and S is the
set of integers drawn from.  If the kernel is wrong, the difference is a non-zero
polynomial, and by Schwartz (Fast probabilistic algorithms for verification of polynomial
identities, J. ACM 27, 1980) and Zippel (1979) a uniform draw is a zero of it with
probability at most d / |S|.  If it is at least multilinear in single inputs, that is
1 - (1 - 1/|S|)**d.  Where |S| <= d only the second says anything.  Neither says anything
of a kernel that looks at its data before it computes.

Kernels that promise less than sums in the inputs' precision (see `promises`) may round even
integers.  These are smaller then, and the rounded result must equal the oracle's, if the
bound is below one half for all of it: else the verdict is "undecided".  What agreement
means holds for polynomials with integer coefficients: others may hide in the rounding.  So they
may in the fill `rounded` (see `rounding`), which stands beside the ordinary one: no chance is
stated of it.

Bound mode.  Real-valued factors; each element must be within the bound that
`bounds.bound` derives.  The verdict is "undecided" where a result of zeros would pass
too, where n u >= 1, or where intermediate results could overflow.

Non-finite mode.  As exact mode, with NaN and infinities put into one factor: they must
reach the results that they enter, as IEEE 754 has it; where they meet zeros, NaN is as right as
the product left out; and they must reach no others (see `spread`).  For the factor that is the
operation's data this is one property ("nonfinite data"), for the others another ("nonfinite
others").
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Kernel, operation_named
from convcheck.kernels import floating
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError
from convcheck.kernels.promises import DIRECT, Promise, suited
from convcheck.kernels.shown.clock import BOUNDS, KERNEL, ORACLE
from convcheck.kernels.shown.evidence import Evidence, Wrong
from convcheck.kernels.subjects import Answer, Call, Subject

from .bounds import Bound, bound
from .rounding import right_results
from .spread import Spread, spread
from .verdicts import Outcome, Verdict

_NOTHING = "the result is empty or zero everywhere"


class OracleError(Exception):
    """The oracle contradicts itself, or another one: no kernel is to blame."""

    def __init__(self, message: str, wrong: tuple[str, ...] = ()) -> None:
        """Keep the names of the oracles that are `wrong`, where that is known."""
        super().__init__(message)
        self.wrong = wrong


def judge(kernel: Kernel, case: Case) -> Verdict:
    """Judge `kernel` on `case`.

    Args:
        kernel: a `Subject` of the case's operation, or a function that is called as the
            operation's signature says, in the notebook's layouts; it may return an array, or
            something that turns into one, of any real floating dtype.
        case: what to call it on; its fill chooses the mode.  In the place of `integers`
            the verdict is on `small`, where the kernel's promise asks for it.

    Returns:
        the verdict.  Whatever an ordinary exception in the kernel is, it becomes one.

    Raises:
        OracleError: the oracle is not fit to judge this case.
    """
    return judge_all(kernel, [case])[0]


def judge_all(kernel: Kernel, cases: Sequence[Case]) -> list[Verdict]:
    """Judge `kernel` on several cases of one operation, as `judge` does on each.

    Every step is taken for all cases before the next: a processor's caches then hold
    that step alone, and small cases take a third less time.
    """
    if not cases:
        return []
    subject = subject_of(kernel, operation_named(cases[0].operation))
    if floating.flushes():
        with floating.kept(subject.module):
            return judge_all(subject, cases)
    with np.errstate(all="ignore"):  # whatever the caller would have NumPy do
        return _judged(subject, cases)


def _judged(subject: Subject, cases: Sequence[Case]) -> list[Verdict]:
    promise = subject.promise
    if promise is not DIRECT:
        cases = [suited(promise, case) for case in cases]
    agree = [Verdict(case, subject, property_of(case), Outcome.AGREES) for case in cases]
    found = [not_judged(subject, each.case, each.prop) for each in agree]
    agree = [each for each, verdict in zip(agree, found, strict=True) if verdict is None]
    asked = [each.case for each in agree]
    arrays = [case.shared_arrays() for case in asked]
    with ORACLE:
        right = [_right(*each, promise) for each in zip(asked, arrays, strict=True)]
    with BOUNDS:
        limits = [limits_of(promise, *each) for each in zip(asked, arrays, strict=True)]
    shapes = [(each.values if isinstance(each, Spread) else each).shape for each in right]
    asks = zip(asked, arrays, shapes, strict=True)
    calls = [Call(case.geometry, given, shape) for case, given, shape in asks]
    with KERNEL:
        answers = subject.call_all(calls)
    told = map(decided, agree, arrays, answers, right, limits)
    verdicts = [next(told) if verdict is None else verdict for verdict in found]
    last = verdicts[-1].misbehaviour
    if len(cases) > 1 and last is not None and last.kind is Misbehaviour.CHANGED:
        # Some settings are looked at after the last call alone: see which one it was.
        alone = [judge(subject, case) for case in cases]
        return alone if any(verdict.failed for verdict in alone) else verdicts
    return verdicts


def judge_against(
    verdict: Verdict,
    arrays: Arrays,
    expected: Array,
    limits: Bound | None,
) -> Verdict:
    """Call the verdict's kernel on `arrays`; return `verdict`, changed to what came of it.

    Args:
        verdict: that the kernel agrees on a case, whose geometry the arrays have.
        arrays: what to hand to the kernel.
        expected: the result that it should give, in float64.
        limits: how much it may be off; None demands equality.
    """
    with KERNEL:
        (answer,) = verdict.subject.call_all([Call(verdict.case.geometry, arrays, expected.shape)])
    return decided(verdict, arrays, answer, expected, limits)


def not_judged(subject: Subject, case: Case, prop: str) -> Verdict | None:
    """Return the verdict where the kernel is not to be called at all, and None where it is."""
    reason = not_offered(subject, case, prop)
    if reason:
        return Verdict(case, subject, prop, Outcome.NOT_OFFERED, reason)
    if case.mode != "bound" and case.largest is None:
        reason = f"{case.dtype} has no room for exact sums of so many terms"
        return Verdict(case, subject, prop, Outcome.NOT_APPLICABLE, reason)
    return None


def not_offered(subject: Subject, case: Case, prop: str) -> str | None:
    """Return why a kernel does not offer to be judged on `case`, if so; no oracle is asked."""
    reason = subject.refuses(case, prop)
    if reason is None and len(case.nonfinite) > 1:  # of NaN in every factor both must be offered
        reason = subject.refuses(case, "nonfinite data")
    return subject.promise.refuses(case) if reason is None else reason


def limits_of(promise: Promise, case: Case, arrays: Arrays) -> Bound | None:
    """Return how much a kernel may be off; None demands equality."""
    mode = case.mode
    if mode == "nonfinite":
        return None
    if mode == "exact" and (promise is DIRECT or not promise.rounds(case)):
        return None
    return bound(operation_named(case.operation), case.geometry, arrays, case.dtype, promise)


def _right(case: Case, arrays: Arrays, promise: Promise) -> Array | Spread:
    """Return what the result should be, of a kernel that promises this."""
    if case.mode == "nonfinite":
        return spread(case, arrays, promise)
    return operation_named(case.operation).oracle(case.geometry, arrays)


def decided(
    verdict: Verdict, arrays: Arrays, answer: Answer, right: Array | Spread, limits: Bound | None
) -> Verdict:
    """Return `verdict`, that a kernel agrees, changed to what its answer says beside what is right.

    `limits` is how much it may be off; None demands equality.
    """
    if isinstance(answer, MisbehaviourError):
        return misbehaved(verdict, answer, Evidence(arrays, verdict.case))
    z = answer.astype(np.float64, copy=False)
    if isinstance(right, Spread):
        return _spreading(verdict, arrays, z, right)
    if limits is None:
        return _equal(verdict, arrays, z, *right_results(verdict.case, arrays, right))
    judged = _rounded if verdict.case.mode == "exact" else _within
    return judged(verdict, arrays, z, right, limits)


_REFUSES = (Misbehaviour.RAISED, Misbehaviour.ENDED)


def misbehaved(verdict: Verdict, problem: MisbehaviourError, evidence: Evidence) -> Verdict:
    """Return `verdict`, changed to what it means that there is no result.

    A kernel that raises on an empty batch, or ends as a program may, does not offer it: nothing
    wrong is computed.
    """
    if problem.kind is Misbehaviour.DECLINED:
        return verdict.but(Outcome.NOT_OFFERED, f"it {problem}")
    verdict = replace(verdict, misbehaviour=problem)
    if problem.kind is Misbehaviour.NOT_CALLED:
        return verdict.but(Outcome.UNDECIDED, str(problem))
    if problem.kind in _REFUSES and evidence.case.geometry.batch == 0:
        reason = f"on an empty batch it {problem}"
        return verdict.but(Outcome.NOT_OFFERED, reason)
    evidence = replace(evidence, details=problem.details, misbehaviour=problem.kind)
    return verdict.but(Outcome.MISBEHAVED, str(problem), evidence)


def property_of(case: Case) -> str:
    """Return the property that judging `case` tells of."""
    mode = case.mode
    if mode != "nonfinite":
        return mode
    required = {*case.nonfinite} <= {operation_named(case.operation).data}
    return "nonfinite data" if required else "nonfinite others"


def _equal(verdict: Verdict, arrays: Arrays, z: Array, expected: Array, *others: Array) -> Verdict:
    """Return `verdict`, changed to what equality of `z` and `expected`, or others, says."""
    if z.tobytes() != expected.tobytes():  # seldom, and the quickest way to say no
        wrong = ~((z == expected) | (np.isnan(z) & np.isnan(expected)))
        for other in others:
            wrong &= z != other
        if wrong.any():
            return _disagreement(verdict, arrays, z, expected, wrong)
    if not any(expected.flat):  # empty, or zero everywhere: NaN and infinity count as true
        return verdict.but(Outcome.VACUOUS, _NOTHING)
    return verdict


def _spreading(verdict: Verdict, arrays: Arrays, z: Array, found: Spread) -> Verdict:
    """Return `verdict`, changed to what becomes of NaN and infinity in `z`."""
    wrong = found.wrong(z)
    if wrong.any():
        return _disagreement(verdict, arrays, z, found.values, wrong)
    names = verdict.case.nonfinite
    spreads = names[0] if len(names) == 1 and found.comes(z) else ""
    verdict = replace(verdict, spreads=spreads, skips=found.is_left_out(z))
    return _equal(verdict, arrays, found.values, found.values)


def rounding_unsettled(limits: Bound, promise: Promise) -> str:
    """Return why a rounded result says nothing, if so."""
    if limits.overflow or not (limits.error < 0.5).all():
        return f"rounding may be one half or more with {promise}"
    return ""


def _rounded(verdict: Verdict, arrays: Arrays, z: Array, expected: Array, limits: Bound) -> Verdict:
    """Return `verdict`, changed to what equality of the rounded `z` and `expected` says."""
    unsettled = rounding_unsettled(limits, verdict.subject.promise)
    if unsettled:
        return verdict.but(Outcome.UNDECIDED, unsettled)
    wrong = np.rint(z) != expected
    if wrong.any():
        return _disagreement(verdict, arrays, z, expected, wrong, limits)
    return _equal(verdict, arrays, expected, expected)


def _within(verdict: Verdict, arrays: Arrays, z: Array, expected: Array, limits: Bound) -> Verdict:
    """Return `verdict`, changed to what the bound says."""
    with np.errstate(invalid="ignore"):
        error = np.abs(z - expected)
        beyond = ~(error <= limits.error)  # true for NaN
    if limits.overflow:
        return verdict.but(Outcome.UNDECIDED, "intermediate results could overflow")
    if beyond.any():
        return _disagreement(verdict, arrays, z, expected, beyond, limits)
    if not limits.magnitude.any():
        return verdict.but(Outcome.VACUOUS, _NOTHING)
    if (np.abs(expected) <= limits.error).all():
        return verdict.but(Outcome.UNDECIDED, "a result of zeros would pass as well")
    allowed = limits.error > 0
    worst = float(np.max(error[allowed] / limits.error[allowed]))
    summed = limits.magnitude > 0
    return replace(
        verdict,
        error=worst,
        relative=float(np.max(error[summed] / limits.magnitude[summed])),
        terms=limits.terms,
        suspicious=bool((error > limits.statistical).any()),
    )


def _disagreement(
    verdict: Verdict,
    arrays: Arrays,
    z: Array,
    expected: Array,
    wrong: Array,
    limits: Bound | None = None,
) -> Verdict:
    """Return the verdict that the elements marked in `wrong` are wrong."""
    case, subject = verdict.case, verdict.subject
    if limits is None and all(np.isfinite(array).all() for array in arrays.values()):
        # Equality was demanded; the bound still tells rounding from a mistake.
        with np.errstate(all="ignore"):
            limits = bound(subject.operation, case.geometry, arrays, case.dtype, subject.promise)
    whole = Wrong(subject.operation, z, expected, wrong)
    evidence = Evidence.of_result(arrays, case, whole, limits.error if limits else None)
    reason = f"{evidence.wrong} of {evidence.total} elements are wrong"
    return verdict.but(Outcome.DISAGREES, reason, evidence)

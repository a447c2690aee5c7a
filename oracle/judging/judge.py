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
means holds for polynomials with integer coefficients: others may hide in the rounding.

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
from convcheck.kernels.calls import Arrange, Call, MisbehaviourError, NotCalledError, call, call_all
from convcheck.kernels.promises import DIRECT, Promise, promise_of, suited

from .bounds import Bound, bound
from .clock import BOUNDS, KERNEL, ORACLE
from .spread import Spread, spread
from .verdicts import Evidence, Outcome, Verdict, Wrong

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
        kernel: called as the operation's signature says, in the notebook's layouts; it
            may return an array, or something that turns into one, of any real floating
            dtype.
        case: what to call it on; its fill chooses the mode.  In the place of `integers`
            the verdict is on `small`, where the kernel's promise asks for it.

    Returns:
        the verdict.  Whatever an ordinary exception in the kernel is, it becomes one.

    Raises:
        OracleError: the oracle is not fit to judge this case.
    """
    return judge_all(kernel, [case])[0]


def judge_all(kernel: Kernel, cases: Sequence[Case]) -> list[Verdict]:
    """Judge `kernel` on several cases, as `judge` does on each.

    Every step is taken for all cases before the next: a processor's caches then hold
    that step alone, and small cases take a third less time.
    """
    if floating.flushes():
        with floating.kept(kernel):
            return judge_all(kernel, cases)
    promise = promise_of(kernel)
    if promise is not DIRECT:
        cases = [suited(promise, case) for case in cases]
    questions = [_Question(kernel, case, property_of(case)) for case in cases]
    verdicts = [not_judged(kernel, q.case, q.prop, promise) for q in questions]
    asked = [q for q, verdict in zip(questions, verdicts, strict=True) if verdict is None]
    for question in asked:
        question.arrays = question.case.shared_arrays()
    with ORACLE:
        for question in asked:
            question.ask_oracle(promise)
    with BOUNDS:
        for question in asked:
            question.limits = limits_of(promise, question.case, question.arrays)
    _ask_kernel(kernel, asked)
    answered = (question.verdict() for question in asked)
    found = [next(answered) if verdict is None else verdict for verdict in verdicts]
    if len(cases) > 1 and found[-1].reason.startswith("changed "):
        # Some settings are looked at after the last call alone: see which one it was.
        alone = [judge(kernel, case) for case in cases]
        return alone if any(verdict.failed for verdict in alone) else found
    return found


def judge_against(
    verdict: Verdict,
    arrays: Arrays,
    expected: Array,
    limits: Bound | None,
    arrange: Arrange = np.copy,
) -> Verdict:
    """Call the verdict's kernel on `arrays`; return `verdict`, changed to what came of it.

    Args:
        verdict: that the kernel agrees on a case, whose geometry the arrays have.
        arrays: what to hand to the kernel.
        expected: the result that it should give, in float64.
        limits: how much it may be off; None demands equality.
        arrange: as for `call`.
    """
    question = _Question(verdict.kernel, verdict.case, verdict.prop)
    question.arrays, question.expected, question.limits = arrays, expected, limits
    question.ask_kernel(arrange)
    return question.verdict()


def not_judged(
    kernel: Kernel, case: Case, prop: str, promise: Promise | None = None
) -> Verdict | None:
    """Return the verdict where the kernel is not to be called at all, and None where it is.

    `promise` is the kernel's, if the caller has asked for it.
    """
    reason = not_offered(kernel, case, prop, promise)
    if reason:
        return Verdict(case, kernel, prop, Outcome.NOT_OFFERED, reason)
    if case.mode != "bound" and case.largest is None:
        reason = f"{case.dtype} has no room for exact sums of so many terms"
        return Verdict(case, kernel, prop, Outcome.NOT_APPLICABLE, reason)
    return None


def not_offered(
    kernel: Kernel, case: Case, prop: str, promise: Promise | None = None
) -> str | None:
    """Return why a kernel does not offer to be judged on `case`, if so; no oracle is asked."""
    refuses = getattr(kernel, "refuses", None)
    reason: str | None = refuses(case, prop) if refuses else None
    promise = promise or promise_of(kernel)
    return promise.refuses(case) if reason is None and promise is not DIRECT else reason


def limits_of(promise: Promise, case: Case, arrays: Arrays) -> Bound | None:
    """Return how much a kernel may be off; None demands equality."""
    mode = case.mode
    if mode == "nonfinite":
        return None
    if mode == "exact" and (promise is DIRECT or not promise.rounds(case)):
        return None
    return bound(operation_named(case.operation), case.geometry, arrays, case.dtype, promise)


def _ask_kernel(kernel: Kernel, asked: "Sequence[_Question]") -> None:
    """Call the kernel once for each question, all of one operation at a time."""
    for operation in {question.operation: None for question in asked}:
        questions = [question for question in asked if question.operation is operation]
        calls = [Call(q.case.geometry, q.arrays, q.expected.shape) for q in questions]
        with KERNEL:
            answers = call_all(kernel, operation, calls)
        for question, answer in zip(questions, answers, strict=True):
            question.result = answer


class _Question:
    """What a case asks of a kernel, and how oracle and kernel answered."""

    __slots__ = (
        *("arrays", "case", "expected", "kernel", "limits", "operation", "prop", "result"),
        "spread",
    )
    arrays: Arrays
    expected: Array
    limits: Bound | None
    """how much the result may be off; None demands equality"""
    result: Array | MisbehaviourError
    spread: Spread | None
    """where NaN and infinity go, in a case that has some"""

    def __init__(self, kernel: Kernel, case: Case, prop: str) -> None:
        self.kernel = kernel
        self.case = case
        self.prop = prop
        self.operation = operation_named(case.operation)
        self.spread = None

    def ask_oracle(self, promise: Promise) -> None:
        """Find out what the result should be, of a kernel that promises this."""
        if self.case.mode == "nonfinite":
            self.spread = spread(self.case, self.arrays, promise)
            self.expected = self.spread.values
        else:
            self.expected = self.operation.oracle(self.case.geometry, self.arrays)

    def ask_kernel(self, arrange: Arrange = np.copy) -> None:
        """Call the kernel, and keep a copy of its result: it may use its memory again."""
        case, shape = self.case, self.expected.shape
        try:
            with KERNEL:
                z = call(self.kernel, self.operation, case.geometry, self.arrays, shape, arrange)
            self.result = np.array(z)
        except MisbehaviourError as problem:
            self.result = problem

    def verdict(self) -> Verdict:
        """Return what the answers say."""
        verdict = Verdict(self.case, self.kernel, self.prop, Outcome.AGREES)
        if isinstance(self.result, MisbehaviourError):
            if isinstance(self.result, NotCalledError):
                return replace(verdict, outcome=Outcome.UNDECIDED, reason=str(self.result))
            return misbehaved(verdict, self.result, Evidence(self.arrays, self.case))
        z = self.result.astype(np.float64, copy=False)
        if self.spread is not None:
            return _spreading(verdict, self.arrays, z, self.spread)
        if self.limits is None:
            return _equal(verdict, self.arrays, z, self.expected)
        judged = _rounded if self.case.mode == "exact" else _within
        return judged(verdict, self.arrays, z, self.expected, self.limits)


def misbehaved(verdict: Verdict, problem: MisbehaviourError, evidence: Evidence) -> Verdict:
    """Return `verdict`, changed to what it means that there is no result.

    A kernel that raises on an empty batch does not offer it: nothing wrong is computed.
    """
    if evidence.case.geometry.batch == 0 and str(problem).startswith("raised "):
        reason = f"on an empty batch it {problem}"
        return replace(verdict, outcome=Outcome.NOT_OFFERED, reason=reason)
    evidence = replace(evidence, details=problem.details)
    return replace(verdict, outcome=Outcome.MISBEHAVED, reason=str(problem), evidence=evidence)


def property_of(case: Case) -> str:
    """Return the property that judging `case` tells of."""
    mode = case.mode
    if mode != "nonfinite":
        return mode
    required = case.nonfinite == operation_named(case.operation).data
    return "nonfinite data" if required else "nonfinite others"


def _equal(verdict: Verdict, arrays: Arrays, z: Array, expected: Array) -> Verdict:
    """Return `verdict`, changed to what equality of `z` and `expected` says."""
    if z.tobytes() != expected.tobytes():  # seldom, and the quickest way to say no
        wrong = ~((z == expected) | (np.isnan(z) & np.isnan(expected)))
        if wrong.any():
            return _disagreement(verdict, arrays, z, expected, wrong)
    if not any(expected.flat):  # empty, or zero everywhere: NaN and infinity count as true
        return replace(verdict, outcome=Outcome.VACUOUS, reason=_NOTHING)
    return verdict


def _spreading(verdict: Verdict, arrays: Arrays, z: Array, found: Spread) -> Verdict:
    """Return `verdict`, changed to what becomes of NaN and infinity in `z`."""
    wrong = found.wrong(z)
    if wrong.any():
        return _disagreement(verdict, arrays, z, found.values, wrong)
    spreads = verdict.case.nonfinite or "" if found.comes(z) else ""
    verdict = replace(verdict, spreads=spreads, skips=found.is_left_out(z))
    return _equal(verdict, arrays, found.values, found.values)


def _rounded(verdict: Verdict, arrays: Arrays, z: Array, expected: Array, limits: Bound) -> Verdict:
    """Return `verdict`, changed to what equality of the rounded `z` and `expected` says."""
    if limits.overflow or not (limits.error < 0.5).all():
        reason = f"rounding may be one half or more with {promise_of(verdict.kernel)}"
        return replace(verdict, outcome=Outcome.UNDECIDED, reason=reason)
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
        return replace(
            verdict, outcome=Outcome.UNDECIDED, reason="intermediate results could overflow"
        )
    if beyond.any():
        return _disagreement(verdict, arrays, z, expected, beyond, limits)
    if not limits.magnitude.any():
        return replace(verdict, outcome=Outcome.VACUOUS, reason=_NOTHING)
    if (np.abs(expected) <= limits.error).all():
        return replace(
            verdict, outcome=Outcome.UNDECIDED, reason="a result of zeros would pass as well"
        )
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
    case = verdict.case
    excess = None
    with np.errstate(all="ignore"):
        error = np.abs(z - expected)
        if limits is None and all(np.isfinite(array).all() for array in arrays.values()):
            # Equality was demanded; the bound still tells rounding from a mistake.
            promise = promise_of(verdict.kernel)
            operation = operation_named(case.operation)
            limits = bound(operation, case.geometry, arrays, case.dtype, promise)
        severity = error if limits is None else error / limits.error
        severity = np.where(np.isnan(severity), np.inf, severity)
    index = np.unravel_index(int(np.argmax(np.where(wrong, severity, -1))), z.shape)
    if limits is not None:
        excess = float(severity[index])
    evidence = Evidence(
        arrays,
        case,
        expression=f"z[{', '.join(str(int(i)) for i in index)}]",
        index=tuple(int(i) for i in index),
        got=float(z[index]),
        expected=float(expected[index]),
        excess=excess,
        wrong=int(wrong.sum()),
        total=z.size,
        whole=Wrong(operation_named(case.operation), z, expected, wrong),
    )
    reason = f"{evidence.wrong} of {evidence.total} elements are wrong"
    return replace(verdict, outcome=Outcome.DISAGREES, reason=reason, evidence=evidence)

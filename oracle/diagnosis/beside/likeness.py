"""A kernel beside the one that it replaces: the same to the bit, as accurate, or not.

Bits are those of the values.  -0 differs from +0.  One NaN is like another, since IEEE 754
leaves open which of its operands' payloads and signs a NaN inherits.  A result of another
dtype is compared by value, which widening keeps, and counts apart: nothing is bit-identical
that comes in another dtype.

Accuracy is compared on positive numbers, where rounding errors pile up, by the largest error
of each case in unit roundoffs of the sum of its products' magnitudes.  One roundoff, which a
single rounding of the result may be, is the least that counts.  Errors in float64 are taken
from a result in long double, as PyTorch's own in float64 are as large.  What is compared is
the mean over the same cases, which barely moves with the seed, where a maximum hangs on one
case; apart for sums of fewer than 32 products and of more, n:

    fewer   other orders of summation were seen to raise the mean by half at most; a kernel is
            less accurate from twice on
    more    beside a pairwise sum, a plain one of the same precision was seen to have up to
            0.37 sqrt(n) times the error; beside a sum in a wider format, from 0.52 sqrt(n) on;
            less accurate from 0.45 sqrt(n) times on
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Kernel, operation_named
from convcheck.judging.judge import judge_all
from convcheck.judging.oracles import sliding_windows
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.subjects import Answer, Call, Subject, Wrapped

MANY = 32
_NOT_CALLED = (Outcome.NOT_OFFERED, Outcome.NOT_APPLICABLE)


class Likeness(StrEnum):
    """What can be said of a kernel beside the one that it replaces."""

    IDENTICAL = "bit-identical"
    SAME = "same within the bound"
    LESS = "less accurate"
    WRONG = "wrong"
    NOTHING = "nothing decided"


@dataclass(frozen=True)
class Difference:
    """The first element whose bits differ."""

    index: tuple[int, ...]
    got: float
    replaced: float
    count: int
    """how many elements differ"""
    total: int


@dataclass(frozen=True)
class Comparison:
    """Two kernels on one case."""

    case: Case
    verdict: Verdict
    """on the candidate"""
    replaced: Verdict
    """on what it replaces"""
    compared: bool
    """whether both gave a result"""
    difference: Difference | None = None
    dtypes: tuple[str, str] = ("", "")
    """of the candidate's result and of the other"""
    roundoffs: tuple[float, float] | None = None
    """both errors in unit roundoffs, at least 1, where they are comparable"""

    @property
    def retyped(self) -> bool:
        """Whether the results differ in dtype."""
        return self.dtypes[0] != self.dtypes[1]


class Losses:
    """How many times larger one kernel's errors are than another's, over the same cases."""

    def __init__(self) -> None:
        # Of errors of the one, of the other, and of what the first may come to.
        self._sums = {"fewer": [0.0, 0.0, 0.0], "more": [0.0, 0.0, 0.0]}

    def add(self, comparison: Comparison) -> None:
        """Add a case; those without comparable errors leave nothing to add."""
        if comparison.roundoffs is None:
            return
        one, other = comparison.roundoffs
        n = comparison.verdict.terms
        key, limit = ("more", 0.45 * n**0.5) if n >= MANY else ("fewer", 2.0)
        for at, value in enumerate((one, other, limit * other)):
            self._sums[key][at] += value

    def ratios(self) -> dict[str, tuple[float, float]]:
        """Return how many times larger, and from when on that is less accurate."""
        return {
            key: (one / other, limit / other)
            for key, (one, other, limit) in self._sums.items()
            if other
        }

    @property
    def clear(self) -> bool:
        """Whether the errors are so much larger that the kernel is less accurate."""
        return any(ratio >= limit for ratio, limit in self.ratios().values())


def compare(kernel: Kernel, replaced: Kernel, cases: Sequence[Case]) -> list[Comparison]:
    """Judge both kernels on each case, and compare their results bit by bit.

    Raises:
        ValueError: the cases are of several operations.
    """
    names = {case.operation for case in cases}
    if len(names) > 1:
        raise ValueError(f"cases={sorted(names)!r}: expected cases of one operation")
    both = zip(cases, _heard(kernel, cases), _heard(replaced, cases), strict=True)
    return [_comparison(case, *one, *other) for case, one, other in both]


def likeness(
    *, cases: int, identical: int, retyped: int, failed: int, failed_replaced: int, less: bool
) -> Likeness:
    """Return the verdict on a kernel beside the one that it replaces.

    Args:
        cases: how many were compared.
        identical: how many of them gave the same bits.
        retyped: how many of them gave another dtype.
        failed: on how many cases the kernel was found wrong.
        failed_replaced: on how many what it replaces was.
        less: whether its errors are clearly larger, in some dtype.
    """
    if failed:
        return Likeness.WRONG
    if not cases or failed_replaced:
        return Likeness.NOTHING
    if identical == cases and not retyped:
        return Likeness.IDENTICAL
    return Likeness.LESS if less else Likeness.SAME


def differing(one: Array, other: Array) -> Array:
    """Return where two arrays of one shape differ in the bits of their values."""
    same = (one == other) & (np.signbit(one) == np.signbit(other))
    marks: Array = ~(same | (np.isnan(one) & np.isnan(other)))
    return marks


class _Overheard(Wrapped):
    """A kernel whose results are kept as they come."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.results: list[Answer] = []

    def call_all(self, calls: Sequence[Call]) -> list[Answer]:
        """Call the kernel, and keep what comes of it."""
        answers = self.subject.call_all(calls)
        self.results += answers
        return answers


def _heard(kernel: Kernel, cases: Sequence[Case]) -> Iterator[tuple[Verdict, Answer | None]]:
    """Yield the verdict on each case, and what the kernel gave where it was called."""
    if not cases:
        return
    subject = subject_of(kernel, operation_named(cases[0].operation))
    overheard = _Overheard(subject)
    verdicts = judge_all(overheard, cases)
    results = iter(overheard.results)
    for verdict in verdicts:
        called = verdict.outcome not in _NOT_CALLED
        yield replace(verdict, subject=subject), next(results) if called else None


def _comparison(
    case: Case, verdict: Verdict, z: Any, other_verdict: Verdict, other: Any
) -> Comparison:
    if not isinstance(z, np.ndarray) or not isinstance(other, np.ndarray):
        return Comparison(case, verdict, other_verdict, compared=False)
    marks = differing(z, other)
    difference = None
    if marks.any():
        index = tuple(int(i) for i in np.argwhere(marks)[0])
        count = int(marks.sum())
        difference = Difference(index, float(z[index]), float(other[index]), count, z.size)
    return Comparison(
        case,
        verdict,
        other_verdict,
        compared=True,
        difference=difference,
        dtypes=(z.dtype.name, other.dtype.name),
        roundoffs=_roundoffs(verdict, other_verdict, z, other),
    )


def _roundoffs(
    verdict: Verdict, other_verdict: Verdict, z: Array, other: Array
) -> tuple[float, float] | None:
    case, u = verdict.case, verdict.case.format.u
    one, two = verdict.relative, other_verdict.relative
    if case.fill != "positive" or one is None or two is None:
        return None
    if case.dtype == "float64":
        if np.finfo(np.longdouble).eps >= u:  # no wider here
            return None
        operation = operation_named(case.operation)
        # Of positive numbers the result is the sum of the products' magnitudes itself.
        expected = sliding_windows(operation, case.geometry, case.arrays(), np.longdouble)
        one, two = _relative(z, expected), _relative(other, expected)
    return max(1.0, one / u), max(1.0, two / u)


def _relative(z: Array, expected: Array) -> float:
    summed = expected > 0
    return float(np.max(np.abs(z - expected)[summed] / expected[summed]))

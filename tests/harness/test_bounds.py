"""The bound, which is proved, beside exact arithmetic: it must hold, and it must bite."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from arithmetic import (
    EXACT,
    GEOMETRIES,
    ONE_LAYER,
    TWO_LAYERS,
    Arithmetic,
    arrays_of,
    compute,
    same,
    terms,
)

from convcheck import reference
from convcheck.cases.case import DTYPES, Case
from convcheck.form.operations import OPERATIONS, Arrays
from convcheck.judging.bounds import Bound, bound
from convcheck.reference import gradients, repaired

HALF_U, HALF_ETA = Fraction(1, 2**11), Fraction(1, 2**25)


def _half(value: Any) -> Any:
    return np.float16(float(value))


def _pushed(towards: int) -> Arithmetic:
    """Return the worst arithmetic that the model allows: every error is in one direction."""

    def rounded(exact: Fraction) -> Fraction:
        return exact * (1 + towards * HALF_U)

    def underflowed(exact: Fraction) -> Fraction:
        normal = abs(exact) >= Fraction(1, 2**14)
        return exact if normal else exact + towards * HALF_ETA

    def narrowed(exact: Fraction) -> Fraction:
        kept = underflowed(exact)
        return kept if kept != exact else rounded(exact)

    return Arithmetic(
        lambda a, b: narrowed(a * b), lambda a, b: rounded(a + b), narrowed, underflowed
    )


ROUNDING = {
    "float16": Arithmetic(
        lambda a, b: _half(a) * _half(b), lambda a, b: _half(a) + _half(b), same, same
    ),
    "float16 sums": Arithmetic(
        lambda a, b: float(a) * float(b), lambda a, b: _half(float(a) + float(b)), _half, _half
    ),
    "float16 at the end": Arithmetic(
        lambda a, b: float(a) * float(b), lambda a, b: float(a) + float(b), _half, _half
    ),
    "pushed up": _pushed(1),
    "pushed down": _pushed(-1),
}


def bound_of(name: str, arrays: Arrays, dtype: str = "float16") -> Bound:
    """Return the bound on an operation's own geometry."""
    return bound(OPERATIONS[name], GEOMETRIES[name], arrays, dtype)


def shares(name: str, arrays: Arrays, arithmetic: Arithmetic, seed: int = 0) -> list[Fraction]:
    """Return each result's error as a fraction of the bound."""
    limits, exact = bound_of(name, arrays), compute(name, arrays, EXACT)
    z = compute(name, arrays, arithmetic, seed)
    return [abs(z[i] - exact[i]) / Fraction(float(limits.error[i])) for i in exact]


def kernel(name: str) -> Callable[..., Any]:
    """Return the right kernel: the repaired one where the literal one is wrong."""
    home = {"convolution": reference, "convolution_transpose": reference}.get(name, gradients)
    found: Callable[..., Any] = getattr(repaired if "back" in name else home, name)
    return found


@pytest.mark.parametrize("fill", ["uniform", "positive", "tiny"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_holds(name: str, fill: str) -> None:
    """No arithmetic that the model allows exceeds the bound, whatever the order of the sums."""
    for seed in range(5):
        arrays = arrays_of(name, fill, seed)
        limits, exact = bound_of(name, arrays), compute(name, arrays, EXACT)
        expected = OPERATIONS[name].oracle(GEOMETRIES[name], arrays)
        for arithmetic in ROUNDING.values():
            for index, value in compute(name, arrays, arithmetic, seed).items():
                assert abs(value - exact[index]) <= Fraction(float(limits.error[index]))
                assert abs(float(value) - expected[index]) <= limits.error[index]


@pytest.mark.parametrize("fill", ["positive", "tiny"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_is_not_three_times_too_wide(name: str, fill: str) -> None:
    """Three times the worst error that the model allows is beyond the bound, underflow or not."""
    arrays = {factor: np.abs(array) for factor, array in arrays_of(name, fill, 1).items()}
    assert Fraction(1, 3) < max(shares(name, arrays, ROUNDING["pushed up"])) <= 1


# Powers of two for fore_delta, fore_w, d_act and x, by what of a backward kernel underflows.
UNDERFLOWS = {"dL/da": (-8, -8, 5, 5), "delta": (-3, -3, -8, 8), "products": (-2, -2, -4, -8)}


@pytest.mark.parametrize("powers", UNDERFLOWS.values(), ids=UNDERFLOWS)
@pytest.mark.parametrize("name", TWO_LAYERS)
def test_underflow_is_carried(name: str, powers: tuple[int, ...]) -> None:
    """Underflow between the sums is carried on: the bound holds there, not three times too wide."""
    factors = zip(arrays_of(name, "positive", 1).items(), powers, strict=True)
    arrays = {factor: np.ldexp(array, power) for (factor, array), power in factors}
    worst = max(max(shares(name, arrays, arithmetic)) for arithmetic in ROUNDING.values())
    assert Fraction(1, 3) < worst <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in TWO_LAYERS])
def test_dropped_product(name: str, dtype: str) -> None:
    """A result without its largest product is far beyond the bound."""
    arrays = arrays_of(name, "uniform", 2, dtype)
    limits = bound_of(name, arrays, dtype)
    first, second = arrays.values()
    for index, pairs in terms(name, ONE_LAYER).items():
        largest = max(abs(float(first[i]) * float(second[j])) for i, j in pairs)
        assert largest > 10 * limits.error[index]


@pytest.mark.parametrize("name", OPERATIONS)
def test_secret_float32(name: str) -> None:
    """A float64 kernel that secretly computes in float32 is beyond the bound, every time."""
    operation = OPERATIONS[name]
    for seed in range(10):
        case = Case(name, GEOMETRIES[name], "float64", "uniform", seed)
        limits = bound_of(name, case.arrays(), "float64")
        expected = operation.oracle(case.geometry, case.arrays())
        for dtype, within in (("float64", True), ("float32", False)):
            narrowed = {n: array.astype(dtype) for n, array in case.arrays().items()}
            positional, keywords = operation.arguments(case.geometry, narrowed)
            z = kernel(name)(*positional, **keywords)
            assert bool((np.abs(z - expected) <= limits.error).all()) is within

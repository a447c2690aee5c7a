"""The bound, which is proved, beside exact arithmetic: it must hold, and it must bite.

So it does for sums in another precision, and for arithmetic without subnormal numbers, where
that is promised.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from arithmetic import (
    EXACT,
    GEOMETRIES,
    TWO_LAYERS,
    WHOLE,
    Arithmetic,
    arrays_of,
    compute,
    same,
    terms,
)

from convcheck.cases.case import Case
from convcheck.conformance.references import reference_for
from convcheck.form.formats import DTYPES, FORMATS
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS, Arrays
from convcheck.judging.bounds import Bound, bound
from convcheck.kernels.promises import Promise

# In what a kernel sums, and what it is given and returns.
KINDS = {
    "own": ("float16", "float16"),
    "wider": ("float32", "float16"),
    "narrower": ("float16", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "bfloat16, wider": ("float32", "bfloat16"),
    "bfloat16, other range": ("float16", "bfloat16"),
    "bfloat16, narrower": ("bfloat16", "float32"),
}


def _pushed(towards: int, sums: str, dtype: str) -> Arithmetic:
    """Return the worst arithmetic that the model allows: every error is in one direction."""

    def narrowing(dtype: str, *, rounds: bool = True) -> Callable[[Fraction], Fraction]:
        form = FORMATS[dtype]
        u, eta, least = map(Fraction, (form.u, form.eta, form.smallest_normal))

        def narrow(exact: Fraction) -> Fraction:
            if abs(exact) < least:
                return exact + towards * eta / 2
            return exact * (1 + towards * u) if rounds else exact

        return narrow

    to_sums, to_own = narrowing(sums), narrowing(dtype)
    v = Fraction(FORMATS[sums].u)
    widens, narrows = FORMATS[sums].u < FORMATS[dtype].u, Promise(sums=sums).narrows(dtype)
    return Arithmetic(
        lambda a, b: to_sums(a * b),
        lambda a, b: (a + b) * (1 + towards * v),
        to_own if widens else to_sums,
        to_own if widens else same if narrows else narrowing(dtype, rounds=False),
        to_sums if narrows else same,
    )


def _typed(sums: str, dtype: str) -> Arithmetic:
    """Return NumPy's arithmetic, products and sums in one dtype and results in another."""
    inner, outer = (FORMATS[each].dtype.type for each in (sums, dtype))

    def to_sums(value: Any) -> Any:
        return inner(float(value))

    def to_own(value: Any) -> Any:
        return outer(float(value))

    return Arithmetic(
        lambda a, b: to_sums(a) * to_sums(b),
        lambda a, b: to_sums(a) + to_sums(b),
        *(to_own, to_own, to_sums),
    )


def _half(value: Any) -> Any:
    return np.float16(float(value))


ROUNDING = {
    kind: [_typed(*dtypes), _pushed(1, *dtypes), _pushed(-1, *dtypes)]
    for kind, dtypes in KINDS.items()
}
# Products in float64; float16 in sums, or at the end.
for _add in (lambda a, b: _half(float(a) + float(b)), lambda a, b: float(a) + float(b)):
    ROUNDING["own"].append(Arithmetic(lambda a, b: float(a) * float(b), _add, _half, _half))
for _kind in ("wider", "bfloat16, wider"):
    ROUNDING[_kind] += [replace(each, bias_last=True) for each in ROUNDING[_kind]]


def bound_of(name: str, arrays: Arrays, dtype: str = "float16", **promise: Any) -> Bound:
    """Return the bound on an operation's own geometry."""
    return bound(OPERATIONS[name], GEOMETRIES[name], arrays, dtype, Promise(**promise))


def shares(
    name: str, arrays: Arrays, arithmetic: Arithmetic, seed: int = 0, kind: str = "own"
) -> list[Fraction]:
    """Return each result's error as a fraction of the bound."""
    sums, dtype = KINDS[kind]
    limits, exact = bound_of(name, arrays, dtype, sums=sums), compute(name, arrays, EXACT)
    z = compute(name, arrays, arithmetic, seed)
    return [abs(z[i] - exact[i]) / Fraction(float(limits.error[i])) for i in exact]


@pytest.mark.parametrize("fill", ["uniform", "positive", "tiny"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "geometry"), [*GEOMETRIES.items(), *WHOLE.items()])
def test_holds(name: str, geometry: Geometry, kind: str, fill: str) -> None:
    """No arithmetic that the model allows exceeds the bound, whatever the order of the sums."""
    (sums, dtype), operation = KINDS[kind], OPERATIONS[name]
    for seed in range(5):
        arrays = arrays_of(name, fill, seed, dtype, geometry)
        limits = bound(operation, geometry, arrays, dtype, Promise(sums=sums))
        exact, expected = (
            compute(name, arrays, EXACT, geometry=geometry),
            operation.oracle(geometry, arrays),
        )
        for arithmetic in ROUNDING[kind]:
            for index, value in compute(name, arrays, arithmetic, seed, geometry).items():
                assert abs(value - exact[index]) <= Fraction(float(limits.error[index]))
                assert abs(float(value) - expected[index]) <= limits.error[index]


@pytest.mark.parametrize(
    ("kind", "fill", "times"),
    [
        ("own", "positive", 3),
        ("own", "tiny", 3),
        ("wider", "positive", 4),
        ("narrower", "positive", 4),
    ],
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_is_not_far_too_wide(name: str, kind: str, fill: str, times: int) -> None:
    """A few times the worst error that the model allows is beyond the bound, underflow or not."""
    factors = arrays_of(name, fill, 1, KINDS[kind][1])
    arrays = {factor: np.abs(array) for factor, array in factors.items()}
    assert Fraction(1, times) < max(shares(name, arrays, _pushed(1, *KINDS[kind]), 1, kind)) <= 1


# Powers of two for fore_delta, fore_w, d_act and x, by what of a backward kernel underflows.
UNDERFLOWS = {"dL/da": (-8, -8, 5, 5), "delta": (-3, -3, -8, 8), "products": (-2, -2, -4, -8)}


@pytest.mark.parametrize("powers", UNDERFLOWS.values(), ids=UNDERFLOWS)
@pytest.mark.parametrize("name", TWO_LAYERS)
def test_underflow_is_carried(name: str, powers: tuple[int, ...]) -> None:
    """Underflow between the sums is carried on: the bound holds there, not three times too wide."""
    factors = zip(arrays_of(name, "positive", 1).items(), powers, strict=True)
    arrays = {factor: np.ldexp(array, power) for (factor, array), power in factors}
    worst = max(max(shares(name, arrays, arithmetic)) for arithmetic in ROUNDING["own"])
    assert Fraction(1, 3) < worst <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in TWO_LAYERS])
def test_dropped_product(name: str, dtype: str) -> None:
    """A result without its largest product is far beyond the bound."""
    arrays = arrays_of(name, "uniform", 2, dtype)
    limits = bound_of(name, arrays, dtype)
    for index, places in terms(name, GEOMETRIES[name]).items():
        factors = ((a[i] for a, i in zip(arrays.values(), at, strict=True)) for at in places)
        largest = max(abs(math.prod(map(float, each))) for each in factors)
        assert largest > (3 if dtype == "bfloat16" else 10) * limits.error[index]


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
            z = reference_for(name)(*positional, **keywords)
            assert bool((np.abs(z - expected) <= limits.error).all()) is within


@pytest.mark.parametrize("sums", [None, "float16"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_flushed_subnormals_stay_within_the_bound(name: str, sums: str | None) -> None:
    """Arithmetic without subnormal numbers keeps its bound, and breaks that of others."""
    inner = np.dtype(sums or "float32").type
    least = float(np.finfo(inner).smallest_normal)

    def flush(value: Any) -> Any:
        return inner(value) if abs(float(inner(value))) >= least else inner(0)

    flushing = Arithmetic(
        lambda a, b: flush(float(a) * float(b)),
        lambda a, b: flush(float(a) + float(b)),
        *(same, same, flush),
    )
    beyond = 0
    for fill in ("uniform", "tiny") if sums else ("uniform", "tiny", "scaled"):
        for seed in range(3):
            arrays = arrays_of(name, fill, seed, "float32")
            exact, z = compute(name, arrays, EXACT), compute(name, arrays, flushing, seed)
            for subnormals in ("flushed", "kept"):
                limits = bound_of(name, arrays, "float32", sums=sums, subnormals=subnormals)
                if limits.overflow:
                    continue
                over = [i for i in exact if abs(z[i] - exact[i]) > float(limits.error[i])]
                assert not (over and subnormals == "flushed"), (fill, seed)
                beyond += len(over)
    assert beyond or sums

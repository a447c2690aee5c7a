"""Where the bound is infinite, where it is zero, and its flags."""

from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from convcheck.form import pytorch
from convcheck.form.formats import DTYPES, FORMATS, Format
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.bounds import Bound, bound, g

FORE = "+convolution.k1.f1x1.s1x1"


def bound_of(name: str, geometry: str, dtype: str = "float16", **values: float) -> Bound:
    """Return an operation's bound where all numbers of an array are the same, one if not given."""
    operation, g = OPERATIONS[name], Geometry.parse(geometry)
    arrays = {
        factor: np.full(operation.shape(g, axes), values.get(factor, 1.0))
        for factor, axes in operation.factors.items()
    }
    return bound(operation, g, arrays, dtype)


def pixels(channels: int, dtype: str = "float16", value: float = 1.0) -> Bound:
    """Return the bound of a convolution at one pixel, whose terms are all value**2."""
    geometry = f"b1.h1.w1.i{channels}.o1.f1x1.s1x1"
    return bound_of("convolution", geometry, dtype, x=value, ftr=value)


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_formats(form: Format) -> None:
    """A format's numbers are those of NumPy's and PyTorch's dtype of its name."""
    info = import_module("ml_dtypes").finfo(form.name)
    extremes = (info.eps / 2, info.smallest_subnormal, info.smallest_normal, info.max)
    assert (form.u, form.eta, form.smallest_normal, form.largest) == tuple(map(float, extremes))
    assert form.dtype == np.dtype(form.name)
    assert form.torch is pytorch.of_numpy(np.empty(0, form.dtype)).dtype
    if form.precision > 11:  # of narrower ones none is judged
        assert form.small in {each.precision for each in FORMATS.values()}


def test_g() -> None:
    """g(n, u) is n u / (1 - n u), zero for no terms and infinite from n u = 1."""
    u = 2.0**-11
    n = np.array([0, 1, 2, 1000, 2047, 2048, 2049, 10**9])
    values = g(n, u)
    assert values.tolist() == [float(Fraction(k, 2048 - k)) for k in n[:5].tolist()] + [np.inf] * 3
    assert float(g(3, 2.0**-24)) == pytest.approx(3 * 2.0**-24, rel=1e-6)


def test_infinite_where_nothing_is_promised() -> None:
    """From n u = 1 on nothing is promised, of zeros neither; below it something is."""
    assert np.isfinite(pixels(2047).error).all()
    assert np.isposinf(pixels(2048).error).all()
    assert np.isposinf(pixels(2048, value=0.0).error).all()
    assert pixels(2048, "float32").error.item() < 1


def test_infinite_for_both_sums_together() -> None:
    """The sums of a backward kernel count together, with two roundings between them."""
    for outer, finite in ((2044, True), (2045, False)):
        limits = bound_of("conv_back_prop", f"b1.h1.w{outer}.i1.o1.f1x1.s1x1{FORE}")
        assert bool(np.isfinite(limits.error).all()) is finite


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2048])
def test_zero_where_there_is_no_term(dtype: str, channels: int) -> None:
    """A result that no product enters must be exactly zero, however wide the rest is."""
    limits = bound_of("convolution_transpose", f"b1.h2.w2.i{channels}.o1.f1x1.s2x3", dtype)
    entered = np.zeros((1, 3, 4, 1), bool)
    entered[:, ::2, ::3] = True
    assert np.array_equal(limits.error > 0, entered)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if OPERATIONS[name].result == "ihwo"])
def test_zero_for_an_empty_batch(name: str) -> None:
    """Without any image a filter gradient must be exactly zero."""
    limits = bound_of(name, f"b0.h2.w2.i1.o2.f1x1.s1x1{FORE * ('back' in name)}")
    assert limits.error.tolist() == np.zeros((1, 1, 1, 2)).tolist()
    assert not limits.overflow


def test_overflow() -> None:
    """The flag is up where partial sums, in some order and rounding, can exceed the dtype."""
    assert not pixels(2, value=100.0).overflow
    assert pixels(2, value=200.0).overflow
    assert not pixels(2, "float32", value=200.0).overflow
    # float16 ends at 65504, and two terms may grow by a thousandth.
    assert not pixels(2, value=32700**0.5).overflow
    assert pixels(2, value=32740**0.5).overflow
    x, ftr = np.array([250.0, -250]).reshape(1, 1, 1, 2), np.full((2, 1, 1, 1), 250.0)
    geometry = Geometry.parse("b1.h1.w1.i2.o1.f1x1.s1x1")
    assert bound(OPERATIONS["convolution"], geometry, {"x": x, "ftr": ftr}, "float16").overflow


@pytest.mark.parametrize(
    ("values", "overflow"),
    [
        ((100.0, 100.0, 1.0, 1.0), False),
        ((300.0, 300.0, 1e-3, 1.0), True),  # dL/da
        ((100.0, 100.0, 10.0, 1e-3), True),  # delta
        ((100.0, 100.0, 1.0, 10.0), True),  # the result
        ((100.0, 100.0, 0.01, 10.0), False),
    ],
)
def test_overflow_between(values: tuple[float, ...], overflow: bool) -> None:  # noqa: FBT001
    """The flag is also up where dL/da or delta, though not the result, can exceed the dtype."""
    named: dict[str, Any] = dict(zip(OPERATIONS["conv_back_prop"].factors, values, strict=True))
    pixel = f"b1.h1.w1.i1.o1.f1x1.s1x1{FORE}"
    assert bound_of("conv_back_prop", pixel, **named).overflow is overflow


def test_statistical_gate() -> None:
    """The statistical gate is 8 sqrt(n) u M, from 64 terms on, below the bound from 65 on."""
    assert np.isposinf(pixels(63, "float32").statistical).all()
    for n in (64, 400):
        limits = pixels(n, "float32")
        assert limits.statistical.item() == pytest.approx(8 * n**0.5 * 2.0**-24 * n, rel=1e-9)
        assert limits.magnitude.item() == n
    assert limits.statistical.item() < limits.error.item() / 2

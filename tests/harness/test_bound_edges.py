"""Where the bound is infinite, where it is zero, and its flags."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from convcheck.cases.case import Case
from convcheck.form.formats import DTYPES, FORMATS, Format
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.bounds import Bound, bound, g


def limits_of(case: Case) -> Bound:
    """Return the bound for the case's own dtype."""
    return bound(OPERATIONS[case.operation], case.geometry, case.arrays(), case.dtype)


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_formats(form: Format) -> None:
    """A format's numbers are those of NumPy's and PyTorch's dtype of its name."""
    info = np.finfo(form.name)
    extremes = (info.eps / 2, info.smallest_subnormal, info.smallest_normal, info.max)
    assert (form.u, form.eta, form.smallest_normal, form.largest) == tuple(map(float, extremes))
    assert form.dtype == np.dtype(form.name)
    assert form.torch is torch.from_numpy(np.empty(0, form.dtype)).dtype
    if form.small != 5:  # no narrower one is judged
        assert form.small in {each.precision for each in FORMATS.values()}


def test_g() -> None:
    """g(n, u) is n u / (1 - n u), zero for no terms and infinite from n u = 1."""
    u = 2.0**-11
    n = np.array([0, 1, 2, 1000, 2047, 2048, 2049, 10**9])
    values = g(n, u)
    assert values.tolist() == [float(Fraction(k, 2048 - k)) for k in n[:5].tolist()] + [np.inf] * 3
    assert float(g(3, 2.0**-24)) == pytest.approx(3 * 2.0**-24, rel=1e-6)


def pixels(channels: int, dtype: str = "float16", value: float = 1.0) -> Bound:
    """Return the bound of a convolution at one pixel, whose terms are all value**2."""
    geometry = Geometry.of(1, 1, 1, channels, 1, 1, 1, 1, 1)
    x, ftr = np.full((1, 1, 1, channels), value), np.full((channels, 1, 1, 1), value)
    return bound(OPERATIONS["convolution"], geometry, {"x": x, "ftr": ftr}, dtype)


def test_infinite_where_nothing_is_promised() -> None:
    """From n u = 1 on nothing is promised, of zeros neither; below it something is."""
    assert np.isfinite(pixels(2047).error).all()
    assert np.isposinf(pixels(2048).error).all()
    assert np.isposinf(pixels(2048, value=0.0).error).all()
    assert pixels(2048, "float32").error.item() < 1


def test_infinite_for_both_sums_together() -> None:
    """The sums of a backward kernel count together, with two roundings between them."""
    for outer, finite in ((2044, True), (2045, False)):
        fore = Fore("convolution", 1, 1, 1, 1, 1)
        geometry = Geometry.of(1, 1, outer, 1, 1, 1, 1, 1, 1, fore)
        operation = OPERATIONS["conv_back_prop"]
        arrays = {name: np.ones(shape) for name, shape in operation.array_shapes(geometry).items()}
        limits = bound(operation, geometry, arrays, "float16")
        assert bool(np.isfinite(limits.error).all()) is finite


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2048])
def test_zero_where_there_is_no_term(dtype: str, channels: int) -> None:
    """A result that no product enters must be exactly zero, however wide the rest is."""
    geometry = Geometry.of(1, 2, 2, channels, 1, 1, 1, 2, 3)
    case = Case("convolution_transpose", geometry, dtype, "positive", 1)
    entered = np.zeros((1, 3, 4, 1), bool)
    entered[:, ::2, ::3] = True
    assert np.array_equal(limits_of(case).error > 0, entered)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if OPERATIONS[name].result == "ihwo"])
def test_zero_for_an_empty_batch(name: str) -> None:
    """Without any image a filter gradient must be exactly zero."""
    fore = Fore("convolution", 1, 1, 1, 1, 1) if "back" in name else None
    case = Case(name, Geometry.of(0, 2, 2, 1, 2, 1, 1, 1, 1, fore), "float16", "uniform", 1)
    assert limits_of(case).error.tolist() == np.zeros((1, 1, 1, 2)).tolist()
    assert not limits_of(case).overflow


def test_overflow() -> None:
    """The flag is up where partial sums, in some order and rounding, can exceed the dtype."""
    assert not pixels(2, value=100.0).overflow
    assert pixels(2, value=200.0).overflow
    assert not pixels(2, "float32", value=200.0).overflow
    # float16 ends at 65504, and two terms may grow by a thousandth.
    assert not pixels(2, value=32700**0.5).overflow
    assert pixels(2, value=32740**0.5).overflow
    geometry = Geometry.of(1, 1, 1, 2, 1, 1, 1, 1, 1)
    arrays = {"x": np.array([250.0, -250]), "ftr": np.array([250.0, 250])}
    shaped = {"x": arrays["x"].reshape(1, 1, 1, 2), "ftr": arrays["ftr"].reshape(2, 1, 1, 1)}
    cancelling = bound(OPERATIONS["convolution"], geometry, shaped, "float16")
    assert cancelling.overflow


@pytest.mark.parametrize(
    ("delta", "w", "d_act", "x", "overflow"),
    [
        (100.0, 100.0, 1.0, 1.0, False),
        (300.0, 300.0, 1e-3, 1.0, True),  # dL/da
        (100.0, 100.0, 10.0, 1e-3, True),  # delta
        (100.0, 100.0, 1.0, 10.0, True),  # the result
        (100.0, 100.0, 0.01, 10.0, False),
    ],
)
def test_overflow_between(delta: float, w: float, d_act: float, x: float, overflow: bool) -> None:  # noqa: FBT001
    """The flag is also up where dL/da or delta, though not the result, can exceed the dtype."""
    names = {"fore_delta": delta, "fore_w": w, "d_act": d_act, "x": x}
    arrays = {name: np.full((1, 1, 1, 1), value) for name, value in names.items()}
    fore = Fore("convolution", 1, 1, 1, 1, 1)
    geometry = Geometry.of(1, 1, 1, 1, 1, 1, 1, 1, 1, fore)
    assert bound(OPERATIONS["conv_back_prop"], geometry, arrays, "float16").overflow is overflow


def test_statistical_gate() -> None:
    """The statistical gate is 8 sqrt(n) u M, from 64 terms on, below the bound from 65 on."""
    assert np.isposinf(pixels(63, "float32").statistical).all()
    for n in (64, 400):
        limits = pixels(n, "float32")
        assert limits.statistical.item() == pytest.approx(8 * n**0.5 * 2.0**-24 * n, rel=1e-9)
        assert limits.magnitude.item() == n
    assert limits.statistical.item() < limits.error.item() / 2

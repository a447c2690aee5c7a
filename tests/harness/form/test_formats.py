"""Number formats: numbers are rounded once, to the nearest, whatever NumPy does on its way."""

from fractions import Fraction

import numpy as np
import pytest

from convcheck.form.formats import DTYPES, FORMATS, USUAL, Format
from convcheck.form.layouts import Array

BFLOAT16 = FORMATS["bfloat16"]


def all_numbers() -> Array:
    """Return every finite bfloat16 that is not negative, in ascending order, in float64."""
    return np.arange(0x7F80, dtype=np.uint16).view(BFLOAT16.dtype).astype(np.float64)


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_limits(form: Format) -> None:
    """The largest number and the smallest ones are what the dtype makes of them."""
    for number in (form.largest, form.smallest_normal, form.eta, 1 + 2 * form.u):
        assert float(form.dtype.type(number)) == number
    assert float(form.dtype.type(form.eta * 0.5)) == 0
    assert float(form.dtype.type(1 + form.u)) == 1


@pytest.mark.parametrize("name", USUAL)
def test_rounding_is_numpys(name: str) -> None:
    """Where NumPy rounds once, it rounds to the same numbers."""
    form, raw = FORMATS[name], np.random.PCG64(1).random_raw
    values = raw(4000).view(np.int64) * 2.0**-63 * 2.0 ** (raw(4000) % 60 - 40.0)
    values = np.concatenate([values, [0.0, -0.0, np.inf, -np.inf, form.largest, 65520, 65519.99]])
    with np.errstate(over="ignore"):
        expected = values.astype(name).astype(np.float64)
    assert form.rounded(values).tobytes() == expected.tobytes()


def test_rounding_to_bfloat16() -> None:
    """Halves between two numbers go to the even one, and all beside them to the nearer one."""
    numbers = all_numbers()
    below, above = numbers[:-1], numbers[1:]
    halves = (below + above) / 2
    even = np.where(np.arange(below.size) % 2, above, below)
    for sign in (1, -1):
        for values, nearest in (
            (halves, even),
            (np.nextafter(halves, 0), below),
            (np.nextafter(halves, np.inf), above),
            (below, below),
        ):
            found = BFLOAT16.array(sign * values)
            assert found.dtype == BFLOAT16.dtype
            assert np.array_equal(found.astype(np.float64), sign * nearest)


def test_float32_is_no_way_to_bfloat16() -> None:
    """Rounded to float32 first, numbers near a half end elsewhere: so they do in ml_dtypes."""
    value = np.array([1 + 2.0**-8 + 2.0**-40])
    assert value.astype(np.float32).astype(BFLOAT16.dtype) == 1
    assert BFLOAT16.array(value) == 1 + 2.0**-7


def test_rounding_at_the_ends() -> None:
    """Beyond the largest number is infinity, below the smallest half of it zero, NaN is NaN."""
    beyond = BFLOAT16.largest + 2.0**119
    values = [beyond, np.nextafter(beyond, 0), -np.inf, np.nan, -0.0, BFLOAT16.eta / 2, 5e-324]
    found = BFLOAT16.array(np.array(values)).astype(np.float64)
    expected = np.array([np.inf, BFLOAT16.largest, -np.inf, np.nan, -0.0, 0.0, 0.0])
    assert np.array_equal(found, expected, equal_nan=True)
    assert np.array_equal(np.signbit(found), np.signbit(expected))


def test_drawn_numbers_are_exact_in_float32() -> None:
    """Real numbers that are drawn for bfloat16 are rounded once, by whatever cast."""
    raw = np.random.PCG64(2).random_raw(1000) >> np.uint64(64 - BFLOAT16.drawn)
    unit = raw.astype(np.float64) * 2.0**-BFLOAT16.drawn
    for values in (unit, 2 * unit - 1, 1 + unit, np.ldexp(2 * unit - 1, BFLOAT16.emin - 1)):
        assert np.array_equal(values.astype(np.float32), values)


def test_names() -> None:
    """Formats are called what PyTorch calls them, and hold what their dtypes hold."""
    for name in DTYPES:
        form = FORMATS[name]
        assert (form.name, form.dtype.name, str(form.torch)) == (name, name, f"torch.{name}")
        assert Fraction(form.u) == Fraction(1, 2**form.precision)

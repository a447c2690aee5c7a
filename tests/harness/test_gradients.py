"""The four plain gradients, each element from the definition of a derivative.

A forward kernel is linear in its input and in its filter, so that the derivative of
<delta, op(x, ftr)> with respect to one element is the value at the unit array of that
element.  On small integers everything is exact, and equality is demanded.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convcheck import reference
from convcheck.form.layouts import Array
from convcheck.reference import gradients

LAYERS = ("convolution", "convolution_transpose")

# (x shape, filter shape, stride), by what is special about them.
SIZES = {
    "plain": ((2, 3, 3, 2), (2, 2, 2, 3), (1, 1)),
    "remainder": ((1, 6, 4, 2), (2, 2, 1, 2), (3, 2)),
    "gaps": ((2, 3, 5, 1), (1, 2, 1, 2), (3, 4)),
    "one row": ((1, 1, 8, 2), (2, 1, 3, 1), (5, 2)),
    "as large as the input": ((3, 2, 3, 1), (1, 2, 3, 2), (2, 2)),
}


def integers(seed: int, shape: tuple[int, ...]) -> Array:
    """Return integers in +-7 as float64."""
    raw = np.random.PCG64(seed).random_raw(int(np.prod(shape)))
    return raw.reshape(shape).astype(np.int64) % 15 - 7.0


def elements(value: Callable[[Array], Array], delta: Array, shape: tuple[int, ...]) -> Array:
    """Return <delta, value(unit array)> for each of the unit arrays of `shape`."""
    found = np.empty(shape)
    for index in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[index] = 1
        found[index] = np.sum(delta * value(unit))
    return found


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_input_gradient(layer: str, sizes: tuple[Any, Any, Any]) -> None:
    """Each element of an input gradient is the forward kernel's value at a unit input."""
    x_shape, ftr_shape, strd = sizes
    forward = getattr(reference, layer)
    ftr = integers(1, ftr_shape)
    delta = integers(2, forward(np.zeros(x_shape), ftr, strd).shape)
    expected = elements(lambda x: forward(x, ftr, strd), delta, x_shape)
    extra = (x_shape,) if layer == "convolution" else ()
    z = getattr(gradients, f"{layer}_input_gradient")(delta, ftr, strd, *extra)
    assert z.shape == x_shape
    assert np.array_equal(z, expected)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
def test_filter_gradient(layer: str, sizes: tuple[Any, Any, Any]) -> None:
    """Each element of a filter gradient is the forward kernel's value at a unit filter."""
    x_shape, ftr_shape, strd = sizes
    forward = getattr(reference, layer)
    x = integers(3, x_shape)
    delta = integers(4, forward(x, np.zeros(ftr_shape), strd).shape)
    expected = elements(lambda ftr: forward(x, ftr, strd), delta, ftr_shape)
    z = getattr(gradients, f"{layer}_filter_gradient")(x, delta, strd, ftr_shape)
    assert z.shape == ftr_shape
    assert np.array_equal(z, expected)


def test_unreached_rows_are_zero() -> None:
    """Rows and columns of `x_shape` that no window reached have a derivative of zero."""
    delta, ftr = np.ones((1, 2, 2, 1)), np.ones((1, 1, 2, 1))
    z = gradients.convolution_input_gradient(delta, ftr, (3, 2), (1, 6, 5, 1))
    reached = np.zeros((1, 6, 5, 1))
    reached[:, [0, 3], :4] = 1
    assert np.array_equal(z, reached)


def of_two_products(name: str, first: Array, second: Array) -> Array:
    """Return a gradient's only element, first[0] * second[0] + first[1] * second[1]."""
    along, across = (1, 1, 2, 1), (1, 1, 1, 2)
    one, strd = (1, 1, 1, 1), (1, 1)
    arguments: dict[str, tuple[Any, ...]] = {
        "convolution_input_gradient": (first.reshape(across), second.reshape(across), strd, one),
        "convolution_filter_gradient": (first.reshape(along), second.reshape(along), strd, one),
        "convolution_transpose_input_gradient": (first.reshape(along), second.reshape(along), strd),
        "convolution_transpose_filter_gradient": (
            *(first.reshape(along), second.reshape(along)),
            *(strd, one),
        ),
    }
    z: Array = getattr(gradients, name)(*arguments[name])
    assert z.shape == one
    return z


NAMES = tuple(f"{layer}_{of}_gradient" for layer in LAYERS for of in ("input", "filter"))


@pytest.mark.parametrize("name", NAMES)
def test_sum_in_float64(name: str) -> None:
    """Products are added in float64, whatever the arguments' dtype."""
    z = of_two_products(name, np.array([2048, 1], np.float16), np.ones(2, np.float16))
    assert z.dtype == np.float64
    assert z.item() == 2049  # float16 would make it 2048


@pytest.mark.parametrize("name", NAMES)
def test_products_in_own_dtype(name: str) -> None:
    """Products are rounded to the dtype that NumPy gives them."""
    tenth = np.float16(0.1)
    z = of_two_products(name, np.array([tenth, 0], np.float16), np.array([tenth, 0], np.float16))
    assert z.item() == float(tenth * tenth) != float(tenth) * float(tenth)

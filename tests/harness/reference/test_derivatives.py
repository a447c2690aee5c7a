"""The repaired backward kernels from the definition of a derivative, and what the gradients round.

With L = <fore_delta, fore(d_act * op(x, fltrs), fore_w)>, where `d_act` is data, L is linear in
`fltrs`: its derivative with respect to one tap is the value of L at the unit filter of that
tap.  The literal forward kernels compute it, on integers so small that everything is exact, and
equality is demanded.  The plain gradients are held against autograd in `test_oracles`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from convcheck import reference
from convcheck.form.layouts import Array
from convcheck.reference import gradients, repaired

FORWARD: dict[str, Callable[..., Any]] = {
    "convolution": reference.convolution,
    "convolution_transpose": reference.convolution_transpose,
}
BACKWARD: dict[str, Callable[..., Any]] = {
    "convolution": repaired.conv_back_prop,
    "convolution_transpose": repaired.conv_transpose_back_prop,
}
PAIRINGS = [(layer, fore) for layer in FORWARD for fore in FORWARD]
NAMES = tuple(f"{layer}_{of}_gradient" for layer in FORWARD for of in ("input", "filter"))


def integers(raw: Any, shape: tuple[int, ...]) -> Array:
    """Return the next small random integers as float64, none of them zero."""
    drawn: Array = raw(int(np.prod(shape))).reshape(shape).astype(np.int64) % 10 - 5.0
    return np.where(drawn >= 0, drawn + 1, drawn)


def of_two_products(name: str, first: float, second: float, factor: float) -> Any:
    """Return a gradient's only element, (first + second) * factor, of arrays in float16."""
    along, one = (1, 1, 2, 1), (1, 1, 1, 1)
    shape = (1, 1, 1, 2) if name == "convolution_input_gradient" else along
    extra = () if name == "convolution_transpose_input_gradient" else (one,)
    pair, factors = (np.array(each, np.float16) for each in ((first, second), (factor, factor)))
    z = getattr(gradients, name)(pair.reshape(shape), factors.reshape(shape), (1, 1), *extra)
    assert (z.shape, z.dtype) == (one, np.float64)
    return z.item()


@pytest.mark.parametrize("name", NAMES)
def test_products_in_their_dtype_and_sums_in_float64(name: str) -> None:
    """Products are rounded to the dtype that NumPy gives them, and added in float64."""
    assert of_two_products(name, 2048, 1, 1) == 2049  # float16 would make it 2048
    tenth = np.float16(0.1)
    assert of_two_products(name, 0.1, 0, 0.1) == float(tenth * tenth) != float(tenth) ** 2


@dataclass(frozen=True)
class Network:
    """Two layers: arguments of a backward kernel, and what to make of them."""

    layer: str
    fore: str
    fore_delta: Array
    fore_w: Array
    fore_strd: tuple[int, int]
    d_act: Array
    x: Array
    fltrs: Array
    strd: tuple[int, int]

    def gradient(self, **keywords: Any) -> Array:
        """Return what the repaired kernel makes of it; the kind of layer l+1 goes by keyword."""
        z: Array = BACKWARD[self.layer](
            *(self.fore_delta, self.fore_w, self.fore_strd, self.d_act),
            *(self.x, self.fltrs, self.strd),
            **({"fore_layer": self.fore} | keywords if self.fore else {}),
        )
        return z

    def loss(self, fltrs: Array) -> Any:
        """Return L at `fltrs`."""
        a = self.d_act * FORWARD[self.layer](self.x, fltrs, self.strd)
        return np.sum(self.fore_delta * FORWARD[self.fore](a, self.fore_w, self.fore_strd))

    def derivative(self) -> Array:
        """Return dL/dfltrs, each element the loss at a unit filter."""
        found = np.empty(self.fltrs.shape)
        for index in np.ndindex(found.shape):
            unit = np.zeros(found.shape)
            unit[index] = 1
            found[index] = self.loss(unit)
        return found


# (x shape, filter shape, stride, layer l+1: filter taps, channels out, stride), by what is
# special about them.  Channels differ throughout but where said.
SIZES = {
    "plain": ((2, 4, 3, 2), (2, 2, 1, 3), (1, 1), (2, 2), 1, (1, 1)),
    "remainders": ((1, 7, 6, 1), (1, 2, 2, 2), (2, 3), (2, 1), 1, (3, 2)),
    "remainder of layer l+1 alone": ((1, 5, 6, 2), (2, 1, 1, 1), (1, 1), (2, 3), 2, (2, 2)),
    "gaps": ((1, 3, 4, 3), (3, 1, 1, 2), (3, 2), (1, 1), 1, (2, 3)),
    "equal channels": ((2, 4, 4, 2), (2, 2, 2, 2), (1, 2), (1, 2), 2, (2, 1)),
}


def network(layer: str, fore: str, sizes: str = "plain") -> Network:
    """Return a network of small random integers."""
    x_shape, ftr_shape, strd, taps, channels, fore_strd = SIZES[sizes]
    drawn = partial(integers, np.random.PCG64(1).random_raw)
    x, fltrs = drawn(x_shape), drawn(ftr_shape)
    d_act = drawn(FORWARD[layer](x, fltrs, strd).shape)
    fore_w = drawn((ftr_shape[3], *taps, channels))
    fore_delta = drawn(FORWARD[fore](d_act, fore_w, fore_strd).shape)
    return Network(layer, fore, fore_delta, fore_w, fore_strd, d_act, x, fltrs, strd)


@pytest.mark.parametrize(("layer", "fore"), PAIRINGS)
@pytest.mark.parametrize("sizes", SIZES)
def test_backward_kernels(layer: str, fore: str, sizes: str) -> None:
    """Each element of the result is the derivative of the loss, for all four pairings.

    Without `fore_layer`, layer l+1 is the same operation as layer l.
    """
    net = network(layer, fore, sizes)
    expected = net.derivative()
    for each in (net, replace(net, fore=""))[: 1 + (layer == fore)]:
        z = each.gradient()
        assert z.shape == net.fltrs.shape
        assert np.array_equal(z, expected)


@pytest.mark.parametrize("layer", FORWARD)
def test_remainder_enters_nothing(layer: str) -> None:
    """Rows and columns of the activation that layer l+1 never read do not enter the result."""
    net = network(layer, "convolution", "remainder of layer l+1 alone")
    # 5 rows and 6 columns, windows of 2 x 3 at a stride of 2: the fifth row, the sixth column.
    assert net.d_act.shape[1:3] == (5, 6)
    d_act = net.d_act.copy()
    d_act[:, 4:] = d_act[:, :, 5:] = 1e6
    assert np.array_equal(replace(net, d_act=d_act).gradient(), net.gradient())
    d_act[:, 3, 4] = 1e6
    assert not np.array_equal(replace(net, d_act=d_act).gradient(), net.gradient())


@pytest.mark.parametrize("layer", FORWARD)
@pytest.mark.parametrize("fore_layer", ["", "Convolution", "conv", None, 1])
def test_unknown_fore_layer(layer: str, fore_layer: object) -> None:
    """A layer l+1 that is neither operation raises ValueError, which names it."""
    net = network(layer, "convolution")
    with pytest.raises(ValueError, match=r"^fore_layer=.*: expected ") as caught:
        net.gradient(fore_layer=fore_layer)
    assert str(caught.value).startswith(f"fore_layer={fore_layer!r}: ")


@pytest.mark.parametrize(("layer", "fore"), PAIRINGS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_like_filter(layer: str, fore: str, dtype: str) -> None:
    """The result has the dtype and shape of `fltrs`, and `fltrs` enters in no other way."""
    net = network(layer, fore)
    # Signs alone, so that even float16 holds every sum.
    signs = {name: np.sign(getattr(net, name)) for name in ("fore_delta", "fore_w", "d_act", "x")}
    net = replace(net, **signs)
    plain = net.gradient()
    z = replace(net, fltrs=np.full(net.fltrs.shape, np.nan, dtype)).gradient()
    assert (z.dtype, z.shape) == (np.dtype(dtype), net.fltrs.shape)
    assert plain.dtype == np.float64
    assert np.array_equal(z, plain)


@pytest.mark.parametrize("layer", FORWARD)
def test_rounds_every_sum(layer: str) -> None:
    """Each term is rounded to the dtype of `fltrs` as it is added, in the notebook's order."""
    one, row = np.ones((1, 1, 1, 1)), np.ones((1, 1, 3, 1))
    terms = np.array([2048.0, 1, 1]).reshape(row.shape)
    for each, expected in ((terms, 2048), (terms[:, :, ::-1], 2050)):  # in one rounding: 2050
        arguments = (row, one, (1, 1), row, each, one.astype(np.float16), (1, 1))
        assert BACKWARD[layer](*arguments).item() == expected


@pytest.mark.parametrize("layer", FORWARD)
def test_refuses_integer_filter(layer: str) -> None:
    """A filter of integers, which could not hold the result, raises TypeError."""
    net = network(layer, layer)
    with pytest.raises(TypeError, match="Cannot cast"):
        replace(net, fltrs=net.fltrs.astype(np.int64)).gradient()

"""The two repaired backward kernels, each element from the definition of a derivative.

With L = <fore_delta, fore(d_act * op(x, fltrs), fore_w)>, where `d_act` is data, L is
linear in `fltrs`: its derivative with respect to one tap is the value of L at the unit
filter of that tap.  The literal forward kernels compute it, on integers so small that
everything is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from convcheck import reference
from convcheck.form.layouts import Array
from convcheck.reference import repaired

FORWARD: dict[str, Callable[..., Any]] = {
    "convolution": reference.convolution,
    "convolution_transpose": reference.convolution_transpose,
}
BACKWARD: dict[str, Callable[..., Any]] = {
    "convolution": repaired.conv_back_prop,
    "convolution_transpose": repaired.conv_transpose_back_prop,
}
PAIRINGS = [(layer, fore) for layer in FORWARD for fore in FORWARD]


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
        """Return what the repaired kernel makes of it."""
        z: Array = BACKWARD[self.layer](
            *(self.fore_delta, self.fore_w, self.fore_strd, self.d_act),
            *(self.x, self.fltrs, self.strd),
            **{"fore_layer": self.fore, **keywords},
        )
        return z

    def loss(self, fltrs: Array) -> Any:
        """Return L at `fltrs`."""
        a = self.d_act * FORWARD[self.layer](self.x, fltrs, self.strd)
        return np.sum(self.fore_delta * FORWARD[self.fore](a, self.fore_w, self.fore_strd))

    def derivative(self) -> Array:
        """Return dL/dfltrs from its definition."""
        found = np.empty(self.fltrs.shape)
        for index in np.ndindex(self.fltrs.shape):
            unit = np.zeros(self.fltrs.shape)
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
    """Return a network of small random integers, none of them zero."""
    x_shape, ftr_shape, strd, taps, channels, fore_strd = SIZES[sizes]
    raw = np.random.PCG64(1).random_raw

    def integers(shape: tuple[int, ...]) -> Array:
        drawn = raw(int(np.prod(shape))).reshape(shape).astype(np.int64) % 10 - 5.0
        return np.where(drawn >= 0, drawn + 1, drawn)

    x, fltrs = integers(x_shape), integers(ftr_shape)
    d_act = integers(FORWARD[layer](x, fltrs, strd).shape)
    fore_w = integers((ftr_shape[3], *taps, channels))
    fore_delta = integers(FORWARD[fore](d_act, fore_w, fore_strd).shape)
    return Network(layer, fore, fore_delta, fore_w, fore_strd, d_act, x, fltrs, strd)


@pytest.mark.parametrize(("layer", "fore"), PAIRINGS)
@pytest.mark.parametrize("sizes", SIZES)
def test_derivative(layer: str, fore: str, sizes: str) -> None:
    """Each element of the result is the derivative of the loss, for all four pairings."""
    net = network(layer, fore, sizes)
    z = net.gradient()
    assert z.shape == net.fltrs.shape
    assert np.array_equal(z, net.derivative())


@pytest.mark.parametrize("layer", FORWARD)
def test_default_pairing(layer: str) -> None:
    """Without `fore_layer`, layer l+1 is the same operation as layer l."""
    net = network(layer, layer)
    arguments = (net.fore_delta, net.fore_w, net.fore_strd, net.d_act, net.x, net.fltrs, net.strd)
    assert np.array_equal(BACKWARD[layer](*arguments), net.derivative())


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
    arguments = (row, one, (1, 1), row, terms, one.astype(np.float16), (1, 1))
    assert BACKWARD[layer](*arguments).item() == 2048  # in one rounding it would be 2050
    arguments = (row, one, (1, 1), row, terms[:, :, ::-1], one.astype(np.float16), (1, 1))
    assert BACKWARD[layer](*arguments).item() == 2050


@pytest.mark.parametrize("layer", FORWARD)
def test_refuses_integer_filter(layer: str) -> None:
    """A filter of integers, which could not hold the result, raises TypeError."""
    net = network(layer, layer)
    with pytest.raises(TypeError, match="Cannot cast"):
        replace(net, fltrs=net.fltrs.astype(np.int64)).gradient()

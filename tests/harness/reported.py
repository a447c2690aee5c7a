"""Wrong kernels after public bug reports, with what a diagnosis must and must not say of them.

Each spoils a right kernel as the reports tell; none is written with the catalogue's means.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from wrong import RIGHT

Array = Any


class Reported(NamedTuple):
    """A wrong kernel, a call that it fails, and facts of its diagnosis."""

    operation: str
    kernel: Callable[..., Array]
    geometry: str
    named: str = ""
    """id of the mistake that is named"""
    atoms: frozenset[tuple[str, str, Any]] = frozenset()
    """what the condition is about: all of these and nothing else"""
    said: tuple[str, ...] = ()
    """words that some pattern has"""


def one_by_one_first_channel(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """With 1 x 1 filters only the first channel is right (cudnn.torch#28)."""
    z = np.array(RIGHT["convolution_input_gradient"](delta, ftr, strd, x_shape))
    if ftr.shape[1:3] == (1, 1):
        z[..., 1:] = 0
    return z


def one_by_one_consecutive(x: Array, ftr: Array, strd: Any) -> Array:
    """With 1 x 1 filters consecutive pixels are read whatever the stride (tensorflow#889)."""
    z = RIGHT["convolution"](x, ftr, strd)
    if ftr.shape[1:3] != (1, 1):
        return z
    flat = x.reshape(len(x), -1, x.shape[3])[:, : z.shape[1] * z.shape[2]]
    return np.asarray(flat @ ftr[:, 0, 0]).reshape(z.shape)


def one_by_one_tail(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """With 1 x 1 filters pixels behind the last whole tile of 16 are not written (MIOpen#1672)."""
    z = np.array(RIGHT["convolution_input_gradient"](delta, ftr, strd, x_shape))
    pixels = x_shape[1] * x_shape[2]
    if ftr.shape[1:3] == (1, 1) and tuple(strd) == (1, 1) and pixels > 16:
        z.reshape(len(z), pixels, -1)[:, pixels // 16 * 16 :] = 0
    return z


def assigns(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """In col2im, = stands in the place of +=."""
    z = np.zeros(x_shape, delta.dtype)
    (_, rows, columns, _), (down, across) = delta.shape, strd
    for h in range(ftr.shape[1]):
        for w in range(ftr.shape[2]):
            part = delta @ ftr[:, h, w].T
            z[:, h : h + rows * down : down, w : w + columns * across : across] = part
    return z


def assigns_by_window(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """The same in a loop over windows."""
    z = np.zeros(x_shape, delta.dtype)
    _, taps, across, _ = ftr.shape
    for p in range(delta.shape[1]):
        for q in range(delta.shape[2]):
            part = np.einsum("bo,ihwo->bhwi", delta[:, p, q], ftr)
            z[:, p * strd[0] :, q * strd[1] :][:, :taps, :across] = part
    return z


def width_from_height(x: Array, ftr: Array, strd: Any) -> Array:
    """The image's width is taken from its height."""
    rows = (x.shape[1] - ftr.shape[1]) // strd[0] + 1
    z = RIGHT["convolution"](x, ftr, strd)
    if rows > z.shape[2]:
        raise IndexError(rows)
    return np.ascontiguousarray(z[:, :, :rows])


def beyond_the_filter(x: Array, ftr: Array, strd: Any) -> Array:
    """Where the stride exceeds the filter, windows are as far apart as the filter is long."""
    near = [min(pair) for pair in zip(strd, ftr.shape[1:3], strict=True)]
    z = RIGHT["convolution"](x, ftr, strd)
    return np.ascontiguousarray(RIGHT["convolution"](x, ftr, near)[:, : z.shape[1], : z.shape[2]])


def gradient_too_long(x: Array, delta: Array, strd: Any, ftr_shape: Any) -> Array:
    """Made by a dilated convolution, it is longer than the filter (opacus#245)."""
    rows, columns = ((d - 1) * s + 1 for d, s in zip(delta.shape[1:3], strd, strict=True))
    shape = (ftr_shape[0], x.shape[1] - rows + 1, x.shape[2] - columns + 1, ftr_shape[3])
    return RIGHT["convolution_filter_gradient"](x, delta, strd, shape)


def steps_by_stride(x: Array, ftr: Array, strd: Any) -> Array:
    """The loop over results advances by the stride, and reads where it is."""
    z = np.zeros_like(RIGHT["convolution"](x, ftr, strd))
    dense = RIGHT["convolution"](x, ftr, (1, 1))[:, : z.shape[1], : z.shape[2]]
    z[:, :: strd[0], :: strd[1]] = dense[:, :: strd[0], :: strd[1]]
    return z


def bounded_by_filter(x: Array, ftr: Array, strd: Any) -> Array:
    """An input coordinate is compared with the filter's size (nntrainer#4347)."""
    x = x.copy()
    x[:, ftr.shape[1] :] = 0
    x[:, :, ftr.shape[2] :] = 0
    return RIGHT["convolution_transpose"](x, ftr, strd)


def stored_at_output(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """Rows are stored at the output's index (neon#111)."""
    right = RIGHT["convolution_input_gradient"](delta, ftr, strd, x_shape)
    z = np.zeros_like(right)
    for row in range(x_shape[1]):
        z[:, min(row // strd[0], delta.shape[1] - 1)] = right[:, row]
    return z


def mean_of_samples(x: Array, delta: Array, strd: Any, ftr_shape: Any) -> Array:
    """The mean is taken over batch, rows and columns."""
    z = RIGHT["convolution_filter_gradient"](x, delta, strd, ftr_shape)
    return (z / delta[..., 0].size).astype(z.dtype)


def fore_stride_ignored(*arguments: Array, fore_layer: str = "convolution") -> Array:
    """The derivative comes back through a convolution as if its stride were 1."""
    fore_delta, fore_w, _, d_act, *others = arguments
    if fore_layer == "convolution":
        shape = (len(fore_delta), *d_act.shape[1:3], fore_w.shape[0])
        error = RIGHT["convolution_input_gradient"](fore_delta, fore_w, (1, 1), shape)
        x, fltrs, strd = others
        return RIGHT["convolution_filter_gradient"](x, error * d_act, strd, fltrs.shape)
    return RIGHT["conv_back_prop"](*arguments, fore_layer=fore_layer)


_ONE = frozenset({("filter_height", "==", 1), ("filter_width", "==", 1)})

REPORTED: Mapping[str, Reported] = {
    "1 x 1, first channel": Reported(
        "convolution_input_gradient",
        one_by_one_first_channel,
        "b1.h2.w2.i2.o1.f1x1.s1x1",
        atoms=_ONE | {("channels_in", ">=", 2)},
        said=("only the first channel in counts", "what is wrong is zero"),
    ),
    "1 x 1, consecutive": Reported(
        "convolution", one_by_one_consecutive, "b1.h1.w3.i1.o1.f1x1.s1x2", said=("1 x 1",)
    ),
    "1 x 1, tail": Reported(
        "convolution_input_gradient",
        one_by_one_tail,
        "b1.h17.w1.i1.o1.f1x1.s1x1",
        said=("16", "what is wrong is zero"),
    ),
    "assigns": Reported(
        "convolution_input_gradient", assigns, "b1.h1.w3.i1.o1.f1x2.s1x1", "overlap-first"
    ),
    "assigns by window": Reported(
        "convolution_input_gradient", assigns_by_window, "b1.h1.w3.i1.o1.f1x2.s1x1", "overlap-last"
    ),
    "width from height": Reported(
        "convolution",
        width_from_height,
        "b1.h1.w2.i1.o1.f1x1.s1x1",
        atoms=frozenset({("windows_height", "!=", "windows_width")}),
        said=("as many columns as it should have rows",),
    ),
    "stride beyond the filter": Reported(
        "convolution",
        beyond_the_filter,
        "b1.h1.w3.i1.o1.f1x1.s1x2",
        atoms=frozenset({("gap_height", ">=", 1), ("gap_width", ">=", 1)}),
    ),
    "too long": Reported(
        "convolution_filter_gradient",
        gradient_too_long,
        "b1.h1.w2.i1.o1.f1x1.s1x2",
        "taps-of-remainder",
    ),
    "steps by stride": Reported(
        "convolution", steps_by_stride, "b1.h1.w3.i1.o1.f1x1.s1x2", "loop-steps-by-stride"
    ),
    "bounded by filter": Reported(
        "convolution_transpose",
        bounded_by_filter,
        "b1.h2.w1.i1.o1.f1x1.s1x1",
        "bounded-by-filter",
    ),
    "stored at output": Reported(
        "convolution_input_gradient",
        stored_at_output,
        "b1.h2.w1.i1.o1.f1x1.s2x1",
        "stored-by-step-rows",
    ),
    "mean of samples": Reported(
        "convolution_filter_gradient",
        mean_of_samples,
        "b1.h1.w2.i1.o1.f1x1.s1x1",
        "mean-of-samples",
    ),
    "stride of layer l+1": Reported(
        "conv_back_prop",
        fore_stride_ignored,
        "b1.h1.w3.i1.o1.f1x1.s1x1+convolution.k1.f1x1.s1x2",
        atoms=frozenset(
            {
                ("fore_kind", "==", 0),
                ("fore_apart_height", ">=", 1),
                ("fore_apart_width", ">=", 1),
            }
        ),
        said=("in layer l+1, the stride of rows and columns is ignored",),
    ),
}

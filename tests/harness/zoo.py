"""Right kernels, each written in its own way: what the harness must never reject.

Every style computes three primitives, with the letters of the operations table: the narrow
side, the filter, or the wide side from the other two.  `kernels` makes all ten operations of
them; a bias gradient is none of the three, and the same in all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

Array = Any
Pair = tuple[int, int]


@dataclass(frozen=True)
class Style:
    """The primitives: wide is [b, H, W, i], ftr [i, h, w, o], narrow [b, P, Q, o]."""

    narrow: Callable[[Array, Array, Pair], Array]
    filter: Callable[[Array, Array, Pair, tuple[int, ...]], Array]
    wide: Callable[[Array, Array, Pair, tuple[int, ...]], Array]


def _windows(wide: Array, taps: Pair, strd: Pair) -> Array:
    """View the wide side as [b, P, Q, i, h, w]."""
    view = np.lib.stride_tricks.sliding_window_view(wide, taps, axis=(1, 2))
    return view[:, :: strd[0], :: strd[1]]


def _taps(shape: tuple[int, ...]) -> Iterator[Pair]:
    return product(range(shape[1]), range(shape[2]))


def _reached(tap: Pair, steps: Pair, strd: Pair) -> tuple[slice, slice, slice]:
    """Return where on the wide side a tap of every window lies."""
    rows, columns = (
        slice(t, t + (n - 1) * s + 1, s) for t, n, s in zip(tap, steps, strd, strict=True)
    )
    return slice(None), rows, columns


def scattered(parts: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    """Add parts, [b, P, Q, i, h, w], where they lie on the wide side."""
    wide = np.zeros(shape, parts.dtype)
    for h, w in _taps(parts.shape[3:]):
        wide[_reached((h, w), parts.shape[1:3], strd)] += parts[..., h, w]
    return wide


def _einsum_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    return np.einsum("bpqihw,ihwo->bpqo", _windows(wide, ftr.shape[1:3], strd), ftr)


def _einsum_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    windows = _windows(wide, (shape[1], shape[2]), strd)
    windows = windows[:, : narrow.shape[1], : narrow.shape[2]]
    return np.einsum("bpqihw,bpqo->ihwo", windows, narrow)


def _einsum_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    return scattered(np.einsum("bpqo,ihwo->bpqihw", narrow, ftr), strd, shape)


def _columns(wide: Array, taps: Pair, strd: Pair, steps: Pair) -> Array:
    """Copy every window into a row of a matrix (im2col)."""
    windows = _windows(wide, taps, strd)[:, : steps[0], : steps[1]]
    size = windows.shape[3] * taps[0] * taps[1]
    return windows.reshape(windows.shape[0] * steps[0] * steps[1], size)


def _steps(wide: Array, taps: Pair, strd: Pair) -> Pair:
    rows, columns = ((n - t) // s + 1 for n, t, s in zip(wide.shape[1:3], taps, strd, strict=True))
    return rows, columns


def _matrix_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    steps = _steps(wide, ftr.shape[1:3], strd)
    matrix = ftr.reshape(-1, ftr.shape[3])
    z = _columns(wide, ftr.shape[1:3], strd, steps) @ matrix
    return z.reshape(wide.shape[0], *steps, ftr.shape[3])


def _matrix_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    columns = _columns(wide, (shape[1], shape[2]), strd, narrow.shape[1:3])
    return (columns.T @ narrow.reshape(columns.shape[0], shape[3])).reshape(shape)


def _matrix_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    b, p, q, o = narrow.shape
    parts = narrow.reshape(b * p * q, o) @ ftr.reshape(-1, o).T
    return scattered(parts.reshape(b, p, q, *ftr.shape[:3]), strd, shape)


_BLOCK = 4


def _blocks(extent: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, extent)) for start in range(0, extent, _BLOCK))


def _blocked_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    (height, width), (sh, sw) = ftr.shape[1:3], strd
    steps = _steps(wide, (height, width), strd)
    z = np.zeros((wide.shape[0], *steps, ftr.shape[3]), np.result_type(wide, ftr))
    for rows, columns, out in product(*map(_blocks, (*steps, ftr.shape[3]))):
        tile = wide[
            :,
            rows.start * sh : (rows.stop - 1) * sh + height,
            columns.start * sw : (columns.stop - 1) * sw + width,
        ]
        for channels in _blocks(ftr.shape[0]):
            z[:, rows, columns, out] += _einsum_narrow(
                tile[..., channels], ftr[channels, :, :, out], strd
            )
    return z


def _blocked_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    z = np.zeros(shape, np.result_type(wide, narrow))
    for rows, out in product(_blocks(narrow.shape[1]), _blocks(shape[3])):
        tile = wide[:, rows.start * strd[0] : (rows.stop - 1) * strd[0] + shape[1]]
        part = narrow[:, rows, :, out]
        z[..., out] += _einsum_filter(tile, part, strd, (*shape[:3], part.shape[3]))
    return z


def _blocked_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    z = np.zeros(shape, np.result_type(narrow, ftr))
    for rows, channels in product(_blocks(narrow.shape[1]), _blocks(ftr.shape[0])):
        start, stop = rows.start * strd[0], (rows.stop - 1) * strd[0] + ftr.shape[1]
        tile = z[:, start:stop, :, channels]
        tile += _einsum_wide(narrow[:, rows], ftr[channels], strd, tile.shape)
    return z


def _fused_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    steps = _steps(wide, ftr.shape[1:3], strd)
    z = np.zeros((wide.shape[0], *steps, ftr.shape[3]), np.result_type(wide, ftr))
    for tap in _taps(ftr.shape):
        z += np.tensordot(wide[_reached(tap, steps, strd)], ftr[:, tap[0], tap[1]], 1)
    return z


def _fused_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    z = np.zeros(shape, np.result_type(wide, narrow))
    for tap in _taps(shape):
        part = wide[_reached(tap, narrow.shape[1:3], strd)]
        z[:, tap[0], tap[1]] = np.tensordot(part, narrow, ((0, 1, 2), (0, 1, 2)))
    return z


def _fused_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    z = np.zeros(shape, np.result_type(narrow, ftr))
    for tap in _taps(ftr.shape):
        z[_reached(tap, narrow.shape[1:3], strd)] += np.tensordot(
            narrow, ftr[:, tap[0], tap[1]], ((3,), (1,))
        )
    return z


STYLES = {
    "einsum": Style(_einsum_narrow, _einsum_filter, _einsum_wide),
    "matrix product": Style(_matrix_narrow, _matrix_filter, _matrix_wide),
    "blocked": Style(_blocked_narrow, _blocked_filter, _blocked_wide),
    "fused": Style(_fused_narrow, _fused_filter, _fused_wide),
}


def kernels(style: Style) -> dict[str, Callable[..., Array]]:
    """Return kernels for all ten operations, by name."""

    def exchanged(ftr: Array) -> Array:
        return ftr.transpose(3, 1, 2, 0)

    def transpose(x: Array, ftr: Array, strd: Pair) -> Array:
        (b, p, q, _), (_, h, w, o) = x.shape, ftr.shape
        shape = (b, (p - 1) * strd[0] + h, (q - 1) * strd[1] + w, o)
        return style.wide(x, exchanged(ftr), strd, shape)

    def transpose_input_gradient(delta: Array, ftr: Array, strd: Pair) -> Array:
        return style.narrow(delta, exchanged(ftr), strd)

    def transpose_filter_gradient(x: Array, delta: Array, strd: Pair, ftr_shape: Any) -> Array:
        i, h, w, o = ftr_shape
        return exchanged(style.filter(delta, x, strd, (o, h, w, i)))

    def back_prop(layer: str, gradient: Callable[..., Array]) -> Callable[..., Array]:
        def kernel(
            fore_delta: Array,
            fore_w: Array,
            fore_strd: Pair,
            d_act: Array,
            x: Array,
            fltrs: Array,
            strd: Pair,
            *,
            fore_layer: str = layer,
        ) -> Array:
            if fore_layer == "convolution":
                error = style.wide(fore_delta, fore_w, fore_strd, d_act.shape)
            else:
                error = transpose_input_gradient(fore_delta, fore_w, fore_strd)
            return gradient(x, error * d_act, strd, fltrs.shape)

        return kernel

    def bias_gradient(delta: Array) -> Array:
        return delta.sum((0, 1, 2))

    return {
        "convolution": style.narrow,
        "convolution_input_gradient": style.wide,
        "convolution_filter_gradient": style.filter,
        "convolution_transpose": transpose,
        "convolution_transpose_input_gradient": transpose_input_gradient,
        "convolution_transpose_filter_gradient": transpose_filter_gradient,
        **{
            f"{layer}_bias_gradient": bias_gradient
            for layer in ("convolution", "convolution_transpose")
        },
        "conv_back_prop": back_prop("convolution", style.filter),
        "conv_transpose_back_prop": back_prop("convolution_transpose", transpose_filter_gradient),
    }

"""Right kernels that take padding, dilation, groups, output padding and a bias.

`with_parameters` makes them of kernels that take none, as those do that reuse a fast one: zeros
stand around the input, between taps, and in one dense filter for all groups.  `DIRECT` are loops
over taps, in which no zero stands.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np

Array = Any
Kernel = Callable[..., Array]
NO_PADDING = ((0, 0), (0, 0))
ONES, NONE = (1, 1), (0, 0)


def padded(x: Array, padding: Any, mode: Any = "constant") -> Array:
    """Return tensors with zeros around them."""
    return np.pad(x, ((0, 0), *padding, (0, 0)), mode=mode)


def cut(z: Array, padding: Any) -> Array:
    """Return tensors without what is around them."""
    (top, bottom), (left, right) = padding
    return z[:, top : z.shape[1] - bottom, left : z.shape[2] - right]


def behind(output_padding: Any) -> Any:
    """Return output padding as padding."""
    return tuple((0, q) for q in output_padding)


def dilated(f: Array, dilation: Any) -> Array:
    """Return filters with zeros between their taps."""
    i, h, w, o = f.shape
    z = np.zeros((i, (h - 1) * dilation[0] + 1, (w - 1) * dilation[1] + 1, o), f.dtype)
    z[:, :: dilation[0], :: dilation[1]] = f
    return z


def dense(f: Array, groups: int, axis: int) -> Array:
    """Return filters of all channels; those of a group are along `axis`, 0 or 3."""
    n, other = f.shape[axis], 3 - axis
    shape = [*f.shape]
    shape[axis] *= groups
    z = np.zeros(shape, f.dtype)
    for place, part in _blocks(z, groups, axis, n, f.shape[other] // groups):
        z[place] = f[part]
    return z


def grouped(f: Array, groups: int, axis: int) -> Array:
    """Return what `dense` took."""
    n, other = f.shape[axis] // groups, 3 - axis
    shape = [*f.shape]
    shape[axis] = n
    z = np.zeros(shape, f.dtype)
    for place, part in _blocks(f, groups, axis, n, f.shape[other] // groups):
        z[part] = f[place]
    return z


def _blocks(z: Array, groups: int, axis: int, n: int, m: int) -> Iterator[Any]:
    for group in range(groups):
        part: list[Any] = [slice(None)] * z.ndim
        part[3 - axis] = slice(group * m, (group + 1) * m)
        place = [*part]
        place[axis] = slice(group * n, (group + 1) * n)
        yield tuple(place), tuple(part)


def with_parameters(base: Mapping[str, Kernel]) -> dict[str, Kernel]:
    """Return kernels of all operations, the one-layer ones with parameters."""

    def convolution(
        x: Array,
        ftr: Array,
        strd: Any,
        *,
        padding: Any = NO_PADDING,
        dilation: Any = ONES,
        groups: int = 1,
        bias: Array = None,
    ) -> Array:
        ftr = dense(dilated(ftr, dilation), groups, 0)
        z = base["convolution"](padded(x, padding), ftr, strd)
        return z if bias is None else z + bias

    def convolution_input_gradient(
        delta: Array,
        ftr: Array,
        strd: Any,
        x_shape: Any,
        *,
        padding: Any = NO_PADDING,
        dilation: Any = ONES,
        groups: int = 1,
    ) -> Array:
        b, h, w, i = x_shape
        shape = (b, h + sum(padding[0]), w + sum(padding[1]), i)
        ftr = dense(dilated(ftr, dilation), groups, 0)
        return cut(base["convolution_input_gradient"](delta, ftr, strd, shape), padding)

    def convolution_filter_gradient(
        x: Array,
        delta: Array,
        strd: Any,
        ftr_shape: Any,
        *,
        padding: Any = NO_PADDING,
        dilation: Any = ONES,
        groups: int = 1,
    ) -> Array:
        shape = dense(dilated(np.empty(ftr_shape), dilation), groups, 0).shape
        z = base["convolution_filter_gradient"](padded(x, padding), delta, strd, shape)
        return grouped(z[:, :: dilation[0], :: dilation[1]], groups, 0)

    def convolution_transpose(
        x: Array,
        ftr: Array,
        strd: Any,
        *,
        padding: Any = NO_PADDING,
        dilation: Any = ONES,
        groups: int = 1,
        output_padding: Any = NONE,
        bias: Array = None,
    ) -> Array:
        whole = base["convolution_transpose"](x, dense(dilated(ftr, dilation), groups, 3), strd)
        z = cut(padded(whole, behind(output_padding)), padding)
        return z if bias is None else z + bias

    def convolution_transpose_input_gradient(
        delta: Array,
        ftr: Array,
        strd: Any,
        *,
        padding: Any = NO_PADDING,
        dilation: Any = ONES,
        groups: int = 1,
        output_padding: Any = NONE,
    ) -> Array:
        delta = cut(padded(delta, padding), behind(output_padding))
        ftr = dense(dilated(ftr, dilation), groups, 3)
        return base["convolution_transpose_input_gradient"](delta, ftr, strd)

    def convolution_transpose_filter_gradient(
        x: Array,
        delta: Array,
        strd: Any,
        ftr_shape: Any,
        *,
        padding: Any = NO_PADDING,
        dilation: Any = ONES,
        groups: int = 1,
        output_padding: Any = NONE,
    ) -> Array:
        delta = cut(padded(delta, padding), behind(output_padding))
        shape = dense(dilated(np.empty(ftr_shape), dilation), groups, 3).shape
        z = base["convolution_transpose_filter_gradient"](x, delta, strd, shape)
        return grouped(z[:, :: dilation[0], :: dilation[1]], groups, 3)

    made = (
        convolution,
        convolution_input_gradient,
        convolution_filter_gradient,
        convolution_transpose,
        convolution_transpose_input_gradient,
        convolution_transpose_filter_gradient,
    )
    return {**base, **{each.__name__: each for each in made}}


def _met(
    wide: Any, narrow: Any, taps: Any, strd: Any, padding: Any, dilation: Any
) -> Iterator[tuple[Any, Any, Any]]:
    """Yield taps, with the rows and columns of the narrow and the wide side that meet there."""
    for tap in product(*map(range, taps)):
        parts = []
        for at, (n, steps, s, (before, _), d) in enumerate(
            zip(wide, narrow, strd, padding, dilation, strict=True)
        ):
            start = tap[at] * d - before
            inside = [p for p in range(steps) if 0 <= p * s + start < n]
            if inside:
                first, last = inside[0], inside[-1]
                stop = last * s + start + 1
                parts.append((slice(first, last + 1), slice(first * s + start, stop, s)))
        if len(parts) == 2:
            (p, rows), (q, columns) = parts
            yield tap, (slice(None), p, q), (slice(None), rows, columns)


def _groups(side: Array, groups: int) -> Array:
    return side.reshape(*side.shape[:3], groups, side.shape[3] // groups)


def direct_convolution(
    x: Array,
    ftr: Array,
    strd: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = ONES,
    groups: int = 1,
    bias: Array = None,
) -> Array:
    """Add up what every tap contributes, where it meets the input, beginning with the bias."""
    i, h, w, o = ftr.shape
    steps = [
        (n + sum(pads) - (t - 1) * d - 1) // s + 1
        for n, pads, t, d, s in zip(x.shape[1:3], padding, (h, w), dilation, strd, strict=True)
    ]
    z = np.zeros((len(x), *steps, groups, o // groups), x.dtype)
    if bias is not None:
        z += bias.reshape(groups, -1)
    ftr, x = ftr.reshape(i, h, w, groups, o // groups), _groups(x, groups)
    for tap, narrow, wide in _met(x.shape[1:3], steps, (h, w), strd, padding, dilation):
        z[narrow] += np.einsum("bpqgi,igo->bpqgo", x[wide], ftr[:, tap[0], tap[1]])
    return z.reshape(len(x), *steps, o)


def direct_transpose(
    x: Array,
    ftr: Array,
    strd: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = ONES,
    groups: int = 1,
    output_padding: Any = NONE,
    bias: Array = None,
) -> Array:
    """Add what every tap makes of the input, where it lands on the output."""
    i, h, w, o = ftr.shape
    extents = [
        (n - 1) * s + (t - 1) * d + 1 + q - sum(pads)
        for n, s, t, d, q, pads in zip(
            x.shape[1:3], strd, (h, w), dilation, output_padding, padding, strict=True
        )
    ]
    z = np.zeros((len(x), *extents, groups, o), x.dtype)
    ftr, x = ftr.reshape(groups, i // groups, h, w, o), _groups(x, groups)
    for tap, narrow, wide in _met(extents, x.shape[1:3], (h, w), strd, padding, dilation):
        z[wide] += np.einsum("bpqgi,gio->bpqgo", x[narrow], ftr[:, :, tap[0], tap[1]])
    z = z.reshape(len(x), *extents, groups * o)
    return z if bias is None else z + bias


DIRECT = {"convolution": direct_convolution, "convolution_transpose": direct_transpose}

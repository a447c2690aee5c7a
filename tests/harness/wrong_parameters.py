"""Wrong kernels with parameters, written as users write them, without the catalogue's means.

`NAMED` have a mistake of the catalogue, by operation and id.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from whole import NO_PADDING, ONES, behind, cut, dilated, padded

Array = Any
Kernel = Callable[..., Array]
Pads = tuple[tuple[int, int], tuple[int, int]]


def _windows(x: Array, f: Array, s: Any) -> Array:
    view = np.lib.stride_tricks.sliding_window_view(x, f.shape[1:3], axis=(1, 2))
    return view[:, :: s[0], :: s[1]]


def _conv(x: Array, f: Array, s: Any) -> Array:
    return np.einsum("bpqihw,ihwo->bpqo", _windows(x, f, s), f)


def _whole(x: Array, f: Array, s: Any, more: Any = (0, 0)) -> Array:
    """Return a transposed convolution, extended at the bottom and right."""
    (b, h, w, _), (_, fh, fw, o) = x.shape, f.shape
    z = np.zeros((b, (h - 1) * s[0] + fh + more[0], (w - 1) * s[1] + fw + more[1], o), x.dtype)
    for r, c in product(range(fh), range(fw)):
        z[:, r : r + h * s[0] : s[0], c : c + w * s[1] : s[1]][:, :h, :w] += x @ f[:, r, c]
    return z


def convolution(
    *,
    pad: Callable[..., Array] = padded,
    pads: Callable[[Pads], Any] = lambda p: p,
    dilate: Callable[[Any, Any], Any] = lambda d, _: d,
    group_x: Callable[[Array, int, int], Array] = lambda x, g, n: np.split(x, n, 3)[g],
    group_f: Callable[[Array, int, int], Array] = lambda f, g, n: np.split(f, n, 3)[g],
    join: Callable[[list[Array]], Array] = lambda parts: np.concatenate(parts, 3),
    add: Callable[..., Array] = lambda z, bias, *_: z + bias,
) -> Kernel:
    """Return a convolution, one step of which may be another."""

    def kernel(
        x: Array,
        f: Array,
        s: Any,
        padding: Any = NO_PADDING,
        dilation: Any = (1, 1),
        groups: int = 1,
        bias: Any = None,
    ) -> Array:
        wide, taps = pad(x, pads(padding)), dilated(f, dilate(dilation, s))
        parts = [
            _conv(group_x(wide, g, groups), group_f(taps, g, groups), s) for g in range(groups)
        ]
        z = join(parts)
        return z if bias is None else add(z, bias, x, f, groups, parts)

    return kernel


def transpose(
    *,
    pads: Callable[[Pads, Any], Any] = lambda p, _: p,
    more: Callable[[Any], Any] = lambda q: q,
    dilate: Callable[[Any, Any], Any] = lambda d, _: d,
    finish: Callable[..., Array] | None = None,
) -> Kernel:
    """Return a transposed convolution, one step of which may be another."""

    def kernel(
        x: Array,
        f: Array,
        s: Any,
        padding: Any = NO_PADDING,
        dilation: Any = (1, 1),
        groups: int = 1,
        output_padding: Any = (0, 0),
        bias: Any = None,
    ) -> Array:
        taps = dilated(f, dilate(dilation, s))
        pairs = zip(np.split(x, groups, 3), np.split(taps, groups, 0), strict=True)
        q = more(output_padding)
        if finish is not None:
            z = np.concatenate([_whole(a, b, s) for a, b in pairs], 3)
            return finish(z, padding, output_padding, 0 if bias is None else bias)
        z = np.concatenate([_whole(a, b, s, q) for a, b in pairs], 3)
        z = cut(z, pads(padding, taps))
        return z if bias is None else z + bias

    return kernel


def loops(
    at: Callable[..., int] = lambda p, h, s, d, pad: p * s + h * d - pad,
    channel: Callable[..., int] = lambda o, i, c, co, n: o // (co // n) * (c // n) + i,
    each: Callable[[Array, Array], Array] | None = None,
) -> Kernel:
    """Return a convolution by loops: where a step and tap read, and which channel."""

    def kernel(
        x: Array,
        f: Array,
        s: Any,
        padding: Any = NO_PADDING,
        dilation: Any = (1, 1),
        groups: int = 1,
        bias: Any = None,
    ) -> Array:
        (b, height, width, c), (ci, fh, fw, co) = x.shape, f.shape
        rows, columns = (
            (n + sum(pad) - (t - 1) * d - 1) // k + 1
            for n, pad, t, d, k in zip((height, width), padding, (fh, fw), dilation, s, strict=True)
        )
        z = np.zeros((b, rows, columns, co), x.dtype)
        for p, q, h, w in product(range(rows), range(columns), range(fh), range(fw)):
            row = at(p, h, s[0], dilation[0], padding[0][0])
            column = at(q, w, s[1], dilation[1], padding[1][0])
            if 0 <= row < height and 0 <= column < width:
                for o, i in product(range(co), range(ci)):
                    seen = channel(o, i, c, co, groups)
                    z[:, p, q, o] += x[:, row, column, seen] * f[i, h, w, o]
                if each and bias is not None:
                    z[:, p, q] += bias
        return z if bias is None or each else z + bias

    return kernel


def input_gradient(
    finish: Callable[..., Array], pads: Callable[[Pads], Any] | None = None
) -> Kernel:
    """Return the gradient of a convolution's input, made with its padding, and then cut."""

    def kernel(
        delta: Array,
        f: Array,
        s: Any,
        x_shape: Any,
        padding: Any = NO_PADDING,
        dilation: Any = (1, 1),
        groups: int = 1,
    ) -> Array:
        (b, h, w, c), ((top, bottom), (left, right)) = x_shape, padding
        z = np.zeros((b, top + h + bottom, left + w + right, c), delta.dtype)
        pairs = zip(np.split(delta, groups, 3), np.split(f, groups, 3), strict=True)
        parts = [_whole(d, dilated(g, dilation).transpose(3, 1, 2, 0), s) for d, g in pairs]
        part = np.concatenate(parts, 3)
        z[:, : part.shape[1], : part.shape[2]] = part
        return finish(z, pads(padding) if pads else padding)

    return kernel


def filter_gradient(
    pad: Callable[..., Array] = padded,
    taps: Callable[[Any, Any], Any] = lambda d, _: d,
    group: Callable[[list[Array]], list[Array]] = lambda parts: parts,
) -> Kernel:
    """Return the gradient of a convolution's filter."""

    def kernel(
        x: Array,
        delta: Array,
        s: Any,
        ftr_shape: Any,
        padding: Any = NO_PADDING,
        dilation: Any = (1, 1),
        groups: int = 1,
    ) -> Array:
        (_, fh, fw, co), wide = ftr_shape, pad(x, padding)
        down, across = taps(dilation, s)
        (_, p, q, _), z = delta.shape, np.zeros(ftr_shape, x.dtype)
        xs, deltas = group(np.split(wide, groups, 3)), np.split(delta, groups, 3)
        for h, w, g in product(range(fh), range(fw), range(groups)):
            part = xs[g][:, h * down :, w * across :][:, :: s[0], :: s[1]][:, :p, :q]
            n = co // groups
            seen = deltas[g][:, : part.shape[1], : part.shape[2]]
            z[:, h, w, g * n : (g + 1) * n] = np.einsum("bpqi,bpqo->io", part, seen)
        return z

    return kernel


def _interleaved(parts: list[Array]) -> Array:
    return np.stack(parts, 4).reshape(*parts[0].shape[:3], -1)


def _by_minus(z: Array, padding: Pads) -> Array:
    """Cut padding off as it is often written."""
    (top, bottom), (left, right) = padding
    return z[:, top:-bottom, left:-right]


def _by_one(z: Array, padding: Pads) -> Array:
    return z[:, 1:-1, 1:-1] if np.any(padding) else z


def _extended(z: Array, padding: Pads, q: Any, bias: Any) -> Array:
    """Cut, add the bias, and put zeros behind."""
    return padded(cut(z, padding) + bias, behind(q))


def _biased_late(z: Array, padding: Pads, q: Any, bias: Any) -> Array:
    """Cut, put zeros behind, and add the bias."""
    return padded(cut(z, padding), behind(q)) + bias


def _biased_early(z: Array, padding: Pads, q: Any, bias: Any) -> Array:
    """Add the bias to the whole result, extend it, and cut the padding off."""
    return cut(padded(z + bias, behind(q)), padding)


def _in_groups(z: Array, bias: Array, x: Array, f: Array, groups: int, parts: list[Array]) -> Array:  # noqa: ARG001
    """Add the bias of the first group to each."""
    return np.concatenate([each + bias[: each.shape[3]] for each in parts], 3)


def _exchanged(
    x: Array, f: Array, s: Any, padding: Any = NO_PADDING, dilation: Any = ONES
) -> Array:
    return convolution()(x, f, dilation, padding, s)


CONVOLUTION: Mapping[str, Kernel] = {
    "padding-ignored": convolution(pads=lambda _: NO_PADDING),
    "padding-doubled": convolution(pad=lambda x, p: padded(padded(x, p), p)),
    "padding-reversed": convolution(pads=lambda p: (p[0][::-1], p[1][::-1])),
    "padding-reversed-rows": convolution(pads=lambda p: (p[0][::-1], p[1])),
    "padding-exchanged": convolution(pads=lambda p: (p[1], p[0])),
    "padding-by-corners": convolution(pads=lambda p: ((p[0][0], p[1][0]), (p[0][1], p[1][1]))),
    "padding-first": convolution(pads=lambda p: tuple((one, one) for one, _ in p)),
    "padding-last": convolution(pads=lambda p: tuple((one, one) for _, one in p)),
    "padding-edge": convolution(pad=lambda x, p: padded(x, p, mode="edge")),
    "padding-reflect": convolution(pad=lambda x, p: padded(x, p, mode="reflect")),
    "padding-wrap": convolution(pad=lambda x, p: padded(x, p, mode="wrap")),
    "dilation-ignored": convolution(dilate=lambda *_: (1, 1)),
    "dilation-of-rows": convolution(dilate=lambda d, _: (d[0], d[0])),
    "dilation-exchanged": convolution(dilate=lambda d, _: d[::-1]),
    "dilation-ignored-strided": convolution(
        dilate=lambda d, s: tuple(1 if k > 1 else n for n, k in zip(d, s, strict=True))
    ),
    "stride-and-dilation": _exchanged,
    "dilation-of-stride": convolution(dilate=lambda _, s: tuple(s)),
    "groups-dealt-in": convolution(group_x=lambda x, g, n: x[..., g::n]),
    "groups-filter-of-first": convolution(group_f=lambda f, _, n: np.split(f, n, 3)[0]),
    "groups-ignored": loops(channel=lambda _, i, *__: i),
    "groups-of-one-if-several": convolution(
        group_x=lambda x, g, n: (
            x if n == 1 else np.pad(x[..., g : g + 1], [(0, 0)] * 3 + [(0, x.shape[3] // n - 1)])
        )
    ),
    "groups-dealt-out": convolution(join=_interleaved),
    "groups-reversed-out": convolution(join=lambda parts: np.concatenate(parts[::-1], 3)),
    "groups-shuffled-out": loops(channel=lambda o, i, c, _, n: o % n * (c // n) + i),
    "bias-ignored": convolution(add=lambda z, *_: z),
    "bias-twice": convolution(add=lambda z, bias, *_: z + bias + bias),
    "bias-per-meeting": loops(each=np.add),
    "bias-per-tap": convolution(
        add=lambda z, bias, _, f, *__: sum([bias] * (f.shape[1] * f.shape[2]), z)
    ),
    "bias-per-group": convolution(add=lambda z, bias, _, __, groups, ___: z + groups * bias),
    "bias-of-first": convolution(add=lambda z, bias, *_: z + bias[0]),
    "bias-of-first-group": convolution(add=_in_groups),
}

NAMED: Mapping[tuple[str, str], Kernel] = {
    **{("convolution", each): kernel for each, kernel in CONVOLUTION.items()},
    ("convolution_transpose", "output-padding-dropped"): transpose(more=lambda _: (0, 0)),
    ("convolution_transpose", "output-padding-exchanged"): transpose(more=lambda q: q[::-1]),
    ("convolution_transpose", "output-padding-empty"): transpose(finish=_extended),
    ("convolution_transpose", "output-padding-zero"): transpose(finish=_biased_late),
    ("convolution_transpose", "output-padding-unbiased"): transpose(finish=_biased_early),
    ("convolution_transpose", "padding-ignored"): transpose(pads=lambda *_: NO_PADDING),
    ("convolution_transpose", "padding-last"): transpose(
        pads=lambda p, _: tuple((one, one) for _, one in p)
    ),
    ("convolution_transpose", "dilation-exchanged"): transpose(dilate=lambda d, _: d[::-1]),
    ("convolution_input_gradient", "padding-cut-by-minus-zero"): input_gradient(_by_minus),
    ("convolution_input_gradient", "padding-cut-by-minus-zero-if-any"): input_gradient(
        lambda z, p: _by_minus(z, p) if np.any(p) else z
    ),
    ("convolution_input_gradient", "padding-cut-by-one"): input_gradient(_by_one),
    ("convolution_input_gradient", "padding-kept"): input_gradient(lambda z, _: z),
    ("convolution_input_gradient", "padding-reversed"): input_gradient(
        cut, lambda p: (p[0][::-1], p[1][::-1])
    ),
    ("convolution_filter_gradient", "padding-edge"): filter_gradient(
        lambda x, p: padded(x, p, mode="edge")
    ),
    ("convolution_filter_gradient", "dilation-ignored"): filter_gradient(taps=lambda *_: (1, 1)),
    ("convolution_filter_gradient", "groups-reversed-in"): filter_gradient(
        group=lambda parts: parts[::-1]
    ),
}

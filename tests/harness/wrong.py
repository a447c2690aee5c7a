"""Wrong kernels written as users write them, without the catalogue's means.

`NAMED` have a mistake of the catalogue, by its id; `UNSEEN` have none, but a pattern whose words
are given.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from zoo import STYLES, kernels

Array = Any
Kernel = Callable[..., Array]
RIGHT = kernels(STYLES["fused"])


def _out(x: Array, f: Array, s: Any, ceil: int = 0) -> tuple[int, int]:
    rows, columns = (
        (n - t + ceil * (k - 1)) // k + 1
        for n, t, k in zip(x.shape[1:3], f.shape[1:3], s, strict=True)
    )
    return rows, columns


def loops(
    x: Array, f: Array, s: Any, *, at: Callable[..., tuple[int, int]] | None = None, ceil: int = 0
) -> Array:
    """Convolve by loops; `at` says which place of x a step and tap read."""
    (rows, columns), (_, fh, fw, o) = _out(x, f, s, ceil), f.shape
    z = np.zeros((x.shape[0], rows, columns, o), x.dtype)
    for p, q, h, w in product(range(rows), range(columns), range(fh), range(fw)):
        r, c = at(p, q, h, w) if at else (p * s[0] + h, q * s[1] + w)
        if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
            z[:, p, q] += x[:, r, c] @ f[:, h, w]
    return z


def flipped(x: Array, f: Array, s: Any) -> Array:
    """Convolve as mathematicians do."""
    _, fh, fw, _ = f.shape
    return loops(x, f, s, at=lambda p, q, h, w: (p * s[0] + fh - 1 - h, q * s[1] + fw - 1 - w))


def stride_ignored(x: Array, f: Array, s: Any) -> Array:
    """Move the window by one row whatever the stride."""
    return loops(x, f, s, at=lambda p, q, h, w: (p + h, q * s[1] + w))


def dilated(x: Array, f: Array, s: Any) -> Array:
    """Spread the taps by the stride."""
    return loops(x, f, s, at=lambda p, q, h, w: ((p + h) * s[0], (q + w) * s[1]))


def rounded_up(x: Array, f: Array, s: Any) -> Array:
    """Count a window that overhangs."""
    return loops(x, f, s, ceil=1)


def strides_exchanged(x: Array, f: Array, s: Any) -> Array:
    """Take (width, height) for (height, width)."""
    return loops(x, f, s[::-1])


def aligned_at_end(x: Array, f: Array, s: Any) -> Array:
    """Count windows from the far corner."""
    z = loops(x[:, ::-1, ::-1], f[:, ::-1, ::-1], s)
    return np.ascontiguousarray(z[:, ::-1, ::-1])


def last_tap(x: Array, f: Array, s: Any) -> Array:
    """Leave out the last filter column."""
    f = f.copy()
    f[:, :, -1] = 0
    return loops(x, f, s)


def last_channel(x: Array, f: Array, s: Any) -> Array:
    """Leave out the last channel in."""
    return RIGHT["convolution"](np.where(np.arange(x.shape[3]) < x.shape[3] - 1, x, 0), f, s)


def hwio(x: Array, f: Array, s: Any) -> Array:
    """Take the filter's memory for HWIO."""
    i, h, w, o = f.shape
    return loops(x, np.ascontiguousarray(f).reshape(h, w, i, o).transpose(2, 0, 1, 3), s)


def turned(x: Array, f: Array, s: Any) -> Array:
    """Exchange the filter's rows and columns in the letters of an einsum."""
    windows = np.lib.stride_tricks.sliding_window_view(x, f.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cjio->bhwo", windows[:, :: s[0], :: s[1]], f)


def half(x: Array, f: Array, s: Any) -> Array:
    """Compute in half precision."""
    return RIGHT["convolution"](x.astype("f2"), f.astype("f2"), s).astype(x.dtype)


def half_input(x: Array, f: Array, s: Any) -> Array:
    """Keep the input in half precision."""
    return RIGHT["convolution"](x.astype("f2").astype(x.dtype), f, s)


def rectified(x: Array, f: Array, s: Any) -> Array:
    """Clear negative results."""
    z = loops(x, f, s)
    z[z < 0] = 0
    return z


def nan_cleared(x: Array, f: Array, s: Any) -> Array:
    """Clear NaN and infinity in the input."""
    return RIGHT["convolution"](np.where(np.isfinite(x), x, 0).astype(x.dtype), f, s)


def tail_of_eight(x: Array, f: Array, s: Any) -> Array:
    """Work on blocks of eight channels in, and forget the rest."""
    n = x.shape[3]
    whole = n - n % 8 if n >= 8 else n
    return RIGHT["convolution"](x[..., :whole], f[:whole], s)


def tail_rows(x: Array, f: Array, s: Any) -> Array:
    """Work on blocks of four rows, and forget the rest."""
    z = loops(x, f, s)
    if z.shape[1] >= 4:
        z[:, z.shape[1] // 4 * 4 :] = 0
    return z


def overwritten(x: Array, f: Array, s: Any) -> Array:
    """Write every window over those before it."""
    (b, h, w, _), (_, fh, fw, o) = x.shape, f.shape
    z = np.zeros((b, (h - 1) * s[0] + fh, (w - 1) * s[1] + fw, o), x.dtype)
    for p, q in product(range(h), range(w)):
        rows, columns = (slice(n * k, n * k + t) for n, k, t in ((p, s[0], fh), (q, s[1], fw)))
        z[:, rows, columns] = np.einsum("bi,ihwo->bhwo", x[:, p, q], f)
    return z


def no_gap(x: Array, f: Array, s: Any) -> Array:
    """Crop to the stride's multiple."""
    z = RIGHT["convolution_transpose"](x, f, s)
    shape = (x.shape[1] * s[0], x.shape[2] * s[1])
    full = np.zeros((z.shape[0], *shape, z.shape[3]), z.dtype)
    part = z[:, : shape[0], : shape[1]]
    full[:, : part.shape[1], : part.shape[2]] = part
    return full


def remainder_lost(delta: Array, f: Array, s: Any, x_shape: Any) -> Array:
    """Return what windows reach, and no remainder."""
    _, h, w, _ = delta.shape
    rows, columns = (h - 1) * s[0] + f.shape[1], (w - 1) * s[1] + f.shape[2]
    return RIGHT["convolution_input_gradient"](delta, f, s, x_shape)[:, :rows, :columns]


def mean_over_batch(x: Array, delta: Array, s: Any, shape: Any) -> Array:
    """Average the gradient over the batch."""
    return RIGHT["convolution_filter_gradient"](x, delta, s, shape) / max(len(x), 1)


def last_item(x: Array, delta: Array, s: Any, shape: Any) -> Array:
    """Overwrite the gradient of the items before."""
    z = np.zeros(shape, x.dtype)
    for n in range(len(x)):
        z = RIGHT["convolution_filter_gradient"](x[n : n + 1], delta[n : n + 1], s, shape)
    return z


def gradient_flipped(x: Array, delta: Array, s: Any, shape: Any) -> Array:
    """Return the gradient upside down."""
    return RIGHT["convolution_transpose_filter_gradient"](x, delta, s, shape)[:, ::-1]


def channels_exchanged(delta: Array, f: Array, s: Any) -> Array:
    """Take the filter's channels the wrong way round."""
    windows = np.lib.stride_tricks.sliding_window_view(delta, f.shape[1:3], axis=(1, 2))
    return np.einsum("bpqohw,ohwi->bpqi", windows[:, :: s[0], :: s[1]], f)


def no_derivative(
    d: Array, w: Array, fs: Any, a: Array, x: Array, f: Array, s: Any, **k: Any
) -> Any:
    """Forget the activation."""
    return RIGHT["conv_back_prop"](d, w, fs, np.ones_like(a), x, f, s, **k)


def fore_flipped(
    d: Array, w: Array, fs: Any, a: Array, x: Array, f: Array, s: Any, **k: Any
) -> Any:
    """Flip the filter of layer l+1."""
    return RIGHT["conv_back_prop"](d, w[:, ::-1, ::-1], fs, a, x, f, s, **k)


def kind_ignored(
    d: Array, w: Array, fs: Any, a: Array, x: Array, f: Array, s: Any, *, fore_layer: str = ""
) -> Any:
    """Take layer l+1 for a transposed convolution."""
    del fore_layer
    return RIGHT["conv_transpose_back_prop"](d, w, fs, a, x, f, s)


def stale() -> Kernel:
    """Return a kernel that packs filters once for each shape."""
    packed: dict[Any, Array] = {}

    def kernel(x: Array, f: Array, s: Any) -> Array:
        return RIGHT["convolution"](x, packed.setdefault(f.shape, f.copy()), s)

    return kernel


NAMED: Mapping[str, tuple[str, str, Kernel]] = {
    "flipped": ("convolution", "filter-flipped", flipped),
    "stride ignored": ("convolution", "stride-ignored-rows", stride_ignored),
    "dilated": ("convolution", "stride-dilates", dilated),
    "rounded up": ("convolution", "rounded-up", rounded_up),
    "strides exchanged": ("convolution", "strides-exchanged", strides_exchanged),
    "aligned at end": ("convolution", "aligned-at-end", aligned_at_end),
    "last tap": ("convolution", "last-tap-skipped-columns", last_tap),
    "last channel": ("convolution", "last-channel-in-lost", last_channel),
    "HWIO": ("convolution", "filter-as-hwio", hwio),
    "turned": ("convolution", "filter-turned-late", turned),
    "half precision": ("convolution", "float16-inside", half),
    "half precision input": ("convolution", "float16-first", half_input),
    "rectified": ("convolution", "result-rectified", rectified),
    "NaN cleared": ("convolution", "nan-cleared-first", nan_cleared),
    "tail of eight": ("convolution", "channels-in-tail-8", tail_of_eight),
    "tail of rows": ("convolution", "rows-tail-4", tail_rows),
    "stale": ("convolution", "stale-second", stale()),
    "overwritten": ("convolution_transpose", "overlap-last", overwritten),
    "no gap": ("convolution_transpose", "extent-steps-times-stride", no_gap),
    "remainder lost": ("convolution_input_gradient", "remainder-missing", remainder_lost),
    "mean over the batch": ("convolution_filter_gradient", "mean-of-batch", mean_over_batch),
    "last item": ("convolution_filter_gradient", "only-last-batch-item", last_item),
    "gradient flipped": (
        "convolution_transpose_filter_gradient",
        "filter-flipped-rows",
        gradient_flipped,
    ),
    "channels exchanged": (
        "convolution_transpose_input_gradient",
        "channels-exchanged",
        channels_exchanged,
    ),
    "no derivative": ("conv_back_prop", "d-act-missing", no_derivative),
    "fore flipped": ("conv_back_prop", "fore-filter-flipped", fore_flipped),
    "kind ignored": (
        "conv_transpose_back_prop",
        "fore-kind-convolution-transpose",
        kind_ignored,
    ),
}


def _spoilt(
    condition: Callable[[Array, Array, Any], bool], spoil: Callable[[Array], Any]
) -> Kernel:
    """Return a convolution whose result is spoilt on a condition."""

    def kernel(x: Array, f: Array, s: Any) -> Array:
        z = np.array(RIGHT["convolution"](x, f, s))
        if condition(x, f, s):
            spoil(z)
        return z

    return kernel


def _corner(z: Array) -> None:
    z[:, -1:, -1:] += 1


def _filtered(change: Callable[[Array], Any]) -> Kernel:
    def kernel(x: Array, f: Array, s: Any) -> Array:
        f = np.array(f)
        change(f)
        return RIGHT["convolution"](x, f, s)

    return kernel


def _second_channel(f: Array) -> None:
    f[..., 1:2] *= 3


def _one_tap(f: Array) -> None:
    f[:, 1:2, :1] = 0


def _squared(x: Array, f: Array, s: Any) -> Array:
    return RIGHT["convolution"](x * x, f, s)


def _limited(x: Array, f: Array, s: Any) -> Array:
    return RIGHT["convolution"](np.clip(x, -300, 300).astype(x.dtype), f, s)


def _thrice(x: Array, f: Array, s: Any) -> Array:
    return 3 * RIGHT["convolution"](x, f, s)


def _raises(x: Array, f: Array, s: Any) -> Array:
    if s[0] != s[1]:
        raise NotImplementedError("strides differ")
    return RIGHT["convolution"](x, f, s)


def _noisy(x: Array, f: Array, s: Any) -> Array:
    z = RIGHT["convolution"](x, f, s)
    return (z * (1 + 2.0**-9 * np.cos(np.arange(z.size).reshape(z.shape)))).astype(z.dtype)


UNSEEN: Mapping[str, tuple[str, str, Kernel]] = {
    "one geometry": (
        "h7.w3.i1.o1.f3x1.s2x1",
        "height is 7 and filter height is 3 and stride height is 2",
        _spoilt(lambda x, f, s: (x.shape[1], f.shape[1], s[0]) == (7, 3, 2), _corner),
    ),
    "from 16 channels on": (
        "h2.w2.i16.o1.f2x2.s1x1",
        "channels in is 16 or more",
        _spoilt(lambda x, _, __: x.shape[3] >= 16, _corner),
    ),
    "channels no multiple of 4": (
        "h2.w2.i1.o1.f2x2.s1x1",
        "channels in is no multiple of 4",
        _spoilt(lambda x, _, __: x.shape[3] % 4 > 0, _corner),
    ),
    "remainder": (
        "h4.w2.i1.o1.f1x2.s2x1",
        "a remainder is left in rows",
        _spoilt(lambda x, f, s: (x.shape[1] - f.shape[1]) % s[0] > 0, _corner),
    ),
    "odd width": (
        "h2.w3.i1.o1.f2x2.s1x1",
        "width is odd",
        _spoilt(lambda x, _, __: x.shape[2] % 2 == 1, _corner),
    ),
    "large batch": (
        "h2.w3.i1.o1.f2x2.s1x1",
        "batch is 5 or more",
        _spoilt(lambda x, _, __: len(x) > 4, _corner),
    ),
    "square filters": (
        "h3.w3.i1.o1.f2x2.s1x1",
        "filter height and width are equal",
        _spoilt(lambda _, f, __: f.shape[1] == f.shape[2], _corner),
    ),
    "float32": (
        "h2.w3.i1.o1.f2x2.s1x1",
        "wrong only in float32",
        _spoilt(lambda x, _, __: x.dtype == np.float32, _corner),
    ),
    "last corner": (
        "h4.w4.i1.o1.f2x2.s1x1",
        "wrong only in the last row and in the last column",
        _spoilt(lambda *_: True, _corner),
    ),
    "one channel": ("h3.w3.i1.o3.f2x2.s1x1", "wrong only in channel 1", _filtered(_second_channel)),
    "one tap": ("h3.w3.i1.o1.f2x2.s1x1", "filter tap (1, 0) left out", _filtered(_one_tap)),
    "squared": ("h3.w3.i1.o1.f2x2.s1x1", "the sign of x does not matter", _squared),
    "limited": ("h3.w3.i1.o1.f2x2.s1x1", "large numbers in x", _limited),
    "thrice": ("h3.w3.i1.o1.f2x2.s1x1", "3 times what they should be", _thrice),
    "raises": ("h3.w3.i1.o1.f2x2.s1x2", "both strides differ", _raises),
    "noisy": ("h3.w3.i1.o1.f2x2.s1x1", "errors are small", _noisy),
}

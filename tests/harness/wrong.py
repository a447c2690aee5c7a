"""Wrong kernels written as users write them, without the catalogue's means.

`NAMED` have a mistake of the catalogue, by operation and id; `UNSEEN` have none, but a pattern
whose words are given.
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from zoo import STYLES, kernels

Array = Any
Kernel = Callable[..., Array]
Change = Callable[[Array], Array]
RIGHT = kernels(STYLES["fused"])
_right = RIGHT["convolution"]


def _out(x: Array, f: Array, s: Any, ceil: int = 0) -> tuple[int, int]:
    rows, columns = (
        (n - t + ceil * (k - 1)) // k + 1
        for n, t, k in zip(x.shape[1:3], f.shape[1:3], s, strict=True)
    )
    return rows, columns


def _loops(at: Callable[..., tuple[int, int]] | None = None, ceil: int = 0) -> Kernel:
    """Return a convolution by loops; `at` says where a step and tap read, of strides and taps."""

    def kernel(x: Array, f: Array, s: Any) -> Array:
        (rows, columns), (_, fh, fw, o) = _out(x, f, s, ceil), f.shape
        z = np.zeros((x.shape[0], rows, columns, o), x.dtype)
        for p, q, h, w in product(range(rows), range(columns), range(fh), range(fw)):
            r, c = at(p, q, h, w, *s, fh, fw) if at else (p * s[0] + h, q * s[1] + w)
            if 0 <= r < x.shape[1] and 0 <= c < x.shape[2]:
                z[:, p, q] += x[:, r, c] @ f[:, h, w]
        return z

    return kernel


_by_loops = _loops()


def _einsum(letters: str) -> Kernel:
    """Return a kernel of windows and filters, with letters of its own."""

    def kernel(x: Array, f: Array, s: Any) -> Array:
        windows = np.lib.stride_tricks.sliding_window_view(x, f.shape[1:3], axis=(1, 2))
        return np.einsum(letters, windows[:, :: s[0], :: s[1]], f)

    return kernel


def _aligned_at_end(x: Array, f: Array, s: Any) -> Array:
    z = _by_loops(x[:, ::-1, ::-1], f[:, ::-1, ::-1], s)
    return np.ascontiguousarray(z[:, ::-1, ::-1])


def _as_hwio(f: Array) -> Array:
    i, h, w, o = f.shape
    return np.ascontiguousarray(f).reshape(h, w, i, o).transpose(2, 0, 1, 3)


def _half(x: Array, f: Array, s: Any) -> Array:
    return _right(x.astype("f2"), f.astype("f2"), s).astype(x.dtype)


def _half_input(x: Array, f: Array, s: Any) -> Array:
    return _right(x.astype("f2").astype(x.dtype), f, s)


def _tail_of_eight(x: Array, f: Array, s: Any) -> Array:
    """Work on blocks of eight channels in, and forget the rest."""
    n = x.shape[3]
    whole = n - n % 8 if n >= 8 else n
    return _right(x[..., :whole], f[:whole], s)


def _tail_rows(x: Array, f: Array, s: Any) -> Array:
    """Work on blocks of four rows, and forget the rest."""
    z = _by_loops(x, f, s)
    if z.shape[1] >= 4:
        z[:, z.shape[1] // 4 * 4 :] = 0
    return z


def _overwritten(x: Array, f: Array, s: Any) -> Array:
    """Write every window over those before it."""
    (b, h, w, _), (_, fh, fw, o) = x.shape, f.shape
    z = np.zeros((b, (h - 1) * s[0] + fh, (w - 1) * s[1] + fw, o), x.dtype)
    for p, q in product(range(h), range(w)):
        rows, columns = (slice(n * k, n * k + t) for n, k, t in ((p, s[0], fh), (q, s[1], fw)))
        z[:, rows, columns] = np.einsum("bi,ihwo->bhwo", x[:, p, q], f)
    return z


def _no_gap(x: Array, f: Array, s: Any) -> Array:
    """Crop to the stride's multiple."""
    z = RIGHT["convolution_transpose"](x, f, s)
    shape = (x.shape[1] * s[0], x.shape[2] * s[1])
    full = np.zeros((z.shape[0], *shape, z.shape[3]), z.dtype)
    part = z[:, : shape[0], : shape[1]]
    full[:, : part.shape[1], : part.shape[2]] = part
    return full


def _remainder_lost(delta: Array, f: Array, s: Any, x_shape: Any) -> Array:
    """Return what windows reach, and no remainder."""
    _, h, w, _ = delta.shape
    rows, columns = (h - 1) * s[0] + f.shape[1], (w - 1) * s[1] + f.shape[2]
    return RIGHT["convolution_input_gradient"](delta, f, s, x_shape)[:, :rows, :columns]


def _last_item(x: Array, delta: Array, s: Any, shape: Any) -> Array:
    """Overwrite the gradient of the items before."""
    z = np.zeros(shape, x.dtype)
    for n in range(len(x)):
        z = RIGHT["convolution_filter_gradient"](x[n : n + 1], delta[n : n + 1], s, shape)
    return z


def _kind_ignored(*given: Any, fore_layer: str = "") -> Array:  # noqa: ARG001
    """Take layer l+1 for a transposed convolution."""
    return RIGHT["conv_transpose_back_prop"](*given)


def _stale() -> Kernel:
    """Return a kernel that packs filters once for each shape."""
    packed: dict[Any, Array] = {}
    return lambda x, f, s: _right(x, packed.setdefault(f.shape, f.copy()), s)


def altered(*, x: Change | None = None, f: Change | None = None, z: Change | None = None) -> Kernel:
    """Return a convolution of changed arguments, or with a changed result."""

    def kernel(x_: Array, f_: Array, s: Any) -> Array:
        result = _right(x(x_) if x else x_, f(f_) if f else f_, s)
        return z(result) if z else result

    return kernel


def _last_cleared(axis: int) -> Change:
    """Return a change that leaves out what stands last along an axis."""

    def change(array: Array) -> Array:
        array = np.array(array)
        np.moveaxis(array, axis, 0)[-1:] = 0
        return array

    return change


def _second_channel(f: Array) -> Array:
    f = np.array(f)
    f[..., 1:2] *= 3
    return f


def _one_tap(f: Array) -> Array:
    f = np.array(f)
    f[:, 1:2, :1] = 0
    return f


NAMED: Mapping[tuple[str, str], Kernel] = {
    ("convolution", "filter-flipped"): _loops(
        lambda p, q, h, w, sh, sw, fh, fw: (p * sh + fh - 1 - h, q * sw + fw - 1 - w)
    ),
    ("convolution", "stride-ignored-rows"): _loops(
        lambda p, q, h, w, _, sw, *__: (p + h, q * sw + w)
    ),
    ("convolution", "stride-dilates"): _loops(
        lambda p, q, h, w, sh, sw, *_: ((p + h) * sh, (q + w) * sw)
    ),
    ("convolution", "rounded-up"): _loops(ceil=1),
    ("convolution", "strides-exchanged"): lambda x, f, s: _by_loops(x, f, s[::-1]),
    ("convolution", "aligned-at-end"): _aligned_at_end,
    ("convolution", "last-tap-skipped-columns"): altered(f=_last_cleared(2)),
    ("convolution", "last-channel-in-lost"): altered(x=_last_cleared(3)),
    ("convolution", "filter-as-hwio"): altered(f=_as_hwio),
    ("convolution", "filter-turned-late"): _einsum("bhwcij,cjio->bhwo"),
    ("convolution", "float16-inside"): _half,
    ("convolution", "float16-first"): _half_input,
    ("convolution", "result-rectified"): altered(z=lambda z: np.where(z < 0, 0, z).astype(z.dtype)),
    ("convolution", "nan-cleared-first"): altered(
        x=lambda x: np.where(np.isfinite(x), x, 0).astype(x.dtype)
    ),
    ("convolution", "channels-in-tail-8"): _tail_of_eight,
    ("convolution", "rows-tail-4"): _tail_rows,
    ("convolution", "stale-second"): _stale(),
    ("convolution_transpose", "overlap-last"): _overwritten,
    ("convolution_transpose", "extent-steps-times-stride"): _no_gap,
    ("convolution_input_gradient", "remainder-missing"): _remainder_lost,
    ("convolution_filter_gradient", "mean-of-batch"): lambda x, *rest: (
        RIGHT["convolution_filter_gradient"](x, *rest) / max(len(x), 1)
    ),
    ("convolution_filter_gradient", "only-last-batch-item"): _last_item,
    ("convolution_transpose_filter_gradient", "filter-flipped-rows"): lambda *given: RIGHT[
        "convolution_transpose_filter_gradient"
    ](*given)[:, ::-1],
    ("convolution_transpose_input_gradient", "channels-exchanged"): _einsum("bpqohw,ohwi->bpqi"),
    ("conv_back_prop", "d-act-missing"): lambda d, w, fs, a, *rest, **k: RIGHT["conv_back_prop"](
        d, w, fs, np.ones_like(a), *rest, **k
    ),
    ("conv_back_prop", "fore-filter-flipped"): lambda d, w, *rest, **k: RIGHT["conv_back_prop"](
        d, w[:, ::-1, ::-1], *rest, **k
    ),
    ("conv_transpose_back_prop", "fore-kind-convolution-transpose"): _kind_ignored,
}


def _corner(condition: Callable[[Array, Array, Any], bool]) -> Kernel:
    """Return a convolution whose last corner is off on a condition."""

    def kernel(x: Array, f: Array, s: Any) -> Array:
        z = np.array(_right(x, f, s))
        if condition(x, f, s):
            z[:, -1:, -1:] += 1
        return z

    return kernel


def _raises(x: Array, f: Array, s: Any) -> Array:
    if s[0] != s[1]:
        raise NotImplementedError("strides differ")
    return _right(x, f, s)


def _noisy(z: Array) -> Array:
    return (z * (1 + 2.0**-9 * np.cos(np.arange(z.size).reshape(z.shape)))).astype(z.dtype)


ONE_TAP = altered(f=_one_tap)
SMALL = "h3.w3.i1.o1.f2x2.s1x1"
# A geometry and a kernel, by the words that are to be said.
UNSEEN: Mapping[str, tuple[str, Kernel]] = {
    "height is 7 and filter height is 3 and stride height is 2": (
        "h7.w3.i1.o1.f3x1.s2x1",
        _corner(lambda x, f, s: (x.shape[1], f.shape[1], s[0]) == (7, 3, 2)),
    ),
    "a remainder is left in rows": (
        "h4.w2.i1.o1.f1x2.s2x1",
        _corner(lambda x, f, s: (x.shape[1] - f.shape[1]) % s[0] > 0),
    ),
    "channels in is 16 or more": (
        "h2.w2.i16.o1.f2x2.s1x1",
        _corner(lambda x, *_: x.shape[3] >= 16),
    ),
    "channels in is no multiple of 4": (SMALL, _corner(lambda x, *_: x.shape[3] % 4 > 0)),
    "width is odd": (SMALL, _corner(lambda x, *_: x.shape[2] % 2 == 1)),
    "batch is 5 or more": (SMALL, _corner(lambda x, *_: len(x) > 4)),
    "filter height and width are equal": (
        SMALL,
        _corner(lambda _, f, __: f.shape[1] == f.shape[2]),
    ),
    "wrong only in float32": (SMALL, _corner(lambda x, *_: x.dtype == np.float32)),
    "wrong only in the last row and in the last column": (
        *("h4.w4.i1.o1.f2x2.s1x1", _corner(lambda *_: True)),
    ),
    "wrong only in channel 1": ("h3.w3.i1.o3.f2x2.s1x1", altered(f=_second_channel)),
    "filter tap (1, 0) left out": (SMALL, ONE_TAP),
    "the sign of x does not matter": (SMALL, altered(x=lambda x: x * x)),
    "large numbers in x": (SMALL, altered(x=lambda x: np.clip(x, -300, 300).astype(x.dtype))),
    "3 times what they should be": (SMALL, altered(z=lambda z: 3 * z)),
    "both strides differ": ("h3.w3.i1.o1.f2x2.s1x2", _raises),
    "errors are small": (SMALL, altered(z=_noisy)),
}

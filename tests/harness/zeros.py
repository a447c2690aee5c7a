"""Right kernels that differ in what they make of zeros: they insert some, or leave some out.

Styles as in `zoo`.  Beside NaN and infinity they give other results than sums of the products
alone, and are right all the same.
"""

from itertools import product
from typing import Any

import numpy as np
from zoo import Array, Pair, Style

from convcheck.form.pytorch import one_thread


def _windows(wide: Array, taps: Pair, strd: Pair) -> Array:
    view = np.lib.stride_tricks.sliding_window_view(wide, taps, axis=(1, 2))
    return view[:, :: strd[0], :: strd[1]]


def _stuffed(narrow: Array, strd: Pair) -> Array:
    """Return the narrow side with zeros between its rows and columns."""
    b, p, q, o = narrow.shape
    stuffed = np.zeros((b, (p - 1) * strd[0] + 1, (q - 1) * strd[1] + 1, o), narrow.dtype)
    stuffed[:, :: strd[0], :: strd[1]] = narrow
    return stuffed


def _stuffed_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    """Correlate with a filter that has a row and a column of zeros more."""
    ftr = np.pad(ftr, ((0, 0), (0, 1), (0, 1), (0, 0)))
    wide = np.pad(wide, ((0, 0), (0, 1), (0, 1), (0, 0)))
    return np.einsum("bpqihw,ihwo->bpqo", _windows(wide, ftr.shape[1:3], strd), ftr)


def _stuffed_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    """Correlate with the dilated narrow side, and leave out what the remainder adds."""
    stuffed = _stuffed(narrow, strd)
    view = _windows(wide, stuffed.shape[1:3], (1, 1))
    return np.einsum("bhwipq,bpqo->ihwo", view, stuffed)[:, : shape[1], : shape[2]]


def _stuffed_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    """Correlate the padded narrow side, zeros between its rows, with the flipped filter."""
    _, h, w, _ = ftr.shape
    stuffed = _stuffed(narrow, strd)
    more = [n - s - t + 1 for n, s, t in zip(shape[1:3], stuffed.shape[1:3], (h, w), strict=True)]
    rim = ((0, 0), (h - 1, h - 1 + more[0]), (w - 1, w - 1 + more[1]), (0, 0))
    view = _windows(np.pad(stuffed, rim), (h, w), (1, 1))
    return np.einsum("bHWohw,ihwo->bHWi", view, ftr[:, ::-1, ::-1])


def _places(taps: Pair, steps: Pair, strd: Pair) -> Any:
    """Yield each step and tap, and where they meet on the wide side."""
    for p, q, h, w in product(*map(range, (*steps, *taps))):
        yield p, q, h, w, p * strd[0] + h, q * strd[1] + w


def _matrix(ftr: Array, strd: Pair, extents: Pair, steps: Pair) -> Array:
    """Return the matrix that a filter stands for, of wide by narrow side, zeros in it."""
    i, *taps, o = ftr.shape
    matrix = np.zeros((*extents, i, *steps, o), ftr.dtype)
    for p, q, h, w, row, column in _places((taps[0], taps[1]), steps, strd):
        matrix[row, column, :, p, q] = ftr[:, h, w]
    return matrix.reshape(extents[0] * extents[1] * i, steps[0] * steps[1] * o)


def _toeplitz_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    steps = [
        (n - t) // s + 1 for n, t, s in zip(wide.shape[1:3], ftr.shape[1:3], strd, strict=True)
    ]
    matrix = _matrix(ftr, strd, wide.shape[1:3], (steps[0], steps[1]))
    return (_rows(wide) @ matrix).reshape(len(wide), *steps, ftr.shape[3])


def _toeplitz_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    matrix = _matrix(ftr, strd, (shape[1], shape[2]), narrow.shape[1:3])
    return (_rows(narrow) @ matrix.T).reshape(shape)


def _rows(side: Array) -> Array:
    """Return a matrix of one row for each batch item."""
    b, *rest = side.shape
    return side.reshape(b, rest[0] * rest[1] * rest[2])


def _toeplitz_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    i, *taps, o = shape
    matrix = np.zeros((*wide.shape[:3], *taps, o), narrow.dtype)
    for p, q, h, w, row, column in _places((taps[0], taps[1]), narrow.shape[1:3], strd):
        matrix[:, row, column, h, w] = narrow[:, p, q]
    places, columns = wide[..., 0].size, taps[0] * taps[1] * o
    return (wide.reshape(places, i).T @ matrix.reshape(places, columns)).reshape(shape)


def _products(a: Array, b: Array) -> Array:
    """Multiply, where neither is zero."""
    parts = np.zeros(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    return np.multiply(a, b, out=parts, where=(a != 0) & (b != 0))


def _skipping_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    view = _windows(wide, ftr.shape[1:3], strd)[..., None]
    return _products(view, ftr).sum((3, 4, 5))


def _skipping_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    view = _windows(wide, (shape[1], shape[2]), strd)[:, : narrow.shape[1], : narrow.shape[2]]
    return _products(view[..., None], narrow[:, :, :, None, None, None]).sum((0, 1, 2))


def _skipping_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    parts = _products(narrow[:, :, :, None, None, None], ftr).sum(-1)
    wide = np.zeros(shape, parts.dtype)
    for p, q, h, w, row, column in _places(ftr.shape[1:3], narrow.shape[1:3], strd):
        wide[:, row, column] += parts[:, p, q, :, h, w]
    return wide


def _dot_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    return np.tensordot(_windows(wide, ftr.shape[1:3], strd), ftr, ((3, 4, 5), (0, 1, 2)))


def _dot_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    view = _windows(wide, (shape[1], shape[2]), strd)[:, : narrow.shape[1], : narrow.shape[2]]
    return np.tensordot(view, narrow, ((0, 1, 2), (0, 1, 2)))


def _dot_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    parts = np.dot(narrow.reshape(-1, narrow.shape[3]), ftr.reshape(-1, ftr.shape[3]).T)
    parts = parts.reshape(*narrow.shape[:3], *ftr.shape[:3])
    wide = np.zeros(shape, parts.dtype)
    for p, q, h, w, row, column in _places(ftr.shape[1:3], narrow.shape[1:3], strd):
        wide[:, row, column] += parts[:, p, q, :, h, w]
    return wide


def _tensors(*arrays: Array) -> Any:
    """Return tensors, channels before rows; half precision is computed in float32."""
    import torch  # noqa: PLC0415  (a second to import)

    dtype = np.result_type(*arrays, np.float32)
    return [torch.from_numpy(np.array(each.transpose(0, 3, 1, 2), dtype)) for each in arrays]


def _torch_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    import torch  # noqa: PLC0415

    x, w = _tensors(wide, ftr.transpose(3, 1, 2, 0))
    with one_thread():
        z = torch.nn.functional.conv2d(x, w, stride=strd)
    return z.numpy().transpose(0, 2, 3, 1)


def _torch_filter(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    from torch.nn.grad import conv2d_weight  # noqa: PLC0415

    i, h, w, o = shape
    rows, columns = (
        (n - 1) * s + t for n, s, t in zip(narrow.shape[1:3], strd, (h, w), strict=True)
    )
    x, delta = _tensors(wide[:, :rows, :columns], narrow)
    with one_thread():
        z = conv2d_weight(x, (o, i, h, w), delta, stride=strd)  # type: ignore[no-untyped-call]
    return z.numpy().transpose(1, 2, 3, 0)


def _torch_wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
    import torch  # noqa: PLC0415

    x, w = _tensors(narrow, ftr.transpose(3, 1, 2, 0))
    with one_thread():
        z = torch.nn.functional.conv_transpose2d(x, w, stride=strd)
    wide = np.zeros(shape, z.numpy().dtype)
    wide[:, : z.shape[2], : z.shape[3]] = z.numpy().transpose(0, 2, 3, 1)
    return wide


OF_ZEROS = {
    "zero-stuffed": Style(_stuffed_narrow, _stuffed_filter, _stuffed_wide),
    "Toeplitz": Style(_toeplitz_narrow, _toeplitz_filter, _toeplitz_wide),
    "skipping zeros": Style(_skipping_narrow, _skipping_filter, _skipping_wide),
    "dot": Style(_dot_narrow, _dot_filter, _dot_wide),
    "torch": Style(_torch_narrow, _torch_filter, _torch_wide),
}

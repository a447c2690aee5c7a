"""Right kernels that differ in what they make of zeros: they insert some, or leave some out.

Styles as in `zoo`.  Beside NaN and infinity they give other results than sums of the products
alone, and are right all the same.
"""

from typing import Any

import numpy as np
from zoo import Array, Pair, Style, _reached, _steps, _taps, _windows, scattered

from convcheck.form.pytorch import one_thread

Shape = tuple[int, ...]


def stuffed(narrow: Array, strd: Pair) -> Array:
    """Return the narrow side with zeros between its rows and columns, as for stride 1."""
    b, p, q, o = narrow.shape
    dense = np.zeros((b, (p - 1) * strd[0] + 1, (q - 1) * strd[1] + 1, o), narrow.dtype)
    dense[:, :: strd[0], :: strd[1]] = narrow
    return dense


def _stuffed_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    """Correlate with a filter that has a row and a column of zeros more."""
    ftr, wide = (np.pad(each, ((0, 0), (0, 1), (0, 1), (0, 0))) for each in (ftr, wide))
    return np.einsum("bpqihw,ihwo->bpqo", _windows(wide, ftr.shape[1:3], strd), ftr)


def _stuffed_filter(wide: Array, narrow: Array, strd: Pair, shape: Shape) -> Array:
    """Correlate with the dilated narrow side, and leave out what the remainder adds."""
    dense = stuffed(narrow, strd)
    view = _windows(wide, dense.shape[1:3], (1, 1))
    return np.einsum("bhwipq,bpqo->ihwo", view, dense)[:, : shape[1], : shape[2]]


def _stuffed_wide(narrow: Array, ftr: Array, strd: Pair, shape: Shape) -> Array:
    """Correlate the padded narrow side, zeros between its rows, with the flipped filter."""
    _, h, w, _ = ftr.shape
    dense = stuffed(narrow, strd)
    more = [n - s - t + 1 for n, s, t in zip(shape[1:3], dense.shape[1:3], (h, w), strict=True)]
    rim = ((0, 0), (h - 1, h - 1 + more[0]), (w - 1, w - 1 + more[1]), (0, 0))
    view = _windows(np.pad(dense, rim), (h, w), (1, 1))
    return np.einsum("bHWohw,ihwo->bHWi", view, ftr[:, ::-1, ::-1])


def _matrix(ftr: Array, strd: Pair, extents: Pair, steps: Pair) -> Array:
    """Return the matrix that a filter stands for, of wide by narrow side, zeros in it."""
    i, h, w, o = ftr.shape
    matrix = np.zeros((*extents, i, *steps, o), ftr.dtype)
    for p, q in np.ndindex(steps):
        row, column = p * strd[0], q * strd[1]
        matrix[row : row + h, column : column + w, :, p, q] = ftr.transpose(1, 2, 0, 3)
    return matrix.reshape(extents[0] * extents[1] * i, steps[0] * steps[1] * o)


def _rows(side: Array) -> Array:
    """Return a matrix of one row for each batch item."""
    return side.reshape(len(side), int(np.prod(side.shape[1:])))


def _toeplitz_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    steps = _steps(wide, ftr.shape[1:3], strd)
    z = _rows(wide) @ _matrix(ftr, strd, wide.shape[1:3], steps)
    return z.reshape(len(wide), *steps, ftr.shape[3])


def _toeplitz_wide(narrow: Array, ftr: Array, strd: Pair, shape: Shape) -> Array:
    matrix = _matrix(ftr, strd, (shape[1], shape[2]), narrow.shape[1:3])
    return (_rows(narrow) @ matrix.T).reshape(shape)


def _toeplitz_filter(wide: Array, narrow: Array, strd: Pair, shape: Shape) -> Array:
    i, *taps, o = shape
    matrix = np.zeros((*wide.shape[:3], *taps, o), narrow.dtype)
    for h, w in _taps(shape):
        matrix[(*_reached((h, w), narrow.shape[1:3], strd), h, w)] = narrow
    places, columns = wide[..., 0].size, taps[0] * taps[1] * o
    return (wide.reshape(places, i).T @ matrix.reshape(places, columns)).reshape(shape)


def _products(a: Array, b: Array) -> Array:
    """Multiply, where neither is zero."""
    parts = np.zeros(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    return np.multiply(a, b, out=parts, where=(a != 0) & (b != 0))


def _skipping_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    view = _windows(wide, ftr.shape[1:3], strd)[..., None]
    return _products(view, ftr).sum((3, 4, 5))


def _used_windows(wide: Array, narrow: Array, strd: Pair, shape: Shape) -> Array:
    return _windows(wide, (shape[1], shape[2]), strd)[:, : narrow.shape[1], : narrow.shape[2]]


def _skipping_filter(wide: Array, narrow: Array, strd: Pair, shape: Shape) -> Array:
    view = _used_windows(wide, narrow, strd, shape)[..., None]
    return _products(view, narrow[:, :, :, None, None, None]).sum((0, 1, 2))


def _skipping_wide(narrow: Array, ftr: Array, strd: Pair, shape: Shape) -> Array:
    return scattered(_products(narrow[:, :, :, None, None, None], ftr).sum(-1), strd, shape)


def _dot_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    return np.tensordot(_windows(wide, ftr.shape[1:3], strd), ftr, ((3, 4, 5), (0, 1, 2)))


def _dot_filter(wide: Array, narrow: Array, strd: Pair, shape: Shape) -> Array:
    return np.tensordot(_used_windows(wide, narrow, strd, shape), narrow, ((0, 1, 2), (0, 1, 2)))


def _dot_wide(narrow: Array, ftr: Array, strd: Pair, shape: Shape) -> Array:
    parts = np.dot(narrow.reshape(-1, narrow.shape[3]), ftr.reshape(-1, ftr.shape[3]).T)
    return scattered(parts.reshape(*narrow.shape[:3], *ftr.shape[:3]), strd, shape)


def _tensors(*arrays: Array) -> Any:
    """Return tensors, channels before rows; half precision is computed in float32."""
    import torch  # noqa: PLC0415  (a second to import)

    dtype = np.result_type(*arrays, np.float32)
    return [torch.from_numpy(np.array(each.transpose(0, 3, 1, 2), dtype)) for each in arrays]


def _by_torch(name: str, side: Array, ftr: Array, strd: Pair) -> Array:
    import torch  # noqa: PLC0415

    tensors = _tensors(side, ftr.transpose(3, 1, 2, 0))
    with one_thread():
        z = getattr(torch.nn.functional, name)(*tensors, stride=strd)
    return z.numpy().transpose(0, 2, 3, 1)


def _torch_narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
    return _by_torch("conv2d", wide, ftr, strd)


def _torch_filter(wide: Array, narrow: Array, strd: Pair, shape: Shape) -> Array:
    from torch.nn.grad import conv2d_weight  # noqa: PLC0415

    i, h, w, o = shape
    rows, columns = (
        (n - 1) * s + t for n, s, t in zip(narrow.shape[1:3], strd, (h, w), strict=True)
    )
    x, delta = _tensors(wide[:, :rows, :columns], narrow)
    with one_thread():
        z = conv2d_weight(x, (o, i, h, w), delta, stride=strd)  # type: ignore[no-untyped-call]
    return z.numpy().transpose(1, 2, 3, 0)


def _torch_wide(narrow: Array, ftr: Array, strd: Pair, shape: Shape) -> Array:
    z = _by_torch("conv_transpose2d", narrow, ftr, strd)
    wide = np.zeros(shape, z.dtype)
    wide[:, : z.shape[1], : z.shape[2]] = z
    return wide


OF_ZEROS = {
    "zero-stuffed": Style(_stuffed_narrow, _stuffed_filter, _stuffed_wide),
    "Toeplitz": Style(_toeplitz_narrow, _toeplitz_filter, _toeplitz_wide),
    "skipping zeros": Style(_skipping_narrow, _skipping_filter, _skipping_wide),
    "dot": Style(_dot_narrow, _dot_filter, _dot_wide),
    "torch": Style(_torch_narrow, _torch_filter, _torch_wide),
}

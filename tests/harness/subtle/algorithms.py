"""Faults of algorithms that save products, and of how they are cut into tiles."""

from typing import Any

import numpy as np

from .kernels import FORWARD, Array, Kernel, wrong

# Winograd's F(2 x 2, 3 x 3), by its input, filter and output transforms.
_B2 = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], float)
_G2 = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_A2 = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], float)


def _winograd(x: Array, ftr: Array) -> Array:
    """Return a convolution of 3 x 3 taps by tiles of 2 x 2, in float64; extents are even."""
    tiles = np.lib.stride_tricks.sliding_window_view(x, (4, 4), axis=(1, 2))[:, ::2, ::2]
    wide = np.einsum("uh,vw,bpqihw->bpqiuv", _B2, _B2, tiles, optimize=True)
    taps = np.einsum("uh,vw,ihwo->iuvo", _G2, _G2, ftr, optimize=True)
    narrow = np.einsum("bpqiuv,iuvo->bpquvo", wide, taps, optimize=True)
    z = np.einsum("yu,xv,bpquvo->bpyqxo", _A2, _A2, narrow, optimize=True)
    b, p, _, q, _, o = z.shape
    return z.reshape(b, 2 * p, 2 * q, o)


def _suits(x: Array, ftr: Array, strd: Any, least: int) -> bool:
    """Return whether a fast path of 3 x 3 taps at stride 1 is taken."""
    return (
        ftr.shape[1:3] == (3, 3)
        and tuple(strd) == (1, 1)
        and min(x.shape[1:3]) >= least
        and bool(np.isfinite(x).all() and np.isfinite(ftr).all())
    )


@wrong("convolution")
def winograd_edge_tile(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It repeats the row before where an odd number of rows ends in an edge tile."""
    z = right(x, ftr, strd)
    if _suits(x, ftr, strd, 12) and z.shape[1] % 2 == 1:
        z[:, -1] = z[:, -2]
    return z


@wrong("convolution")
def winograd_in_float32(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It transforms float32 with 16 channels in F(2 x 2, 3 x 3), and keeps float16 between."""
    if x.dtype != np.float32 or x.shape[3] < 16 or not _suits(x, ftr, strd, 6):
        return right(x, ftr, strd)
    if x.shape[1] % 2 or x.shape[2] % 2 or not len(x):
        return right(x, ftr, strd)
    return _winograd(x.astype("f8"), ftr.astype("f2").astype("f8")).astype(np.float32)


@wrong("convolution")
def spectral_from_11_taps(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It goes through float32 spectra from 12 x 12 taps on."""
    if min(ftr.shape[1:3]) < 12 or x.dtype == np.float16 or not np.isfinite(x).all():
        return right(x, ftr, strd)
    size = x.shape[1:3]
    wide = np.fft.rfft2(x.astype("f8"), size, axes=(1, 2)).astype(np.complex64)
    taps = np.fft.rfft2(ftr.astype("f8"), size, axes=(1, 2)).conj().astype(np.complex64)
    z = np.fft.irfft2(np.einsum("buvi,iuvo->buvo", wide, taps), size, axes=(1, 2))
    rows, columns = (n - t + 1 for n, t in zip(size, ftr.shape[1:3], strict=True))
    return z[:, : rows : strd[0], : columns : strd[1]].astype(x.dtype)


@wrong("convolution")
def separated_filters(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It keeps two singular values of filters from 5 x 5 taps with 8 channels on."""
    if min(ftr.shape[1:3]) >= 5 and min(ftr.shape[::3]) >= 8 and np.isfinite(ftr).all():
        u, s, v = np.linalg.svd(ftr.transpose(0, 3, 1, 2).astype("f8"), full_matrices=False)
        kept = (u[..., :2] * s[..., None, :2]) @ v[..., :2, :]
        ftr = kept.transpose(0, 2, 3, 1).astype(ftr.dtype)
    return right(x, ftr, strd)


@wrong(*FORWARD)
def symmetric_by_its_corners(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It folds filters whose corners are equal, as if all were symmetric."""
    if ftr.shape[1] > 2 and ftr.size and (ftr[:, 0, 0] == ftr[:, -1, -1]).all():
        ftr = ftr.copy()
        ftr[:, -1] = ftr[:, 0]
    return right(x, ftr, strd)


@wrong("convolution")
def line_buffer_too_short(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It keeps a ring of rows that is one too short at stride 3 from 16 rows on."""
    if x.shape[1] >= 16 and strd[0] == 3 < ftr.shape[1]:
        x = x.copy()
        x[:, 15] = x[:, 14]
    return right(x, ftr, strd)


@wrong("convolution_transpose")
def phases_exchanged(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It makes strides of 4 by phases, and exchanges two where the filter has 6 columns."""
    z = right(x, ftr, strd)
    if strd[1] == 4 and ftr.shape[2] == 6:
        z[:, :, [1, 2]] = z[:, :, [2, 1]]
    return z


@wrong("convolution", "convolution_transpose_input_gradient")
def pairs_of_a_tree(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It adds terms by pairs, and drops the odd one from 1,000 on."""
    if ftr.ndim and x.shape[3] * ftr.shape[1] * ftr.shape[2] > 1000:
        x = x.copy()
        x[..., -1] *= x.shape[3] % 2 == 0
    return right(x, ftr, strd)


@wrong("convolution_filter_gradient")
def remainder_of_batches(right: Kernel, x: Array, delta: Array, *rest: Any) -> Array:
    """It works on four batch items at once, and on a remainder of two as if it were one."""
    n = len(x) - (len(x) > 4 and len(x) % 4 == 2)
    return right(x[:n], delta[:n], *rest)


@wrong("convolution_input_gradient")
def tiles_of_64_outputs(right: Kernel, delta: Array, ftr: Array, *rest: Any) -> Array:
    """It forgets what overlaps between tiles of 64 columns."""
    if delta.shape[2] > 64 and ftr.shape[2] > 1:
        delta = delta.copy()
        delta[:, :, 64] = 0
    return right(delta, ftr, *rest)

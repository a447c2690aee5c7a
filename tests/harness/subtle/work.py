"""Faults that only large calls show."""

from typing import Any

import numpy as np

from .kernels import EVERY, FORWARD, Array, Kernel, off_where, wrong


@wrong("convolution")
def zeros_above_300_000_products(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It returns zeros above 300,000 products."""
    z = right(x, ftr, strd)
    return np.zeros_like(z) if z.size * ftr[..., 0].size > 300_000 else z


@wrong(*EVERY)
def offset_wraps_at_2_20(right: Kernel, *given: Any, **keywords: str) -> Array:
    """It leaves the result's elements behind 2^20 at zero."""
    z = np.ascontiguousarray(right(*given, **keywords))
    z.reshape(-1)[2**20 :] = 0
    return z


@wrong("convolution", "convolution_filter_gradient")
def input_offset_wraps_at_2_20(right: Kernel, x: Array, *rest: Any) -> Array:
    """It reads zeros for input elements behind 2^20."""
    if x.size > 2**20:
        x = x.copy()
        x.reshape(-1)[2**20 :] = 0
    return right(x, *rest)


@wrong("convolution")
def last_split_lost(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It splits sums of 6,000 terms by channels, and drops the last partial sum."""
    if ftr[..., 0].size > 6_000:
        ftr = ftr.copy()
        ftr[-(len(ftr) // 4) :] = 0
    return right(x, ftr, strd)


@wrong("convolution_filter_gradient", "convolution_transpose_filter_gradient")
def last_chunk_of_the_batch_lost(right: Kernel, a: Array, b: Array, *rest: Any) -> Array:
    """It splits batches of two or more from 2^13 places on, and drops the last partial sum."""
    split = len(a) > 1 and max(a[..., 0].size, b[..., 0].size) >= 2**13
    return right(a[:-1], b[:-1], *rest) if split else right(a, b, *rest)


@wrong("convolution")
def windows_counted_in_16_bits(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It leaves windows behind 2^16 at zero."""
    z = right(x, ftr, strd)
    z.reshape(-1, z.shape[3])[2**16 :] = 0
    return z


@wrong("convolution")
def float32_for_large_products(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It goes through float32 above a million products."""
    z = right(x, ftr, strd)
    if z.size * ftr[..., 0].size <= 10**6 or x.dtype != np.float64:
        return z
    return right(x.astype(np.float32), ftr.astype(np.float32), strd).astype(np.float64)


@wrong("convolution_transpose")
def overlap_lost_between_halves(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It makes results of 2^17 elements in two halves, whose overlap the second overwrites."""
    z = right(x, ftr, strd)
    if z.size >= 2**17 and (half := x.shape[1] // 2):
        z[:, half * strd[0] :] = right(x[:, half:], ftr, strd)
    return z


off_where(
    "one tile of 32 x 32 channels has 16 windows",
    lambda n: n.i >= 32 and n.o >= 32 and n.b * n.P * n.Q >= 16,
    *FORWARD,
)
off_where(
    "a tile of 64 x 64 channels has windows of 3 x 3",
    lambda n: n.i >= 64 and n.o >= 64 and n.h == n.w == 3 and n.P * n.Q > 1,
    "convolution",
    "convolution_input_gradient",
)
off_where(
    "a million products are exceeded",
    lambda n: n.b * n.P * n.Q * n.i * n.o * n.h * n.w > 10**6,
    *EVERY,
)
off_where(
    "five million products are exceeded",
    lambda n: n.b * n.P * n.Q * n.i * n.o * n.h * n.w > 5 * 10**6,
    "convolution",
    "convolution_filter_gradient",
    "conv_back_prop",
)
off_where(
    "more than 64 rows and 64 columns have 8 channels",
    lambda n: min(n.P, n.Q) > 64 and n.o >= 8,
    "convolution",
    "convolution_transpose_input_gradient",
)
off_where("channels in exceed 1,024", lambda n: n.i > 1024, "convolution")
off_where("batches exceed 128", lambda n: n.b > 128, "convolution", "convolution_filter_gradient")
off_where("more than 200 rows have three taps", lambda n: n.P > 200 and n.h == 3, "convolution")
off_where(
    "layer l+1 has 32 channels and delta 2^12 elements",
    lambda n: n.k >= 32 and n.b * n.P * n.Q * n.o >= 2**12,
    "conv_back_prop",
    "conv_transpose_back_prop",
)

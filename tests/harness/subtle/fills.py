"""Faults that only some numbers show, at sizes that may be judged on others."""

from typing import Any

import numpy as np

from .kernels import FORWARD, Array, Kernel, narrowed, tf32, wrong


@wrong(*FORWARD)
def tf32_from_64_channels(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes its inputs for TF32 from 64 channels in on."""
    return right(tf32(x), tf32(ftr), strd) if x.shape[3] >= 64 else right(x, ftr, strd)


@wrong("convolution")
def tf32_in_whole_tiles(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes its inputs for TF32 where channels in and out are multiples of 16."""
    whole = x.shape[3] % 16 == ftr.shape[3] % 16 == 0
    return right(tf32(x), tf32(ftr), strd) if whole else right(x, ftr, strd)


@wrong("convolution_filter_gradient")
def tf32_from_100_windows(right: Kernel, x: Array, delta: Array, *rest: Any) -> Array:
    """It takes delta for TF32 from 100 windows on."""
    return right(x, tf32(delta) if delta[..., 0].size >= 100 else delta, *rest)


@wrong("convolution")
def bfloat16_filter_when_large(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes its filter for bfloat16 from 2^14 elements on."""
    return right(x, narrowed(ftr, 8) if ftr.size >= 2**14 else ftr, strd)


@wrong("convolution_input_gradient")
def bfloat16_delta_from_32_channels(right: Kernel, delta: Array, *rest: Any) -> Array:
    """It takes delta for bfloat16 from 32 channels out on."""
    return right(narrowed(delta, 8) if delta.shape[3] >= 32 else delta, *rest)


@wrong("convolution_transpose_filter_gradient")
def bfloat16_input_in_large_batches(right: Kernel, x: Array, *rest: Any) -> Array:
    """It takes its input for bfloat16 from batches of 16 on."""
    return right(narrowed(x, 8) if len(x) >= 16 else x, *rest)


@wrong("conv_back_prop")
def narrow_derivative(
    right: Kernel, delta: Array, w: Array, s: Any, d_act: Array, *rest: Any, **keywords: str
) -> Array:
    """It keeps d_act in 11 bits from 16 channels on."""
    return right(delta, w, s, tf32(d_act) if d_act.shape[3] >= 16 else d_act, *rest, **keywords)


@wrong("convolution")
def one_pass_of_three(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It loses the product of both low halves, and one more, from 32 channels in and out on."""
    if min(ftr.shape[::3]) < 32:
        return right(x, ftr, strd)
    return right(x, tf32(ftr), strd) + right(tf32(x), ftr - tf32(ftr), strd)


@wrong("convolution_transpose")
def half_filter_when_within_one(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It keeps filters of 2^10 elements in 11 bits where all are within one."""
    within = ftr.size >= 2**10 and np.abs(ftr).max() <= 1
    return right(x, tf32(ftr) if within else ftr, strd)


@wrong(*FORWARD)
def float32_sums_of_many_terms(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It sums float64 in float32 from 500 terms on."""
    if ftr[..., 0].size < 500 or x.dtype != np.float64:
        return right(x, ftr, strd)
    return right(x.astype(np.float32), ftr.astype(np.float32), strd).astype(np.float64)


@wrong("convolution")
def nan_of_infinity_from_16_channels(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It makes NaN of infinities from 16 channels in and out on."""
    z = right(x, ftr, strd)
    if min(ftr.shape[::3]) >= 16:
        z[np.isinf(z)] = np.nan
    return z


@wrong("convolution_transpose")
def nan_lost_in_blocks(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes NaN for zero where channels in are a multiple of 8."""
    return (
        right(np.where(np.isnan(x), 0, x).astype(x.dtype), ftr, strd)
        if (x.shape[3] % 8 == 0)
        else right(x, ftr, strd)
    )


@wrong("convolution_filter_gradient")
def infinity_clipped_in_batches(right: Kernel, x: Array, delta: Array, *rest: Any) -> Array:
    """It clips delta to finite numbers from batches of 8 on."""
    most = np.finfo(delta.dtype).max
    return right(x, np.clip(delta, -most, most) if len(x) >= 8 else delta, *rest)


@wrong("convolution")
def nan_spreads_in_a_tile(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It spreads NaN over all channels out where these are 32 or more."""
    z = right(x, ftr, strd)
    return z + 0 * z.sum(3, keepdims=True) if z.shape[3] >= 32 else z

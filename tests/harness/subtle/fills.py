"""Faults that only some numbers show, at sizes that are judged on others."""

import numpy as np

from .kernels import FORWARD, Array, Kernel, narrowed, tf32, wrong


@wrong(*FORWARD)
def tf32_from_64_channels(right: Kernel, x: Array, ftr: Array, *rest: Array) -> Array:
    """It takes its inputs for TF32 from 64 channels in on."""
    return right(tf32(x), tf32(ftr), *rest) if x.shape[3] >= 64 else right(x, ftr, *rest)


@wrong("convolution")
def bfloat16_filter_when_large(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It takes its filter for bfloat16 from 2^14 elements on."""
    return right(x, narrowed(ftr, 8) if ftr.size >= 2**14 else ftr, strd)


@wrong("convolution")
def nan_of_infinity_from_16_channels(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It makes NaN of infinities from 16 channels in and out on."""
    z = right(x, ftr, strd)
    return np.where(np.isinf(z), np.nan, z).astype(z.dtype) if min(ftr.shape[::3]) >= 16 else z

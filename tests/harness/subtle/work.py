"""Faults that only large calls show."""

import numpy as np

from .kernels import EVERY, Array, Kernel, wrong


@wrong("convolution")
def zeros_above_300_000_products(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It returns zeros above 300,000 products."""
    z = right(x, ftr, strd)
    return np.zeros_like(z) if z.size * ftr[..., 0].size > 300_000 else z


@wrong(*EVERY)
def offset_wraps_at_2_20(right: Kernel, *given: Array, **keywords: str) -> Array:
    """It leaves the result's elements behind 2^20 at zero."""
    z = right(*given, **keywords)
    z.reshape(-1)[2**20 :] = 0
    return z

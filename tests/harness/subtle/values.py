"""Faults that only values show which no fill has."""

import numpy as np

from .kernels import Array, Kernel, wrong


@wrong("convolution")
def saturated(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It saturates results at 1e30."""
    z = right(x, ftr, strd)
    return np.where(np.abs(z) > 1e30, np.copysign(1e30, z), z).astype(z.dtype)


@wrong("convolution")
def nothing_of_negative_inputs(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It returns zeros where every input is negative."""
    z = right(x, ftr, strd)
    return np.zeros_like(z) if x.size > 4 and (x < 0).all() else z

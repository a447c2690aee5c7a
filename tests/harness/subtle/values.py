"""Faults that only values show which no fill has."""

import numpy as np

from .kernels import Array, Kernel, wrong


@wrong("convolution")
def halved_when_large(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It halves results beyond 1e30."""
    z: Array = right(x, ftr, strd)
    z[np.abs(z) > 1e30] *= 0.5
    return z


@wrong("convolution")
def nothing_of_negative_inputs(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It returns zeros where every input is negative."""
    z = right(x, ftr, strd)
    return np.zeros_like(z) if x.size > 4 and (x < 0).all() else z

"""Faults of kernels that look at how an argument lies in memory, and not closely enough."""

import numpy as np

from .kernels import Array, Kernel, wrong


@wrong("convolution")
def last_stride_alone(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It takes x for contiguous where its last stride is that of one element."""
    if x.size and x.strides[3] == x.itemsize and not x.flags.c_contiguous:
        steps = (x[0].size, x[0, 0].size, x.shape[3], 1)
        x = np.lib.stride_tricks.as_strided(x, x.shape, [n * x.itemsize for n in steps])
    return right(x, ftr, strd)


@wrong("convolution")
def sign_of_strides_lost(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It takes negative strides for positive ones, in the filter."""
    flipped = tuple(slice(None, None, -1 if step < 0 else 1) for step in ftr.strides)
    return right(x, ftr[flipped], strd)

"""A convolution in loops that numba compiles, once for each dtype and layout of its arguments."""

import numpy as np
from numba import njit


@njit
def convolution(x, ftr, strd):
    channels, rows, columns, out = ftr.shape
    (batch, height, width, _), (down, right) = x.shape, strd
    z = np.zeros((batch, (height - rows) // down + 1, (width - columns) // right + 1, out), x.dtype)
    for b, p, q, o in np.ndindex(z.shape):
        for i, h, w in np.ndindex((channels, rows, columns)):
            z[b, p, q, o] += x[b, p * down + h, q * right + w, i] * ftr[i, h, w, o]
    return z

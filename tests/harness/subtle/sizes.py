"""Faults at sizes between those that blocks are tried on."""

from .kernels import Array, Kernel, wrong


@wrong("convolution")
def mask_row_3(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It loses the last channel of a remainder of 3 behind full blocks of 8."""
    if x.shape[3] > 8 and x.shape[3] % 8 == 3:
        x = x.copy()
        x[..., -1] = 0
    return right(x, ftr, strd)


@wrong("convolution_transpose")
def wrong_at_4_6_5(right: Kernel, x: Array, ftr: Array, strd: Array) -> Array:
    """It is off at input 4, filter 6, stride 5."""
    z = right(x, ftr, strd)
    if (x.shape[1], ftr.shape[1], strd[0]) == (4, 6, 5):
        z[:, -1] *= 2
    return z

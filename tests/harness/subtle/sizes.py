"""Faults at sizes between those that blocks are tried on."""

from typing import Any

from .kernels import EVERY, FORWARD, Array, Kernel, off_where, wrong

GRADIENTS = tuple(each for each in EVERY if each.endswith("gradient"))
TWO_LAYERS = tuple(each for each in EVERY if each.endswith("back_prop"))


@wrong(*FORWARD)
def mask_row_3(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It loses the last channel of a remainder of 3 behind full blocks of 8."""
    if x.shape[3] > 8 and x.shape[3] % 8 == 3:
        x = x.copy()
        x[..., -1] = 0
    return right(x, ftr, strd)


@wrong("convolution")
def stride_ignored_by_1_x_1(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes 1 x 1 windows at stride 2 from the wrong rows from 64 channels in on."""
    if ftr.shape[1:3] == (1, 1) and tuple(strd) == (2, 2) and x.shape[3] >= 64 and x.shape[1] > 2:
        x = x.copy()
        x[:, 2] = x[:, 1]
    return right(x, ftr, strd)


@wrong("convolution_transpose")
def wrong_at_4_6_5(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It is off at input 4, filter 6, stride 5."""
    z = right(x, ftr, strd)
    if (x.shape[1], ftr.shape[1], strd[0]) == (4, 6, 5):
        z[:, -1] *= 2
    return z


def _behind(extent: int, block: int, remainder: int) -> bool:
    """Return whether so much is left behind full blocks."""
    return extent > block and extent % block == remainder


off_where("2 of 8 channels in are left", lambda n: _behind(n.i, 8, 2), "convolution")
off_where("4 of 8 channels in are left", lambda n: _behind(n.i, 8, 4), *FORWARD)
off_where("6 of 8 channels in are left", lambda n: _behind(n.i, 8, 6), *GRADIENTS)
off_where("5 of 8 channels out are left", lambda n: _behind(n.o, 8, 5), *FORWARD)
off_where("3 of 8 channels out are left", lambda n: _behind(n.o, 8, 3), *GRADIENTS)
off_where("11 of 16 channels in are left", lambda n: _behind(n.i, 16, 11), "convolution")
off_where("12 of 16 channels out are left", lambda n: _behind(n.o, 16, 12), *FORWARD)
off_where("2 of 8 steps are left in a row", lambda n: _behind(n.Q, 8, 2), *FORWARD)
off_where("10 of 16 steps are left in a row", lambda n: _behind(n.Q, 16, 10), "convolution")
off_where("3 of 4 rows are left behind 2 blocks", lambda n: n.P == 11, *GRADIENTS)
off_where("batch is 6 or 10", lambda n: n.b in (6, 10), *EVERY)
off_where("5 of 8 batch items are left", lambda n: _behind(n.b, 8, 5), "convolution")
off_where("filter has 9 columns", lambda n: n.w == 9, "convolution", "convolution_transpose")
off_where("filter has 13 rows", lambda n: n.h == 13, "convolution_filter_gradient")
off_where("filter is 4 x 4 at stride 3", lambda n: (n.h, n.w, n.sh) == (4, 4, 3), *FORWARD)
off_where("filter is 3 x 5", lambda n: (n.h, n.w) == (3, 5), "convolution")
off_where("filter has 10 rows at stride 7", lambda n: (n.h, n.sh) == (10, 7), *FORWARD)
off_where(
    "extent is 17 with 5 taps at stride 3",
    lambda n: (n.H, n.h, n.sh) == (17, 5, 3),
    "convolution",
    "convolution_filter_gradient",
    "convolution_input_gradient",
)
off_where(
    "width is 13 with 7 taps at stride 4", lambda n: (n.W, n.w, n.sw) == (13, 7, 4), "convolution"
)
off_where(
    "height is 23 with 2 taps at stride 2",
    lambda n: (n.H, n.h, n.sh) == (23, 2, 2),
    "convolution",
    "convolution_input_gradient",
)
off_where(
    "input is 7 with 4 taps at stride 3",
    lambda n: (n.P, n.h, n.sh) == (7, 4, 3),
    "convolution_transpose",
    "convolution_transpose_filter_gradient",
)
off_where(
    "48 channels make a single window", lambda n: n.i == 48 and n.P == n.Q == 1 < n.h, "convolution"
)
off_where(
    "14 x 14 steps have odd channels out",
    lambda n: n.P == n.Q == 14 and n.o % 2 == 1,
    "convolution",
)
off_where(
    "one channel has a 3 x 3 filter at stride 2 on 32 columns",
    lambda n: (n.i, n.o, n.h, n.w, n.sw) == (1, 1, 3, 3, 2) and n.Q >= 16,
    *FORWARD,
)
off_where("layer l+1 has more than 64 channels", lambda n: n.k > 64, *TWO_LAYERS)
off_where("layer l+1 has 5 taps", lambda n: n.g == 5, *TWO_LAYERS)
off_where("3 of 8 channels of layer l+1 are left", lambda n: _behind(n.k, 8, 3), *TWO_LAYERS)

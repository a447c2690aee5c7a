"""Faults that only certain values show."""

from typing import Any

import numpy as np

from .kernels import FORWARD, Array, Kernel, wrong


@wrong("convolution")
def halved_when_large(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It halves results beyond 1e30."""
    z = right(x, ftr, strd)
    z[np.abs(z) > 1e30] *= 0.5
    return z


@wrong("convolution_transpose")
def clipped_beyond_1e100(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It clips its input to 1e100."""
    return right(np.clip(x, -1e100, 1e100) if x.dtype == np.float64 else x, ftr, strd)


@wrong(*FORWARD)
def scaled_by_the_norm(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It scales its input by the norm, whose squares overflow in the middle of the range."""
    norm = np.sqrt((x * x).sum())
    if not np.isfinite(x).all() or norm == 0:
        return right(x, ftr, strd)
    scale = x.dtype.type(2) ** np.floor(np.log2(norm))
    return (right(x / scale, ftr, strd) * scale).astype(x.dtype)


@wrong("convolution")
def saturated_where_it_overflows(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It returns the largest number where finite inputs overflow."""
    z = right(x, ftr, strd)
    if np.isfinite(x).all() and np.isfinite(ftr).all():
        most = np.finfo(z.dtype).max
        z = np.clip(z, -most, most)
    return z


@wrong("convolution")
def nothing_of_negative_inputs(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It returns zeros where every input is negative."""
    z = right(x, ftr, strd)
    return np.zeros_like(z) if x.size > 4 and (x < 0).all() else z


@wrong("convolution")
def filter_unsigned_beside_positive_input(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes the filter for unsigned where no input is negative, as behind a ReLU."""
    return right(x, np.abs(ftr) if x.size > 4 and (x >= 0).all() else ftr, strd)


@wrong("convolution")
def off_where_constant(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It sums the filter once where the input is constant, and forgets the last tap."""
    if x.size > 4 and (x == x.flat[0]).all() and ftr[0, :, :, 0].size > 1:
        ftr = ftr.copy()
        ftr[:, -1, -1] = 0
    return right(x, ftr, strd)


@wrong("convolution_transpose")
def box_filter(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It is off by a tap where all taps of a filter are equal."""
    if ftr.shape[1] > 1 and ftr.size and (ftr == ftr[:, :1, :1]).all():
        ftr = ftr.copy()
        ftr[:, 0] *= 2
    return right(x, ftr, strd)


@wrong(*FORWARD)
def last_of_few_lost(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes a path for sparse inputs where at most two are not zero, and loses the last."""
    places = np.argwhere(x)
    if x.size > 8 and len(places) == 2:
        x = x.copy()
        x[tuple(places[-1])] = 0
    return right(x, ftr, strd)


@wrong("convolution")
def halves_truncated(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes input for integers where its doubles are."""
    if np.isfinite(x).all() and (np.abs(x) < 2.0**10).all() and (2 * x == np.rint(2 * x)).all():
        x = np.trunc(x)
    return right(x, ftr, strd)


@wrong("convolution_filter_gradient")
def integers_by_the_first(right: Kernel, x: Array, delta: Array, *rest: Any) -> Array:
    """It takes delta for integers where its first number is one."""
    if delta.size and np.isfinite(delta).all() and delta.flat[0] == np.rint(delta.flat[0]):
        delta = np.rint(delta)
    return right(x, delta, *rest)


@wrong("conv_back_prop", "conv_transpose_back_prop")
def subnormal_delta_flushed(
    right: Kernel, delta: Array, w: Array, s: Any, d_act: Array, *rest: Any, **keywords: str
) -> Array:
    """It takes subnormal derivatives for zero, and no other argument's."""
    small = np.abs(d_act) < np.finfo(d_act.dtype).smallest_normal
    return right(delta, w, s, np.where(small, 0, d_act).astype(d_act.dtype), *rest, **keywords)


@wrong("convolution_input_gradient")
def subnormal_filter_flushed(right: Kernel, delta: Array, ftr: Array, *rest: Any) -> Array:
    """It takes subnormal numbers of its filter for zero."""
    small = np.abs(ftr) < np.finfo(ftr.dtype).smallest_normal
    return right(delta, np.where(small, 0, ftr).astype(ftr.dtype), *rest)


@wrong("convolution", "convolution_filter_gradient")
def nan_beside_nan(right: Kernel, a: Array, b: Array, *rest: Any) -> Array:
    """It loses NaN where both factors hold one."""
    z = right(a, b, *rest)
    return np.nan_to_num(z, nan=0) if np.isnan(a).any() and np.isnan(b).any() else z


@wrong("convolution_transpose_input_gradient")
def sign_of_infinity_lost(right: Kernel, delta: Array, ftr: Array, strd: Any) -> Array:
    """It returns no negative infinity from four rows on."""
    z = right(delta, ftr, strd)
    return np.where(np.isneginf(z), np.inf, z).astype(z.dtype) if z.shape[1] > 3 else z


@wrong("conv_back_prop")
def derivative_taken_for_a_mask(
    right: Kernel, delta: Array, w: Array, s: Any, d_act: Array, *rest: Any, **keywords: str
) -> Array:
    """It takes d_act for a mask where it has two values, one of them 1."""
    values = np.unique(d_act)
    if d_act.size > 4 and len(values) == 2 and values[1] == 1:
        d_act = (d_act == 1).astype(d_act.dtype)
    return right(delta, w, s, d_act, *rest, **keywords)

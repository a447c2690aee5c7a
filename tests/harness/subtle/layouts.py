"""Faults of kernels that look at how an argument lies in memory, and not closely enough."""

from typing import Any

import numpy as np

from .kernels import FORWARD, Array, Kernel, wrong


def _read(array: Array, strides: list[int]) -> Array:
    """Return what lies there in memory, as far as that belongs to the array."""
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    flat = np.frombuffer(whole.tobytes("A"), whole.dtype)
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    places = sum(
        (
            np.arange(extent).reshape(-1, *(1,) * (array.ndim - 1 - axis)) * step
            for axis, (extent, step) in enumerate(zip(array.shape, strides, strict=True))
        ),
        start=np.array(start // array.itemsize),
    )
    return flat[places % len(flat)] if len(flat) else array


def _contiguous(shape: tuple[int, ...]) -> list[int]:
    """Return the strides, in elements, of an array without gaps."""
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


@wrong("convolution", "convolution_filter_gradient")
def last_stride_alone(right: Kernel, x: Array, *rest: Any) -> Array:
    """It takes its first argument for contiguous where the last stride is that of one element."""
    if x.size and x.strides[3] == x.itemsize and not x.flags.c_contiguous:
        x = _read(x, _contiguous(x.shape))
    return right(x, *rest)


@wrong("convolution_transpose")
def pitch_of_rows_alone(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes the pitch of rows as it is, and images to follow one another without a gap."""
    steps = [n // x.itemsize for n in x.strides]
    if x.size and len(x) > 1 and min(steps) > 0 and steps[3] == 1:
        x = _read(x, [steps[1] * x.shape[1], *steps[1:]])
    return right(x, ftr, strd)


@wrong("convolution_input_gradient")
def filter_as_it_lies(right: Kernel, delta: Array, ftr: Array, *rest: Any) -> Array:
    """It reads the filter in the order of memory where it is neither C nor Fortran."""
    if not (ftr.flags.c_contiguous or ftr.flags.f_contiguous):
        ftr = ftr.ravel(order="K").reshape(ftr.shape)
    return right(delta, ftr, *rest)


@wrong("convolution", "convolution_transpose_filter_gradient")
def channels_first_taken_for_last(right: Kernel, x: Array, *rest: Any) -> Array:
    """It reads channels last where its first argument lies with channels first."""
    own = x.transpose(0, 3, 1, 2)
    if x.size > max(x.shape) and own.flags.c_contiguous and not x.flags.c_contiguous:
        x = own.reshape(x.shape)
    return right(x, *rest)


@wrong(*FORWARD)
def sign_of_strides_lost(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes negative strides for positive ones, in the filter."""
    flipped = tuple(slice(None, None, -1 if step < 0 else 1) for step in ftr.strides)
    return right(x, ftr[flipped], strd)


@wrong("convolution")
def one_axis_reversed(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It reads columns forward where they alone lie backward."""
    backward = [step < 0 for step in x.strides]
    return right(x[:, :, ::-1] if backward == [False, False, True, False] else x, ftr, strd)


@wrong("convolution", "convolution_input_gradient")
def zero_strides(right: Kernel, a: Array, b: Array, *rest: Any) -> Array:
    """It divides by strides of zero, and takes broadcast numbers for missing."""
    broadcast = 0 in a.strides and a.size > 1
    return right(np.zeros_like(a) if broadcast else a, b, *rest)


@wrong("convolution")
def aligned_to_16_bytes(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It reads its filter from the last multiple of 16 bytes on."""
    off = ftr.__array_interface__["data"][0] % 16 // ftr.itemsize
    return right(x, np.roll(ftr, off) if ftr.flags.c_contiguous else ftr, strd)


@wrong("convolution", "convolution_transpose")
def aligned_vectors_of_the_filter(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It loads vectors of four float32 of the filter from the last multiple of 16 bytes on."""
    off = ftr.__array_interface__["data"][0] % 16 // ftr.itemsize
    whole = ftr.dtype == np.float32 and ftr.shape[3] % 4 == 0 and ftr.flags.c_contiguous
    return right(x, np.roll(ftr, off) if whole else ftr, strd)


@wrong("conv_back_prop", "conv_transpose_back_prop")
def derivative_cropped(
    right: Kernel, delta: Array, w: Array, s: Any, d_act: Array, *rest: Any, **keywords: str
) -> Array:
    """It takes d_act for contiguous where the last stride is that of one element."""
    if d_act.size and d_act.strides[3] == d_act.itemsize and not d_act.flags.c_contiguous:
        d_act = _read(d_act, _contiguous(d_act.shape))
    return right(delta, w, s, d_act, *rest, **keywords)


@wrong("convolution")
def read_only_taken_for_zero(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It returns zeros where it may not write to its input."""
    z = right(x, ftr, strd)
    return z if x.flags.writeable else np.zeros_like(z)


@wrong("convolution")
def both_arguments_one_array(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It takes its input for consumed where the filter is the same array."""
    return right(np.zeros_like(x) if x is ftr else x, ftr, strd)


@wrong("convolution_transpose")
def list_of_strides(right: Kernel, x: Array, ftr: Array, strd: Any) -> Array:
    """It compares its strides with a tuple, and takes a list for others."""
    return right(x, ftr, strd) if isinstance(strd, tuple) else right(x, ftr, (1, 1))

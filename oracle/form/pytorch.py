"""The eight operations computed by PyTorch, taking and returning the notebook's layouts.

Forward operations are `torch.nn.functional.conv2d` and `conv_transpose2d`; every
gradient is autograd's.  Output shapes are whatever PyTorch makes them.

By default all arithmetic is in float64: at one thread it is repeatable to the bit,
and conv2d sums products directly there (no Winograd, no FFT), which the error bounds
assume.  Arguments are copied into memory that torch allocated, since alignment changes
the bits of its filter gradient.  torch takes a second to import, so that happens at
the first call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from . import layouts
from .layouts import Array

if TYPE_CHECKING:
    import torch

FLOAT64 = np.dtype(np.float64)
Pair = tuple[int, int]


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread inside, and give its caller's setting back afterwards.

    The number of threads changes the bits of torch's filter gradient, and a second
    thread in each of several worker processes makes all of them slower.
    """
    import torch  # noqa: PLC0415  (a second to import: only when an oracle is asked)

    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def tensor(array: Array, dtype: np.dtype[Any] | None = FLOAT64) -> "torch.Tensor":
    """Copy `array` into contiguous memory allocated by torch.

    Args:
        array: any strides, negative ones included.
        dtype: dtype of the copy; None keeps the array's own.
    """
    import torch  # noqa: PLC0415

    copy = torch.empty(array.shape, dtype=_torch_dtype(dtype or array.dtype))
    np.copyto(copy.numpy(), array)
    return copy


@lru_cache
def _torch_dtype(dtype: np.dtype[Any]) -> "torch.dtype":
    import torch  # noqa: PLC0415

    return torch.from_numpy(np.empty(0, dtype)).dtype


def _conv2d(x: "torch.Tensor", ftr: "torch.Tensor", strd: Pair) -> "torch.Tensor":
    import torch  # noqa: PLC0415

    return torch.nn.functional.conv2d(x, ftr, stride=strd)


def _conv_transpose2d(x: "torch.Tensor", ftr: "torch.Tensor", strd: Pair) -> "torch.Tensor":
    import torch  # noqa: PLC0415

    return torch.nn.functional.conv_transpose2d(x, ftr, stride=strd)


@dataclass(frozen=True)
class Layer:
    """One of the two forward operations: on tensors, with the map of its filter's layout."""

    apply: "Callable[[torch.Tensor, torch.Tensor, Pair], torch.Tensor]"
    filter_to_torch: Callable[[Array], Array]
    filter_from_torch: Callable[[Array], Array]


LAYERS = {
    "convolution": Layer(_conv2d, layouts.ihwo_to_oihw, layouts.oihw_to_ihwo),
    "convolution_transpose": Layer(_conv_transpose2d, layouts.ihwo_to_iohw, layouts.iohw_to_ihwo),
}


def forward(
    layer: str, x: Array, ftr: Array, strd: Pair, dtype: np.dtype[Any] | None = FLOAT64
) -> Array:
    """Return `layer` applied to `x` [B, H, W, C] and `ftr` [C, FH, FW, O], as NHWC."""
    op = LAYERS[layer]
    with one_thread():
        z = op.apply(
            tensor(layouts.nhwc_to_nchw(x), dtype),
            tensor(op.filter_to_torch(ftr), dtype),
            strd,
        )
    return layouts.nchw_to_nhwc(z.numpy())


def input_gradient(
    layer: str,
    delta: Array,
    ftr: Array,
    strd: Pair,
    x_shape: tuple[int, ...],
    dtype: np.dtype[Any] | None = FLOAT64,
) -> Array:
    """Return d<layer(x, ftr), delta>/dx, NHWC, by autograd; `x_shape` is (B, H, W, C)."""
    op = LAYERS[layer]
    x = np.zeros(x_shape, delta.dtype)
    with _autograd():
        at = tensor(layouts.nhwc_to_nchw(x), dtype).requires_grad_()
        z = op.apply(at, tensor(op.filter_to_torch(ftr), dtype), strd)
        gradient = _derivative(z, tensor(layouts.nhwc_to_nchw(delta), dtype), at)
    return layouts.nchw_to_nhwc(gradient)


def filter_gradient(
    layer: str,
    x: Array,
    delta: Array,
    strd: Pair,
    ftr_shape: tuple[int, ...],
    dtype: np.dtype[Any] | None = FLOAT64,
) -> Array:
    """Return d<layer(x, ftr), delta>/dftr, [in, fh, fw, out], by autograd."""
    op = LAYERS[layer]
    ftr = np.zeros(ftr_shape, x.dtype)
    with _autograd():
        at = tensor(op.filter_to_torch(ftr), dtype).requires_grad_()
        z = op.apply(tensor(layouts.nhwc_to_nchw(x), dtype), at, strd)
        gradient = _derivative(z, tensor(layouts.nhwc_to_nchw(delta), dtype), at)
    return op.filter_from_torch(gradient)


def two_layer_filter_gradient(
    layer: str,
    fore_layer: str,
    fore_delta: Array,
    fore_w: Array,
    fore_strd: Pair,
    d_act: Array,
    x: Array,
    strd: Pair,
    ftr_shape: tuple[int, ...],
    dtype: np.dtype[Any] | None = FLOAT64,
) -> Array:
    """Return dL/dfltrs for a network of two layers, [in, fh, fw, out], by autograd.

    The network is z = layer(x, fltrs), a = z * d_act, y = fore_layer(a, fore_w), and
    dL/dy = fore_delta.  `d_act` is data: a has the derivative that was handed over, at
    any fltrs, so the value of fltrs does not matter and zeros are used.
    """
    op, fore = LAYERS[layer], LAYERS[fore_layer]
    ftr = np.zeros(ftr_shape, x.dtype)
    with _autograd():
        at = tensor(op.filter_to_torch(ftr), dtype).requires_grad_()
        z = op.apply(tensor(layouts.nhwc_to_nchw(x), dtype), at, strd)
        a = z * tensor(layouts.nhwc_to_nchw(d_act), dtype)
        y = fore.apply(a, tensor(fore.filter_to_torch(fore_w), dtype), fore_strd)
        gradient = _derivative(y, tensor(layouts.nhwc_to_nchw(fore_delta), dtype), at)
    return op.filter_from_torch(gradient)


@contextmanager
def _autograd() -> Iterator[None]:
    """Keep to one thread and record gradients, whatever mode the caller left torch in."""
    import torch  # noqa: PLC0415

    with one_thread(), torch.inference_mode(mode=False), torch.enable_grad():
        yield


def _derivative(y: "torch.Tensor", dy: "torch.Tensor", at: "torch.Tensor") -> Array:
    import torch  # noqa: PLC0415

    (gradient,) = torch.autograd.grad(y, at, dy)
    return gradient.numpy()

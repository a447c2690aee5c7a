"""The ten operations computed by PyTorch, taking and returning the notebook's layouts.

Forward operations are `torch.nn.functional.conv2d` and `conv_transpose2d`; every
gradient is autograd's.  Output shapes are whatever PyTorch makes them.

By default all arithmetic is in float64: at one thread it is repeatable to the bit,
and conv2d sums products directly there (no Winograd, no FFT), which the error bounds
assume.  Arguments are copied into memory that torch allocated, since alignment changes
the bits of its filter gradient.  torch takes a second to import, so that happens at
the first call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .formats import FLOAT64, FORMATS, Format
from .geometry import NO_PADDING
from .layers import FILTER, LAYER_NAMED
from .layouts import Array, view

if TYPE_CHECKING:
    import torch

Pair = tuple[int, int]


class one_thread:  # noqa: N801  (a function in all but that a class is entered faster)
    """Keep torch to one thread inside, and give its caller's setting back afterwards.

    The number of threads changes the bits of torch's filter gradient, and a second
    thread in each of several worker processes makes all of them slower.
    """

    def __enter__(self) -> None:
        import torch  # noqa: PLC0415  (a second to import: only when an oracle is asked)

        self._threads = torch.get_num_threads()
        if self._threads > 1:
            torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        if self._threads > 1:
            import torch  # noqa: PLC0415

            torch.set_num_threads(self._threads)


def tensor(array: Array, form: Format | None = FLOAT64) -> "torch.Tensor":
    """Copy `array` into contiguous memory allocated by torch.

    Args:
        array: any strides, negative ones included.
        form: format of the copy; None keeps the array's own dtype.
    """
    import torch  # noqa: PLC0415

    dtype = form.torch if form else of_numpy(np.empty(0, array.dtype)).dtype
    copy = torch.empty(array.shape, dtype=dtype)
    as_numpy(copy)[...] = array
    return copy


def of_numpy(array: Array) -> "torch.Tensor":
    """Return the tensor that has the memory of a writable array without negative strides."""
    import torch  # noqa: PLC0415

    if array.dtype.name == "bfloat16":  # torch takes no such array, but its bits
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    shared: torch.Tensor = torch.from_numpy(array)
    return shared


def as_numpy(tensor: "torch.Tensor") -> Array:
    """Return the array that has the memory of a tensor."""
    import torch  # noqa: PLC0415

    tensor = tensor.detach() if tensor.requires_grad else tensor
    if tensor.dtype is torch.bfloat16:
        return tensor.view(torch.uint16).numpy().view(FORMATS["bfloat16"].dtype)
    shared: Array = tensor.numpy()
    return shared


def images(x: Array, form: Format | None = FLOAT64) -> "torch.Tensor":
    """Copy `x` [B, H, W, C] to where PyTorch's functions expect it, as NCHW."""
    return tensor(view(x, "NHWC", "NCHW"), form)


def from_images(z: "torch.Tensor") -> Array:
    """Return NCHW as NHWC, a view."""
    return view(as_numpy(z), "NCHW", "NHWC")


def filters(layer: str, ftr: Array, form: Format | None = FLOAT64) -> "torch.Tensor":
    """Copy `ftr` [in, fh, fw, out] to where the function of `layer` expects it."""
    return tensor(view(ftr, FILTER, LAYER_NAMED[layer].torch_filter), form)


def from_filters(layer: str, ftr: "torch.Tensor") -> Array:
    """Return filters of the function of `layer` as [in, fh, fw, out], a view."""
    return view(as_numpy(ftr), LAYER_NAMED[layer].torch_filter, FILTER)


def apply(
    layer: str,
    x: "torch.Tensor",
    ftr: "torch.Tensor",
    strd: Pair,
    *,
    padding: tuple[Pair, Pair] = NO_PADDING,
    dilation: Pair = (1, 1),
    groups: int = 1,
    output_padding: Pair = (0, 0),
    bias: "torch.Tensor | None" = None,
) -> "torch.Tensor":
    """Return the function of `layer` of tensors in PyTorch's layouts.

    Parameters are PyTorch's own.  Padding is ((top, bottom), (left, right)); of unequal one, which
    its functions do not take, their input or result is padded or cut.
    """
    import torch  # noqa: PLC0415  (a second to import: only when an oracle is asked)

    do, (QH, QW) = torch.nn.functional, output_padding
    (top, bottom), (left, right) = padding
    even = (top, left) if (top, left) == (bottom, right) else None
    if LAYER_NAMED[layer].narrows:
        if even is None:
            x = do.pad(x, (left, right, top, bottom))
        return do.conv2d(x, ftr, bias, strd, even or (0, 0), dilation, groups)
    if even is not None:
        return do.conv_transpose2d(x, ftr, bias, strd, even, output_padding, groups, dilation)
    z = do.conv_transpose2d(x, ftr, None, strd, 0, 0, groups, dilation)
    z = do.pad(z, (0, QW, 0, QH))
    z = z[:, :, top : z.shape[2] - bottom, left : z.shape[3] - right]
    return z if bias is None else z + bias[:, None, None]


def forward(
    layer: str,
    x: Array,
    ftr: Array,
    strd: Pair,
    form: Format | None = FLOAT64,
    *,
    bias: Array | None = None,
    **parameters: Any,
) -> Array:
    """Return `layer` applied to `x` [B, H, W, C] and `ftr` [C, FH, FW, O], as NHWC.

    Here and below, `parameters` are those of `apply`; filters then have the channels of a group.
    """
    with one_thread():
        added = None if bias is None else tensor(bias, form)
        z = apply(layer, images(x, form), filters(layer, ftr, form), strd, bias=added, **parameters)
        return from_images(z)


def input_gradient(
    layer: str,
    delta: Array,
    ftr: Array,
    strd: Pair,
    x_shape: tuple[int, ...],
    form: Format | None = FLOAT64,
    **parameters: Any,
) -> Array:
    """Return d<layer(x, ftr), delta>/dx, NHWC, by autograd; `x_shape` is (B, H, W, C)."""
    with _autograd():
        x = images(np.zeros(x_shape, delta.dtype), form).requires_grad_()
        z = apply(layer, x, filters(layer, ftr, form), strd, **parameters)
        return from_images(_derivative(z, images(delta, form), x))


def filter_gradient(
    layer: str,
    x: Array,
    delta: Array,
    strd: Pair,
    ftr_shape: tuple[int, ...],
    form: Format | None = FLOAT64,
    **parameters: Any,
) -> Array:
    """Return d<layer(x, ftr), delta>/dftr, [in, fh, fw, out], by autograd."""
    with _autograd():
        ftr = filters(layer, np.zeros(ftr_shape, x.dtype), form).requires_grad_()
        z = apply(layer, images(x, form), ftr, strd, **parameters)
        return from_filters(layer, _derivative(z, images(delta, form), ftr))


def bias_gradient(layer: str, delta: Array, form: Format | None = FLOAT64) -> Array:
    """Return d<layer(x, ftr) + bias, delta>/dbias, [O], by autograd; whatever x and ftr are."""
    channels = delta.shape[-1]
    with _autograd():
        bias = tensor(np.zeros(channels, delta.dtype), form).requires_grad_()
        x = images(np.zeros((*delta.shape[:3], 1), delta.dtype), form)
        ftr = filters(layer, np.zeros((1, 1, 1, channels), delta.dtype), form)
        z = apply(layer, x, ftr, (1, 1), bias=bias)
        return as_numpy(_derivative(z, images(delta, form), bias))


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
    form: Format | None = FLOAT64,
) -> Array:
    """Return dL/dfltrs for a network of two layers, [in, fh, fw, out], by autograd.

    The network is z = layer(x, fltrs), a = z * d_act, y = fore_layer(a, fore_w), and
    dL/dy = fore_delta.  `d_act` is data: a has the derivative that was handed over, at
    any fltrs, so the value of fltrs does not matter and zeros are used.
    """
    with _autograd():
        ftr = filters(layer, np.zeros(ftr_shape, x.dtype), form).requires_grad_()
        a = apply(layer, images(x, form), ftr, strd) * images(d_act, form)
        y = apply(fore_layer, a, filters(fore_layer, fore_w, form), fore_strd)
        return from_filters(layer, _derivative(y, images(fore_delta, form), ftr))


@contextmanager
def _autograd() -> Iterator[None]:
    """Keep to one thread and record gradients, whatever mode the caller left torch in."""
    import torch  # noqa: PLC0415

    with one_thread(), torch.inference_mode(mode=False), torch.enable_grad():
        yield


def _derivative(y: "torch.Tensor", dy: "torch.Tensor", at: "torch.Tensor") -> "torch.Tensor":
    import torch  # noqa: PLC0415

    (gradient,) = torch.autograd.grad(y, at, dy)
    return gradient

"""PyTorch's convolution: with channels last in memory, compiled, and what autograd makes of it."""

import torch
from torch.autograd import grad
from torch.nn.functional import conv2d, conv_transpose2d


def channels_last(x, ftr, strd, padding, dilation, groups, bias):
    x, ftr = (each.to(memory_format=torch.channels_last) for each in (x, ftr))
    return conv2d(x, ftr, bias, strd, padding, dilation, groups)


@torch.compile
def compiled(x, ftr, strd):
    return conv2d(x, ftr, stride=strd) + 0


def convolution_input_gradient(delta, ftr, strd, x_shape, **parameters):
    x = torch.zeros(x_shape, dtype=delta.dtype, requires_grad=True)
    return grad(conv2d(x, ftr, stride=strd, **parameters), x, delta)[0]


def convolution_filter_gradient(x, delta, strd, ftr_shape, **parameters):
    ftr = torch.zeros(ftr_shape, dtype=x.dtype, requires_grad=True)
    return grad(conv2d(x, ftr, stride=strd, **parameters), ftr, delta)[0]


def transpose_input_gradient(delta, ftr, strd, padding, dilation, groups, output_padding):
    sizes = zip(
        delta.shape[2:], ftr.shape[2:], strd, padding, dilation, output_padding, strict=True
    )
    extents = [(n + 2 * p - d * (f - 1) - 1 - q) // s + 1 for n, f, s, p, d, q in sizes]
    x = torch.zeros(len(delta), len(ftr), *extents, dtype=delta.dtype, requires_grad=True)
    z = conv_transpose2d(x, ftr, None, strd, padding, output_padding, groups, dilation)
    return grad(z, x, delta)[0]


def transpose_filter_gradient(x, delta, strd, ftr_shape, **parameters):
    ftr = torch.zeros(ftr_shape, dtype=x.dtype, requires_grad=True)
    return grad(conv_transpose2d(x, ftr, stride=strd, **parameters), ftr, delta)[0]

"""The one-layer operations with parameters, each composed of the kernels without.

    padding         zeros around the input, ((top, bottom), (left, right))
    dilation        zeros between the taps of the filter, (DH, DW)
    groups          channels fall into so many groups, which do not meet
    output_padding  zeros at the bottom and right of a transposed convolution's full result,
                    (QH, QW), before its padding is cut off
    bias            a number for each channel of the output, added last

So a parameter is something that is done to arrays before and after: `convolution` and
`convolution_transpose` stay the notebook's, the gradients those of `convcheck.reference.gradients`.
Without parameters every result is theirs, to the bit.

Filters are [C / groups, FH, FW, O] of a convolution, [C, FH, FW, O / groups] of a transposed one.
As in the kernels without parameters, nothing checks its arguments.
"""

from typing import Any

import numpy as np

from . import gradients, notebook

NO_PADDING = ((0, 0), (0, 0))


def convolution(
    x: Any,
    ftr: Any,
    strd: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = (1, 1),
    groups: Any = 1,
    bias: Any = None,
) -> Any:
    """Cross-correlate padded `x` with dilated `ftr`, group by group, and add `bias`.

    Args:
        x: input, [B, H, W, C].
        ftr: filter, [C / groups, FH, FW, O].
        strd: stride, [SH, SW].
        padding: ((top, bottom), (left, right)).
        dilation: (DH, DW).
        groups: a divisor of C and O.
        bias: [O], or None.

    Returns:
        float64 array [B, (H + top + bottom - (FH - 1)*DH - 1) // SH + 1, the same of columns, O].
    """
    x, ftr = padded(x, padding), dilated(ftr, dilation)
    parts = zip(grouped(x, groups), grouped(ftr, groups), strict=True)
    z = np.concatenate([notebook.convolution(x_, ftr_, strd) for x_, ftr_ in parts], axis=3)
    return z if bias is None else z + bias


def convolution_input_gradient(
    delta: Any,
    ftr: Any,
    strd: Any,
    x_shape: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = (1, 1),
    groups: Any = 1,
) -> Any:
    """Return the derivative of the loss with respect to the input of `convolution`.

    Args:
        delta: derivative of the loss with respect to its output, [B, ZH, ZW, O].
        ftr: filter, [C / groups, FH, FW, O].
        strd: stride, [SH, SW].
        x_shape: (B, H, W, C).
        padding: ((top, bottom), (left, right)); what it would receive is cut off.
        dilation: (DH, DW).
        groups: a divisor of C and O.

    Returns:
        float64 array of shape `x_shape`.
    """
    B, H, W, C = x_shape
    (top, bottom), (left, right) = padding
    shape = (B, top + H + bottom, left + W + right, C // groups)
    parts = zip(grouped(delta, groups), grouped(dilated(ftr, dilation), groups), strict=True)
    whole = [gradients.convolution_input_gradient(d, f, strd, shape) for d, f in parts]
    return cut(np.concatenate(whole, axis=3), padding)


def convolution_filter_gradient(
    x: Any,
    delta: Any,
    strd: Any,
    ftr_shape: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = (1, 1),
    groups: Any = 1,
) -> Any:
    """Return the derivative of the loss with respect to the filter of `convolution`.

    Args:
        x: input, [B, H, W, C].
        delta: derivative of the loss with respect to its output, [B, ZH, ZW, O].
        strd: stride, [SH, SW].
        ftr_shape: (C / groups, FH, FW, O).
        padding: ((top, bottom), (left, right)).
        dilation: (DH, DW); what the zeros between taps would receive is left out.
        groups: a divisor of C and O.

    Returns:
        float64 array of shape `ftr_shape`.
    """
    C, FH, FW, OUT = ftr_shape
    shape = (C, *dilated_extents(FH, FW, dilation), OUT // groups)
    parts = zip(grouped(padded(x, padding), groups), grouped(delta, groups), strict=True)
    whole = [gradients.convolution_filter_gradient(x_, d, strd, shape) for x_, d in parts]
    return taps(np.concatenate(whole, axis=3), dilation)


def convolution_transpose(
    x: Any,
    ftr: Any,
    strd: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = (1, 1),
    groups: Any = 1,
    output_padding: Any = (0, 0),
    bias: Any = None,
) -> Any:
    """Spread `x` over dilated `ftr`, group by group; extend it, cut `padding` off, add `bias`.

    Args:
        x: input, [B, H, W, C].
        ftr: filter, [C, FH, FW, O / groups].
        strd: stride, [SH, SW].
        padding: ((top, bottom), (left, right)).
        dilation: (DH, DW).
        groups: a divisor of C and O.
        output_padding: (QH, QW).
        bias: [O], or None.

    Returns:
        float64 array [B, (H - 1)*SH + (FH - 1)*DH + 1 + QH - top - bottom, the same of columns, O].
    """
    parts = zip(grouped(x, groups), grouped(dilated(ftr, dilation), groups, axis=0), strict=True)
    whole = [notebook.convolution_transpose(x_, ftr_, strd) for x_, ftr_ in parts]
    z = cut(extended(np.concatenate(whole, axis=3), output_padding), padding)
    return z if bias is None else z + bias


def convolution_transpose_input_gradient(
    delta: Any,
    ftr: Any,
    strd: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = (1, 1),
    groups: Any = 1,
    output_padding: Any = (0, 0),
) -> Any:
    """Return the derivative of the loss with respect to `convolution_transpose`'s input.

    Args:
        delta: derivative of the loss with respect to its output,
            [B, (H - 1)*SH + (FH - 1)*DH + 1 + QH - top - bottom, the same of columns, O].
        ftr: filter, [C, FH, FW, O / groups].
        strd: stride, [SH, SW].
        padding: ((top, bottom), (left, right)).
        dilation: (DH, DW).
        groups: a divisor of C and O.
        output_padding: (QH, QW).

    Returns:
        float64 array [B, H, W, C].
    """
    delta = unextended(padded(delta, padding), output_padding)
    ftr = dilated(ftr, dilation)
    parts = zip(grouped(delta, groups), grouped(ftr, groups, axis=0), strict=True)
    whole = [gradients.convolution_transpose_input_gradient(d, f, strd) for d, f in parts]
    return np.concatenate(whole, axis=3)


def convolution_transpose_filter_gradient(
    x: Any,
    delta: Any,
    strd: Any,
    ftr_shape: Any,
    *,
    padding: Any = NO_PADDING,
    dilation: Any = (1, 1),
    groups: Any = 1,
    output_padding: Any = (0, 0),
) -> Any:
    """Return the derivative of the loss with respect to `convolution_transpose`'s filter.

    Args:
        x: input, [B, H, W, C].
        delta: derivative of the loss with respect to its output,
            [B, (H - 1)*SH + (FH - 1)*DH + 1 + QH - top - bottom, the same of columns, O].
        strd: stride, [SH, SW].
        ftr_shape: (C, FH, FW, O / groups).
        padding: ((top, bottom), (left, right)).
        dilation: (DH, DW).
        groups: a divisor of C and O.
        output_padding: (QH, QW).

    Returns:
        float64 array of shape `ftr_shape`.
    """
    C, FH, FW, OUT = ftr_shape
    shape = (C // groups, *dilated_extents(FH, FW, dilation), OUT)
    delta = unextended(padded(delta, padding), output_padding)
    parts = zip(grouped(x, groups), grouped(delta, groups), strict=True)
    whole = [gradients.convolution_transpose_filter_gradient(x_, d, strd, shape) for x_, d in parts]
    return taps(np.concatenate(whole, axis=0), dilation)


def convolution_bias_gradient(delta: Any) -> Any:
    """Return the derivative of the loss with respect to the bias of `convolution`.

    z[o] = sum over b, h, w of delta[b, h, w, o]

    Args:
        delta: derivative of the loss with respect to its output, [B, ZH, ZW, O].

    Returns:
        float64 array [O].
    """
    (B, ZH, ZW, OUT) = delta.shape

    z = np.zeros(OUT)
    for b in range(B):
        for h in range(ZH):
            for w in range(ZW):
                for o in range(OUT):
                    z[o] += delta[b, h, w, o]
    return z


def convolution_transpose_bias_gradient(delta: Any) -> Any:
    """Return the derivative with respect to `convolution_transpose`'s bias: the same sum."""
    return convolution_bias_gradient(delta)


def padded(x: Any, padding: Any) -> Any:
    """Return `x`, [B, H, W, C], with zeros around it."""
    return np.pad(x, ((0, 0), *padding, (0, 0)))


def cut(z: Any, padding: Any) -> Any:
    """Return `z`, [B, H, W, C], without what `padding` would have put around it."""
    (_, H, W, _) = z.shape
    (top, bottom), (left, right) = padding
    return z[:, top : H - bottom, left : W - right]


def extended(z: Any, output_padding: Any) -> Any:
    """Return `z`, [B, H, W, C], with zeros at its bottom and right."""
    (QH, QW) = output_padding
    return padded(z, ((0, QH), (0, QW)))


def unextended(z: Any, output_padding: Any) -> Any:
    """Return `z`, [B, H, W, C], without its last rows and columns."""
    (QH, QW) = output_padding
    return cut(z, ((0, QH), (0, QW)))


def dilated_extents(FH: Any, FW: Any, dilation: Any) -> Any:
    """Return height and width of a filter with zeros between its taps."""
    (DH, DW) = dilation
    return (FH - 1) * DH + 1, (FW - 1) * DW + 1


def dilated(ftr: Any, dilation: Any) -> Any:
    """Return `ftr`, [in, FH, FW, out], with zeros between its taps."""
    (IN, FH, FW, OUT) = ftr.shape
    (DH, DW) = dilation

    z = np.zeros((IN, *dilated_extents(FH, FW, dilation), OUT), ftr.dtype)
    z[:, ::DH, ::DW] = ftr
    return z


def taps(ftr: Any, dilation: Any) -> Any:
    """Return the taps of a dilated filter."""
    (DH, DW) = dilation
    return ftr[:, ::DH, ::DW]


def grouped(array: Any, groups: Any, axis: int = 3) -> Any:
    """Return the groups into which `array` falls along an axis of channels."""
    return np.split(array, groups, axis)

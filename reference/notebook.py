"""The four kernels of the notebook, literally.

These are the specification.  Each does the notebook's computation step for step: the
same arguments, loop nest, slices, order of accumulation and dtypes, hence the same
results to the bit and the same exceptions.  Their faults are kept on purpose; every one
is described, with a call that shows it, in `convcheck.reference.defects`.

Layouts: tensors are [batch, height, width, channel] (NHWC), filters are
[in channel, filter height, filter width, out channel].  A stride is a pair
[stride height, stride width].  There is no padding.
"""

# Type annotations stop at `Any`: the kernels check nothing, and what they do with
# arguments that nobody intended is part of the specification.
from typing import Any

import numpy as np


def convolution(x: Any, ftr: Any, strd: Any) -> Any:
    """Cross-correlate `x` with `ftr`: what deep learning calls a convolution.

    z[b, h, w, o] = sum over c, i, j of x[b, h*SH + i, w*SW + j, c] * ftr[c, i, j, o]

    Args:
        x: input, [B, H, W, C].
        ftr: filter, [C, FH, FW, O].
        strd: stride, [SH, SW].

    Returns:
        float64 array [B, int((H - FH)/SH + 1), int((W - FW)/SW + 1), O].  Products and
        sums are made in the dtype that NumPy gives `x * ftr`; only the finished sum is
        converted.  Rows and columns that no window reaches are ignored.

    Raises:
        ValueError: `x` or `ftr` is not 4-D, `strd` is not a pair, an output extent
            would be negative, or windows and filter do not broadcast.
        IndexError: `x` has more channels than `ftr`.
        ZeroDivisionError: a stride is the integer 0.
    """
    (B, H, W, C) = x.shape
    (_in_C, f_H, f_W, out_C) = ftr.shape
    (strd_H, strd_W) = strd

    H_hopes = int((H - f_H) / strd_H + 1)
    W_hopes = int((W - f_W) / strd_W + 1)

    z = np.zeros((B, H_hopes, W_hopes, out_C))

    for b in range(B):
        for out_ch in range(out_C):
            for h in range(H_hopes):
                h_start = h * strd_H
                for w in range(W_hopes):
                    w_start = w * strd_W
                    f_sum = 0
                    for ch in range(C):
                        x_ = x[b, h_start : h_start + f_H, w_start : w_start + f_W, ch]
                        f_sum += np.sum(x_ * ftr[ch, :, :, out_ch])
                    z[b, h, w, out_ch] = f_sum
    return z


def convolution_transpose(x: Any, ftr: Any, strd: Any) -> Any:
    """Spread `x` over `ftr`: the transposed convolution.

    z[b, h*SH + i, w*SW + j, o] += x[b, h, w, c] * ftr[c, i, j, o], for all h, w, i, j, c

    Args:
        x: input, [B, H, W, C].
        ftr: filter, [C, FH, FW, O].
        strd: stride, [SH, SW].

    Returns:
        float64 array [B, (H - 1)*SH + FH, (W - 1)*SW + FW, O].  The sum over channels
        is made in the dtype that NumPy gives `x * ftr`, the sum over overlapping
        windows in float64.

    Raises:
        ValueError: `x` or `ftr` is not 4-D, `strd` is not a pair, an output extent
            would be negative, or a window does not fit the filter.
        IndexError: `x` has more channels than `ftr`.
        TypeError: a stride is not an integer, or `x` or `ftr` is complex.
    """
    (B, H, W, C) = x.shape
    (_in_C, f_H, f_W, out_C) = ftr.shape
    (strd_H, strd_W) = strd

    H_hopes = (H - 1) * strd_H + f_H
    W_hopes = (W - 1) * strd_W + f_W

    z = np.zeros((B, H_hopes, W_hopes, out_C))

    for b in range(B):
        for out_ch in range(out_C):
            for h in range(H):
                for w in range(W):
                    f_sum = 0
                    for ch in range(C):
                        x_ = x[b, h, w, ch]
                        f_sum += x_ * ftr[ch, :, :, out_ch]
                    z[
                        b,
                        h * strd_H : (h * strd_H) + f_H,
                        w * strd_W : (w * strd_W) + f_W,
                        out_ch,
                    ] += f_sum
    return z


def conv_back_prop(
    fore_delta: Any,
    fore_w: Any,
    fore_strd: Any,
    d_act: Any,
    x: Any,  # noqa: ARG001  (the notebook reads `inputs` instead)
    fltrs: Any,
    strd: Any,
) -> Any:
    """Return the filter gradient of layer l, a convolution followed by an activation.

    Meant: with z = convolution(x, fltrs, strd), a = act(z) and layer l+1 a convolution
    of a, the derivative of the loss with respect to `fltrs`.  As it stands no call gets
    past the unbound name `filters`; `convcheck.reference.repaired` has what was meant.

    Args:
        fore_delta: derivative of the loss with respect to the output of layer l+1,
            [B, DH, DW, K].
        fore_w: filter of layer l+1, [O, GH, GW, K].
        fore_strd: stride of layer l+1, [TH, TW].
        d_act: derivative of the activation at z, [B, ZH, ZW, O].
        x: input of layer l, [B, H, W, C].
        fltrs: filter of layer l, [C, FH, FW, O].
        strd: stride of layer l, [SH, SW].

    Returns:
        array of the shape and dtype of `fltrs`, if the names `filters` and `inputs`
        happen to be bound in this module.

    Raises:
        NameError: always, unless an argument made an earlier step fail.
    """
    error = convolution(fore_delta, fore_w, fore_strd)
    delta = error * d_act

    SH, SW = strd[0], strd[1]
    # F821: the notebook never binds `filters` and `inputs`; that is its first defect.
    (INCH, FH, FW, OUTCH) = filters.shape  # type: ignore[name-defined]  # noqa: F821
    (B, DH, DW, OUTCH) = delta.shape

    z = np.zeros_like(fltrs)
    for b in range(B):
        for h in range(DH):
            for w in range(DW):
                for outch in range(OUTCH):
                    for inch in range(INCH):
                        I = inputs[  # type: ignore[name-defined]  # noqa: E741, F821
                            b, h * SH : h * SH + FH, w * SW : w * SW + FW, inch
                        ]

                        D = delta[b, h, w, outch]
                        z[inch, :, :, outch] += I * D
    return z


def conv_transpose_back_prop(
    fore_delta: Any,
    fore_w: Any,
    fore_strd: Any,
    d_act: Any,
    x: Any,
    fltrs: Any,  # noqa: ARG001  (the notebook never makes `z` from it)
    strd: Any,  # noqa: ARG001  (the notebook reads `sH` and `sW` instead)
) -> Any:
    """Return the filter gradient of layer l, a transposed convolution with activation.

    Meant: with z = convolution_transpose(x, fltrs, strd), a = act(z) and layer l+1 a
    transposed convolution of a, the derivative of the loss with respect to `fltrs`.  As
    it stands no call gets past the unbound name `B`; `convcheck.reference.repaired` has
    what was meant.

    Args:
        fore_delta: derivative of the loss with respect to the output of layer l+1,
            [B, DH, DW, K].
        fore_w: filter of layer l+1, [O, GH, GW, K].
        fore_strd: stride of layer l+1, [TH, TW].
        d_act: derivative of the activation at z, [B, ZH, ZW, O].
        x: input of layer l, [B, H, W, C].
        fltrs: filter of layer l, [C, FH, FW, O].
        strd: stride of layer l, [SH, SW].

    Returns:
        the array bound to `z` in this module, should all ten unbound names be bound.

    Raises:
        NameError: always, unless an argument made an earlier step fail.
    """
    error = convolution(fore_delta, fore_w, fore_strd)
    delta = error * d_act

    # F821 throughout: the notebook binds none of the extents and strides, and no `z`.
    for b in range(B):  # type: ignore[name-defined]  # noqa: F821
        for outch in range(outCH):  # type: ignore[name-defined]  # noqa: F821
            for inch in range(inCH):  # type: ignore[name-defined]  # noqa: F821
                for inh in range(inH):  # type: ignore[name-defined]  # noqa: F821
                    for inw in range(inW):  # type: ignore[name-defined]  # noqa: F821
                        I = x[b, inh, inw, inch]  # noqa: E741

                        D = delta[
                            b,
                            inh * sH : inh * sH + fH,  # type: ignore[name-defined]  # noqa: F821
                            inw * sW : inw * sW + fW,  # type: ignore[name-defined]  # noqa: F821
                            outch,
                        ]
                        z[inch, :, :, outch] += I * D  # type: ignore[name-defined]  # noqa: F821
    return z  # type: ignore[name-defined]  # noqa: F821

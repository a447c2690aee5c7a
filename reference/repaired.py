"""The two backward kernels of the notebook with the smallest repair that makes them right.

What was changed, and nothing else: the unbound names are bound, the channel axes of
`fore_w` are exchanged, the derivative reaches layer l through the operation that layer
l+1 calls for, and rows and columns that layer l+1 never read are filled with zeros.  The
loops, slices, order of accumulation and result dtype are the notebook's.

Both are derivatives of a two-layer network.  With L the loss, op the operation of layer l,

    z = op(x, fltrs, strd),   a = act(z),   y = op'(a, fore_w, fore_strd),

they receive fore_delta = dL/dy and d_act = act'(z) and return dL/dfltrs, the filter
gradient of op at (x, delta) where delta = dL/da * d_act.  A convolution and a transposed
convolution with the same filter, its channel axes exchanged, are each other's adjoint
(Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016, ch. 4),
so dL/da is the adjoint of op' applied to fore_delta.
"""

from typing import Any, Literal

import numpy as np

from .notebook import convolution, convolution_transpose

ForeLayer = Literal["convolution", "convolution_transpose"]


def _error(fore_delta: Any, fore_w: Any, fore_strd: Any, d_act: Any, fore_layer: ForeLayer) -> Any:
    """Return dL/da, [B, ZH, ZW, O]: `fore_delta` carried back through layer l+1."""
    exchanged = fore_w.transpose(3, 1, 2, 0)
    if fore_layer == "convolution_transpose":
        return convolution(fore_delta, exchanged, fore_strd)
    if fore_layer != "convolution":
        raise ValueError(
            f"fore_layer={fore_layer!r}: expected 'convolution' or 'convolution_transpose'"
        )
    reached = convolution_transpose(fore_delta, exchanged, fore_strd)
    # Where the stride left a remainder, the last rows and columns of the activation were
    # never read, so that their derivative is zero.
    error = np.zeros(d_act.shape)
    error[:, : reached.shape[1], : reached.shape[2], :] = reached
    return error


def conv_back_prop(
    fore_delta: Any,
    fore_w: Any,
    fore_strd: Any,
    d_act: Any,
    x: Any,
    fltrs: Any,
    strd: Any,
    *,
    fore_layer: ForeLayer = "convolution",
) -> Any:
    """Return the filter gradient of layer l, a convolution followed by an activation.

    Args:
        fore_delta: dL/dy, [B, DH, DW, K], y being the output of layer l+1.
        fore_w: filter of layer l+1, [O, GH, GW, K].
        fore_strd: stride of layer l+1, [TH, TW].
        d_act: derivative of the activation at z, [B, ZH, ZW, O], the shape of z.
        x: input of layer l, [B, H, W, C].
        fltrs: filter of layer l, [C, FH, FW, O]; only its shape and dtype matter.
        strd: stride of layer l, [SH, SW].
        fore_layer: what layer l+1 is.

    Returns:
        array of the shape and dtype of `fltrs`, every term rounded to that dtype as it
        is added.

    Raises:
        ValueError: shapes do not fit together, or `fore_layer` is neither operation.
        TypeError: the dtype of `fltrs` cannot take a float64 term, as integers cannot.
    """
    error = _error(fore_delta, fore_w, fore_strd, d_act, fore_layer)
    delta = error * d_act

    SH, SW = strd[0], strd[1]
    (INCH, FH, FW, OUTCH) = fltrs.shape
    (B, DH, DW, OUTCH) = delta.shape

    z = np.zeros_like(fltrs)
    for b in range(B):
        for h in range(DH):
            for w in range(DW):
                for outch in range(OUTCH):
                    for inch in range(INCH):
                        window = x[b, h * SH : h * SH + FH, w * SW : w * SW + FW, inch]
                        D = delta[b, h, w, outch]
                        z[inch, :, :, outch] += window * D
    return z


def conv_transpose_back_prop(
    fore_delta: Any,
    fore_w: Any,
    fore_strd: Any,
    d_act: Any,
    x: Any,
    fltrs: Any,
    strd: Any,
    *,
    fore_layer: ForeLayer = "convolution_transpose",
) -> Any:
    """Return the filter gradient of layer l, a transposed convolution with activation.

    Args:
        fore_delta: dL/dy, [B, DH, DW, K], y being the output of layer l+1.
        fore_w: filter of layer l+1, [O, GH, GW, K].
        fore_strd: stride of layer l+1, [TH, TW].
        d_act: derivative of the activation at z, [B, ZH, ZW, O], the shape of z.
        x: input of layer l, [B, H, W, C].
        fltrs: filter of layer l, [C, FH, FW, O]; only its shape and dtype matter.
        strd: stride of layer l, [SH, SW].
        fore_layer: what layer l+1 is.

    Returns:
        array of the shape and dtype of `fltrs`, every term rounded to that dtype as it
        is added.

    Raises:
        ValueError: shapes do not fit together, or `fore_layer` is neither operation.
        TypeError: the dtype of `fltrs` cannot take a float64 term, as integers cannot.
    """
    error = _error(fore_delta, fore_w, fore_strd, d_act, fore_layer)
    delta = error * d_act

    sH, sW = strd[0], strd[1]
    (B, inH, inW, inCH) = x.shape
    (inCH, fH, fW, outCH) = fltrs.shape

    z = np.zeros_like(fltrs)
    for b in range(B):
        for outch in range(outCH):
            for inch in range(inCH):
                for inh in range(inH):
                    for inw in range(inW):
                        pixel = x[b, inh, inw, inch]
                        D = delta[b, inh * sH : inh * sH + fH, inw * sW : inw * sW + fW, outch]
                        z[inch, :, :, outch] += pixel * D
    return z

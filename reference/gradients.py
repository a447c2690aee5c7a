"""The plain gradients of the two forward kernels, as loops in the notebook's manner.

`delta` is the derivative of the loss with respect to the kernel's output; the results
are the derivatives with respect to its input and its filter.  Layouts are the notebook's:
tensors [batch, height, width, channel], filters [in, height, width, out].  Products are
made in the dtype that NumPy gives them, sums in float64, which is also the result's dtype.

None of them checks its arguments: sizes that do not fit together raise NumPy's ValueError
or IndexError.
"""

from typing import Any

import numpy as np


def convolution_input_gradient(delta: Any, ftr: Any, strd: Any, x_shape: Any) -> Any:
    """Return the derivative of the loss with respect to the input of `convolution`.

    z[b, h*SH + i, w*SW + j, c] += delta[b, h, w, o] * ftr[c, i, j, o]

    Args:
        delta: [B, ZH, ZW, O].
        ftr: filter, [C, FH, FW, O].
        strd: stride, [SH, SW].
        x_shape: (B, H, W, C); rows and columns that no window reached stay zero.

    Returns:
        float64 array of shape `x_shape`.
    """
    (B, ZH, ZW, OUT) = delta.shape
    (C, FH, FW, OUT) = ftr.shape
    (SH, SW) = strd

    z = np.zeros(x_shape)
    for b in range(B):
        for h in range(ZH):
            for w in range(ZW):
                for o in range(OUT):
                    for c in range(C):
                        D = delta[b, h, w, o]
                        z[b, h * SH : h * SH + FH, w * SW : w * SW + FW, c] += D * ftr[c, :, :, o]
    return z


def convolution_filter_gradient(x: Any, delta: Any, strd: Any, ftr_shape: Any) -> Any:
    """Return the derivative of the loss with respect to the filter of `convolution`.

    z[c, i, j, o] += x[b, h*SH + i, w*SW + j, c] * delta[b, h, w, o]

    Args:
        x: input, [B, H, W, C].
        delta: [B, ZH, ZW, O].
        strd: stride, [SH, SW].
        ftr_shape: (C, FH, FW, O).

    Returns:
        float64 array of shape `ftr_shape`.
    """
    (B, ZH, ZW, OUT) = delta.shape
    (C, FH, FW, OUT) = ftr_shape
    (SH, SW) = strd

    z = np.zeros(ftr_shape)
    for b in range(B):
        for h in range(ZH):
            for w in range(ZW):
                for o in range(OUT):
                    for c in range(C):
                        window = x[b, h * SH : h * SH + FH, w * SW : w * SW + FW, c]
                        z[c, :, :, o] += window * delta[b, h, w, o]
    return z


def convolution_transpose_input_gradient(delta: Any, ftr: Any, strd: Any) -> Any:
    """Return the derivative of the loss with respect to `convolution_transpose`'s input.

    z[b, h, w, c] = sum over o, i, j of delta[b, h*SH + i, w*SW + j, o] * ftr[c, i, j, o]

    Args:
        delta: [B, (H - 1)*SH + FH, (W - 1)*SW + FW, O].
        ftr: filter, [C, FH, FW, O].
        strd: stride, [SH, SW].

    Returns:
        float64 array [B, H, W, C]; `delta` determines H and W, no remainder is possible.
    """
    (B, DH, DW, OUT) = delta.shape
    (C, FH, FW, OUT) = ftr.shape
    (SH, SW) = strd

    H = (DH - FH) // SH + 1
    W = (DW - FW) // SW + 1

    z = np.zeros((B, H, W, C))
    for b in range(B):
        for c in range(C):
            for h in range(H):
                for w in range(W):
                    for o in range(OUT):
                        window = delta[b, h * SH : h * SH + FH, w * SW : w * SW + FW, o]
                        z[b, h, w, c] += np.sum(window * ftr[c, :, :, o], dtype=np.float64)
    return z


def convolution_transpose_filter_gradient(x: Any, delta: Any, strd: Any, ftr_shape: Any) -> Any:
    """Return the derivative of the loss with respect to `convolution_transpose`'s filter.

    z[c, i, j, o] += x[b, h, w, c] * delta[b, h*SH + i, w*SW + j, o]

    Args:
        x: input, [B, H, W, C].
        delta: [B, (H - 1)*SH + FH, (W - 1)*SW + FW, O].
        strd: stride, [SH, SW].
        ftr_shape: (C, FH, FW, O).

    Returns:
        float64 array of shape `ftr_shape`.
    """
    (B, H, W, C) = x.shape
    (C, FH, FW, OUT) = ftr_shape
    (SH, SW) = strd

    z = np.zeros(ftr_shape)
    for b in range(B):
        for h in range(H):
            for w in range(W):
                for c in range(C):
                    for o in range(OUT):
                        window = delta[b, h * SH : h * SH + FH, w * SW : w * SW + FW, o]
                        z[c, :, :, o] += x[b, h, w, c] * window
    return z

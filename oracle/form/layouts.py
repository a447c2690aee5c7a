"""The notebook's layouts and PyTorch's, each as a view of the other.

    what                 notebook              PyTorch
    tensors              NHWC                  NCHW
    convolution filter   [in, fh, fw, out]     OIHW
    transposed filter    [in, fh, fw, out]     IOHW

Every map is a transposition: it copies nothing, keeps dtype and values, and the map back
restores shape and strides exactly.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def nhwc_to_nchw(x: Array) -> Array:
    """View [B, H, W, C] as [B, C, H, W]."""
    return np.transpose(x, (0, 3, 1, 2))


def nchw_to_nhwc(x: Array) -> Array:
    """View [B, C, H, W] as [B, H, W, C]."""
    return np.transpose(x, (0, 2, 3, 1))


def ihwo_to_oihw(ftr: Array) -> Array:
    """View [in, fh, fw, out] as conv2d's [out, in, fh, fw]."""
    return np.transpose(ftr, (3, 0, 1, 2))


def oihw_to_ihwo(ftr: Array) -> Array:
    """View conv2d's [out, in, fh, fw] as [in, fh, fw, out]."""
    return np.transpose(ftr, (1, 2, 3, 0))


def ihwo_to_iohw(ftr: Array) -> Array:
    """View [in, fh, fw, out] as conv_transpose2d's [in, out, fh, fw]."""
    return np.transpose(ftr, (0, 3, 1, 2))


def iohw_to_ihwo(ftr: Array) -> Array:
    """View conv_transpose2d's [in, out, fh, fw] as [in, fh, fw, out]."""
    return np.transpose(ftr, (0, 2, 3, 1))

"""The notebook's layouts and PyTorch's, each as a view of the other.

what                 notebook              PyTorch
tensors              NHWC                  NCHW
convolution filter   [in, fh, fw, out]     OIHW
transposed filter    [in, fh, fw, out]     IOHW
"""

from functools import lru_cache
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def view(array: Array, axes: str, wanted: str) -> Array:
    """View an array with these axes, a letter each, with its axes in the order `wanted`.

    A transposition: it copies nothing, keeps dtype and values, and the view back restores
    shape and strides exactly.
    """
    return array.transpose(_order(axes, wanted))


@lru_cache
def _order(axes: str, wanted: str) -> tuple[int, ...]:
    return tuple(axes.index(axis) for axis in wanted)

"""The names that the witnesses of the ledger and of the domain map may use.

Beside `np` a witness knows the kernels, a few constructors that keep its call short, and,
in the domain map, PyTorch: through the oracle, which copies its arguments into memory of
its own, or as it is, where the copy would hide what PyTorch makes of an argument.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from convcheck import reference
from convcheck.form import pytorch
from convcheck.reference import repaired

if TYPE_CHECKING:
    import torch

Names = dict[str, Any]


def ones(*shape: int, dtype: DTypeLike = float) -> NDArray[Any]:
    """Return an array of `shape` filled with ones."""
    return np.ones(shape, dtype)


def count(*shape: int, dtype: DTypeLike = float) -> NDArray[Any]:
    """Return an array of `shape` holding 1, 2, 3, ... in C order."""
    return np.arange(1, 1 + np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def row(*values: complex, dtype: DTypeLike = float) -> NDArray[Any]:
    """Return `values` as [1, 1, n, 1]: an image of one row, or a filter of one row."""
    return np.array(values, dtype).reshape(1, 1, -1, 1)


def pixel(*values: complex, dtype: DTypeLike = float) -> NDArray[Any]:
    """Return `values` as [1, 1, 1, n]: the n channels of one pixel."""
    return np.array(values, dtype).reshape(1, 1, 1, -1)


CONSTRUCTORS: Names = {"ones": ones, "count": count, "row": row, "pixel": pixel}

LITERAL: Names = {name: getattr(reference, name) for name in reference.__all__}

REPAIRED: Names = {
    "conv_back_prop": repaired.conv_back_prop,
    "conv_transpose_back_prop": repaired.conv_transpose_back_prop,
}


def ledger_names() -> Names:
    """Return the names of the ledger's witnesses: the literal kernels."""
    return CONSTRUCTORS | LITERAL


def repaired_names() -> Names:
    """Return the ledger's names with the repaired backward kernels in place of the literal."""
    return CONSTRUCTORS | LITERAL | REPAIRED


def domain_names() -> Names:
    """Return the names of the domain map's witnesses; imports torch."""
    import torch  # noqa: PLC0415  (takes a second: not while tests are being collected)

    oracle: Names = {
        "conv2d": partial(pytorch.forward, "convolution", form=None),
        "conv2d_as_is": partial(_as_is, "conv2d"),
        "conv_transpose2d": partial(pytorch.forward, "convolution_transpose", form=None),
        "conv_transpose2d_as_is": partial(_as_is, "conv_transpose2d"),
        "two_layer_filter_gradient": partial(pytorch.two_layer_filter_gradient, form=None),
    }
    renamed = {f"repaired_{name}": kernel for name, kernel in REPAIRED.items()}
    return CONSTRUCTORS | LITERAL | renamed | oracle | {"torch": torch}


def _as_is(function: str, x: object, ftr: object, strd: object, **options: object) -> NDArray[Any]:
    """Call a function of `torch.nn.functional` on the very memory of `x` and `ftr`.

    Channels are last in `x` and in the result, as in the notebook, whatever the number of
    dimensions.  `options` are PyTorch's own, such as padding.
    """
    import torch  # noqa: PLC0415

    axes = (3, 0, 1, 2) if function == "conv2d" else (0, 3, 1, 2)
    z = getattr(torch.nn.functional, function)(
        _tensor(x).movedim(-1, -3), _tensor(ftr).permute(axes), stride=strd, **options
    )
    result: NDArray[Any] = z.movedim(-3, -1).numpy()
    return result


def _tensor(array: object) -> "torch.Tensor":
    import torch  # noqa: PLC0415

    return array if isinstance(array, torch.Tensor) else torch.from_numpy(array)

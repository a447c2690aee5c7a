"""The maps between the notebook's layouts and PyTorch's."""

import numpy as np
import pytest

from convcheck.form.layouts import Array, view

MAPS = ("bhwc bchw", "bchw bhwc", "ihwo oihw", "oihw ihwo", "ihwo iohw", "iohw ihwo")
"""the axes of an array, and of its view"""

BASE = np.arange(2 * 3 * 4 * 10)
ARRANGED = {
    "contiguous": BASE.reshape(2, 3, 4, 10),
    "fortran": np.asfortranarray(BASE.reshape(2, 3, 4, 10)),
    "reversed": BASE.reshape(2, 3, 4, 10)[::-1, :, ::-1, ::-1],
    "gaps": BASE.reshape(2, 3, 4, 10)[:, ::2, 1:3, ::3],
    "broadcast": np.broadcast_to(BASE[:4, None], (2, 3, 4, 5)),
    "empty": np.zeros((0, 3, 4, 5)),
    "float16": np.linspace(-1, 1, 120, dtype=np.float16).reshape(2, 3, 4, 5),
    "bool": (BASE % 3 == 0).reshape(4, 3, 2, 10),
}


@pytest.mark.parametrize("array", ARRANGED.values(), ids=ARRANGED)
@pytest.mark.parametrize("name", MAPS)
def test_there_and_back(name: str, array: Array) -> None:
    """A map and the one back copy nothing: address, shape, strides, dtype and values return."""
    axes, wanted = name.split()
    mapped = view(array, axes, wanted)
    assert np.array_equal(mapped, np.einsum(f"{axes}->{wanted}", array))
    assert view(mapped, wanted, axes).__array_interface__ == array.__array_interface__


def test_rank() -> None:
    """An array that has not four axes is refused."""
    with pytest.raises(ValueError, match="axes don't match array"):
        view(np.zeros((2, 3, 4)), "bhwc", "bchw")

"""The maps between the notebook's layouts and PyTorch's."""

from itertools import product

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
    """A map and the one back restore address, shape, strides, dtype and values."""
    axes, wanted = name.split()
    returned = view(view(array, axes, wanted), wanted, axes)
    assert returned.__array_interface__ == array.__array_interface__
    assert returned.tobytes() == array.tobytes()


@pytest.mark.parametrize("name", MAPS)
def test_view(name: str) -> None:
    """A map copies nothing: what is written to its result is in the argument."""
    array = np.zeros((2, 3, 4, 5))
    mapped = view(array, *name.split())
    assert np.shares_memory(mapped, array)
    mapped[...] = 7
    assert (array == 7).all()


@pytest.mark.parametrize("name", MAPS)
def test_elements(name: str) -> None:
    """Every element is where the letters of its axes say."""
    before, after = name.split()
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    mapped = view(array, before, after)
    extents = dict(zip(before, array.shape, strict=True))
    assert mapped.shape == tuple(extents[axis] for axis in after)
    for index in product(*map(range, array.shape)):
        at = dict(zip(before, index, strict=True))
        assert mapped[tuple(at[axis] for axis in after)] == array[index]


@pytest.mark.parametrize("name", MAPS)
def test_rank(name: str) -> None:
    """An array that has not four axes is refused."""
    with pytest.raises(ValueError, match="axes don't match array"):
        view(np.zeros((2, 3, 4)), *name.split())

"""Kernels by transforms: FFT, and Winograd's F(2 x 2, 3 x 3)."""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from zeros import stuffed
from zoo import STYLES, Style, kernels

from convcheck.kernels.promises import Promise

Array = Any
Pair = tuple[int, int]
Length = Callable[[int], int]


def power_of_two(least: int) -> int:
    """Return the least power of two that is not below `least`."""
    return int(2 ** int(np.ceil(np.log2(least))))


def fft_style(length: Length = power_of_two) -> Style:
    """Return kernels that transform with at least `length(n)` points for n that are needed."""

    def transforms(size: Pair, a: Array, b: Array) -> tuple[Pair, Array, Array]:
        points = (length(size[0]), length(size[1]))
        return points, np.fft.rfft2(a, points, (1, 2)), np.fft.rfft2(b, points, (1, 2))

    def narrow(wide: Array, ftr: Array, strd: Pair) -> Array:
        size = (wide.shape[1], wide.shape[2])
        points, x, f = transforms(size, wide, ftr)
        z = np.fft.irfft2(np.einsum("bhwi,ihwo->bhwo", x, f.conj()), points, (1, 2))
        steps = (size[0] - ftr.shape[1] + 1, size[1] - ftr.shape[2] + 1)
        return z[:, : steps[0] : strd[0], : steps[1] : strd[1]].astype(wide.dtype)

    def ftr(wide: Array, narrow: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
        size = (wide.shape[1], wide.shape[2])
        points, x, d = transforms(size, wide, stuffed(narrow, strd))
        z = np.fft.irfft2(np.einsum("bhwi,bhwo->ihwo", x, d.conj()), points, (1, 2))
        return z[:, : shape[1], : shape[2]].astype(wide.dtype)

    def wide(narrow: Array, ftr: Array, strd: Pair, shape: tuple[int, ...]) -> Array:
        points, d, f = transforms((shape[1], shape[2]), stuffed(narrow, strd), ftr)
        z = np.fft.irfft2(np.einsum("bhwo,ihwo->bhwi", d, f), points, (1, 2))
        return z[:, : shape[1], : shape[2]].astype(narrow.dtype)

    return Style(narrow, ftr, wide)


Matrices = tuple[Array, Array, Array]

_F2 = (
    np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
    np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
)
_F4 = (
    np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
    np.array(
        [
            *([4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0]),
            *([0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]),
        ]
    ),
    np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24,
)
"""A, B and G of F(2 x 2, 3 x 3) and F(4 x 4, 3 x 3)"""


def winograd(x: Array, ftr: Array, strd: Pair, matrices: Matrices = _F2) -> Array:
    """Convolve by tiles of these where the filter is 3 x 3 at stride 1; else directly."""
    if ftr.shape[1:3] != (3, 3) or strd != (1, 1):
        return STYLES["fused"].narrow(x, ftr, strd)
    a, b, g = (matrix.astype(x.dtype) for matrix in matrices)
    size = len(a)
    rows, columns = x.shape[1] - 2, x.shape[2] - 2
    padded = np.pad(x, ((0, 0), (0, -rows % size), (0, -columns % size), (0, 0)))
    z = np.zeros((x.shape[0], padded.shape[1] - 2, padded.shape[2] - 2, ftr.shape[3]), x.dtype)
    f = np.einsum("ur,irso,vs->iuvo", g, ftr, g)
    for p, q in product(range(0, rows, size), range(0, columns, size)):
        tile = np.einsum("ur,brsi,vs->buvi", b, padded[:, p : p + size + 2, q : q + size + 2], b)
        summed = np.einsum("buvi,iuvo->buvo", tile, f)
        z[:, p : p + size, q : q + size] = np.einsum("ru,buvo,sv->brso", a, summed, a)
    return z[:, :rows, :columns]


def winograd_of_four(x: Array, ftr: Array, strd: Pair) -> Array:
    """Do the same by F(4 x 4, 3 x 3)."""
    return winograd(x, ftr, strd, _F4)


class Normwise:
    """A kernel that promises normwise accuracy."""

    def __init__(self, function: Callable[..., Any], **promise: Any) -> None:
        """Take the function that computes, and what else is promised."""
        self.function = function
        self.promise = Promise(accuracy="normwise", **promise)
        self.__name__ = function.__name__

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Return what the function does."""
        return self.function(*arguments, **keywords)


def fft_kernels(length: Length = power_of_two) -> dict[str, Normwise]:
    """Return kernels for all ten operations, by name."""
    return {name: Normwise(each) for name, each in kernels(fft_style(length)).items()}

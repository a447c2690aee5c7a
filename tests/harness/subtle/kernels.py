"""How a subtle wrong kernel is written: a short function on top of a right and fast one.

    @wrong("convolution")
    def tf32_from_64_channels(right, x, ftr, strd):
        "It takes its inputs for TF32 from 64 channels in on."
        return right(*(map(tf32, (x, ftr)) if x.shape[3] >= 64 else (x, ftr)), strd)

`right` is the operation's right kernel; the family is the file, and the docstring says what is
wrong.  What has a memory is `remembering`: it is handed `right` alone, and returns a kernel, whose
memory is new each time.  A new file is named in `__init__.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import numpy as np
from zoo import STYLES, kernels

from convcheck.form.operations import OPERATIONS

Array = Any
Kernel = Callable[..., Array]
Function = Callable[..., Any]

EVERY = tuple(OPERATIONS)
FORWARD = ("convolution", "convolution_transpose")
RIGHT = kernels(STYLES["fused"])


@dataclass(frozen=True)
class Subtle:
    """A wrong kernel that judging may miss."""

    name: str
    """an identifier"""
    family: str
    operation: str
    sentence: str
    """what it does"""
    make: Callable[[], Kernel]
    """returns the kernel, with a new memory if it has one"""


SUBTLE: dict[str, Subtle] = {}
"""all of them, by name"""


def remembering(*operations: str) -> Callable[[Function], Function]:
    """Add what a function makes of a right kernel of each operation, by its own name.

    Where there are several operations, each one's name stands behind it.
    """

    def add(function: Function) -> Function:
        family, sentence = function.__module__.rpartition(".")[2], function.__doc__ or ""
        for operation in operations:
            name = function.__name__ + (f"_of_{operation}" if len(operations) > 1 else "")
            assert name not in SUBTLE, name
            make = partial(function, RIGHT[operation])
            SUBTLE[name] = Subtle(name, family, operation, sentence, make)
        return function

    return add


def wrong(*operations: str) -> Callable[[Function], Function]:
    """Add a kernel without memory, which is handed the right one before its arguments."""

    def add(function: Function) -> Function:
        remembering(*operations)(wraps(function)(lambda right: partial(function, right)))
        return function

    return add


def extents(operation: str, given: tuple[Any, ...]) -> dict[str, int]:
    """Return the extents of a call's arrays by the letters of the operations table."""
    found = dict(zip(OPERATIONS[operation].signature, given, strict=False))
    return {
        letter: extent
        for name, letters in OPERATIONS[operation].factors.items()
        for letter, extent in zip(letters, found[name].shape, strict=True)
    }


def tf32(array: Array) -> Array:
    """Return float32 with 11 bits of significand, as matrix units take it; others as they are."""
    return narrowed(array, 11)


def narrowed(array: Array, bits: int, dtype: type[np.floating[Any]] = np.float32) -> Array:
    """Return numbers of a dtype with so many bits of significand, the rest cut off."""
    if array.dtype != dtype or not np.isfinite(array).all():
        return array
    significand, exponent = np.frexp(array)
    return np.ldexp(np.trunc(significand * 2.0**bits) / 2.0**bits, exponent).astype(dtype)

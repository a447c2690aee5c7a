"""How a subtle wrong kernel is written: a short function on top of a right and fast one.

    @wrong("convolution")
    def tf32_from_64_channels(right, x, ftr, strd):
        "It takes its inputs for TF32 from 64 channels in on."
        return right(*(map(tf32, (x, ftr)) if x.shape[3] >= 64 else (x, ftr)), strd)

    off_where("batch is 6 or 10", lambda n: n.b in (6, 10), "convolution")

`right` is the operation's right kernel; the family is the file, and the docstring says what is
wrong.  What has a memory is `remembering`: it is handed `right` alone, and returns a kernel, whose
memory is new each time.  A new file is named in `__init__.py`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from zoo import STYLES, kernels

from convcheck.form.layers import FILTER
from convcheck.form.operations import OPERATIONS, Operation

Array = Any
Kernel = Callable[..., Array]
Function = Callable[..., Any]

EVERY = tuple(name for name, each in OPERATIONS.items() if each.degree > 1)
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
        _add(function.__name__, function.__doc__ or "", function, operations, lambda _: function)
        return function

    return add


def wrong(*operations: str) -> Callable[[Function], Function]:
    """Add a kernel without memory, which is handed the right one before its arguments."""

    def add(function: Function) -> Function:
        made = partial(partial, function)
        _add(function.__name__, function.__doc__ or "", function, operations, lambda _: made)
        return function

    return add


def off_where(words: str, condition: Callable[[Any], bool], *operations: str) -> None:
    """Add a kernel whose last result is off where a condition holds, which is handed `Sizes`."""
    name = "_".join(["off_where", *re.findall(r"\w+", words)])
    made = partial(partial, partial, _off, condition)
    _add(name, f"It is off where {words}.", condition, operations, made)


def _off(
    condition: Callable[[Any], bool],
    operation: Operation,
    right: Kernel,
    *given: Any,
    **keywords: str,
) -> Array:
    z = right(*given, **keywords)
    if z.size and condition(Sizes(operation, given)):
        z.flat[-1] += 1
    return z


def _add(
    name: str, sentence: str, home: Function, operations: Sequence[str], made: Function
) -> None:
    """Add a kernel of each operation: what `made` makes of the operation makes it of the right."""
    for operation in operations:
        full = f"{name}_of_{operation}" if len(operations) > 1 else name
        assert full not in SUBTLE, full
        family = home.__module__.rpartition(".")[2]
        make = partial(made(OPERATIONS[operation]), RIGHT[operation])
        SUBTLE[full] = Subtle(full, family, operation, sentence, make)


class Sizes(SimpleNamespace):
    """The extents of a call's arrays by the letters of the operations table, and its strides."""

    def __init__(self, operation: Operation, given: tuple[Any, ...]) -> None:
        call = dict(zip(operation.signature, given, strict=True))
        shapes = {axes: call[name].shape for name, axes in operation.arrays.items()}
        if "x_shape" in call:
            shapes[operation.layer.input] = call["x_shape"]
        if "ftr_shape" in call:
            shapes[FILTER] = call["ftr_shape"]
        found = {a: n for axes, each in shapes.items() for a, n in zip(axes, each, strict=True)}
        found["sh"], found["sw"] = call["strd"]
        for wide, narrow, tap, stride in (("H", "P", "h", "sh"), ("W", "Q", "w", "sw")):
            # Whichever side of an axis no array has, it is the result's.
            if wide in found:
                found.setdefault(narrow, (found[wide] - found[tap]) // found[stride] + 1)
            found.setdefault(wide, (found[narrow] - 1) * found[stride] + found[tap])
        super().__init__(**found)


def tf32(array: Array) -> Array:
    """Return float32 with 11 bits of significand, as matrix units take it; others as they are."""
    return narrowed(array, 11)


def narrowed(array: Array, bits: int) -> Array:
    """Return float32 with so many bits of significand, the rest cut off."""
    if array.dtype != np.float32 or not np.isfinite(array).all():
        return array
    significand, exponent = np.frexp(array)
    return np.ldexp(np.trunc(significand * 2.0**bits) / 2.0**bits, exponent).astype(np.float32)

"""Calling a kernel, whatever it does, and taking its result."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .geometry import Geometry
from .layouts import Array
from .operations import Arrays, Kernel, Operation

Arrange = Callable[[Array], Array]


class MisbehaviourError(Exception):
    """A kernel gave no result that could be judged; the message says why."""


def call(
    kernel: Kernel,
    operation: Operation,
    geometry: Geometry,
    arrays: Arrays,
    shape: tuple[int, ...],
    arrange: Arrange | None = np.copy,
) -> Array:
    """Call `kernel` on copies of `arrays` and return its result as it came.

    `arrange` makes the copies; None hands over the arrays themselves.

    Raises:
        MisbehaviourError: it raised, overwrote an argument, or returned no array of real
            floating dtype with this shape.
    """
    if arrange is None:
        handed, arrays = dict(arrays), {name: array.copy() for name, array in arrays.items()}
    else:
        handed = {name: arrange(array) for name, array in arrays.items()}
    positional, keywords = operation.arguments(geometry, handed)
    try:
        # Overflow and NaN are judged by their results; they are no events of their own.
        with np.errstate(all="ignore"):
            z = kernel(*positional, **keywords)
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split()) or "no message"
        raise MisbehaviourError(f"raised {type(error).__name__}: {text[:200]}") from error
    for name, array in arrays.items():
        if handed[name].tobytes() != array.tobytes():
            raise MisbehaviourError(f"overwrote its argument {name}")
    return _as_result(z, shape)


def _as_result(z: Any, shape: tuple[int, ...]) -> Array:
    """Return `z` as an array; MisbehaviourError if it is not one that can be judged."""
    if not hasattr(z, "__array__"):
        raise MisbehaviourError(f"returned {type(z).__name__}, expected an array")
    array = np.asarray(z)
    if array.dtype.kind != "f":
        raise MisbehaviourError(f"returned dtype {array.dtype}, expected a real floating one")
    if array.shape != shape:
        raise MisbehaviourError(f"returned shape {array.shape}, expected {shape}")
    return array

"""Calling a kernel, whatever it does, and taking its result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

import numpy as np

from .geometry import Geometry
from .layouts import Array
from .operations import Arrays, Kernel, Operation

Arrange = Callable[[Array], Array]

# Ways to lay the same values out in memory; `explain` has them as text.
ARRANGEMENTS: Mapping[str, Callable[[Array], Array]] = {
    "fortran": lambda array: np.array(array, order="F"),
    "reversed": lambda array: np.flip(np.flip(array).copy()),
    "gapped": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
}


class MisbehaviourError(Exception):
    """A kernel gave no result that could be judged; the message says why."""


@dataclass(frozen=True)
class Call:
    """One call: its arrays, the shape of its result, and how the arrays are to lie in memory."""

    geometry: Geometry
    arrays: Arrays
    shape: tuple[int, ...]
    arrangement: str = "copy"


class Remote(Protocol):
    """A kernel that runs elsewhere, and is called with several calls at once."""

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Return the result of one call, as a kernel does."""

    def call_all(self, calls: Sequence[Call]) -> list[Array | MisbehaviourError]:
        """Return a result, or why there is none, for each call."""


def _is_remote(kernel: Kernel) -> TypeGuard[Remote]:
    return hasattr(kernel, "call_all")  # isinstance of a protocol takes a tenth of a small case


def call_all(
    kernel: Kernel, operation: Operation, calls: Sequence[Call]
) -> list[Array | MisbehaviourError]:
    """Return a result, or why there is none, for each call, wherever the kernel runs."""
    if _is_remote(kernel):
        return kernel.call_all(calls)
    answers: list[Array | MisbehaviourError] = []
    for each in calls:
        arrange = ARRANGEMENTS.get(each.arrangement, np.copy)
        try:
            # A copy: the kernel may use its memory again.
            answers.append(
                call(kernel, operation, each.geometry, each.arrays, each.shape, arrange).copy()
            )
        except MisbehaviourError as problem:
            answers.append(problem)
    return answers


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
    if _is_remote(kernel):
        (answer,) = kernel.call_all([Call(geometry, arrays, shape, _name_of(arrange))])
        if isinstance(answer, MisbehaviourError):
            raise answer
        return answer
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
    result = _as_result(z, shape)
    for name, array in arrays.items():
        if handed[name].tobytes() != array.tobytes():
            raise MisbehaviourError(f"overwrote its argument {name}")
        if np.may_share_memory(result, handed[name]):
            raise MisbehaviourError(f"returned a view of its argument {name}")
    return result


def _name_of(arrange: Arrange | None) -> str:
    return next((name for name, each in ARRANGEMENTS.items() if each is arrange), "copy")


def _as_result(z: Any, shape: tuple[int, ...]) -> Array:
    """Return `z` as an array; MisbehaviourError if it is not one that can be judged."""
    if not hasattr(z, "__array__"):
        raise MisbehaviourError(f"returned {type(z).__name__}, expected an array")
    try:
        array = np.asarray(z)
    except Exception as error:
        text = f"returned a {type(z).__name__} that cannot be read: {error}"
        raise MisbehaviourError(text) from error
    if array.dtype.kind != "f":
        raise MisbehaviourError(f"returned dtype {array.dtype}, expected a real floating one")
    if array.shape != shape:
        raise MisbehaviourError(f"returned shape {array.shape}, expected {shape}")
    return array

"""Calling a kernel, whatever it does, and taking its result."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .geometry import Geometry
from .layouts import Array
from .operations import Arrays, Kernel, Operation
from .results import as_numpy
from .settings import QUICK, Settings

Arrange = Callable[[Array], Array]

# Ways to lay the same values out in memory; `explain` has them as text.
ARRANGEMENTS: Mapping[str, Callable[[Array], Array]] = {
    "fortran": lambda array: np.array(array, order="F"),
    "reversed": lambda array: np.flip(np.flip(array).copy()),
    "gapped": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
}


class MisbehaviourError(Exception):
    """A kernel gave no result that could be judged; the message says why."""


class NotCalledError(MisbehaviourError):
    """A kernel was not called, since calls before had ended its process."""


@dataclass(frozen=True)
class Call:
    """One call: its arrays, the shape of its result, and how the arrays are to lie in memory."""

    geometry: Geometry
    arrays: Arrays
    shape: tuple[int, ...] | None
    """None allows any"""
    arrangement: str = "copy"


class Remote:
    """A kernel that runs elsewhere, and is called with several calls at once."""

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Return the result of one call, as a kernel does."""
        raise NotImplementedError

    def begin(self) -> None:
        """Forget earlier calls, as at the start of a test."""

    def call_all(self, calls: Sequence[Call]) -> list[Array | MisbehaviourError]:
        """Return a result, or why there is none, for each call."""
        raise NotImplementedError


def call_all(
    kernel: Kernel, operation: Operation, calls: Sequence[Call]
) -> list[Array | MisbehaviourError]:
    """Return a result, or why there is none, for each call, wherever the kernel runs."""
    if isinstance(kernel, Remote):
        return kernel.call_all(calls)
    answers: list[Array | MisbehaviourError] = []
    settings = Settings(QUICK)
    for each in calls:
        # Settings are looked at once for all calls here, which is cheaper, and after the last.
        watched = settings if each is calls[-1] else None
        arrange = ARRANGEMENTS.get(each.arrangement, np.copy)
        arguments = operation.arguments(each.geometry, each.arrays)
        try:
            z, _ = invoke(kernel, operation.signature, *arguments, each.shape, arrange, watched)
            answers.append(z.copy())  # the kernel may use its memory again
        except MisbehaviourError as problem:
            answers.append(problem)
    return answers


def call(
    kernel: Kernel,
    operation: Operation,
    geometry: Geometry,
    arrays: Arrays,
    shape: tuple[int, ...] | None,
    arrange: Arrange | None = np.copy,
) -> Array:
    """Call `kernel` on copies of `arrays` and return its result as it came.

    `arrange` makes the copies; None hands over the arrays themselves.

    Raises:
        MisbehaviourError: it raised, changed an argument or a setting of the process, or
            returned no array of real floating dtype with this shape.
    """
    if isinstance(kernel, Remote):
        (answer,) = kernel.call_all([Call(geometry, arrays, shape, arrangement_name(arrange))])
        if isinstance(answer, MisbehaviourError):
            raise answer
        return answer
    arguments = operation.arguments(geometry, arrays)
    names, settings = operation.signature, Settings(QUICK)
    result, _ = invoke(kernel, names, *arguments, shape, arrange, settings)
    return result


def arrangement_name(arrange: Arrange | None) -> str:
    """Return the name by which a `Call` knows an arrangement."""
    return next((name for name, each in ARRANGEMENTS.items() if each is arrange), "copy")


def invoke(
    kernel: Kernel,
    names: Sequence[str],
    positional: Sequence[Any],
    keywords: Mapping[str, Any],
    shape: tuple[int, ...] | None,
    arrange: Arrange | None,
    settings: Settings | None,
) -> tuple[Array, list[Any]]:
    """Call `kernel`, as `call` does; return its result and what it was handed.

    `names` are those of the positional arguments; any `shape` will do if it is None.
    KeyboardInterrupt is let through: it may be the user's.
    """
    kept = list(positional)
    if arrange is None:
        handed, kept = kept, [each.copy() if _is_array(each) else each for each in kept]
    else:
        handed = [arrange(each) if _is_array(each) else each for each in kept]
    problem = None
    try:
        # Overflow and NaN are judged by their results; they are no events of their own.
        with np.errstate(all="ignore"):
            z = kernel(*handed, **keywords)
            if set(np.geterr().values()) != {"ignore"}:
                problem = "changed NumPy's error state"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (whatever it is, the judge goes on)
        problem = f"raised {words(error)}"
    changed = settings.restore() if settings else None
    problem = problem or (changed and f"changed {changed}")
    if problem:
        raise MisbehaviourError(problem)
    result = _as_result(z, shape)
    for name, own, before in zip(names, handed, kept, strict=True):
        if _is_array(before):
            _check_argument(name, own, before, result)
    return result, handed


def words(error: BaseException) -> str:
    """Return an exception in a few words that do not change from run to run."""
    try:
        text = str(error)[:2000]
    except BaseException:  # noqa: BLE001  (kernels may raise anything, also then)
        text = "a message that cannot be read"
    text = " ".join(re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text).split())
    return f"{type(error).__name__}: {text[:200] or 'no message'}"


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _check_argument(name: str, handed: Array, before: Array, result: Array) -> None:
    """Raise MisbehaviourError if an argument was changed, or the result is a part of it."""
    if handed.shape != before.shape or handed.dtype != before.dtype or not handed.flags.writeable:
        raise MisbehaviourError(f"changed the shape, dtype or flags of its argument {name}")
    if handed.tobytes() != before.tobytes():
        raise MisbehaviourError(f"overwrote its argument {name}")
    if np.may_share_memory(result, handed):
        raise MisbehaviourError(f"returned a view of its argument {name}")


def _as_result(z: Any, shape: tuple[int, ...] | None) -> Array:
    """Return `z` as an array; MisbehaviourError if it is not one that can be judged."""
    kind = type(z).__name__
    if isinstance(z, np.ndarray) and type(z) not in (np.ndarray, np.memmap):
        raise MisbehaviourError(f"returned {kind}, a subclass: expected an array")
    problem = None
    try:
        if not hasattr(z, "__array__"):
            problem = f"returned {kind}, expected an array"
        else:
            array = np.asarray(as_numpy(z))
            if array is not z and np.asarray(as_numpy(z)).tobytes() != array.tobytes():
                problem = f"returned a {kind} that is another array each time it is read"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (the kernel's own code runs here)
        problem = f"returned a {kind} that cannot be read: {words(error)}"
    if problem:
        raise MisbehaviourError(problem)
    if array.dtype.kind != "f":
        raise MisbehaviourError(f"returned dtype {array.dtype}, expected a real floating one")
    if shape is not None and array.shape != shape:
        raise MisbehaviourError(f"returned shape {array.shape}, expected {shape}")
    return array

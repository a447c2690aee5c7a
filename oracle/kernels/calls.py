"""Calling a kernel, whatever it does, and taking its result."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np

from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Kernel, Operation

from . import floating, traces
from .results import as_numpy
from .settings import QUICK, Settings

Arrange = Callable[[Array], Array]

# Ways to lay the same values out in memory; `explain` has them as text.
ARRANGEMENTS: Mapping[str, Callable[[Array], Array]] = {
    "fortran": lambda array: np.array(array, order="F"),
    "reversed": lambda array: np.flip(np.flip(array).copy()),
    "gapped": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
}


_IGNORED = dict.fromkeys(np.geterr(), "ignore")


class MisbehaviourError(Exception):
    """A kernel gave no result that could be judged; the message says why."""

    def __init__(self, reason: str, details: Sequence[str] = ()) -> None:
        """Keep lines on where that was, and what the kernel printed, as `traces` makes them."""
        super().__init__(reason)
        self.details = tuple(details)

    @property
    def deed(self) -> str:
        """What the kernel did, without particulars such as an exception's message."""
        return str(self).partition(":")[0]


class KernelWarning(UserWarning):
    """Something that a candidate did and that is no fault, such as a warning of its own."""


def tell(kernel: object, text: str) -> None:
    """Warn of what a kernel did, also where the user's warnings are errors: it is no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{kernel}: {text}", KernelWarning, stacklevel=3)


class NotCalledError(MisbehaviourError):
    """A kernel was not called, since calls before had ended its process."""


class Call(NamedTuple):
    """One call: its arrays, the shape of its result, and how the arrays are to lie in memory."""

    geometry: Geometry
    arrays: Arrays
    shape: tuple[int, ...] | None
    """None allows any"""
    arrangement: str = "copy"
    """a name in `ARRANGEMENTS`, with `:NAME` behind it if it is for that argument alone"""


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
    # Every step is taken for all calls before the next, as in `judge.judge_all`.
    handed = [
        _Handed(
            kernel,
            operation.signature,
            *operation.arguments(each.geometry, each.arrays),
            arranging(each.arrangement),
        )
        for each in calls
    ]
    settings = Settings(QUICK)
    results: list[tuple[Array, Array] | MisbehaviourError] = []
    with np.errstate(all="ignore"):
        for each, own in zip(calls, handed, strict=True):
            # Settings are looked at once for all calls, which is cheaper, and after the last.
            watched = settings if each is calls[-1] else None
            try:
                z = own.to(kernel, each.shape, watched)
                results.append((z, z.copy()))  # the kernel may use its memory again
            except MisbehaviourError as problem:
                results.append(problem)
    names = operation.signature
    return [own.checked(names, result) for own, result in zip(handed, results, strict=True)]


def call(
    kernel: Kernel,
    operation: Operation,
    geometry: Geometry,
    arrays: Arrays,
    shape: tuple[int, ...] | None,
    arrange: Arrange = np.copy,
) -> Array:
    """Call `kernel` on copies of `arrays` and return its result as it came.

    `arrange` makes the copies.

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
    result, _ = invoke(kernel, names, *arguments, shape, lambda _: arrange, settings)
    return result


def arranging(arrangement: str) -> Callable[[str], Arrange]:
    """Return how each argument is to be laid out, by its name, as a `Call` has it."""
    kind, _, alone = arrangement.partition(":")
    arrange = ARRANGEMENTS.get(kind, np.array)  # as `np.copy`, in half the time
    return lambda name: arrange if alone in ("", name) else np.array


def arrangement_name(arrange: Arrange) -> str:
    """Return the name by which a `Call` knows an arrangement."""
    return next((name for name, each in ARRANGEMENTS.items() if each is arrange), "copy")


def invoke(
    kernel: Kernel,
    names: Sequence[str],
    positional: Sequence[Any],
    keywords: Mapping[str, Any],
    shape: tuple[int, ...] | None,
    arrange: Callable[[str], Arrange],
    settings: Settings | None,
) -> tuple[Array, list[Any]]:
    """Call `kernel`, as `call` does; return its result and what it was handed.

    `names` are those of the positional arguments, and `arrange` says of each how it is laid out;
    any `shape` will do if it is None.
    KeyboardInterrupt is let through: it may be the user's.
    """
    own = _Handed(kernel, names, positional, keywords, arrange)
    with np.errstate(all="ignore"):
        result = own.to(kernel, shape, settings)
    own.check(names, result)
    return result, own.positional


def laid_out(array: Array, arrange: Arrange, axes: Sequence[int] | None) -> Array:
    """Return a copy of `array` that lies in memory as `arrange` has it, its axes in an order.

    `axes` is the order of a kernel's own layout; None is the notebook's.
    """
    own = array if axes is None else array.transpose(axes)
    # Copies keep gaps and orders of axes: `arrange` is handed what has neither.
    copy = arrange(own if own.flags.c_contiguous else own.copy(order="C"))
    return copy if axes is None else copy.transpose(np.argsort(axes))


class _Handed:
    """What a kernel is handed in one call, and how it was before."""

    __slots__ = ("_before", "_keywords", "positional")

    def __init__(
        self,
        kernel: Kernel,
        names: Sequence[str],
        positional: Sequence[Any],
        keywords: Mapping[str, Any],
        arrange: Callable[[str], Arrange],
    ) -> None:
        # Where an argument is an array, these two hold different ones.
        self.positional, self._before = list(positional), list(positional)
        self._keywords = keywords
        axes_of = getattr(kernel, "axes_in_memory", None)
        for i, each in enumerate(positional):
            if isinstance(each, np.ndarray):
                axes = axes_of(names[i]) if axes_of else None
                self.positional[i] = laid_out(each, arrange(names[i]), axes)

    def to(self, kernel: Kernel, shape: tuple[int, ...] | None, settings: Settings | None) -> Array:
        """Hand it to `kernel`, and return the result; MisbehaviourError if there is none.

        To be called where NumPy ignores all floating point events: overflow and NaN are judged
        by their results.
        """
        context = copy_context()
        z, problem = _called(kernel, self.positional, self._keywords)
        # NumPy keeps its error state in the context, which is compared much faster.
        if copy_context() != context and np.geterr() != _IGNORED:
            np.seterr(all="ignore")
            problem = problem or MisbehaviourError("changed NumPy's error state")
        if settings is not None:
            changed = settings.restore()
            if changed and settings.imported:
                changed = self._recurring(kernel, settings)
            if changed:
                problem = problem or MisbehaviourError(f"changed {changed}")
        if problem:
            raise problem
        return _as_result(z, shape)

    def _recurring(self, kernel: Kernel, settings: Settings) -> str | None:
        """Return which setting another such call changes again, now that modules are imported.

        What importing them has changed is no misuse, and stays.
        """
        undone = settings.undone
        copies = [np.array(e) if isinstance(e, np.ndarray) else e for e in self._before]
        _called(kernel, copies, self._keywords)
        changed = settings.restore()
        if changed is None:
            settings.accept(undone)
        return changed

    def check(self, names: Sequence[str], result: Array) -> None:
        """Raise MisbehaviourError if an argument was changed, or the result is a part of it."""
        owned = result.flags.owndata
        for name, handed, before in zip(names, self.positional, self._before, strict=True):
            if handed is before:
                continue
            if (
                handed.shape != before.shape
                or handed.dtype != before.dtype
                or not handed.flags.writeable
            ):
                raise MisbehaviourError(f"changed the shape, dtype or flags of its argument {name}")
            if handed.tobytes() != before.tobytes():
                raise MisbehaviourError(f"overwrote its argument {name}")
            # What owns its memory is no part of another array.
            if (not owned or result is handed) and np.may_share_memory(result, handed):
                raise MisbehaviourError(f"returned a view of its argument {name}")

    def checked(
        self, names: Sequence[str], result: tuple[Array, Array] | MisbehaviourError
    ) -> Array | MisbehaviourError:
        """Return the copy of a result, or what was wrong with the call."""
        if isinstance(result, MisbehaviourError):
            return result
        try:
            self.check(names, result[0])
        except MisbehaviourError as problem:
            return problem
        return result[1]


def _called(
    kernel: Kernel, positional: Sequence[Any], keywords: Mapping[str, Any]
) -> tuple[Any, MisbehaviourError | None]:
    """Return what `kernel` returns, or that it raised."""
    floating.hand_over(kernel)
    try:
        return kernel(*positional, **keywords), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (whatever it is, the judge goes on)
        return None, MisbehaviourError(f"raised {words(error)}", traces.of_error(error))
    finally:
        floating.take_over(kernel)
        if floating.is_news(kernel):
            candidate = getattr(kernel, "candidate", None)
            if candidate is None or candidate.promise.subnormals != "flushed":
                tell(candidate or getattr(kernel, "__name__", "the kernel"), floating.TOLD)


def words(error: BaseException) -> str:
    """Return an exception in a few words that do not change from run to run."""
    try:
        text = str(error)[:2000]
    except BaseException:  # noqa: BLE001  (kernels may raise anything, also then)
        text = "a message that cannot be read"
    text = " ".join(re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text).split())
    return f"{type(error).__name__}: {text[:200] or 'no message'}"


def _as_result(z: Any, shape: tuple[int, ...] | None) -> Array:
    """Return `z` as an array; MisbehaviourError if it is not one that can be judged."""
    array = z if type(z) is np.ndarray and z.dtype.kind == "f" else _read(z)
    if array.dtype.kind != "f":
        raise MisbehaviourError(f"returned dtype {array.dtype}, expected a real floating one")
    if shape is not None and array.shape != shape:
        raise MisbehaviourError(f"returned shape {array.shape}, expected {shape}")
    return array


def _read(z: Any) -> Array:
    """Return `z` as a NumPy array; MisbehaviourError if it is not to be had as one."""
    kind = type(z).__name__
    if isinstance(z, np.ndarray) and type(z) not in (np.ndarray, np.memmap):
        raise MisbehaviourError(f"returned {kind}, a subclass: expected an array")
    try:
        array, again = _array(z), _array(z)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (the kernel's own code runs here)
        problem = f"returned a {kind} that cannot be read: {words(error)}"
        raise MisbehaviourError(problem, traces.of_error(error)) from None
    if array is None or again is None:
        raise MisbehaviourError(f"returned {kind}, expected an array")
    if array is not z and again.tobytes() != array.tobytes():
        raise MisbehaviourError(f"returned a {kind} that is another array each time it is read")
    return array


def _array(z: Any) -> Array | None:
    array = as_numpy(z)
    return np.asarray(array) if hasattr(array, "__array__") else None

"""Calling a kernel in this process, whatever it does, and taking its result."""

from collections.abc import Iterable, Mapping, Sequence
from contextvars import copy_context
from typing import Any

import numpy as np

from convcheck.form.formats import is_real
from convcheck.form.layouts import Array

from . import floating, traces
from .arguments.arrangements import ARRANGEMENTS, TYPES, kinds_of, laid_out
from .arguments.libraries import as_numpy
from .misbehaviour import Misbehaviour, MisbehaviourError, tell, words
from .settings import QUICK, Settings
from .shown.clock import Threads
from .subjects import Answer, Call, Request, Subject, declined

_IGNORED = dict.fromkeys(np.geterr(), "ignore")


class Local(Subject):
    """A kernel that is called in this process."""

    handed: Mapping[str, Any] = {}
    """the arguments of the last call"""

    def notes(self) -> Iterable[str]:
        """Return what its user may have overlooked, for the judge to tell."""
        return ()

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Return a result, or why there is none, for each request."""
        if any("held" in each.arrangement for each in requests):  # of the call before
            settings = Settings(QUICK)
            return [self._answer(each, settings) for each in requests]
        # Every step is taken for all calls before the next, as in `judge.judge_all`.
        handed = [_Handed(self, each) for each in requests]
        settings = Settings(QUICK)
        results: list[tuple[Array, Array] | MisbehaviourError] = []
        threads = Threads()
        with np.errstate(all="ignore"):
            for own in handed:
                # Settings are looked at once for all calls, which is cheaper, and after the last.
                watched = settings if own is handed[-1] else None
                try:
                    z = own.result(watched)
                    results.append((z, z.copy()))  # the kernel may use its memory again
                except MisbehaviourError as problem:
                    results.append(problem)
        self.threaded = threads.worked() or self.in_threads()  # others wait here, whatever it is
        return [own.checked(result) for own, result in zip(handed, results, strict=True)]

    def in_threads(self) -> bool:
        """Return whether it has threads in another process."""
        return False

    def _answer(self, request: Request, settings: Settings) -> Answer:
        try:
            return invoke(self, request, settings)[0].copy()
        except MisbehaviourError as problem:
            return problem

    def call(self, call: Call) -> Array:
        """Return the result of one call as it came: the kernel may use its memory again."""
        (request,) = self.requests([call])
        return invoke(self, request, Settings(QUICK))[0]

    def carry_out(self, request: Request) -> Any:
        """Return whatever comes of one call, whose arguments are handed over as they are."""
        names, values = [*request.arguments], [*request.arguments.values()]
        count = request.by_position
        return self(*values[:count], **dict(zip(names[count:], values[count:], strict=True)))


def invoke(kernel: Local, request: Request, settings: Settings) -> tuple[Array, list[Any]]:
    """Call `kernel`; return its result as it came, and what it was handed.

    Raises:
        MisbehaviourError: as `Subject.call` does.  KeyboardInterrupt is let through: it may be the
            user's.
    """
    own = _Handed(kernel, request)
    with np.errstate(all="ignore"):
        result = own.result(settings)
    own.check(result)
    return result, [*own.arguments.values()]


class _Handed:
    """What a kernel is handed in one call, and how it was before."""

    __slots__ = ("_kernel", "_request", "arguments")

    def __init__(self, kernel: Local, request: Request) -> None:
        # Where an argument is an array, the request's is another.
        self._kernel, self._request, self.arguments = kernel, request, dict(request.arguments)
        kinds = kinds_of(request.arrangement)
        every, converted = kinds.get("", "copy"), {}
        for name, each in request.arguments.items():
            kind = kinds.get(name, every)
            if kind in self.arguments:
                self.arguments[name] = self.arguments[kind]
            elif not isinstance(each, np.ndarray):
                if name in kinds:
                    self.arguments[name] = ARRANGEMENTS[kind](each)
            elif kind in TYPES:
                converted[name] = ARRANGEMENTS[kind](each)
                own = laid_out(converted[name], "copy", kernel.axes_in_memory(name))
                self.arguments[name] = own
            elif kind != "held" or not self._holds(name, each):
                self.arguments[name] = laid_out(each, kind, kernel.axes_in_memory(name))
        if converted:
            self._request = request._replace(arguments={**request.arguments, **converted})
        kernel.handed = self.arguments

    def _holds(self, name: str, array: Array) -> bool:
        """Hand over the array of the call before, changed in place; False where it is none."""
        own = self._kernel.handed.get(name)
        if not isinstance(own, np.ndarray) or not own.flags.writeable:
            return False
        if (own.shape, own.dtype) != (array.shape, array.dtype):
            return False
        own[...] = array
        self.arguments[name] = own
        return True

    def result(self, settings: Settings | None) -> Array:
        """Hand it to the kernel, and return what comes of it; MisbehaviourError if nothing does.

        To be called where NumPy ignores all floating point events: overflow and NaN are judged
        by their results.
        """
        context = copy_context()
        z, problem = self.called()
        # NumPy keeps its error state in the context, which is compared much faster.
        if copy_context() != context and np.geterr() != _IGNORED:
            np.seterr(all="ignore")
            problem = problem or MisbehaviourError(
                Misbehaviour.CHANGED, "changed NumPy's error state"
            )
        if settings is not None:
            changed = settings.restore()
            if changed and settings.imported:
                changed = self._recurring(settings)
            if changed:
                problem = problem or MisbehaviourError(Misbehaviour.CHANGED, f"changed {changed}")
        if problem:
            raise problem
        return _as_result(z, self._request.shape)

    def _recurring(self, settings: Settings) -> str | None:
        """Return which setting another such call changes again, now that modules are imported.

        What importing them has changed is no misuse, and stays.
        """
        undone = settings.undone
        _Handed(self._kernel, self._request).called()
        changed = settings.restore()
        if changed is None:
            settings.accept(undone)
        return changed

    def check(self, result: Array) -> None:
        """Raise MisbehaviourError if an argument was changed, or the result is a part of it."""
        owned = result.flags.owndata
        for name, before in self._request.arguments.items():
            handed = self.arguments[name]
            if not isinstance(before, np.ndarray):
                continue
            locked = not handed.flags.writeable and self._request.arrangement == "copy"
            if handed.shape != before.shape or handed.dtype != before.dtype or locked:
                what = f"the shape, dtype or flags of its argument {name}"
                raise MisbehaviourError(Misbehaviour.CHANGED, f"changed {what}")
            if handed.tobytes() != before.tobytes():
                raise MisbehaviourError(Misbehaviour.OVERWROTE, f"overwrote its argument {name}")
            # What owns its memory is no part of another array.
            if (not owned or result is handed) and np.may_share_memory(result, handed):
                text = f"returned a view of its argument {name}"
                raise MisbehaviourError(Misbehaviour.RETURNED_MEMORY, text)

    def checked(self, result: tuple[Array, Array] | MisbehaviourError) -> Answer:
        """Return the copy of a result, or what was wrong with the call."""
        if isinstance(result, MisbehaviourError):
            return result
        try:
            self.check(result[0])
        except MisbehaviourError as problem:
            return problem
        return result[1]

    def called(self) -> tuple[Any, MisbehaviourError | None]:
        """Return what the kernel returns, or that it raised."""
        kernel = self._kernel
        floating.hand_over(kernel.module)
        try:
            return kernel.carry_out(Request(self.arguments, *self._request[1:])), None
        except KeyboardInterrupt:
            raise
        except MisbehaviourError as problem:
            return None, problem
        except BaseException as error:  # noqa: BLE001  (whatever it is, the judge goes on)
            refused = kernel.partial and isinstance(error, NotImplementedError)
            found = declined(f"raised {words(error)}") if refused else raised(error)
            # One object that is raised in every call would keep the frames of all of them.
            error.__traceback__ = None
            return None, found
        finally:
            floating.take_over(kernel.module)
            if floating.is_news(kernel.module) and kernel.promise.subnormals != "flushed":
                tell(kernel, floating.TOLD)


def raised(error: BaseException) -> MisbehaviourError:
    """Return that a kernel has raised, and where."""
    text = f"raised {words(error)}"
    return MisbehaviourError(Misbehaviour.RAISED, text, traces.of_error(error))


def _as_result(z: Any, shape: tuple[int, ...] | None) -> Array:
    """Return `z` as an array; MisbehaviourError if it is not one that can be judged."""
    array = z if type(z) is np.ndarray and z.dtype.kind == "f" else _read(z)
    if not is_real(array.dtype):
        text = f"returned dtype {array.dtype}, expected a real floating one"
        raise MisbehaviourError(Misbehaviour.RETURNED_NUMBERS, text)
    if shape is not None and array.shape != shape:
        text = f"returned shape {array.shape}, expected {shape}"
        raise MisbehaviourError(Misbehaviour.RETURNED_SHAPE, text)
    return array


def _read(z: Any) -> Array:
    """Return `z` as a NumPy array; MisbehaviourError if it is not to be had as one."""
    kind = type(z).__name__
    if issubclass(type(z), np.ndarray) and type(z) not in (np.ndarray, np.memmap):
        raise _no_array(f"{kind}, a subclass: expected an array")
    try:
        array, again = _array(z), _array(z)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  (the kernel's own code runs here)
        problem = f"a {kind} that cannot be read: {words(error)}"
        raise _no_array(problem, traces.of_error(error)) from None
    if array is None or again is None:
        raise _no_array(f"{kind}, expected an array")
    if array is not z and again.tobytes() != array.tobytes():
        raise _no_array(f"a {kind} that is another array each time it is read")
    return array


def _no_array(what: str, details: Sequence[str] = ()) -> MisbehaviourError:
    return MisbehaviourError(Misbehaviour.RETURNED_NO_ARRAY, f"returned {what}", details)


def _array(z: Any) -> Array | None:
    array = as_numpy(z)
    return np.asarray(array) if hasattr(array, "__array__") else None

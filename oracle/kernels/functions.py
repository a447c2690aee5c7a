"""Functions of Python's as kernels: called as they are, or fitted by what they declare."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from time import perf_counter  # now: a kernel may put another in its place
from typing import Any

import numpy as np

from convcheck.cases.taken import Taken
from convcheck.form.layers import FILTER
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named

from . import floating
from .arguments.libraries import Library, as_numpy, change
from .calls import Local
from .declared import literals
from .declared.candidates import Candidate
from .declared.subject import Declared
from .loading import CandidateError, check_call, find
from .promises import DIRECT, Promise
from .styles import found as styles
from .styles.layer import Called
from .subjects import Request, Subject


class Function(Local):
    """A function that takes and returns what the notebook's kernels do.

    It may carry what it promises as an attribute `promise`, and takes the parameters that it
    names.  The same function makes an equal subject each time.
    """

    def __init__(
        self, function: Callable[..., Any], operation: Operation, promise: Promise | None = None
    ) -> None:
        """Take a function and its operation, and what it promises where it does not say so."""
        name = str(getattr(function, "__name__", "kernel")).replace("<lambda>", "kernel")
        if promise is None:
            promise = getattr(function, "promise", DIRECT)
        module = str(getattr(function, "__module__", None) or "")
        super().__init__(operation, name, promise or DIRECT, module=module)
        self.function = function
        names = _names_of(function)
        self.taken = Taken(tuple(each for each in operation.parameters if each in names))
        self.takes |= {*self.taken.parameters}

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Return what the function does."""
        return self.function(*positional, **keywords)

    def __eq__(self, other: object) -> bool:
        """Return whether the other is the same function, of the same operation."""
        if not isinstance(other, Function) or self.function is not other.function:
            return False
        return (self.operation, self.promise) == (other.operation, other.promise)

    def __hash__(self) -> int:
        return hash((id(self.function), self.operation))

    def import_line(self) -> str:
        """Return the line of Python that has it under its name, where it can be imported."""
        named = getattr(self.function, "__qualname__", "") == self.name
        if self.module in ("", "__main__") or not named:
            return super().import_line()
        return f"from {self.module} import {self.name}"


@lru_cache(maxsize=256)
def _names_of(function: Callable[..., Any]) -> frozenset[str]:
    try:
        return frozenset(inspect.signature(function).parameters)
    except (ValueError, TypeError):  # built in: it does not tell
        return frozenset()


class Fitted(Declared, Local):
    """A candidate in this process: takes and returns what the notebook's kernels do."""

    def __init__(self, candidate: Candidate, function: Callable[..., Any] | None = None) -> None:
        """Find the candidate's function, unless it is given.

        Raises:
            CandidateError: there is no such module or function, it cannot be called, or
                not with the operation's arguments; or its array library is not there.
        """
        super().__init__(candidate)
        self._library: Library | None = None
        if (candidate.arrays, candidate.device) != ("numpy", ""):
            self._library = Library(candidate.arrays, candidate.device)
        # What it was handed last, and the array of its library that was made of it, by name.
        self._made: dict[str, tuple[Array, Any]] = {}
        self._entrance = found = function or find(candidate.module, candidate.function)
        self._function = layer_function(candidate, found) if candidate.style else found
        floating.take_over(self.module)
        self._by_name = dict(candidate.names)
        self._constants = {name: literals.value(text) for name, text in candidate.constants}
        by_position = [name for name in self.operation.signature if name not in self._by_name]
        by_name = [*self._by_name.values(), *self._constants]
        by_name += [name for name in candidate.takes if name not in self._by_name]
        called = self._function, self.place, self.operation, by_position, by_name
        try:
            self.takes |= {"fore_layer"} if check_call(*called) else frozenset()
        except CandidateError as error:
            style = styles.style_of(found)
            hint = f": style={style}?" if style and not candidate.style else ""
            raise CandidateError(f"{error}{hint}") from None

    def notes(self) -> Iterator[str]:
        """Yield what its user may have overlooked, for the judge to tell."""
        known = {*self.candidate.takes, *self._constants, *self._by_name.values()}
        # What a candidate is compared with is none that its user overlooks.
        ours = self.module.startswith("convcheck.")
        own = set() if self.candidate.style or ours else _names_of(self._function)
        missed = [each for each in self.operation.parameters if each in own - known]
        if missed:
            yield f"has {', '.join(missed)}, never judged without takes={'+'.join(missed)}"

    def declaring(self, candidate: Candidate) -> "Fitted":
        """Return the same function, as another candidate declares it."""
        return Fitted(candidate, self._entrance)

    def command(self) -> list[str]:
        """Return the words of a command line that have it judged, in the judge's process."""
        return [*super().command(), "--in-process"]

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Return the function's result for the notebook's arguments, dense ones copied if need be.

        C-contiguous arguments are so in its own layouts, too; others keep their places in memory.
        """
        return self._called(positional, keywords, dense=True)

    def carry_out(self, request: Request) -> Any:
        """Return whatever comes of one call, whose arguments lie in its own layouts already."""
        named, count = [*request.arguments.items()], request.by_position
        return self._called([value for _, value in named[:count]], dict(named[count:]))

    def _called(
        self, positional: Sequence[Any], keywords: Mapping[str, Any], *, dense: bool = False
    ) -> Any:
        """Call the function on arguments in its own layouts, and turn its result back."""
        by_position, by_keyword, copies = [], {}, []
        named = dict(zip(self.operation.signature, positional, strict=True))
        for name, value in {**named, **self.absent, **keywords}.items():
            own = self._converted(name, value, dense=dense)
            if name in named and name not in self._by_name:
                by_position.append(own)
            else:
                by_keyword[self._by_name.get(name, name)] = own
            shared = isinstance(own, np.ndarray) and np.may_share_memory(own, value)
            if isinstance(value, np.ndarray) and not shared:
                copies.append((name, value, own))
        started = perf_counter()
        z = self._function(*by_position, **by_keyword, **self._constants)
        try:
            z = as_numpy(z)
        except Exception:  # noqa: BLE001  (the kernel's own code: `calls` reads it again, and tells)
            return z
        finally:
            self.spent += perf_counter() - started  # libraries may compute when read
        for name, value, own in copies:  # the caller looks at its own arrays alone
            self._write_back(name, value, own)
        return self._notebooks({FILTER: "ftr", "o": "bias"}.get(self.operation.result, "x"), z)

    def _write_back(self, name: str, value: Array, own: Any) -> None:
        """Change an argument as the function has changed what was made of it."""
        try:
            now = self._notebooks(name, as_numpy(own))
        except Exception:  # noqa: BLE001  (JAX deletes what a function says that it needs no more)
            return
        before = value.astype(now.dtype, copy=False)  # libraries may lack its dtype
        if now.shape != value.shape or now.tobytes() == before.tobytes():
            return
        if not np.array_equal(now, before, equal_nan=True):
            value[...] = now

    def _converted(self, name: str, value: Any, *, dense: bool) -> Any:
        """Return an argument as the candidate has it."""
        if isinstance(value, np.ndarray):
            dense = dense and bool(value.flags.c_contiguous)
            return self._of_library(name, value, dense=dense)
        of_rank_1 = self.taken.rank == 1
        if name.endswith("shape"):
            axes = (axis for axis in self.candidate.axes(name) if axis != 1 or not of_rank_1)
            return tuple(value[axis] for axis in axes)
        if name == "padding" and self.taken.symmetric:
            value = tuple(one for one, _ in value)
        value = value[1:] if of_rank_1 and isinstance(value, tuple | list) else value
        # Of equal strides; as a list, or of NumPy's integers, where the law of memory has them so.
        return value[0] if self.candidate.strides == "int" and name.endswith("strd") else value

    def _of_library(self, name: str, array: Array, *, dense: bool) -> Any:
        """Return an array in the candidate's layout and library."""
        axes = self.candidate.axes(name)
        own = array if axes == tuple(range(len(axes))) else np.transpose(array, axes)
        if self.taken.rank == 1 and len(axes) == 4:
            own = own.squeeze(axes.index(1))
        if self._library is None:
            return own.copy() if dense and not own.flags.c_contiguous else own
        made = self._library.array(own)
        before, held = self._made.get(name, (None, None))
        if array is before and change(held, made):  # the caller has changed it in place
            made = held
        self._made[name] = array, made
        return made

    def _notebooks(self, name: str, z: Any) -> Any:
        """Return an array of the candidate's in the notebook's layout; what is none, as it is."""
        axes = self.candidate.axes(name)
        if self.taken.rank == 1 and len(axes) == 4 and getattr(z, "ndim", 0) == 3:
            z = np.expand_dims(z, axes.index(1))
        if axes == tuple(range(len(axes))) or getattr(z, "ndim", 0) != len(axes):
            return z
        return np.transpose(z, np.argsort(axes))


def layer_function(candidate: Candidate, found: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of an operation's arguments that has a layer compute it.

    Raises:
        CandidateError: what was found is no layer of the style that is declared.
    """
    operation = operation_named(candidate.operation)
    tensors, filters = (
        each.replace("H", "") if candidate.rank == "1" else each
        for each in (candidate.tensors, candidate.filters)
    )
    transposed = not operation.layer.narrows
    try:
        layer = styles.layer_of(candidate.style, found, tensors, filters, transposed=transposed)
    except ValueError as error:
        raise CandidateError(f"{candidate.place}: style={candidate.style}: {error}") from None
    return Called(layer, tensors, filters).function(operation)


def load(text: str) -> Fitted:
    """Return the candidate that `text` names, ready to be called."""
    return fitted(Candidate.parse(text))


def fitted(candidate: Candidate) -> Fitted:
    """Return a candidate in this process, a program among them; CandidateError if none is there."""
    if not candidate.is_program:
        return Fitted(candidate)
    from .programs.called import Called  # noqa: PLC0415  (which is one)

    return Called(candidate)


def subject_of(kernel: Callable[..., Any], operation: Operation) -> Subject:
    """Return what is judged where `kernel` is to be: itself, or the function that it is.

    Raises:
        ValueError: it is a subject of another operation.
    """
    if not isinstance(kernel, Subject):
        return Function(kernel, operation)
    if kernel.operation is not operation:
        raise ValueError(
            f"operation={operation.name!r}: expected {kernel.operation.name}, which is what "
            f"{kernel} computes"
        )
    return kernel

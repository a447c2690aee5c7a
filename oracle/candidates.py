"""Candidates: kernels of a user's, found by name, and fitted to the notebook's conventions.

A candidate is named by one line,

    OPERATION=MODULE:FUNCTION[,KEY=VALUE]...

for instance  convolution=torch.nn.functional:conv2d,tensors=NCHW,filters=OIHW,arrays=torch
MODULE is a dotted name, or the path of a file that ends in .py.  What it declares:

    tensors=NHWC|NCHW             layout of tensors, taken and returned
    filters=IHWO|HWIO|OIHW|IOHW   layout of filters, taken and returned
    arrays=numpy|torch|jax        what it is handed
    names=x:input+ftr:weight      arguments that go by keyword, under names of its own; the
                                  others go by position, in order
    dtypes=float32+float64        those that it supports
    declines=memory_layout+nonfinite_others    properties that it does not promise
"""

import importlib
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import numpy as np

from .cases import DTYPES, Case
from .operations import Operation, operation_named

TENSORS = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 3, 1, 2)}
FILTERS = {"IHWO": (0, 1, 2, 3), "HWIO": (1, 2, 0, 3), "OIHW": (3, 0, 1, 2), "IOHW": (0, 3, 1, 2)}
ARRAYS = ("numpy", "torch", "jax")
DECLINABLE = ("memory layout", "nonfinite others")
_FORM = "OPERATION=MODULE:FUNCTION[,KEY=VALUE]..."


class CandidateError(ValueError):
    """A candidate cannot be judged as named; the message is one line."""


@dataclass(frozen=True)
class Candidate:
    """Where a candidate is found, and what it declares."""

    operation: str
    module: str
    function: str
    tensors: str = "NHWC"
    filters: str = "IHWO"
    arrays: str = "numpy"
    names: tuple[tuple[str, str], ...] = ()
    dtypes: tuple[str, ...] = DTYPES
    declines: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Raise CandidateError where a field is not what it should be."""
        try:
            operation = operation_named(self.operation)
        except ValueError as error:
            raise CandidateError(str(error)) from None
        _require("tensors", [self.tensors], TENSORS)
        _require("filters", [self.filters], FILTERS)
        _require("arrays", [self.arrays], ARRAYS)
        _require("names", [name for name, _ in self.names], operation.signature)
        _require("dtypes", self.dtypes, DTYPES)
        _require("declines", self.declines, DECLINABLE)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the candidate that `text` names; CandidateError if it names none."""
        target, *pairs = text.split(",")
        operation, equals, place = target.partition("=")
        module, colon, function = place.rpartition(":")
        if not (equals and colon and module and function):
            raise CandidateError(f"{text!r}: expected the form {_FORM}")
        declared: dict[str, Any] = {}
        for pair in pairs:
            key, _, value = pair.partition("=")
            if key in ("tensors", "filters", "arrays"):
                declared[key] = value
            elif key == "dtypes":
                declared[key] = tuple(value.split("+"))
            elif key == "declines":
                declared[key] = tuple(value.replace("_", " ").split("+"))
            elif key == "names":
                declared[key] = tuple(_pair(each) for each in value.split("+"))
            else:
                raise CandidateError(
                    f"{pair!r}: expected one of tensors=, filters=, arrays=, names=, dtypes=, "
                    "declines="
                )
        return cls(operation, module, function, **declared)

    def refuses(self, case: Case, prop: str, *, takes_fore_layer: bool) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        operation, fore = operation_named(self.operation), case.geometry.fore
        if case.dtype not in self.dtypes:
            return f"{case.dtype} is not among the dtypes that it declares"
        if prop in self.declines:
            return f"it declines {prop}"
        if fore and fore.layer != operation.default_fore and not takes_fore_layer:
            return "it takes no fore_layer: layer l+1 is always the default"
        return None

    @property
    def plain(self) -> bool:
        """Whether it is called as the notebook's kernels are."""
        called = (self.tensors, self.filters, self.arrays, self.names)
        return called == ("NHWC", "IHWO", "numpy", ())

    def __str__(self) -> str:
        """Return the line that names it."""
        text = f"{self.operation}={self.module}:{self.function}"
        plain = replace(self, tensors="NHWC", filters="IHWO", arrays="numpy")
        for key in ("tensors", "filters", "arrays"):
            if getattr(self, key) != getattr(plain, key):
                text += f",{key}={getattr(self, key)}"
        if self.names:
            text += f",names={'+'.join(map(':'.join, self.names))}"
        if self.dtypes != DTYPES:
            text += f",dtypes={'+'.join(self.dtypes)}"
        if self.declines:
            text += f",declines={'+'.join(self.declines).replace(' ', '_')}"
        return text


def _pair(text: str) -> tuple[str, str]:
    name, _, own = text.partition(":")
    return name, own or name


def _require(name: str, values: Any, allowed: Any) -> None:
    for value in values:
        if value not in allowed:
            raise CandidateError(f"{name}={value!r}: expected one of {', '.join(allowed)}")


class Fitted:
    """A candidate as a kernel: takes and returns what the notebook's kernels do."""

    def __init__(self, candidate: Candidate) -> None:
        """Find the candidate's function.

        Raises:
            CandidateError: there is no such module or function, it cannot be called, or
                not with the operation's arguments.
        """
        self.candidate = candidate
        self.__name__ = candidate.operation
        self.spent = 0.0  # seconds that its function has taken
        self._operation = operation_named(candidate.operation)
        self._function = _find(candidate)
        self._by_name = dict(candidate.names)
        self.takes_fore_layer = _check_call(candidate, self._operation, self._function)

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        return self.candidate.refuses(case, prop, takes_fore_layer=self.takes_fore_layer)

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Call the function on arguments in its own layouts, and turn its result back."""
        by_position = []
        for name, value in zip(self._operation.signature, positional, strict=True):
            own = self._converted(name, value)
            if name in self._by_name:
                keywords[self._by_name[name]] = own
            else:
                by_position.append(own)
        started = time.perf_counter()
        z = self._function(*by_position, **keywords)
        self.spent += time.perf_counter() - started
        axes = self._axes("fltrs" if self._operation.result == "ihwo" else "x")
        if axes == (0, 1, 2, 3) or getattr(z, "ndim", 0) != len(axes):
            return _array(z)
        return np.transpose(_array(z), np.argsort(axes))

    def _axes(self, name: str) -> tuple[int, ...]:
        if name in ("ftr", "fltrs", "fore_w", "ftr_shape"):
            return FILTERS[self.candidate.filters]
        return TENSORS[self.candidate.tensors]

    def _converted(self, name: str, value: Any) -> Any:
        if name.endswith("strd"):
            return value
        axes = self._axes(name)
        if name.endswith("shape"):
            return tuple(value[axis] for axis in axes)
        if axes != (0, 1, 2, 3):
            value = np.transpose(value, axes)
        if self.candidate.arrays == "torch":
            import torch  # noqa: PLC0415  (a second to import)

            return torch.from_numpy(np.ascontiguousarray(value))
        if self.candidate.arrays == "jax":
            return importlib.import_module("jax.numpy").asarray(value)
        return value


def _array(z: Any) -> Any:
    """Return a torch tensor as an array, also one that records gradients."""
    return z.detach().cpu().numpy() if hasattr(z, "detach") else z


def load(text: str) -> Fitted:
    """Return the candidate that `text` names, ready to be called."""
    return Fitted(Candidate.parse(text))


def import_module(name: str) -> ModuleType:
    """Import a module by its dotted name, or by the path of a .py file.

    Raises:
        CandidateError: that is not possible.
    """
    if name.endswith(".py") and not Path(name).is_file():
        raise CandidateError(f"module {name!r}: there is no such file")
    try:
        if not name.endswith(".py"):
            return importlib.import_module(name)
        path = Path(name).resolve()
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None  # noqa: S101  (the name ends in .py)
        assert spec.loader is not None  # noqa: S101
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)  # so that its classes can be pickled
        sys.path.insert(0, str(path.parent))  # so that it finds its neighbours
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(path.parent))
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise CandidateError(f"module {name!r}: {type(error).__name__}: {text}") from error
    return module


def _find(candidate: Candidate) -> Callable[..., Any]:
    found: Any = import_module(candidate.module)
    for part in candidate.function.split("."):
        if not hasattr(found, part):
            raise CandidateError(f"module {candidate.module!r} has no {candidate.function!r}")
        found = getattr(found, part)
    if not callable(found):
        raise CandidateError(
            f"{candidate.module}:{candidate.function} is a {type(found).__name__}, expected "
            "a function"
        )
    function: Callable[..., Any] = found
    return function


def _check_call(candidate: Candidate, operation: Operation, function: Callable[..., Any]) -> bool:
    """Return whether `function` takes `fore_layer`; CandidateError if not the arguments."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # built in: it does not tell
        return operation.default_fore is None
    by_name = dict(candidate.names)
    positional = [name for name in operation.signature if name not in by_name]
    try:
        signature.bind(*positional, **dict.fromkeys(by_name.values()))
    except TypeError as error:
        raise CandidateError(
            f"{candidate.module}:{candidate.function} cannot be called with the "
            f"{len(operation.signature)} arguments of {operation.name} "
            f"({', '.join(operation.signature)}): {error}"
        ) from None
    parameters = signature.parameters.values()
    return any(p.name == "fore_layer" or p.kind is p.VAR_KEYWORD for p in parameters)

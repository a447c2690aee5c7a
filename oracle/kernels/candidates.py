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
    constants=padding:VALID       further arguments by keyword: literals of Python, such as
                                  numbers and ('NHWC','IHWO','NHWC'), or else text
    dtypes=float32+float64        those that it supports
    declines=memory_layout+nonfinite_data+nonfinite_others   properties that it does not have
    sums=float32                  the precision of its sums, and
    accuracy=normwise[:CONSTANT]  that of its results, as `promises` explains them
    subnormals=flushed            numbers below the normal ones may become zero
    promises=nonfinite_others+ieee_zeros       that NaN and infinity meet no zeros that it inserts,
                                  and that it leaves no zeros of the data out;
        +byte_order+mixed_dtypes  that it takes arrays in the other byte order, and one of float64
                                  beside others of another dtype
"""

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter  # now: a kernel may put another in its place
from typing import Any, Self

import numpy as np

from convcheck.cases.case import Case
from convcheck.form import pytorch
from convcheck.form.formats import DTYPES, USUAL
from convcheck.form.operations import operation_named

from . import floating, literals
from .calls import Local, as_numpy
from .loading import KEYWORDS, CandidateError, check_call, find
from .promises import DIRECT, Promise
from .subjects import Request, Subject

__all__ = ["Candidate", "CandidateError", "Fitted", "load", "split"]

TENSORS = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 3, 1, 2)}
FILTERS = {"IHWO": (0, 1, 2, 3), "HWIO": (1, 2, 0, 3), "OIHW": (3, 0, 1, 2), "IOHW": (0, 3, 1, 2)}
ARRAYS = ("numpy", "torch", "jax")
DECLINABLE = ("memory layout", "nonfinite data", "nonfinite others")
KEYS = (
    *("tensors", "filters", "arrays", "names", "constants", "dtypes", "declines"),
    *("sums", "accuracy", "subnormals", "promises"),
)
_FORM = "OPERATION=MODULE:FUNCTION[,KEY=VALUE]..."
# A path may hold commas and colons, too: what is declared is what stands at the end.
_LINE = re.compile(
    r"(?:(?P<operation>\w+)=)?(?P<module>.+?)(?::(?P<function>[^\W\d][\w.]*))?"
    rf"(?P<declared>(?:,\w+={literals.unbroken(',')})*)",
    re.DOTALL,
)


def split(text: str) -> tuple[str, str, str, str]:
    """Return operation, module, function and declarations of a line; "" for what is missing."""
    match = _LINE.fullmatch(text)
    if match is None:
        return "", "", "", ""
    operation, module, function, declared = match.groups(default="")
    return operation, module, function, declared


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
    constants: tuple[tuple[str, str], ...] = ()
    dtypes: tuple[str, ...] = USUAL
    declines: tuple[str, ...] = field(default=())
    promise: Promise = DIRECT

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
        for each in set(self.declines) & set(self.promise.zeros):
            raise CandidateError(f"declines={each!r}: expected it not among promises, too")
        for name, text in self.constants:
            try:
                literals.value(text)
            except ValueError as error:
                raise CandidateError(f"constants={name}:{error}") from None
        for name in [own for _, own in self.names] + [name for name, _ in self.constants]:
            if not name.isidentifier():
                raise CandidateError(f"argument {name!r}: expected the name of an argument")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the candidate that `text` names; CandidateError if it names none."""
        if not isinstance(text, str):  # whatever its type says
            raise TypeError(f"candidate={text!r:.100}: expected a text of the form {_FORM}")
        operation, module, function, declared = split(text)
        if not (operation and module and function):
            raise CandidateError(f"{text!r}: expected the form {_FORM}")
        given: dict[str, str] = {}
        for pair in filter(None, literals.parts(declared, ",")):
            key, _, value = pair.partition("=")
            if key not in KEYS:
                raise CandidateError(
                    f"{pair!r}: expected one of {', '.join(f'{known}=' for known in KEYS)}"
                )
            if key in given:
                raise CandidateError(f"{pair!r}: expected {key} once")
            given[key] = value
        return cls.of(operation, module, function, given)

    @classmethod
    def of(cls, operation: str, module: str, function: str, given: Mapping[str, str]) -> Self:
        """Return the candidate that declares what is given; CandidateError if that cannot be."""
        try:
            fields = literals.fields_of(given)
        except ValueError as error:
            raise CandidateError(str(error)) from None
        return cls(operation, module, function, **fields)

    def axes(self, name: str) -> tuple[int, ...]:
        """Return the notebook's axes of an argument, or shape, in the order that it declares."""
        if name in ("ftr", "fltrs", "fore_w", "ftr_shape"):
            return FILTERS[self.filters]
        return TENSORS[self.tensors]

    @property
    def place(self) -> str:
        """Where it is found."""
        return f"{self.module}:{self.function}"

    @property
    def plain(self) -> bool:
        """Whether it is called as the notebook's kernels are."""
        called = (self.tensors, self.filters, self.arrays, self.names, self.constants)
        return called == ("NHWC", "IHWO", "numpy", (), ())

    def __str__(self) -> str:
        """Return the line that names it."""
        parts = [f"{self.operation}={self.place}"]
        plain = {"tensors": "NHWC", "filters": "IHWO", "arrays": "numpy"}
        own = {key: getattr(self, key) for key in plain}
        parts += [f"{key}={value}" for key, value in own.items() if value != plain[key]]
        pairs = {"names": self.names, "constants": self.constants}
        parts += [f"{key}={'+'.join(map(':'.join, pair))}" for key, pair in pairs.items() if pair]
        if self.dtypes != USUAL:
            parts.append(f"dtypes={'+'.join(self.dtypes)}")
        if self.declines:
            parts.append(f"declines={'+'.join(self.declines).replace(' ', '_')}")
        if self.promise != DIRECT:
            parts.append(str(self.promise))
        return ",".join(parts)


def _require(name: str, values: Any, allowed: Any) -> None:
    for value in values:
        if value not in allowed:
            words = ", ".join(each.replace(" ", "_") for each in allowed)
            raise CandidateError(f"{name}={value!r}: expected one of {words}")


class Declared(Subject):
    """A kernel of which a candidate declares how it is called, and what it takes."""

    takes: frozenset[str]
    """those of `KEYWORDS` that it takes, known once it is loaded"""

    def __init__(self, candidate: Candidate) -> None:
        """Take over what the candidate says of itself."""
        name, module = candidate.operation, candidate.module
        found = {"module": module, "place": candidate.place, "line": str(candidate)}
        super().__init__(operation_named(name), name, candidate.promise, **found)
        self.candidate, self.dtypes = candidate, candidate.dtypes

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        refused = super().refuses(case, prop)
        if refused:
            return refused
        if prop in self.candidate.declines:
            return f"it declines {prop}"
        for name in self.operation.keywords(case.geometry):
            if name not in self.takes:
                return f"it takes no {name}: {KEYWORDS[name]}"
        return None

    def axes_in_memory(self, name: str) -> tuple[int, ...] | None:
        """Return the order of axes in which an argument is to lie in memory, if it is its own."""
        axes = self.candidate.axes(name)
        # Others than NumPy are handed copies, which lie as their library has it.
        return None if axes == (0, 1, 2, 3) or self.candidate.arrays != "numpy" else axes

    def import_line(self) -> str:
        """Return a line of Python that has it as its operation's name.

        It needs the user's module alone where the kernel is called as it is.
        """
        module, function, name = self.module, self.candidate.function, self.name
        if not self.candidate.plain:
            return f"from {__name__} import load; {name} = load({self.line!r})"
        if module.endswith(".py"):
            first, *rest = function.split(".")
            found = ".".join([f"runpy.run_path({module!r})[{first!r}]", *rest])
            folder = str(Path(module).parent)
            if folder == ".":
                return f"import runpy; {name} = {found}"
            return f"import runpy, sys; sys.path.insert(0, {folder!r}); {name} = {found}"
        if "." in function:
            return f"import {module} as kernels; {name} = kernels.{function}"
        return f"from {module} import {function}" + (f" as {name}" if function != name else "")


class Fitted(Declared, Local):
    """A candidate in this process: takes and returns what the notebook's kernels do."""

    def __init__(self, candidate: Candidate, function: Callable[..., Any] | None = None) -> None:
        """Find the candidate's function, unless it is given.

        Raises:
            CandidateError: there is no such module or function, it cannot be called, or
                not with the operation's arguments; or its array library is not there.
        """
        super().__init__(candidate)
        if importlib.util.find_spec(candidate.arrays) is None:
            raise CandidateError(f"arrays={candidate.arrays!r}: expected it to be installed here")
        self._function = function or find(candidate.module, candidate.function)
        floating.take_over(self.module)
        self._by_name = dict(candidate.names)
        self._constants = {name: literals.value(text) for name, text in candidate.constants}
        by_position = [name for name in self.operation.signature if name not in self._by_name]
        by_name = [*self._by_name.values(), *self._constants]
        self.takes = check_call(self._function, self.place, self.operation, by_position, by_name)

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
        self, positional: Sequence[Any], keywords: dict[str, Any], *, dense: bool = False
    ) -> Any:
        """Call the function on arguments in its own layouts, and turn its result back."""
        by_position, copies = [], []
        for name, value in zip(self.operation.signature, positional, strict=True):
            own = self._converted(name, value, dense=dense)
            if name in self._by_name:
                keywords[self._by_name[name]] = own
            else:
                by_position.append(own)
            copy = pytorch.as_numpy(own) if hasattr(own, "detach") else own
            if isinstance(copy, np.ndarray) and not np.may_share_memory(copy, value):
                copies.append((value, copy, np.argsort(self.candidate.axes(name))))
        started = perf_counter()
        z = self._function(*by_position, **keywords, **self._constants)
        try:
            z = as_numpy(z)
        except Exception:  # noqa: BLE001  (the kernel's own code: `calls` reads it again, and tells)
            return z
        finally:
            self.spent += perf_counter() - started  # libraries may compute when read
        for value, own, back in copies:  # the caller looks at its own arrays alone
            if own.transpose(back).tobytes() != value.tobytes():
                value[...] = own.transpose(back)
        axes = self.candidate.axes("fltrs" if self.operation.returns_filter else "x")
        if axes == (0, 1, 2, 3) or getattr(z, "ndim", 0) != len(axes):
            return z
        return np.transpose(z, np.argsort(axes))

    def _converted(self, name: str, value: Any, *, dense: bool) -> Any:
        if name.endswith("strd") or value is None:
            return value
        axes = self.candidate.axes(name)
        if name.endswith("shape"):
            return tuple(value[axis] for axis in axes)
        dense = dense and value.flags.c_contiguous
        if axes != (0, 1, 2, 3):
            value = np.transpose(value, axes)
        if self.candidate.arrays == "torch":
            # A copy: torch has no negative strides, nor a word for a read-only array.
            return pytorch.of_numpy(np.array(value, order="C"))
        if self.candidate.arrays == "jax":
            return importlib.import_module("jax.numpy").asarray(value)
        return value.copy() if dense and not value.flags.c_contiguous else value


def load(text: str) -> Fitted:
    """Return the candidate that `text` names, ready to be called."""
    return Fitted(Candidate.parse(text))

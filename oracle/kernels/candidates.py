"""Candidates: kernels of a user's, found by name, and fitted to the notebook's conventions.

A candidate is named by one line,

    OPERATION=MODULE:FUNCTION[,KEY=VALUE]...

for instance  convolution=torch.nn.functional:conv2d,tensors=NCHW,filters=OIHW,arrays=torch
MODULE is a dotted name, or the path of a file that ends in .py or .ipynb.  A kernel in another
language is OPERATION=exec:PROGRAM[,KEY=VALUE]..., as `programs.program` has it.  What it declares:

    arguments=A+B                 of a program, on its command line

    tensors=NHWC|NCHW             layout of tensors, taken and returned
    filters=IHWO|HWIO|OIHW|IOHW|OHWI|HWOI   layout of filters, taken and returned
    arrays=numpy|torch|jax|...    what it is handed: arrays of the library of that name
    device=cuda                   and the device that they lie on, by the library's name for it
    takes=padding+dilation+groups+output_padding+bias   parameters that it takes, by keyword
    padding=sides|pair            ((top, bottom), (left, right)), or (height, width), symmetric
    shapes=few|N                  it compiles for each shape and dtype, and is judged on so many
                                  pairs of these alone; few are 150
    strides=pair|int              (height, width), or one integer: equal strides alone
    only=EXPRESSION               the geometries that it takes, as `cases.domain` reads it, such as
                                  filter_height == 3 and channels_in % 8 == 0
    partial=yes                   NotImplementedError means that it does not offer a call
    memory=C                      it takes C-contiguous arguments alone
    rank=2|1                      how many spatial axes arrays, strides and parameters have; where
                                  it is 1, they are without the height, which is 1
    style=cs231n|coursera|layer|module   it is a layer with forward and backward, as `styles.style`
                                  has them; the operation is one of those that it is judged by
    names=x:input+ftr:weight      arguments that go by keyword, under names of its own; the
                                  others go by position, in order
    constants=padding:VALID       further arguments by keyword: literals of Python, such as
                                  numbers and ('NHWC','IHWO','NHWC'), or else text
    dtypes=float32+float64        those that it supports
    declines=memory_layout+nonfinite_data+nonfinite_others   properties that it does not have
    sums=float32                  the precision of its sums, and
    accuracy=normwise[:CONSTANT]  that of its results, as `promises` explains them
    subnormals=flushed|kept       whether numbers below the normal ones may become zero
    promises=nonfinite_others+ieee_zeros       that NaN and infinity meet no zeros that it inserts,
                                  and that it leaves no zeros of the data out;
        +byte_order+mixed_dtypes  that it takes arrays in the other byte order, and one of float64
                                  beside others of another dtype
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import which
from typing import Any, Self

from convcheck.cases.case import Case
from convcheck.cases.domain import FORE, Domain, names
from convcheck.cases.taken import Taken
from convcheck.form.formats import DTYPES, USUAL
from convcheck.form.geometry import PARAMETERS, Geometry
from convcheck.form.names import meant, one_of
from convcheck.form.operations import Operation, operation_named

from . import literals
from .loading import CandidateError, files_digest, is_path, source_digest
from .promises import DIRECT, Promise
from .styles import notebooks
from .styles.style import STYLES, operations_of
from .subjects import Subject

__all__ = ["Candidate", "CandidateError", "Declared", "split"]

TENSORS = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 3, 1, 2)}
FILTERS = {
    layout: tuple(map("IHWO".index, layout))
    for layout in ("IHWO", "HWIO", "OIHW", "IOHW", "OHWI", "HWOI")
}
DECLINABLE = ("memory layout", "nonfinite data", "nonfinite others")
KEYS = (
    *("tensors", "filters", "arrays", "device", "names", "constants", "dtypes", "declines"),
    *("takes", "padding", "strides", "rank", "shapes", "style", "arguments"),
    *("only", "partial", "memory", "sums", "accuracy", "subnormals", "promises"),
)
FEW = 150
"""pairs of a shape and a dtype"""
_STRIDES = ("pair", "int")
EXEC = "exec"
"""in the place of a module: what follows is a program"""
_FORM = f"OPERATION=MODULE:FUNCTION[,KEY=VALUE]..., or OPERATION={EXEC}:PROGRAM[,KEY=VALUE]..."
# A path may hold commas and colons, too: what is declared is what stands at the end.
_LINE = re.compile(
    rf"(?:(?P<operation>\w+)=)?(?:(?P<exec>{EXEC}):(?P<program>.+?)"
    r"|(?P<module>.+?)(?::(?P<function>[^\W\d][\w.]*))?)"
    rf"(?P<declared>(?:,\w+={literals.unbroken(',')})*)",
    re.DOTALL,
)


def split(text: str) -> tuple[str, str, str, str]:
    """Return operation, module, function and declarations of a line; "" for what is missing.

    The module of a program is `EXEC`, and its function the program.
    """
    match = _LINE.fullmatch(text)
    if match is None:
        return "", "", "", ""
    operation, of, program, module, function, declared = match.groups(default="")
    return operation, of or module, program or function, declared


@dataclass(frozen=True)
class Candidate:
    """Where a candidate is found, and what it declares."""

    operation: str
    module: str
    function: str
    tensors: str = "NHWC"
    filters: str = "IHWO"
    arrays: str = "numpy"
    """the library that it is handed arrays of, and the device where these are, if one is named"""
    device: str = ""
    names: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    dtypes: tuple[str, ...] = USUAL
    declines: tuple[str, ...] = field(default=())
    takes: tuple[str, ...] = ()
    """parameters that it takes by keyword"""
    padding: str = "sides"
    """((top, bottom), (left, right)), or the "pair" (height, width)"""
    rank: str = "2"
    """how many spatial axes its arrays have; 1 leaves out the height, which is 1"""
    style: str = ""
    """how the functions of a layer are called; empty for a function of an operation's arguments"""
    promise: Promise = DIRECT
    arguments: tuple[str, ...] = ()
    """of a program"""
    shapes: str = "all"
    """on how many pairs of a shape and a dtype it is judged, where it compiles for each"""
    strides: str = "pair"
    """(height, width), or one "int" for both"""
    only: str = ""
    """which geometries it takes, as `domain.Domain` writes it; "" for all"""
    partial: str = "no"
    """whether NotImplementedError means "not offered\""""
    memory: str = "any"
    """how its arguments may lie; "C" for C-contiguous ones alone"""

    def __post_init__(self) -> None:
        """Raise CandidateError where a field is not what it should be."""
        try:
            operation = operation_named(self.operation)
        except ValueError as error:
            raise CandidateError(str(error)) from None
        _require("tensors", [self.tensors], TENSORS)
        _require("filters", [self.filters], FILTERS)
        layers = ("fore_layer",) if operation.default_fore else ()
        _require("takes", self.takes, (*operation.parameters, *layers))
        _require("padding", [self.padding], ("sides", "pair"))
        if self.padding != "sides" and "padding" not in self.takes:
            raise CandidateError(f"padding={self.padding!r}: expected takes=padding, too")
        _require("rank", [self.rank], ("2",) if operation.default_fore else ("1", "2"))
        self._require_style()
        self._require_form()
        _require("partial", [self.partial], ("no", "yes"))
        _require("memory", [self.memory], ("any", "C"))
        named = (*operation.signature, *self.takes)
        _require("names", [name for name, _ in self.names], named)
        _require("dtypes", self.dtypes, DTYPES)
        _require("declines", self.declines, DECLINABLE)
        self._require_of_program()
        for each in set(self.declines) & set(self.promise.zeros):
            raise CandidateError(f"declines={each!r}: expected it not among promises, too")
        self._require_arguments()
        self._require_domain(operation)

    def _require_arguments(self) -> None:
        """Raise CandidateError where an argument of its own has no name, or no value."""
        for name, text in self.constants:
            try:
                literals.value(text)
            except ValueError as error:
                raise CandidateError(f"constants={name}:{error}") from None
        for name in [own for _, own in self.names] + [name for name, _ in self.constants]:
            if not name.isidentifier():
                raise CandidateError(f"argument {name!r}: expected the name of an argument")

    def _require_domain(self, operation: Operation) -> None:
        """Raise CandidateError where it takes no geometry; write the expression as others are."""
        _require("strides", [self.strides], _STRIDES[: 1 + ("strd" in operation.signature)])
        try:
            if self.only:
                object.__setattr__(self, "only", str(Domain.parse(self.only, names(operation))))
            self.taken.simplest(operation)
        except ValueError as error:
            raise CandidateError(str(error)) from None

    @property
    def taken(self) -> Taken:
        """The geometries that it takes."""
        symmetric, rank = self.padding == "pair", int(self.rank)
        parameters = tuple(each for each in self.takes if each in PARAMETERS)
        parts = [self.only] if self.only else []
        if self.strides == "int" and rank == 2:
            two = operation_named(self.operation).default_fore is not None
            parts += [f"{of}stride_height == {of}stride_width" for of in ("", FORE)[: 1 + two]]
        if self.style:
            parts += STYLES[self.style].within
        domains = map(Domain, parts)
        domain = next(domains, None)
        for each in domains:
            domain = domain and domain & each
        return Taken(parameters, symmetric, rank, domain)

    def _require_form(self) -> None:
        """Raise CandidateError where texts have not the form that they should have."""
        if not all(map(str.isidentifier, self.arrays.split("."))):
            raise CandidateError(f"arrays={self.arrays!r}: expected the name of a library")
        if self.shapes not in ("all", "few") and not re.fullmatch("[1-9][0-9]{0,5}", self.shapes):
            raise CandidateError(f"shapes={self.shapes!r}: expected few, or a positive number")

    def _require_of_program(self) -> None:
        """Raise CandidateError where a program declares what it has no part in, or no program."""
        if not self.is_program:
            if self.arguments:
                raise CandidateError(
                    f"arguments={self.arguments}: expected {EXEC}:PROGRAM beside it"
                )
            return
        _require("arrays", [self.arrays], ("numpy",))
        for key, value in (("style", self.style), ("device", self.device)):
            if value:
                raise CandidateError(f"{key}={value!r}: expected none of a program")
        for each in self.promise.arrays:
            raise CandidateError(f"promises={each!r}: expected none on the arrays of a program")

    def _require_style(self) -> None:
        if not self.style:
            return
        _require("style", [self.style], STYLES)
        two_layers = operation_named(self.operation).default_fore is not None
        if two_layers or self.names or self.constants:
            what = self.operation if two_layers else "names= or constants="
            raise CandidateError(f"style={self.style!r}: expected it not beside {what}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the candidate that `text` names; CandidateError if it names none."""
        if not isinstance(text, str):  # whatever its type says
            raise TypeError(f"candidate={text!r:.100}: expected a text of the form {_FORM}")
        operation, module, function, declared = split(text)
        if module == EXEC and function and not operation:
            raise CandidateError(f"{text!r}: expected an operation, as in convolution={text}")
        if not (operation and module and function):
            raise CandidateError(f"{text!r}: expected the form {_FORM}")
        given: dict[str, str] = {}
        for pair in filter(None, literals.parts(declared, ",")):
            key, _, value = pair.partition("=")
            if key not in KEYS:
                known = ", ".join(f"{each}=" for each in KEYS)
                raise CandidateError(f"{pair!r}: expected one of {known}{meant(key, KEYS)}")
            if key in given:
                raise CandidateError(f"{pair!r}: expected {key} once")
            given[key] = value
        return cls.of(operation, module, function, given)

    @classmethod
    def of(cls, operation: str, module: str, function: str, given: Mapping[str, str]) -> Self:
        """Return the candidate that declares what is given; CandidateError if that cannot be."""
        style = STYLES.get(given.get("style", ""))
        implied = style.declared(operation) if style else {}
        if "padding" not in {**implied, **given}.get("takes", ""):
            implied.pop("padding", None)
        try:
            fields = literals.fields_of({**implied, **given})
        except ValueError as error:
            raise CandidateError(str(error)) from None
        return cls(operation, module, function, **fields)

    def of_layer(self) -> Iterator[Self]:
        """Yield the kernels of the layer that this is the forward one of; itself if of none."""
        for name in operations_of(self.operation) if self.style else [self.operation]:
            if "bias" in self.takes or not name.endswith("bias_gradient") or not self.style:
                made = self._of(name)
                if made is not None:
                    yield made

    def _of(self, name: str) -> Self | None:
        """Return its layer's kernel of an operation; None of one without geometries in its domain.

        A bias's gradient has none in a domain that needs parameters.
        """
        takes = tuple(each for each in self.takes if each in operation_named(name).parameters)
        padding = self.padding if "padding" in takes else "sides"
        try:
            return replace(self, operation=name, takes=takes, padding=padding)
        except CandidateError:
            if takes or name == self.operation:
                raise
            return None

    @property
    def outside(self) -> list[str]:
        """The operations of its layer that are not judged: they have no geometry in its domain."""
        every = operations_of(self.operation) if self.style and "bias" in self.takes else []
        return [name for name in every if self._of(name) is None]

    def axes(self, name: str) -> tuple[int, ...]:
        """Return the notebook's axes of an argument, or shape, in the order that it declares."""
        if name == "bias":
            return (0,)
        if name in ("ftr", "fltrs", "fore_w", "ftr_shape"):
            return FILTERS[self.filters]
        return TENSORS[self.tensors]

    @property
    def place(self) -> str:
        """Where it is found."""
        return f"{self.module}:{self.function}"

    @property
    def is_program(self) -> bool:
        """Whether it is a program, and no function of Python's."""
        return self.module == EXEC

    @property
    def source(self) -> str:
        """SHA-256 of the file it stands in, and those that its arguments name; empty if none."""
        if not self.is_program:
            return source_digest(self.module)
        return files_digest([which(self.function) or "", *filter(os.path.isfile, self.arguments)])

    def located(self, place: Callable[[str], str]) -> Self:
        """Return it with every path to a file of its own as `place` has it."""
        if is_path(self.module):
            return replace(self, module=place(self.module))
        if not self.is_program:
            return self
        own = (each.startswith(("./", "../")) for each in self.arguments)
        arguments = (
            _path(place(each)) if is_path else each
            for each, is_path in zip(self.arguments, own, strict=True)
        )
        program = _path(place(self.function)) if "/" in self.function else self.function
        return replace(self, function=program, arguments=(*arguments,))

    @property
    def plain(self) -> bool:
        """Whether it is called as the notebook's kernels are."""
        if self.is_program:
            return False
        called = (self.tensors, self.filters, self.arrays, self.names, self.constants)
        given = (self.padding, self.rank, self.strides, self.device, self.style)
        plain = ("sides", "2", "pair", "", "")
        return called == ("NHWC", "IHWO", "numpy", (), ()) and given == plain

    def __str__(self) -> str:
        """Return the line that names it."""
        parts = [f"{self.operation}={self.place}"]
        plain = {"style": "", "tensors": "NHWC", "filters": "IHWO", "arrays": "numpy", "device": ""}
        plain |= {"padding": "sides", "strides": "pair", "rank": "2", "shapes": "all"}
        plain |= {"only": "", "partial": "no", "memory": "any"}
        implied = STYLES[self.style].declared(self.operation) if self.style else {}
        plain |= {key: value for key, value in implied.items() if key in plain}
        own = {key: getattr(self, key) for key in plain}
        parts += [f"{key}={value}" for key, value in own.items() if value != plain[key]]
        if "+".join(self.takes) != implied.get("takes", ""):
            parts.append(f"takes={'+'.join(self.takes)}")
        pairs = {"names": self.names, "constants": self.constants}
        parts += [f"{key}={'+'.join(map(':'.join, pair))}" for key, pair in pairs.items() if pair]
        if self.dtypes != USUAL:
            parts.append(f"dtypes={'+'.join(self.dtypes)}")
        if self.declines:
            parts.append(f"declines={'+'.join(self.declines).replace(' ', '_')}")
        if self.promise != DIRECT:
            parts.append(str(self.promise))
        if self.arguments:
            parts.append(f"arguments={'+'.join(map(literals.written, self.arguments))}")
        return ",".join(parts)


def _path(place: str) -> str:
    """Return the path of a program, which is a name on PATH where it has no slash."""
    return place if "/" in place else f"./{place}"


def _require(name: str, values: Any, allowed: Any) -> None:
    for value in values:
        if value not in allowed:
            said, *words = (each.replace(" ", "_") for each in (value, *allowed))
            told = one_of(said, words) if words else "expected nothing: the operation has none"
            raise CandidateError(f"{name}={said!r}: {told}")


class Declared(Subject):
    """A kernel of which a candidate declares how it is called, and what it takes."""

    def __init__(self, candidate: Candidate) -> None:
        """Take over what the candidate says of itself."""
        name, module = candidate.operation, candidate.module
        found = {"module": module, "place": candidate.place, "line": str(candidate)}
        super().__init__(operation_named(name), name, candidate.promise, **found)
        self.candidate, self.dtypes = candidate, candidate.dtypes
        # Whether it takes `fore_layer` is known once it is loaded.
        self.takes = frozenset(candidate.takes)
        self.taken = candidate.taken
        self.dense, self.partial = candidate.memory == "C", candidate.partial == "yes"
        if candidate.shapes != "all":
            self.shapes = FEW if candidate.shapes == "few" else int(candidate.shapes)
        absent = {**PARAMETERS, "bias": None, "fore_layer": self.operation.default_fore}
        self.absent = {name: absent[name] for name in candidate.takes}

    def beside(self, geometry: Geometry) -> Mapping[str, Any]:
        """Return what a layer with a domain is made with, which a bias's gradient does not tell."""
        if not (self.candidate.style and self.candidate.only and self.operation.degree == 1):
            return {}
        shapes = operation_named(self.operation.layer).array_shapes(geometry)
        return {"strd": geometry.strides, **{f"{of}_shape": each for of, each in shapes.items()}}

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        refused = super().refuses(case, prop)
        if refused:
            return refused
        if self.candidate.is_program and prop == "memory layout":
            return "a program is sent its arrays, and has no part in how they lie in memory"
        return f"it declines {prop}" if prop in self.candidate.declines else None

    def declaring(self, candidate: Candidate) -> "Declared":
        """Return the same kernel, as another candidate declares it; CandidateError if it cannot."""
        raise NotImplementedError

    def axes_in_memory(self, name: str) -> tuple[int, ...] | None:
        """Return the order of axes in which an argument is to lie in memory, if it is its own."""
        axes = self.candidate.axes(name)
        # Others than NumPy are handed copies, which lie as their library has it.
        plain = axes == tuple(range(len(axes)))
        return None if plain or self.candidate.arrays != "numpy" else axes

    def import_line(self) -> str:
        """Return a line of Python that has it as its operation's name.

        It needs the user's module alone where the kernel is called as it is.
        """
        module, function, name = self.module, self.candidate.function, self.name
        if not self.candidate.plain or module.endswith(notebooks.SUFFIX):
            return f"from convcheck.kernels.functions import load; {name} = load({self.line!r})"
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

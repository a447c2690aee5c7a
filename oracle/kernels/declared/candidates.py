"""Candidates: kernels of a user's, found by name, and fitted to the notebook's conventions."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from shutil import which
from typing import Self

from convcheck.cases.domain import FORE, Domain, names
from convcheck.cases.taken import Taken
from convcheck.form.formats import USUAL
from convcheck.form.geometry import PARAMETERS
from convcheck.form.operations import operation_named
from convcheck.kernels.loading import CandidateError, files_digest, is_path, source_digest
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.kernels.styles.style import STYLES, operations_of

from . import line, literals
from .line import EXEC, TEXTS
from .required import FILTERS, TENSORS, require


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
    declines: tuple[str, ...] = ()
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
        """Raise CandidateError where a field is not what it should be, or no geometry is taken."""
        require(self)
        operation = operation_named(self.operation)
        try:
            if self.only:  # written as others are
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

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the candidate that `text` names; errors are those of `line.read`."""
        operation, module, function, given = line.read(text)
        return cls.of(operation, module, function, given)

    @classmethod
    def of(cls, operation: str, module: str, function: str, given: Mapping[str, str]) -> Self:
        """Return the candidate that declares what is given; CandidateError if that cannot be."""
        style = STYLES.get(given.get("style", ""))
        implied = style.declared(operation) if style else {}
        if "padding" not in {**implied, **given}.get("takes", ""):
            implied.pop("padding", None)
        try:
            fields = line.fields_of({**implied, **given})
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
        implied = STYLES[self.style].declared(self.operation) if self.style else {}
        plain = {key: implied.get(key, getattr(Candidate, key)) for key in TEXTS}
        own = {key: getattr(self, key) for key in TEXTS}
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

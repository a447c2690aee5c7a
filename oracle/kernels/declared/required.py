"""What a candidate may declare: each value is one that there is, and they go together."""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from convcheck.form.formats import DTYPES
from convcheck.form.names import one_of
from convcheck.form.operations import operation_named
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.styles.style import STYLES

from . import literals
from .line import EXEC

if TYPE_CHECKING:
    from .candidates import Candidate

TENSORS = {"NHWC": (0, 1, 2, 3), "NCHW": (0, 3, 1, 2)}
"""the notebook's axes, in the order of a layout"""
FILTERS = {
    layout: tuple(map("IHWO".index, layout))
    for layout in ("IHWO", "HWIO", "OIHW", "IOHW", "OHWI", "HWOI")
}
DECLINABLE = ("memory layout", "nonfinite data", "nonfinite others")
_STRIDES = ("pair", "int")


def require(candidate: "Candidate") -> None:
    """Raise CandidateError where a candidate declares what there is not, or what it cannot."""
    try:
        operation = operation_named(candidate.operation)
    except ValueError as error:
        raise CandidateError(str(error)) from None
    two_layers = operation.default_fore is not None
    layers = ("fore_layer",) if two_layers else ()
    _among("tensors", [candidate.tensors], TENSORS)
    _among("filters", [candidate.filters], FILTERS)
    _among("takes", candidate.takes, (*operation.parameters, *layers))
    _among("padding", [candidate.padding], ("sides", "pair"))
    if candidate.padding != "sides" and "padding" not in candidate.takes:
        raise CandidateError(f"padding={candidate.padding!r}: expected takes=padding, too")
    _among("rank", [candidate.rank], ("2",) if two_layers else ("1", "2"))
    _among("strides", [candidate.strides], _STRIDES[: 1 + ("strd" in operation.signature)])
    _among("partial", [candidate.partial], ("no", "yes"))
    _among("memory", [candidate.memory], ("any", "C"))
    named = (*operation.signature, *candidate.takes)
    _among("names", [name for name, _ in candidate.names], named)
    _among("dtypes", candidate.dtypes, DTYPES)
    _among("declines", candidate.declines, DECLINABLE)
    for each in set(candidate.declines) & set(candidate.promise.zeros):
        raise CandidateError(f"declines={each!r}: expected it not among promises, too")
    _style(candidate, two_layers=two_layers)
    _form(candidate)
    _program(candidate)
    _arguments(candidate)


def _style(candidate: "Candidate", *, two_layers: bool) -> None:
    if not candidate.style:
        return
    _among("style", [candidate.style], STYLES)
    if two_layers or candidate.names or candidate.constants:
        what = candidate.operation if two_layers else "names= or constants="
        raise CandidateError(f"style={candidate.style!r}: expected it not beside {what}")


def _form(candidate: "Candidate") -> None:
    """Raise CandidateError where texts have not the form that they should have."""
    arrays, shapes = candidate.arrays, candidate.shapes
    if not all(map(str.isidentifier, arrays.split("."))):
        raise CandidateError(f"arrays={arrays!r}: expected the name of a library")
    if shapes not in ("all", "few") and not re.fullmatch("[1-9][0-9]{0,5}", shapes):
        raise CandidateError(f"shapes={shapes!r}: expected few, or a positive number")


def _program(candidate: "Candidate") -> None:
    """Raise CandidateError where a program declares what it has no part in, or no program."""
    if not candidate.is_program:
        if candidate.arguments:
            raise CandidateError(
                f"arguments={candidate.arguments}: expected {EXEC}:PROGRAM beside it"
            )
        return
    _among("arrays", [candidate.arrays], ("numpy",))
    for key, value in (("style", candidate.style), ("device", candidate.device)):
        if value:
            raise CandidateError(f"{key}={value!r}: expected none of a program")
    for each in candidate.promise.arrays:
        raise CandidateError(f"promises={each!r}: expected none on the arrays of a program")


def _arguments(candidate: "Candidate") -> None:
    """Raise CandidateError where an argument of its own has no name, or no value."""
    for name, text in candidate.constants:
        try:
            literals.value(text)
        except ValueError as error:
            raise CandidateError(f"constants={name}:{error}") from None
    for name in [own for _, own in candidate.names] + [name for name, _ in candidate.constants]:
        if not name.isidentifier():
            raise CandidateError(f"argument {name!r}: expected the name of an argument")


def _among(name: str, values: Sequence[str], allowed: Iterable[str]) -> None:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise CandidateError(f"{name}={value!r}: expected it once")
        if value not in allowed:
            said, *words = (each.replace(" ", "_") for each in (value, *allowed))
            told = one_of(said, words) if words else "expected nothing: the operation has none"
            raise CandidateError(f"{name}={said!r}: {told}")

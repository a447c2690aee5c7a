"""Statements about a geometry's sizes, which hold or do not, in words and as plain data.

A statement is a list of clauses, all of which must hold; a clause is a list of atoms, one of
which must.  An atom compares a number of the geometry, by name, with an integer or another
number:  ("channels_in", ">=", 2),  ("height", "!=", "width"),  ("width", "%", 8), which holds of
multiples, and ("width", "!%", 8), which holds of all others.
"""

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from convcheck.form.axis import Axis, Span
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation

Atom = tuple[str, str, int | str]
Clause = tuple[Atom, ...]
Numbers = Mapping[str, Any]
"""a number, or an array of them, by name"""

_COMPARE: Mapping[str, Any] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<=": operator.le,
    "%": lambda a, b: a % b == 0,
    "!%": lambda a, b: a % b != 0,
}

SIZES = (
    *("batch", "height", "width", "channels_in", "channels_out"),
    *("filter_height", "filter_width", "stride_height", "stride_width"),
)
FORE = "fore_"
FORE_SIZES = tuple(f"{FORE}{name}" for name in SIZES[4:])
KIND = "fore_kind"
"""where the kind of layer l+1 stands in `LAYERS`"""


@dataclass(frozen=True)
class Statement:
    """What may hold of a geometry."""

    words: str
    clauses: tuple[Clause, ...]
    cost: int = 0
    """the plainer, the less"""
    doubts: tuple[tuple[str, int, int], ...] = ()
    """numbers, from one to another, of which it is not known whether it holds"""

    def holds(self, numbers: Numbers) -> Any:
        """Return whether it holds; for arrays of numbers, an array of answers."""
        clauses = ([_atom(*atom, numbers) for atom in clause] for clause in self.clauses)
        return np.logical_and.reduce([*map(np.logical_or.reduce, clauses)])

    def doubtful(self, numbers: Numbers) -> Any:
        """Return of which numbers it is not known whether it holds."""
        unknown = np.zeros(np.shape(numbers["batch"]), bool)
        for name, low, high in self.doubts:
            unknown |= (low <= numbers[name]) & (numbers[name] <= high)
        return unknown

    @property
    def names(self) -> set[str]:
        """Names of the numbers that it is about."""
        atoms = [atom for clause in self.clauses for atom in clause]
        return {each for name, _, other in atoms for each in (name, other) if isinstance(each, str)}

    @property
    def threshold(self) -> tuple[str, str, int] | None:
        """Name, comparison and value, if it says that one number is at least, or at most, so."""
        (((name, compare, value), *others), *more) = self.clauses
        if others or more or compare not in (">=", "<=") or isinstance(value, str):
            return None
        return name, compare, value


def _atom(name: str, compare: str, other: int | str, numbers: Numbers) -> Any:
    return _COMPARE[compare](numbers[name], numbers[other] if isinstance(other, str) else other)


def one(words: str, cost: int, *atom: Any) -> Statement:
    """Return the statement that consists of one atom."""
    return Statement(words, ((atom,),), cost)


def both(statements: Iterable[Statement]) -> Statement:
    """Return the statement that all of these hold."""
    parts = list(statements)
    return Statement(
        " and ".join(each.words for each in parts),
        tuple(clause for each in parts for clause in each.clauses),
        sum(each.cost for each in parts),
        tuple(doubt for each in parts for doubt in each.doubts),
    )


@lru_cache(maxsize=1 << 14)
def numbers_of(operation: Operation, geometry: Geometry) -> Mapping[str, int]:
    """Return the sizes of a geometry, and what follows from them, by name."""
    g, e = geometry, operation.extents(geometry)
    numbers = {**g.sizes, **g.parameters, **_along("", operation.spans(g), g.axes)}
    numbers["group_in"], numbers["group_out"] = e["i"] // g.groups, e["o"] // g.groups
    numbers["taps"] = e["h"] * e["w"]
    numbers["windows"] = e["P"] * e["Q"]
    numbers["places"] = e["H"] * e["W"]
    numbers["samples"] = e["b"] * numbers["windows"]
    numbers["products"] = numbers["samples"] * e["i"] * numbers["group_out"] * numbers["taps"]
    if g.fore is not None:
        back, _ = operation.layers(g)
        numbers |= {f"{FORE}{name}": size for name, size in g.fore.sizes.items()}
        numbers |= _along(FORE, back.operation.spans(back.geometry), back.geometry.axes)
        numbers[KIND] = LAYERS.index(g.fore.layer)
    return numbers


def _along(whose: str, spans: tuple[Span, Span], axes: tuple[Axis, Axis]) -> dict[str, int]:
    """Return what is to be said of rows and columns of a layer."""
    numbers: dict[str, int] = {}
    for name, span, own in zip(("height", "width"), spans, axes, strict=True):
        overlap, several = span.reach - span.stride, span.steps > 1
        derived = {
            "windows": span.steps,
            "remainder": span.remainder - own.output_padding,
            "overlap": max(overlap, 0) * several,
            "gap": max(-overlap, 0) * several,
            "apart": (span.stride - 1) * several,
            "beyond": max(span.stride - span.taps, 0),
            "fewer": span.wide - span.steps,
            "reach": span.reach,
            "padding": span.before + span.after,
            "uneven": abs(span.before - span.after),
        }
        numbers |= {f"{whose}{key}_{name}": value for key, value in derived.items()}
    return numbers


def columns_of(operation: Operation, geometries: Iterable[Geometry]) -> dict[str, Any]:
    """Return the numbers of several geometries, an array for each name; empty if there are none."""
    rows = [numbers_of(operation, each) for each in geometries]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


_WORDS = {
    "channels_in": "channels in",
    "channels_out": "channels out",
    "windows_height": "the number of rows of windows",
    "windows_width": "the number of columns of windows",
    "taps": "the number of filter taps",
    "windows": "the number of windows",
    "places": "height x width",
    "samples": "batch x number of windows",
    "products": "the number of products",
    **{f"padding_{side}": f"{side} padding" for side in ("top", "bottom", "left", "right")},
    "groups": "the number of groups",
    "group_in": "channels in of a group",
    "group_out": "channels out of a group",
    "reach_height": "the height of the dilated filter",
    "reach_width": "the width of the dilated filter",
    **{
        f"{name}_{axis}": f"{words} in {along}"
        for axis, along in (("height", "rows"), ("width", "columns"))
        for name, words in (
            ("remainder", "the remainder"),
            ("overlap", "the overlap of windows"),
            ("gap", "the gap between windows"),
            ("apart", "what the stride of several windows exceeds 1 by"),
            ("beyond", "what the stride exceeds the filter by"),
            ("fewer", "what places exceed windows by"),
        )
    },
}
TOTALS = ("windows", "places", "samples", "taps", "products")


def word(name: str) -> str:
    """Return a number's name in words."""
    if name.startswith(FORE):
        own = word(name.removeprefix(FORE))
        return f"{own} of layer l+1" if own.startswith(("the ", "what ")) else f"layer l+1's {own}"
    return _WORDS.get(name, name.replace("_", " "))


def statements(numbers: Numbers) -> Iterator[Statement]:
    """Yield statements about geometries of these numbers, an array for each name."""
    if KIND in numbers:
        yield one("layer l+1 is a convolution", 1, KIND, "==", 0)
        yield one("layer l+1 is a transposed convolution", 1, KIND, "==", 1)
    yield from _classes("")
    if KIND in numbers:
        yield from _classes(FORE)
    yield from _comparisons()
    sizes = [name for name in (*SIZES, *FORE_SIZES) if name in numbers]
    for name in (*sizes, "windows_height", "windows_width"):
        yield from values(name, numbers[name].tolist(), 2)
        yield from _multiples(name, 4)
    for name in TOTALS:
        yield from values(name, numbers[name].tolist(), 4)
        yield from _multiples(name, 7)


def values(name: str, tried: Iterable[int], cost: int) -> Iterator[Statement]:
    """Yield that a number is one of those that were tried, at least one, or at most."""
    every = sorted(set(tried))
    for value in every:
        # The largest that was tried hardly differs from all larger ones.
        if value != every[-1] or value <= 1:
            yield one(f"{word(name)} is {value}", cost - (value == 1), name, "==", value)
        yield at_threshold(name, ">=", value, cost)
        yield at_threshold(name, "<=", value, cost)


def at_threshold(name: str, compare: str, value: int, cost: int = 2) -> Statement:
    """Return the statement that a number is at least, or at most, so."""
    if compare == "<=":
        return one(f"{word(name)} is at most {value}", cost + 1, name, compare, value)
    more = "above 1" if value == 2 else f"{value} or more"
    return one(f"{word(name)} is {more}", cost - (value == 2), name, compare, value)


def _multiples(name: str, cost: int) -> Iterator[Statement]:
    what = word(name)
    for size in (2, 3, 4, 8, 16, 32):
        several = f"multiple of {size}"
        no, a = ("odd", "even") if size == 2 else (f"no {several}", f"a {several}")
        yield one(f"{what} is {no}", cost, name, "!%", size)
        yield one(f"{what} is {a}", cost, name, "%", size)
        least = size if size > 2 else 1
        above = one(f"{what} is above {least}", cost + 1, name, ">", least)
        yield both([above, one(no, 0, name, "!%", size)])


_CLASSES = (
    ("a remainder is left", "remainder", ">=", 1),
    ("no remainder is left", "remainder", "==", 0),
    ("the stride is above 1", "stride", ">=", 2),
    ("the stride is 1", "stride", "==", 1),
    ("windows overlap", "overlap", ">=", 1),
    ("windows do not overlap", "overlap", "==", 0),
    ("windows leave gaps", "gap", ">=", 1),
    ("the stride is larger than the filter", "beyond", ">=", 1),
    ("the stride is no larger than the filter", "beyond", "==", 0),
    ("several windows are more than one place apart", "apart", ">=", 1),
    ("there are several windows", "windows", ">=", 2),
    ("there is a single window", "windows", "==", 1),
    ("windows are fewer than places", "fewer", ">=", 1),
    ("the filter has several taps", "filter", ">=", 2),
    ("the filter has a single tap", "filter", "==", 1),
)


def _axes(whose: str, name: str, *condition: Any) -> tuple[Atom, Atom]:
    return (f"{whose}{name}_height", *condition), (f"{whose}{name}_width", *condition)


def by_axes(whose: str, words: str, name: str, *condition: Any) -> Iterator[Statement]:
    """Yield that something holds of rows, of columns, of either and of both."""
    of = " of layer l+1" if whose else ""
    rows, columns = _axes(whose, name, *condition)
    yield Statement(f"{words} in rows{of}", ((rows,),), 1)
    yield Statement(f"{words} in columns{of}", ((columns,),), 1)
    yield Statement(f"{words} in rows or columns{of}", ((rows, columns),), 1)
    yield Statement(f"{words} in rows and columns{of}", ((rows,), (columns,)), 1)


def _classes(whose: str) -> Iterator[Statement]:
    """Yield the classes of geometry that kernels go wrong in, of layer l or of layer l+1."""
    of = " of layer l+1" if whose else ""
    for words, name, *condition in _CLASSES:
        yield from by_axes(whose, words, name, *condition)

    def axes(name: str, *condition: Any) -> tuple[Atom, Atom]:
        return _axes(whose, name, *condition)

    for size in (1, 2, 3, 5, 7):
        rows, columns = axes("filter", "==", size)
        words = f"the filter{of} is {size} x {size}"
        yield Statement(words, ((rows,), (columns,)), int(size > 1))
        if size == 1:
            larger = axes("filter", ">=", 2)
            yield Statement(f"the filter{of} is larger than 1 x 1", (larger,), 1)
    rows, columns = axes("stride", "==", 1)
    yield Statement(f"the stride{of} is 1 x 1", ((rows,), (columns,)), 0)


def _comparisons() -> Iterator[Statement]:
    """Yield how sizes compare with one another."""
    for first, second, words in (
        ("height", "width", "height and width"),
        ("filter_height", "filter_width", "filter height and width"),
        ("stride_height", "stride_width", "both strides"),
        ("channels_in", "channels_out", "channels in and out"),
        ("windows_height", "windows_width", "the numbers of rows and columns of windows"),
    ):
        yield one(f"{words} differ", 1, first, "!=", second)
        yield one(f"{words} are equal", 1, first, "==", second)
        yield one(f"{word(first)} exceeds {word(second)}", 2, first, ">", second)
        yield one(f"{word(second)} exceeds {word(first)}", 2, second, ">", first)
    axes = ("height", "width")
    for axis in axes:
        for other in (f"filter_{axis}", f"stride_{axis}"):
            yield one(f"{axis} exceeds {word(other)}", 2, axis, ">", other)
            yield one(f"{word(other)} exceeds {axis}", 2, other, ">", axis)
            yield one(f"{axis} is {word(other)}", 2, axis, "==", other)
    outside = tuple((axis, ">", f"filter_{axis}") for axis in axes)
    yield Statement("the input is larger than the filter in rows or columns", (outside,), 1)
    whole = tuple(((axis, "==", f"filter_{axis}"),) for axis in axes)
    yield Statement("the filter is as large as the input", whole, 1)
    yield Statement("the input is 1 x 1", tuple(((axis, "==", 1),) for axis in axes), 1)

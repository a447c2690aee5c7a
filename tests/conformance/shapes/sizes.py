"""Sizes of every kind in company: few geometries that hold every two, or three, of them.

Fast kernels change their path at sizes: at blocks of batch, extents and channels, at filters
and strides that they have a loop of their own for, and often only where several come
together.  A covering array holds every combination of a few parameters' values in as few
geometries as a greedy search finds.  Combinations that cost more than a budget are left out,
and those that an operation has no meaning on.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, product
from typing import Any

from convcheck.cases.taken import NOTHING, Taken
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import Layer
from convcheck.form.operations import OPERATIONS, Operation, Part

BLOCKS = tuple(size + step for size in (4, 8, 16, 32) for step in (-1, 0, 1))
"""sizes just below, at and just above a block size"""

Values = Mapping[str, Sequence[Any]]
"""the values of each parameter, the least first; filters and strides are rows and columns"""

CHANNELS = (1, 2, *BLOCKS, 24, 48, 64, 96, 128, 256, 512)
_EXTENTS = (1, 2, *BLOCKS, 56)
_FILTERS = (
    (1, 1),
    (2, 2),
    (3, 3),
    (1, 3),
    (3, 1),
    (5, 5),
    (1, 7),
    (7, 1),
    (7, 7),
    (4, 4),
    (11, 11),
)
_STRIDES = ((1, 1), (2, 2), (1, 2), (2, 1), (3, 3), (4, 4), (8, 8))
ALL: Values = {
    "filter": _FILTERS,
    "stride": _STRIDES,
    "batch": (1, 2, *BLOCKS, 64),
    "channels_in": CHANNELS,
    "channels_out": CHANNELS,
    "height": _EXTENTS,
    "width": _EXTENTS,
    "fore filter": _FILTERS[:7],
    "fore stride": _STRIDES[:5],
    "fore channels_out": (1, 2, *BLOCKS, 64),
}

_FEW_CHANNELS = (1, 3, 4, 8, 16, 17, 64, 256)
_FEW_EXTENTS = (1, 2, 7, 16, 33, 56)
_FEW_FILTERS = ((1, 1), (2, 2), (3, 3), (5, 5), (1, 7), (7, 7), (11, 11))
_FEW_STRIDES = ((1, 1), (2, 2), (1, 2), (4, 4), (8, 8))
FEW: Values = {
    "filter": _FEW_FILTERS,
    "stride": _FEW_STRIDES,
    "batch": (1, 2, 5, 16, 33),
    "channels_in": _FEW_CHANNELS,
    "channels_out": _FEW_CHANNELS,
    "height": _FEW_EXTENTS,
    "width": _FEW_EXTENTS,
    "fore filter": _FEW_FILTERS[:4],
    "fore stride": _FEW_STRIDES[:3],
    "fore channels_out": (1, 3, 8, 17, 33),
}


def _between(sizes: range, filters: Sequence[tuple[int, int]]) -> Values:
    """Return these sizes of all that is cut into blocks, beside what has loops of its own."""
    strided = range(max(sizes) + 2, 2 * max(sizes) + 2, 2)  # as many steps at stride 2
    return {
        "filter": filters,
        "stride": ((1, 1), (2, 2)),
        "batch": (1, 6, *sizes),
        "channels_in": (1, *sizes, 36, 44, 76, 100),
        "channels_out": (1, *sizes, 36, 44, 76, 100),
        "height": (1, *sizes, *strided),
        "width": (1, *sizes, *strided),
        "fore filter": ((1, 1), (2, 2), (3, 3)),
        "fore stride": ((1, 1), (2, 2)),
        "fore channels_out": (1, *sizes, 66, 76, 100),
    }


# Behind a full block of 8, or of 16, every remainder is left.
BETWEEN_8 = _between(range(9, 16), ((1, 1), (3, 3)))
BETWEEN_16 = _between(range(9, 32), ((1, 1), (3, 3), (2, 2), (5, 5)))
TABLES = {"all": ALL, "few": FEW, "between-8": BETWEEN_8, "between-16": BETWEEN_16}

# Large in one respect, and cheap otherwise.
EXTREMES = (
    "b1.h182.w182.i2.o2.f1x1.s1x1",  # 66,000 elements of input and output
    "b1.h1.w1.i512.o129.f1x1.s1x1",  # and of the filter
    "b1.h3.w3.i512.o2.f3x3.s1x1",  # 4,600 terms to a result, whichever it is
    "b1.h3.w3.i2.o512.f3x3.s1x1",
    "b64.h9.w9.i1.o1.f1x1.s1x1",
    "b1.h2.w35.i1.o2.f1x17.s1x16",  # longer than most loops are unrolled for
    "b1.h35.w2.i2.o1.f17x1.s16x1",
    "b1.h11.w13.i1.o2.f9x10.s1x1",  # taps between 8 and 16
    "b1.h14.w15.i2.o1.f11x12.s1x1",
    "b1.h16.w16.i1.o1.f13x14.s1x1",
    "b1.h17.w11.i1.o2.f15x9.s1x1",
    "b130.h3.w4.i2.o3.f3x3.s1x1",
    "b1.h203.w4.i2.o1.f3x3.s1x1",
    "b1.h4.w203.i1.o2.f3x3.s1x1",
    "b1.h28.w28.i1.o2.f5x5.s1x1",
    "b1.h1.w2.i96.o96.f1x1.s1x1",
    "b1.h1.w1.i3.o530.f1x1.s1x1",
)


@dataclass(frozen=True)
class Sizes:
    """Which sizes are judged."""

    values: str
    """those of a table, in combinations; or "extreme" ones"""
    of: int = 1
    """how many parameters are combined: 2 or 3"""
    most: int = 0
    """multiplications of a layer, and elements of the largest array, at most"""
    beside: tuple[str, ...] = ()
    """parameters of which each combination has a value"""


Choice = tuple[str, Any]
"""a parameter, and a value of it"""
Choices = Mapping[str, Any]
"""values of some parameters"""

# Of a kernel with a domain, a geometry that is moved there may cost so many multiplications, or so
# many times as many as before.
_CHEAP, _DEARER = 2**13, 4
_FORM = "bPQihwo"
"""the axes of all multiplications of a layer"""
_LETTERS = {"b": "batch", "i": "channels_in", "o": "channels_out", "k": "fore channels_out"}
_PAIRS = ("filter", "stride", "fore filter", "fore stride")
Counts = Sequence[tuple[str, int]]
"""numbers, and by the letters of which of these sizes they grow"""


def covering(
    operation: Operation, fore_layers: tuple[str, ...], plan: Sizes, taken: Taken = NOTHING
) -> tuple[Geometry, ...]:
    """Return geometries that hold every planned combination, the cheapest first; or extremes.

    Of a kernel with a domain, they are of values that occur there, and moved there.
    """
    return _covering(like(operation), fore_layers, plan, taken if taken.domain else NOTHING)


def like(operation: Operation) -> Operation:
    """Return one of the operations with the same layers, whose arrays have the same shapes.

    So that what depends on these alone is searched for once.  A bias's gradient has fewer arrays.
    """
    return _LIKE[operation.layer, operation.default_fore]


_LIKE = {(each.layer, each.default_fore): each for each in OPERATIONS.values() if each.degree > 1}


@lru_cache
def _covering(
    operation: Operation, fore_layers: tuple[str, ...], plan: Sizes, taken: Taken
) -> tuple[Geometry, ...]:
    if plan.values == "extreme":
        layers = [*map(Geometry.parse, EXTREMES)]
        if fore_layers:
            fores = [Fore(each, 2, 1, 1, 1, 1) for each in fore_layers]
            layers = [replace(layer, fore=fore) for layer in layers for fore in fores]
        return tuple(within(operation, layers, taken))
    design = _Design(operation, fore_layers, plan, taken)
    found = {*within(operation, map(design.geometry, design.rows()), taken)}
    return tuple(sorted(found, key=lambda geometry: (cost(operation, geometry), str(geometry))))


def within(
    operation: Operation, geometries: Iterable[Geometry], taken: Taken
) -> Iterator[Geometry]:
    """Yield geometries as a kernel takes them, but for those that cost much more then."""
    for each in geometries:
        own = taken.fit(operation, each)
        if own == each:
            yield each
        elif own and cost(operation, own) <= max(_CHEAP, _DEARER * cost(operation, each)):
            yield own


def cost(operation: Operation, geometry: Geometry) -> int:
    """Return the multiplications of a call, those of the dearer layer where there are two."""
    parts = [Part(operation, geometry)]
    if geometry.fore is not None:
        parts.append(operation.layers(geometry)[0])
    return max(math.prod(operation.shape(g, _FORM)) for operation, g in parts)


def _value_of(geometry: Geometry, name: str) -> Any:
    """Return the value of a parameter that a geometry has."""
    fore, _, own = name.rpartition(" ")
    holder: Any = geometry.fore if fore else geometry
    if own in ("filter", "stride"):
        return getattr(holder, f"{own}_height"), getattr(holder, f"{own}_width")
    return getattr(holder, own)


class _Design:
    """The values of an operation's parameters, and which of them can be had together."""

    def __init__(
        self, operation: Operation, fore_layers: tuple[str, ...], plan: Sizes, taken: Taken
    ) -> None:
        self._operation, self._plan = operation, plan
        values = TABLES[plan.values]
        two = operation.default_fore is not None
        self._values = {
            **{name: each for name, each in values.items() if two or not name.startswith("fore")},
            **({"fore layer": fore_layers} if two else {}),
        }
        self._least = {name: each[0] for name, each in self._values.items()}
        if taken.domain is not None:
            self._values = {name: self._occurring(name, taken) for name in self._values}
            self._least = {name: each[0] for name, each in self._values.items()}
        self._known: dict[tuple[Any, ...], Counts] = {}

    def _occurring(self, name: str, taken: Taken) -> Sequence[Any]:
        """Return the values of a parameter that occur in a domain, next to those of the table."""
        if name == "fore layer":
            return self._values[name]
        found: dict[Any, None] = {}
        for value in self._values[name]:
            start = self.geometry({name: value})
            own = taken.near(self._operation, start) if self._operation.fits(start) else None
            found |= {_value_of(own, name): None} if own else {}
        return sorted(found)

    def rows(self) -> Iterator[Choices]:
        """Yield values of all parameters until every combination has been among them.

        Each row starts at a combination that is missing, and takes of every other parameter,
        in an order of chance, the value that adds most combinations to it.
        """
        of, numbers = self._plan.of, random.Random(1)  # noqa: S311  (no secret)
        missing = dict.fromkeys(self._combinations())
        # By all but one value of a combination, and the name of that one: its values.
        lacking: dict[tuple[frozenset[Choice], str], set[Any]] = defaultdict(set)
        for combination in missing:
            for name, value in combination:
                lacking[combination - {(name, value)}, name].add(value)
        while missing:
            row = dict(next(reversed(missing)))
            others = [name for name in self._values if name not in row]
            for name in numbers.sample(others, len(others)):
                company = map(frozenset, combinations(row.items(), of - 1))
                new = Counter(v for each in company for v in lacking.get((each, name), ()))
                values = self._values[name]
                turned = numbers.sample(values, len(values))
                for value in sorted(turned, key=new.__getitem__, reverse=True):
                    if self._fits({**row, name: value}):
                        row[name] = value
                        break
            for combination in map(frozenset, combinations(row.items(), of)):
                if combination not in missing:
                    continue
                del missing[combination]
                for name, value in combination:
                    lacking[combination - {(name, value)}, name].discard(value)
            yield row

    def _combinations(self) -> Iterator[frozenset[Choice]]:
        for names in combinations(self._values, self._plan.of):
            if not {*self._plan.beside} <= {*names}:
                continue
            for values in product(*(self._values[name] for name in names)):
                chosen = dict(zip(names, values, strict=True))
                if self._fits(chosen):
                    yield frozenset(chosen.items())

    def _fits(self, chosen: Choices) -> bool:
        """Tell whether a geometry has these values at the cost, all others being the least."""
        v = {**self._least, **chosen}
        sizes = {letter: v.get(name, 1) for letter, name in _LETTERS.items()}
        pairs = [v[name] for name in _PAIRS if name in v]
        rows, columns = (
            self._along(chosen.get(name), v.get("fore layer"), *(pair[k] for pair in pairs))
            for k, name in enumerate(("height", "width"))
        )
        return all(
            one * other * math.prod(map(sizes.__getitem__, letters)) <= self._plan.most
            for (letters, one), (_, other) in zip(rows, columns, strict=False)
        ) and bool(rows and columns)

    def _along(self, *axis: Any) -> Counts:
        """Return what must not exceed the budget, of one axis alone; nothing if it cannot be.

        What lies along rows and along columns is multiplied, and few axes differ.
        """
        if axis not in self._known:
            extent, layer, *pairs = axis
            chosen = {name: (each, 1) for name, each in zip(_PAIRS, pairs, strict=False)}
            chosen |= {"height": extent} if extent else {}
            chosen |= {"fore layer": layer} if layer else {}
            self._known[axis] = self._counts(self.geometry(chosen))
        return self._known[axis]

    def _counts(self, geometry: Geometry) -> Counts:
        """Return multiplications of each layer and elements of each array, if there are any."""
        operation = self._operation
        if not operation.fits(geometry):
            return ()
        wholes = (_FORM, operation.result, *operation.arrays.values())
        counts = [(axes, math.prod(operation.shape(geometry, axes))) for axes in wholes]
        if geometry.fore is not None:
            back, after = operation.layers(geometry)[0]
            counts.append(("bok", math.prod(back.shape(after, _FORM))))
        return [("".join(set(axes) & {*_LETTERS}), count) for axes, count in counts]

    def geometry(self, chosen: Choices) -> Geometry:
        """Return the geometry with these values, the others being the least that do."""
        v, fore, outputs = {**self._least, **chosen}, None, (1, 1)
        if "fore layer" in v:
            taps, strides = v["fore filter"], v["fore stride"]
            fore = Fore(v["fore layer"], v["fore channels_out"], *taps, *strides)
            outputs = taps if Layer(v["fore layer"]).narrows else outputs
        least = map(self._operation.layer.least, outputs, v["filter"], v["stride"])
        height, width = (
            chosen.get(name, extent)
            for name, extent in zip(("height", "width"), least, strict=True)
        )
        sizes = (v["batch"], height, width, v["channels_in"], v["channels_out"])
        return replace(Geometry.of(*sizes, *v["filter"], *v["stride"]), fore=fore)

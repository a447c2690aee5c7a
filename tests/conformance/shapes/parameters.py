"""Geometries with parameters: where kernels go wrong, usual ones, and every pair of values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, product
from typing import Any

from convcheck.cases.numbers import Raw
from convcheck.cases.taken import Taken
from convcheck.form.axis import Axis, Span
from convcheck.form.geometry import Geometry
from convcheck.form.layers import Layer
from convcheck.form.operations import Operation

# A class of geometries where kernels went wrong, and one of it, fit for either kind of layer
# or else one for each.  What an operation or a kernel does not take it is judged without, unless
# nothing is left of it: see `special`.
_CLASSES: Mapping[str, str | tuple[str, str]] = {
    "padding": "b2.h4.w5.i2.o3.f3x3.s1x1.p1x1",
    "padding and a stride": "b2.h6.w7.i2.o3.f3x3.s2x2.p1x1",
    "padding with 1 x 1": "b1.h4.w3.i2.o3.f1x1.s2x1.p1x1",
    "padding as large as the filter": "b2.h5.w6.i2.o2.f2x3.s1x1.p2x3",
    "padding larger than the filter": "b2.h8.w9.i2.o2.f2x2.s1x1.p3x4",
    "padding unlike on both axes": "b1.h5.w4.i2.o3.f3x3.s2x1.p0x1",
    "padding on one side": "b2.h5.w5.i2.o3.f3x2.s1x2.p2-0x0-1",
    "padding on the other side": "b2.h4.w5.i3.o2.f2x3.s2x1.p0-1x2-0",
    "much padding of rows": "b1.h70.w3.i2.o2.f3x1.s1x1.p33x0",
    "much padding of columns": "b1.h3.w70.i2.o2.f1x3.s1x1.p0x33",
    "padding beyond the filter on one side": "b2.h6.w7.i2.o2.f2x2.s1x1.p4-0x0-5",
    "padding beyond the filter on the other side": "b2.h6.w7.i2.o2.f2x2.s1x1.p0-4x5-0",
    "padding of many channels": "b1.h4.w3.i17.o18.f3x2.s1x1.p2-1x0-1",
    "padding of many channels, with 3 x 3 and a stride": (
        "b1.h5.w3.i18.o17.f3x3.s3x2.p0-1x1-0.bias",
        "b1.h2.w2.i18.o17.f3x3.s3x2.p0-1x1-0.bias",
    ),
    "padding of 7 x 7 at stride 2": "b1.h4.w3.i3.o2.f7x7.s2x2.p3x3",
    "padding of 4 x 4 at stride 2": "b2.h4.w3.i3.o2.f4x4.s2x2.p1x1",
    "padding of tiles": "b1.h7.w6.i2.o2.f3x3.s1x1.p1x1",
    "padding of groups, unlike on all sides": "b3.h4.w5.i6.o4.f3x3.s1x2.p2-1x1-2.g2",
    "padding and remainder": "b1.h7.w6.i2.o2.f3x2.s3x4.p1x1",
    "output in the padding alone": (
        "b2.h1.w2.i2.o2.f1x2.s3x1.p1-0x0-0",
        "b2.h1.w2.i2.o2.f2x1.s1x1.p1x0.d3x1",
    ),
    "dilation": "b2.h7.w6.i2.o3.f3x2.s1x1.d2x3",
    "dilation of one axis": "b2.h7.w4.i2.o2.f3x3.s1x1.d3x1",
    "dilation and padding": "b1.h5.w6.i2.o3.f3x3.s1x1.p2x2.d2x2",
    "dilation beyond the input": "b1.h3.w3.i2.o2.f2x2.s1x1.p3x2.d5x4",
    "dilation of many places": "b1.h11.w12.i2.o2.f2x2.s1x1.d9x10",
    "dilation of groups, stride and padding beyond the filter": (
        "b2.h4.w5.i6.o3.f3x3.s2x2.p5x6.d2x2.g3"
    ),
    "dilation with stride and remainder": "b2.h8.w9.i2.o2.f2x3.s3x2.d2x2",
    "stride larger than the dilated filter": "b2.h9.w8.i2.o2.f2x2.s4x4.d2x1",
    "depthwise": "b2.h4.w4.i4.o4.f3x3.s1x1.g4",
    "depthwise with padding and a stride": "b2.h5.w6.i8.o8.f3x3.s2x2.p1x1.g8",
    "depth multiplier 2": "b2.h3.w4.i3.o6.f2x2.s1x1.g3",
    "depth multiplier 3": "b1.h4.w3.i2.o6.f2x2.s1x2.g2",
    "groups with one channel out": "b2.h3.w4.i6.o3.f2x2.s1x1.g3",
    "groups with unequal channels": "b3.h3.w4.i4.o6.f2x1.s1x1.g2",
    "groups of more than a block of channels": "b1.h2.w2.i34.o66.f2x1.s1x1.g2",
    "groups of many in the batch": "b9.h2.w3.i4.o12.f2x2.s1x1.p1x0.g4",
    "many groups": "b1.h2.w3.i33.o33.f2x2.s1x1.g33",
    "output padding": "b2.h3.w4.i2.o3.f3x3.s2x3.q1x2",
    "output padding of one axis": "b2.h3.w3.i2.o2.f2x2.s3x3.q2x0",
    "output padding and padding": "b1.h4.w3.i2.o3.f3x3.s2x2.p1x1.q1x1",
    "output padding below the dilation": "b1.h3.w3.i2.o2.f2x3.s1x1.d3x2.q2x1",
    "bias": "b2.h3.w4.i2.o5.f2x2.s1x1.bias",
    "bias and padding": "b2.h4.w4.i2.o3.f3x3.s1x1.p1x1.bias",
    "bias and many channels": "b1.h2.w3.i1.o257.f2x2.s1x1.bias",
    "bias of groups": "b2.h3.w3.i4.o6.f2x2.s1x1.g2.bias",
    "everything": "b2.h6.w7.i4.o6.f3x2.s2x3.p1-2x2-1.d2x1.g2.q1x0.bias",
    "everything, symmetric": "b2.h6.w7.i6.o3.f2x3.s3x2.p1x2.d2x1.g3.q2x1.bias",
}


def special(operation: Operation, taken: Taken) -> Iterator[tuple[str, Geometry]]:
    """Yield the classes of what a kernel takes, and a geometry of each.

    A class needs all parameters that its geometry has, but for a bias that a gradient has not,
    and output padding that is one of everything.
    """
    for name, texts in _CLASSES.items():
        text = texts if isinstance(texts, str) else texts[not operation.layer.narrows]
        whole = Geometry.parse(text)
        geometry = _of_rank(operation.taking(whole), taken)
        if name.startswith("output padding") and geometry.output_padding != whole.output_padding:
            continue
        if operation.keywords(geometry) and _takes(operation, geometry, taken):
            yield name, _with(operation, geometry, taken) or geometry


# Layers as networks have them most, small, some with columns behind a block of 8 or of 16: kernels
# have a way of their own for each of these.
_USUAL = (
    (
        "b2.h3.w11.i3.o4.f1x1.s1x1",
        "b2.h3.w4.i3.o4.f1x1.s2x2",
        "b1.h4.w17.i2.o3.f3x3.s1x1.p1x1",
        "b2.h4.w5.i2.o3.f3x3.s2x2.p1x1",
        "b1.h3.w4.i2.o3.f5x5.s1x1.p2x2",
        "b1.h4.w5.i2.o3.f5x5.s2x2.p2x2",
        "b1.h3.w2.i2.o2.f7x7.s1x1.p3x3",
        "b1.h4.w3.i3.o2.f7x7.s2x2.p3x3",
        "b1.h11.w8.i1.o2.f11x11.s4x4.p2x2",
        "b1.h4.w5.i2.o2.f3x3.s1x1.p2x2.d2x2",
        "b1.h5.w6.i1.o2.f3x3.s1x1.p4x4.d4x4",
        "b2.h4.w3.i2.o2.f1x3.s1x1.p0x1",
        "b2.h3.w4.i2.o2.f3x1.s1x1.p1x0",
        "b2.h8.w4.i3.o2.f4x4.s4x4",
        "b2.h4.w6.i2.o3.f4x4.s2x2.p1x1",
        "b1.h3.w17.i4.o4.f3x3.s1x1.p1x1.g4",
        "b1.h4.w9.i4.o4.f3x3.s1x1.p2x2.d2x2.g4",
        "b1.h3.w11.i3.o3.f5x5.s1x1.p2x2.g3",
        "b1.h2.w14.i3.o3.f7x7.s1x1.p3x3.g3",
        "b1.h3.w4.i4.o6.f3x3.s1x1.p1x1.g2",
    ),
    (
        "b2.h2.w3.i3.o4.f1x1.s1x1",
        "b2.h2.w5.i3.o2.f2x2.s2x2",
        "b2.h3.w2.i2.o3.f3x3.s1x1.p1x1",
        "b2.h3.w2.i2.o3.f3x3.s2x2.p1x1.q1x1",
        "b1.h3.w8.i2.o3.f3x3.s2x2",
        "b2.h1.w1.i3.o2.f4x4.s1x1",
        "b2.h2.w3.i2.o3.f4x4.s2x2.p1x1",
        "b1.h2.w2.i2.o2.f5x5.s2x2.p2x2.q1x1",
        "b1.h2.w3.i2.o2.f4x4.s4x4",
        "b1.h2.w1.i1.o2.f16x16.s8x8.p4x4",
        "b2.h2.w3.i3.o3.f4x4.s2x2.p1x1.g3",
        "b2.h3.w2.i4.o2.f3x3.s2x2.p1x1.g2.q1x1",
    ),
)


def usual(operation: Operation, taken: Taken) -> Iterator[Geometry]:
    """Yield layers as networks have them most, of those that a kernel takes, with and without bias.

    Whether there is a bias may choose another way through a kernel as well.
    """
    for text, bias in product(_USUAL[not operation.layer.narrows], (0, 1)):
        whole = replace(Geometry.parse(text), bias=bias)
        geometry = _of_rank(operation.taking(whole), taken)
        if _takes(operation, geometry, taken):
            yield geometry


def _takes(operation: Operation, geometry: Geometry, taken: Taken) -> bool:
    """Return whether a kernel takes the parameters that a geometry has."""
    even = all(one == other for one, other in geometry.padding)
    names = operation.keywords(geometry).keys()
    return names <= {*taken.parameters} and (even or not taken.symmetric)


def _with(operation: Operation, geometry: Geometry, taken: Taken) -> Geometry | None:
    """Return a geometry as a kernel takes it, with the same parameters; None if none is found."""
    named = operation.keywords(geometry).keys()
    return taken.fit(operation, geometry, lambda g: operation.keywords(g).keys() == named)


def _of_rank(geometry: Geometry, taken: Taken) -> Geometry:
    """Return the geometry, or, of a kernel of rank 1, one with a height of 1."""
    g = geometry
    if taken.rank == 2 or g.rows == Axis(1):
        return g
    sizes = (g.batch, Axis(1), g.columns, g.channels_in, g.channels_out)
    return Geometry(*sizes, None, g.groups, g.bias)


# Of each kind of parameter and size, what differs in kind; along an axis, for rows and columns.
_ALONG: Mapping[str, Sequence[Any]] = {
    "steps": (1, 2, 4, 9),
    "taps": (1, 2, 3, 5),
    "stride": (1, 2, 3),
    "dilation": (1, 2, 3),
    "before": ("none", "some", "taps", "more"),
    "after": ("none", "some", "taps", "more"),
    "left": ("none", "most"),
}
_CHANNELS = (1, 2, 3, 8)
_WHOLE: Mapping[str, Sequence[Any]] = {
    "batch": (1, 2, 5),
    "groups": (1, 2, 3, 8),
    "in": _CHANNELS,
    "out": _CHANNELS,
    "bias": (0, 1),
}
_TRIES = 24
_MOST = 6_000
"""multiplications of a call"""

Row = Mapping[str, Any]


@lru_cache(maxsize=32)
def covering(operation: Operation, taken: Taken) -> tuple[Geometry, ...]:
    """Return geometries in which every two values of what there is meet, where they can.

    Each is, of several drawn at random that hold a pair not met so far, the one that holds most.
    """
    values = _values(operation, taken)
    names = [*combinations(values, 2)]
    missing = {
        (one, a, other, b): None
        for one, other in names
        for a, b in product(values[one], values[other])
    }
    raw, found = Raw(1), []
    while missing:
        one, a, other, b = next(iter(missing))
        best: tuple[int, dict[str, Any], Geometry] | None = None
        for _ in range(_TRIES):
            drawn = {name: each[raw.below(len(each))] for name, each in values.items()}
            row = {**drawn, one: a, other: b}
            geometry = _geometry(operation.layer, row, taken)
            if geometry is not None:
                new = sum((n, row[n], m, row[m]) in missing for n, m in names)
                if best is None or new > best[0]:
                    best = new, row, geometry
        met = [(one, a, other, b)]  # or cannot be met
        if best is not None:
            _, row, geometry = best
            met = [(n, row[n], m, row[m]) for n, m in names]
            found.append(geometry)
        for pair in met:
            missing.pop(pair, None)
    return tuple(sorted(found, key=_products))


def _values(operation: Operation, taken: Taken) -> dict[str, Sequence[Any]]:
    """Return the values of what varies with what a kernel takes."""
    names = taken.parameters
    fixed = {
        "before": "padding" not in names,
        "after": "padding" not in names or taken.symmetric,
        "dilation": "dilation" not in names,
        "left": not operation.layer.narrows and "output_padding" not in names,
        "groups": "groups" not in names,
        "bias": "bias" not in names,
    }
    sides = ("columns",) if taken.rank == 1 else ("rows", "columns")
    values = {f"{side} {name}": each for side in sides for name, each in _ALONG.items()}
    values |= _WHOLE
    return {
        name: each[:1] if fixed.get(name.rpartition(" ")[2]) else each
        for name, each in values.items()
    }


def _geometry(layer: Layer, row: Row, taken: Taken) -> Geometry | None:
    """Return the geometry of a row; None where there is none, or it costs too much."""
    rows, columns = (
        Axis(1)
        if side == "rows" and taken.rank == 1
        else _axis(layer, {name: row[f"{side} {name}"] for name in _ALONG}, taken)
        for side in ("rows", "columns")
    )
    if rows is None or columns is None:
        return None
    groups = row["groups"]
    channels = row["in"] * groups, row["out"] * groups
    made = Geometry(row["batch"], rows, columns, *channels, None, groups, row["bias"])
    return made if _products(made) <= _MOST else None


def _axis(layer: Layer, row: Row, taken: Taken) -> Axis | None:
    """Return the axis that a row describes, or None if padding leaves nothing of it."""
    span = Span(row["steps"], row["taps"], row["stride"], 0, dilation=row["dilation"])
    if span.taps == 1:
        span = span._replace(dilation=1)
    pads = {"none": 0, "some": span.taps // 2, "taps": span.taps, "more": span.taps + 1}
    before = pads[row["before"]]
    after = before if taken.symmetric else pads[row["after"]]
    most = span.stride if layer.narrows else max(span.stride, span.dilation)
    left = most - 1 if row["left"] == "most" else 0
    wide = span.reached + left - before - after
    return layer.axis(span._replace(before=before, after=after, wide=wide)) if wide > 0 else None


def _products(geometry: Geometry) -> int:
    """Return how many products a call has at most."""
    g = geometry
    of_axes = (axis.extent * axis.taps for axis in g.axes)
    return math.prod((g.batch, g.channels_in, g.channels_out // g.groups, *of_axes))

"""Geometries to ask a kernel about: those around one, and others drawn at random."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from convcheck.cases.case import Case
from convcheck.cases.numbers import Raw
from convcheck.form.axis import Axis, reaching
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation, operation_named

from .statements import FORE, FORE_SIZES, SIZES, numbers_of

LARGEST = 200_000
"""cases with more products than this are too slow to be asked by the hundred"""
_DRAWN = 20_000

_CHANNELS = (*range(1, 10), 15, 16, 17, 31, 32, 33, 64)
_EXTENTS = (*range(1, 14), 15, 16, 17, 31, 32, 33)
_VALUES = {
    "batch": (1, 2, 3, 4, 5, 8),
    "height": _EXTENTS,
    "width": _EXTENTS,
    "channels_in": _CHANNELS,
    "channels_out": _CHANNELS,
    **dict.fromkeys(("filter_height", "filter_width"), tuple(range(1, 8))),
    **dict.fromkeys(("stride_height", "stride_width"), tuple(range(1, 6))),
    **dict.fromkeys(FORE_SIZES, tuple(range(1, 5))),
}


def products(case: Case) -> int:
    """Return how many products a layer of this geometry sums."""
    return numbers_of(operation_named(case.operation), case.geometry)["products"]


def size_of(case: Case) -> tuple[int, str]:
    """Return what orders cases by size, always in the same way."""
    return products(case), str(case)


def smaller(case: Case) -> Case:
    """Return a case with the same filter, strides and channels and at most two steps an axis.

    Two layers are left as they are.
    """
    g = case.geometry
    if g.fore is not None:
        return case
    layer = operation_named(case.operation).layer
    rows, columns = (
        each._replace(extent=min(each.extent, layer.axis(reaching(2, *each[1:])).extent))
        for each in g.axes
    )
    return replace(case, geometry=replace(g, batch=1, rows=rows, columns=columns))


def neighbours(geometry: Geometry) -> Iterator[Geometry]:
    """Yield geometries that differ from one in one size each, or in the kind of layer l+1."""
    if geometry.fore is not None:
        (other,) = set(LAYERS) - {geometry.fore.layer}
        yield replace(geometry, fore=replace(geometry.fore, layer=other))
    for name, values in _VALUES.items():
        if geometry.fore is not None or not name.startswith(FORE):
            yield from (changed(geometry, {name: value}) for value in values)


def changed(geometry: Geometry, sizes: dict[str, int]) -> Geometry:
    """Return a geometry with other sizes, by the names of `statements`."""
    made = geometry.resized(**{name: sizes[name] for name in SIZES if name in sizes})
    if made.fore is None:
        return made
    fore: dict[str, Any] = {n.removeprefix(FORE): sizes[n] for n in FORE_SIZES if n in sizes}
    return replace(made, fore=replace(made.fore, **fore))


class Draw:
    """Random sizes of an operation's geometries, the same in every run."""

    _BATCH = (1, 1, 2, 3, 4)
    _CHANNELS = (1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17)
    _TAPS = (1, 1, 2, 3, 3, 4, 5)
    _STRIDE = (1, 1, 2, 3, 4)
    _STEPS = (1, 2, 3, 3, 4, 5, 7, 9)

    def __init__(self, operation: Operation, seed: int) -> None:
        self._operation, self._raw = operation, Raw(seed, stream=2)

    def of(self, values: Sequence[int]) -> int:
        """Return one of `values`."""
        return values[self._raw.below(len(values))]

    def _axis(self, most: int) -> Axis:
        """Return one axis of a geometry."""
        steps, taps, stride = (
            self.of([value for value in values if value <= most])
            for values in (self._STEPS, self._TAPS, self._STRIDE)
        )
        span = reaching(steps, taps, stride, remainder=self._raw.below(stride))
        return self._operation.layer.axis(span)

    def small(self) -> Geometry:
        """Return a geometry with no number above 3, or not far: there most kinds lie close."""
        return self.geometry(most=3)

    def geometry(self, most: int = 99) -> Geometry:
        """Return a geometry; one in three has the same rows and columns."""
        channels = [value for value in self._CHANNELS if value <= most]
        while True:
            rows, columns = self._axis(most), self._axis(most)
            if self._raw.below(3) == 0:
                columns = rows
            batch, channels_in, channels_out = map(self.of, (self._BATCH, channels, channels))
            layer = Geometry(batch, rows, columns, channels_in, channels_out)
            layer = self._with_fore(layer) if self._operation.default_fore else layer
            if self.fits(layer):
                return layer

    def _with_fore(self, layer: Geometry) -> Geometry:
        outputs = self._operation.output_extents(layer)
        kind = self.of(range(2))
        taps = [1 + self._raw.below(min(3, extent) if kind == 0 else 3) for extent in outputs]
        strides = [self.of((1, 1, 2, 3)) for _ in outputs]
        fore = Fore(LAYERS[kind], self.of((1, 2, 3, 4)), *taps, *strides)
        return replace(layer, fore=fore)

    def mutated(self, geometry: Geometry) -> Geometry | None:
        """Return a geometry with one to three sizes drawn anew; None if it has no meaning."""
        names = [n for n in _VALUES if geometry.fore is not None or not n.startswith(FORE)]
        sizes = {}
        for _ in range(1 + self._raw.below(3)):
            name = names[self._raw.below(len(names))]
            values = _VALUES[name]
            sizes[name] = self.of(values[:4] if self._raw.below(2) else values)
        made = changed(geometry, sizes)
        return made if self.fits(made) else None

    def fits(self, geometry: Geometry) -> bool:
        """Return whether the operation has a meaning on it, and few products."""
        try:
            case = Case(self._operation.name, geometry, "float64", "integers", 0)
        except ValueError:
            return False
        return products(case) <= _DRAWN

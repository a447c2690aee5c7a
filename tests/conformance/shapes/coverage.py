"""Coverage by pairs: which classes of two parameters were judged together.

Shapes are classes of every parameter of a geometry, such as "stride rows: beyond the
filter".  Which pairs of them exist for an operation is found by looking at every small
axis, and at axes of all kinds in rows and columns at once.  Blocks are sizes at which fast
kernels change their path: just below, at and just above 4, 8, 16 and 32, of two of batch,
extents and channels at once.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, product

from convcheck.cases.axes import Along, axes
from convcheck.cases.regions import Region, geometry_of
from convcheck.form.axis import Axis
from convcheck.form.geometry import Geometry
from convcheck.form.layers import Layer
from convcheck.form.operations import OPERATIONS, Operation

from .sizes import BLOCKS, like

Pair = tuple[str, str]


def size_parameters(operation: Operation) -> tuple[str, ...]:
    """Return the parameters that have block sizes, by their names in a geometry."""
    sizes = ("batch", "height", "width", "channels_in", "channels_out")
    return sizes if operation.default_fore is None else (*sizes, "fore channels_out")


def _size(geometry: Geometry, name: str) -> int:
    holder = geometry
    if name.startswith("fore "):
        assert geometry.fore is not None
        return geometry.fore.channels_out
    size: int = getattr(holder, name)
    return size


def block_classes(operation: Operation, geometry: Geometry) -> tuple[str, ...]:
    """Return the block sizes of a geometry, each named with its parameter."""
    sizes = ((name, _size(geometry, name)) for name in size_parameters(operation))
    return tuple(f"{name} {size}" for name, size in sizes if size in _IN_BLOCKS)


_IN_BLOCKS = frozenset(BLOCKS)


def _several(size: int) -> str:
    return str(size) if size < 2 else "several"


@lru_cache(maxsize=4096)
def _window(name: str, layer: Layer, axis: Axis) -> tuple[str, ...]:
    """Return the classes of one axis of one layer."""
    span = layer.span(axis)
    taps, stride = span.taps, span.stride
    covers = "1" if taps == 1 else "whole" if taps == span.wide else "some"
    reach = "1" if stride == 1 else "up to the filter" if stride <= taps else "beyond the filter"
    classes = [f"filter {name}: {covers}", f"stride {name}: {reach}"]
    classes.append(f"steps {name}: {_several(span.steps)}")
    if layer.narrows:
        left = "some" if span.remainder else "none"
        classes.append(f"remainder {name}: {left}")
    return tuple(classes)


def shape_classes(operation: Operation, geometry: Geometry) -> tuple[str, ...]:
    """Return the class of every parameter of a geometry, each named with its parameter."""
    g, fore = geometry, geometry.fore
    found = (
        f"batch: {_several(g.batch)}",
        f"channels in: {_several(g.channels_in)}",
        f"channels out: {_several(g.channels_out)}",
        *_window("rows", operation.layer, g.rows),
        *_window("columns", operation.layer, g.columns),
    )
    if fore is None:
        return found
    back, after = operation.layers(g)[0]
    return (
        *found,
        f"layer l+1: {fore.layer}",
        f"channels out of l+1: {_several(fore.channels_out)}",
        *_window("rows of l+1", back.layer, after.rows),
        *_window("columns of l+1", back.layer, after.columns),
    )


def pairs_of(classes: Iterable[str]) -> Iterator[Pair]:
    """Yield every pair of classes, the earlier first."""
    return combinations(classes, 2)


# Longer axes have no further pairs of classes.
_LONGEST = 6


def shape_geometries(operation: str, fore_layers: Sequence[str]) -> tuple[Geometry, ...]:
    """Return geometries that together have every pair of shape classes that there is.

    `fore_layers` are the kinds of layer l+1, where the operation has one.
    """
    one = like(OPERATIONS[operation])
    return _shape_geometries(one.name, (None,) if one.default_fore is None else tuple(fore_layers))


@lru_cache
def _shape_geometries(operation: str, fore_layers: tuple[str | None, ...]) -> tuple[Geometry, ...]:
    sizes = Region(operation, 1, batches=(1, 2), channels=(1, 2)).pairwise
    found: dict[Geometry, None] = {}
    held: set[Pair] = set()
    for fore_layer in fore_layers:
        kinds = _kinds_of_axes(operation, fore_layer)
        for shift in range(len(kinds)):
            for rows, columns in zip(kinds, kinds[shift:] + kinds, strict=False):
                # Sizes have classes of their own, which make pairs with any axes'.
                for each in sizes[: 1 if shift else len(sizes)]:
                    geometry = geometry_of(fore_layer, rows, columns, each)
                    new = set(pairs_of(shape_classes(OPERATIONS[operation], geometry))) - held
                    if new:
                        held |= new
                        found[geometry] = None
    return tuple(found)


def _kinds_of_axes(operation: str, fore_layer: str | None) -> list[Along]:
    """Return the shortest axis of each tuple of classes."""
    kinds: dict[tuple[str, ...], Along] = {}
    (sizes, *_) = Region(operation, 1).full
    for extent, beyond in product(range(1, _LONGEST + 1), (False, True)):
        for axis in axes(operation, fore_layer, extent, beyond=beyond):
            geometry = geometry_of(fore_layer, axis, axis, sizes)
            kinds.setdefault(shape_classes(OPERATIONS[operation], geometry), axis)
    return list(kinds.values())


def shape_pairs(operation: str, fore_layers: Sequence[str]) -> tuple[Pair, ...]:
    """Return the pairs of shape classes that some geometry of `operation` has.

    `fore_layers` are the kinds of layer l+1, where the operation has one.
    """
    return _shape_pairs(like(OPERATIONS[operation]), shape_geometries(operation, fore_layers))


@lru_cache
def _shape_pairs(operation: Operation, geometries: tuple[Geometry, ...]) -> tuple[Pair, ...]:
    shapes = {shape_classes(operation, each) for each in geometries}
    return tuple(sorted({pair for shape in shapes for pair in pairs_of(shape)}))


@lru_cache
def block_pairs(operation: str, _: Sequence[str] = ()) -> tuple[Pair, ...]:
    """Return every pair of block sizes of two parameters."""
    names = size_parameters(OPERATIONS[operation])
    return tuple(
        (f"{one} {a}", f"{other} {b}")
        for one, other in combinations(names, 2)
        for a, b in product(BLOCKS, BLOCKS)
    )


PLANNED: Mapping[str, Callable[[str, Sequence[str]], tuple[Pair, ...]]] = {
    "shapes": shape_pairs,
    "blocks": block_pairs,
}
"""by kind, the pairs that a run reaches of an operation and the kinds of layer l+1 judged with"""


class PairCounts:
    """How many judged cases each pair of classes had."""

    def __init__(self, fore_layers_of: Callable[[Operation], Sequence[str]]) -> None:
        """Ask `fore_layers_of` with which kinds of layer l+1 a kernel is judged."""
        self._fore_layers_of = fore_layers_of
        # Counted by whole tuples of classes: these repeat, and make many pairs each.
        self._seen: Counter[tuple[str, str, tuple[str, ...]]] = Counter()

    def add(self, operation: Operation, geometry: Geometry) -> None:
        """Count one decided case."""
        self._seen[operation.name, "shapes", shape_classes(operation, geometry)] += 1
        blocks = block_classes(operation, geometry)
        if len(blocks) > 1:
            self._seen[operation.name, "blocks", blocks] += 1

    def reached(self, operation: str, kind: str) -> Mapping[Pair, int]:
        """Return the planned pairs of a kind that were judged, and how often."""
        counts: Counter[Pair] = Counter()
        for (name, seen_kind, classes), count in self._seen.items():
            if (name, seen_kind) == (operation, kind):
                for pair in pairs_of(classes):
                    counts[pair] += count
        planned = set(self._planned(operation, kind))
        return {pair: count for pair, count in counts.items() if pair in planned}

    def _planned(self, operation: str, kind: str) -> tuple[Pair, ...]:
        return PLANNED[kind](operation, self._fore_layers_of(OPERATIONS[operation]))

    def counts(self) -> list[tuple[str, str, list[int]]]:
        """Return operation, kind, and how often each planned pair was reached, in their order."""
        found = []
        for name, kind in sorted({(name, kind) for name, kind, _ in self._seen}):
            reached = self.reached(name, kind)
            counts = [reached.get(pair, 0) for pair in self._planned(name, kind)]
            found.append((name, kind, counts))
        return found

"""Geometries of which the first few stand for all: for kernels that compile for each shape."""

import heapq
from collections.abc import Hashable, Iterator
from functools import lru_cache

from convcheck.cases.taken import Taken
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation

from .boundaries import boundary_geometries, classes_of, reachable
from .coverage import block_classes, pairs_of, shape_classes, shape_geometries
from .parameters import covering as covering_parameters
from .parameters import special
from .sizes import Sizes, covering

# A class where kernels go wrong is worth so many pairs of classes of shapes.
_CLASS = 20
_SIZES = Sizes("few", 2, 2**13)

Weighed = tuple[Hashable, int]
"""what a geometry holds, and what that is worth"""


@lru_cache(maxsize=32)
def representative(
    operation: Operation, layers: tuple[str, ...], taken: Taken
) -> tuple[Geometry, ...]:
    """Return geometries in an order in which the first ones hold most classes, and pairs of them.

    Each holds most, or as much as any other, of what those before it do not.

    Args:
        operation: that of a kernel.
        layers: the kinds of layer l+1 that it is judged with.
        taken: what it takes.
    """
    holds: dict[Geometry, set[Weighed]] = {}
    for kind, geometry in _candidates(operation, layers, taken):
        own = taken.fit(operation, geometry)
        if own is None:
            continue
        known = holds.setdefault(own, set(_held(operation, own)))
        known |= {(kind, _CLASS)} if kind else set()
    held: set[Weighed] = set()

    def turn(at: int, geometry: Geometry) -> tuple[int, int, Geometry]:
        return -sum(weight for _, weight in holds[geometry] - held), at, geometry

    left = [turn(*each) for each in enumerate(holds)]
    heapq.heapify(left)
    chosen = []
    while left:
        _, at, geometry = heapq.heappop(left)
        now = turn(at, geometry)  # which is no earlier than it was
        if left and now > left[0]:
            heapq.heappush(left, now)
        else:
            chosen.append(geometry)
            held |= holds[geometry]
    return tuple(chosen)


def _candidates(
    operation: Operation, layers: tuple[str, ...], taken: Taken
) -> Iterator[tuple[str, Geometry]]:
    """Yield geometries, with the class that each is of if it is one of parameters."""
    for name in reachable(operation):
        yield from (("", each) for each in boundary_geometries(operation, name))
    yield from special(operation, taken)
    yield from (("", each) for each in shape_geometries(operation.name, layers))
    if taken.parameters:
        yield from (("", each) for each in covering_parameters(operation, taken))
    yield from (("", each) for each in covering(operation, layers, _SIZES, taken))


def _held(operation: Operation, geometry: Geometry) -> Iterator[Weighed]:
    """Yield what a geometry holds: classes, each alone, and pairs of classes of shapes."""
    layer = geometry.fore.layer if geometry.fore else ""
    yield from (((each, layer), _CLASS) for each in classes_of(operation, geometry))
    shapes = (*shape_classes(operation, geometry), *block_classes(operation, geometry))
    yield from ((pair, 1) for pair in pairs_of(shapes))

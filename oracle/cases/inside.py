"""Regions of what a kernel takes: the part of a region that is in its domain."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache

from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation, operation_named

from .axes import Along
from .domain import Domain, names, numbers_of
from .regions import Region, Sizes, geometry_of
from .taken import Taken

_FARTHER = 8
"""by how much extents may be larger than those of a region of all geometries"""
_SIZES = 2
"""numbers of channels in, and out, where not all are taken"""


@dataclass(frozen=True)
class Inside(Region):
    """Those geometries of a region that are in a domain.

    Combinations of batch and channels that are not are left out; where they take turns, the next
    one has its turn.
    """

    only: str = ""
    """the expression of the domain, as `domain` reads it"""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        super().__post_init__()
        domain = Domain.parse(self.only, names(operation_named(self.operation)))
        object.__setattr__(self, "only", str(domain))

    def __str__(self) -> str:
        """Return what the region holds, in words."""
        first, semicolon, rest = super().__str__().partition("; ")
        return f"{first} for which {self.only}{semicolon}{rest}"

    def _sizes_in_words(self) -> Iterator[str]:
        yield f"with {', '.join(self._listed)}"
        if self.full_to < self.extent:
            yield f"up to {self.full_to} in every combination of these"
            yield "beyond, in one of these each, by turns"
        else:
            yield "in every combination of these"

    def count(self, span: range | None = None) -> int:
        """Return how many geometries the region, or a span of it, holds, each in one dtype."""
        return sum(1 for _ in self.geometries(span=span))

    def _at(
        self,
        fore_layer: str | None,
        along: tuple[Along, Along],
        several: tuple[Sizes, ...],
        turn: int,
    ) -> Iterator[tuple[int, Geometry, str]]:
        domain, at = Domain(self.only), 0 if several else turn % len(self.full)
        numbers = {**_PLAIN, **_numbers("height", along[0]), **_numbers("width", along[1])}
        for number, sizes in enumerate(several or (*self.full[at:], *self.full[:at])):
            numbers.update(zip(_OF_SIZES, sizes[:4], strict=True))
            if domain.holds(numbers):
                yield number, geometry_of(fore_layer, *along, sizes), sizes.dtype
                if not several:
                    return

    def _along(
        self, side: str, fore_layer: str | None, extent: int, *, beyond: bool = False
    ) -> tuple[Along, ...]:
        found = super()._along(side, fore_layer, extent, beyond=beyond)
        domain = Domain(self.only)
        return tuple(each for each in found if domain.may_hold(_numbers(side, each)))


_PLAIN = numbers_of(Geometry.of(1, 1, 1, 1, 1, 1, 1, 1, 1))
_OF_SIZES = ("batch", "channels_in", "channels_out", "fore_channels_out")


def _numbers(side: str, along: Along) -> dict[str, int]:
    """Return the numbers along height, or width, by their names in a domain."""
    own = side, f"filter_{side}", f"stride_{side}", f"fore_filter_{side}", f"fore_stride_{side}"
    return dict(zip(own, (*along.axis[:3], *along[1:]), strict=True))


@lru_cache(maxsize=16)
def inside(region: Region, taken: Taken) -> Region:
    """Return the region in whose place a kernel with a domain is certified; itself without one.

    Batches and channels are those of the domain.  Extents are larger, as long as not much more is
    multiplied: so that of filters of one size, or of strides of one kind, there are more.
    """
    if taken.domain is None:
        return region
    operation = operation_named(region.operation)
    kinds = [taken.values(operation, name, region.channels) for name in _channels(operation)]
    kept = (each if each == region.channels else each[:_SIZES] for each in kinds)
    home = taken.simplest(operation)
    extents = [span.wide for span in operation.spans(home)]
    sizes = {
        "batches": taken.values(operation, "batch", region.batches),
        "channels": tuple(sorted({*(value for each in kept for value in each)})),
        "narrow": max(region.narrow, min(extents)),
        "only": str(taken.domain),
    }
    most, found = 2 * _products(region), region
    first = max(region.extent, *extents)
    for full_to in (max(region.full_to, *extents), region.full_to):
        for extent in range(first, first + _FARTHER + 1):
            own = {"extent": extent, "reach": max(region.reach, extent)}
            own |= dict.fromkeys(("full_to", "pairs_to"), full_to)
            larger = Inside(**{**asdict(region), **sizes, **own})
            if _products(larger, most) > most:
                break
            found = larger
        if found is not region:
            return found
    return Inside(**{**asdict(region), **sizes, **own, "extent": first})


def _channels(operation: Operation) -> tuple[str, ...]:
    own = ("channels_in", "channels_out")
    return own if operation.default_fore is None else (*own, "fore_channels_out")


def _products(region: Region, most: float = math.inf) -> int:
    """Return about how much is multiplied where a kernel is called on all; or more than `most`."""
    total = 0
    for _, g, _ in region.geometries():
        extents = (axis.extent * axis.taps for axis in g.axes)
        total += math.prod((g.batch, g.channels_in, g.channels_out, *extents))
        if total > most:
            break
    return total

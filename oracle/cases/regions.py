"""Regions: every distinct geometry up to a size, the smallest first, in flat memory."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, product
from typing import Any, NamedTuple

from convcheck.form.formats import DTYPES
from convcheck.form.geometry import Fore, Geometry, require_extent
from convcheck.form.layers import LAYERS
from convcheck.form.operations import operation_named

from .axes import Along, axes
from .case import LARGEST_ARRAY

# Orders in which to look for combinations that hold all pairs.
_STEPS = (1, 5, 7, 11, 13, 17, 19, 23, 25, 29, 31, 35, 37, 41, 43, 47)


class Sizes(NamedTuple):
    """What is not spatial: batch, channels, and the dtype that they are judged in."""

    batch: int
    channels_in: int
    channels_out: int
    fore_channels: int
    """channels out of layer l+1; 0 without one"""
    dtype: str


@dataclass(frozen=True)
class Region:
    """Which geometries: all distinct ones with both axes up to `extent`, and its fringe.

    In the fringe one axis is longer than that, up to `reach`, or has a stride one beyond
    the last distinct one, while the other axis is distinct and at most `narrow`.

    Batch and channels: where both axes are at most `full_to`, a geometry is judged in every
    combination of them; where they are longer, up to `pairs_to`, in a few combinations that
    hold every pair of two of them; beyond, and in the fringe, in one of these combinations,
    which take turns.  Each combination has a dtype of its own, so that pairs of a dtype and a
    batch or a number of channels are held as well.
    """

    operation: str
    extent: int
    reach: int = 0
    """0 stands for `extent`"""
    narrow: int = 2
    full_to: int = 4
    batches: tuple[int, ...] = (1, 2)
    channels: tuple[int, ...] = (1, 2, 3)
    dtypes: tuple[str, ...] = ("float64",)
    fore_layers: tuple[str, ...] = LAYERS
    """kinds of layer l+1, where there is one"""
    pairs_to: int = 0
    """0 stands for `extent`"""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        operation_named(self.operation)
        require_extent("extent", self.extent, 1)
        for name in ("reach", "pairs_to"):
            if getattr(self, name) == 0:
                object.__setattr__(self, name, self.extent)
        for name, least in (("reach", self.extent), ("narrow", 0), ("full_to", 0), ("pairs_to", 0)):
            require_extent(name, getattr(self, name), least)
        for name in ("batches", "channels"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not values or len(set(values)) < len(values):
                raise ValueError(f"{name}={values!r}: expected a tuple of distinct integers")
            for value in values:
                require_extent(name, value, 1)
        dtypes = self.dtypes
        if not isinstance(dtypes, tuple) or not dtypes or set(dtypes) - set(DTYPES):
            raise ValueError(f"dtypes={dtypes!r}: expected a tuple of some of {', '.join(DTYPES)}")

        layers = self.fore_layers
        if layers not in (LAYERS, LAYERS[::-1], LAYERS[:1], LAYERS[1:]):
            raise ValueError(
                f"fore_layers={layers!r}: expected a tuple of some of {', '.join(LAYERS)}"
            )

        # Of any array: the two layers' filters included, whose taps are at most the extents.
        channels = max(self.channels)
        elements = (
            max(*self.batches, channels)
            * channels
            * max(self.extent**2, self.reach * min(self.narrow, self.reach))
        )
        if elements > LARGEST_ARRAY:
            raise ValueError(
                f"extent={self.extent!r}, reach={self.reach!r}, channels={self.channels!r}: "
                f"expected arrays of at most {LARGEST_ARRAY} elements, not of {elements}"
            )

    def __str__(self) -> str:
        """Return what the region holds, in words."""
        what = "input" if operation_named(self.operation).layer.narrows else "output"
        if self._two_layers:
            kind = (
                "of either kind" if len(set(self.fore_layers)) > 1 else f"a {self.fore_layers[0]}"
            )
            what = f"inputs and outputs of both layers, l+1 being {kind.replace('_', ' ')}, and"
        text = [f"every distinct geometry with {what} extents up to {self.extent}"]
        text += self._sizes_in_words()
        if self.narrow:
            longer = f"one axis longer, up to {self.reach}, or " if self.reach > self.extent else ""
            text.append(
                f"besides, {longer}a stride one beyond the last distinct one, the other axis at "
                f"most {self.narrow}, in one combination each"
            )
        return "; ".join(text)

    def _sizes_in_words(self) -> Iterator[str]:
        """Yield in which batches, channels and dtypes."""
        sizes = ", ".join(self._listed)
        if self.full_to >= self.extent:
            yield f"with {sizes}: batch and channels in every combination"
            return
        if self.full_to:
            yield f"up to {self.full_to} in every combination of batch and channels"
        turns = self.pairs_to < self.extent
        until = f"up to {self.pairs_to} " if turns else "beyond, " if self.full_to else ""
        yield f"{until}in {len(self.pairwise)} combinations that hold every pair of {sizes}"
        if turns:
            yield "beyond, in one of these each, by turns"

    @property
    def _listed(self) -> list[str]:
        batches, channels = (", ".join(map(str, each)) for each in (self.batches, self.channels))
        return [f"batch {batches}", f"channels {channels}", " and ".join(self.dtypes)]

    @property
    def _two_layers(self) -> bool:
        return operation_named(self.operation).default_fore is not None

    @cached_property
    def full(self) -> tuple[Sizes, ...]:
        """Every combination of batch and channels, the dtypes taking turns."""
        values = self._values()[:-1]
        turns = product(*(range(len(each)) for each in values))
        rows = (
            Sizes(b, i, o, k, self.dtypes[sum(turn) % len(self.dtypes)])
            for (b, i, o, k), turn in zip(product(*values), turns, strict=True)
        )
        return tuple(sorted(rows, key=_simplicity))

    @cached_property
    def pairwise(self) -> tuple[Sizes, ...]:
        """Combinations that hold every pair of a batch, channels and a dtype."""
        rows = (Sizes(*row) for row in pairwise_rows(self._values()))
        return tuple(sorted(rows, key=_simplicity))

    def _values(self) -> tuple[tuple[Any, ...], ...]:
        fore_channels = self.channels if self._two_layers else (0,)
        return self.batches, self.channels, self.channels, fore_channels, self.dtypes

    @property
    def places(self) -> int:
        """How many geometries there are, batch and channels aside: see `geometries`."""
        return _sums(self)[0][-1]

    def geometries(
        self, shard: int = 0, shards: int = 1, *, span: range | None = None
    ) -> Iterator[tuple[int, Geometry, str]]:
        """Yield rank, geometry and dtype; the lower the rank, the simpler the geometry.

        Args:
            shard: which part of the region, from 0; the parts together are the region.
            shards: how many parts there are.
            span: the places to keep to.  A place is a geometry but for batch and channels;
                what is skipped costs next to nothing.
        """
        ranks, start = max(len(self.full), len(self.pairwise)), 0
        for block in self._blocks():
            first, start = start, start + block.size
            places = range(first, start)
            if span is not None:
                places = range(max(first, span.start), min(start, span.stop))
            several = self._several(block)
            for place in places:
                if place % shards != shard:
                    continue
                along = block.along(place - first)
                # Rows count, too: the number of columns may share factors with that of turns.
                turn = place + (place - first) // len(block.columns)
                found = self._at(block.fore_layer, along, several, turn)
                for number, geometry, dtype in found:
                    yield place * ranks + number, geometry, dtype

    def _at(
        self,
        fore_layer: str | None,
        along: tuple[Along, Along],
        several: tuple[Sizes, ...],
        turn: int,
    ) -> Iterator[tuple[int, Geometry, str]]:
        """Yield the geometries at a place, with numbers: in several combinations, or by turns."""
        one = self.pairwise[turn % len(self.pairwise)]
        for number, sizes in enumerate(several or (one,)):
            yield number, geometry_of(fore_layer, *along, sizes), sizes.dtype

    def count(self, span: range | None = None) -> int:
        """Return how many geometries the region, or a span of it, holds, each in one dtype."""
        starts, sums, sizes = _sums(self)

        def up_to(place: int) -> int:
            at = bisect_right(starts, place) - 1
            return sums[at] + (place - starts[at]) * sizes[at]

        kept = range(starts[-1]) if span is None else span
        return up_to(min(kept.stop, starts[-1])) - up_to(min(kept.start, starts[-1]))

    def _several(self, block: "_Block") -> tuple[Sizes, ...]:
        """Return the combinations that all geometries of a block come in; none if by turns."""
        if block.fringe or block.largest > max(self.full_to, self.pairs_to):
            return ()
        return self.full if block.largest <= self.full_to else self.pairwise

    def _blocks(self) -> Iterator["_Block"]:
        """Yield the axes that are combined, by the larger extent, then the smaller."""
        for largest in range(1, self.reach + 1):
            for smaller in range(1, largest + 1):
                both = [(smaller, largest), (largest, smaller)]
                for rows, columns in both[: 1 if smaller == largest else 2]:
                    for fore_layer in self.fore_layers if self._two_layers else (None,):
                        yield from self._axes(fore_layer, rows, columns)

    def _axes(self, fore_layer: str | None, rows: int, columns: int) -> Iterator["_Block"]:
        largest = max(rows, columns)
        a, b = self._along("height", fore_layer, rows), self._along("width", fore_layer, columns)
        longer = largest > self.extent
        if not longer or min(rows, columns) <= self.narrow:
            yield _Block(fore_layer, a, b, largest, longer)
        if columns <= self.narrow:
            past = self._along("height", fore_layer, rows, beyond=True)
            yield _Block(fore_layer, past, b, largest, fringe=True)
        if rows <= self.narrow:
            past = self._along("width", fore_layer, columns, beyond=True)
            yield _Block(fore_layer, a, past, largest, fringe=True)

    def _along(
        self,
        side: str,  # noqa: ARG002  (others look at it)
        fore_layer: str | None,
        extent: int,
        *,
        beyond: bool = False,
    ) -> tuple[Along, ...]:
        """Return the axes along height or width of this extent, as `axes.axes` does."""
        return axes(self.operation, fore_layer, extent, beyond=beyond)


@lru_cache(maxsize=8)
def _sums(region: Region) -> tuple[list[int], list[int], list[int]]:
    """Return where each block starts, the geometries before it, and those at each of its places.

    The last of each are of the region's end.
    """
    starts, sums, sizes = [0], [0], []
    for block in region._blocks():  # noqa: SLF001  (a method in all but that it is cached)
        sizes.append(len(region._several(block)) or 1)  # noqa: SLF001
        starts.append(starts[-1] + block.size)
        sums.append(sums[-1] + block.size * sizes[-1])
    return starts, sums, [*sizes, 0]


class _Block(NamedTuple):
    """Axes of which each is combined with each."""

    fore_layer: str | None
    rows: tuple[Along, ...]
    columns: tuple[Along, ...]
    largest: int
    fringe: bool

    @property
    def size(self) -> int:
        return len(self.rows) * len(self.columns)

    def along(self, number: int) -> tuple[Along, Along]:
        """Return the axes of one of its combinations."""
        rows, columns = divmod(number, len(self.columns))
        return self.rows[rows], self.columns[columns]


def geometry_of(fore_layer: str | None, rows: Along, columns: Along, sizes: Sizes) -> Geometry:
    """Return the geometry that does this along its axes, with these sizes."""
    fore = None
    if fore_layer is not None:
        taps, strides = zip(rows[1:], columns[1:], strict=True)
        fore = Fore(fore_layer, sizes.fore_channels, *taps, *strides)
    axes, channels = (rows.axis, columns.axis), (sizes.channels_in, sizes.channels_out)
    return Geometry(sizes.batch, *axes, *channels, fore)


@lru_cache(maxsize=64)
def pairwise_rows(values: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    """Return few combinations of one value each that hold every pair of values.

    Greedy: always the combination with most new pairs, the first of several, over the
    combinations in several orders, of which the one that needs fewest wins.
    """
    rows = list(product(*values))
    pairs = {
        row: {((i, row[i]), (j, row[j])) for i, j in combinations(range(len(row)), 2)}
        for row in rows
    }
    fewest = rows
    for step in _STEPS:
        if math.gcd(step, len(rows)) > 1:  # would not reach every row
            continue
        order = [rows[i * step % len(rows)] for i in range(len(rows))]
        missing = set().union(*pairs.values())
        chosen = []
        while missing:
            best = max(order, key=lambda row: len(pairs[row] & missing))
            chosen.append(best)
            missing -= pairs[best]
        fewest = min(fewest, chosen, key=len)
    return tuple(fewest)


def _simplicity(sizes: Sizes) -> tuple[int, Sizes]:
    return math.prod(sizes[:3]) * max(sizes.fore_channels, 1), sizes

"""Regions of geometries with parameters: along one axis everything, beside few other axes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

from convcheck.form.axis import Axis, Span
from convcheck.form.formats import DTYPES
from convcheck.form.geometry import Geometry, require_extent
from convcheck.form.layers import Layer
from convcheck.form.operations import operation_named

# What the other axis is like, as of a convolution: a point, padded on one side, padded on both
# with a stride and overlap, and dilated over padding on the other side.
_OTHERS = (Axis(1), Axis(2, 2, 1, 1, 0), Axis(3, 3, 2, 1, 1), Axis(3, 2, 1, 0, 2, 2))

# Batch, channels in and out, groups and bias, which take turns: a single group with and without a
# bias, depthwise, depth multipliers 2 and 3, and groups of unequal numbers of channels.
_SIZES = (
    (1, 1, 1, 1, 0),
    (2, 2, 4, 2, 1),
    (1, 3, 2, 1, 1),
    (3, 3, 3, 3, 0),
    (1, 4, 2, 2, 0),
    (3, 2, 3, 1, 1),
    (2, 3, 6, 3, 1),
    (1, 2, 6, 2, 0),
    (2, 1, 2, 1, 0),
    (1, 6, 3, 3, 1),
    (2, 6, 4, 2, 0),
)

# An axis stands beside so many others, one after another: what is counted along it, which takes
# as long as a geometry, is counted in one shard.
_TOGETHER = 2 * len(_OTHERS)


@dataclass(frozen=True)
class ParameterRegion:
    """Which geometries: one axis is any distinct one up to `extent`, beside few kinds of others.

    An axis is its extent on the wide side, taps, stride, padding before and after, dilation and,
    where the operation has it, output padding.  The extent and that of the dilated filter are at
    most `extent`, each padding at most the taps.  Strides that leave a single window, and
    dilations of a single tap, all do the same: the smallest that allows as much output padding
    alone is distinct.  Either axis is that one in turn.  Batch, channels, groups, bias and dtypes
    take turns.

    Where no window has a tap outside of the padding nothing is summed: there every geometry has a
    bias, or, where none is taken, is none of the region.
    """

    operation: str
    extent: int
    takes: tuple[str, ...]
    """the parameters that vary, those of `geometry.PARAMETERS` that the operation has"""
    symmetric: bool = False
    """whether padding is the same on both sides of an axis"""
    rank: int = 2
    """1 leaves the height at 1"""
    dtypes: tuple[str, ...] = ("float64",)

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        known = operation_named(self.operation).parameters
        require_extent("extent", self.extent, 1)
        if set(self.takes) - set(known):
            expected = f"a tuple of some of {', '.join(known)}" if known else "()"
            raise ValueError(f"takes={self.takes!r}: expected {expected}")
        if self.rank not in (1, 2):
            raise ValueError(f"rank={self.rank!r}: expected 1 or 2")
        if not self.dtypes or set(self.dtypes) - set(DTYPES):
            raise ValueError(
                f"dtypes={self.dtypes!r}: expected a tuple of some of {', '.join(DTYPES)}"
            )

    def __str__(self) -> str:
        """Return what the region holds, in words."""
        words = {
            "padding": f"padding up to the taps{' on both sides alike' * self.symmetric}",
            "output_padding": "output padding",
        }
        varied = ["taps", "stride", *(words.get(each, each) for each in self._along)]
        every = f"{self._every_in_words()} {self._extents_in_words()}, {', '.join(varied)}"
        text = [f"along one axis {every}, the filter reaching at most {self._reach}"]
        if "bias" not in self.takes and "padding" in self.takes:
            text.append("something being summed")
        if self.rank == 1:
            text.append("along the width alone, the height being 1")
        else:
            text.append(f"{self._others_in_words()}; rows and columns exchanged")
        return "; ".join([*text, self._sizes_in_words()])

    @property
    def _side(self) -> str:
        """The side of the layer whose extents are listed."""
        return "input" if self._layer.narrows else "output"

    def _extents_in_words(self) -> str:
        return f"{self._side} extent up to {self.extent}"

    def _every_in_words(self) -> str:
        return "every distinct"

    def _sizes_in_words(self) -> str:
        turns = [each for each in ("groups", "bias") if each in self.takes]
        shared = ", ".join(["batch", "channels", *turns, " and ".join(self.dtypes)])
        return f"{shared} by turns, in {len(self._sizes)} combinations"

    def _others_in_words(self) -> str:
        return f"the other axis of {len(self.others)} kinds"

    @property
    def _reach(self) -> int:
        """How far filters reach at most."""
        return self.extent

    @property
    def _layer(self) -> Layer:
        return operation_named(self.operation).layer

    @property
    def _along(self) -> list[str]:
        return [each for each in self.takes if each not in ("groups", "bias")]

    def _taken(self, span: Span) -> bool:
        """Return whether what happens along an axis is within the region."""
        pads = span.before == span.after if self.symmetric else True
        return (
            pads
            and ("bias" in self.takes or span.meets())
            and ("padding" in self.takes or span.before == span.after == 0)
            and ("dilation" in self.takes or span.dilation == 1)
            and (self._layer.narrows or "output_padding" in self.takes or span.remainder == 0)
        )

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Every distinct axis, the simplest first."""
        return self._axes(1)

    def _axes(self, least: int) -> tuple[Axis, ...]:
        """Return the distinct axes whose extents are the `extent` ones from the least on."""
        spans = _spans(self._layer, range(least, least + self.extent), self._reach)
        taken = sorted(filter(self._taken, spans), key=_simplicity)
        return tuple(map(self._layer.axis, taken))

    @cached_property
    def others(self) -> tuple[Axis, ...]:
        """What the other axis is like."""
        spans = filter(self._taken, map(Layer.CONVOLUTION.span, _OTHERS))
        return tuple(map(self._layer.axis, spans))

    def _meets(self, axis: Axis) -> bool:
        """Return whether any window has a tap outside of the padding."""
        return _meets(self._layer, axis)

    @cached_property
    def _sizes(self) -> tuple[tuple[int, ...], ...]:
        groups, bias = ("groups" in self.takes), ("bias" in self.takes)
        return tuple(dict.fromkeys((*s[:4], s[4] * bias) for s in _SIZES if groups or s[3] == 1))

    @property
    def places(self) -> int:
        """How many geometries there are."""
        return len(_pairs(self))

    def count(self, span: range | None = None) -> int:
        """Return how many geometries the region, or a span of it, holds, each in one dtype."""
        kept = range(self.places) if span is None else span
        return max(0, min(kept.stop, self.places) - kept.start)

    def geometries(
        self, shard: int = 0, shards: int = 1, *, span: range | None = None
    ) -> Iterator[tuple[int, Geometry, str]]:
        """Yield rank, geometry and dtype, as `regions.Region.geometries` does."""
        places = self.places
        for place in range(places) if span is None else span:
            if place // _TOGETHER % shards == shard and place < places:
                turn = place // len(self._sizes)
                yield place, self._geometry(place), self.dtypes[turn % len(self.dtypes)]

    def _geometry(self, place: int) -> Geometry:
        rows, columns = _pairs(self)[place]
        return self._sized(place, rows, columns)

    def _sized(self, place: int, rows: Axis, columns: Axis) -> Geometry:
        """Return a geometry with these axes, and with the sizes whose turn it is."""
        turn, at = divmod(place, len(self._sizes))
        sizes = self._sizes[(turn + at) % len(self._sizes)]
        batch, channels_in, channels_out, groups, bias = sizes
        if not (self._meets(rows) and self._meets(columns)):
            bias = 1
        return Geometry(batch, rows, columns, channels_in, channels_out, None, groups, bias)


@lru_cache(maxsize=4096)
def _meets(layer: Layer, axis: Axis) -> bool:
    return layer.span(axis).meets()


@lru_cache(maxsize=8)
def _pairs(region: ParameterRegion) -> tuple[tuple[Axis, Axis], ...]:
    """Return rows and columns of every geometry of a region, the simplest first."""
    if region.rank == 1:
        return tuple((Axis(1), axis) for axis in region.axes)
    both = product(region.axes, region.others)
    return tuple(
        dict.fromkeys(pair for one, other in both for pair in ((one, other), (other, one)))
    )


def _spans(layer: Layer, extents: range, most: int) -> Iterator[Span]:
    """Yield the distinct spans of a layer with such wide sides, whose filter reaches so far."""
    for wide, taps in product(extents, range(1, most + 1)):
        for dilation in range(1, most + 1 if taps > 1 else 2):
            window = Span(1, taps, 1, wide, dilation=dilation)
            if window.reach > most:
                break
            for before, after in product(range(taps + 1), repeat=2):
                padded = window._replace(before=before, after=after)
                yield from _windows(layer, padded)


def _windows(layer: Layer, span: Span) -> Iterator[Span]:
    """Yield the spans with these sides and taps that differ in their windows."""
    room = span.padded - span.reach
    if room < 0:
        return
    if layer.narrows:
        for stride in range(1, room + 2):
            yield span._replace(steps=room // stride + 1, stride=stride)
        return
    # What is left behind the last window is output padding, less than stride or dilation.
    yield span._replace(stride=max(1, room + 1 if room >= span.dilation else 1))
    for stride in range(1, room + 1):
        for steps in range(2, room // stride + 2):
            left, windows = room - (steps - 1) * stride, span._replace(steps=steps, stride=stride)
            if left < max(stride, span.dilation):
                yield windows
            elif span.taps == 1:
                yield windows._replace(dilation=left + 1)


def _simplicity(span: Span) -> tuple[int, ...]:
    return span.wide + span.reach, span.before + span.after, span.stride, *span

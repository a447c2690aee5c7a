"""Geometries drawn at random, built from the output backwards.

Along an axis a number of steps, a number of taps, a stride and a remainder below the
stride determine the extent, so that every draw is valid and nothing is filtered out.
Who picks the numbers is left open: Hypothesis, which also looks for simpler ones, or a generator.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from convcheck.cases.numbers import Raw
from convcheck.cases.taken import NOTHING, Taken
from convcheck.form.axis import Axis, reaching
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS, Layer
from convcheck.form.operations import Operation

T = TypeVar("T")

# Five geometries in thirteen are of no special kind; the others reach boundaries that
# independent draws would rarely meet.
_KINDS = (
    *["any"] * 5,
    "full filter",
    "1 x 1 filter",
    "1 x 1 input",
    "empty batch",
    "block of channels",
    "block of extents",
    "large filter",
    "large stride",
)

# Fast kernels change their path at block sizes: sizes just below, at and above them.
_BLOCKS = {
    "block of channels": (("channels_in", "channels_out"), (7, 8, 9, 15, 16, 17, 31, 32, 33)),
    "block of extents": (("height", "width"), (31, 32, 33)),  # other draws reach the smaller
}

_BATCHES = (1, 1, 1, 2, 2, 3, 5)


class Picks(Protocol):
    """What picks numbers."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of some options, of which the first is the simplest."""

    def part(self, make: Callable[..., T], *arguments: Any) -> T:
        """Return what `make` makes of these picks and arguments, as a part of the whole."""


class Seeded:
    """Picks by a generator, all alike."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`."""
        return low + self._raw.below(high - low + 1)

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of some options."""
        return options[self._raw.below(len(options))]

    def part(self, make: Callable[..., T], *arguments: Any) -> T:
        """Return what `make` makes."""
        return make(self, *arguments)


def axis(pick: Picks, kind: str, operation: Operation) -> Axis:
    """Draw an axis; a smaller one where a second layer follows."""
    most = 4 if operation.default_fore is None else 3
    taps = 1 if kind in ("1 x 1 filter", "1 x 1 input") else pick.integer(1, most)
    stride = pick.integer(1, most + 1)
    if kind == "large filter":
        taps += most
    elif kind == "large stride":
        stride += most
    if kind == "1 x 1 input":
        return Axis(1, taps, stride)
    if kind == "full filter":
        return Axis(taps, taps, stride)
    count = pick.integer(1, 2 if kind in _BLOCKS else most)
    remainder = pick.integer(0, stride - 1) if operation.layer.narrows else 0
    return operation.layer.axis(reaching(count, taps, stride, remainder))


def geometry(pick: Picks, operation: Operation, taken: Taken = NOTHING) -> Geometry:
    """Draw a geometry that `operation` has a meaning on; the simplest is all ones.

    Parameters that a kernel has `taken` are drawn, too; the simplest is that there are none.  Where
    it has a domain, the geometry is moved there.
    """
    drawn = _drawn(pick, operation, taken)
    return drawn if taken.domain is None else taken.near(operation, drawn)


def _drawn(pick: Picks, operation: Operation, taken: Taken) -> Geometry:
    kind = pick.one_of(_KINDS)
    rows, columns = pick.part(axis, kind, operation), pick.part(axis, kind, operation)
    batch = 0 if kind == "empty batch" else pick.one_of(_BATCHES)
    channels_in, channels_out = pick.integer(1, 3), pick.integer(1, 3)
    layer = Geometry(batch, rows, columns, channels_in, channels_out)
    if kind in _BLOCKS:
        layer = pick.part(with_block_size, layer, kind)
    if operation.default_fore is None:
        return pick.part(with_parameters, layer, operation, taken) if taken != NOTHING else layer
    outputs = operation.output_extents(layer)
    fore_layer = pick.one_of(LAYERS)
    fits = fore_layer.narrows
    fore = Fore(
        fore_layer,
        pick.integer(1, 4),
        *(pick.integer(1, min(4, extent) if fits else 3) for extent in outputs),
        *(pick.integer(1, 4 if fits else 3) for _ in outputs),
    )
    return replace(layer, fore=fore)


def with_parameters(pick: Picks, layer: Geometry, operation: Operation, taken: Taken) -> Geometry:
    """Give `layer` parameters, and extents and channels that allow them; steps stay the same."""
    g, names = layer, taken.parameters
    rows, columns = (_padded(pick, operation.layer, each, taken) for each in g.axes)
    groups = pick.one_of((1, 1, 2, 3)) if "groups" in names else 1
    channels = g.channels_in * groups, g.channels_out * groups
    bias = pick.integer(0, 1) if "bias" in names else 0
    return Geometry(
        g.batch, Axis(1) if taken.rank == 1 else rows, columns, *channels, None, groups, bias
    )


def _padded(pick: Picks, layer: Layer, axis: Axis, taken: Taken) -> Axis:
    """Give an axis dilation, padding and output padding, those of which are taken."""
    span, names = layer.span(axis), taken.parameters
    left = span.remainder
    if "dilation" in names and span.taps > 1:
        span = span._replace(dilation=pick.one_of((1, 1, 2, 3)))
    if "output_padding" in names:
        left = pick.integer(0, max(span.stride, span.dilation) - 1)
    room, before, after = span.reached + left - 1, 0, 0
    if "padding" in names:
        most = span.taps + 1
        before = pick.integer(0, min(most, room // 2 if taken.symmetric else room))
        after = before if taken.symmetric else pick.integer(0, min(most, room - before))
    span = span._replace(before=before, after=after, wide=room + 1 - before - after)
    return layer.axis(span)


def with_block_size(pick: Picks, layer: Geometry, kind: str) -> Geometry:
    """Give one field of `layer` a size around a block size, and the batch one item."""
    names, sizes = _BLOCKS[kind]
    changed: dict[str, Any] = {pick.one_of(names): pick.one_of(sizes)}
    return layer.resized(batch=1, **changed)

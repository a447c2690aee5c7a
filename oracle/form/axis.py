"""One axis of a layer: its sizes, and where windows lie along it.

A layer has a wide side and a narrow one: every step of the narrow side is a window of as many
taps on the wide side, a stride from the one before, its taps a dilation apart.  Padding, zeros
that are in no array, lies before and behind the wide side.  All that is computed along rows or
columns, be it shapes, places, remainders or receptive fields, is asked of the records here.
"""

from functools import lru_cache
from typing import Any, NamedTuple


class Axis(NamedTuple):
    """Rows, or columns, as a geometry has them; a layer makes a `Span` of it."""

    extent: int
    """of the layer's input"""
    taps: int = 1
    stride: int = 1
    before: int = 0
    """padding at the top, or at the left"""
    after: int = 0
    """padding at the bottom, or at the right"""
    dilation: int = 1
    output_padding: int = 0

    @property
    def reach(self) -> int:
        """The extent of a window, with what is between its taps."""
        return (self.taps - 1) * self.dilation + 1

    def misfit(self, name: str, *, narrows: bool) -> str:
        """Return what does not fit on the axis called `name`, in words; "" where all does.

        A window has to lie inside of the padded input of a layer that `narrows` it.  The padding
        of another is cut off its output, of which something has to be left.
        """
        pads, q = self.before + self.after, self.output_padding
        if narrows:
            reach = f", {self.reach} with its dilation" if self.reach > self.taps else ""
            within = f"at most the extent {self.extent + pads} of what it slides over"
            misfits = {
                f"filter_{name}={self.taps}{reach}: expected {within}": (
                    self.reach > self.extent + pads
                ),
            }
        else:
            most = max(self.stride, self.dilation) - 1
            whole = span_of(narrows, self).wide + pads
            one, other = ("top", "bottom") if name == "height" else ("left", "right")
            padding = f"padding_{one}={self.before}, padding_{other}={self.after}"
            misfits = {
                f"output_padding_{name}={q}: expected at most {most}, below stride or dilation": (
                    q > most
                ),
                f"{padding}: expected less than {whole} together, of which they are cut off": (
                    pads >= whole
                ),
            }
        return next((text for text, wrong in misfits.items() if wrong), "")


class Span(NamedTuple):
    """Rows, or columns, of both sides of a layer."""

    steps: int
    """extent of the narrow side"""
    taps: int
    stride: int
    wide: int
    """extent of the wide side"""
    before: int = 0
    after: int = 0
    """padding of the wide side"""
    dilation: int = 1

    @property
    def reach(self) -> int:
        """The extent of a window, with what is between its taps."""
        return (self.taps - 1) * self.dilation + 1

    @property
    def padded(self) -> int:
        """The extent of the wide side with its padding."""
        return self.before + self.wide + self.after

    @property
    def reached(self) -> int:
        """The extent that windows reach, of the padded wide side."""
        return (self.steps - 1) * self.stride + self.reach

    @property
    def remainder(self) -> int:
        """How many places of the padded wide side lie behind the last window."""
        return self.padded - self.reached

    def axis(self, *, narrows: bool) -> Axis:
        """Return the axis of a layer with these sides; one that `narrows` takes the wide one."""
        extent, output_padding = (self.wide, 0) if narrows else (self.steps, self.remainder)
        sizes = (self.taps, self.stride, self.before, self.after, self.dilation)
        return Axis(extent, *sizes, output_padding)

    def place(self, step: Any, tap: Any) -> Any:
        """Return where on the wide side a tap of a step's window lies; integers or arrays.

        Outside of it, which only padding is, no number is met.
        """
        return step * self.stride + tap * self.dilation - self.before

    def without_first(self) -> "tuple[int, Span]":
        """Return how much of the wide side the first step alone keeps, and the span without it."""
        cut = max(0, self.stride - self.before)
        before = max(0, self.before - self.stride)
        return cut, self._replace(steps=self.steps - 1, wide=self.wide - cut, before=before)

    def dense(self) -> "Span":
        """Return the span with a step at every place that has room for a window."""
        return self._replace(steps=self.padded - self.reach + 1, stride=1)

    def meets(self) -> bool:
        """Return whether any window has a tap on the wide side, and not all are in padding."""
        taps = range(self.taps)
        return any(0 <= self.place(n, tap) < self.wide for n in range(self.steps) for tap in taps)

    def padded_beforehand(self) -> "Span":
        """Return the span of a wide side that has its padding in it."""
        return self._replace(wide=self.padded, before=0, after=0)

    def within_padding(self) -> slice:
        """Return where the wide side is among its padding."""
        return slice(self.before, self.before + self.wide)

    def undilated(self) -> "Span":
        """Return the span of a filter that has what is between its taps in it."""
        return self._replace(taps=self.reach, dilation=1)

    def steps_over(self, place: int) -> range:
        """Return the steps in whose windows, from first to last tap, a place is."""
        at = place + self.before
        first = -((self.reach - 1 - at) // self.stride)
        return range(max(0, first), min(self.steps - 1, at // self.stride) + 1)


def reaching(steps: int, taps: int, stride: int, remainder: int = 0) -> Span:
    """Return the span of so many windows without padding, and the wide side that holds them."""
    span = Span(steps, taps, stride, 0)
    return span._replace(wide=span.reached + remainder)


@lru_cache(maxsize=4096)
def span_of(narrows: bool, axis: Axis) -> Span:  # noqa: FBT001  (a key)
    """Return both sides of an axis of a layer; the input of one that `narrows` is the wide one."""
    span = Span(0, axis.taps, axis.stride, axis.extent, axis.before, axis.after, axis.dilation)
    if narrows:
        return span._replace(steps=(span.padded - span.reach) // axis.stride + 1)
    span = span._replace(steps=axis.extent)
    return span._replace(wide=span.reached + axis.output_padding - axis.before - axis.after)


class Side(NamedTuple):
    """Which of a geometry's axes, and the letters of its extents (see `operations`)."""

    name: str
    """the field of a geometry"""
    wide: str
    narrow: str
    tap: str


SIDES = (Side("rows", "H", "P", "h"), Side("columns", "W", "Q", "w"))
SPATIAL = "HWPQhw"
"""all of these letters"""

"""One axis of a layer: its sizes, and where windows lie along it.

A layer has a wide side and a narrow one: every step of the narrow side is a window of as many
taps on the wide side, a stride from the one before.  All that is computed along rows or
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

    def misfit(self, name: str, *, narrows: bool) -> str:
        """Return what does not fit on the axis called `name`, in words; "" where all does.

        A window has to lie inside of the input of a layer that `narrows` it.
        """
        if not narrows or self.taps <= self.extent:
            return ""
        within = f"at most the extent {self.extent} of what it slides over"
        return f"filter_{name}={self.taps}: expected {within}"


class Span(NamedTuple):
    """Rows, or columns, of both sides of a layer."""

    steps: int
    """extent of the narrow side"""
    taps: int
    stride: int
    wide: int
    """extent of the wide side"""

    @property
    def reached(self) -> int:
        """The extent that windows reach."""
        reached: int = self.place(self.steps - 1, self.taps - 1) + 1
        return reached

    @property
    def remainder(self) -> int:
        """How many places of the wide side lie behind the last window."""
        return self.wide - self.reached

    def axis(self, *, narrows: bool) -> Axis:
        """Return the axis of a layer with these sides; one that `narrows` takes the wide one."""
        return Axis(self.wide if narrows else self.steps, self.taps, self.stride)

    def place(self, step: Any, tap: Any) -> Any:
        """Return where on the wide side a tap of a step's window lies; integers or arrays."""
        return step * self.stride + tap

    def without_first(self) -> "tuple[int, Span]":
        """Return how much of the wide side the first step alone keeps, and the span without it."""
        cut = self.place(1, 0)
        return cut, self._replace(steps=self.steps - 1, wide=self.wide - cut)

    def dense(self) -> "Span":
        """Return the span with a step at every place up to the last window."""
        return self._replace(steps=self.place(self.steps - 1, 0) + 1, stride=1)

    def trimmed(self) -> "Span":
        """Return the span without the remainder."""
        return self._replace(wide=self.reached)

    def steps_over(self, place: int) -> range:
        """Return the steps in whose windows a place of the wide side is."""
        first = -((self.taps - 1 - place) // self.stride)
        return range(max(0, first), min(self.steps - 1, place // self.stride) + 1)


def reaching(steps: int, taps: int, stride: int, remainder: int = 0) -> Span:
    """Return the span of so many windows, and the wide side that holds them."""
    span = Span(steps, taps, stride, 0)
    return span._replace(wide=span.reached + remainder)


@lru_cache(maxsize=4096)
def span_of(narrows: bool, axis: Axis) -> Span:  # noqa: FBT001  (a key)
    """Return both sides of an axis of a layer; the input of one that `narrows` is the wide one."""
    if narrows:
        steps = (axis.extent - axis.taps) // axis.stride + 1
        return Span(steps, axis.taps, axis.stride, wide=axis.extent)
    return reaching(axis.extent, axis.taps, axis.stride)


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

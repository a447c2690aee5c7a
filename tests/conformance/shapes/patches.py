"""Receptive fields: the part of the arguments that a single result is computed from.

A result of a one-layer operation depends on few elements of its factors.  Cut out, as views where
whole arrays are there, these are the arguments of a call of their own, in whose result it is
again: for a kernel that treats all results alike, to the bit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from convcheck.form.axis import SIDES, Side, Span
from convcheck.form.geometry import Geometry
from convcheck.form.layers import FILTER
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation

Index = tuple[int, ...]


@dataclass(frozen=True)
class Patch:
    """The receptive field of one result."""

    geometry: Geometry
    """of the call on the patch alone"""
    part: Mapping[str, tuple[slice, ...]]
    """where each array is cut"""
    index: Index
    """of the result, among those of that call"""

    def of(self, arrays: Arrays) -> dict[str, Array]:
        """Return the patch as views of the whole arrays."""
        return {name: arrays[name][part] for name, part in self.part.items()}


class _Along(NamedTuple):
    """A patch along rows or columns."""

    span: Span
    wide: slice
    narrow: slice
    inside: int
    """where the result is in the call's"""


def patch(
    operation: Operation,
    geometry: Geometry,
    index: Index,
    channels: int = 1,
    *,
    symmetric: bool = False,
) -> Patch | None:
    """Return the receptive field of the result at `index`; None if no window reaches it.

    Args:
        operation: of one layer.
        geometry: of the whole.
        index: of the result.
        channels: along the last axis, the field is that of so many results of its group, as far as
            there are, of which this is one; of a single one of several groups, another is beside.
        symmetric: whether padding has to be the same on both sides of an axis; then other results
            may be in the call as well.

    Raises:
        ValueError: the operation has a layer l+1.
    """
    g = geometry
    if g.fore is not None:
        raise ValueError(f"operation={operation.name!r}: expected one with one layer")
    at = dict(zip(operation.result, index, strict=True))
    cut, inside, sizes, groups = _of_channels(operation, g, at, channels)
    axes = []
    for side, span in zip(SIDES, operation.spans(g), strict=True):
        along = _along(side, span, at, symmetric=symmetric)
        if along is None:
            return None
        axes.append(operation.layer.axis(along.span))
        cut |= {side.wide: along.wide, side.narrow: along.narrow, side.tap: slice(0, span.taps)}
        inside |= dict.fromkeys(side[1:], along.inside)
    batch = 1 if "b" in at else g.batch
    rows, columns = axes
    alone = Geometry(batch, rows, columns, sizes["i"], sizes["o"], None, groups, g.bias)
    part = {
        name: tuple(cut[letter] for letter in _letters(operation, operation.axes_of(name)))
        for name in operation.array_shapes(g)
    }
    places = (inside[letter] for letter in _letters(operation, operation.result))
    return Patch(alone, part, tuple(places))


def _letters(operation: Operation, axes: str) -> Iterator[str]:
    """Yield the letters of an array's axes, in upper case that which runs through a group alone."""
    within = operation.layer.within if axes == FILTER else ""
    return (letter.upper() if letter == within else letter for letter in axes)


def _of_channels(
    operation: Operation, g: Geometry, at: Mapping[str, int], channels: int
) -> tuple[dict[str, slice], dict[str, int], dict[str, int], int]:
    """Return where batch and channels are cut, and where the result is; how many channels; groups.

    Letters are those of `_letters`.
    """
    of_group = {"i": g.channels_in // g.groups, "o": g.channels_out // g.groups}
    counted = [axis for axis in _letters(operation, operation.result) if axis in of_group]
    group = at[counted[0]] // of_group[counted[0]]
    groups = min(2, g.groups) if channels == 1 else 1
    first = min(group, g.groups - groups)
    cut = {"b": slice(at["b"], at["b"] + 1) if "b" in at else slice(0, g.batch)}
    inside, sizes = {"b": 0}, {}
    for axis, size in of_group.items():
        many = size if axis not in at else 1 if axis != operation.result[-1] else channels
        many = min(many, size)
        place = at.get(axis, 0) % size
        start = min(place, size - many)
        cut[axis.upper()], inside[axis.upper()] = slice(start, start + many), place - start
        apart = None if many == size or groups == 1 else size  # one channel of each group
        end = (first + groups - 1) * size + start + many
        cut[axis] = slice(first * size + start, end, apart)
        inside[axis], sizes[axis] = (group - first) * many + place - start, many * groups
    return cut, inside, sizes, groups


def _along(side: Side, span: Span, at: Mapping[str, int], *, symmetric: bool) -> _Along | None:
    """Return the patch along rows or columns; None if no window reaches the result."""
    wide, narrow = slice(0, span.wide), slice(0, span.steps)
    if side.wide in at:
        steps = span.steps_over(at[side.wide])
        if not steps:
            return None
        inside = at[side.wide] - span.place(steps.start, 0)
        less = span._replace(steps=len(steps), before=0, after=0)
        padded = less.reached + (span.remainder if steps.stop == span.steps else 0)
        before, after = min(span.before, inside), min(span.after, padded - inside - 1)
        if symmetric:
            before = after = min(before, after)
        less = less._replace(before=before, after=after, wide=padded - before - after)
        return _Along(less, wide, slice(steps.start, steps.stop), inside - before)
    if side.narrow in at:
        step = at[side.narrow]
        first, end = span.place(step, 0), span.place(step, span.taps - 1) + 1
        start, stop = max(0, first), min(span.wide, end)
        if start >= stop:
            return None
        before, after, inside = start - first, end - stop, 0
        if symmetric:
            inside = max(0, after - before + span.stride - 1) // span.stride
            before = after = before + inside * span.stride
        less = span._replace(steps=1, before=before, after=after, wide=stop - start)
        less = less._replace(steps=less.remainder // less.stride + 1)
        return _Along(less, slice(start, stop), narrow, inside)
    return _Along(span, wide, narrow, at.get(side.tap, 0))

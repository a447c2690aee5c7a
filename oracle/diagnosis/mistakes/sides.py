"""Slips in whole sides: strides and axes exchanged, overlap, and where a result ends."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array

from .changes import both, masked, moved, on_side
from .form import Change, Map, Work, windows
from .slips import NARROWS, NEGLECT, PADDING, SAME, WIDENS, Slip


def _with_strides(choose: Callable[[int, int], tuple[int, int]]) -> Change:
    def arguments(work: Work) -> Work:
        rows, columns = work.axes
        down, across = choose(rows.stride, columns.stride)
        return replace(work, axes=(rows._replace(stride=down), columns._replace(stride=across)))

    return Change(arguments=arguments)


def _wins(taps: slice, z: Array, places: Any, parts: Array) -> None:
    """Overwrite places tap by tap, each tap's windows being places of their own."""
    _, rows, columns = places
    for h in range(rows.shape[1])[taps]:
        for w in range(columns.shape[1])[taps]:
            z[:, rows[:, h, 0, 0][:, None], columns[:, w]] = parts[:, :, h, :, w]


# What a window's last tap reaches, the first tap of a later window reaches, too.
_FIRST_WINS, _LAST_WINS = partial(_wins, slice(None)), partial(_wins, slice(None, None, -1))


def _counted_as(axis: int) -> Map:
    """Return the map that keeps as many windows along one axis as there are along the other."""

    def change(narrow: Array) -> Array:
        steps = narrow.shape[3 - axis]
        if steps > narrow.shape[axis]:
            raise IndexError(f"index {steps - 1}: expected less than {narrow.shape[axis]}")
        kept = narrow.copy()
        np.moveaxis(kept, axis, 0)[steps:] = 0
        return kept

    return change


def _largest_wins(z: Array, places: Any, parts: Array) -> None:
    low = np.full(z.shape, -np.inf)
    np.maximum.at(low, places, parts)
    z[...] = np.where(np.isinf(low), z, low)


def _mean(z: Array, places: Any, parts: Array) -> None:
    count = np.zeros(z.shape)
    np.add.at(z, places, parts)
    np.add.at(count, places, np.ones(parts.shape))
    z /= np.maximum(count, 1)


def _add_where_reached(z: Array, places: Any, parts: Array) -> None:
    z[places] = 0
    np.add.at(z, places, parts)


def _stored_by_step(axes: tuple[int, ...], work: Work, z: Array) -> Array:
    """Store each row or column at its number divided by the stride."""
    for axis in axes:
        span, given = work.spans()[axis - 1], np.moveaxis(z, axis, 0)
        stored = np.zeros_like(given)
        for place, each in enumerate(given):
            stored[min(place // span.stride, span.steps - 1)] = each
        z = np.moveaxis(stored, 0, axis)
    return z


def _overlap(span: Span) -> int:
    return max(span.reach - span.stride, 0)


def _until_last_window(span: Span) -> int:
    return min(span.wide, max(span.reached - span.before, 0))


def _edge_repeated(work: Work, z: Array) -> Array:
    z = z.copy()
    rows, columns = (_until_last_window(span) for span in work.spans())
    z[:, rows:] = z[:, max(rows, 1) - 1 : max(rows, 1)]
    z[:, :, columns:] = z[:, :, max(columns, 1) - 1 : max(columns, 1)]
    return z


_PAIR = "the order (height, width) and (width, height) confused"
_ONE_STRIDE = "one stride for both axes"
_OVERLAP = "overlap of transposed convolutions: pytorch#5057"

# fmt: off
# A table, laid out by hand.

_STRIDES = (
    Slip("strides-exchanged", "the two strides are exchanged", _PAIR,
        _with_strides(lambda h, w: (w, h))),
    Slip("stride-of-rows", "the stride of rows is used for columns, too", _ONE_STRIDE,
        _with_strides(lambda h, _: (h, h))),
    Slip("stride-of-columns", "the stride of columns is used for rows, too", _ONE_STRIDE,
        _with_strides(lambda _, w: (w, w))),
)

_TURNED = tuple(
    Slip(f"{name}-turned{'-late' * late}",
        f"rows and columns of the {words} are exchanged{', as far as they fit' * late}", _PAIR,
        on_side(axis, lambda array: array.swapaxes(1, 2), late=late),
        summed=axis * late,  # what is returned always fits
        fore=not late)
    for name, words, axis in (
        ("filter", "filter", "h"), ("wide", "{wide}", "H"), ("narrow", "{narrow}", "P"))
    for late in (False, True)
)

_COUNTED = tuple(
    Slip(f"{one}-counted-as-{other}",
        f"of {one} of windows only so many count as there are {other}, and there may not be fewer",
        _PAIR, on_side("P", _counted_as(axis)), "Hh", NARROWS, fore=False)
    for one, other, axis in (("rows", "columns", 1), ("columns", "rows", 2))
)

_WIDE = (
    Slip("overlap-last",
        "where windows overlap, only the last one counts: = for += in a loop over windows",
        _OVERLAP, Change(scatter=_LAST_WINS)),
    Slip("overlap-last-of-channels",
        "where windows overlap, only the last one counts, and of channels out only the last: "
        "= for +=", _OVERLAP,
        replace(masked("o", lambda n: np.arange(n) == n - 1), scatter=_LAST_WINS),
        layers=NARROWS, fore=False),
    Slip("overlap-first",
        "where windows overlap, only the first one counts: = for += in a loop over filter taps",
        _OVERLAP, Change(scatter=_FIRST_WINS)),
    Slip("overlap-largest", "where windows overlap, the largest product is taken", _OVERLAP,
        Change(scatter=_largest_wins)),
    Slip("overlap-mean", "where windows overlap, they are averaged", _OVERLAP,
        Change(scatter=_mean)),
    *(Slip(f"stored-by-step{suffix}",
        f"{words} of the result are stored at their number divided by the stride",
        "an index of the output used for the input: neon#111",
        Change(result=partial(_stored_by_step, axes)), fore=False)
        for suffix, words, axes in (
            ("", "rows and columns", (1, 2)), ("-rows", "rows", (1,)), ("-columns", "columns", (2,))
    )),
    Slip("remainder-missing", "the result ends where the last window ends", NEGLECT,
        Change(extent=_until_last_window), layers=NARROWS, fore=False),
    Slip("remainder-repeated", "the remainder repeats the last row and column instead of zeros",
        NEGLECT, Change(result=_edge_repeated), layers=NARROWS),
    Slip("extent-steps-times-stride",
        "the result's extents are those of the input times the stride", SAME,
        Change(extent=lambda s: s.steps * s.stride), layers=WIDENS, fore=False),
    Slip("extent-without-overlap", "the result is cropped by half the overlap on every side", SAME,
        both(moved(lambda s: -(_overlap(s) // 2)), lambda s: s.wide - _overlap(s)),
        layers=WIDENS, fore=False),
    Slip("extent-padded", "the result is cropped by half a filter on every side",
        PADDING,
        both(moved(lambda s: -(s.taps // 2)), lambda s: max(s.wide - 2 * (s.taps // 2), 0)),
        layers=WIDENS, fore=False),
    Slip("extent-output-padding",
        "the result has as many rows and columns more as the stride has beyond one",
        "output_padding = stride - 1",
        both(windows, lambda s: s.wide + s.stride - 1), layers=WIDENS, fore=False),
    Slip("gaps-not-zeroed", "what no window reaches is not set to zero", "numpy.empty, malloc",
        Change(start=np.nan, scatter=_add_where_reached), fore=False, wild=True),
)
# fmt: on

SIDES = (*_STRIDES, *_TURNED, *_COUNTED, *(replace(slip, returns="H") for slip in _WIDE))

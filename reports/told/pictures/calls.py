"""What one call is like: which places its windows reach, and how far off its result is."""

import math
from collections import Counter

from convcheck.cases.case import Case
from convcheck.form.axis import Span
from convcheck.form.operations import operation_named
from convcheck.reports.failures import Calls, Grid

from .grid import Cell, Picture, grid

_MOST = 16  # places of an axis that are drawn


def of_windows(case: str) -> Picture | None:
    """Draw how many windows reach each place of a case's layer, padding included.

    None where that would show nothing: where all places are reached, or they are too many.
    """
    try:
        geometry, operation = Case.parse(case).geometry, Case.parse(case).operation
        layer, spans = operation_named(operation).layer, operation_named(operation).spans(geometry)
    except ValueError:
        return None
    if max(span.padded for span in spans) > _MOST:
        return None
    rows, columns = (_reached(span) for span in spans)
    missed = sum(not (r and c) for r in rows for c in columns)
    if not missed and all(span.padded == span.wide for span in spans):
        return None
    outside = [[not 0 <= n - span.before < span.wide for n in range(span.padded)] for span in spans]
    cells = [
        [
            Cell(
                ("odd" if outside[0][r] or outside[1][c] else "plus1" if n * m else "zero",),
                f"{n * m}",
            )
            for c, m in enumerate(columns)
        ]
        for r, n in enumerate(rows)
    ]
    side = "input" if layer.narrows else "output"
    padded = ", padding in grey" * any(map(any, outside))
    title = f"How many windows reach each place of the layer's {side}{padded}"
    places = f"{len(rows) * len(columns)} places, padding included"
    numbers = [range(-span.before, span.padded - span.before) for span in spans]
    said = f"{title}: of {places}, {missed} lie in none"
    return grid(title, said, ("row", "column"), cells, rows=numbers[0], columns=numbers[1])


def _reached(span: Span) -> list[int]:
    """Return how many taps of windows lie on each place of an axis, padding included."""
    places = (
        span.place(n, tap) + span.before for n in range(span.steps) for tap in range(span.taps)
    )
    counts = Counter(places)
    return [counts[n] for n in range(span.padded)]


def of_tried(found: Grid) -> Picture:
    """Draw on which geometries a kernel was wrong, by two of their numbers."""

    def cell(tried: int, wrong: int) -> Cell | None:
        if not tried:
            return None
        some = "part" if wrong else "all"
        return Cell(
            ("failed", "cross") if wrong == tried else (some,),
            "" if wrong in (0, tried) else f"{wrong}/{tried}",
        )

    cells = [
        [cell(*both) for both in zip(*each, strict=True)]
        for each in zip(found.tried, found.wrong, strict=True)
    ]
    title = f"Geometries tried, by {found.axes[0]} and {found.axes[1]}"
    counts = [sum(map(sum, each)) for each in (found.wrong, found.tried)]
    said = f"{title}: wrong in {counts[0]} of {counts[1]}"
    axes = [each.removeprefix("the number of ") for each in found.axes]  # there is little room
    return grid(title, said, axes, cells, rows=found.rows, columns=found.columns)


def of_calls(calls: Calls) -> Picture:
    """Draw calls in the order in which they were made: crossed are those that went wrong."""
    starts = range(0, len(calls.right), _MOST)
    rows = [calls.right[start : start + _MOST] for start in starts]
    cells = [[Cell(("all",) if right else ("failed", "cross")) for right in row] for row in rows]
    said = f"{calls.title}: wrong in {calls.right.count(False)} of {len(calls.right)}"
    names = [f"{start + 1}-{start + len(row)}" for start, row in zip(starts, rows, strict=True)]
    names = ["1"] if len(calls.right) == 1 else names
    columns = [""] * max(map(len, rows), default=0)
    axes = ("calls", "one after another")
    return grid(calls.title, said, axes, cells, rows=names, columns=columns, side=16)


def of_error(excess: float) -> Picture | None:
    """Draw an error that is so many times what rounding can explain, by powers of ten."""
    if not 1 < excess < math.inf:
        return None
    decades = math.floor(math.log10(excess)) + 1
    cells = [
        [Cell(("all" if n == 0 else "zero",)) for n in range(decades + 1)],
        [Cell(("failed" if n else "all",)) for n in range(decades + 1)],
    ]
    title = "The error, in multiples of its bound"
    said = f"{title}: {excess:.3g}, where 1 is allowed"
    columns = ["≤ 1", *(f"1e{n}" if n > 3 else f"{10**n:,}" for n in range(decades))]
    return grid(
        title, said, ("", "times the bound, from"), cells, rows=["bound", "error"], columns=columns
    )

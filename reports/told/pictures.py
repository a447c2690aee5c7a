"""Pictures of the data, laid out here and written as inline SVG by `templates/pictures.html`.

Nothing is judged here: what is marked as wrong is what the report says is wrong.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from convcheck.diagnosis.pictures import digits_of
from convcheck.reports.failures import Picture as Drawn
from convcheck.reports.failures import Taps

_LEFT, _TOP = 34, 36  # room for the names of the axes and their numbers
_WIDEST = 330  # so that a picture fits a telephone without being shrunk
_LETTER = 6.4
_ALONE = 8
"""extents of a region that have a grid of their own, the smallest"""


class Text(NamedTuple):
    """Words in a picture."""

    x: float
    y: float
    text: str
    style: str


@dataclass(frozen=True)
class Picture:
    """A drawing: shapes by their style, the later above the earlier, and words on top."""

    title: str
    said: str
    """what is to be seen, for those who do not see it"""
    width: float
    height: float
    paths: tuple[tuple[str, str], ...]
    texts: tuple[Text, ...]


class Cell(NamedTuple):
    """One square of a grid."""

    styles: Sequence[str]
    text: str = ""


def _grid(
    title: str,
    said: str,
    axes: Sequence[str],
    cells: Sequence[Sequence[Cell | None]],
    *,
    rows: Sequence[Any],
    columns: Sequence[Any],
    side: float = 20,
) -> Picture:
    """Draw a table of squares; the names of the rows and columns stand before them."""
    longest = max((len(cell.text) for row in cells for cell in row if cell), default=0)
    crossed = any("cross" in cell.styles for row in cells for cell in row if cell)
    corner = 9 if longest and crossed else 0  # where the cross does not hide the number
    wide = max(side, longest * _LETTER + 6 + corner)
    left = max(_LEFT, max((len(str(row)) for row in rows), default=0) * _LETTER + 8)
    paths: dict[str, list[str]] = {}
    texts = [Text(0, 11, f"↓ {axes[0][:30]}   → {axes[1][:30]}", "axis")]
    for r, row in enumerate(cells):
        for c, cell in enumerate(row):
            x, y = left + c * wide, _TOP + r * side
            for style in cell.styles if cell else ():
                cross = _cross(x, y, wide, side, corner) if style == "cross" else None
                paths.setdefault(style, []).append(cross or _square(x, y, wide, side))
            if cell and cell.text:
                texts.append(Text(x + (wide - corner) / 2, y + side / 2 + 4, cell.text, "number"))
    name = max((len(str(each)) for each in columns), default=0) * _LETTER
    texts += [
        Text(left + (c + 0.5) * wide, _TOP - 6, str(columns[c]), "middle")
        for c in range(0, len(columns), _step(len(columns), wide, name + 3))
    ]
    texts += [
        Text(left - 5, _TOP + (r + 0.5) * side + 4, str(rows[r]), "end")
        for r in range(0, len(rows), _step(len(rows), side, 14))
    ]
    width = max(left + len(columns) * wide + name / 2, len(texts[0].text) * _LETTER)
    height = _TOP + len(rows) * side + 2
    order = sorted(paths, key=lambda style: _ABOVE.get(style, 0))
    drawn = tuple((style, "".join(paths[style])) for style in order)
    return Picture(title, said, round(width, 1), round(height, 1), drawn, tuple(texts))


_ABOVE = {"ring": 1, "cross": 2}  # drawn over the squares


def _square(x: float, y: float, wide: float, high: float) -> str:
    return f"M{x:.4g} {y:.4g}h{wide:.4g}v{high:.4g}h-{wide:.4g}z"


def _cross(x: float, y: float, wide: float, high: float, corner: float) -> str:
    """Return a cross in the middle of a square, or in its upper right corner of that size."""
    a = corner - 3 if corner else min(wide, high) // 2
    x, y = (x + wide - a - 2, y + 2) if corner else (x + (wide - a) / 2, y + (high - a) / 2)
    return f"M{x:.4g} {y:.4g}l{a:.4g} {a:.4g}m0 -{a:.4g}l-{a:.4g} {a:.4g}"


def _step(count: int, room: float, needed: float) -> int:
    """Return how many squares to go on from one number of an axis to the next."""
    return next((n for n in (1, 2, 5, 10, 20) if n * room >= needed), max(count, 1))


def shade(value: float, top: float) -> str:
    """Return the style of a number: its sign, and its size in thirds of `top`."""
    if not math.isfinite(value):
        return "odd"
    if value == 0 or top == 0:
        return "zero"
    size = min(3, math.ceil(abs(value) / top * 3))  # in this order, as 3 times may overflow
    return f"{'plus' if value > 0 else 'minus'}{size}"


def number(value: float, digits: int = 4) -> str:
    """Return a number as pictures and their tables have it."""
    return f"{value:.{digits}g}"


def _digits(picture: Drawn | Taps) -> int:
    """Return as many digits as wrong numbers take to look other than the right ones."""
    if not isinstance(picture, Drawn):
        return 4
    return digits_of(picture.got, picture.expected, picture.wrong, 4)


def _numbers(table: Sequence[Sequence[Any]]) -> list[list[float]]:
    """Return a table in numbers: what is not finite comes as text."""
    return [[float(value) for value in row] for row in table]


def _top(*tables: list[list[float]]) -> float:
    finite = (abs(v) for table in tables for row in table for v in row if math.isfinite(v))
    return max(finite, default=0.0)


def of_values(picture: Drawn | Taps) -> list[Picture]:
    """Draw a part of a result, or a filter, as it came out and as it was expected.

    Args:
        picture: as a diagnosis has it.
    """
    got, expected = _numbers(picture.got), _numbers(picture.expected)
    wrong = picture.wrong if isinstance(picture, Drawn) else []
    top = _top(got, expected)
    digits = _digits(picture)
    shown = max(
        (len(number(v, digits)) for t in (got, expected) for row in t for v in row), default=0
    )
    legible = (shown * _LETTER + 15) * max(map(len, got), default=0) <= _WIDEST
    first_row, first_column = picture.origin if isinstance(picture, Drawn) else (0, 0)
    said = f"{picture.title}: {_whereabouts(wrong, first_row, first_column)}"

    def draw(title: str, values: list[list[float]], marked: Sequence[Sequence[bool]]) -> Picture:
        cells = [
            [
                Cell(
                    (shade(value, top), *(("ring", "cross") if _at(marked, r, c) else ())),
                    number(value, digits) if legible else "",
                )
                for c, value in enumerate(row)
            ]
            for r, row in enumerate(values)
        ]
        columns = range(first_column, first_column + max(map(len, values), default=0))
        rows = range(first_row, first_row + len(values))
        side = 22 if legible else min(20, _WIDEST // max(len(columns), 1))
        said_here = f"{title}. {said}"
        return _grid(title, said_here, picture.axes, cells, rows=rows, columns=columns, side=side)

    return [draw("Returned", got, wrong), draw("Expected", expected, ())]


def _at(marked: Sequence[Sequence[bool]], row: int, column: int) -> bool:
    return row < len(marked) and column < len(marked[row]) and marked[row][column]


def _whereabouts(wrong: Sequence[Sequence[bool]], first_row: int, first_column: int) -> str:
    """Say how many elements are wrong, and where they lie."""
    at = [(r, c) for r, row in enumerate(wrong) for c, each in enumerate(row) if each]
    if not at:
        return "numbers in the table"
    rows, columns = ([each[k] for each in at] for k in (0, 1))
    return (
        f"{len(at)} of {sum(map(len, wrong))} elements shown are wrong, between rows "
        f"{first_row + min(rows)} and {first_row + max(rows)} and columns "
        f"{first_column + min(columns)} and {first_column + max(columns)}"
    )


def values_table(picture: Drawn | Taps) -> list[list[str]]:
    """Return the numbers of such a picture, expected ones behind those that are wrong."""
    got, expected = _numbers(picture.got), _numbers(picture.expected)
    marks = picture.wrong if isinstance(picture, Drawn) else None
    wrong = marks or [[True] * len(row) for row in got]
    digits = _digits(picture)
    return [
        [
            f"{number(value, digits)} ({number(expected[r][c], digits)})"
            if _at(wrong, r, c)
            else number(value, digits)
            for c, value in enumerate(row)
        ]
        for r, row in enumerate(got)
    ]


def of_region(
    axes: Sequence[Sequence[int]], failed: Iterable[Sequence[int]], *, complete: bool
) -> list[Picture]:
    """Draw what was certified: for each extent, which filters and strides; the longest together.

    Args:
        axes: extent, taps, stride, geometries certified so, and the extent of the other
            axis up to which they were.
        failed: extent, taps and stride of the axes of the first failure.
        complete: whether all that was to be certified was.
    """
    known = {tuple(axis[:3]): axis[4] for axis in axes}
    failures = {tuple(axis) for axis in failed}
    pictures = []
    extents = sorted({key[0] for key in (*known, *failures)})
    for extent in extents[:_ALONE]:
        here = [key for key in (*known, *failures) if key[0] == extent]
        longest = max((known[key] for key in here if key in known), default=0)
        taps, strides = (range(1, max(key[k] for key in here) + 1) for k in (1, 2))

        def cell(
            stride: int, filter_taps: int, at: int = extent, most: int = longest
        ) -> Cell | None:
            key = (at, filter_taps, stride)
            if key in failures:
                return Cell(("failed", "cross"))
            if key not in known:
                return None
            style = "all" if known[key] == most >= at else "narrow"
            return Cell((style if complete else "part",), str(known[key]))

        pictures.append(
            _grid(
                f"extent {extent}",
                f"Extent {extent}: {_covered(here, failures, complete=complete)}",
                ("stride", "filter"),
                [[cell(s, t) for t in taps] for s in strides],
                rows=strides,
                columns=taps,
            )
        )
    if len(extents) > _ALONE:
        pictures.append(_of_longer(extents[_ALONE:], known, failures, complete=complete))
    return pictures


def _of_longer(
    extents: Sequence[int],
    known: Mapping[tuple[int, ...], int],
    failures: set[tuple[int, ...]],
    *,
    complete: bool,
) -> Picture:
    """Draw with how many strides each filter was certified on some extents."""
    others: dict[tuple[int, ...], list[int]] = {}
    for key, other in known.items():
        others.setdefault(key[:2], []).append(other)
    failed = {key[:2] for key in failures}
    here = [key for key in (*known, *failures) if key[0] in extents]
    taps = range(1, max(key[1] for key in here) + 1)

    def cell(extent: int, filter_taps: int) -> Cell | None:
        key = extent, filter_taps
        if key in failed:
            return Cell(("failed", "cross"))
        if key not in others:
            return None
        style = "all" if min(others[key]) >= extent else "narrow"
        return Cell((style if complete else "part",), str(len(others[key])))

    name = f"{extents[0]} to {extents[-1]}"
    return _grid(
        f"extents {name}, how many strides",
        f"Extents {name}: {_covered(here, failures, complete=complete)}",
        ("extent", "filter"),
        [[cell(extent, t) for t in taps] for extent in extents],
        rows=extents,
        columns=taps,
    )


def _covered(here: list[tuple[int, ...]], failures: set[tuple[int, ...]], *, complete: bool) -> str:
    good = [key for key in here if key not in failures]
    bad = [f"filter {key[1]} with stride {key[2]}" for key in here if key in failures]
    text = f"{len(good)} pairs of filter and stride {'certified' if complete else 'in part'}"
    return "; ".join([text, *(f"fails at {each}" for each in bad)])


def of_distribution(operation: str, rows: Sequence[tuple[str, Sequence[int]]]) -> Picture:
    """Draw how many judged cases had which error: a row for each dtype, a bin a column."""
    bins = max((len(counts) for _, counts in rows), default=0)
    names = [f"1/{2**k}" if k else "1" for k in range(bins)]
    cells = [
        [Cell((shade(count / max(sum(counts), 1), 0.5) if count else "zero",)) for count in counts]
        for _, counts in rows
    ]
    said = f"{operation}: judged cases by largest error, as a fraction of the bound; see the table"
    dtypes = [dtype for dtype, _ in rows]
    axes = ("dtype", "error, at most, of the bound")
    return _grid(operation, said, axes, cells, rows=dtypes, columns=names, side=22)

"""Numbers as they came out, beside those that were expected."""

import math
from collections.abc import Sequence
from typing import Any

from convcheck.diagnosis.pictures import digits_of
from convcheck.reports.failures import Picture as Drawn
from convcheck.reports.failures import Taps

from .grid import LETTER, Cell, Picture, grid

_WIDEST = 330  # so that a picture fits a telephone without being shrunk


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
    legible = (shown * LETTER + 15) * max(map(len, got), default=0) <= _WIDEST
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
        return grid(title, said_here, picture.axes, cells, rows=rows, columns=columns, side=side)

    titles = ("Returned", "Expected") if isinstance(picture, Drawn) else ("Acts as", "Is")
    return [draw(titles[0], got, wrong), draw(titles[1], expected, ())]


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

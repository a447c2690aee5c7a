"""Pictures of what is wrong: a plane of a result, what each filter tap acts as, calls in a row."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.shown.evidence import Wrong

from .where.signs import AXES, noun

_MOST, _FEW = 24, 8
"""places of an axis that are drawn at most, and where there are as many, at least"""
_BESIDE = 30  # characters of a row up to which numbers are told in text


Plane = Sequence[Sequence[float | str]]
"""rows of numbers, those that are not finite in words"""


@dataclass(frozen=True)
class Picture:
    """A part of a result, as it came out and as it was expected."""

    title: str
    axes: tuple[str, str]
    at: Mapping[str, int]
    """where it lies on the other axes"""
    origin: tuple[int, int]
    """row and column with which it begins"""
    got: Plane
    expected: Plane
    wrong: list[list[bool]]


@dataclass(frozen=True)
class Taps:
    """What each tap of a filter acts as; taps are numbered from 1, row by row."""

    got: Plane
    expected: Plane
    title: str = "what each filter tap acts as: taps are numbered, 0 is none, nan is no single one"
    axes: tuple[str, str] = ("filter row", "filter column")


@dataclass(frozen=True)
class Calls:
    """Calls that were made one after another."""

    title: str
    """which calls"""
    right: Sequence[bool]
    """of each whether it went right"""


def plane(result: Wrong, index: Sequence[int] = ()) -> Picture:
    """Return the plane of a result that holds an element, cropped to where it is wrong.

    Without an element, it is the plane with most wrong ones.
    """
    axes = result.operation.result
    counts = result.wrong.sum(axis=(1, 2))
    most = divmod(int(np.argmax(counts)), counts.shape[1])
    first, row, column, last = index or (most[0], 0, 0, most[1])
    wrong = result.wrong[first, :, :, last]
    rows = _cropped(np.asarray(wrong.any(axis=1)), row)
    columns = _cropped(np.asarray(wrong.any(axis=0)), column)
    drawn = first, rows, columns, last
    return Picture(
        f"z[{first}, {_part(rows, len(wrong))}, {_part(columns, wrong.shape[1])}, {last}]",
        axes=(AXES[axes[1]], AXES[axes[2]]),
        at={noun(axes, axes[0]): first, noun(axes, axes[3]): last},
        origin=(rows.start, columns.start),
        got=_numbers(result.got[drawn]),
        expected=_numbers(result.expected[drawn]),
        wrong=wrong[rows, columns].tolist(),
    )


def _part(places: slice, length: int) -> str:
    """Return which places of an axis are drawn, as NumPy has it."""
    whole = places.start == 0 and places.stop == length
    return ":" if whole else f"{places.start}:{places.stop}"


def _cropped(wrong: Array, told: int) -> slice:
    """Return `_FEW` to `_MOST` places, from before the first wrong one until behind the last.

    Where `_MOST` leave out the one that is told of, they end with it.
    """
    places = np.flatnonzero(wrong)
    start = max(int(places[0]) - 1, 0, told - _MOST + 1)
    most = min(max(int(places[-1]) + 2 - start, _FEW), _MOST)
    start = max(min(start, len(wrong) - most), 0)
    return slice(start, min(start + most, len(wrong)))


def _numbers(values: Array) -> Plane:
    return [[v if math.isfinite(v) else str(v) for v in row] for row in values.tolist()]


def lines(picture: Picture) -> list[str]:
    """Return a picture as text: what is wrong, and beside it the numbers where there is room."""
    (rows, columns), (down, across) = picture.origin, picture.axes
    title = f"{picture.title}: x is wrong, . is right"
    if rows or columns:
        title += f"; from {down} {rows}, {across} {columns} on"
    marks = [" ".join("x" if each else "." for each in row) for row in picture.wrong]
    digits = digits_of(picture.got, picture.expected, picture.wrong)
    got, expected = (_aligned(each, digits) for each in (picture.got, picture.expected))
    if marks and max(map(len, got + expected), default=0) <= _BESIDE:
        heads = [len(marks[0]), len(got[0])]
        top = f"{'':{heads[0]}}   {'got':<{heads[1]}}   expected"
        both = zip(marks, got, expected, strict=True)
        return [title, top, *(f"{m}   {g:<{heads[1]}}   {e}" for m, g, e in both)]
    return [title, *marks]


def digits_of(got: Plane, expected: Plane, wrong: Sequence[Sequence[bool]], least: int = 5) -> int:
    """Return with how many digits, at least, each wrong number looks other than the right one."""
    pairs = [
        (one, other)
        for rows in zip(got, expected, wrong, strict=True)
        for one, other, marked in zip(*rows, strict=True)
        if marked and isinstance(one, float) and isinstance(other, float)
    ]
    differ = (
        digits
        for digits in range(least, 17)
        if all(f"{one:.{digits}g}" != f"{other:.{digits}g}" for one, other in pairs)
    )
    return next(differ, 17)


def _aligned(values: Plane, digits: int) -> list[str]:
    texts = [[f"{v:.{digits}g}" if isinstance(v, float) else v for v in row] for row in values]
    width = max((len(text) for row in texts for text in row), default=0)
    return [" ".join(text.rjust(width) for text in row) for row in texts]


def taps(acts: list[list[int | None]]) -> Taps:
    """Return the picture of what each filter tap acts as: 0 if it is none, None if no single."""
    numbers = itertools.count(1)
    return Taps(
        got=[[float(each) if each is not None else "nan" for each in row] for row in acts],
        expected=[[float(next(numbers)) for _ in row] for row in acts],
    )

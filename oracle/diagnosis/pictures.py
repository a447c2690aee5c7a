"""Pictures of what is wrong: one plane of a result, and what each filter tap acts as."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.shown.evidence import Wrong

from .where.signs import AXES, noun

_MOST = 24
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


def plane(result: Wrong, index: Sequence[int] = ()) -> Picture:
    """Return the plane of a result that holds an element, cropped to where it is wrong.

    Without an element, it is the plane with most wrong ones.
    """
    axes = result.operation.result
    counts = result.wrong.sum(axis=(1, 2))
    at = np.unravel_index(int(np.argmax(counts)), counts.shape)
    if index:
        at = np.intp(index[0]), np.intp(index[3])
    wrong = result.wrong[at[0], :, :, at[1]]
    told = index[1:3] if index else (0, 0)
    rows, columns = (
        _cropped(np.asarray(wrong.any(axis=axis)), place)
        for axis, place in zip((1, 0), told, strict=True)
    )
    parts = map(_part, (rows, columns), wrong.shape)
    first, last = noun(axes, axes[0]), noun(axes, axes[3])
    return Picture(
        f"z[{at[0]}, {', '.join(parts)}, {at[1]}]",
        axes=(AXES[axes[1]], AXES[axes[2]]),
        at={first: int(at[0]), last: int(at[1])},
        origin=(rows.start, columns.start),
        got=_numbers(result.got[at[0], rows, columns, at[1]]),
        expected=_numbers(result.expected[at[0], rows, columns, at[1]]),
        wrong=wrong[rows, columns].tolist(),
    )


def _part(places: slice, length: int) -> str:
    """Return which places of an axis are drawn, as NumPy has it."""
    whole = places.start == 0 and places.stop == length
    return ":" if whole else f"{places.start}:{places.stop}"


def _cropped(wrong: Array, told: int) -> slice:
    """Return at most `_MOST` places that hold the first wrong one, and one before it.

    Where that leaves out the one that is told of, they end with it.
    """
    start = max(int(np.argmax(wrong)) - 1, 0, told - _MOST + 1)
    start = max(min(start, len(wrong) - _MOST), 0)
    return slice(start, min(start + _MOST, len(wrong)))


def _numbers(values: Array) -> Plane:
    return [[_number(float(value)) for value in row] for row in values]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


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

"""Pictures of what is wrong: one plane of a result, and what each filter tap acts as."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.shown.evidence import Wrong

from .where.signs import AXES, noun

_MOST = 24
_BESIDE = 30  # characters of a row up to which numbers are told in text


def plane(result: Wrong, index: Sequence[int] = ()) -> dict[str, Any]:
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
    return {
        "title": f"z[{at[0]}, {', '.join(parts)}, {at[1]}]",
        "axes": [AXES[axes[1]], AXES[axes[2]]],
        "at": {first: int(at[0]), last: int(at[1])},
        "origin": [rows.start, columns.start],
        "got": _numbers(result.got[at[0], rows, columns, at[1]]),
        "expected": _numbers(result.expected[at[0], rows, columns, at[1]]),
        "wrong": wrong[rows, columns].tolist(),
    }


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


def _numbers(values: Array) -> list[list[float | str]]:
    return [[_number(float(value)) for value in row] for row in values]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def lines(picture: dict[str, Any]) -> list[str]:
    """Return a picture as text: what is wrong, and beside it the numbers where there is room."""
    rows, columns = picture["origin"]
    title = f"{picture['title']}: x is wrong, . is right"
    if rows or columns:
        title += f"; from {picture['axes'][0]} {rows}, {picture['axes'][1]} {columns} on"
    marks = [" ".join("x" if each else "." for each in row) for row in picture["wrong"]]
    digits = digits_of(picture)
    got, expected = (_aligned(picture[key], digits) for key in ("got", "expected"))
    if marks and max(map(len, got + expected), default=0) <= _BESIDE:
        heads = [len(marks[0]), len(got[0])]
        top = f"{'':{heads[0]}}   {'got':<{heads[1]}}   expected"
        both = zip(marks, got, expected, strict=True)
        return [title, top, *(f"{m}   {g:<{heads[1]}}   {e}" for m, g, e in both)]
    return [title, *marks]


def digits_of(picture: dict[str, Any], least: int = 5) -> int:
    """Return with how many digits, at least, each wrong number looks other than the right one."""
    pairs = [
        (got, expected)
        for rows in zip(picture["got"], picture["expected"], picture["wrong"], strict=True)
        for got, expected, wrong in zip(*rows, strict=True)
        if wrong and isinstance(got, float) and isinstance(expected, float)
    ]
    differ = (
        digits
        for digits in range(least, 17)
        if all(f"{got:.{digits}g}" != f"{expected:.{digits}g}" for got, expected in pairs)
    )
    return next(differ, 17)


def _aligned(values: list[list[float | str]], digits: int) -> list[str]:
    texts = [[f"{v:.{digits}g}" if isinstance(v, float) else v for v in row] for row in values]
    width = max((len(text) for row in texts for text in row), default=0)
    return [" ".join(text.rjust(width) for text in row) for row in texts]


def taps(acts: list[list[int | None]]) -> dict[str, Any]:
    """Return the picture of what each filter tap acts as, taps numbered from 1 row by row."""
    width = len(acts[0])
    return {
        "title": "what each filter tap acts as: taps are numbered, 0 is none, nan is no single one",
        "axes": ["filter row", "filter column"],
        "got": [[float(each) if each is not None else "nan" for each in row] for row in acts],
        "expected": [
            [float(row * width + column + 1) for column in range(width)] for row in range(len(acts))
        ],
    }

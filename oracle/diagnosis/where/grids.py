"""How a kernel fared on the geometries tried around a call, by two of their numbers: a picture."""

from collections import Counter

from convcheck.form.layouts import Array

from .claims import Grid
from .statements import Statement, word

_MOST = 8
"""values of a number that are told, those around where it begins to fail"""
_BESIDE = {"height": "width", "width": "height", "in": "out", "out": "in"}
"""how the name of a number ends, and that of the one that it is set against"""


def grid(numbers: dict[str, Array], failed: Array, found: Statement) -> Grid:
    """Return geometries by the first two numbers that a statement is about.

    Args:
        numbers: of each geometry, by name.
        failed: on which of them the kernel is wrong.
        found: where it is.
    """
    names = [name for clause in found.clauses for atom in clause for name in (atom[0], atom[2])]
    first, *others = dict.fromkeys(name for name in names if name in numbers)
    second = next(iter(others), None) or _partner(first)
    pairs = list(zip(numbers[first].tolist(), numbers[second].tolist(), strict=True))
    wrong = [pair for pair, each in zip(pairs, failed, strict=True) if each]
    rows, columns = (
        _told([pair[at] for pair in pairs], min(pair[at] for pair in wrong)) for at in (0, 1)
    )

    def counted(hits: list[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
        known = Counter(hits)
        return tuple(tuple(known[row, column] for column in columns) for row in rows)

    return Grid((word(first), word(second)), rows, columns, counted(pairs), counted(wrong))


def _partner(name: str) -> str:
    """Return the number that one is set against: of the other axis, or the batch."""
    stem, _, end = name.rpartition("_")
    if end in _BESIDE:
        return f"{stem}_{_BESIDE[end]}".lstrip("_")
    return "channels_in" if name == "batch" else "batch"


def _told(values: list[int], least: int) -> tuple[int, ...]:
    """Return the values around the least one with which the kernel is wrong."""
    every = sorted(set(values))
    start = max(0, min(every.index(least) - _MOST // 2, len(every) - _MOST))
    return tuple(every[start : start + _MOST])

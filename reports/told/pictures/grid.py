"""Drawings: tables of squares with words on top, as `templates/pictures.html` writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_LEFT, _TOP = 34, 36  # room for the names of the axes and their numbers
LETTER = 7.0  # width of one, at the size of the words


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


def grid(
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
    wide = max(side, longest * LETTER + 6 + corner)
    left = max(_LEFT, max((len(str(row)) for row in rows), default=0) * LETTER + 8)
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
    name = max((len(str(each)) for each in columns), default=0) * LETTER
    texts += [
        Text(left + (c + 0.5) * wide, _TOP - 6, str(columns[c]), "middle")
        for c in range(0, len(columns), _step(len(columns), wide, name + 3))
    ]
    texts += [
        Text(left - 5, _TOP + (r + 0.5) * side + 4, str(rows[r]), "end")
        for r in range(0, len(rows), _step(len(rows), side, 14))
    ]
    width = max(left + len(columns) * wide + name / 2, len(texts[0].text) * LETTER)
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

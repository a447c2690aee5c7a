"""Errors plotted against the number of products, on logarithmic axes, beside their curves."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .pictures import Picture, Text

Json = dict[str, Any]

MARKS = (
    "M{x} {y}m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",  # a circle
    "M{x} {y}m-3.5 -3.5h7v7h-7z",  # a square
    "M{x} {y}m0 -5l4.5 8h-9z",  # triangles, up and down
    "M{x} {y}m0 5l4.5 -8h-9z",
    "M{x} {y}m0 -5l5 5l-5 5l-5 -5z",  # a diamond
    "M{x} {y}m-4 0h8m-4 -4v8",  # a plus
    "M{x} {y}m-3.5 -3.5l7 7m0 -7l-7 7",  # a cross
    "M{x} {y}m-4 0h8m-6 -3.5l4 7m0 -7l-4 7",  # a star
)
"""the shapes that tell series apart where colours do not"""


@dataclass(frozen=True)
class _Scale:
    """A logarithmic axis."""

    low: float
    high: float
    start: float
    length: float

    def __call__(self, value: float) -> float:
        share = math.log10(value / self.low) / math.log10(self.high / self.low)
        return round(self.start + share * self.length, 1)

    def ticks(self) -> list[float]:
        low, high = (round(math.log10(value)) for value in (self.low, self.high))
        return [10.0**k for k in range(low, high + 1)]


def _scale(values: Iterable[float], start: float, length: float) -> _Scale:
    logs = [math.log10(value) for value in values if value > 0] or [0.0]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    return _Scale(10.0**low, 10.0 ** max(high, low + 1), start, length)


def of_growth(dtype: str, points: Sequence[Json], mark_of: Callable[[str], int]) -> Picture:
    """Draw the worst error against the number of products, and what bounds it.

    Args:
        dtype: which these are of.
        points: operation, products, error, bound and expected error.
        mark_of: the number of an operation's shape.
    """
    width, height, left, top, bottom, right = 350.0, 250.0, 46.0, 20.0, 38.0, 22.0
    x = _scale((p["products"] for p in points), left, width - left - right)
    figures = [p[key] for p in points for key in ("error", "bound", "expected")]
    y = _scale(figures, height - bottom, -(height - bottom - top))
    paths = [("grid", "".join(f"M{x(t)} {top}V{height - bottom}" for t in x.ticks()))]
    paths.append(("grid", "".join(f"M{left} {y(t)}H{width - right}" for t in y.ticks())))
    for key in ("bound", "expected"):
        line = sorted({(p["products"], p[key]) for p in points if p["products"] > 0 < p[key]})
        paths.append((key, "M" + "L".join(f"{x(n)} {y(v)}" for n, v in line) if line else ""))
    for operation in dict.fromkeys(p["operation"] for p in points):
        mark = mark_of(operation)
        seen = (p for p in points if p["operation"] == operation and p["error"] > 0)
        shapes = (MARKS[mark].format(x=x(p["products"]), y=y(p["error"])) for p in seen)
        paths.append((f"mark mark{mark}", "".join(shapes)))
    texts = [Text(x(t), height - bottom + 14, f"{t:,.0f}", "middle") for t in x.ticks()]
    texts += [Text(left - 5, y(t) + 4, f"{t:,g}", "end") for t in y.ticks()]
    texts.append(Text((left + width) / 2, height - 6, "products n", "middle axis"))
    texts.append(Text(0, 11, f"{dtype}: worst error, in u of the sum of magnitudes", "axis"))
    said = f"{dtype}: worst error against number of products, beside both curves; see the table"
    return Picture(dtype, said, width, height, tuple(paths), tuple(texts))

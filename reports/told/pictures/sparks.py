"""How numbers went from run to run: a small line, and a cross at every run that failed."""

import math
from collections.abc import Iterator, Sequence

from convcheck.reports.since.history import Run
from convcheck.reports.status import FAILS

from .grid import Picture

_WIDE, _HIGH, _EDGE = 160.0, 32.0, 6.0


def of_runs(runs: Sequence[Run]) -> Iterator[Picture]:
    """Draw what is known of runs, the oldest first: counts, and the worst errors of the last."""
    failed = [each.verdict == FAILS for each in runs]
    yield spark("judged cases", [each.judged for each in runs], failed)
    yield spark("decided cases", [each.decided for each in runs], failed)
    for operation, errors in runs[-1].worst.items():
        for dtype in errors:
            values = [each.worst.get(operation, {}).get(dtype) for each in runs]
            yield spark(f"worst error of {operation} in {dtype}", values, failed)


def spark(title: str, values: Sequence[float | None], failed: Sequence[bool]) -> Picture:
    """Draw numbers of runs, the oldest first; None where a run has none.

    Where the largest is more than a hundred times the smallest, heights are logarithms.

    Args:
        title: what the numbers are.
        values: at least one of them; not negative.
        failed: which runs did not conform.
    """
    known = [value for value in values if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    least = min((value for value in known if value > 0), default=1.0)
    steep = high > 100 * least

    def height(value: float) -> float:
        return math.log10(max(value, least)) if steep else value

    span = height(high) - height(low) or 1.0
    step = (_WIDE - 2 * _EDGE) / max(len(values) - 1, 1)
    points = [
        (_EDGE + at * step, _HIGH - _EDGE - (height(v) - height(low)) / span * (_HIGH - 2 * _EDGE))
        for at, v in enumerate(values)
        if v is not None
    ]
    line = "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in points) if points else ""
    if len(points) == 1:
        line += "h.1"  # with round ends, a point
    ends = [
        _EDGE + at * step for at, (_, bad) in enumerate(zip(values, failed, strict=True)) if bad
    ]
    crosses = "".join(f"M{x - 3:.4g} {_HIGH - 6:.4g}l6 6m0 -6l-6 6" for x in ends)
    paths = [("spark", line)] * bool(line) + [("cross", crosses)] * bool(crosses)
    return Picture(title, _said(title, known, failed), _WIDE, _HIGH, tuple(paths), ())


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def _said(title: str, known: Sequence[float], failed: Sequence[bool]) -> str:
    runs = f"{len(failed)} run{'' if len(failed) == 1 else 's'}"
    bad = f"{sum(failed) or 'none'} of the runs did not conform"
    if not known:
        return f"{title}: not known in {runs}; {bad}"
    numbers = f"from {_shown(min(known))} to {_shown(max(known))}, last {_shown(known[-1])}"
    return f"{title} in {runs}: {numbers}; {bad}"

"""What was certified, and how errors are distributed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from convcheck.reports.rows import by

from .grid import Cell, Picture, grid
from .values import shade

_ALONE = 8
"""extents of a region that have a grid of their own, the smallest"""


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
            grid(
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


def region_table(axes: Iterable[Sequence[int]]) -> list[tuple[int, int, str, int]]:
    """Return a map as rows: extent, filter, strides with what is known of each, geometries."""
    groups = by(axes, lambda axis: (axis[0], axis[1]))
    return [
        (*key, "; ".join(_strides(group)), sum(axis[3] for axis in group))
        for key, group in groups.items()
    ]


def _strides(axes: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield strides, those in a row that were certified alike together."""
    for other, group in groupby(axes, key=lambda axis: axis[4]):
        strides = [axis[2] for axis in group]
        ends = f"{strides[0]} to {strides[-1]}" if len(strides) > 1 else f"{strides[0]}"
        yield f"{ends}: {other}"


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
    return grid(
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
    return grid(operation, said, axes, cells, rows=dtypes, columns=names, side=22)

"""What kernels that are right make of zeros beside NaN and infinity, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from convcheck.judging.verdicts import Outcome

from .faults import listed

Json = dict[str, Any]
_BESIDE = ("nonfinite data", "nonfinite others")


def entries(records: Mapping[str, Json]) -> list[Json]:
    """Return by operation whose NaN or infinity spreads, and whether products are left out."""
    spreads: dict[str, set[str]] = {}
    skips: set[str] = set()
    for record in records.values():
        for operation, names, skipping in record.get("zeros", ()):
            spreads.setdefault(operation, set()).update(names)
            skips |= {operation} if skipping else set()
    return [
        {"operation": operation, "spreads": sorted(names), "skips": operation in skips}
        for operation, names in sorted(spreads.items())
    ]


def sentences(findings: Json) -> Iterator[str]:
    """Yield a sentence for each operation whose kernel is right on finite numbers."""
    for entry in findings.get("zeros") or ():
        told = [f"spreads NaN of {listed(entry['spreads'])}"] if entry["spreads"] else []
        told += ["leaves out products with zero"] if entry["skips"] else []
        finite = [
            cell
            for cell in findings["cells"]
            if cell["operation"] == entry["operation"] and cell["property"] not in _BESIDE
        ]
        if _right(finite):
            yield f"{entry['operation']}: right on finite numbers; {' and '.join(told)}"


def _right(cells: Iterable[Json]) -> bool:
    """Return whether something was decided in cells, and nothing failed or was lost."""
    cells = list(cells)
    whole = not any(cell["failure"] or cell["lost"] or cell.get("stopped") for cell in cells)
    return whole and any(cell["counts"].get(Outcome.AGREES.value) for cell in cells)

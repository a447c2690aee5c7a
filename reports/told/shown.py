"""What of a report the page shows, and in which order; how much, so that it stays small.

The worst comes first.  Whatever is left out is counted, and stands in the JSON.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from convcheck.cases.case import Case
from convcheck.form.operations import operation_named
from convcheck.judging.verdicts import Outcome
from convcheck.reports.document import UNSEEN, Findings
from convcheck.reports.failures import Failure
from convcheck.reports.rows import AGREEING, NOT_RUN, Cell, Certificate, by

from .looks import Look, look

Axis = tuple[int, int, int]

MOST_CELLS = 3_000
"""cells of the matrix that are shown"""
MOST_PROPERTIES = 60
MOST_ROWS = 500
"""rows of any other table, or entries of a list"""
MOST_RUNS = 60
"""of a history, the newest"""
MOST_CAUSES = 24
"""causes that are told"""
OPEN_CAUSES = 2
"""those whose call is not folded away"""
MOST_DRAWN = 8
"""those that have pictures"""
LONGEST_MESSAGE = 8_000
"""of what a kernel said"""
LONGEST_NAME = 300
"""of a kernel, a test or a case"""


def limited(
    groups: Mapping[Any, Iterable[Any]], most: int = MOST_ROWS
) -> tuple[dict[Any, list[Any]], int]:
    """Return the first entries of the groups, and how many are left out."""
    kept: dict[Any, list[Any]] = {}
    left = 0
    for name, entries in groups.items():
        found = list(entries)
        room = most - sum(map(len, kept.values()))
        left += max(0, len(found) - room)
        if found[:room] or not found:
            kept[name] = found[:room]
    return kept, left


def word(cell: Cell, certified: Mapping[str, bool]) -> str:
    """Return the one word for a cell.

    Args:
        cell: as the findings have it.
        certified: by operation, whether all of its region was.
    """
    if cell.failure:
        return cell.failure.outcome
    if cell.prop == "certified" and cell.status in AGREEING:
        return "certified" if certified.get(cell.operation) else "not certified"
    return cell.status


def regions(findings: Findings) -> dict[str, bool]:
    """Return, by operation, whether every region of it was certified."""
    certificates = by(findings.certificates, lambda each: each.operation)
    return {name: all(each.complete for each in group) for name, group in certificates.items()}


def is_bad(cell: Cell) -> bool:
    """Tell whether a cell shows that something is wrong."""
    return bool(cell.failure) or look(cell.status).style == "bad"


def verdict_look(findings: Findings) -> Look:
    """Return how the verdict looks: as good only if nothing was left out."""
    whole = all(cell.status != NOT_RUN for cell in findings.cells)
    seen = look(findings.verdict)
    return seen if whole or seen.style != "good" else Look("open", "◐")


def matrix(findings: Findings) -> tuple[dict[str, list[str]], dict[str, list[str]], int]:
    """Return operations with their dtypes; likewise those without any result; cells left out.

    Operations with failures come first.
    """
    groups = by(findings.cells, lambda cell: cell.operation)
    run = {cell.operation for cell in findings.cells if cell.counts or cell.status != NOT_RUN}
    shown: dict[str, list[str]] = {}
    idle: dict[str, list[str]] = {}
    room = MOST_CELLS
    left = 0
    for name in sorted(groups, key=lambda each: not any(map(is_bad, groups[each]))):
        if room < len(groups[name]):
            left += len(groups[name])
            continue
        room -= len(groups[name])
        place = idle if run and name not in run else shown  # where nothing was run, show just that
        place[name] = list(by(groups[name], lambda cell: cell.dtype))
    return shown, idle, left


def unoffered(findings: Findings) -> list[str]:
    """Return the dtypes in which no kernel offers anything, which have no columns of their own."""
    groups = by(findings.cells, lambda cell: cell.dtype)
    kept_out = Outcome.NOT_OFFERED.value
    found = [name for name, group in groups.items() if {c.status for c in group} == {kept_out}]
    return found if len(found) < len(groups) else []


def columns(findings: Findings) -> dict[str, list[str]]:
    """Return the columns of the matrix: the first properties, and the dtypes that each has."""
    properties, none = by(findings.cells, lambda cell: cell.prop), unoffered(findings)
    order = {dtype: n for n, dtype in enumerate(dict.fromkeys(c.dtype for c in findings.cells))}
    return {
        name: sorted({cell.dtype for cell in group} - {*none}, key=order.__getitem__)
        for name, group in [*properties.items()][:MOST_PROPERTIES]
    }


def of_reference(findings: Findings) -> bool:
    """Tell whether the ledger or the domain map was tried: where the reference was judged."""
    tried = [each.status for each in findings.ledger] + [each.status for each in findings.domain]
    return any(each != UNSEEN for each in tried)


class Map(NamedTuple):
    """What was certified, for operations of which it is the same."""

    operations: list[str]
    certificate: Certificate
    failed: list[Axis]
    """extent, taps and stride of those axes of the first failure that nothing agreed with"""
    case: str | None
    """the first failure"""


def maps(findings: Findings) -> list[Map]:
    """Return what there is to draw of certificates that know their axes."""
    failed = {
        cell.operation: cell.failure
        for cell in sorted(findings.cells, key=lambda c: -(c.failure.rank if c.failure else 0))
        if cell.prop == "certified" and cell.failure and not _has_parameters(cell.failure)
    }
    drawable = [each for each in findings.certificates if each.axes]
    groups = by(drawable, lambda each: repr((each.axes, each.complete, failed.get(each.operation))))
    found = []
    for group in groups.values():
        failure = failed.get(group[0].operation)
        new = _new(_axes(failure), group[0].axes)
        operations = [each.operation for each in group]
        found.append(Map(operations, group[0], new, failure.case if failure else None))
    return found


def _new(failed: list[Axis], known: Iterable[tuple[int, ...]]) -> list[Axis]:
    """Return the axes that no geometry agreed with; both, if both are known from others."""
    agreed = {tuple(axis[:3]) for axis in known}
    return [axis for axis in failed if axis not in agreed] or failed


def _axes(failure: Failure | None) -> list[Axis]:
    """Return extent, taps and stride of a failure's axes; none where its case cannot be read."""
    case = _case(failure) if failure else None
    try:
        if case is None:
            return []
        extents = operation_named(case.operation).extents(case.geometry)
    except ValueError:
        return []
    g = case.geometry
    return [
        (extents["H"], g.filter_height, g.stride_height),
        (extents["W"], g.filter_width, g.stride_width),
    ]


def _case(failure: Failure) -> Case | None:
    """Return the case of a failure; None where it cannot be read."""
    try:
        return Case.parse(failure.case)
    except ValueError:
        return None


def _has_parameters(failure: Failure) -> bool:
    """Tell whether a failure is of a region that is not drawn."""
    case = _case(failure)
    return case is not None and not case.geometry.is_plain

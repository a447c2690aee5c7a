"""What is wrong, in short: what the terminal tells first, an entry an operation."""

from collections.abc import Mapping
from typing import NamedTuple

from convcheck.reports.document import Findings
from convcheck.reports.rows import AGREEING, Cell, by

from .faults import fault, telling
from .looks import look
from .shown import is_bad, regions, word


class Problem(NamedTuple):
    """One operation that failed, in short."""

    operation: str
    fault: str
    """what is wrong, in a sentence"""
    first: Cell | None
    """the cell whose failure tells most"""
    failed: Mapping[str, list[str]]
    """dtypes by property"""
    fine: list[str]
    """properties that agree in every dtype"""
    so_far: list[str]
    """those that do as far as they were judged"""
    lost: list[str]
    """tests that were lost in a crash, or gave no result, where no failure is known"""


def problems(findings: Findings) -> list[Problem]:
    """Return what is wrong, one entry for each operation."""
    operations = by(findings.cells, lambda cell: cell.operation)
    certified = regions(findings)
    return [
        _problem(name, cells, certified)
        for name, cells in operations.items()
        if any(map(is_bad, cells))
    ]


def _problem(operation: str, cells: list[Cell], certified: Mapping[str, bool]) -> Problem:
    bad = [cell for cell in cells if is_bad(cell)]
    failures = sorted((cell for cell in bad if cell.failure), key=telling)
    properties = by(cells, lambda cell: cell.prop)
    fine = [
        name
        for name, group in properties.items()
        if all(look(word(cell, certified)).style == "good" for cell in group)
    ]
    order = {dtype: place for place, dtype in enumerate(dict.fromkeys(c.dtype for c in cells))}
    dtypes = {
        name: sorted((c.dtype for c in group), key=order.__getitem__)
        for name, group in by(bad, lambda cell: cell.prop).items()
    }
    return Problem(
        operation,
        fault(cells)
        if failures
        else f"{operation}: tests crashed, and what they would have shown is lost",
        failures[0] if failures else None,
        dtypes,
        fine,
        [
            name
            for name, group in properties.items()
            if name not in (*fine, "certified") and all(c.status in AGREEING for c in group)
        ],
        sorted({test for cell in bad if not cell.failure for test in cell.lost}),
    )


def kinds(findings: Findings, operation: str) -> dict[bool, list[str]]:
    """Return the kinds of geometry that an operation was judged on, by whether it passed."""
    outcomes = findings.tests.outcomes
    ended = {
        each.kind: outcomes.get(f"test_boundaries::test_boundary[{operation}-{each.kind}]")
        for each in findings.boundaries
        if each.operation == operation
    }
    return {
        passed: [name for name, outcome in ended.items() if outcome == word]
        for passed, word in ((True, "passed"), (False, "failed"))
    }

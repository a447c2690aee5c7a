"""What is wrong, in short: what the page and the terminal tell first, an entry an operation."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from convcheck.reports.document import Findings
from convcheck.reports.rows import AGREEING, Cell, by

from .faults import fault, listed, telling
from .looks import look
from .shown import is_bad, regions, word


class Problem(NamedTuple):
    """One operation that failed, in short."""

    operation: str
    kernel: str
    fault: str
    """what is wrong, in a sentence"""
    outcomes: Mapping[str, int]
    """failed cells by word"""
    cells: int
    names: list[tuple[str, int]]
    """mistakes that reproduce what the kernel does, in how many of the failures"""
    diagnosed: int
    """failures that were looked into"""
    first: Cell | None
    """the cell whose failure tells most"""
    failed: Mapping[str, list[str]]
    """dtypes by property"""
    where: Mapping[str, list[str]]
    """properties by the dtypes in which they failed, in words"""
    fine: list[str]
    """properties that agree in every dtype"""
    so_far: list[str]
    """those that do as far as they were judged"""
    kinds: Mapping[bool, list[str]]
    """kinds of geometry, by whether their test passed"""
    lost: list[str]
    """tests that were lost in a crash, or gave no result, where no failure is known"""


def problems(findings: Findings) -> list[Problem]:
    """Return what is wrong, one entry for each operation."""
    operations = by(findings.cells, lambda cell: cell.operation)
    return [
        _problem(name, cells, findings)
        for name, cells in operations.items()
        if any(map(is_bad, cells))
    ]


def _problem(operation: str, cells: list[Cell], findings: Findings) -> Problem:
    certified = regions(findings)
    bad = [cell for cell in cells if is_bad(cell)]
    failures = sorted((cell for cell in bad if cell.failure), key=telling)
    diagnoses = [cell.told.diagnosis for cell in failures if cell.told.diagnosis]
    names = Counter(name.sentence for each in diagnoses for name in each.names)
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
        findings.asked.kernels.get(operation, ""),
        fault(cells)
        if failures
        else f"{operation}: tests crashed, and what they would have shown is lost",
        Counter(word(cell, {}) for cell in bad),
        len(cells),
        names.most_common(3),
        len(diagnoses),
        failures[0] if failures else None,
        dtypes,
        by(dtypes, lambda name: _in_words(dtypes[name], cells)),
        fine,
        [
            name
            for name, group in properties.items()
            if name not in (*fine, "certified") and all(c.status in AGREEING for c in group)
        ],
        kinds(findings, operation),
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


def _in_words(dtypes: list[str], cells: list[Cell]) -> str:
    every = len(dtypes) > 1 and set(dtypes) == {cell.dtype for cell in cells}
    return "every dtype" if every else listed(dtypes)

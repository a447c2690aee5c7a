"""What is wrong, a cause at a time: failures that are put down to the same thing are told once."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from convcheck.reports.document import Findings
from convcheck.reports.failures import Failure
from convcheck.reports.rows import Cell, by

from .faults import OF_DTYPES, fault, likeness, telling, within


class Cause(NamedTuple):
    """One thing that is wrong with a kernel, and the failures that are put down to it."""

    operation: str
    known: bool
    """whether the failures share a mistake, or a pattern that says when the kernel is wrong"""
    title: str
    when: list[str]
    """under which circumstances the kernel is wrong, beyond the title"""
    seen: list[str]
    """what else is known of the failure that is told first"""
    cells: list[Cell]
    """those that failed so, the most telling first"""
    dtypes: dict[str, list[str]]
    """by property, those in which they did"""

    @property
    def precise(self) -> bool:
        """Whether it is a mistake in precision."""
        return _precise(self.cells[0].told)


def _precise(failure: Failure) -> bool:
    return any(each.id.startswith(OF_DTYPES) for each in failure.names[:1])


def causes(findings: Findings) -> list[Cause]:
    """Return what is wrong, the most telling of each operation first; what is not known last."""
    found: list[Cause] = []
    for operation, cells in by(findings.cells, lambda cell: cell.operation).items():
        failed = sorted((cell for cell in cells if cell.failure), key=telling)
        groups = _shared(failed)
        spared = [cell for cell in cells if not cell.failure]
        order = {dtype: place for place, dtype in enumerate(dict.fromkeys(c.dtype for c in cells))}
        found += [
            _cause(operation, group, spared, failed, order, known=known) for known, group in groups
        ]
    return sorted(found, key=lambda cause: not cause.known)


def _shared(failed: list[Cell]) -> list[tuple[bool, list[Cell]]]:
    """Return failures in groups that share what they are put down to; the others come last."""
    groups: list[tuple[set[str], list[Cell]]] = []
    others: list[Cell] = []
    for cell in failed:
        keys = set(_keys(cell.told))
        group = next((each for each in groups if keys & each[0]), None)
        if group:
            group[0].update(keys)
            group[1].append(cell)
        elif keys:
            groups.append((keys, [cell]))
        else:
            others.append(cell)
    return [*((True, cells) for _, cells in groups), *([(False, others)] if others else [])]


def _keys(failure: Failure) -> Iterator[str]:
    """Yield by what a failure is known to be the same as another."""
    if failure.names:
        yield f"mistake {failure.names[0].id}"
    else:
        yield from (each.gist for each in failure.patterns if each.leads)


def _cause(
    operation: str,
    cells: list[Cell],
    spared: list[Cell],
    failed: list[Cell],
    order: dict[str, int],
    *,
    known: bool,
) -> Cause:
    if _precise(cells[0].told):  # real numbers show by how much it is off
        cells = sorted(cells, key=lambda cell: cell.prop != "bound")
    first = cells[0].told
    patterns = first.patterns
    if first.names:
        title, _ = likeness(operation, first.names[0], failed, len(order))
    elif patterns and (known or all(c.told.patterns[:1] == patterns[:1] for c in cells)):
        place = within(patterns[0], failed, [*order])
        title, patterns = f"{operation}{place}{patterns[0].predicate}", patterns[1:]
    else:
        title = fault([*map(_unexplained, cells), *spared])
    dtypes = {
        name: sorted((cell.dtype for cell in group), key=order.__getitem__)
        for name, group in by(cells, lambda cell: cell.prop).items()
    }
    when = [each.text for each in patterns if each.leads]
    seen = [each.text for each in patterns if not each.leads]
    return Cause(operation, known, title, when, seen, cells, dtypes)


def _unexplained(cell: Cell) -> Cell:
    """Return a cell whose failure says what came out, and nothing of why."""
    return replace(cell, failure=replace(cell.told, diagnosis=None))

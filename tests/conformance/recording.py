"""What a test found, kept while it runs and sent along with its outcome.

A run is told by its cells: one for each operation, property and dtype.  Each test keeps
the cells that it judged; the controlling process adds them up.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from convcheck.oracle.cases import DTYPES
from convcheck.oracle.explain import explain
from convcheck.oracle.laws import LAWS
from convcheck.oracle.operations import OPERATIONS, operation_named
from convcheck.oracle.verdicts import DECIDED, Verdict

from .boundaries import classes_of, reachable

PROPERTIES = (
    "exact",
    "bound",
    "nonfinite data",
    "nonfinite others",
    *LAWS,
    "real layers",
    "activations",
)

# The laws of the trilinear form hold for one layer; no published network fixes two.
_ONE_LAYER = ("translation", "impulse", "subsampling", "real layers")

Cell = tuple[str, str, str]


def laws_of(operation: str) -> list[str]:
    """Return the laws that `operation` is judged by."""
    one_layer = OPERATIONS[operation].default_fore is None
    return [law for law in LAWS if one_layer or law not in _ONE_LAYER]


def planned_cells() -> list[Cell]:
    """Return operation, property and dtype of every cell that a full run fills."""
    return [
        (name, prop, dtype)
        for name, operation in OPERATIONS.items()
        for prop in PROPERTIES
        for dtype in DTYPES
        if (operation.default_fore is None or prop not in _ONE_LAYER)
        and (prop != "activations" or (operation.default_fore and dtype == "float64"))
    ]


def planned_boundaries() -> list[tuple[str, str]]:
    """Return operation and name of every boundary class that a full run reaches."""
    return [(o.name, name) for o in OPERATIONS.values() for name in reachable(o)]


class ConformanceError(AssertionError):
    """A kernel failed; the message is `explain`'s."""


@dataclass
class _Tally:
    counts: Counter[str] = field(default_factory=Counter)
    worst: float | None = None
    suspicious: int = 0
    failure: Verdict | None = None
    rerun: str | None = None


class Record:
    """The cells of one test."""

    def __init__(self) -> None:
        self._cells: dict[Cell, _Tally] = {}
        self._boundaries: Counter[tuple[str, str]] = Counter()
        self._entries: dict[str, dict[str, bool]] = {}
        self._failed = False

    def entry(self, table: str, name: str, *, holds: bool) -> None:
        """Note whether entry `name` of the ledger or the domain map still holds."""
        self._entries.setdefault(table, {})[name] = holds

    def judged(
        self, verdicts: list[Verdict], prop: str | None = None, rerun: str | None = None
    ) -> None:
        """Add the verdicts on one example; raise ConformanceError if any failed.

        Once an example failed, Hypothesis looks for smaller ones.  These are not added,
        so that counts are of cases chosen without regard to the kernel; but the last
        failure, which is the smallest, replaces earlier ones.  Of several on one example the
        first is told.

        Args:
            verdicts: on one example.
            prop: the property to file them under, instead of their own.
            rerun: a command that judges them again, where `--case` does not.
        """
        __tracebackhide__ = True
        failed_cells: set[Cell] = set()
        for verdict in verdicts:
            case = verdict.case
            cell = (case.operation, prop or verdict.prop, case.dtype)
            tally = self._cells.setdefault(cell, _Tally())
            if verdict.failed and cell not in failed_cells:
                failed_cells.add(cell)
                tally.failure = verdict
                tally.rerun = rerun
            if self._failed:
                continue
            tally.counts[verdict.outcome.value] += 1
            tally.suspicious += verdict.suspicious
            if verdict.error is not None:
                tally.worst = max(tally.worst or 0.0, verdict.error)
            if verdict.outcome in DECIDED or case.geometry.batch == 0:
                for name in classes_of(operation_named(case.operation), case.geometry):
                    self._boundaries[case.operation, name] += 1
        failures = [verdict for verdict in verdicts if verdict.failed]
        if failures:
            self._failed = True
            raise ConformanceError(_message(failures[0], rerun))

    def dump(self) -> str:
        """Return the record as JSON text of plain types, fit to cross processes."""
        return json.dumps(
            {
                "cells": [_plain(cell, tally) for cell, tally in self._cells.items()],
                "boundaries": [[*key, count] for key, count in self._boundaries.items()],
                "entries": self._entries,
            }
        )


def _rerun(verdict: Verdict, command: str | None) -> str:
    return command or f"pytest --case {verdict.case}"


def _message(verdict: Verdict, command: str | None) -> str:
    return explain(verdict, _rerun(verdict, command))


def _plain(cell: Cell, tally: _Tally) -> dict[str, Any]:
    operation, prop, dtype = cell
    failure = tally.failure and {
        "case": str(tally.failure.case),
        "outcome": tally.failure.outcome.value,
        "rerun": _rerun(tally.failure, tally.rerun),
        "message": _message(tally.failure, tally.rerun),
    }
    return {
        "operation": operation,
        "property": prop,
        "dtype": dtype,
        "counts": dict(tally.counts),
        "worst": tally.worst,
        "suspicious": int(tally.suspicious),
        "failure": failure,
    }

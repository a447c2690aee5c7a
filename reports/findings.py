"""What was found, from the records of the tests: the part of a report that is repeatable.

It holds no time, path or worker, and its order is fixed, so that it is the same to the
byte however many workers the run had.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from convcheck.oracle.verdicts import DECIDED, Outcome
from convcheck.reference.defects import LEDGER
from convcheck.reference.domain import DOMAIN_MAP

from . import refactor, summary

Json = dict[str, Any]
Cell = tuple[str, str, str]

# The status of a cell is the first of these that it has.
_WORST_FIRST = (
    Outcome.MISBEHAVED,
    Outcome.DISAGREES,
    Outcome.AGREES,
    Outcome.UNDECIDED,
    Outcome.VACUOUS,
    Outcome.NOT_OFFERED,
    Outcome.NOT_APPLICABLE,
)

CONFORMS = "conforms"
FAILS = "does not conform"
INCOMPLETE = "incomplete"
UNDECIDED = "nothing decided"


@dataclass(frozen=True)
class Results:
    """What the tests of a run left behind."""

    records: Mapping[str, Json]
    """each test's record, by the test's name"""
    outcomes: Mapping[str, str]
    """passed, failed or skipped, by the test's name"""
    messages: Mapping[str, str]
    """why a test did not pass, by its name"""
    collected: Iterable[str]
    """the names of all tests that were to run"""
    full: bool = False
    """whether these are all tests there are, at default effort or more"""


@dataclass(frozen=True)
class Planned:
    """What a full run fills and reaches."""

    cells: Iterable[Cell]
    """operation, property and dtype"""
    boundaries: Iterable[tuple[str, str]]
    """operation and name of each boundary class"""
    pairs: Iterable[tuple[str, str, int]]
    """operation, kind and number of pairs of classes"""


def build(
    results: Results, planned: Planned, asked: Json, replaced: Mapping[str, str] | None = None
) -> Json:
    """Return the findings.

    Args:
        results: what the tests left behind.
        planned: what a full run fills and reaches; what it does not reach is a failure.
        asked: what was to be judged, and how hard: kernels, profile, seed.
        replaced: what candidates replace, by operation.
    """
    cells = _cells(results.records, planned.cells)
    boundaries = summary.boundaries(results.records, planned.boundaries)
    pairs = summary.pairs(results.records, planned.pairs)
    missing = sorted(set(results.collected) - set(results.outcomes))
    failed_cells = [cell for cell in cells if cell["failure"]]
    explained = {name for name, record in results.records.items() if _has_failure(record)}
    errors = [
        {"test": name, "outcome": outcome, "message": results.messages.get(name, "")}
        for name, outcome in sorted(results.outcomes.items())
        if outcome != "passed" and name not in explained
    ]
    totals = Counter[str]()
    for cell in cells:
        totals.update(cell["counts"])
    decided = sum(totals[outcome.value] for outcome in DECIDED)
    # Where tests failed or are missing, they account for what was not reached.
    sound = results.full and not failed_cells and not errors and not missing
    unreached = summary.unreached(boundaries, pairs) if sound else []
    if failed_cells or unreached or any(error["outcome"] == "failed" for error in errors):
        verdict = FAILS
    elif missing or errors:
        verdict = INCOMPLETE
    else:
        verdict = CONFORMS if decided else UNDECIDED
    return {
        "verdict": verdict,
        "asked": asked,
        "totals": dict(sorted(totals.items())),
        "decided": decided,
        "cells": cells,
        "errors": errors,
        "missing": missing,
        "full": results.full,
        "certificates": summary.certificates(results.records),
        "random": summary.random(results.records),
        "boundaries": boundaries,
        "pairs": pairs,
        "unreached": unreached,
        "accuracy": summary.accuracy(results.records),
        "refactor": refactor.entries(
            results.records, cells, asked.get("kernels", {}), replaced or {}
        ),
        "ledger": _entries(results.records, "ledger", (_defect(each) for each in LEDGER)),
        "domain": _entries(results.records, "domain", (_kind(each) for each in DOMAIN_MAP)),
    }


def sentence(findings: Json) -> str:
    """Return the verdict in one sentence."""
    cells = findings["cells"]
    count = sum(findings["totals"].values())
    if findings["verdict"] == FAILS:
        text = f"Does not conform: {_blame(findings)}"
    elif findings["verdict"] == INCOMPLETE:
        lost = len(findings["missing"]) + len(findings["errors"])
        text = f"Incomplete: {_number(lost, 'test')} gave no result"
    elif findings["verdict"] == UNDECIDED:
        text = "Nothing decided" if count else "No kernel judged"
    else:
        text = "Conforms: no disagreement"
    if count:
        text += f" in {_number(count, 'judged case')}, {findings['decided']:,} of them decided"
    not_run = sum(not cell["counts"] for cell in cells)
    return f"{text}; {not_run} of {len(cells)} cells not run." if not_run else f"{text}."


def _blame(findings: Json) -> str:
    failed = [cell for cell in findings["cells"] if cell["failure"]]
    kernels = dict.fromkeys(cell["operation"] for cell in failed)
    parts = [f"{', '.join(kernels)} failed in {_number(len(failed), 'cell')}"] if failed else []
    if findings["errors"]:
        parts.append(f"{_number(len(findings['errors']), 'test')} failed")
    if findings["missing"]:
        parts.append(f"{_number(len(findings['missing']), 'test')} gave no result")
    if findings["unreached"]:
        parts.append(f"never reached: {'; '.join(findings['unreached'])}")
    return " and ".join(parts)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _has_failure(record: Json) -> bool:
    return any(cell["failure"] for cell in record.get("cells", ()))


def _cells(records: Mapping[str, Json], planned: Iterable[Cell]) -> list[Json]:
    """Add up the cells of all records, planned cells first and in their order."""
    merged: dict[Cell, Json] = {key: _empty(key) for key in planned}
    for _, record in sorted(records.items()):
        for part in record.get("cells", ()):
            key = (part["operation"], part["property"], part["dtype"])
            cell = merged.setdefault(key, _empty(key))
            for outcome, count in part["counts"].items():
                cell["counts"][outcome] = cell["counts"].get(outcome, 0) + count
            cell["suspicious"] += part["suspicious"]
            if part["worst"] is not None:
                worst = float(f"{part['worst']:.3g}")  # more digits would claim too much
                cell["worst"] = max(cell["worst"] or 0.0, worst)
            cell["failure"] = _simpler(cell["failure"], part["failure"])
    for cell in merged.values():
        cell["counts"] = dict(sorted(cell["counts"].items()))
        cell["status"] = _status(cell)
    return list(merged.values())


def _empty(key: Cell) -> Json:
    operation, prop, dtype = key
    return {
        "operation": operation,
        "property": prop,
        "dtype": dtype,
        "status": "not run",
        "counts": {},
        "worst": None,
        "suspicious": 0,
        "failure": None,
    }


def _simpler(one: Json | None, other: Json | None) -> Json | None:
    """Return the failure of the lower rank, then that with the smaller arrays to read."""
    failures = [failure for failure in (one, other) if failure]
    return min(
        failures,
        key=lambda each: (each["rank"], len(each["message"]), each["case"]),
        default=None,
    )


def _status(cell: Json) -> str:
    """Return the one word for a cell: the worst that happened, or that nothing did."""
    if cell["failure"]:  # also one found while looking for a smaller case of another
        return str(cell["failure"]["outcome"])
    counts = cell["counts"]
    if not counts:
        return "not run"
    return next(outcome.value for outcome in _WORST_FIRST if counts.get(outcome.value))


def _entries(records: Mapping[str, Json], table: str, entries: Iterable[Json]) -> list[Json]:
    """Return the entries, each with whether it was seen to hold in this run."""
    seen: dict[str, bool] = {}
    for record in records.values():
        for name, holds in record.get("entries", {}).get(table, {}).items():
            seen[name] = seen.get(name, True) and holds
    words = {True: "holds", False: "does not hold", None: "not run"}
    return [{**entry, "status": words[seen.get(entry["id"])]} for entry in entries]


def _defect(defect: Any) -> Json:
    return {
        "id": defect.id,
        "kernel": defect.kernel,
        "wrong": defect.wrong,
        "seen": defect.seen,
        "call": defect.witness.call,
        "given": dict(defect.witness.given),
        "outcome": str(defect.witness.outcome),
        "repair": defect.repair,
        "kept": defect.kept,
    }


def _kind(entry: Any) -> Json:
    return {
        "id": entry.id,
        "operation": entry.operation,
        "argument": entry.argument,
        "notebook": {"call": entry.notebook.call, "outcome": str(entry.notebook.outcome)},
        "pytorch": {"call": entry.pytorch.call, "outcome": str(entry.pytorch.outcome)},
        "verdict": entry.verdict,
        "right": None if entry.right is None else str(entry.right),
        "comment": entry.comment,
    }

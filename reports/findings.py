"""What was found, from the records of the tests: the part of a report that is repeatable.

It holds no time, path or worker, and its order is fixed, so that it is the same to the
byte however many workers the run had.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convcheck.diagnosis.where.claims import Claim
from convcheck.diagnosis.where.seen import Seen
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.text import printable
from convcheck.reference.defects import LEDGER
from convcheck.reference.domain import DOMAIN_MAP

from . import cells, refactor, summary, zeros
from .cells import CRASHED, Cell
from .faults import fault, listed
from .status import CONFORMS, FAILS, INCOMPLETE, SO_FAR, UNDECIDED

Json = dict[str, Any]

MISSING = "missing"
LEFT_OUT = "left out"
BITS = "bits differ"  # where they were to be the same, from a kernel that is right

_OURS = "convcheck.conformance.plugin.recording.ConformanceError: "
_FAILED = ("failed", CRASHED, BITS)
_NAMED = 3  # operations in the sentence


@dataclass(frozen=True)
class Results:
    """What the tests of a run left behind."""

    records: Mapping[str, Json]
    """each test's record, by the test's name"""
    outcomes: Mapping[str, str]
    """passed, failed, skipped, error (before the test itself) or crashed, by the test's name"""
    messages: Mapping[str, str]
    """why a test did not pass, by its name"""
    collected: Iterable[str]
    """the names of all tests that were to run"""
    left_out: Iterable[str] = ()
    """the names of tests that were there and not to run"""
    fills: Mapping[str, Iterable[Cell]] = field(default_factory=dict)
    """the cells that each test fills, by the test's name"""
    whole: bool = False
    """whether these are all tests there are, those that are left out included"""
    covering: bool = False
    """whether a run of all of them reaches every class: one of the reference, and no quick one"""
    part: tuple[int, int] = (1, 1)
    """which of how many parts of all tests was to run"""


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
    results: Results,
    planned: Planned,
    asked: Json,
    replaced: Mapping[str, str] | None = None,
    strength: Json | None = None,
) -> Json:
    """Return the findings.

    Args:
        results: what the tests left behind.
        planned: what a full run fills and reaches; what it does not reach is a failure.
        asked: what was to be judged, and how hard: kernels, profile, seed.
        replaced: what candidates replace, by operation.
        strength: what is known of the tests' own strength.
    """
    bear_out(results.records)
    explained = {name for name, record in results.records.items() if _has_failure(record)}
    unlike = {name for name, record in results.records.items() if refactor.unlike(record)}
    errors = [
        {
            "test": name,
            "outcome": BITS if outcome == "failed" and name in unlike else outcome,
            "message": printable(results.messages.get(name, "").removeprefix(_OURS)),
        }
        for name, outcome in sorted(results.outcomes.items())
        if outcome != "passed" and name not in explained
    ]
    outcomes = (
        dict.fromkeys(results.left_out, LEFT_OUT)
        | dict.fromkeys(results.collected, MISSING)
        | dict(results.outcomes)
    )
    # Which cases were kept from earlier runs is a circumstance.
    outcomes |= {name: "passed" for name in explained if name.startswith("test_kept::")}
    at, number = results.part
    tests = {
        "whole": results.whole,
        "covering": results.covering,
        "parts": {"ran": [at], "of": number},
        "outcomes": dict(sorted(outcomes.items())),
    }
    found = conclude(results.records, planned, asked, tests, errors, results.fills)
    found["refactor"] = refactor.entries(
        results.records, found["cells"], asked.get("kernels", {}), replaced or {}
    )
    found["strength"] = strength
    return found


def conclude(
    records: Mapping[str, Json],
    planned: Planned,
    asked: Json,
    tests: Json,
    errors: list[Json],
    fills: Mapping[str, Iterable[Cell]],
) -> Json:
    """Return the findings that follow from records, and from how the tests ended.

    Args:
        records: of tests, or of whole runs put together.
        planned: as for `build`.
        asked: as for `build`.
        tests: every test's outcome, whether these are all tests there are, whether all of
            them reach every class, and which parts of them were to run.
        errors: tests that did not pass for another reason than their kernel.
        fills: the cells that each test fills, at least of those that gave no result.
    """
    outcomes = tests["outcomes"]
    missing = [name for name, outcome in outcomes.items() if outcome == MISSING]
    crashed = {name for name, outcome in outcomes.items() if outcome == CRASHED}
    gone = [error["test"] for error in errors if error["outcome"] != BITS]
    lost = {name: fills.get(name, ()) for name in (*missing, *gone)}
    left_out = LEFT_OUT in outcomes.values()
    entire = tests["whole"] and not left_out
    matrix = cells.add_up(
        records,
        planned.cells,
        lost,
        {*crashed, *missing} if crashed else crashed,
        entire=entire,
    )
    boundaries = summary.boundaries(records, planned.boundaries)
    pairs = summary.pairs(records, planned.pairs)
    failed_cells = [cell for cell in matrix if cell["failure"]]
    totals = Counter[str]()
    for cell in matrix:
        totals.update(cell["counts"])
    decided = sum(totals[outcome.value] for outcome in DECIDED)
    full = entire and tests["covering"]
    # Where tests failed or are missing, they account for what was not reached.
    sound = full and not failed_cells and not errors and not missing
    unreached = summary.unreached(boundaries, pairs) if sound else []
    if failed_cells or unreached or any(e["outcome"] in _FAILED for e in errors):
        verdict = FAILS
    elif missing or errors:
        verdict = INCOMPLETE
    else:
        verdict = (CONFORMS if entire else SO_FAR) if decided else UNDECIDED
    return {
        "verdict": verdict,
        "asked": asked,
        "totals": dict(sorted(totals.items())),
        "decided": decided,
        "cells": matrix,
        "errors": errors,
        "missing": missing,
        "full": full,
        "certificates": summary.certificates(records),
        "random": summary.random(records),
        "boundaries": boundaries,
        "pairs": pairs,
        "unreached": unreached,
        "accuracy": summary.accuracy(records),
        "zeros": zeros.entries(records),
        "ledger": _entries(records, "ledger", (_defect(each) for each in LEDGER)),
        "domain": _entries(records, "domain", (_kind(each) for each in DOMAIN_MAP)),
        "tests": {**tests, "parts": tests["parts"] if left_out and _parted(tests) else None},
    }


def _parted(tests: Json) -> bool:
    """Tell whether tests were left out because their part was not to run."""
    parts = tests["parts"]
    return parts is not None and len(parts["ran"]) < parts["of"]


def sentence(findings: Json) -> str:
    """Return the verdict in a sentence, and in another what it rests on."""
    return " ".join(filter(None, headline(findings)))


def headline(findings: Json) -> tuple[str, str]:
    """Return the verdict in a sentence, and what it rests on, if not told there."""
    verdict, rest = _headline(findings)
    parts = findings["tests"]["parts"]
    return (
        f"{parts_in_words(parts)}: {verdict[0].lower()}{verdict[1:]}" if parts else verdict
    ), rest


def parts_in_words(parts: Json) -> str:
    """Return which parts of a run these are."""
    return f"Part{'s' * (len(parts['ran']) > 1)} {ranges(parts['ran'])} of {parts['of']}"


def ranges(numbers: Iterable[int]) -> str:
    """Return ascending numbers in words, those that follow one another as a range."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )


def _headline(findings: Json) -> tuple[str, str]:
    matrix, count = findings["cells"], sum(findings["totals"].values())
    judged = f"in {_number(count, 'judged case')}, {findings['decided']:,} of them decided"
    idle = sum(cell["status"] == cells.NOT_RUN for cell in matrix)
    left = [f"{idle:,} of {len(matrix):,} cells not run"] if idle else []
    not_run = "".join(f"; {each}" for each in (*left, *_left_out(findings["tests"]))) + "."
    if findings["verdict"] == FAILS:
        failed = sum(bool(cell["failure"]) for cell in matrix)
        told = (
            f"{failed:,} of {_number(len(matrix), 'cell')} failed" if failed else "No disagreement"
        )
        rest = f"{told} {judged}{not_run}" if count else not_run.removeprefix("; ").capitalize()
        return f"Does not conform: {_blame(findings)}.", rest.strip(".") and rest
    if findings["verdict"] == INCOMPLETE:
        lost = len(findings["missing"]) + len(findings["errors"])
        text = f"Incomplete: {_number(lost, 'test')} gave no result"
        return f"{text}; no disagreement {judged}{not_run}" if count else f"{text}{not_run}", ""
    if findings["verdict"] == UNDECIDED:
        text = (
            f"Nothing decided in {_number(count, 'judged case')}" if count else "No kernel judged"
        )
    elif findings["verdict"] == SO_FAR:
        how = "so far" if findings["tests"]["parts"] else "in what was run"
        text = f"Conforms {how}: no disagreement {judged}"
    else:
        text = f"Conforms: no disagreement {judged}"
    return f"{text}{not_run}", ""


def _left_out(tests: Json) -> Iterable[str]:
    """Yield, in words, what of all tests was not to run."""
    outcomes = tests["outcomes"]
    left = sum(outcome == LEFT_OUT for outcome in outcomes.values())
    if left:
        yield f"{left:,} of {_number(len(outcomes), 'test')} left out"
    if not tests["whole"]:
        yield "other tests were not collected"


def _blame(findings: Json) -> str:
    groups: dict[str, list[Json]] = {}
    for cell in findings["cells"]:
        groups.setdefault(cell["operation"], []).append(cell)
    failed = {
        name: group for name, group in groups.items() if any(cell["failure"] for cell in group)
    }
    parts = [_faults(failed, groups)] if failed else []
    outcomes = Counter(error["outcome"] for error in findings["errors"])
    crashed = outcomes[CRASHED]
    if outcomes[BITS]:
        entries = filter(refactor.lacks_bits, findings.get("refactor") or [])
        parts += [refactor.unlike_in_words(entry) for entry in entries]
    if failed_tests := outcomes.total() - crashed - outcomes[BITS]:
        parts.append(f"{_number(failed_tests, 'test')} failed")
    if crashed:
        lost = [name for name, group in groups.items() if _any(group, CRASHED)]
        parts.append(f"{_number(crashed, 'test')} of {listed(lost) or 'convcheck'} crashed")
    if findings["missing"]:
        parts.append(f"{_number(len(findings['missing']), 'test')} gave no result")
    if findings["unreached"]:
        parts.append(f"never reached: {'; '.join(findings['unreached'])}")
    return "; ".join(parts)


def _any(group: list[Json], status: str) -> bool:
    return any(cell["status"] == status for cell in group)


def _faults(failed: Mapping[str, list[Json]], judged: Mapping[str, list[Json]]) -> str:
    if len(failed) == 1:
        return fault(*failed.values())
    if len(failed) <= _NAMED:
        return f"{listed(failed)} are wrong"
    run = sum(any(cell["counts"] for cell in group) for group in judged.values())
    return f"{len(failed):,} of {max(run, len(failed)):,} operations are wrong"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _has_failure(record: Json) -> bool:
    return any(cell["failure"] for cell in record.get("cells", ()))


def bear_out(records: Mapping[str, Json]) -> None:
    """Tell of what diagnoses claim that alone which all judged cases bear out."""
    seen: dict[str, Seen] = {}
    for record in records.values():
        for name, plain in record.get("seen", {}).items():
            seen.setdefault(name, Seen()).add_plain(plain)
    for record in records.values():
        for cell in record.get("cells", ()):
            diagnosis = (cell["failure"] or {}).get("diagnosis")
            if diagnosis and "claims" in diagnosis:
                name = cell["operation"]
                claims = map(Claim.of_plain, diagnosis.pop("claims"))
                told = seen.get(name, Seen()).bearing(claims, OPERATIONS[name])
                diagnosis["patterns"] = [each.text for each in told]


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

"""What was found, from what the tests left: the part of a report that is repeatable.

It holds no time, path or worker, and its order is fixed, so that it is the same to the
byte however many workers the run had.  It follows from the sum of what tests found and from
what was planned: so of several runs, too, once these are added up.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from msgspec.structs import replace

from convcheck.diagnosis.beside.likeness import Likeness
from convcheck.diagnosis.where.seen import Seen
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.shown.text import printable
from convcheck.reference.defects import LEDGER
from convcheck.reference.domain import DOMAIN_MAP

from . import rows
from .document import (
    BITS,
    FAILS_TO,
    HOLDS,
    LEFT_OUT,
    MISSING,
    UNSEEN,
    Answer,
    Asked,
    Defect,
    Error,
    Findings,
    Kind,
    Parts,
    Planned,
    Strength,
    Tests,
    plain,
)
from .failures import Pattern
from .rows import CRASHED, Boundary, Cell, Pairs, Record, Sum
from .status import CONFORMS, FAILS, INCOMPLETE, SO_FAR, UNDECIDED

Key = tuple[str, str, str]

_FAILED = ("failed", CRASHED, BITS)


@dataclass(frozen=True)
class Results:
    """What the tests of a run left behind."""

    records: Mapping[str, Record]
    """each test's record, by the test's name"""
    outcomes: Mapping[str, str]
    """passed, failed, skipped, error (before the test itself) or crashed, by the test's name"""
    messages: Mapping[str, str]
    """why a test did not pass, by its name"""
    collected: Iterable[str]
    """the names of all tests that were to run"""
    left_out: Iterable[str] = ()
    """the names of tests that were there and not to run"""
    fills: Mapping[str, Iterable[Key]] = field(default_factory=dict)
    """the cells that each test fills, by the test's name"""
    whole: bool = False
    """whether these are all tests there are, those that are left out included"""
    covering: bool = False
    """whether a run of all of them reaches every class: one of the reference, and no quick one"""
    part: tuple[int, int] = (1, 1)
    """which of how many parts of all tests was to run"""


def planned_rows(
    cells: Iterable[Key],
    boundaries: Iterable[tuple[str, str]],
    pairs: Iterable[tuple[str, str, int]],
) -> Sum:
    """Return what a full run fills and reaches, in rows of which nothing is known yet.

    Args:
        cells: operation, property and dtype of each.
        boundaries: operation and name of each boundary class.
        pairs: operation, kind and number of pairs of classes.
    """
    return Sum(
        cells=[Cell(*key) for key in cells],
        boundaries=[Boundary(*key, 0) for key in boundaries],
        pairs=[Pairs.of(operation, kind, [0] * number) for operation, kind, number in pairs],
    )


def planned_of(found: Findings) -> Sum:
    """Return what was planned for a run that has been."""
    first = found.tests.planned
    return planned_rows(
        [cell.key for cell in found.cells[: first.cells]],
        [each.key for each in found.boundaries[: first.boundaries]],
        [(each.operation, each.kind, each.pairs) for each in found.pairs],
    )


def build(results: Results, plan: Sum, asked: Asked, strength: Strength | None = None) -> Findings:
    """Return the findings.

    Args:
        results: what the tests left behind.
        plan: what a full run fills and reaches; what it does not reach is a failure.
        asked: what was to be judged, and how hard: kernels, profile, seed.
        strength: what is known of the tests' own strength.
    """
    records = [record for _, record in sorted(results.records.items())]
    bear_out(records)
    explained = {
        name for name, each in results.records.items() if any(cell.failure for cell in each.cells)
    }
    unlike = {
        name
        for name, each in results.records.items()
        if any(part.bitwise and part.differing for part in each.refactor)
    }
    errors = [
        Error(
            name,
            BITS if outcome == "failed" and name in unlike else outcome,
            printable(results.messages.get(name, "")),
        )
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
    tests = Tests(
        results.whole,
        results.covering,
        Parts([at], number),
        Planned(len(plan.cells), len(plan.boundaries)),
        dict(sorted(outcomes.items())),
    )
    return conclude(records, plan, asked, tests, errors, results.fills, strength)


def together(several: Iterable[Findings], tests: Tests, apart: Iterable[Sum] = ()) -> Findings:
    """Return the findings of parts of one run; of a single one, what follows from it.

    Args:
        several: those of each part, the first of which tells what was asked and planned.
        tests: as for `conclude`.
        apart: what was found beside the run.
    """
    first, *others = several
    parts = [first, *others]
    fills: dict[str, set[Key]] = {}
    for cell in (cell for part in parts for cell in part.cells):
        for name in cell.lost:
            fills.setdefault(name, set()).add(cell.key)
    errors = sorted((error for part in parts for error in part.errors), key=lambda e: e.test)
    sums = [*(part.sum() for part in parts), *apart]
    return conclude(sums, planned_of(first), first.asked, tests, errors, fills, first.strength)


def conclude(
    sums: Iterable[Sum],
    plan: Sum,
    asked: Asked,
    tests: Tests,
    errors: list[Error],
    fills: Mapping[str, Iterable[Key]],
    strength: Strength | None = None,
) -> Findings:
    """Return the findings that follow from what tests found, and from how they ended.

    Args:
        sums: of tests, or of whole runs put together.
        plan: as for `build`.
        asked: as for `build`.
        tests: every test's outcome, whether these are all tests there are, whether all of
            them reach every class, and which parts of them were to run.
        errors: tests that did not pass for another reason than their kernel.
        fills: the cells that each test fills, at least of those that gave no result.
        strength: as for `build`.
    """
    sums = [*sums]
    outcomes = tests.outcomes
    missing = [name for name, outcome in outcomes.items() if outcome == MISSING]
    crashed = {name for name, outcome in outcomes.items() if outcome == CRASHED}
    gone = [error.test for error in errors if error.outcome != BITS]
    lost = {name: fills.get(name, ()) for name in (*missing, *gone)}
    left_out = LEFT_OUT in outcomes.values()
    entire = tests.whole and not left_out
    dead = {*crashed, *missing} if crashed else crashed
    missed = [Cell(*key, lost=[name]) for name in sorted(lost) for key in lost[name]]
    found = rows.total([Sum(cells=missed), *sums], plan)
    cells = settled(found.cells, dead, entire=entire)
    wrong = {cell.operation for cell in cells if cell.failure}
    totals = Counter[str]()
    for cell in cells:
        totals.update(cell.counts)
    decided = sum(totals[outcome.value] for outcome in DECIDED)
    full = entire and tests.covering
    # Where tests failed or are missing, they account for what was not reached.
    sound = full and not wrong and not errors and not missing
    unreached = _unreached(found) if sound else []
    if wrong or unreached or any(error.outcome in _FAILED for error in errors):
        verdict = FAILS
    elif missing or errors:
        verdict = INCOMPLETE
    else:
        verdict = (CONFORMS if entire else SO_FAR) if decided else UNDECIDED
    ledger, domain = (found.entries.get(name, {}) for name in ("ledger", "domain"))
    tried = bool(ledger or domain)
    parts = tests.parts
    parted = left_out and parts is not None and len(parts.ran) < parts.of
    return Findings(
        verdict=verdict,
        asked=asked,
        totals=dict(sorted(totals.items())),
        decided=decided,
        cells=cells,
        errors=errors,
        missing=missing,
        full=full,
        certificates=found.certificates,
        random=found.random,
        boundaries=found.boundaries,
        pairs=found.pairs,
        unreached=unreached,
        accuracy=found.accuracy,
        zeros=found.zeros,
        ledger=ledger_of(ledger) if tried else [],
        domain=domain_of(domain) if tried else [],
        tests=replace(tests, parts=parts if parted else None),
        refactor=[
            replace(each, verdict=Likeness.WRONG.value) if each.operation in wrong else each
            for each in found.refactor
        ],
        strength=strength,
        digests=digests(),
    )


def settled(cells: list[Cell], crashed: Iterable[str], *, entire: bool = True) -> list[Cell]:
    """Set the status of each cell, and return them.

    Args:
        cells: in which all is added up.
        crashed: tests that were lost in a crash.
        entire: whether no test was left out that may have filled any of the cells.
    """
    ended = {*crashed}
    for cell in cells:
        cell.settle(crashed=not ended.isdisjoint(cell.lost), entire=entire)
    return cells


def bear_out(records: Iterable[Record]) -> None:
    """Tell of what diagnoses claim that alone which all judged cases bear out."""
    records = [*records]
    seen: dict[str, Seen] = {}
    for record in records:
        for name, each in record.seen.items():
            seen.setdefault(name, Seen()).add_plain(each)
    for record in records:
        cells = {cell.key: cell for cell in record.cells}
        for operation, prop, dtype, claims in record.claims:
            failure = cells[operation, prop, dtype].failure
            if failure and failure.diagnosis:
                known = seen.get(operation, Seen())
                told = known.bearing(claims, OPERATIONS[operation])
                failure.diagnosis.patterns = [Pattern.of(each) for each in told]


def _unreached(found: Sum) -> list[str]:
    """Return, in words, the classes of a full run that no judged case was in."""
    classes = [f"{each.operation}: {each.kind}" for each in found.boundaries if not each.count]
    return classes + [
        f"{each.operation}: {each.pairs - each.reached:,} pairs of {each.kind}"
        for each in found.pairs
        if each.reached < each.pairs
    ]


_WORDS = {True: HOLDS, False: FAILS_TO, None: UNSEEN}


def ledger_of(seen: Mapping[str, bool]) -> list[Defect]:
    """Return the ledger, each entry with whether it was seen to hold in this run."""
    return [
        Defect(
            call=each.witness.call,
            given=dict(each.witness.given),
            outcome=str(each.witness.outcome),
            status=_WORDS[seen.get(each.id)],
            **_same(each, "id", "kernel", "wrong", "seen", "repair", "kept"),
        )
        for each in LEDGER
    ]


def domain_of(seen: Mapping[str, bool]) -> list[Kind]:
    """Return the domain map likewise."""
    return [
        Kind(
            notebook=Answer(each.notebook.call, str(each.notebook.outcome)),
            pytorch=Answer(each.pytorch.call, str(each.pytorch.outcome)),
            right=None if each.right is None else str(each.right),
            status=_WORDS[seen.get(each.id)],
            **_same(each, "id", "operation", "argument", "verdict", "comment"),
        )
        for each in DOMAIN_MAP
    ]


@cache
def digests() -> dict[str, str]:
    """Return the SHA-256 of the ledger and of the domain map, as reports that hold them have them.

    No entry is seen to hold there.
    """
    tables = {"ledger": plain(ledger_of({})), "domain": plain(domain_of({}))}
    return {
        name: hashlib.sha256(json.dumps(rows).encode()).hexdigest() for name, rows in tables.items()
    }


def _same(entry: object, *names: str) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in names}

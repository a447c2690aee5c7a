"""The documents that convcheck writes: the report of a run, and what a campaign leaves.

These types are what a document may hold.  `python -m convcheck.reports.document` prints the JSON
Schema that follows from them, which is published beside this file.
"""

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, field

from .failures import Amount, Count, Positive, Struct, one_of
from .rows import (
    Accuracy,
    Boundary,
    Cell,
    Certificate,
    Kept,
    Operation,
    Pairs,
    Random,
    Refactor,
    Sum,
    Tally,
    Zeros,
)
from .status import CONFORMS, FAILS, INCOMPLETE, SO_FAR, UNDECIDED

MISSING = "missing"
LEFT_OUT = "left out"
BITS = "bits differ"  # where they were to be the same, from a kernel that is right
HOLDS, FAILS_TO, UNSEEN = "holds", "does not hold", "not run"

Duration = Annotated[float, Meta(ge=0, le=1e15)]
Status = Annotated[str, one_of(HOLDS, FAILS_TO, UNSEEN)]


class Asked(Struct):
    """What was to be judged, and how hard."""

    kernels: dict[str, str]
    sources: dict[str, str | None]
    """SHA-256 of the file that each kernel stands in"""
    oracles: dict[str, str]
    profile: str
    seed: str
    case: str | None
    whole_layers: bool = False
    domains: dict[str, str] = field(default_factory=dict)
    """what a kernel is judged for, by operation, where it takes less"""


class Error(Struct):
    """A test that did not pass for another reason than its kernel."""

    test: str
    outcome: Annotated[str, one_of("failed", "skipped", "error", "crashed", BITS)]
    message: str


class Defect(Struct):
    """A fault of a literal kernel."""

    id: str
    kernel: str
    wrong: str
    seen: str
    call: str
    given: dict[str, str]
    outcome: str
    repair: str
    kept: str
    status: Status


class Answer(Struct):
    """A call and what came of it."""

    call: str
    outcome: str


class Kind(Struct):
    """Arguments outside of the common domain, and what becomes of them."""

    id: str
    operation: str
    argument: str
    notebook: Answer
    pytorch: Answer
    verdict: str
    right: str | None
    comment: str
    status: Status


class Parts(Struct):
    """Which of how many parts of a run."""

    ran: Annotated[list[Positive], Meta(min_length=1)]
    of: Annotated[int, Meta(ge=1, le=10_000)]


class Planned(Struct):
    """How many of the first rows of a table a full run fills or reaches; the others it did too."""

    cells: Count
    boundaries: Count


class Tests(Struct):
    """What tests there were, and how they ended."""

    whole: bool
    """whether these are all tests there are, those that are left out included"""
    covering: bool
    """whether a run of all of them reaches every class: one of the reference, and no quick one"""
    parts: Parts | None
    """null where none is left out"""
    planned: Planned
    outcomes: dict[
        str,
        Annotated[
            str,
            one_of("passed", "failed", "skipped", "error", "crashed", MISSING, LEFT_OUT),
        ],
    ]


class Strength(Struct):
    """How strong the tests are that judged the reference."""

    digest: str
    """SHA-256 of what was measured"""
    missed: dict[str, list[str]]
    """mistakes that are not caught, by profile"""


class Findings(Struct):
    """What was found: the same to the byte for any number of workers."""

    verdict: Annotated[str, one_of(CONFORMS, SO_FAR, FAILS, INCOMPLETE, UNDECIDED)]
    asked: Asked
    totals: Tally
    decided: Count
    cells: list[Cell]
    errors: list[Error]
    missing: list[str]
    full: bool
    """all tests there are, which cover every class"""
    certificates: list[Certificate]
    random: list[Random]
    boundaries: list[Boundary]
    pairs: list[Pairs]
    unreached: list[str]
    accuracy: list[Accuracy]
    zeros: list[Zeros]
    ledger: list[Defect]
    """where it, or the domain map, was tried; else they are named by their digests alone"""
    domain: list[Kind]
    tests: Tests
    refactor: list[Refactor]
    strength: Strength | None
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the ledger and of the domain map"""

    def sum(self) -> Sum:
        """Return what adds up to the findings of several runs."""
        return Sum(
            [msgspec.structs.replace(cell, lost=[]) for cell in self.cells],
            self.boundaries,
            self.pairs,
            self.random,
            self.zeros,
            self.accuracy,
            self.certificates,
            self.refactor,
            {
                table: {each.id: each.status == HOLDS for each in rows if each.status != UNSEEN}
                for table, rows in (("ledger", self.ledger), ("domain", self.domain))
            },
        )


class Repository(Struct):
    """A commit, and whether it was checked out without changes."""

    commit: str
    clean: bool


class Phases(Struct):
    """Seconds by what was done."""

    kernel: Duration
    oracle: Duration
    bounds: Duration
    rest: Duration


class Cost(Struct):
    """Seconds of the tests of all workers, and what they went into."""

    seconds: Duration
    phases: Phases
    modules: dict[str, Duration]


class Speed(Struct):
    """Time of a candidate by that of what it replaces, on the same cases."""

    operation: Operation
    ratio: Amount
    cases: Count


class Circumstances(Struct):
    """Where and when a run took place, and what it cost: what differs every time."""

    started: str
    seconds: Duration
    workers: Count
    exit_status: int
    command: str
    seed: str
    python: str
    packages: dict[str, str]
    platform: str
    processor: str
    cores: Positive | None
    torch_threads: Positive
    """of the judge, in each worker"""
    kernel_threads: str
    """how many a kernel has, and who says so"""
    project: Repository | None
    """the user's"""
    checkout: Repository | None
    """convcheck's own, where it does not run as installed"""
    cost: Cost
    kept: list[Kept] = field(default_factory=list)
    speed: list[Speed] = field(default_factory=list)
    large_layers: dict[str, str] = field(default_factory=dict)
    """by operation, whether its kernel was judged on them: by its speed"""
    remarks: dict[str, str] = field(default_factory=dict)
    """by case or vector, what is to be known of how it was judged"""
    merged: list["Circumstances"] = field(default_factory=list)
    """those of each of the runs that were put together"""


class Report(Struct):
    """A convcheck report: what was found, and the circumstances of the run."""

    format: Literal["convcheck-report"]
    version: Literal[4, 5]
    """the fourth held the ledger and the domain map in every report, and no digests"""
    findings: Findings
    circumstances: Circumstances


class Kernel(Struct):
    """What a campaign certified."""

    operation: Operation
    name: str
    source: str


class Campaign(Struct):
    """What a campaign leaves, to be merged with the report of a run."""

    format: Literal["convcheck-certificate"]
    version: Literal[2]
    convcheck: str
    kernel: Kernel
    cells: list[Cell]
    certificates: list[Certificate]
    complete: bool


FORMAT: Final = "convcheck-report"
VERSION: Final = 5
CERTIFICATE: Final = "convcheck-certificate"
CERTIFICATE_VERSION: Final = 2
KINDS: dict[str, tuple[type[Report | Campaign], tuple[int, ...]]] = {
    FORMAT: (Report, (VERSION, 4)),
    CERTIFICATE: (Campaign, (CERTIFICATE_VERSION,)),
}
"""what a document of each format is, and the versions that are read, that which is written first"""


def plain(document: Any) -> Any:
    """Return a document, or a part of one, in the types that JSON has."""
    return msgspec.to_builtins(document)


def differences(one: Any, other: Any, *place: Any) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """Yield where two values of JSON's types differ, by keys and indices, and what stands there."""
    if isinstance(one, dict) or isinstance(other, dict):
        ours, theirs = one or {}, other or {}
        for key in {**ours, **theirs}:
            yield from differences(ours.get(key), theirs.get(key), *place, key)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (ours, theirs) in enumerate(zip(one, other, strict=True)):
            yield from differences(ours, theirs, *place, at)
    elif one != other:
        yield place, one, other


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report; what a campaign leaves is among its definitions."""
    (report, _), kinds = msgspec.json.schema_components(
        (Report, Campaign), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:convcheck:report:{VERSION}",
        **report,
        "$defs": kinds,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=1) + "\n")

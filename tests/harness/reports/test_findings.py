"""Findings say what the tests of a run left behind, the same whatever the order."""

import hashlib
import json
from collections.abc import Mapping
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace
from sample import NO_ASKED, failed

from convcheck.reference.defects import LEDGER
from convcheck.reference.domain import DOMAIN_MAP
from convcheck.reports import files
from convcheck.reports.document import Error, Findings, plain
from convcheck.reports.failures import Failure
from convcheck.reports.findings import Results, build, planned_rows
from convcheck.reports.rows import Boundary, Cell, Record
from convcheck.reports.told.words import ranges, sentence

PLAN = [("convolution", prop, "float32") for prop in ("exact", "bound", "linearity")]
BOUNDARIES = [("convolution", name) for name in ("remainder", "one channel")]
PAIRS = [("convolution", "shapes", 3)]
FAILURE = failed("it is wrong")


def cell(prop: str = "exact", failure: Failure | None = None, **counts: int) -> Cell:
    """Return a cell as a record has it, counts given by outcome."""
    return Cell("convolution", prop, "float32", counts=counts, failure=failure)


def found(
    records: Mapping[str, Record],
    outcomes: dict[str, str] | None = None,
    messages: dict[str, str] | None = None,
    collected: list[str] | None = None,
    **more: Any,
) -> Findings:
    """Return findings of tests that passed, unless `outcomes` says otherwise."""
    outcomes = dict.fromkeys(records, "passed") | (outcomes or {})
    given = {"whole": True, "covering": False} | more
    results = Results(records, outcomes, messages or {}, collected or sorted(outcomes), **given)
    return build(results, planned_rows(PLAN, BOUNDARIES, PAIRS), NO_ASKED)


def reached(*classes: tuple[str, int]) -> list[Boundary]:
    """Return how many cases boundary classes had."""
    return [Boundary("convolution", *each) for each in classes]


def record(*cells: Cell, **more: Any) -> Record:
    """Return a record of these cells."""
    return Record(cells=list(cells), **more)


def test_cells_add_up() -> None:
    """Counts of several tests are added, cell by cell and in total."""
    found_ = found(
        {
            "a": record(replace(cell(vacuous=1, agrees=2), suspicious=1), cell("bound", agrees=5)),
            "b": record(replace(cell(agrees=3), suspicious=2)),
            "c": Record(),
        }
    )
    exact, bound, linearity = found_.cells
    assert list(exact.counts.items()) == [("agrees", 5), ("vacuous", 1)]
    assert (exact.suspicious, bound.suspicious) == (3, 0)
    assert bound.counts == {"agrees": 5}
    assert linearity.counts == {}
    assert list(found_.totals.items()) == [("agrees", 10), ("vacuous", 1)]
    assert found_.decided == 10
    assert found_.asked == NO_ASKED


def test_the_largest_error_is_kept_to_three_digits() -> None:
    """The worst error of a cell is the largest of all tests, without digits that say nothing."""
    errors = {"a": 0.25, "b": 0.123456, "c": None}
    parts = {name: record(replace(cell("bound"), worst=error)) for name, error in errors.items()}
    assert found(parts).cells[1].worst == 0.25
    del parts["a"]
    assert found(parts).cells[1].worst == 0.123
    del parts["b"]
    assert found(parts).cells[1].worst is None


def test_the_order_of_records_does_not_matter() -> None:
    """Findings are the same text in whatever order the tests came in."""
    others = [cell(prop, agrees=1, vacuous=2) for prop in ("translation", "impulse")]
    one, two = (replace(FAILURE, case=f"case {i}") for i in (1, 2))
    defect = LEDGER[0].id
    records = {
        "a": record(
            cell(failure=one, vacuous=1, disagrees=1),
            others[0],
            boundaries=reached(("one channel", 2), ("empty batch", 1)),
        ),
        "b": record(
            others[1],
            cell(failure=two, misbehaved=1, agrees=1),
            entries={"ledger": {defect: False}},
        ),
        "c": record(
            replace(cell("bound", agrees=1), worst=0.5),
            boundaries=reached(("1 x 1 filter", 1), ("one channel", 2)),
            entries={"ledger": {defect: True}},
        ),
    }
    outcomes = {"a": "failed", "b": "failed", "c": "passed", "d": "failed", "e": "skipped"}
    messages = {"d": "why d", "e": "why e"}
    texts = set()
    for names in permutations(records):
        shuffled = {name: records[name] for name in names}
        late = {name: outcomes[name] for name in (*names, *("ed" if names[0] == "a" else "de"))}
        lists = [*names, "g", "f", "d", "e"], ["e", "f", "g", "d", *names]
        texts |= {json.dumps(plain(found(shuffled, late, messages, each))) for each in lists}
    assert len(texts) == 1


def test_planned_cells_come_first_and_in_their_order() -> None:
    """Cells stand in the order of the plan; one that nobody planned is kept, behind them."""
    found_ = found({"a": record(cell("translation", agrees=1), cell("linearity", agrees=1))})
    order = [each.prop for each in found_.cells]
    assert order == ["exact", "bound", "linearity", "translation"]


@pytest.mark.parametrize(
    ("counts", "failure", "status"),
    [
        ({}, None, "not run"),
        ({"agrees": 0}, None, "not run"),
        ({"not applicable": 9}, None, "not applicable"),
        ({"not applicable": 9, "vacuous": 1}, None, "vacuous"),
        ({"vacuous": 9, "undecided": 1}, None, "undecided"),
        ({"undecided": 9, "agrees": 1}, None, "agrees"),
        ({"agrees": 9, "disagrees": 1}, FAILURE, "disagrees"),
        ({"agrees": 9}, FAILURE, "disagrees"),  # found while shrinking, and not counted
        ({"disagrees": 9, "misbehaved": 1}, None, "misbehaved"),
    ],
)
def test_status_is_the_worst_that_happened(
    counts: dict[str, int], failure: Failure | None, status: str
) -> None:
    """One failure outweighs any agreement, and any agreement all that decides nothing."""
    judged = replace(cell(failure=failure), counts=counts)
    assert found({"a": record(judged)}).cells[0].status == status


FAILED = record(cell(failure=FAILURE, agrees=3, disagrees=1))
PASSED = record(cell(agrees=3), cell("bound", agrees=1000), cell("linearity", vacuous=1))
FAILED_TWICE = record(
    cell(failure=FAILURE, agrees=3, disagrees=1), cell("bound", failure=FAILURE, misbehaved=1)
)


ALL = "1,004 judged cases, 1,003 of them decided"
CONFORMS, FAILS = "Conforms: no disagreement in", "Does not conform: "
VERDICTS: dict[str, tuple[dict[str, Record], dict[str, str | None]]] = {
    f"{CONFORMS} {ALL}.": ({"a": PASSED}, {}),
    f"{CONFORMS} 2 judged cases, 2 of them decided; 2 of 3 cells not run.": (
        {"a": record(cell(agrees=2))},
        {},
    ),
    f"{FAILS}convolution fails exact and bound. 2 of 3 cells failed in 5 judged cases, 5 of them "
    "decided; 1 of 3 cells not run.": ({"a": FAILED_TWICE}, {}),
    f"{FAILS}2 tests failed. No disagreement in {ALL}.": (
        {"a": PASSED},
        {"b": "failed", "c": "failed"},
    ),
    f"{FAILS}convolution fails exact and bound; 2 tests failed. 2 of 3 cells failed in 1,009 "
    "judged cases, 1,008 of them decided.": (
        {"a": PASSED, "b": FAILED_TWICE},
        {"c": "failed", "d": "failed"},
    ),
    f"{FAILS}convolution fails exact; 1 test failed. 1 of 3 cells failed in 1 judged case, 1 of "
    "them decided; 2 of 3 cells not run.": (
        {"a": record(cell(failure=FAILURE, disagrees=1))},
        {"b": "failed"},
    ),
    f"Incomplete: 3 tests gave no result; no disagreement in {ALL}.": (
        {"a": PASSED},
        {"d": "skipped", "c": None, "b": None},
    ),
    "No kernel judged; 3 of 3 cells not run.": ({"a": Record()}, {}),
    "Nothing decided in 3 judged cases; 1 of 3 cells not run.": (
        {"a": record(cell(vacuous=2), cell("bound", undecided=1))},
        {},
    ),
}
VERDICT = {"Conforms": "conforms", "Does": "does not conform", "Incomplete": "incomplete"}


@pytest.mark.parametrize("text", VERDICTS)
def test_every_verdict_is_reached_and_told(text: str) -> None:
    """Each verdict follows from the records, and its sentence says what it rests on."""
    records, others = VERDICTS[text]
    outcomes = {name: outcome for name, outcome in others.items() if outcome}
    findings = found(records, outcomes, collected=[*records, *others])
    assert sentence(findings) == text
    assert findings.verdict == VERDICT.get(text.split(maxsplit=1)[0].strip(":"), "nothing decided")
    # Tests that were to run and left no outcome are listed by name.
    assert findings.missing == sorted(name for name, outcome in others.items() if not outcome)


def test_a_failure_outweighs_what_is_missing() -> None:
    """A run that was cut short after a failure does not conform; it is not just incomplete."""
    findings = found({"a": FAILED}, {"a": "failed"}, collected=["a", "b"])
    assert findings.verdict == "does not conform"
    assert findings.missing == ["b"]


def test_the_simplest_failure_is_told() -> None:
    """Of a cell's failures in several tests, the one with the shortest message is kept."""
    messages = {"a": "it is wrong somewhere", "b": "it is wrong", "c": "it is quite wrong"}
    parts = {
        name: record(cell(failure=replace(FAILURE, said=message), disagrees=1))
        for name, message in messages.items()
    }
    assert found(parts).cells[0].told.said == "it is wrong"


def test_errors_are_what_no_cell_explains() -> None:
    """A test that failed for another reason than its kernel is listed with its message."""
    findings = found(
        {"a": FAILED, "b": PASSED, "c": PASSED},
        {"a": "failed", "b": "failed", "d": "skipped"},
        {"a": "told in the cell", "b": "RuntimeError: no"},
    )
    errors = [Error("b", "failed", "RuntimeError: no"), Error("d", "skipped", "")]
    assert findings.errors == errors
    assert findings.cells[0].failure == FAILURE


@pytest.mark.parametrize(
    ("outcome", "partly", "status"),
    [
        ("crashed", False, "crashed"),
        ("crashed", True, "crashed"),
        ("failed", False, "not run"),
        ("failed", True, "incomplete"),
        ("skipped", True, "incomplete"),
        (None, False, "not run"),
        (None, True, "incomplete"),
    ],
)
def test_a_cell_that_lost_a_test_is_not_green(
    outcome: str | None, status: str, *, partly: bool
) -> None:
    """A cell names the tests that it lost, and is at best incomplete."""
    records = {"a": record(cell(agrees=3)) if partly else Record()}
    outcomes = {"b": outcome} if outcome else {}
    fills = {"b": [PLAN[0]], "a": [PLAN[0]]}
    exact, *others = found(records, outcomes, collected=["a", "b"], fills=fills).cells
    assert (exact.status, exact.lost) == (status, ["b"])
    assert {(each.status, *each.lost) for each in others} == {("not run",)}


def test_boundaries_add_up() -> None:
    """Classes of several tests are added, the planned ones first and zero where none was met."""
    parts = {
        "a": Record(boundaries=reached(("one channel", 2), ("empty batch", 1))),
        "b": Record(boundaries=reached(("one channel", 3))),
    }
    assert found(parts).boundaries == [
        Boundary("convolution", "remainder", 0),
        Boundary("convolution", "one channel", 5),
        Boundary("convolution", "empty batch", 1),
    ]


@pytest.mark.parametrize(
    ("table", "other", "entries"), [("ledger", "domain", LEDGER), ("domain", "ledger", DOMAIN_MAP)]
)
def test_entries_say_whether_they_were_seen(table: str, other: str, entries: Any) -> None:
    """Every entry is listed: it holds, it does not, be it in one test of two, or no test looked."""
    holds, falls, once, last, *rest = (entry.id for entry in entries)
    seen = {holds: True, falls: False, once: True, last: False}, {once: False, last: True}
    findings = found({str(at): Record(entries={table: each}) for at, each in enumerate(seen)})
    status = {entry.id: entry.status for entry in getattr(findings, table)}
    assert status == {
        **dict.fromkeys(rest, "not run"),
        holds: "holds",
        falls: "does not hold",
        once: "does not hold",
        last: "does not hold",
    }
    assert {entry.status for entry in getattr(findings, other)} == {"not run"}


def test_what_nothing_tried_is_named_by_its_digest() -> None:
    """Ledger and domain map stand in a report of the reference; others name what stands there."""
    tried = found({"a": Record(entries={"domain": {DOMAIN_MAP[0].id: True}})})
    candidate = found({"a": PASSED})
    assert (candidate.ledger, candidate.domain) == ([], [])
    assert len(files.text_of(candidate)) < 10_000
    assert [each.id for each in tried.ledger] == [each.id for each in LEDGER]
    for name, digest in candidate.digests.items():
        rows = [plain(each) | {"status": "not run"} for each in getattr(tried, name)]
        assert digest == hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert tried.digests == candidate.digests
    assert [*candidate.digests] == ["ledger", "domain"]


def test_many_operations_that_failed_are_counted() -> None:
    """The sentence names up to three operations, and counts more."""
    names = [f"operation_{n}" for n in range(4)]
    cells = [replace(cell(failure=FAILURE, disagrees=1), operation=name) for name in names]
    three, four = (sentence(found({"a": record(*cells[:n])})) for n in (3, 4))
    assert "operation_0, operation_1 and operation_2 are wrong. 3 of " in three
    assert "Does not conform: 4 of 4 operations are wrong. 4 of " in four


@pytest.mark.parametrize("agreeing", [3, 0])
def test_what_a_failure_cut_short_does_not_look_whole(agreeing: int) -> None:
    """A cell that agrees, one of whose tests ended at another cell's failure, says so."""
    cut = replace(cell("bound", agrees=agreeing, vacuous=1), stopped=1)
    failing = replace(cell(failure=FAILURE, disagrees=1), stopped=1)
    others = record(cell("bound", vacuous=2), cell("linearity", agrees=1))
    exact, bound, linearity = found({"a": record(failing, cut), "b": others}).cells
    assert (bound.status, bound.stopped) == ("agrees so far" if agreeing else "vacuous", 1)
    assert (exact.status, linearity.status) == ("disagrees", "agrees")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, ""),
        ({"whole": False}, "; other tests were not collected"),
        ({"left_out": ["b", "c"]}, "; 2 of 3 tests left out"),
        (
            {"whole": False, "left_out": ["b"]},
            "; 1 of 2 tests left out; other tests were not collected",
        ),
    ],
    ids=["whole", "not collected", "left out", "both"],
)
def test_what_was_not_run_is_never_taken_for_right(changes: dict[str, Any], text: str) -> None:
    """However tests came to be left out, verdict, sentence and cells say that some were."""
    how, so_far = (" in what was run", " so far") if changes else ("", "")
    findings = found({"a": PASSED}, **changes)
    assert findings.verdict == f"conforms{so_far}"
    assert sentence(findings) == f"Conforms{how}: no disagreement in {ALL}{text}."
    assert [each.status for each in findings.cells] == [*[f"agrees{so_far}"] * 2, "vacuous"]
    nothing = found({}, {"a": "passed"}, **changes)
    assert sentence(nothing) == f"No kernel judged; 3 of 3 cells not run{text}."


def test_ranges() -> None:
    """Numbers are told as few, and each once."""
    assert ranges([1]) == "1"
    assert ranges([1, 2]) == "1, 2"
    assert ranges([1, 3, 4, 5, 9, 10]) == "1, 3-5, 9, 10"

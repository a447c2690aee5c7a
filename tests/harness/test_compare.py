"""What changed between two reports is named, and counts as worse only where it is."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from sample import CASE, diagnosis
from synthetic import CELLS, TESTS, failure, record, report

from convcheck.conformance.commands.command import main
from convcheck.reports import diff, files
from convcheck.reports.compare import KINDS, Change, compare
from convcheck.reports.document import Circumstances, Findings, Report, Strength
from convcheck.reports.rows import Cell, Compared, Named, Refactor

BASE = report()
WRONG = report({TESTS[2]: record(2, failure=failure())}, outcomes={TESTS[2]: "failed"})
CRASHED = report(outcomes={TESTS[4]: "crashed"})
BROKEN = report(outcomes={TESTS[4]: "failed"}, messages={TESTS[4]: "it broke\nsomewhere"})
SKIPPED = report(outcomes={TESTS[4]: "skipped"})
FEWER = report(run=TESTS[:8])


def altered(alter: Callable[[Findings, Circumstances], object]) -> Report:
    """Return the report of a run in which something else was found."""
    changed = copy.deepcopy(BASE)
    alter(changed.findings, changed.circumstances)
    return changed


def bound_cell(findings: Findings) -> Cell:
    """Return a cell that has a worst error."""
    return next(cell for cell in findings.cells if cell.worst)


def with_refactor(verdict: str) -> Report:
    """Return a report that compares a candidate."""
    counts, bins = (9, 9, 0, 0), [0] * 11
    dtypes = [Compared("float32", 9, 9, 0, bins, bins, {})]
    names, bitwise = ("convolution", "new:conv2d", "old:conv2d", verdict), False
    entry = Refactor(*names, bitwise, *counts, dtypes, None)
    return altered(lambda found, _: setattr(found, "refactor", [entry]))


def with_strength(*missed: str) -> Report:
    """Return a report of a suite that misses some mistakes."""
    known = Strength("", {"quick": [*missed]})
    return altered(lambda found, _: setattr(found, "strength", known))


def shifted(by: int) -> Report:
    """Return a report whose errors are so many halvings larger."""
    changed = copy.deepcopy(BASE)
    for each in changed.findings.accuracy:
        each.distribution = [0, 0, 0, 90, 10, 0, 0, 0, 0, 0, 0]
        if by:
            each.distribution = [0, 0, 90, 10, 0, 0, 0, 0, 0, 0, 0]
    return changed


PAIRS = {
    "a kernel broke": (BASE, WRONG, {"newly failing"}, {"fixed"}),
    "a worker crashed": (
        BASE,
        CRASHED,
        {"newly failing", "newly missing"},
        {"fixed", "newly decided"},
    ),
    "a test broke": (BASE, BROKEN, {"newly failing", "newly missing"}, {"fixed", "newly decided"}),
    "a test was skipped": (BASE, SKIPPED, {"newly missing"}, {"newly decided"}),
    "less was run": (BASE, FEWER, {"newly missing", "less covered"}, {"newly decided"}),
    "an error grew": (
        BASE,
        altered(lambda found, _: setattr(bound_cell(found), "worst", 0.9)),
        {"less accurate"},
        {"more accurate"},
    ),
    "an error is suspicious": (
        BASE,
        altered(lambda found, _: setattr(bound_cell(found), "suspicious", 3)),
        {"less accurate"},
        {"more accurate"},
    ),
    "errors grew": (shifted(0), shifted(1), {"less accurate"}, {"more accurate"}),
    "a region shrank": (
        BASE,
        altered(lambda found, _: setattr(found.certificates[0], "certified", 10)),
        {"less covered"},
        {"more covered"},
    ),
    "a class was not reached": (
        BASE,
        altered(lambda found, _: setattr(found.boundaries[0], "count", 0)),
        {"less covered"},
        {"more covered"},
    ),
    "pairs were not reached": (
        BASE,
        altered(lambda found, _: setattr(found.pairs[0], "reached", 3)),
        {"less covered"},
        {"more covered"},
    ),
    "fewer cases": (
        BASE,
        altered(lambda found, _: setattr(found.cells[0], "counts", {"agrees": 3})),
        {"less covered"},
        {"more covered"},
    ),
    "an entry fell": (
        BASE,
        altered(lambda found, _: setattr(found.ledger[0], "status", "does not hold")),
        {"newly failing"},
        {"fixed"},
    ),
    "bits differ": (
        with_refactor("bit-identical"),
        with_refactor("same within the bound"),
        {"less accurate"},
        {"more accurate"},
    ),
    "a refactor is wrong": (
        with_refactor("less accurate"),
        with_refactor("wrong"),
        {"newly failing"},
        {"more accurate"},
    ),
    "a mistake is missed": (
        with_strength(),
        with_strength("convolution, mistake flipped"),
        {"less covered"},
        {"more covered"},
    ),
    "another kernel": (
        BASE,
        report(asked={"kernels": {"convolution": "mine:faster"}}),
        {"changed"},
        {"changed"},
    ),
    "another version": (
        BASE,
        altered(lambda _, ran: ran.packages.update(torch="3.0")),
        {"changed"},
        {"changed"},
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_known_changes(name: str) -> None:
    """A known change is told as what it is, there and back, and only one way is worse."""
    old, new, there, back = PAIRS[name]
    found = compare(old, new), compare(new, old)
    kinds = [{change.kind for change in changes} for changes in found]
    assert kinds[0] >= there
    assert kinds[1] >= back
    worse = [any(change.worse for change in changes) for changes in found]
    assert worse == [there != {"changed"}, False]
    for changes in found:
        order = [KINDS.index(change.kind) for change in changes]
        assert order == sorted(order)


def test_nothing_changed() -> None:
    """A report beside itself, or the same findings at another time, shows no change."""
    again = copy.deepcopy(BASE)
    again.circumstances.started, again.circumstances.seconds = "2000-01-01T00:00:00Z", 9.9
    assert compare(BASE, BASE) == compare(BASE, again) == []
    assert compare(WRONG, WRONG) == []
    assert diff.summary([]) == "Nothing changed."


def test_small_changes_are_none() -> None:
    """What moves with the draws is no change: a third of the cases, thrice the worst error."""
    other = copy.deepcopy(BASE)
    cell, boundary = bound_cell(other.findings), other.findings.boundaries[0]
    cell.worst = 3 * (cell.worst or 0)
    other.findings.cells[0].counts = {"agrees": 15}
    boundary.count = boundary.count * 3 // 2
    assert compare(BASE, other) == compare(other, BASE) == []


def test_other_draws_need_a_larger_change() -> None:
    """Errors may differ more between runs with different seeds, the fewer geometries they drew."""
    old, new = shifted(0), shifted(1)
    for each in (old, new):
        each.findings.random[0].geometries = 10
    assert [change.kind for change in compare(old, new)] == ["less accurate"]
    new.findings.asked.seed = "1"
    assert {change.kind for change in compare(old, new)} == {"changed"}


def test_a_failing_cell_names_its_case_and_diagnosis() -> None:
    """The change of a cell that fails says how, and by what; cells alike are one change."""
    wrong = copy.deepcopy(WRONG)
    names = [Named("flipped", "the filter is flipped", "here")]
    for cell in wrong.findings.cells:
        if cell.failure:
            found, case = diagnosis(names=names), CASE.replace("float32", cell.dtype)
            cell.failure = replace(cell.failure, diagnosis=found, case=case)
    (change,) = (each for each in compare(BASE, wrong) if each.what.startswith("convolution, "))
    operation, prop, _ = CELLS[3]
    assert change.what == f"{operation}, {prop}, float16 and float32 and float64"
    assert change.new.startswith("disagrees: the filter is flipped; v1:convolution:")
    assert [each.kind for each in compare(WRONG, wrong)] == ["still failing"]


def test_coverage_of_what_fails_is_not_told() -> None:
    """An operation that fails ends its tests early: that is not told as lost coverage."""
    assert {change.kind for change in compare(BASE, WRONG)} == {"newly failing"}


HOSTILE = "</script><b>`|\x1b[31m\u202e\ud800\n| x |" + "y" * 1_000_000


def test_forms_hold_whatever_is_in_the_data() -> None:
    """Nothing from a kernel can command a terminal or break a table or the page."""
    changes = [Change("newly failing", HOSTILE, HOSTILE, HOSTILE), Change("fixed", "a", "b", "c")]
    forms = [form(BASE, BASE, changes) for form in (diff.as_text, diff.as_markdown, diff.as_html)]
    for form in forms:
        assert len(form) < 6_000
        assert all(c.isprintable() or c == "\n" for c in form)
    _, markdown, page = forms
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {4}
    assert "<b>" not in page
    assert "Worse: 1 newly failing; 1 fixed." in page


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command tells the changes in each form, and exits with 1 where one is for the worse."""
    for name, each in {"old": BASE, "new": WRONG}.items():
        files.write_json(each, tmp_path / f"{name}.json")
    old, new, page = (str(tmp_path / name) for name in ("old.json", "new.json", "diff.html"))
    assert main(["diff", old, old]) == 0
    assert capsys.readouterr().out.startswith("Nothing changed.\nold: Conforms: ")
    assert main(["diff", old, new, "--html", page]) == 1
    assert "\nnewly failing (" in capsys.readouterr().out
    assert "newly failing" in Path(page).read_text(encoding="utf-8")
    assert main(["diff", new, old, "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("### convcheck: Nothing worse; ")
    assert files.read(Path(old)) == BASE

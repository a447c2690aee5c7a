"""What changed between two reports is named, and counts as worse only where it is."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pytest_runs import Command
from sample import CASE, CELLS, REFACTOR, TESTS, diagnosis, failed, record, report

from convcheck.reports import files
from convcheck.reports.document import Report, Strength, plain
from convcheck.reports.failures import Named
from convcheck.reports.findings import domain_of, ledger_of
from convcheck.reports.since.compare import KINDS, Change, compare
from convcheck.reports.told import diff
from convcheck.reports.told.words import summary

BASE = report()
WRONG = report({TESTS[2]: record(2, failure=failed())}, outcomes={TESTS[2]: "failed"})
CRASHED = report(outcomes={TESTS[4]: "crashed"})
BROKEN = report(outcomes={TESTS[4]: "failed"}, messages={TESTS[4]: "it broke\nsomewhere"})
SKIPPED = report(outcomes={TESTS[4]: "skipped"})
CANDIDATE = report({TESTS[3]: replace(record(3), entries={})})
FEWER = report(run=TESTS[:8])


def altered(**values: Any) -> Report:
    """Return the report of a run in which something else was found: fields of first rows."""
    changed = copy.deepcopy(BASE)
    for path, value in values.items():
        table, _, field = path.partition("__")
        holder = getattr(changed.findings, table)[0] if field else changed.findings
        setattr(holder, field or table, value)
    return changed


def less_accurate(**values: float) -> Report:
    """Return a report of which the first cell with a bound differs."""
    changed = copy.deepcopy(BASE)
    changed.findings.cells = [
        replace(each, **values) if each.worst else each for each in changed.findings.cells
    ]
    return changed


def compared(verdict: str) -> Report:
    """Return a report that compares a candidate."""
    return altered(refactor=[replace(REFACTOR, verdict=verdict)])


def with_strength(*missed: str) -> Report:
    """Return a report of a suite that misses some mistakes."""
    return altered(strength=Strength("", {"quick": [*missed]}))


def shifted(by: int) -> Report:
    """Return a report whose errors are so many halvings larger."""
    distribution = [0, 0, 0, 90, 10, 0, 0, 0, 0, 0, 0]
    errors = [
        replace(each, distribution=distribution[by:] + [0] * by) for each in BASE.findings.accuracy
    ]
    return altered(accuracy=errors)


def of_another_torch() -> Report:
    """Return a report of a run with another version of PyTorch."""
    changed = copy.deepcopy(BASE)
    changed.circumstances.packages["torch"] = "3.0"
    return changed


# Kinds of change, and what each is the other way round.
BACK = {
    "newly failing": "fixed",
    "newly missing": "newly decided",
    "less covered": "more covered",
    "less accurate": "more accurate",
    "changed": "changed",
}
PAIRS = {
    "a kernel broke": (BASE, WRONG, "newly failing"),
    "a worker crashed": (BASE, CRASHED, "newly failing, newly missing"),
    "a test broke": (BASE, BROKEN, "newly failing, newly missing"),
    "a test was skipped": (BASE, SKIPPED, "newly missing"),
    "less was run": (BASE, FEWER, "newly missing, less covered"),
    "an error grew": (BASE, less_accurate(worst=0.9), "less accurate"),
    "an error is suspicious": (BASE, less_accurate(suspicious=3), "less accurate"),
    "errors grew": (shifted(0), shifted(1), "less accurate"),
    "a region shrank": (BASE, altered(certificates__certified=10), "less covered"),
    "a class was not reached": (BASE, altered(boundaries__count=0), "less covered"),
    "pairs were not reached": (BASE, altered(pairs__reached=3), "less covered"),
    "fewer cases": (BASE, altered(cells__counts={"agrees": 3}), "less covered"),
    "an entry fell": (BASE, altered(ledger__status="does not hold"), "newly failing"),
    "bits differ": (
        compared("bit-identical"),
        compared("same within the bound"),
        "less accurate",
    ),
    "a refactor is wrong": (
        compared("less accurate"),
        compared("wrong"),
        "newly failing",
    ),
    "a mistake is missed": (with_strength(), with_strength("flipped"), "less covered"),
    "another kernel": (BASE, report(asked={"kernels": {"convolution": "my:new"}}), "changed"),
    "another version": (BASE, of_another_torch(), "changed"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_known_changes(name: str) -> None:
    """A known change is told as what it is, there and back, and only one way is worse."""
    old, new, told = PAIRS[name]
    found = compare(old, new), compare(new, old)
    there, back = ({change.kind for change in changes} for changes in found)
    expected = {*told.split(", ")}
    assert there >= expected
    assert back >= {BACK[kind] for kind in expected}
    worse = [any(change.worse for change in changes) for changes in found]
    assert worse == [told != "changed", False]
    for changes in found:
        order = [KINDS.index(change.kind) for change in changes]
        assert order == sorted(order)


def test_nothing_changed() -> None:
    """A report beside itself, or the same findings at another time, shows no change."""
    again = copy.deepcopy(BASE)
    again.circumstances.started, again.circumstances.seconds = "2000-01-01T00:00:00Z", 9.9
    assert compare(BASE, BASE) == compare(BASE, again) == []
    assert compare(WRONG, WRONG) == []
    assert summary([]) == "Nothing changed."


def test_small_changes_are_none() -> None:
    """What moves with the draws is no change: a third of the cases, thrice the worst error."""
    other = copy.deepcopy(BASE)
    cell = next(cell for cell in other.findings.cells if cell.worst)
    boundary = other.findings.boundaries[0]
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


HOSTILE = "</script><b>`|\\|\x1b[31m\u202e\ud800\n| x |" + "y" * 1_000_000


def test_forms_hold_whatever_is_in_the_data() -> None:
    """Nothing from a kernel can command a terminal or break a table or the page."""
    changes = [Change("newly failing", HOSTILE, HOSTILE, HOSTILE), Change("fixed", "a", "b", "c")]
    forms = [form(BASE, BASE, changes) for form in (diff.as_text, diff.as_markdown, diff.as_html)]
    for form in forms:
        assert len(form) < 6_000
        assert all(c.isprintable() or c == "\n" for c in form)
    _, markdown, page = forms
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {4}
    assert {*re.findall("<[^>]*>", markdown)} == {"<code>", "</code>"}
    assert "<b>" not in page
    assert "Worse: 1 newly failing; 1 fixed." in page


def test_markdown_folds_what_is_less_covered() -> None:
    """Each kind has a table; that of what is covered less is there for those who look."""
    changes = [Change("less covered", "a", "2", "1"), Change("fixed", "b", "", "")]
    told = diff.as_markdown(BASE, BASE, changes)
    folded = told[told.index("<details>") : told.index("</details>")]
    assert folded.startswith("<details><summary>less covered (1)</summary>\n\n| what |")
    assert folded.endswith("| <code>a</code> | <code>2</code> | <code>1</code> |\n\n")
    assert "#### fixed (1)\n" in told


def test_the_command(command: Command) -> None:
    """The command tells the changes in each form, and exits with 1 where one is for the worse."""
    files.write_json(BASE, Path("old.json"))
    files.write_json(WRONG, Path("new.json"))
    for words, status, told in (
        ("old.json old.json", 0, "Nothing changed.\nold: Conforms: "),
        ("old.json new.json --html d.html", 1, "\nnewly failing ("),
        ("new.json old.json --markdown", 0, "### convcheck: Nothing worse; "),
    ):
        found = command("diff", *words.split())
        assert found.status == status
        assert told in found.out
    assert "newly failing" in Path("d.html").read_text(encoding="utf-8")
    assert files.read(Path("old.json")) == BASE


def fourth(report: Report) -> str:
    """Return a report as version 4 had it: with ledger and domain map, tried or not."""
    old: Any = plain(report)
    old["version"] = 4
    del old["findings"]["digests"]
    for name, rows in (("ledger", ledger_of({})), ("domain", domain_of({}))):
        old["findings"][name] = old["findings"][name] or plain(rows)
    return json.dumps(old)


@pytest.mark.parametrize("report", [CANDIDATE, BASE], ids=["candidate", "reference"])
def test_older_reports_can_still_be_compared_with(report: Report, command: Command) -> None:
    """What version 4 held more is no change; the page is made of it, too."""
    old, new = Path("old.json"), Path("new.json")
    old.write_text(fourth(report), encoding="utf-8")
    files.write_json(report, new)
    assert compare(files.read(old), files.read(new)) == []
    told = command("render", new, "-o", "r.html", "--baseline", old)
    assert told.status == 0
    assert "Nothing changed." in Path("r.html").read_text(encoding="utf-8")
    assert command("render", old, "-o", "r.html").status == 0

"""Reports of a run's parts make the report that the run would have had in one piece."""

from pathlib import Path
from typing import Any

import pytest
from synthetic import CIRCUMSTANCES, TESTS, failure, record, report

from convcheck.conformance.commands.command import main
from convcheck.reports import files
from convcheck.reports.document import Parts, Report, plain
from convcheck.reports.errors import ReportError
from convcheck.reports.merge import merge
from convcheck.reports.page import render
from convcheck.reports.rows import Compared, Refactor
from convcheck.reports.words import sentence

LOST = {TESTS[4]: "crashed", TESTS[9]: "missing", TESTS[12]: "skipped", TESTS[20]: "failed"}
WRONG = {
    TESTS[2]: record(2, failure=failure("first", rank=5)),
    TESTS[3]: record(3, failure=failure("second", rank=2)),
}


def parts(number: int, **run: Any) -> dict[str, Report]:
    """Return the reports of a run in so many parts, by a name each."""
    kept = ("outcomes", "records", "messages")
    named = {}
    for at in range(number):
        tests = TESTS[at::number]
        kept_of: dict[str, Any] = {
            key: {name: each for name, each in value.items() if name in tests}
            for key, value in run.items()
            if key in kept
        }
        named[f"{at}.json"] = report(run=tests, **kept_of)
    return named


def text(whole: Report) -> str:
    """Return findings as they are compared: to the byte."""
    return files.text_of(whole.findings)


@pytest.mark.parametrize("number", [2, 3, 7])
@pytest.mark.parametrize(
    "run",
    [
        {},
        {"outcomes": LOST, "messages": {TESTS[20]: "it broke"}},
        {"outcomes": dict.fromkeys(WRONG, "failed"), "records": WRONG},
    ],
    ids=["passed", "lost", "wrong"],
)
def test_parts_make_the_whole(number: int, run: dict[str, Any]) -> None:
    """Findings of merged parts are those of a whole run to the byte, in whatever order."""
    several = parts(number, **run)
    whole = report(**run)
    assert text(merge(several)) == text(whole)
    assert text(merge(dict(reversed(several.items())))) == text(whole)
    assert whole.findings.full
    assert not several["0.json"].findings.full


def test_merged_reports_merge() -> None:
    """A merged report is a report: it can be a part again."""
    one, two, three = parts(3).items()
    half = merge(dict([one, two]))
    assert half.findings.full is False
    both = merge({"half.json": half, three[0]: three[1]})
    assert text(both) == text(report())
    assert both.circumstances.merged == [CIRCUMSTANCES] * 3
    assert both.circumstances.workers == 6
    assert both.circumstances.cost.phases.oracle == 6.0
    assert files.checked(plain(both), Report) == both


EIGHT = {f"{at}.json": report(run=TESTS[at - 1 :: 8], part=(at, 8)) for at in range(1, 9)}


def some(*numbers: int) -> dict[str, Report]:
    """Return these of eight parts."""
    return {f"{at}.json": EIGHT[f"{at}.json"] for at in numbers}


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((3,), "Part 3 of 8: conforms so far: no disagreement in "),
        ((1, 5), "Parts 1, 5 of 8: conforms so far: "),
        ((1, 2, 3, 4, 8), "Parts 1-4, 8 of 8: conforms so far: "),
    ],
)
def test_a_part_never_looks_whole(numbers: tuple[int, ...], words: str) -> None:
    """A part says which it is, wherever it is told, and no cell or banner of it is green."""
    found = merge(some(*numbers)) if len(numbers) > 1 else EIGHT["3.json"]
    findings = found.findings
    assert findings.verdict == "conforms so far"
    assert findings.tests.parts == Parts(list(numbers), 8)
    assert sentence(findings).startswith(words)
    left = len(TESTS) - len([name for at in numbers for name in TESTS[at - 1 :: 8]])
    assert sentence(findings).endswith(f"; {left} of {len(TESTS)} tests left out.")
    assert {cell.status for cell in findings.cells} <= {"agrees so far", "not run", "vacuous"}
    page = render(found)
    assert words.split(":", maxsplit=1)[0] in page
    assert 'class="verdict open"' in page


def test_parts_merge_in_any_order_and_number() -> None:
    """A merge of merges, with all parts in it, is the whole run's, to the byte."""
    halves = {"a": merge(some(2, 7, 3)), "b": merge({"c": merge(some(1, 8)), **some(4, 5)})}
    almost = merge(halves)
    assert sentence(almost.findings).startswith("Parts 1-5, 7, 8 of 8: conforms so far")
    assert text(merge({"almost": almost, **some(6)})) == text(merge(EIGHT)) == text(report())


def test_a_part_that_fails_is_told_as_a_part() -> None:
    """What is wrong in a part is wrong in the whole; which part it was stands before it."""
    wrong = {TESTS[2]: record(2, failure=failure())}
    found = report(wrong, outcomes={TESTS[2]: "failed"}, run=TESTS[2::8], part=(3, 8))
    assert sentence(found.findings).startswith("Part 3 of 8: does not conform: convolution ")
    assert found.findings.verdict == "does not conform"


def test_parts_of_another_number_are_refused() -> None:
    """A part of four is none of eight, wherever it comes."""
    other = report(run=TESTS[1::4], part=(2, 4))
    with pytest.raises(ReportError, match=r"b: one of 4 parts, expected 8"):
        merge({"left": report(run=TESTS[6:7]), "a": EIGHT["1.json"], "b": other})
    with pytest.raises(ReportError, match=r"again: .* ran here and in 1.json"):
        merge({**some(1), "again": EIGHT["1.json"]})


def test_missing_parts_are_named_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With parts missing, merge says which, ends with 4, and writes what can be merged further."""
    paths = write(tmp_path, **{f"p{name[0]}": each for name, each in EIGHT.items()})
    half, whole = str(tmp_path / "half.json"), str(tmp_path / "whole.json")
    assert main(["merge", *paths[::2], "-o", half]) == 4
    told = capsys.readouterr()
    assert told.err == "ERROR: convcheck: merge: parts 2, 4, 6, 8 of 8 are missing\n"
    assert told.out.startswith("Parts 1, 3, 5, 7 of 8: conforms so far: ")
    assert main(["merge", half, *paths[1:6:2], "-o", whole]) == 4
    assert capsys.readouterr().err.endswith("merge: part 8 of 8 is missing\n")
    assert main(["merge", half, *paths[1::2], "-o", whole]) == 0
    assert text(files.read(Path(whole))) == text(report())


def test_what_was_left_out_of_every_run_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs of chosen tests make no whole either, nor do such that have not collected all."""
    one, two = report(run=TESTS[:5]), report(run=TESTS[5:-2])
    out = str(tmp_path / "out.json")
    assert sentence(one.findings).startswith("Conforms in what was run: no disagreement in ")
    assert main(["merge", *write(tmp_path, one=one, two=two), "-o", out]) == 4
    told = capsys.readouterr().err
    assert f"tests are missing that all runs left out, 2 of them: {TESTS[-2]}" in told
    for each in (one, two):
        each.findings.tests.whole = False
        each.findings.tests.outcomes = {
            name: outcome
            for name, outcome in each.findings.tests.outcomes.items()
            if outcome == "passed"
        }
    assert main(["merge", *write(tmp_path, one=one, two=two), "-o", out]) == 4
    assert "none of these reports is of a run that collected all" in capsys.readouterr().err
    assert files.read(Path(out)).findings.verdict == "conforms so far"


def test_what_was_lost_may_come_from_another_run() -> None:
    """Tests that gave no result in one run and ran in another are there once, and missed no more.

    Those that crashed did run, so that a second result is one too many.
    """
    first = report(outcomes={TESTS[0]: "missing", TESTS[5]: "missing"})
    assert first.findings.verdict == "incomplete"
    again = report(run=[TESTS[0], TESTS[5]])
    assert text(merge({"1": first, "2": again})) == text(report())
    with pytest.raises(ReportError, match=r"expected every test once"):
        merge({"1": report(outcomes={TESTS[0]: "crashed"}), "2": again})


def changed(**values: Any) -> Report:
    """Return a part with something else in its circumstances' packages."""
    part = report(run=TESTS[1::2])
    part.circumstances.packages |= values
    return part


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (
            report(run=TESTS[1::2], asked={"kernels": {"convolution": "yours:conv2d"}}),
            "kernels of convolution is 'yours:conv2d', expected 'mine:conv2d' as in a.json",
        ),
        (
            report(run=TESTS[1::2], asked={"sources": {"convolution": "cd" * 32}}),
            "sources of convolution is 'cd",
        ),
        (report(run=TESTS[1::2], asked={"seed": "1"}), "seed is '1', expected '0'"),
        (report(run=TESTS[1::2], asked={"profile": "quick"}), "profile is 'quick'"),
        (changed(convcheck="9.9"), "version of convcheck is '9.9', expected '0.1.0' as in a.json"),
        (report(run=TESTS[2:]), " ran here and in a.json, expected every test once"),
    ],
    ids=["kernel", "source", "seed", "profile", "version", "twice"],
)
def test_what_does_not_belong_together_is_refused(other: Report, problem: str) -> None:
    """Reports of another run are refused, with what is different and where."""
    with pytest.raises(ReportError, match=r"b\.json: ") as caught:
        merge({"a.json": report(run=TESTS[::2]), "b.json": other})
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_packages_may_differ() -> None:
    """Machines with another NumPy are told apart in the circumstances."""
    merged = merge({"a": report(run=TESTS[::2]), "b": changed(numpy="2.0")})
    mine = CIRCUMSTANCES.packages["numpy"]
    assert merged.circumstances.packages["numpy"] == f"{mine}; 2.0"


def test_refactor_verdicts_merge() -> None:
    """A candidate compared in several parts is as like as in the least like of them."""
    bins = [0] * 11
    several = parts(2)
    for part, name, verdict, identical in zip(
        several.values(),
        ("float64", "float16"),
        ("bit-identical", "less accurate"),
        (5, 3),
        strict=True,
    ):
        dtypes = [Compared(name, 5, identical, 0, bins, bins, {})]
        counts, example = (5, identical, 0, 0), f"v1:convolution:{name}:"
        entry = Refactor("convolution", "a:b", "c:d", verdict, True, *counts, dtypes, example)  # noqa: FBT003
        part.findings.refactor = [entry]
    (merged,) = merge(several).findings.refactor
    assert (merged.verdict, merged.cases, merged.identical) == ("less accurate", 10, 8)
    assert [each.dtype for each in merged.dtypes] == ["float16", "float64"]
    assert merged.example == "v1:convolution:float16:"


def write(folder: Path, **reports: Report) -> list[str]:
    """Write reports into a folder, and return their paths."""
    for name, each in reports.items():
        files.write_json(each, folder / f"{name}.json")
    return [str(folder / f"{name}.json") for name in reports]


def test_the_command_writes_both_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command writes JSON and page, says the verdict, and exits with it."""
    one, two = write(tmp_path, one=report(run=TESTS[::2]), two=report(run=TESTS[1::2]))
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    assert main(["merge", one, two, "-o", str(out), "--html", str(page)]) == 0
    assert text(files.read(out)) == text(report())
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("Conforms: no disagreement in ")
    assert rest == [f"JSON report: {out}", f"HTML report: {page}"]
    lost = write(tmp_path, lost=report(run=TESTS[1::2], outcomes={TESTS[1]: "missing"}))
    assert main(["merge", one, *lost, "-o", str(out)]) == 4
    assert "merge: tests gave no result, 1 of them: test_some" in capsys.readouterr().err
    assert main(["render", str(out), "-o", str(page)]) == 0
    again = page.read_bytes()
    assert main(["merge", one, *lost, "-o", str(out), "--html", str(page)]) == 4
    assert page.read_bytes().count(b"<section") == again.count(b"<section")

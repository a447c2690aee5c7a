"""Reports of a run's parts make the report that the run would have had in one piece."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pytest_runs import Command
from sample import RAN, REFACTOR, TESTS, failed, record, report

from convcheck import __version__
from convcheck.reports import files
from convcheck.reports.document import Parts, Report, plain
from convcheck.reports.merge import merge
from convcheck.reports.status import ReportError
from convcheck.reports.told.page import render
from convcheck.reports.told.words import sentence

LOST = {TESTS[4]: "crashed", TESTS[9]: "missing", TESTS[12]: "skipped", TESTS[20]: "failed"}
WRONG = {
    TESTS[2]: record(2, failure=failed("first", rank=5)),
    TESTS[3]: record(3, failure=failed("second", rank=2)),
}


def parts(number: int, **run: Any) -> dict[str, Report]:
    """Return the reports of a run in so many parts, by a name each."""
    return {f"{at}.json": report(run=TESTS[at::number], **run) for at in range(number)}


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
    assert both.circumstances.merged == [RAN] * 3
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
    assert '<header class="open">' in page


def test_parts_merge_in_any_order_and_number() -> None:
    """A merge of merges, with all parts in it, is the whole run's, to the byte."""
    halves = {"a": merge(some(2, 7, 3)), "b": merge({"c": merge(some(1, 8)), **some(4, 5)})}
    almost = merge(halves)
    assert sentence(almost.findings).startswith("Parts 1-5, 7, 8 of 8: conforms so far")
    assert text(merge({"almost": almost, **some(6)})) == text(merge(EIGHT)) == text(report())


def test_a_part_that_fails_is_told_as_a_part() -> None:
    """What is wrong in a part is wrong in the whole; which part it was stands before it."""
    wrong = {TESTS[2]: record(2, failure=failed())}
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


def write(**reports: Report) -> list[str]:
    """Write reports, and return their files' names."""
    for name, each in reports.items():
        files.write_json(each, Path(name))
    return list(reports)


def test_missing_parts_are_named_and_the_rest_is_written(command: Command) -> None:
    """With parts missing, merge says which, ends with 4, and writes what can be merged further."""
    paths = write(**EIGHT)
    told = command("merge", *paths[::2], "-o", "half")
    assert told.status == 4
    assert told.err == "ERROR: convcheck: merge: parts 2, 4, 6, 8 of 8 are missing\n"
    assert told.out.startswith("Parts 1, 3, 5, 7 of 8: conforms so far: ")
    told = command("merge", "half", *paths[1:6:2], "-o", "whole")
    assert told.status == 4
    assert told.err.endswith("merge: part 8 of 8 is missing\n")
    assert command("merge", "half", *paths[1::2], "-o", "whole").status == 0
    assert text(files.read(Path("whole"))) == text(report())


def test_what_was_left_out_of_every_run_is_named(command: Command) -> None:
    """Runs of chosen tests make no whole either, nor do such that have not collected all."""
    one, two = report(run=TESTS[:5]), report(run=TESTS[5:-2])
    assert sentence(one.findings).startswith("Conforms in what was run: no disagreement in ")
    told = command("merge", *write(one=one, two=two), "-o", "out")
    assert told.status == 4
    assert f"tests are missing that all runs left out, 2 of them: {TESTS[-2]}" in told.err
    for each in (one.findings.tests, two.findings.tests):
        each.whole = False
        each.outcomes = {name: said for name, said in each.outcomes.items() if said == "passed"}
    told = command("merge", *write(one=one, two=two), "-o", "out")
    assert told.status == 4
    assert "none of these reports is of a run that collected all" in told.err
    assert files.read(Path("out")).findings.verdict == "conforms so far"


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


def changed(**versions: str) -> Report:
    """Return a part with other versions in its circumstances' packages."""
    part = report(run=TESTS[1::2])
    part.circumstances.packages |= versions
    return part


def asked(**values: Any) -> Report:
    """Return a part of a run that was asked for something else."""
    return report(run=TESTS[1::2], asked=values)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (
            asked(kernels={"convolution": "yours:conv2d"}),
            "kernels of convolution is 'yours:conv2d', expected 'mine:conv2d' as in a.json",
        ),
        (asked(sources={"convolution": "cd" * 32}), "sources of convolution is 'cd"),
        (asked(seed="1"), "seed is '1', expected '0'"),
        (asked(profile="quick"), "profile is 'quick'"),
        (changed(convcheck="9.9"), f"is '9.9', expected {__version__!r} as in a.json"),
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
    mine = RAN.packages["numpy"]
    assert merged.circumstances.packages["numpy"] == f"{mine}; 2.0"


def test_refactor_verdicts_merge() -> None:
    """A candidate compared in several parts is as like as in the least like of them."""
    several = parts(2)
    for part, name, verdict, identical in zip(
        several.values(),
        ("float64", "float16"),
        ("bit-identical", "less accurate"),
        (5, 3),
        strict=True,
    ):
        counts: Any = {"cases": 5, "identical": identical}
        dtypes = [replace(REFACTOR.dtypes[0], dtype=name, **counts)]
        changes: Any = {"verdict": verdict, "example": f"v1:convolution:{name}:", "dtypes": dtypes}
        part.findings.refactor = [replace(REFACTOR, **counts, **changes)]
    (merged,) = merge(several).findings.refactor
    assert (merged.verdict, merged.cases, merged.identical) == ("less accurate", 10, 8)
    assert [each.dtype for each in merged.dtypes] == ["float16", "float64"]
    assert merged.example == "v1:convolution:float16:"


def test_the_command_writes_both_forms(command: Command) -> None:
    """The command writes JSON and page, says the verdict, and exits with it."""
    one, two = write(one=report(run=TESTS[::2]), two=report(run=TESTS[1::2]))
    status, told, _ = command("merge", one, two, "-o", "out.json", "--html", "out.html")
    assert status == 0
    assert text(files.read(Path("out.json"))) == text(report())
    first, *rest = told.splitlines()
    assert first.startswith("Conforms: no disagreement in ")
    assert rest == ["JSON report: out.json", "HTML report: out.html"]
    lost = write(lost=report(run=TESTS[1::2], outcomes={TESTS[1]: "missing"}))
    found = command("merge", one, *lost, "-o", "out.json", "--html", "out.html")
    assert found.status == 4
    assert "merge: tests gave no result, 1 of them: test_some" in found.err
    assert command("render", "out.json", "-o", "again.html").status == 0
    pages = [Path(name).read_bytes().count(b"<section") for name in ("out.html", "again.html")]
    assert pages[0] == pages[1]

"""The HTML page tells all that a report holds, and nothing that a kernel says can break it."""

import base64
import copy
import hashlib
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from parsed import Page
from sample import (
    CASE,
    PLANNED,
    certificate,
    diagnosis,
    everything,
    failed,
    make,
    part,
    spoken,
)
from sample import report as full_report

from convcheck.reports import findings
from convcheck.reports.document import Error, Report
from convcheck.reports.rows import Boundary, Compared, Record, Refactor, Unlike
from convcheck.reports.told import page, problems, shown, words

WORDS = ("agrees", "disagrees", "misbehaved", "undecided", "vacuous", "not applicable", "not run")
RIGHT = [part(cell, {"agrees": 5}) for cell in PLANNED]
WRONG = [part(cell, {"disagrees": 1}, failed("wrong")) for cell in PLANNED]
UNSEEN, SPELLED = "a\x00b\x1b[31mc\u202ed\ud800e", r"a\x00b\x1b[31mc\u202ed\ud800e"
CUT = "... and 97,"
KINDS = [f"kind {n}" for n in range(12)]


def wrong_as(message: str, **more: Any) -> Report:
    """Return a report in which one cell failed, with this message."""
    return make([part(PLANNED[0], {"disagrees": 1}, failed(message, **more))])


def wrong_on(*kinds: str) -> Report:
    """Return a report in which the tests of these kinds of geometry failed, of twelve."""
    report = make(WRONG[:1])
    report.findings.boundaries = [Boundary("convolution", kind, 1) for kind in KINDS]
    report.findings.tests.outcomes = {
        f"test_boundaries::test_boundary[convolution-{kind}]": "failed"
        if kind in kinds
        else "passed"
        for kind in KINDS
    }
    return report


def without_results() -> Report:
    """Return a report in which 10,000 tests are missing, and as many ended with an error."""
    names = [f"test{n}" for n in range(10_000)]
    report = make(planned=[], missing=names, messages={f"{n}x": "y" * 9_000 for n in names})
    assert len(page.render(report).encode()) < 1_100_000
    return report


def crashed() -> Report:
    """Return a report in which a test crashed, and with it a cell."""
    report = make()
    lost = report.findings.cells[0]
    lost.status, lost.lost = "crashed", ["test_laws::test_laws[convolution]"]
    report.findings.verdict = "does not conform"
    report.findings.errors = [Error(lost.lost[0], "crashed", "it ended")]
    return report


def not_bitwise() -> Report:
    """Return a report on a right candidate that was to be bit-identical, and is not."""
    test = "test_refactor::test_refactor[convolution-float16]"
    dtypes = [Compared("float16", 4, 3, 0, [], [], {})]
    bits = Unlike("not bit-identical\n  element  z", "pytest --case c")
    names, bitwise = ("convolution", "new:conv", "old:conv", "same within the bound"), True
    compared = Refactor(*names, bitwise, 4, 3, 0, 0, dtypes, CASE, bits)
    results = findings.Results(
        {test: Record(RIGHT, refactor=[compared])},
        {test: "failed"},
        {test: "not bit-identical"},
        [test],
        fills={test: PLANNED},
        whole=True,
    )
    report, planned = make(), findings.planned_rows(PLANNED, [], [])
    report.findings = findings.build(results, planned, report.findings.asked)
    assert report.findings.verdict == "does not conform"
    assert {cell.status for cell in report.findings.cells} == {"agrees"}
    assert "ended otherwise" not in Page(report).text
    return report


TOLD: dict[str, tuple[Callable[[], Report], str]] = {
    "operations not run": (lambda: make(RIGHT[:4]), "every cell of convolution_transpose"),
    "nothing planned": (lambda: make(planned=[]), "No kernel judged … nothing judged"),
    "nothing run": (make, "No kernel judged … 8 not run"),
    "refactors": (everything, "less accurate than old:convolution … 420 of 500"),
    "speed": (everything, "3.2 times faster"),
    "strength": (everything, "the filter is flipped in its rows and columns"),
    "mutants": (everything, " killed."),
    "a lost test": (everything, "a process ended, or gave no result"),
    "caught": (everything, " caught, median 1"),
    "a long message": (lambda: wrong_as("<b>" * 35_000), CUT),
    "what cannot be seen": (lambda: make(messages={"test": UNSEEN}), SPELLED),
    "errors": (lambda: make(messages={"test_a": "OracleError: no"}), "OracleError: no"),
    "missing tests": (lambda: make(missing=["test_b"]), "Tests without a result … test_b"),
    "kinds that fail": (
        lambda: wrong_on(*KINDS[:2]),
        "fails on 2 of 12 kinds of geometry: kind 0, k",
    ),
    "kinds that do not": (
        lambda: wrong_on(*KINDS[2:]),
        "fails on 10 of 12 kinds of geometry, not on k",
    ),
    "zeros": (full_report, "convolution: right on finite numbers; spreads NaN of ftr and x"),
    "other bits": (
        not_bitwise,
        "Does not conform … convolution is not bit-identical with old:conv:",
    ),
    "how they differ": (not_bitwise, "bits differ in 1 of 4 cases … pytest --case c"),
    "many tests": (without_results, f"… and {10_000 - shown.MOST_ROWS:,} tests more"),
}
# What stands before all else.
FIRST: dict[str, tuple[Callable[[], Report], str]] = {
    "a mistake": (
        everything,
        "the filter is flipped in both axes … got 1.0 expected 2.0 difference -1",
    ),
    "a command": (everything, f"--case {CASE}"),
    "no result": (lambda: wrong_as("the kernel did not return\n  case  by"), "did not return"),
    "a crash": (crashed, "7 of 8 cells not run"),
    "where": (crashed, "a process ended, or gave no result In test_laws::test_laws[convolution]"),
    "what is lost": (crashed, "Nothing is known of exact in float16."),
}


@pytest.mark.parametrize("name", [*TOLD, *FIRST])
def test_the_page_tells(name: str) -> None:
    """What was found, not found and not looked for is told, and first of all what is wrong."""
    report, told = (TOLD | FIRST)[name]
    rest = Page(report()).words
    if name in FIRST:
        rest = re.split("and what else is known|Matrix", rest)[0]
        assert "case by" not in rest
    for each in told.split(" … "):
        _, found, rest = rest.partition(each)
        assert found == each


def test_every_cell_is_in_the_page_with_its_word_and_count() -> None:
    """Each cell of a report stands in the matrix with its word, its count and its error."""
    parts = [
        part(cell, {word: 1_234, "not applicable": 1}, worst=0.96, suspicious=2)
        for cell, word in zip(PLANNED, WORDS[:5], strict=False)
    ]
    report = make(parts)
    told = dict(zip(PLANNED, Page(report).matrix(), strict=True))
    for cell in report.findings.cells:
        _, said = told[cell.key]
        assert said[: len(cell.status.split())] == cell.status.split()
        if cell.counts:
            told_of = "in 1,234 of 1,235 cases, errors up to 0.96 of the bound, △ 2 suspicious"
            assert " ".join(said).endswith(told_of)


def test_only_agreement_looks_like_agreement() -> None:
    """The class of agreement is borne by cells that agree, and by no other word."""
    for word in WORDS:
        counts = {} if word == "not run" else {word: 5}
        cells = Page(make([part(cell, counts) for cell in PLANNED])).matrix()
        assert {style == "good" for style, _ in cells} == {word == "agrees"}


def test_nothing_else_looks_like_agreement() -> None:
    """Nor what failed while shrinking, was cut short, or has a word of a later version."""
    unknown = make(RIGHT)
    unknown.findings.cells[0].status = "bewitched"
    cut = make([*WRONG[:1], *(part(cell, {"agrees": 2}, stopped=1) for cell in PLANNED[2:4])])
    for report, at, style, said in (
        (make([part(PLANNED[0], {"agrees": 3}, failed("short"))]), 0, "bad", "disagrees"),
        (unknown, 0, "void", "bewitched"),
        (cut, 2, "open", "agrees so far in 2 of 2 cases, 1 test ended early"),
    ):
        seen, found = Page(report).matrix()[at]
        assert seen == style
        assert " ".join(found).startswith(said)
    (problem,) = problems.problems(cut.findings)
    assert (problem.fine, problem.so_far) == ([], ["bound"])


def test_a_run_in_part_does_not_look_whole() -> None:
    """The verdict of a run with cells that were not run has not the look of agreement."""
    half, whole = Page(make(RIGHT[:4])), Page(make(RIGHT))
    assert [style for style, _ in half.matrix()][:4] == ["good"] * 4
    assert "○ not run: every cell of convolution_transpose" in half.words
    assert half.values("class", "header") == ["open"]
    assert whole.values("class", "header") == ["good"]


def test_a_dtype_that_is_not_offered_has_no_column() -> None:
    """It is named below; where nothing is offered at all, all stand there."""
    for offered, cells in ((("float16",), 0), (("float16", "float32"), 4), ((), 4)):
        counts = {True: {"agrees": 5}, False: {"not offered": 5}}
        found = Page(make([part(cell, counts[cell[2] in offered]) for cell in PLANNED]))
        assert sum(", float32: " in text for _, text in found.cells) == cells
        assert ("not offered: every cell of float32" in found.words) is (cells == 0)


CERTIFIED = ("convolution", "certified", "float32")


@pytest.mark.parametrize("complete", [True, False])
def test_a_region_in_part_is_not_certified(*, complete: bool) -> None:
    """Agreement on part of a region is not shown as certified, nor in the colour of agreement."""
    cells = [part(CERTIFIED, {"agrees": 5}, stopped=int(not complete))]
    report = make(cells, planned=[CERTIFIED])
    report.findings.certificates = [certificate("convolution", complete=complete)]
    style, told = Page(report).matrix()[0]
    assert style == ("good" if complete else "open")
    assert told[:2] == (["certified", "in"] if complete else ["not", "certified"])


@pytest.mark.parametrize(
    ("case", "new"), [("b1.h2.w6.i1.o1.f2x5.s1x1", {(6, 5, 1)}), ("b1.h2.w1.i1.o1.f2x1.s1x1", None)]
)
def test_the_map_marks_what_nothing_agreed_with(case: str, new: object) -> None:
    """Of the first failure the axis is marked that is new; both where both are known to agree."""
    failure = failed("wrong", CASE.replace("b1.h2.w1.i1.o1.f2x1.s1x1", case))
    report = make([part(CERTIFIED, {"disagrees": 1}, failure)], planned=[CERTIFIED])
    axes = certificate("convolution").axes
    report.findings.certificates = [replace(certificate("convolution", complete=False), axes=axes)]
    (map_,) = shown.maps(report.findings)
    assert {*map_.failed} == new or (new is None and len(map_.failed) == 2)
    assert f"first failure {failure.case}" in Page(report).words


def test_the_map_marks_no_failure_with_parameters() -> None:
    """What failed with padding is of another region: the one that is drawn is certified."""
    padded = CASE.replace("f2x1.s1x1", "f2x1.s1x1.p1x0")
    report = make([part(CERTIFIED, {"disagrees": 1}, failed("wrong", padded))], planned=[CERTIFIED])
    report.findings.certificates = [certificate("convolution", complete=True)]
    (map_,) = shown.maps(report.findings)
    assert not map_.failed
    assert map_.case is None


def test_a_default_run_stays_small() -> None:
    """The page of a full run with all of its cells takes less than 1.2 MB, whatever they say."""
    report = everything()
    assert len(page.render(report).encode()) < 550_000
    for cell in report.findings.cells:
        cell.failure = failed("m" * 30_000, diagnosis=diagnosis(24, calls=[]))
    assert len(page.render(report).encode()) < 1_200_000


@pytest.mark.parametrize("failing", [False, True])
def test_huge_reports_stay_readable(*, failing: bool) -> None:
    """Of 30,000 cells those that failed are shown; what is left out is counted."""
    cells = [(f"op{k}", f"law{n}", "float32") for k in range(1_500) for n in range(20)]
    parts = [
        part(cell, {"agrees": 1}, failed("wrong") if failing or cell[0] == "op1400" else None)
        for cell in cells
    ]
    source = page.render(make(parts, planned=cells))
    assert len(source.encode()) < 2_000_000
    assert "op1400" in source.partition("<main")[0] or failing
    assert "27,000 more cells of further operations" in source


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'><img src=x onerror=alert(1)>",
        "{{ 7*7 }}{% raw %}",
        "</pre></details></section></main></body></html>",
        "<!-- <style> <![CDATA[ &amp; &#60;",
        "\x00\x08\x1b[31m\x85\u202e\ud800\r",
        "<b>" * 2_000,
    ],
    ids=range(8),
)
def test_hostile_text_cannot_break_the_page(hostile: str) -> None:
    """Markup in messages, names of kernels and of tests comes out as text."""
    plain, hurt = (Page(spoken(text)) for text in ("x", hostile))
    assert [tag for tag, _ in hurt.tags] == [tag for tag, _ in plain.tags]
    assert {tag for tag, _ in hurt.tags}.isdisjoint({"img", "iframe", "object", "form"})
    assert not any(name.startswith("on") for _, attributes in hurt.tags for name in attributes)
    assert all(character.isprintable() or character in "\n\t" for character in hurt.source)
    if hostile.isprintable():
        assert f"said {hostile}"[: shown.LONGEST_MESSAGE] in hurt.text


def test_nothing_is_fetched() -> None:
    """The page refers to nothing outside itself, and forbids itself to."""
    told = Page(wrong_as("see https://example.com"))
    assert all(link == "data:," or link.startswith("#") for link in told.values("href"))
    assert told.values("src") == []
    assert "url(" not in told.source
    assert "@import" not in told.source
    assert "default-src 'none'" in told.source


@pytest.mark.parametrize(
    ("report", "expected"),
    [(make(WRONG), {"cause-1", "cause-2"}), (crashed(), {"errors"})],
    ids=["wrong", "crashed"],
)
def test_links_lead_somewhere(report: Report, expected: set[str]) -> None:
    """Every link goes to an element of the page, and no id is given twice."""
    told = Page(report)
    ids = told.values("id")
    assert len(ids) == len(set(ids))
    targets = {link[1:] for link in (*told.values("href", "a"), *told.values("href", "use"))}
    assert targets | {*told.values("aria-labelledby")} <= set(ids)
    assert expected <= targets


def test_a_cause_is_told_once() -> None:
    """Failures that share a mistake have one card, which tells the plainest and lists the rest."""
    mistaken = diagnosis(patterns=[])
    cells = [
        part(PLANNED[0], {"disagrees": 1}, failed("long " * 9, "v1:long", diagnosis=mistaken)),
        part(PLANNED[1], {"disagrees": 1}, failed("short", "v1:short", diagnosis=mistaken)),
        part(PLANNED[2], {"disagrees": 1}, failed("of no cause", "v1:other")),
    ]
    told = Page(make(cells))
    assert told.values("class", "article") == ["card"] * 2
    first, second = re.split('id="cause-2"', told.source)
    assert "convolution behaves exactly like: the filter is flipped in both axes" in first
    assert "--case v1:short" in first
    assert "<code>v1:long</code>" in first
    assert "--case v1:long" not in told.source
    assert "--case v1:other" in second
    assert "Causes 1; none found for 1 failed cell" in told.words


def test_what_is_not_there_takes_no_room() -> None:
    """Of a candidate nothing is told of the reference or of the release."""
    ids = {*Page(make(RIGHT)).values("id")}
    assert ids.isdisjoint({"ledger", "domain", "strength", "refactor"})
    assert {"ledger", "domain"} <= {*Page(full_report()).values("id")}
    assert {"strength", "refactor"} <= {*Page(everything()).values("id")}


def test_ledger_and_domain_map_are_whole() -> None:
    """Every entry of the ledger and the domain map has a row with an id of its own."""
    report = full_report()
    ids = {*Page(report).values("id", "tr")}
    assert ids >= {f"fault-{each.id}" for each in report.findings.ledger}
    assert ids >= {f"domain-{each.id}" for each in report.findings.domain}


def test_it_is_marked_up_for_everybody() -> None:
    """Title and only heading tell the verdict; tables have captions, header cells their scope."""
    report = make(RIGHT)
    told = Page(report)
    names = [tag for tag, _ in told.tags]
    assert "<title>Conforms: " in told.source
    assert names.count("h1") == 1
    assert words.sentence(report.findings) in told.text
    assert names.count("table") == names.count("caption") > 0
    assert len(told.values("scope", "th")) == names.count("th")


def test_the_policy_names_our_style_and_script() -> None:
    """The content security policy allows one style and one script, by their hashes."""
    source = page.render(make())
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", source, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in html.unescape(source)
    assert " style=" not in source
    assert not re.search(r"<[^>]* on\w+=", source)


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    """Pages of equal reports are equal, and rendering leaves the report alone."""
    report = make(WRONG)
    before = copy.deepcopy(report)
    for name in ("one", "two"):
        page.write_html(report, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert report == before

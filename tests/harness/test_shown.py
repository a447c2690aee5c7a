"""What the page shows first, what it never shows as good, and how it stays small."""

import pytest
from parsed import Page
from sample import CASE, ELEMENT, PLANNED, certificate, diagnosis, everything, failed, make, part

from convcheck.reports import findings, page, problems, shown
from convcheck.reports.document import Error
from convcheck.reports.rows import Boundary, Compared, Record, Refactor, Unlike


def test_a_default_run_stays_small() -> None:
    """The page of a full run with all of its cells takes less than 1 MB, whatever they say."""
    report = everything()
    assert len(page.render(report).encode()) < 500_000
    for cell in report.findings.cells:
        cell.failure = failed("m" * 30_000, diagnosis=diagnosis(24))
    assert len(page.render(report).encode()) < 1_000_000


@pytest.mark.parametrize("failing", [False, True])
def test_huge_reports_stay_readable(failing: bool) -> None:  # noqa: FBT001
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


def test_many_tests_without_a_result_are_counted() -> None:
    """Of 10,000 missing tests and as many errors some are named and the others counted."""
    names = [f"test{n}" for n in range(10_000)]
    source = page.render(
        make(planned=[], missing=names, messages={f"{n}x": "y" * 9_000 for n in names})
    )
    assert len(source.encode()) < 1_000_000
    assert f"… and {10_000 - shown.MOST_ROWS:,} tests more" in source


def test_what_is_wrong_is_said_first() -> None:
    """Operation, mistake, element and command stand before the matrix, told from the failure."""
    report = everything()
    top = Page(report).source.partition('id="matrix"')[0]
    for text in (
        "the filter is flipped in both axes",
        "z[0] is 1.0, expected 2.0",
        f"--case {CASE}",
    ):
        assert text in top
    assert "crashed" in top


def test_a_region_in_part_is_not_certified() -> None:
    """Agreement on part of a region is not shown as certified, nor in the colour of agreement."""
    cells = [("convolution", "certified", "float32")]
    for complete, words in ((True, ("good", "certified")), (False, ("open", "not certified"))):
        report = make([part(cells[0], {"agrees": 5}, stopped=int(not complete))], planned=cells)
        report.findings.certificates = [certificate("convolution", complete=complete)]
        style, told = Page(report).cells[0]
        assert style == words[0]
        assert words[1] in told


def test_the_map_marks_what_nothing_agreed_with() -> None:
    """Of the first failure the axis is marked that is new; both where both are known to agree."""
    for case, new in (("b1.h2.w6.i1.o1.f2x5.s1x1", [(6, 5, 1)]), ("b1.h2.w1.i1.o1.f2x1.s1x1", 2)):
        failure = failed("wrong", CASE.replace("b1.h2.w1.i1.o1.f2x1.s1x1", case))
        cell = ("convolution", "certified", "float32")
        report = make([part(cell, {"disagrees": 1}, failure)], planned=[cell])
        report.findings.certificates = [certificate("convolution", complete=False)]
        report.findings.certificates[0].axes = certificate("convolution").axes
        (map_,) = shown.maps(report.findings)
        assert map_.failed == new or len(map_.failed) == new
        assert f"first failure {failure.case}" in " ".join(Page(report).text.split())


def test_a_run_in_part_does_not_look_whole() -> None:
    """The verdict of a run with cells that were not run has not the look of agreement."""
    half = make([part(cell, {"agrees": 5}) for cell in PLANNED[:4]])
    whole = make([part(cell, {"agrees": 5}) for cell in PLANNED])
    assert 'class="verdict open"' in page.render(half)
    assert 'class="verdict good"' in page.render(whole)


def test_words_of_a_later_version_do_not_look_good() -> None:
    """A status that the page does not know is shown, and not as agreement."""
    report = make([part(PLANNED[0], {"agrees": 5})])
    report.findings.cells[0].status = "bewitched"
    style, words = Page(report).matrix()[0]
    assert (style, words[1]) == ("void", "bewitched")


def test_what_was_not_measured_is_said() -> None:
    """Without a refactor, timing or strength in the report, each section says so."""
    text = " ".join(Page(make()).text.split())
    assert "not run No candidate was compared" in text
    assert "Speed: ○ not measured" in text
    assert "This report does not say what the suite catches" in text


def test_refactors_and_strength_are_told() -> None:
    """Verdict, bits, speed, mistakes and mutants are in the page."""
    text = " ".join(Page(everything()).text.split())
    for words in ("less accurate than old:convolution", "420 of 500", "3.2 times faster"):
        assert words in text
    for words in (" caught, median 1", " killed.", "the filter is flipped in its rows and columns"):
        assert words in text


def test_what_was_cut_short_is_not_green() -> None:
    """A cell that agrees as far as it was judged is not told among those that agree."""
    cut = [part(cell, {"agrees": 2}, stopped=1) for cell in PLANNED[2:4]]
    report = make([part(PLANNED[0], {"disagrees": 1}, failed("wrong"), stopped=1), *cut])
    page = Page(report)
    style, words = page.matrix()[1]
    assert (style, " ".join(words)) == ("open", "◔ agrees so far 2 of 2 1 test ended early")
    (problem,) = problems.problems(report.findings)
    assert (problem.fine, problem.so_far) == ([], ["bound"])
    assert "Agrees in every dtype" not in page.text


def test_bits_that_differ_are_told_as_what_they_are() -> None:
    """A right candidate that was to be bit-identical fails for that, and its cells stay whole."""
    test = "test_refactor::test_refactor[convolution-float16]"
    dtypes = [Compared("float16", 4, 3, 0, [], [], {})]
    bits = Unlike("not bit-identical\n  element  z", "pytest --case c")
    names, bitwise = ("convolution", "new:conv", "old:conv", "same within the bound"), True
    compared = Refactor(*names, bitwise, 4, 3, 0, 0, dtypes, CASE, bits)
    results = findings.Results(
        {test: Record([part(c, {"agrees": 3}) for c in PLANNED], refactor=[compared])},
        {test: "failed"},
        {test: "not bit-identical"},
        [test],
        fills={test: PLANNED},
        whole=True,
    )
    report = make()
    planned, asked = findings.Planned(PLANNED, [], []), report.findings.asked
    report.findings = findings.build(results, planned, asked)
    assert report.findings.verdict == "does not conform"
    assert {cell.status for cell in report.findings.cells} == {"agrees"}
    text = " ".join(Page(report).text.split())
    sentence = "convolution is not bit-identical with old:conv: bits differ in 1 of 4 cases"
    assert f"Does not conform: {sentence}." in text
    assert "Rerun Copy rerun commandpytest --case c" in text
    assert "ended otherwise" not in text


def test_what_came_out_is_told_at_the_top() -> None:
    """A call without a result says why; one with a result, which element is wrong."""
    late = failed("the kernel did not return within 10 s", described="b")
    off = failed("the kernel disagrees", element=ELEMENT, described="b")
    for failure, gist in ((late, "did not return"), (off, "z[0] is 1.0, expected 2.0")):
        top = Page(make([part(PLANNED[0], {"disagrees": 1}, failure)])).text.partition("Rerun")[0]
        assert gist in top
        assert "case     b" not in top


def test_kinds_of_geometry_that_fail_are_told() -> None:
    """Of the kinds of geometry, those whose test failed are named, or those few that passed."""
    report = make([part(PLANNED[0], {"disagrees": 1}, failed("it is wrong"))])
    names = [f"kind {n}" for n in range(12)]
    report.findings.boundaries = [Boundary("convolution", name, 1) for name in names]
    for wrong, words in (
        (names[:2], "On 2 of 12 kinds of geometry: kind 0, kind 1."),
        (names[2:], "On 10 of 12 kinds of geometry, not on kind 0, kind 1."),
    ):
        report.findings.tests.outcomes = {
            f"test_boundaries::test_boundary[convolution-{name}]": "failed"
            if name in wrong
            else "passed"
            for name in names
        }
        assert words in " ".join(Page(report).text.split())


def test_a_crash_is_told_at_the_top() -> None:
    """Where a test crashed, it is named at the top, and what it would have shown is not wrong."""
    report = make()
    lost = report.findings.cells[0]
    lost.status, lost.lost = "crashed", ["test_laws::test_laws[convolution]"]
    report.findings.verdict = "does not conform"
    report.findings.errors = [Error(lost.lost[0], "crashed", "it ended")]
    page = Page(report)
    top = " ".join(page.text.partition("How hard")[0].split())
    assert "A process ended, or gave no result, in test_laws::test_laws[convolution]" in top
    assert "Nothing is known of exact in float16." in top
    assert "7 of 8 cells not run" in top
    assert {"#errors"} <= {attrs.get("href") for _, attrs in page.tags}
    assert "errors" in {attrs.get("id") for _, attrs in page.tags}

"""The HTML page tells all that a report holds, and nothing that a kernel says can break it."""

import base64
import copy
import hashlib
import html
import re
from pathlib import Path

import pytest
from parsed import Page
from sample import KERNELS, PLANNED, Cell, failed, make, part, spoken

from convcheck.reports import page, shown, words
from convcheck.reports.document import Report

WORDS = ("agrees", "disagrees", "misbehaved", "undecided", "vacuous", "not applicable", "not run")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "</pre></details></section></main></body></html>",
    "<!-- <style> <![CDATA[ &amp; &#60;",
    "\x00\x08\x1b[31m\x85\u202e\ud800\r",
    "<b>" * 2_000,
)


def test_every_cell_is_in_the_page_with_its_word_and_count() -> None:
    """Each cell of a report stands in the matrix with its word, its count and its error."""
    parts = [
        part(cell, {word: 1_234, "not applicable": 1}, worst=0.96, suspicious=2)
        for cell, word in zip(PLANNED, WORDS[:5], strict=False)
    ]
    report = make(parts)
    told = dict(zip(by_row(report), Page(report).matrix(), strict=True))
    for cell in report.findings.cells:
        _, said = told[cell.key]
        assert said[1 : 1 + len(cell.status.split())] == cell.status.split()
        if cell.counts:
            assert " ".join(said).endswith("1,234 of 1,235 0.96 of bound △ 2 suspicious")


def by_row(report: Report) -> list[Cell]:
    """Return the keys of a report's cells in the order of the matrix: dtype before property."""
    return sorted(
        (cell.key for cell in report.findings.cells),
        key=lambda key: (list(KERNELS).index(key[0]), key[2], key[1] != "exact"),
    )


def test_only_agreement_looks_like_agreement() -> None:
    """The class of agreement is borne by cells that agree, and by no other word."""
    for word in WORDS:
        counts = {} if word == "not run" else {word: 5}
        cells = Page(make([part(cell, counts) for cell in PLANNED])).matrix()
        assert {style == "good" for style, _ in cells} == {word == "agrees"}


def test_a_failure_is_never_shown_as_agreement() -> None:
    """A failure that was met while shrinking, and not counted, shows in the matrix."""
    report = make([part(PLANNED[0], {"agrees": 3}, failed("short"))])
    style, said = Page(report).matrix()[0]
    assert (style, said[1]) == ("bad", "disagrees")


def test_operations_that_were_not_run_are_named() -> None:
    """Where one operation of two was run, the other's cells are said not to be run."""
    report = make([part(cell, {"agrees": 5}) for cell in PLANNED if cell[0] == "convolution"])
    told = Page(report)
    assert "not run: every cell of convolution_transpose" in " ".join(told.text.split())
    assert [style for style, _ in told.matrix()] == ["good"] * 4 + ["unrun"] * 4


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_cannot_break_the_page(hostile: str) -> None:
    """Markup in messages, names of kernels and of tests comes out as text."""
    plain, hurt = (Page(spoken(text)) for text in ("x", hostile))
    assert [tag for tag, _ in hurt.tags] == [tag for tag, _ in plain.tags]
    assert {tag for tag, _ in hurt.tags}.isdisjoint({"img", "iframe", "object", "form"})
    assert not any(name.startswith("on") for _, attributes in hurt.tags for name in attributes)
    assert all(character.isprintable() or character in "\n\t" for character in hurt.source)
    if hostile.isprintable():
        assert f"said {hostile}"[: shown.LONGEST_MESSAGE] in hurt.text


def test_long_messages_are_cut() -> None:
    """A message of 100 kB is cut, and says so."""
    text = Page(make([part(PLANNED[0], {"disagrees": 1}, failed("<b>" * 35_000))])).text
    assert re.search(r"\.\.\. and 85,\d\d\d more characters", text)


def test_characters_that_cannot_be_seen_are_spelled_out() -> None:
    """Control characters, changes of direction and lone surrogates show as escapes."""
    told = Page(make(messages={"test": "a\x00b\x1b[31mc\u202ed\ud800e"}))
    assert r"a\x00b\x1b[31mc\u202ed\ud800e" in told.text


def test_nothing_is_fetched() -> None:
    """The page refers to nothing outside itself, and forbids itself to."""
    told = Page(make([part(PLANNED[0], {"disagrees": 1}, failed("see https://example.com"))]))
    links = [v for _, attributes in told.tags for k, v in attributes.items() if k == "href"]
    assert all(link == "data:," or str(link).startswith("#") for link in links)
    assert not any("src" in attributes for _, attributes in told.tags)
    assert "url(" not in told.source
    assert "@import" not in told.source
    assert "default-src 'none'" in told.source


def test_links_lead_somewhere() -> None:
    """Every link goes to an element of the page, and no id is given twice."""
    report = make([part(cell, {"disagrees": 1}, failed("wrong")) for cell in PLANNED])
    tags = Page(report).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(a["href"])[1:] for tag, a in tags if tag == "a"}
    labels = {str(a["aria-labelledby"]) for _, a in tags if "aria-labelledby" in a}
    assert targets | labels <= set(ids)
    assert {f"failure-{n}" for n in (1, 2, 3, 4)} <= targets


def test_a_run_of_nothing_has_a_page() -> None:
    """A report without any cell, and one in which no cell was run, are told as well."""
    for planned in ([], PLANNED):
        text = Page(make(planned=planned)).text
        assert "Nothing decided" in text
        assert "No judged case failed." in text


def test_failures_show_message_and_rerun_shortest_first() -> None:
    """Failures come with message and command; of one property the shortest stands open."""
    long, short, other = "long message " * 9, "short message", "a message of another property"
    cells = [
        part(PLANNED[0], {"disagrees": 1}, failed(long, "v1:long")),
        part(PLANNED[1], {"misbehaved": 1}, failed(short, "v1:short", "misbehaved")),
        part(PLANNED[2], {"disagrees": 1}, failed(other, "v1:other")),
    ]
    source = Page(make(cells)).source
    order = ["--case v1:short", short, "<details>", "--case v1:long", long, "v1:other", other]
    places = [source.index(each, source.index('id="failures"')) for each in order]
    assert places == sorted(places)
    assert source[source.index('id="failures"') :].count(short) == 1


def test_errors_and_missing_tests_are_shown() -> None:
    """Tests that failed without judging, and tests without a result, are named."""
    text = Page(make(messages={"test_a": "OracleError: broken"}, missing=["test_b"])).text
    assert "OracleError: broken" in text
    assert "test_b" in text.partition("Tests without a result")[2]


def test_ledger_and_domain_map_are_whole() -> None:
    """Every entry of the ledger and the domain map has a row with an id of its own."""
    report = make()
    ids = {attributes.get("id") for tag, attributes in Page(report).tags if tag == "tr"}
    assert ids >= {f"fault-{each.id}" for each in report.findings.ledger}
    assert ids >= {f"domain-{each.id}" for each in report.findings.domain}


def test_title_and_heading_say_the_verdict() -> None:
    """The title and the only first-level heading hold the verdict."""
    report = make([part(cell, {"agrees": 5}) for cell in PLANNED])
    told = Page(report)
    assert "<title>Conforms " in told.source
    assert [tag for tag, _ in told.tags].count("h1") == 1
    assert words.sentence(report.findings) in told.text


def test_tables_are_marked_up_for_everybody() -> None:
    """Every table has a caption, and every header cell says what it is a header of."""
    tags = Page(make([part(cell, {"agrees": 5}) for cell in PLANNED])).tags
    names = [tag for tag, _ in tags]
    assert names.count("table") == names.count("caption") > 0
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")


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
    report = make([part(cell, {"disagrees": 1}, failed("wrong")) for cell in PLANNED])
    before = copy.deepcopy(report)
    for name in ("one", "two"):
        page.write_html(report, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert report == before

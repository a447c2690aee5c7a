"""The HTML page tells all that a report holds, and nothing that a kernel says can break it."""

import copy
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from convcheck.conformance.recording import planned_cells
from convcheck.reports import files, findings, page

Json = dict[str, Any]
Cell = tuple[str, str, str]

CASE = "v1:convolution:float32:integers:b1.h2.w1.i1.o1.f2x1.s1x1:0"
KERNELS = {"convolution": "mine:conv2d", "convolution_transpose": "mine:convolution_transpose"}
PLANNED = [
    (operation, prop, dtype)
    for operation in KERNELS
    for prop in ("exact", "bound")
    for dtype in ("float16", "float32")
]
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


def part(cell: Cell, counts: Json, failure: Json | None = None, **more: Any) -> Json:
    """Return a cell as a test's record has it."""
    operation, prop, dtype = cell
    part = {"operation": operation, "property": prop, "dtype": dtype, "counts": counts}
    return {**part, "worst": None, "suspicious": 0, "failure": failure, **more}


def failed(message: str, case: str = CASE, outcome: str = "disagrees") -> Json:
    """Return a failure as a cell has it."""
    rerun = f"pytest --case {case}"
    return {"case": case, "outcome": outcome, "rank": 0, "rerun": rerun, "message": message}


def make(
    parts: Iterable[Json] = (),
    planned: Iterable[Cell] = PLANNED,
    messages: Json | None = None,
    missing: Iterable[str] = (),
    kernels: Json = KERNELS,
) -> Json:
    """Return the report of a run whose one passed test left `parts`."""
    messages = messages or {}
    results = findings.Results(
        records={"a test": {"cells": list(parts), "boundaries": [["convolution", "square", 3]]}},
        outcomes={"a test": "passed", **dict.fromkeys(messages, "failed")},
        messages=messages,
        collected=["a test", *messages, *missing],
    )
    asked = {
        "kernels": kernels,
        "oracles": {"PyTorch": "in float64"},
        "profile": "default",
        "seed": "0",
        "case": None,
    }
    found = findings.build(results, findings.Planned(planned, [], []), asked)
    return files.assemble(found, {"exit_status": 1, "packages": {"numpy": "2.0"}})


class Page(HTMLParser):
    """A page taken apart; AssertionError where a tag is not closed in its turn."""

    def __init__(self, report: Json) -> None:
        super().__init__()
        self.source = page.render(report)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[tuple[str, str]] = []
        self.text = ""
        self.feed(self.source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an opening tag."""
        if tag == "wbr":  # as many as there are underscores in names
            return
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        if tag == "td":
            self.cells.append((str(dict(attrs).get("class")), ""))

    def handle_endtag(self, tag: str) -> None:
        """Take a closing tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take text."""
        if "style" in self.open:
            return
        self.text += data
        if "td" in self.open:
            style, text = self.cells[-1]
            self.cells[-1] = (style, text + data)

    def matrix(self) -> list[tuple[str, list[str]]]:
        """Return class and words of each cell of the matrix, in the page's order."""
        return [(style, text.split()) for style, text in self.cells[: len(PLANNED)]]


def test_every_cell_is_in_the_page_with_its_word_and_count() -> None:
    """Each cell of a report stands in the matrix with its word, its count and its error."""
    parts = [
        part(cell, {word: 1_234, "not applicable": 1}, worst=0.96, suspicious=2)
        for cell, word in zip(PLANNED, WORDS[:5], strict=False)
    ]
    report = make(parts)
    shown = dict(zip(by_row(report), Page(report).matrix(), strict=True))
    for cell in report["findings"]["cells"]:
        _, words = shown[cell["operation"], cell["property"], cell["dtype"]]
        assert words[1 : 1 + len(cell["status"].split())] == cell["status"].split()
        if cell["counts"]:
            assert " ".join(words).endswith("1,234 of 1,235 0.96 of the bound △ 2 suspicious")


def by_row(report: Json) -> list[Cell]:
    """Return the keys of a report's cells in the order of the matrix: dtype before property."""
    return sorted(
        (
            (cell["operation"], cell["property"], cell["dtype"])
            for cell in report["findings"]["cells"]
        ),
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
    style, words = Page(report).matrix()[0]
    assert (style, words[1]) == ("bad", "disagrees")


def test_operations_that_were_not_run_are_named() -> None:
    """Where one operation of two was run, the other's cells are said not to be run."""
    report = make([part(cell, {"agrees": 5}) for cell in PLANNED if cell[0] == "convolution"])
    shown = Page(report)
    assert "not run: every cell of convolution_transpose" in " ".join(shown.text.split())
    assert [style for style, _ in shown.matrix()] == ["good"] * 4 + ["unrun"] * 4


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_cannot_break_the_page(hostile: str) -> None:
    """Markup in messages, names of kernels and of tests comes out as text."""
    plain, hurt = (
        Page(
            make(
                [
                    part((f"convolution{text}", f"exact{text}", f"float32{text}"), {"agrees": 1}),
                    part(PLANNED[0], {"disagrees": 1}, failed(f"said {text}", f"v1{text}")),
                ],
                messages={f"test{text}": f"raised {text}"},
                missing=[f"gone{text}"],
                kernels={"convolution": f"module{text}:function{text}"},
            )
        )
        for text in ("x", hostile)
    )
    assert [tag for tag, _ in hurt.tags] == [tag for tag, _ in plain.tags]
    assert {tag for tag, _ in hurt.tags}.isdisjoint({"script", "img", "iframe", "object", "form"})
    assert not any(name.startswith("on") for _, attributes in hurt.tags for name in attributes)
    assert all(character.isprintable() or character in "\n\t" for character in hurt.source)
    if hostile.isprintable():
        assert f"said {hostile}"[: page.LONGEST_MESSAGE] in hurt.text


def test_long_messages_are_cut() -> None:
    """A message of 100 kB is cut, and says so."""
    shown = Page(make([part(PLANNED[0], {"disagrees": 1}, failed("<b>" * 35_000))]))
    assert "... and 65,000 more characters" in shown.text


def test_characters_that_cannot_be_seen_are_spelled_out() -> None:
    """Control characters, changes of direction and lone surrogates show as escapes."""
    shown = Page(make(messages={"test": "a\x00b\x1b[31mc\u202ed\ud800e"}))
    assert r"a\x00b\x1b[31mc\u202ed\ud800e" in shown.text


def test_nothing_is_fetched() -> None:
    """The page refers to nothing outside itself, and forbids itself to."""
    shown = Page(make([part(PLANNED[0], {"disagrees": 1}, failed("see https://example.com"))]))
    links = [v for _, attributes in shown.tags for k, v in attributes.items() if k == "href"]
    assert all(link == "data:," or str(link).startswith("#") for link in links)
    assert not any("src" in attributes for _, attributes in shown.tags)
    assert "url(" not in shown.source
    assert "@import" not in shown.source
    assert "default-src 'none'" in shown.source


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
    assert source.count(short) == 1


def test_errors_and_missing_tests_are_shown() -> None:
    """Tests that failed without judging, and tests without a result, are named."""
    text = Page(make(messages={"test_a": "OracleError: broken"}, missing=["test_b"])).text
    assert "OracleError: broken" in text
    assert "test_b" in text.partition("Tests without a result")[2]


def test_ledger_and_domain_map_are_whole() -> None:
    """Every entry of the ledger and the domain map has a row with an id of its own."""
    report = make()
    ids = {attributes.get("id") for tag, attributes in Page(report).tags if tag == "tr"}
    assert ids >= {f"fault-{each['id']}" for each in report["findings"]["ledger"]}
    assert ids >= {f"domain-{each['id']}" for each in report["findings"]["domain"]}


def test_title_and_heading_say_the_verdict() -> None:
    """The title and the only first-level heading hold the verdict."""
    report = make([part(cell, {"agrees": 5}) for cell in PLANNED])
    shown = Page(report)
    assert "<title>Conforms " in shown.source
    assert [tag for tag, _ in shown.tags].count("h1") == 1
    assert findings.sentence(report["findings"]) in shown.text


def test_tables_are_marked_up_for_everybody() -> None:
    """Every table has a caption, and every header cell says what it is a header of."""
    tags = Page(make([part(cell, {"agrees": 5}) for cell in PLANNED])).tags
    names = [tag for tag, _ in tags]
    assert names.count("table") == names.count("caption") > 0
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")


def test_a_default_run_stays_small() -> None:
    """The page of a full run with all of its cells takes less than 300 kB."""
    parts = [
        part(cell, {"agrees": 382, "vacuous": 18}, worst=0.976, suspicious=1)
        for cell in planned_cells()
    ]
    assert len(page.render(make(parts, planned=planned_cells())).encode()) < 300_000


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    """Pages of equal reports are equal, and rendering leaves the report alone."""
    report = make([part(cell, {"disagrees": 1}, failed("wrong")) for cell in PLANNED])
    before = copy.deepcopy(report)
    for name in ("one", "two"):
        page.write_html(report, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert report == before

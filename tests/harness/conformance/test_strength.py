"""The conformance suite catches the mistakes of the catalogue, and shrinks what it finds."""

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from pages import TEXT
from parsed import Page
from sample import make
from strength import PROFILES, rows, subtle_rows
from subtle import SUBTLE
from suite import catching, caught, shrunk

from convcheck.diagnosis.mistakes import Mistake, catalogue
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.reports.document import plain
from convcheck.reports.told import strength

SHARES = 24


def sampled(operation: str) -> list[Mistake]:
    """Return some of an operation's mistakes, others for each operation."""
    start = list(OPERATIONS).index(operation) * SHARES // len(OPERATIONS)
    return list(catalogue(operation)[start::SHARES])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mistakes_are_caught(operation: str) -> None:
    """The suite catches a mistake, whichever of the catalogue it is."""
    with pytorch.one_thread():
        missed = [each.id for each in sampled(operation) if caught(each.make(), operation) is None]
    assert missed == []


def test_a_subtle_kernel_is_caught_by_some_kinds_of_steps() -> None:
    """Each kind that catches a kernel is named once, and no other is."""
    with pytorch.one_thread():
        found = list(catching(SUBTLE["sign_of_strides_lost_of_convolution"].make(), "convolution"))
    assert "DrawnLaws" in found
    assert "Certified" not in found
    assert len(found) == len(set(found))


def test_failures_shrink_to_few_elements() -> None:
    """Half of the failures shrink to at most 16 input elements."""
    with pytorch.one_thread():
        sizes = [shrunk(each[1]) for each in map(sampled, list(OPERATIONS)[::2]) if len(each) > 1]
    assert statistics.median(size for size in sizes if size is not None) <= 16


def test_published_strength_is_of_this_catalogue() -> None:
    """The data file tells of every mistake, and that the most thorough run catches it."""
    if not strength.DATA.is_file():
        pytest.skip("the suite's strength was not measured: tox -e strength")
    content = json.loads(strength.DATA.read_text(encoding="utf-8"))
    expected = [(name, each.id) for name in OPERATIONS for each in catalogue(name)]
    assert [(each["operation"], each["id"]) for each in content["mistakes"]] == expected
    assert [each for each in content["mistakes"] if each["caught"]["thorough"] is None] == []
    assert content["shrunk"]["median_elements"] <= 16
    mutants = content["mutants"]
    if mutants:
        assert mutants["total"] == mutants["killed"] + len(mutants["survivors"])


def test_published_strength_is_of_these_subtle_kernels() -> None:
    """Of all, nine in ten are caught by default; the page of how it decides has the numbers."""
    subtle = json.loads(strength.DATA.read_text(encoding="utf-8"))["subtle"]
    assert sorted(each["name"] for each in subtle) == sorted(SUBTLE)
    quick, default, thorough = (sum(bool(each["caught"][p]) for each in subtle) for p in PROFILES)
    assert default >= 0.9 * len(subtle)
    said = f"`quick` catches {quick}, `default` {default} and `thorough` {thorough}."
    assert f"Of {len(subtle)} of these {said}" in TEXT
    ways = [each["caught"] for each in subtle if each["family"] == "ways"]
    assert sum(bool(each["quick"]) for each in ways) >= len(ways) / 2
    assert sum(bool(each["default"]) for each in ways) >= 0.9 * len(ways)


def measured(missed: str) -> dict[str, Any]:
    """Return what may be known of the catalogue, a mistake that is missed among it."""
    mistakes = []
    for name in OPERATIONS:
        counts = {each.id: None if each.id == missed else 17 for each in catalogue(name)}
        mistakes += rows(name, dict.fromkeys(PROFILES, counts))
    kinds = {name: [] if name == missed else ["Boundary"] for name in SUBTLE}
    subtle = [
        row for name in OPERATIONS for row in subtle_rows(name, dict.fromkeys(PROFILES, kinds))
    ]
    return {"mistakes": mistakes, "subtle": subtle, "mutants": None, "shrunk": None}


@pytest.fixture
def missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a data file in the package's place, of a suite that misses some mistakes."""
    path = tmp_path / "strength.json"
    path.write_text(json.dumps(measured("stride-1x1-rows")), encoding="utf-8")
    monkeypatch.setattr(strength, "DATA", path)
    return path


def test_a_report_names_what_was_measured(missing: Path) -> None:
    """A report says what is missed, and names the data file; another release's is not shown."""
    named = strength.named()
    assert named is not None
    assert "convolution, mistake stride-1x1-rows" in named.missed["quick"]
    assert plain(strength.published(named)) == measured("stride-1x1-rows")
    missing.write_text(json.dumps(measured("")), encoding="utf-8")
    assert strength.published(named) is None
    missing.unlink()
    assert strength.named() is None
    assert strength.published(named) is None


def test_the_page_tells_every_mistake_and_stays_small(missing: Path) -> None:
    """All mistakes of the catalogue are in the page, those that are missed first."""
    assert missing.exists()
    report = make()
    alone = len(Page(report).source)
    report.findings.strength = strength.named()
    page = Page(report)
    assert len(page.source) - alone < 250_000
    told = page.source.partition('id="mistakes"')[2].partition("<tbody>")[2]
    assert "stride of rows is ignored where" in told.partition("</tr>")[0]
    for each in measured("")["mistakes"]:
        assert str(escape(each["sentence"])) in told
    assert "more rows, in the JSON" not in told.partition("</section>")[0]


def test_the_page_tells_subtle_kernels_that_are_missed(missing: Path) -> None:
    """Of the others it says how many each profile catches, by family."""
    missing.write_text(json.dumps(measured("last_split_lost")), encoding="utf-8")
    report = make()
    report.findings.strength = strength.named()
    source = Page(report).source
    assert str(escape(SUBTLE["last_split_lost"].sentence)) in source
    assert str(escape(SUBTLE["zero_strides_of_convolution"].sentence)) not in source
    assert f"Of {len(SUBTLE)} the tests catch" in source

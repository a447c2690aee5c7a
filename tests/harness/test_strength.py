"""The conformance suite catches the mistakes of the catalogue, and shrinks what it finds."""

import json
import statistics
from pathlib import Path

import pytest
from markupsafe import escape
from parsed import Page
from sample import Json, make
from strength import PROFILES, caught, shrunk
from synthetic import ASKED

from convcheck.conformance import collector
from convcheck.oracle.mistakes import Mistake, catalogue
from convcheck.oracle.operations import OPERATIONS
from convcheck.reports import findings
from convcheck.reports.findings import Planned, Results

SHARES = 24


def sampled(operation: str) -> list[Mistake]:
    """Return some of an operation's mistakes, others for each operation."""
    start = list(OPERATIONS).index(operation) * SHARES // len(OPERATIONS)
    return list(catalogue(operation)[start::SHARES])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mistakes_are_caught(operation: str) -> None:
    """The cases of the quick profile catch a mistake, whichever of the catalogue it is."""
    missed = [mistake.id for mistake in sampled(operation) if caught(mistake, "quick") is None]
    assert missed == []


def test_failures_shrink_to_few_elements() -> None:
    """Half of the failures shrink to at most 16 input elements."""
    some = list(OPERATIONS)[::2]
    sizes = [shrunk(sampled(operation)[1]) for operation in some]
    assert statistics.median(size for size in sizes if size is not None) <= 16


def measured(missed: str) -> Json:
    """Return what may be known of the catalogue, a mistake that is missed among it."""
    return {
        "mistakes": [
            {
                "id": each.id,
                "sentence": each.sentence,
                "known_from": each.known_from,
                "operation": operation,
                "caught": dict.fromkeys(PROFILES, None if each.id == missed else 17),
            }
            for operation in OPERATIONS
            for each in catalogue(operation)
        ],
        "mutants": None,
        "shrunk": None,
    }


def test_findings_hold_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data file of the package is in the findings; without it, nothing is known."""
    monkeypatch.setattr(collector, "STRENGTH", tmp_path / "strength.json")
    assert collector.strength() is None
    (tmp_path / "strength.json").write_text(json.dumps(measured("")), encoding="utf-8")
    known = collector.strength()
    found = findings.build(Results({}, {}, {}, []), Planned([], [], []), ASKED, strength=known)
    assert found["strength"] == measured("")


def test_the_page_tells_every_mistake_and_stays_small() -> None:
    """All mistakes of the catalogue are in the page, those that are missed first."""
    report = make()
    alone = len(Page(report).source)
    report["findings"]["strength"] = measured("stride-1x1-rows")
    page = Page(report)
    assert len(page.source) - alone < 250_000
    rows = page.source.partition('id="mistakes"')[2].partition("<tbody>")[2]
    assert "stride of rows is ignored where" in rows.partition("</tr>")[0]
    for each in measured("")["mistakes"]:
        assert str(escape(each["sentence"])) in rows
    assert "more rows, in the JSON" not in rows.partition("</section>")[0]

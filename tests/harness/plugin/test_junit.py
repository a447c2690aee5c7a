"""JUnit's XML tells verdict, case and command of each test, and nothing of how records travel."""

from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace
from pytest_runs import WRONG, Folder, run
from sample import CASE, PLANNED, REFACTOR, failed, part

from convcheck.conformance.plugin.junit import properties
from convcheck.reports.rows import Record, Unlike

JUDGED = ("--kernel", "convolution=mine.py:convolution", "-k", "boundary and (remainder or batch)")


@pytest.mark.parametrize("workers", ["0", "1"])
def test_the_xml_tells_what_a_program_needs(folder: Folder, workers: str) -> None:
    """Of each test the verdict, and of one that failed the case and a command that fails again."""
    done = run(folder(mine=WRONG), *JUDGED, "-n", workers, "--junitxml", "j.xml")
    assert done.returncode == 1, done.stdout
    xml = ET.parse(folder() / "j.xml")  # noqa: S314  (pytest's own)
    told = {
        test.attrib["name"]: {
            each.attrib["name"]: each.attrib["value"] for each in test.iter("property")
        }
        for test in xml.iter("testcase")
    }
    assert told["test_boundary[convolution-empty batch]"] == {"verdict": "vacuous"}
    wrong = told["test_boundary[convolution-remainder]"]
    assert [*wrong] == ["verdict", "case", "rerun"]
    assert wrong["verdict"] == "disagrees"
    assert wrong["rerun"] == f"pytest --kernel {JUDGED[1]} --case {wrong['case']}"
    assert "convcheck-" not in (folder() / "j.xml").read_text(encoding="utf-8")


def test_what_did_not_fail_has_a_verdict_alone() -> None:
    """The worst of what was judged; a test that judged nothing has none."""
    cells = [part(PLANNED[n], counts) for n, counts in enumerate([{"agrees": 1}, {"vacuous": 1}])]
    assert dict(properties(Record(cells=cells))) == {"verdict": "agrees"}
    assert dict(properties(Record(cells=cells[1:]))) == {"verdict": "vacuous"}
    assert dict(properties(Record())) == {}


def test_a_failure_is_that_of_the_report() -> None:
    """Of several the simplest; other bits have a case and a command, too."""
    bad = [part(PLANNED[n], {}, failed("x" * n, f"v1:{n}")) for n in (2, 1)]
    assert dict(properties(Record(cells=bad)))["case"] == "v1:1"
    unlike = replace(REFACTOR, unlike=Unlike("other bits", "pytest --case c"))
    told = dict(properties(Record(cells=[part(PLANNED[0], {"agrees": 1})], refactor=[unlike])))
    assert told == {"verdict": "bits differ", "case": CASE, "rerun": "pytest --case c"}

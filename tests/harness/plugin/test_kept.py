"""Failing cases are kept for the next run, replayed first, and forgotten when they pass."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis.database import DirectoryBasedExampleDatabase, InMemoryExampleDatabase
from pytest_runs import WRONG, Folder, run

from convcheck.cases.case import Case
from convcheck.conformance.plugin import kept
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.kept import Kept
from convcheck.conformance.plugin.recording import Record
from convcheck.form.operations import OPERATIONS
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.subjects import Subject

PLACES = {"convolution": "mine.py:convolution"}
SUBJECT = Subject(OPERATIONS["convolution"], "convolution", place=PLACES["convolution"])
CASE = "v1:convolution:float32:integers:b1.h{}.w4.i1.o1.f2x2.s1x1:0"


def failed(rows: int) -> Verdict:
    """Return the verdict that the candidate failed on a case with so many rows."""
    case: Any = Case.parse(CASE.format(rows))
    return Verdict(case, SUBJECT, "exact", Outcome.DISAGREES)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> InMemoryExampleDatabase:
    """Put a database of the test's own in the place of the profile's."""
    own = InMemoryExampleDatabase()
    monkeypatch.setattr(kept, "_database", lambda: own)
    return own


def cases() -> list[str]:
    """Return the cases that are kept."""
    return [each.case for each in kept.read(PLACES)[0]["convolution"]]


@pytest.mark.usefixtures("database")
def test_the_simplest_are_kept() -> None:
    """A few are kept, the smallest, whenever they came."""
    for rows in (9, 3, 8, 2, 7, 6):
        kept.keep(failed(rows), "certified")
    assert cases() == [CASE.format(rows) for rows in (2, 3, 6)]
    (first, *_), dropped = kept.read(PLACES)[0]["convolution"], kept.read(PLACES)[1]
    assert (first.prop, first.cell, dropped) == ("exact", "certified", [])
    kept.drop(SUBJECT, first)
    assert cases() == [CASE.format(rows) for rows in (3, 6)]
    assert kept.read({"convolution": "mine.py:other"})[0] == {"convolution": []}


@pytest.mark.usefixtures("database")
def test_what_no_case_id_replays_is_not_kept() -> None:
    """Samples of layers, and networks with activations, are more than a case."""
    for rerun, kept_cases in (("pytest -k layer", []), (None, [CASE.format(3)])):
        with pytest.raises(ConformanceError):
            Record(keep=kept.keep).require_right([failed(3)], "real layers", rerun)
        assert cases() == kept_cases


def test_no_database_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile without a database, such as CI's, keeps nothing."""
    monkeypatch.setattr(kept, "_database", lambda: None)
    kept.keep(failed(3), None)
    assert kept.read(PLACES) == ({"convolution": []}, [])


@pytest.mark.parametrize(
    "value",
    [
        b"\xff\x00",
        b"{",
        b"[]",
        b'["a", "b", 3]',
        json.dumps([CASE.format(1), "exact", "exact"]).encode(),
        json.dumps(["v0" + CASE.format(3)[2:], "exact", "exact"]).encode(),
        json.dumps([CASE.format(3), "no such property", "exact"]).encode(),
        json.dumps([CASE.format(3).replace("integers", "uniform"), "impulse", "impulse"]).encode(),
        json.dumps([CASE.format(3).replace(":conv", "_transpose:conv"), "exact", "exact"]).encode(),
    ],
)
def test_what_is_no_case_is_dropped_aloud(value: bytes, database: InMemoryExampleDatabase) -> None:
    """A damaged or outdated entry costs a line, and is gone."""
    kept.keep(failed(3), None)
    (key,) = database.data
    database.save(key, value)
    found, (line,) = kept.read(PLACES)
    assert [each.case for each in found["convolution"]] == [CASE.format(3)]
    assert line.startswith("convolution: a kept case was dropped: ")
    assert "\n" not in line
    assert kept.read(PLACES)[1] == []


def test_a_damaged_file_is_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file cut short, whose name no longer fits, does not come back either."""
    own = DirectoryBasedExampleDatabase(tmp_path)
    monkeypatch.setattr(kept, "_database", lambda: own)
    kept.keep(failed(3), None)
    (file,) = (each for each in tmp_path.glob("*/*") if b"integers" in each.read_bytes())
    file.write_bytes(file.read_bytes()[:20])
    assert len(kept.read(PLACES)[1]) == 1
    assert kept.read(PLACES) == ({"convolution": []}, [])


def test_what_was_kept_crosses_to_workers() -> None:
    """Workers are handed the same in the same order."""
    found = {"convolution": [Kept(CASE.format(rows), "exact", "bound") for rows in (5, 2)]}
    assert kept.taken_over(kept.hand_over(found)) == found


RIGHT = "from convcheck.reference import convolution\n"
KERNEL = ("--kernel", "convolution=mine.py:convolution", "--hypothesis-profile", "quick")


def judge(where: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Any]:
    """Judge the kernel by a few of the tests; return what pytest printed, and the report."""
    done = run(where, *KERNEL, *arguments, "--conformance-json", "r")
    return done, json.loads((where / "r").read_text(encoding="utf-8"))


def test_from_failure_to_fix(folder: Folder) -> None:
    """A failing case comes first in the next run, and a mended kernel leaves no trace of it."""
    where = folder(mine=WRONG)
    once, report = judge(where, "-k", "kept or remainder")
    assert (once.returncode, report["circumstances"]["kept"]) == (1, [])
    wrong = json.dumps(report["findings"])

    twice, report = judge(where, "-k", "kept or remainder", "-n", "1")
    assert twice.returncode == 1
    (told,) = report["circumstances"]["kept"]
    assert told["outcome"] == "disagrees"
    assert f"a case kept from an earlier run still disagrees: {told['case']}" in twice.stdout
    assert json.dumps(report["findings"]) == wrong

    folder(mine=RIGHT)
    mended, report = judge(where, "-k", "kept or laws")
    assert mended.returncode == 0, mended.stdout
    assert {each["outcome"] for each in report["circumstances"]["kept"]} == {"agrees"}
    found = report["findings"]
    assert (found["verdict"], found["errors"], found["missing"]) == ("conforms so far", [], [])
    assert {cell["property"] for cell in found["cells"] if cell["counts"]} <= set(LAWS)
    assert "now agrees" in mended.stdout
    assert [
        each
        for each in (where / ".hypothesis/examples").glob("*/*")
        if CASE[:14] in each.read_text()
    ] == []

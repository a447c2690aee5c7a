"""`convcheck campaign`: what it tells and keeps, and how that joins the report of a run."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from synthetic import report

from convcheck.conformance.commands.command import main
from convcheck.kernels.candidates import Candidate
from convcheck.kernels.loading import source_digest
from convcheck.reports import files
from convcheck.reports.document import schema

WRONG = """
from convcheck.reference import notebook

def convolution(x, ftr, strd):
    z = notebook.convolution(x, ftr, strd)
    return z + (x.shape[1:3] == (2, 2) and strd == (1, 2))
"""
SMALL = ("--extent", "2", "--narrow", "0", "--channels", "1,2", "--batches", "1")


@pytest.fixture
def kernel(tmp_path: Path) -> str:
    """Return a candidate that is wrong on some geometries."""
    path = tmp_path / "mine.py"
    path.write_text(WRONG, encoding="utf-8")
    return f"convolution={path}:convolution"


def run(tmp_path: Path, kernel: str, *options: str) -> tuple[int, Any]:
    """Run a small campaign; return its exit status and what it kept."""
    results, kept = str(tmp_path / "results"), tmp_path / "kept.json"
    words = ["campaign", kernel, *SMALL, "--workers", "1", "--results", results, *options]
    status = main([*words, "--json", str(kept)])
    return status, json.loads(kept.read_bytes()) if kept.exists() else None


def test_what_a_campaign_finds_joins_the_report_of_a_run(
    tmp_path: Path, kernel: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure is told with its command, kept alike each time, and merged, fails its cell."""
    status, kept = run(tmp_path, kernel)
    told = capsys.readouterr().out
    assert status == 1
    assert "convolution: not certified" in told
    assert f"pytest --kernel {kernel} --case v1:convolution:float64:integers:b1.h2.w2" in told
    jsonschema.validate(kept, {"$ref": "#/$defs/Campaign", "$defs": schema()["$defs"]})
    assert run(tmp_path, kernel) == (1, kept)
    name = kernel.partition("=")[2]
    asked = {"kernels": {"convolution": name}}
    asked["sources"] = {"convolution": source_digest(Candidate.parse(kernel).module)}
    paths = [str(tmp_path / each) for each in ("run.json", "kept.json", "merged.json")]
    files.write_json(report(asked=asked), Path(paths[0]))
    assert main(["merge", *paths[:2], "-o", paths[2]]) == 1
    merged = files.read(Path(paths[2])).findings
    (cell,) = [each for each in merged.cells if each.failure]
    assert (cell.prop, cell.dtype) == ("certified", "float64")
    assert kept["certificates"][0] in json.loads(files.text_of(merged.certificates))
    assert next(n for n, o in merged.tests.outcomes.items() if o == "failed").startswith(
        "campaign::convolution[every distinct geometry with input extents up to 2"
    )
    for changed in ("kernels", "sources"):
        files.write_json(report(asked=asked | {changed: {"convolution": "x"}}), Path(paths[0]))
        assert main(["merge", *paths[:2], "-o", paths[2]]) == 4
        assert "expected 'x' as in the run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kernel", "options", "message"),
    [
        ("nothing=a:b", (), "operation='nothing': expected one of"),
        ("convolution=nowhere:f", (), "module 'nowhere'"),
        ("convolution", ("--extent", "0"), "extent=0: expected an integer of at least 1"),
        ("convolution", ("--extent", "x"), "--extent: invalid int value: 'x'"),
        ("convolution", ("--channels", "3-1"), "channels=(): expected a tuple"),
        ("convolution", ("--channels", "a"), "--channels: invalid"),
        ("convolution", ("--dtypes", "int8"), "dtypes=('int8',): expected"),
        ("convolution", ("--workers", "0"), "workers=0: expected at least 1"),
        ("convolution", ("--draws", "0"), "draws=0: expected at least 1"),
        ("convolution", ("--seed", str(2**64)), f"seed={2**64}: expected an integer from 0"),
        ("convolution", ("--channels", "1-99999999999"), "expected at most 100 numbers"),
        ("convolution", ("--results", "/dev/null"), "results='/dev/null': expected a file"),
        ("convolution", ("--results", "/nowhere/r"), "results='/nowhere/r': No such file"),
        ("convolution", ("--scheduler", "tcp://127.0.0.1:9"), "scheduler='tcp://127.0.0.1:9'"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kernel: str,
    options: tuple[str, ...],
    message: str,
) -> None:
    """What is wrong is named, with exit status 4, and nothing is judged."""
    monkeypatch.setattr("convcheck.conformance.commands.campaign.SCHEDULER_SECONDS", 1)
    status, kept = run(tmp_path, kernel, *options)
    told = capsys.readouterr()
    assert (status, kept, told.out) == (4, None, "")
    assert message in told.err
    assert told.err.count("\n") == 1


def test_certificate_and_results_are_two_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A certificate written over the results would lose them."""
    status, kept = run(tmp_path, "convolution", "--results", str(tmp_path / "kept.json"))
    assert (status, kept) == (4, None)
    assert "kept.json': expected another file" in capsys.readouterr().err

"""`convcheck campaign`: what it tells and keeps, and how that joins the report of a run."""

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from pytest_runs import Command
from sample import report

from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.loading import source_digest
from convcheck.reports import files
from convcheck.reports.document import schema

WRONG = """
from convcheck.reference import notebook

def convolution(x, ftr, strd):
    z = notebook.convolution(x, ftr, strd)
    return z + (x.shape[1:3] == (2, 2) and strd == (1, 2))
"""
SMALL = (
    *("--extent", "2", "--narrow", "0", "--channels", "1,2", "--batches", "1"),
    *("--workers", "1", "--results", "results", "--json", "kept"),
)


@pytest.fixture
def kernel(tmp_path: Path) -> str:
    """Return a candidate that is wrong on some geometries."""
    path = tmp_path / "mine.py"
    path.write_text(WRONG, encoding="utf-8")
    return f"convolution={path}:convolution"


def test_what_a_campaign_finds_joins_the_report_of_a_run(command: Command, kernel: str) -> None:
    """A failure is told with its command, kept alike each time, and merged, fails its cell."""
    told = command("campaign", kernel, *SMALL)
    kept = Path("kept").read_bytes()
    assert told.status == 1
    assert "convolution: not certified" in told.out
    assert f"pytest --kernel {kernel} --case v1:convolution:float64:integers:b1.h2.w2" in told.out
    jsonschema.validate(json.loads(kept), {"$ref": "#/$defs/Campaign", "$defs": schema()["$defs"]})
    assert command("campaign", kernel, *SMALL).status == 1
    assert Path("kept").read_bytes() == kept
    asked = {"kernels": {"convolution": kernel.partition("=")[2]}}
    asked["sources"] = {"convolution": source_digest(Candidate.parse(kernel).module)}
    files.write_json(report(asked=asked), Path("run"))
    assert command("merge", "run", "kept", "-o", "merged").status == 1
    merged = files.read(Path("merged")).findings
    (cell,) = [each for each in merged.cells if each.failure]
    assert (cell.prop, cell.dtype) == ("certified", "float64")
    certificates = json.loads(files.text_of(merged.certificates))
    assert json.loads(kept)["certificates"][0] in certificates
    (failed,) = (name for name, said in merged.tests.outcomes.items() if said == "failed")
    region = "every distinct geometry with input extents up to 2"
    assert failed.startswith(f"campaign::convolution[{region}")
    for changed in ("kernels", "sources"):
        files.write_json(report(asked=asked | {changed: {"convolution": "x"}}), Path("run"))
        told = command("merge", "run", "kept", "-o", "merged")
        assert told.status == 4
        assert "expected 'x' as in the run" in told.problem


PADDED = """
from convcheck.reference import parameters

def convolution(x, ftr, strd, padding):
    z = parameters.convolution(x, ftr, strd, padding=padding)
    return z + (padding[1] == (0, 2))
"""


def test_parameters_are_certified_in_many_parts(command: Command, tmp_path: Path) -> None:
    """A region of what the kernel takes is named exactly, and merged into the report of a run."""
    options = ("--workers", "1", "--results", "results", "--json", "kept", "--parameters")
    assert command("campaign", "convolution_bias_gradient", *options, "2").status == 4
    told = command("campaign", "convolution", *options, "1")
    assert told.status == 0
    assert "every distinct input extent up to 1, taps, stride, padding up to the" in told.out
    assert json.loads(Path("kept").read_text(encoding="utf-8"))["complete"] is True
    (tmp_path / "mine.py").write_text(PADDED, encoding="utf-8")
    Path("results").unlink()
    kernel = f"convolution={tmp_path / 'mine.py'}:convolution,takes=padding"
    assert command("campaign", kernel, *options, "2", "--channels", "1").status == 4
    told = command("campaign", kernel, *options, "2")
    assert told.status == 1
    assert f"pytest --kernel {kernel} --case v1:convolution:float64:integers:b" in told.out
    assert ".p0-0x0-2:0\n" in told.out


@pytest.mark.parametrize(
    ("kernel", "options", "message"),
    [
        ("nothing=a:b", "", "operation='nothing': expected one of"),
        ("convolution=nowhere:f", "", "module 'nowhere'"),
        ("convolution", "--extent 0", "extent=0: expected an integer of at least 1"),
        ("convolution", "--parameters 1", "--parameters: not allowed with argument --extent"),
        ("convolution", "--extent x", "--extent: invalid int value: 'x'"),
        ("convolution", "--channels 3-1", "channels=(): expected a tuple"),
        ("convolution", "--channels a", "--channels: invalid"),
        ("convolution", "--dtypes int8", "dtypes=('int8',): expected"),
        ("convolution", "--workers 0", "workers=0: expected at least 1"),
        ("convolution", "--draws 0", "draws=0: expected at least 1"),
        ("convolution", f"--seed {2**64}", f"seed={2**64}: expected an integer from 0"),
        ("convolution", "--channels 1-99999999999", "expected at most 100 numbers"),
        ("convolution", "--results /dev/null", "results='/dev/null': expected a file"),
        ("convolution", "--results /nowhere/r", "results='/nowhere/r': No such file"),
        # A certificate written over the results would lose them.
        ("convolution", "--results ./kept", "kept': expected another file"),
        ("convolution", "--scheduler tcp://127.0.0.1:9", "scheduler='tcp://127.0.0.1:9'"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch, kernel: str, options: str, message: str
) -> None:
    """What is wrong is named, with exit status 4, and nothing is judged."""
    monkeypatch.setattr("convcheck.conformance.commands.campaign.SCHEDULER_SECONDS", 1)
    told = command("campaign", kernel, *SMALL, *options.split())
    assert told.status == 4
    assert message in told.problem
    assert not Path("kept").exists()

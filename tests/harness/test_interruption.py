"""What is left of a run that does not come to its end."""

import json
import signal

import pytest
from pytest_runs import DIE, HANG, LEDGER, Folder, findings, run, start

from convcheck.reports import files


def test_a_worker_that_dies_is_told(folder: Folder) -> None:
    """What a dead worker was running is named, and so is what never ran; no worker is named."""
    where = folder(die=DIE)
    arguments = ("-n", "1", "--max-worker-restart", "0", "--conformance-json", "r.json")
    done = run(where, "-p", "die", *LEDGER, *arguments)
    report = findings(where / "r.json")
    assert done.returncode == 1
    assert report["verdict"] == "does not conform"
    (error,) = report["errors"]
    assert error["test"].startswith("test_ledger::test_the_literal_kernel_shows_the_defect[transp")
    assert report["missing"]
    assert error["test"] not in report["missing"]
    assert "gw0" not in json.dumps(report)
    assert str(where) not in json.dumps(report)


# A kernel that ends its process, if not where the oracles are compared.
DIES = """
import os
from convcheck.reference import gradients

right = gradients.convolution_filter_gradient

def convolution_filter_gradient(x, *rest):
    if x.dtype == "float16":
        os._exit(3)
    return right(x, *rest)

gradients.convolution_filter_gradient = convolution_filter_gradient
"""


def test_cells_lost_in_a_crash_are_crashed(folder: Folder) -> None:
    """A cell that only a lost test would have filled says "crashed", and which test; no other."""
    where = folder(dies=DIES)
    modules = ("-p", "dies", "--pyargs", "convcheck.conformance.test_agreement")
    which = "test_nonfinite and (convolution_filter_gradient or transpose_input_gradient)"
    report = ("-n", "1", "--hypothesis-profile", "quick", "--conformance-json", "r.json")
    done = run(where, *modules, "-k", which, *report)
    assert done.returncode == 1, done.stdout
    found = files.read(where / "r.json")["findings"]
    (error,) = found["errors"]
    assert error["test"] == "test_agreement::test_nonfinite[convolution_filter_gradient]"
    assert (error["outcome"], found["verdict"]) == ("crashed", "does not conform")
    states = {
        (cell["operation"], cell["property"]): (cell["status"], tuple(cell["lost"]))
        for cell in found["cells"]
        if cell["status"] != "not run"
    }
    assert states == {
        (operation, f"nonfinite {which}"): state
        for operation, state in {
            "convolution_filter_gradient": ("crashed", (error["test"],)),
            "convolution_transpose_input_gradient": ("agrees", ()),
        }.items()
        for which in ("data", "others")
    }


def test_ctrl_c_leaves_an_incomplete_report(folder: Folder) -> None:
    """An interrupted run still writes its report, which says what is missing."""
    where = folder(hang=HANG)
    process = start(where, "-p", "hang", *LEDGER, "--conformance-json", "r.json")
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    report = findings(where / "r.json")
    assert report["verdict"] == "incomplete"
    assert f"Incomplete: {len(report['missing'])} tests gave no result" in text
    assert "JSON report: r.json" in text


def test_kill_leaves_the_older_report(folder: Folder) -> None:
    """A run that is killed leaves an older report as it was, and nothing beside it."""
    where = folder(hang=HANG)
    (where / "r.json").write_text("older", encoding="utf-8")
    process = start(where, "-p", "hang", *LEDGER, "--conformance-json", "r.json")
    process.kill()
    process.communicate(timeout=60)
    assert (where / "r.json").read_text(encoding="utf-8") == "older"
    assert [path.name for path in where.iterdir() if "r.json" in path.name] == ["r.json"]


def test_a_report_that_cannot_be_written(folder: Folder) -> None:
    """A folder that vanished meanwhile costs one line, not the outcome of the run."""
    vanish = "import os\ndef pytest_collection_finish():\n    os.rmdir('reports')\n"
    where = folder(vanish=vanish)
    (where / "reports").mkdir()
    one = (*LEDGER[:-1], "shows_the_defect and unbound-filters")
    done = run(where, "-p", "vanish", *one, "--conformance-json", "reports/r.json")
    assert "JSON report not written to reports/r.json: No such file or directory" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (done.returncode, " 1 passed" in done.stdout) == (0, True)


def test_a_report_without_conformance_tests_is_refused_aloud(folder: Folder) -> None:
    """A run that judged nothing says that it wrote no report, and keeps its own outcome."""
    done = run(folder(test_own="def test_own():\n    pass\n"), "--conformance-json", "r.json")
    assert done.returncode == 0
    assert "No conformance test ran: no conformance report written." in done.stdout


# PyTorch's oracle with a fault: filters upside down.
FLIP = """
from convcheck.oracle import pytorch

right = pytorch.forward

def forward(layer, x, ftr, *rest, **keywords):
    return right(layer, x, ftr[:, ::-1], *rest, **keywords)

pytorch.forward = forward
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_broken_oracle_ends_the_run(folder: Folder, workers: str) -> None:
    """Nothing is judged by an oracle that the others contradict, and the odd one is named."""
    where = folder(flip=FLIP)
    arguments = ("--pyargs", "convcheck.conformance", "-n", workers, "--conformance-json", "r.json")
    done = run(where, "-p", "flip", *arguments)
    assert done.returncode in (1, 2)
    assert "PyTorch differs from the other oracles on convolution" in done.stdout
    report = findings(where / "r.json")
    assert (report["verdict"], report["decided"]) == ("incomplete", 0)
    assert len(report["missing"]) > 500
    assert {error["outcome"] for error in report["errors"]} == {"error"}

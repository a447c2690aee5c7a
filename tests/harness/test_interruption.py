"""What is left of a run that does not come to its end."""

import json
import signal

import pytest
from pytest_runs import DIE, HANG, LEDGER, WRONG, Folder, findings, run, start

from convcheck.reports import files

RIGHT = "from convcheck.reference.notebook import convolution\n"


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
    found = files.read(where / "r.json").findings
    (error,) = found.errors
    assert error.test == "test_agreement::test_nonfinite[convolution_filter_gradient]"
    assert (error.outcome, found.verdict) == ("crashed", "does not conform")
    states = {
        (cell.operation, cell.prop): (cell.status, tuple(cell.lost))
        for cell in found.cells
        if cell.status != "not run"
    }
    assert states == {
        (operation, f"nonfinite {which}"): state
        for operation, state in {
            "convolution_filter_gradient": ("crashed", (error.test,)),
            "convolution_transpose_input_gradient": ("agrees so far", ()),
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
    """Where its folder vanished meanwhile, a line says so, and the run failed, summary or not."""
    vanish = "import os\ndef pytest_collection_finish():\n    os.rmdir('reports')\n"
    where = folder(vanish=vanish)
    (where / "reports").mkdir()
    one = (*LEDGER[:-1], "shows_the_defect and unbound-filters")
    done = run(where, "-p", "vanish", *one, "--conformance-json", "reports/r.json")
    assert "JSON report not written to reports/r.json: No such file or directory" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert (done.returncode, " 1 passed" in done.stdout) == (3, True)
    (where / "reports").mkdir()
    silent = ("-p", "no:terminal", "--conformance-json", "reports/r.json")
    quiet = run(where, "-p", "vanish", *one, *silent)
    assert quiet.stderr == "JSON report not written to reports/r.json: No such file or directory\n"
    assert quiet.returncode == 3


# Files are full after 64 bytes.
FULL = """
import resource

def pytest_sessionstart():
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_full_disk_fails_the_run_and_leaves_the_older_report(
    folder: Folder, workers: str
) -> None:
    """Of a wrong kernel too, whose verdict is told: nobody is to take the old for the new."""
    where = folder(full=FULL, mine=WRONG)
    (where / "r.json").write_text("older", encoding="utf-8")
    judged = ("--kernel", "convolution=mine.py:convolution", "-n", workers, "-k", "test_boundary")
    quick = ("--hypothesis-profile", "quick", "--conformance-json", "r.json")
    done = run(where, "-p", "full", *judged, *quick)
    assert done.returncode == 3, done.stdout
    assert "Does not conform: " in done.stdout
    assert (
        "JSON report not written to r.json: File too large; what is there is older" in done.stdout
    )
    assert (where / "r.json").read_text(encoding="utf-8") == "older"


OURS = """
from convcheck.conformance.plugin.recording import Record

def broken(*_, **__):
    raise RuntimeError("a fault of the harness")

Record.judged = broken
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_fault_of_the_harness_is_no_verdict_on_a_kernel(folder: Folder, workers: str) -> None:
    """A test that breaks gives no result, and the run ends as one in which convcheck failed."""
    where = folder(ours=OURS, mine=RIGHT)
    judged = ("--kernel", "convolution=mine.py:convolution", "-n", workers, "-k", "test_boundary")
    done = run(where, "-p", "ours", *judged, "--conformance-json", "r.json")
    assert done.returncode == 3, done.stdout
    report = findings(where / "r.json")
    assert report["verdict"] == "incomplete"
    assert {error["outcome"] for error in report["errors"]} == {"error"}


ENDS = OURS.replace('raise RuntimeError("a fault of the harness")', "os._exit(9)")


def test_a_worker_that_somebody_ends_is_no_verdict_on_a_kernel(folder: Folder) -> None:
    """A candidate has a process of its own: where that of the test ends, nothing is known."""
    where = folder(ends=f"import os{ENDS}", mine=RIGHT)
    judged = ("--kernel", "convolution=mine.py:convolution", "-k", "test_boundary and remainder")
    done = run(where, "-p", "ends", *judged, "-n", "1", "--conformance-json", "r.json")
    assert done.returncode == 3, done.stdout
    report = findings(where / "r.json")
    assert report["verdict"] == "incomplete"
    (error,) = report["errors"]
    assert (error["outcome"], error["message"]) == (
        "error",
        "The process that ran this test ended in the middle of it.",
    )


def test_own_tests_keep_the_meaning_of_pytest(folder: Folder) -> None:
    """Beside a user's own tests, 1 says that tests failed, or that nothing was decided."""
    own = "def test_own():\n    pass\n"
    where = folder(test_own=own, mine=RIGHT)
    judged = ("--kernel", "convolution=mine.py:convolution", "-k", "test_own or test_kept", ".")
    assert run(where, *judged).returncode == 1
    assert run(where, *judged[:-1]).returncode == 4
    assert run(where, *judged[:2], "-k", "nothing").returncode == 4
    assert run(where, "test_own.py", "-k", "nothing").returncode == 5


def test_a_report_without_conformance_tests_is_refused_aloud(folder: Folder) -> None:
    """A run that judged nothing says that it wrote no report, and keeps its own outcome."""
    done = run(folder(test_own="def test_own():\n    pass\n"), "--conformance-json", "r.json")
    assert done.returncode == 0
    assert "No conformance test ran: no conformance report written." in done.stdout


# PyTorch's oracle with a fault: filters upside down.
FLIP = """
from convcheck.form import pytorch

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
    assert done.returncode == 3
    assert "PyTorch differs from the other oracles on convolution" in done.stdout
    report = findings(where / "r.json")
    assert (report["verdict"], report["decided"]) == ("incomplete", 0)
    assert len(report["missing"]) > 500
    assert {error["outcome"] for error in report["errors"]} == {"error"}

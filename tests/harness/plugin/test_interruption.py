"""What is left of a run that does not come to its end."""

import json
import signal

import pytest
from pytest_runs import CONTROLLER, DIE, HANG, LEDGER, WRONG, Folder, findings, run, start

from convcheck.reports import files

RIGHT = "from convcheck.reference.notebook import convolution\n"
REPORT = ("--conformance-json", "r.json")
# One test of a candidate.
JUDGED = ("--kernel", "convolution=mine.py:convolution", "-k", "test_boundary and remainder")


def test_a_worker_that_dies_is_told(folder: Folder) -> None:
    """What a dead worker was running is named, and so is what never ran; no worker is named."""
    where = folder(die=DIE)
    done = run(where, "-p", "die", *LEDGER, "-n", "1", "--max-worker-restart", "0", *REPORT)
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
    modules = ("-p", "dies", "--pyargs", "convcheck.conformance.test_boundaries", "-n", "1")
    which = "strides and (convolution_filter_gradient or transpose_input_gradient)"
    done = run(where, *modules, "-k", which, *REPORT)
    assert done.returncode == 1, done.stdout
    found = files.read(where / "r.json").findings
    (error,) = found.errors
    assert (
        error.test == "test_boundaries::test_boundary[convolution_filter_gradient-unequal strides]"
    )
    assert (error.outcome, found.verdict) == ("crashed", "does not conform")
    states = {
        (cell.operation, cell.prop): (cell.status, tuple(cell.lost))
        for cell in found.cells
        if cell.status != "not run"
    }
    assert states == {
        (operation, prop): state
        for operation, state in {
            "convolution_filter_gradient": ("crashed", (error.test,)),
            "convolution_transpose_input_gradient": ("agrees so far", ()),
        }.items()
        for prop in ("exact", "bound", "nonfinite data", "nonfinite others")
    }


def test_ctrl_c_leaves_an_incomplete_report(folder: Folder) -> None:
    """An interrupted run still writes its report, which says what is missing."""
    where = folder(hang=HANG)
    process = start(where, "-p", "hang", *LEDGER, *REPORT)
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    report = findings(where / "r.json")
    assert report["verdict"] == "incomplete"
    assert f"Incomplete: {len(report['missing'])} tests gave no result" in text
    assert "JSON report: r.json" in text


# Ctrl-C at an instruction that Python has no line for, which pytest cannot show.
NOWHERE = """
import sys, types

def pytest_runtest_protocol():
    nowhere = types.TracebackType(None, sys._getframe(), 1_000_000, -1)
    assert nowhere.tb_lineno is None
    raise KeyboardInterrupt().with_traceback(nowhere)
"""


def test_ctrl_c_may_come_at_any_instruction(folder: Folder) -> None:
    """Also at one without a line, where pytest's own account of it fails."""
    done = run(folder(nowhere=NOWHERE), "-p", "nowhere", *LEDGER)
    assert (done.returncode, done.stderr) == (2, "")


def test_kill_leaves_the_older_report(folder: Folder) -> None:
    """A run that is killed leaves an older report as it was, and nothing beside it."""
    where = folder(hang=HANG)
    (where / "r.json").write_text("older", encoding="utf-8")
    process = start(where, "-p", "hang", *LEDGER, *REPORT)
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


# Files are full after 64 bytes: also those that Python would leave of modules it compiles.
FULL = """
import os, resource, sys

def pytest_sessionstart():
    sys.dont_write_bytecode, os.environ["PYTHONDONTWRITEBYTECODE"] = True, "1"
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
"""


def test_a_full_disk_fails_the_run_and_leaves_the_older_report(folder: Folder) -> None:
    """Of a wrong kernel too, whose verdict is told: nobody is to take the old for the new."""
    where = folder(full=FULL, mine=WRONG)
    (where / "r.json").write_text("older", encoding="utf-8")
    done = run(where, "-p", "full", *JUDGED, "-n", "1", *REPORT)
    assert done.returncode == 3, done.stdout
    assert "Does not conform: " in done.stdout
    told = "JSON report not written to r.json: File too large; what is there is older"
    assert told in done.stdout
    assert (where / "r.json").read_text(encoding="utf-8") == "older"


OURS = """
from convcheck.conformance.plugin.recording import Record

def broken(*_, **__):
    raise RuntimeError("a fault of the harness")

Record.walk = broken
"""


ENDS = OURS.replace('raise RuntimeError("a fault of the harness")', "os._exit(9)")
OUTCOMES = {
    OURS: ("0", "RuntimeError: a fault of the harness"),
    f"import os{ENDS}": ("1", "The process that ran this test ended in the middle of it."),
}


@pytest.mark.parametrize("plugin", OUTCOMES, ids=["raises", "ends"])
def test_a_fault_of_the_harness_is_no_verdict_on_a_kernel(folder: Folder, plugin: str) -> None:
    """A test that breaks gives no result, and the run ends as one in which convcheck failed.

    So it does where the test's process ends: a candidate has one of its own.
    """
    workers, message = OUTCOMES[plugin]
    backward = "from convcheck.reference.repaired import conv_back_prop"
    where = folder(ours=plugin, mine=backward, controller=CONTROLLER)
    kernel = ("--kernel", "conv_back_prop=mine.py:conv_back_prop", *JUDGED[2:])
    done = run(where, "-p", "ours", "-p", "controller", *kernel, "-n", workers, *REPORT)
    assert done.returncode == 3, done.stdout
    report = findings(where / "r.json")
    assert report["verdict"] == "incomplete"
    (error,) = report["errors"]
    assert error["outcome"] == "error"
    assert error["message"].startswith(message)
    # With workers, the controlling process waits for no oracle.
    assert (where / "torch").read_text(encoding="utf-8") == str(workers == "0")


def test_own_tests_keep_the_meaning_of_pytest(folder: Folder) -> None:
    """Beside a user's own tests, 1 says that tests failed, or that nothing was decided."""
    where = folder(test_own="def test_own():\n    pass\n", mine=RIGHT)
    assert run(where, *JUDGED[:2], "-k", "test_own or test_kept", ".").returncode == 1
    assert run(where, *LEDGER[:2], "-k", "nothing").returncode == 4
    assert run(where, "test_own.py", "-k", "nothing").returncode == 5


def test_a_report_without_conformance_tests_is_refused_aloud(folder: Folder) -> None:
    """A run that judged nothing says that it wrote no report, and keeps its own outcome."""
    done = run(folder(test_own="def test_own():\n    pass\n"), *REPORT)
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


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_broken_oracle_ends_the_run(folder: Folder, workers: str) -> None:
    """Nothing is judged by an oracle that the others contradict, and the odd one is named."""
    where = folder(flip=FLIP)
    done = run(where, "-p", "flip", "--pyargs", "convcheck.conformance", "-n", workers, *REPORT)
    assert done.returncode == 3
    assert "PyTorch differs from the other oracles on convolution" in done.stdout
    report = findings(where / "r.json")
    assert (report["verdict"], report["decided"]) == ("incomplete", 0)
    assert len(report["missing"]) > 500
    assert {error["outcome"] for error in report["errors"]} == {"error"}

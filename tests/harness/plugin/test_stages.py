"""What `convcheck check` shows at a terminal."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_runs import call, environment, written

from convcheck import conformance
from convcheck.conformance.commands.stages import TITLES
from convcheck.kernels.shown.text import fitted

FLIPPED = """
import numpy as np


def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr[:, ::-1, ::-1])
"""


def at_a_terminal(
    where: Path, *words: str, columns: int, status: int = 1, until: bytes = b""
) -> list[str]:
    """Run `convcheck check` at a terminal, and return the lines that stand there in the end.

    It is interrupted once it has written `until`.
    """
    parent, child = pty.openpty()
    process = subprocess.Popen(  # noqa: S603  (commands of the tests' own)
        [sys.executable, "-m", "convcheck", "check", *words],
        cwd=where,
        env=environment(COLUMNS=str(columns), TERM="xterm", OMP_NUM_THREADS="1"),
        stdout=child,
        stderr=child,
    )
    os.close(child)
    sent = b""
    try:
        while chunk := os.read(parent, 1 << 16):
            sent += chunk
            if until and until in sent:
                process.send_signal(signal.SIGINT)
                until = b""
    except OSError:  # Linux's word for its end
        pass
    os.close(parent)
    assert process.wait() == status
    text = re.sub(r"\x1b\[[\d;]*m", "", sent.decode())
    return [line for line in map(overwritten, text.replace("\r\n", "\n").split("\n")) if line]


def overwritten(line: str) -> str:
    """Return what a terminal shows of a line, whose parts overwrite one another."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def test_each_file_that_judges_a_kernel_is_a_stage() -> None:
    """What has no title shows pytest's dots; the reference's own tests are none of a kernel's."""
    files = Path(str(conformance.__file__)).parent.glob("test_*.py")
    names = {path.stem.removeprefix("test_") for path in files}
    assert names - {"domain", "ledger"} == {*TITLES} - {"replay"}


@pytest.mark.parametrize("columns", [80, 120])
def test_what_stands_there_in_the_end(tmp_path: Path, columns: int) -> None:
    """Lines begin in the first column; where the cause is clear it stops, the verdict last."""
    folder = written(tmp_path, mine=FLIPPED)
    lines = at_a_terminal(folder, "mine.py", "--quick", columns=columns)
    assert max(len(line) for line in lines if not line.startswith(("  rerun", "   "))) <= columns
    assert lines[0].startswith("convcheck ")
    assert lines[1] == "  cases that failed before  [####################] none fails now"
    likeness = "convolution behaves exactly like: the filter is flipped in its rows and columns"
    assert "\n".join(lines[2:]).startswith(
        "\n".join(fitted(f"  found so far: {likeness}", columns))
    )
    last = fitted(f"Does not conform: {likeness}.", columns)
    assert lines[-len(last) :] == last


@pytest.mark.parametrize(
    ("words", "until", "told"),
    [
        (["--all"], b"[#", "interrupted"),
        (["-x", "--all"], b"", "stopping after 1 failures"),
        (["-j", "2"], b"", "the cause is clear; --all judges on"),
    ],
    ids=["Ctrl-C", "-x", "-j"],
)
def test_what_ends_a_run_is_told_before_the_verdict(
    tmp_path: Path, words: list[str], until: bytes, told: str
) -> None:
    """The verdict is last, and no word of pytest's or of its workers' stands behind it."""
    folder = written(tmp_path, mine=FLIPPED)
    given = ("mine.py", "--quick", *words)
    lines = at_a_terminal(folder, *given, columns=120, status=2 if until else 1, until=until)
    (section,) = (at for at, line in enumerate(lines) if "= conformance =" in line)
    assert lines[section - 1] == f"  {told}"
    assert lines[-1].startswith(("Incomplete: ", "Does not conform: "))
    assert not any("nodes" in line for line in lines)


HOOKS = (
    "configure",
    "sessionstart",
    "itemcollected",
    "runtestloop",
    "sessionfinish",
    "unconfigure",
)


@pytest.mark.parametrize("hook", HOOKS)
def test_ctrl_c_may_come_at_any_time(tmp_path: Path, hook: str) -> None:
    """Before there is anything to tell, and at the end, too, it is the only thing told."""
    where = written(
        tmp_path, mine=FLIPPED, ends=f"def pytest_{hook}():\n    raise KeyboardInterrupt"
    )
    words = ("-m", "convcheck", "check", "mine.py", "--quick", "-p", "ends", "-k", "none_of_them")
    done = call(where, [sys.executable, *words], PYTHONPATH=str(where))
    told = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in told, "INTERNAL" in told) == (2, False, False), told
    assert told.count("interrupted\n") == 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("a line that fits", ["a line that fits"]),
        (
            "wrong where the stride leaves a rest",
            ["wrong where the", "    stride leaves a", "    rest"],
        ),
        (
            "  holds    exact, bound, linearity",
            ["  holds    exact,", "           bound,", "           linearity"],
        ),
        (
            "  fails    exact: v1:convolution:float64:x",
            ["  fails    exact:", "           v1:convolution:float64:x"],
        ),
        (
            "  rerun    pytest --kernel mine.py --case v1",
            ["  rerun    pytest --kernel mine.py --case v1"],
        ),
        ("    x = np.array([1, 2, 3, 4, 5])", ["    x = np.array([1, 2, 3, 4, 5])"]),
    ],
)
def test_lines_are_broken_between_words(line: str, shown: list[str]) -> None:
    """Prose goes on below itself; what is copied, and what stands in columns, is left whole."""
    assert fitted(line, 20) == shown

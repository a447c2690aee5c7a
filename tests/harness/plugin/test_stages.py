"""What `convcheck check` shows at a terminal."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_runs import environment, written

from convcheck import conformance
from convcheck.conformance.commands.stages import TITLES

FLIPPED = """
import numpy as np


def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr[:, ::-1, ::-1])
"""


def at_a_terminal(where: Path, *words: str, columns: int) -> list[str]:
    """Run `convcheck check` at a terminal, and return the lines that stand there in the end."""
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
    except OSError:  # Linux's word for its end
        pass
    os.close(parent)
    assert process.wait() == 1
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
    first, kept, found, *_, last = at_a_terminal(folder, "mine.py", "--quick", columns=columns)
    assert first.startswith("convcheck ")
    assert kept == "  cases that failed before  [####################] none fails now"
    likeness = "convolution behaves exactly like: the filter is flipped in its rows and columns"
    assert found == f"  found so far: {likeness}"
    assert last == f"Does not conform: {likeness}."

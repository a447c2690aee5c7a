"""What a run starts with: nothing that takes long and that it can do without."""

from pytest_runs import Folder, run

KERNEL = """
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""
SPY = """
import subprocess, sys

started = []

class Noted(subprocess.Popen):
    def __init__(self, command, *arguments, **keywords):
        started.append(command)
        super().__init__(command, *arguments, **keywords)

subprocess.Popen = Noted

def pytest_unconfigure():
    print(f"{len(started)} started; imported:", *{"hypothesis", "jinja2"} & {*sys.modules})
"""
CASE = "v1:convolution:float32:integers:b1.h4.w5.i2.o1.f2x2.s1x2:7"


def test_a_case_needs_the_judge_and_the_kernel(folder: Folder) -> None:
    """Judging a case again imports no Hypothesis, and starts one process: the kernel's."""
    where = folder(spy=SPY, mine=KERNEL)
    done = run(where, "-p", "spy", "--kernels", "mine.py", "--case", CASE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "= 10 passed in " in done.stdout
    assert "1 started; imported:\n" in done.stdout


def test_a_case_of_another_operation_finds_no_kernel(folder: Folder) -> None:
    """A module is taken at the case's word, and where that is wrong, that is one line."""
    where = folder(mine=KERNEL)
    other = CASE.replace("convolution", "convolution_transpose")
    done = run(where, "--kernels", "mine.py", "--case", other)
    assert done.returncode == 4
    assert "module 'mine.py' has no 'convolution_transpose'" in done.stderr

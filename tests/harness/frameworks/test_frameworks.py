"""Kernels of other libraries, each judged in one line, as its author has it."""

import importlib.util
import re
import resource
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from pages import TEXT
from pytest_runs import call

import convcheck

EXAMPLES = Path(__file__).parents[1] / "examples" / "frameworks"
CONV2D: dict[str, Any] = {
    "tensors": "NCHW",
    "filters": "OIHW",
    "arrays": "torch",
    "takes": ["padding", "dilation", "groups", "bias"],
    "padding": "pair",
    "names": {"strd": "stride"},
}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "bfloat16"])
def test_torch(dtype: str) -> None:
    """PyTorch's own function is right with all of its parameters; bfloat16 is summed in float32."""
    declared = {**CONV2D, "dtypes": [dtype]}
    if dtype == "bfloat16":
        declared["sums"] = "float32"
    result = convcheck.check(torch.nn.functional.conv2d, "convolution", **declared)
    assert result, str(result)


class Line(NamedTuple):
    """A line of the pages that names a kernel, and what it takes."""

    needs: str
    """the library"""
    begins: str
    seconds: float = 60
    """of CPU at most, what is compiled included"""


LINES = {
    "torch": Line("torch", "convolution=torch.nn.functional:conv2d"),
    "torch, channels last": Line("torch", "convolution=in_torch.py:channels_last"),
    "torch.compile": Line("torch", "convolution=in_torch.py:compiled", 150),
    "JAX": Line("jax", "convolution=in_jax.py:convolution", 120),
    "numba": Line("numba", "convolution=in_numba.py:convolution"),
    "ONNX Runtime": Line("onnxruntime", "convolution=in_onnx.py:conv,"),
    "ONNX Runtime, transposed": Line(
        "onnxruntime", "convolution_transpose=in_onnx.py:conv_transpose,"
    ),
    "TensorFlow": Line("tensorflow", "convolution=tensorflow:nn.conv2d"),
}


@pytest.mark.parametrize("name", LINES)
def test_one_line(name: str, tmp_path: Path) -> None:
    """The quick profile has the right verdict, and takes not much CPU beside what is compiled."""
    needs, begins, seconds = LINES[name]
    if importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    if name == "torch.compile" and shutil.which("g++") is None:
        pytest.skip("no C++ compiler, which torch.compile needs: g++ is not on the path")
    status, words = 0, "Conforms: no disagreement"
    if name == "torch, channels last" and not _right_with_channels_last():
        status, words = 1, "convolution is wrong only in float32"
    (line,) = re.findall(f'check "({re.escape(begins)}[^"]*)"', TEXT)
    shutil.copytree(EXAMPLES, tmp_path, dirs_exist_ok=True)
    command = ("convcheck", "check", line, "--hypothesis-profile", "quick")
    before = _seconds()
    ran = call(
        tmp_path, [sys.executable, "-m", *command, "-n", "0"], seconds=1200, OMP_NUM_THREADS="1"
    )
    assert (ran.returncode, words in ran.stdout) == (status, True), ran.stdout + ran.stderr
    assert _seconds() - before < seconds


def _right_with_channels_last() -> bool:
    """Return whether PyTorch is right, which 2.13 is not on processors with AVX-512.

    It is wrong with one channel in, one column out and a stride that skips some.
    """
    x, ftr = torch.arange(70.0).reshape(2, 1, 5, 7), torch.arange(7.0).reshape(1, 1, 1, 7)
    plain = torch.nn.functional.conv2d(x, ftr, stride=(1, 2))
    x, ftr = (each.to(memory_format=torch.channels_last) for each in (x, ftr))
    return torch.equal(torch.nn.functional.conv2d(x, ftr, stride=(1, 2)), plain)


def _seconds() -> float:
    """Return the seconds of CPU that processes started here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

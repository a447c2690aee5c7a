"""Frameworks' convolutions with parameters, as the pages name them, are right on every class."""

import re
from pathlib import Path

import pytest
from pages import TEXT

from convcheck.cases.case import Case, agreement_fills
from convcheck.conformance.shapes.parameters import special
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.functions import load
from convcheck.kernels.misbehaviour import Misbehaviour

# torch.compile, in one of the files, warns of torch's own.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

HARNESS = Path(__file__).parents[1]
LINES = re.findall(r'check "(\w+=(?:torch\.|in_onnx|in_torch)[^"]*,takes=[^"]*)"', TEXT)


def found(line: str) -> str:
    """Return a line with the path of the file that it names."""
    if "in_onnx" in line:
        pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    return line.replace("=in_", f"={HARNESS}/examples/frameworks/in_")


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_pages_conforms(line: str) -> None:
    """It is judged in every dtype that it takes, and by every fill."""
    kernel = load(found(line))
    verdicts = [
        verdict
        for _, geometry in special(kernel.operation, kernel.taken)
        for dtype in ("float32", "float64")
        for verdict in judge_all(
            kernel,
            [
                Case(kernel.operation.name, geometry, dtype, fill, 1)
                for fill in agreement_fills(kernel.operation, geometry.bias)
            ],
        )
    ]
    assert not [each for each in verdicts if each.failed]
    assert sum(each.outcome in DECIDED for each in verdicts) > 100


def test_every_one_is_named() -> None:
    """Forward and backward, of PyTorch and of ONNX Runtime."""
    assert len(LINES) == 10


def test_onnx_runtime_refuses_output_padding_of_a_stride() -> None:
    """So says its line's `only=`; of less it is right."""
    (line,) = (line for line in LINES if "conv_transpose," in line)
    kernel = load(found(line).partition(",only=")[0])
    for geometry, refused in (("s2x3.q1x2", False), ("s1x1.d3x2.q2x1", True)):
        verdict = judge(
            kernel,
            Case.parse(
                f"v1:convolution_transpose:float32:integers:b1.h3.w3.i2.o2.f2x3.{geometry}:1"
            ),
        )
        problem = verdict.misbehaviour
        assert (problem is not None and problem.kind is Misbehaviour.RAISED) == refused
        assert verdict.failed == refused

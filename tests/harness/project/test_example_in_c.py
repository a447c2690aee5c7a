"""The worked example of a kernel in C conforms, and a wrong variant of it does not."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from convcheck.cases.case import Case, agreement_fills
from convcheck.conformance.references import partners
from convcheck.conformance.shapes.boundaries import boundary_geometries, reachable
from convcheck.conformance.shapes.sampled import judge_sampled
from convcheck.form.formats import USUAL
from convcheck.form.operations import OPERATIONS, Kernel
from convcheck.judging.judge import judge_all
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import load
from convcheck.kernels.isolation.isolated import Isolated

EXAMPLES = Path(__file__).parents[1] / "examples"
COMPILER = shutil.which("cc")
CONVOLUTION = OPERATIONS["convolution"]

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler: cc is not on the path")


def compiled(folder: Path, name: str, source: str, python: str = "") -> Path:
    """Return the example's module, or another, beside C that is compiled from `source`."""
    home = folder / name
    home.mkdir()
    (home / "convolution.c").write_text(source, encoding="utf-8")
    python = python or (EXAMPLES / "in_c.py").read_text("utf-8")
    (home / f"{name}.py").write_text(python, encoding="utf-8")
    command = [str(COMPILER), "-O2", "-shared", "-fPIC", "-o", "convolution.so", "convolution.c"]
    subprocess.run(command, cwd=home, check=True, capture_output=True)  # noqa: S603  (own text)
    return home / f"{name}.py"


def verdicts(kernel: Kernel) -> list[Verdict]:
    """Judge a kernel on every boundary class, in every dtype."""
    return [
        verdict
        for each in reachable(CONVOLUTION)
        for geometry in boundary_geometries(CONVOLUTION, each)
        for verdict in judge_all(
            kernel,
            [
                Case("convolution", geometry, dtype, fill, 1)
                for dtype in USUAL
                for fill in agreement_fills(CONVOLUTION)
            ],
        )
    ]


def test_right_and_wrong(tmp_path: Path) -> None:
    """The example agrees everywhere; with a stride exchanged, only where strides differ."""
    source = (EXAMPLES / "convolution.c").read_text(encoding="utf-8")
    right = load(f"convolution={compiled(tmp_path, 'right', source)}:convolution")
    assert not any(verdict.failed for verdict in verdicts(right))
    wrong = source.replace("q * SW + w", "q * SH + w")
    assert wrong != source
    found = verdicts(load(f"convolution={compiled(tmp_path, 'wrong', wrong)}:convolution"))
    failed = {v.case.geometry for v in found if v.failed}
    assert failed
    assert all(geometry.stride_height != geometry.stride_width for geometry in failed)


# The same loops, for other layouts; and a function that trusts pointers, whatever is there.
LAYOUTS = {
    "x[((b * H + p * SH + h) * W + q * SW + w) * I + i]": (
        "x[((b * I + i) * H + p * SH + h) * W + q * SW + w]"
    ),
    "ftr[((i * FH + h) * FW + w) * O + o]": "ftr[((h * FW + w) * I + i) * O + o]",
    "z[((b * P + p) * Q + q) * O + o]": "z[((b * O + o) * P + p) * Q + q]",
}
POINTERS = """
import ctypes, pathlib
import numpy as np

library = ctypes.CDLL(str(pathlib.Path(__file__).with_name("convolution.so")))

def convolution(x, ftr, strd):
    (B, I, H, W), (FH, FW, _, O) = x.shape, ftr.shape
    z = np.empty((B, O, (H - FH) // strd[0] + 1, (W - FW) // strd[1] + 1))
    sizes = np.array([B, H, W, I, FH, FW, O, *strd], np.int_)
    library.convolution(*(ctypes.c_void_p(each.ctypes.data) for each in (x, ftr, z, sizes)))
    return z
"""


@pytest.mark.parametrize("isolated", [False, True])
def test_pointers_are_enough_in_the_layout_declared(tmp_path: Path, *, isolated: bool) -> None:
    """A right kernel that looks at no stride agrees but where memory layout is judged."""
    source = (EXAMPLES / "convolution.c").read_text(encoding="utf-8")
    for notebook, own in LAYOUTS.items():
        assert notebook in source
        source = source.replace(notebook, own)
    home = compiled(tmp_path, "pointers", source, POINTERS)
    line = f"convolution={home}:convolution,tensors=NCHW,filters=HWIO,dtypes=float64"
    kernel: Any = Isolated(Candidate.parse(line)) if isolated else load(line)
    found = verdicts(kernel)
    assert not [verdict for verdict in found if verdict.failed]
    case = Case.parse("v1:convolution:float64:integers:b2.h6.w7.i3.o2.f3x2.s1x2:1")
    assert judge_sampled(kernel, case)
    for law in LAWS:
        verdict = judge_law(law, kernel, case, partners())
        assert verdict.failed is (law == "memory layout"), verdict

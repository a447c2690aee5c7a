"""The worked example of a kernel in C conforms, and a wrong variant of it does not."""

import shutil
import subprocess
from pathlib import Path

import pytest

from convcheck.conformance.boundaries import boundary_geometries, reachable
from convcheck.oracle.candidates import Fitted, load
from convcheck.oracle.cases import DTYPES, Case, agreement_fills
from convcheck.oracle.judge import judge_all
from convcheck.oracle.operations import OPERATIONS
from convcheck.oracle.verdicts import Verdict

EXAMPLES = Path(__file__).with_name("examples")
COMPILER = shutil.which("cc")
CONVOLUTION = OPERATIONS["convolution"]

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler: cc is not on the path")


def compiled(folder: Path, name: str, source: str) -> Fitted:
    """Return the kernel of the example, compiled from `source`, in a folder of its own."""
    home = folder / name
    home.mkdir()
    (home / "convolution.c").write_text(source, encoding="utf-8")
    (home / f"{name}.py").write_text((EXAMPLES / "in_c.py").read_text("utf-8"), encoding="utf-8")
    command = [str(COMPILER), "-O2", "-shared", "-fPIC", "-o", "convolution.so", "convolution.c"]
    subprocess.run(command, cwd=home, check=True, capture_output=True)  # noqa: S603  (own text)
    return load(f"convolution={home / name}.py:convolution")


def verdicts(kernel: Fitted) -> list[Verdict]:
    """Judge a kernel on every boundary class, in every dtype."""
    return [
        verdict
        for each in reachable(CONVOLUTION)
        for geometry in boundary_geometries(CONVOLUTION, each)
        for verdict in judge_all(
            kernel,
            [
                Case("convolution", geometry, dtype, fill, 1)
                for dtype in DTYPES
                for fill in agreement_fills(CONVOLUTION)
            ],
        )
    ]


def test_right_and_wrong(tmp_path: Path) -> None:
    """The example agrees everywhere; with a stride exchanged, only where strides differ."""
    source = (EXAMPLES / "convolution.c").read_text(encoding="utf-8")
    assert not any(verdict.failed for verdict in verdicts(compiled(tmp_path, "right", source)))
    wrong = source.replace("q * SW + w", "q * SH + w")
    assert wrong != source
    found = verdicts(compiled(tmp_path, "wrong", wrong))
    failed = {v.case.geometry for v in found if v.failed}
    assert failed
    assert all(geometry.stride_height != geometry.stride_width for geometry in failed)

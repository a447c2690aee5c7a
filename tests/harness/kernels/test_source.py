"""Where a kernel stands is told without importing it."""

import json
from pathlib import Path

import pytest

from convcheck.kernels.shown.source import place_of
from convcheck.reference import parameters

PLAIN = """\
def other(): ...
def convolution(x): ...

@decorated(1)
@twice
def convolution(x): ...
class Layer:
    def forward(self): ...
    up = forward
if True:
    def late(): ...
else:
    late = other
compiled: object = jit(other)
from pkg.impl import convolution as elsewhere
"""
LINES = {
    "convolution": 6,
    "Layer": 7,
    "Layer.forward": 8,
    "Layer.up": 9,
    "late": 13,
    "compiled": 14,
    "elsewhere": 15,
    "absent": None,
    "Layer.absent": None,
}


@pytest.mark.parametrize("name", LINES)
def test_the_line_is_that_of_the_def(tmp_path: Path, name: str) -> None:
    """The last of several is the one that is called; what is computed stands where it is named."""
    path = tmp_path / "mine.py"
    path.write_text(PLAIN, encoding="utf-8")
    assert place_of(f"{path}:{name}") == (path, LINES[name])


def test_what_a_package_hands_on_is_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function's own file is named, not that of the package; a circle has an end."""
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "handed"
    package.mkdir()
    init = "from .impl import conv as convolution\nfrom handed import round\nfrom . import impl\n"
    (package / "__init__.py").write_text(init, encoding="utf-8")
    (package / "impl.py").write_text("\n\ndef conv(x): ...\n", encoding="utf-8")
    assert place_of("handed:convolution") == (package / "impl.py", 3)
    assert place_of("handed:round") == (package / "__init__.py", 2)
    assert place_of("handed:impl.conv") == (package / "__init__.py", 3)
    place = place_of("convcheck.reference.parameters:convolution")
    assert place is not None
    assert place.file == Path(parameters.__file__)


def test_a_notebook_has_lines_too(tmp_path: Path) -> None:
    """Those of its JSON, which is what a change of it shows."""
    path = tmp_path / "n.ipynb"
    cells = [{"cell_type": "code", "source": ["x = 1\n", "def convolution(x):\n", "    pass"]}]
    path.write_text(json.dumps({"cells": cells}, indent=1), encoding="utf-8")
    place = place_of(f"{path}:convolution")
    assert place is not None
    assert place.line is not None
    assert "def convolution" in path.read_text("utf-8").splitlines()[place.line - 1]


BROKEN = ("def convolution(x", "\x00", "(" * 9_999)


@pytest.mark.parametrize("text", BROKEN, ids=["syntax", "null", "deep"])
def test_a_file_that_cannot_be_read_has_no_lines(tmp_path: Path, text: str) -> None:
    """Whatever stands in it."""
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    assert place_of(f"{path}:convolution") == (path, None)


@pytest.mark.parametrize("kernel", ["no.such:kernel", "no.py:kernel", "sys:exit", "exec:./no", ""])
def test_what_has_no_file_has_no_place(kernel: str) -> None:
    """Neither module nor program."""
    assert place_of(kernel) is None


def test_a_program_is_a_file(tmp_path: Path) -> None:
    """Without lines."""
    path = tmp_path / "program"
    path.touch(0o700)
    assert place_of(f"exec:{path}") == (path, None)

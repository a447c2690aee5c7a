"""Which candidates are asked for: by lines, by modules, and by a project's table."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copyfile
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_runs import Folder

from convcheck.cases.case import Case
from convcheck.conformance.plugin import asked
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.declared.candidates import Candidate
from convcheck.reference import notebook

CONV2D = (
    "convolution=torch.nn.functional:conv2d,tensors=NCHW,filters=OIHW,arrays=torch,"
    "names=strd:stride"
)


def config(folder: Path, *kernels: str, lines: Sequence[str] | None = None) -> Any:
    """Return what `asked` reads of pytest's configuration: modules, or a table, and lines."""
    options = SimpleNamespace(
        convcheck_kernel=lines, convcheck_kernels=list(kernels) or None, convcheck_case=None
    )
    return SimpleNamespace(rootpath=folder, option=options, stash=pytest.Stash())


def table(folder: Path, text: str) -> dict[str, Candidate]:
    """Return the candidates of a table in a pyproject.toml."""
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return asked.settle(config(folder, "pyproject.toml"))


def test_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[tool.convcheck] names kernels as lines or tables; files are found beside it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    found = table(
        tmp_path,
        """
        [[tool.convcheck.kernels]]
        kernel = "convolution=torch.nn.functional:conv2d"
        tensors = "NCHW"
        filters = "OIHW"
        arrays = "torch"
        names = { strd = "stride" }
        constants = { groups = 1, padding = "1", dims = ["a,b", [1.5, true]] }
        dtypes = ["float32", "float64"]
        declines = ["nonfinite others"]
        promises = ["ieee zeros"]
        accuracy = "normwise:64"

        [[tool.convcheck.kernels]]
        kernel = "convolution_transpose=src/k.py:up"
        """,
    )
    assert str(found["convolution"]) == (
        f"{CONV2D},constants=groups:1+padding:'1'+dims:['a,b', [1.5, True]],"
        "dtypes=float32+float64,declines=nonfinite_others,accuracy=normwise:64,promises=ieee_zeros"
    )
    assert found["convolution_transpose"].module == str(tmp_path / "src" / "k.py")
    lines = table(tmp_path, f"[tool.convcheck]\nkernels = ['{CONV2D}']")
    assert list(map(str, lines.values())) == [CONV2D]


BAD_TABLES = {
    "": "expected a table [tool.convcheck] with kernels = [...]",
    "[tool": "Expected ']'",
    "tool = 3": "tool=3: expected a table",
    "[tool]\nconvcheck = 'x'": "convcheck='x': expected a table",
    "[tool.convcheck]\nkernel = 'x'": "kernel: expected kernels = [...] and nothing else",
    "[tool.convcheck]\nkernels = 'x'": "kernels='x': expected a list of",
    "[tool.convcheck]\nkernels = []": "kernels=[]: expected a list of",
    "[tool.convcheck]\nkernels = [3]": "kernels: 3: expected",
    "[tool.convcheck]\nkernels = [{tensors = 'NCHW'}]": "kernels: {'tensors': 'NCHW'}: expected",
    "[tool.convcheck]\nkernels = ['a:b']": "'a:b': expected the form",
    "[tool.convcheck]\nkernels = ['convolution=a:b', 'convolution=c:d']": (
        "convolution: expected one kernel, not both a:b and c:d"
    ),
} | {
    f"[tool.convcheck]\nkernels = [{{kernel='convolution=a:b', {key}}}]": message
    for key, message in {
        "tensors=3": "tensors=3: expected a text",
        "dtypes=[32]": "dtypes=[32]: expected a list of texts",
        "names=['x']": "names=['x']: expected a table",
        "color='x'": "color='x': expected one of tensors, ",
        "take=['bias']": "promises; did you mean takes?",
        "constants={x=2000-01-01}": "constants=x: datetime.date(2000, 1, 1): expected texts,",
    }.items()
}


@pytest.mark.parametrize("text", BAD_TABLES)
def test_bad_tables(tmp_path: Path, text: str) -> None:
    """A table that names no kernels is refused in one line, naming key, value, expectation."""
    with pytest.raises(pytest.UsageError, match=re.escape(BAD_TABLES[text])) as caught:
        table(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_the_table_declares_what_a_line_leaves_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that is named alone is called as its table says, by whatever path it is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[[tool.convcheck.kernels]]\nkernel = 'convolution=k.py:old'\ntensors = 'NCHW'"
    )
    given = config(tmp_path)
    for line, tensors in {
        "convolution=k.py:old": "NCHW",
        f"convolution={tmp_path}/k.py:old": "NCHW",
        "convolution=k.py:old,filters=HWIO": "NHWC",
        "convolution=k.py:other": "NHWC",
        "convolution_transpose=k.py:old": "NHWC",
    }.items():
        assert asked.completed(given, Candidate.parse(line)).tensors == tensors, line


def test_modules_are_looked_up_elsewhere(folder: Folder) -> None:
    """Whatever importing a module does, the names of its kernels, or why there are none, come."""
    where = folder(
        fine="print('noise')\ndef convolution(x, ftr, strd): ...\ndef other(): ...",
        none="def conv(x): ...",
        dies="import os; os._exit(7)",
    )
    assert list(asked.settle(config(where, f"{where}/fine.py"))) == ["convolution"]
    declared = asked.settle(config(where, f"{where}/fine.py,takes=padding"))
    assert [*map(str, declared.values())] == [
        f"convolution={where}/fine.py:convolution,takes=padding"
    ]
    for name, message in {
        "none.py": "expected a function with the name of an operation",
        "dies.py": "importing it ended its process, with exit status 7",
    }.items():
        with pytest.raises(pytest.UsageError, match=message):
            asked.settle(config(where, f"{where}/{name}"))


def test_modules_are_found_where_the_judge_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_of: Callable[..., Any]
) -> None:
    """What pytest's `pythonpath` names is searched for a candidate's module in any process."""
    (tmp_path / "far_off").mkdir()
    copyfile(notebook.__file__, tmp_path / "far_off" / "kern.py")
    monkeypatch.syspath_prepend(tmp_path)
    found = asked.settle(config(tmp_path, "far_off.kern"))
    case = Case.parse("v1:convolution:float32:uniform:b2.h6.w7.i3.o2.f3x2.s1x2:1")
    assert judge(kernel_of(str(found["convolution"])), case).outcome is Outcome.AGREES


def test_workers_are_handed_lines(tmp_path: Path) -> None:
    """What modules and tables name becomes --kernel lines, which workers get as they are."""
    given = config(tmp_path, lines=[CONV2D])
    asked.settle(given)
    assert given.option.convcheck_kernel == [CONV2D]
    assert given.option.convcheck_kernels == []

"""The worked examples of programs conform, and a wrong variant of each does not."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_runs import Command

import convcheck
from convcheck.cases.case import Case, agreement_fills
from convcheck.conformance.shapes.boundaries import boundary_geometries, reachable
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome

EXAMPLES = Path(__file__).parents[1] / "examples" / "programs"
CONVOLUTION = OPERATIONS["convolution"]
# What makes a program of each, and a mistake: the stride of rows on columns.
LANGUAGES = {
    "c": ("cc -O2 -Wall -Wextra -Werror -o program convolution.c", "q * s[1]", "q * s[0]"),
    "rs": ("rustc -O --edition 2021 -o program convolution.rs", "q * $s[1]", "q * $s[0]"),
    "js": ("node --check convolution.js", "q * SW", "q * SH"),
}

Compile = Callable[..., str]


@pytest.fixture
def compiled(tmp_path: Path) -> Compile:
    """Return a function that makes a program of an example, right or wrong, and names it."""

    def make(language: str, *, wrong: bool = False) -> str:
        command, right, mistake = LANGUAGES[language]
        compiler, *words = command.split()
        if shutil.which(compiler) is None:
            pytest.skip(f"{compiler} is not on the path")
        name = f"convolution.{language}"
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        assert right in text
        source = tmp_path / name
        source.write_text(text.replace(right, mistake) if wrong else text, encoding="utf-8")
        source.chmod(0o700)
        subprocess.run([compiler, *words], cwd=tmp_path, check=True)  # noqa: S603  (own text)
        program = tmp_path / "program"
        return str(program if program.exists() else source)

    return make


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("language", LANGUAGES)
def test_right_and_wrong(
    compiled: Compile, kernel_of: Callable[..., Any], language: str, *, wrong: bool
) -> None:
    """An example agrees on every boundary class; a wrong one fails where strides differ alone."""
    program = compiled(language, wrong=wrong)
    kernel = kernel_of(f"convolution=exec:{program},dtypes=float32+float64")
    cases = [
        Case("convolution", geometry, dtype, fill, 1)
        for each in reachable(CONVOLUTION)
        for geometry in boundary_geometries(CONVOLUTION, each)[:3]
        for dtype in kernel.dtypes
        for fill in agreement_fills(CONVOLUTION)
    ]
    failed = [each.case.geometry for each in judge_all(kernel, cases) if each.failed]
    assert bool(failed) is wrong
    assert all(each.stride_height != each.stride_width for each in failed)


CASE = "v1:convolution:float32:integers:b1.h1.w3.i1.o1.f1x1.s1x2:0"


def test_from_the_command_line(
    compiled: Compile, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line judges it; a failure's command judges it again, its snippet shows it alone."""
    program = Path(compiled("c", wrong=True)).name
    line = f"convolution=exec:./{program},dtypes=float32+float64"
    done = command("check", line, "--case", CASE)
    assert done.status == 1
    assert f"rerun    pytest --kernel {line} --case {CASE}\n" in done.out
    lines = done.out.partition("  alone\n")[2].splitlines()
    snippet = "\n".join(each[4:] for each in lines if each.startswith("    "))
    assert f"load({line!r})" in snippet
    exec(snippet, {})  # noqa: S102  (as a user does)
    assert capsys.readouterr().out == "54780.0\n"


def test_from_python(compiled: Compile) -> None:
    """A program is handed over by its name, with declarations by keyword."""
    right = f"exec:{compiled('c')}"
    assert convcheck.check(right, "convolution", case=CASE, dtypes="float32")
    kernel = f"exec:{compiled('c', wrong=True)}"
    found = convcheck.check(kernel, "convolution", case=CASE, dtypes="float32")
    again = f'convcheck.check("{kernel}", "convolution", case="{CASE}", dtypes="float32")'
    assert again in str(found)


TABLE = """
[[tool.convcheck.kernels]]
kernel = "convolution=exec:../program"
dtypes = ["float32", "float64"]
arguments = ["../one", "two+three", "4"]
"""


def test_from_a_table(compiled: Compile, command: Command, tmp_path: Path) -> None:
    """Paths of a table are seen from its folder: the program's, and arguments' that say so."""
    compiled("c", wrong=True)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "pyproject.toml").write_text(TABLE, encoding="utf-8")
    done = command("check", "--kernels", "inner/pyproject.toml", "--case", CASE)
    line = "convolution=exec:./program,dtypes=float32+float64,arguments=./one+'two+three'+'4'"
    assert f"load({line!r})" in done.out


BAD = {
    "convolution=exec:./nothing": "program './nothing': there is no such file",
    "convolution=exec:program": "none of this name on PATH; that of this folder is ./program",
    "convolution=exec:./convolution.c": "cannot be started: Exec format error",
    "convolution=exec:./unexecutable": "program './unexecutable': it is not executable; ",
    "convolution=exec:./of_nobody": "there is no such interpreter as its first line names",
    "exec:./program": "expected an operation, as in convolution=exec:./program",
    "convolution=exec:./program,arrays=torch": "arrays='torch': expected one of numpy",
    "convolution=exec:./program,style=cs231n": "style='cs231n': expected none of a program",
    "convolution=exec:./program,promises=byte_order": "promises='byte order': expected none",
    "convolution=mine.py:f,arguments=a": "arguments=('a',): expected exec:PROGRAM beside it",
}


def test_what_cannot_be_started_is_no_kernel(
    compiled: Compile, command: Command, tmp_path: Path
) -> None:
    """Nothing is judged then, and the exit status says that the command was wrong."""
    compiled("c")
    (tmp_path / "unexecutable").touch()
    (tmp_path / "of_nobody").write_text("#!/no/such/interpreter\n", encoding="utf-8")
    (tmp_path / "of_nobody").chmod(0o700)
    for line, said in BAD.items():
        done = command("check", line)
        assert (done.status, said in done.problem) == (4, True), done


def test_how_arrays_lie_is_not_offered(compiled: Compile, kernel_of: Callable[..., Any]) -> None:
    """A program is asked for what it can answer; of the rest is said why it is not."""
    kernel = kernel_of(f"convolution=exec:{compiled('c')},dtypes=float32+float64")
    case = Case.parse("v1:convolution:float64:integers:b2.h6.w7.i3.o2.f3x2.s1x2:1")
    verdict = judge_law("memory layout", kernel, case, {})
    assert verdict.outcome is Outcome.NOT_OFFERED
    assert (
        verdict.reason == "a program is sent its arrays, and has no part in how they lie in memory"
    )
    assert judge_law("repeatability", kernel, case, {})
    assert kernel.renew()
    assert judge(kernel, case)

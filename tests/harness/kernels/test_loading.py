"""Modules are found as an import finds them; what is judged of them is what they make."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pytest_runs import Folder, call, environment

from convcheck.kernels.declared.line import split
from convcheck.kernels.functions import load
from convcheck.kernels.isolation import process
from convcheck.kernels.loading import (
    SAFE_PATH,
    CandidateError,
    import_module,
    kernels_of,
    safe_path,
    source_digest,
)
from convcheck.reference import notebook


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a package, in the working directory, that cannot be imported."""
    folder = tmp_path / "unimported"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit\n")
    (folder / "kernels.py").write_text("convolution = None\n")
    monkeypatch.chdir(tmp_path)
    return folder


def test_no_parent_is_imported(package: Path) -> None:
    """A module is found by its dotted name as by its path, in the working directory first."""
    before, path = set(sys.modules), sys.path[:]
    kernels = package / "kernels.py"
    expected = hashlib.sha256(kernels.read_bytes()).hexdigest()
    assert source_digest("unimported.kernels") == source_digest(str(kernels)) == expected
    assert set(sys.modules) == before
    assert sys.path == path


def test_finders_of_installed_packages_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is not yet imported is found where it is once it is."""
    name, path = notebook.__name__, notebook.__file__
    expected = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert source_digest(name) == expected
    for part in (name, "convcheck.reference", "convcheck"):
        monkeypatch.delitem(sys.modules, part)
    assert source_digest(name) == expected
    assert name not in sys.modules


@pytest.mark.parametrize("module", ["json.decoder.kernels", "no_such", "no.such", "sys", "x.py"])
def test_what_has_no_file_has_no_digest(module: str) -> None:
    """There is none of modules inside of modules, none built in, and none of what is not there."""
    assert source_digest(module) == ""


ELSEWHERE = """
def convolution(x, ftr, strd): ...
def convolution_transpose(x, ftr, strd): ...
class Kernel:
    def __call__(self, *_): ...
convolution_input_gradient = Kernel()
def undecorated(function):
    return lambda *arguments: function(*arguments)
"""
MADE = {
    "a function": "def convolution(x, ftr, strd): ...",
    "an alias": "def mine(x, ftr, strd): ...\nconvolution = mine",
    "a lambda": "convolution = lambda x, ftr, strd: x",
    "decorated": "import functools\n@functools.cache\ndef convolution(x, ftr, strd): ...",
    "decorated elsewhere": "@elsewhere.undecorated\ndef convolution(x, ftr, strd): ...",
    "partial": "import functools\nconvolution = functools.partial(elsewhere.convolution, strd=1)",
    "an object": "convolution = elsewhere.Kernel()",
    "a method": "class Own:\n    def run(self, *_): ...\nconvolution = Own().run",
    "out of C": "import ctypes\nconvolution = ctypes.CDLL(None).puts",
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that writes a module beside another, and returns its path."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("elsewhere", "mine", "package"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setitem(sys.modules, name, ModuleType(name))  # so that it is taken out again
        del sys.modules[name]
    (tmp_path / "elsewhere.py").write_text(ELSEWHERE, encoding="utf-8")

    def write(text: str, name: str = "mine.py") -> str:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize("name", MADE)
def test_what_a_module_makes_is_judged(module: Callable[[str], str], name: str) -> None:
    """Beside what it imports: functions, and whatever else can be called."""
    imported = "import elsewhere\nfrom elsewhere import convolution_transpose\n"
    assert kernels_of(module(imported + MADE[name])) == ["convolution"]


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import convolution",
        "from elsewhere import *",
        "from elsewhere import convolution_transpose as convolution",
        "import elsewhere\nconvolution = elsewhere.convolution",
        "from elsewhere import convolution_input_gradient as convolution",
    ],
)
def test_what_a_module_imports_is_not(module: Callable[[str], str], text: str) -> None:
    """It is told what was left out, from where, and how to have it judged all the same."""
    path = module(text)
    with pytest.raises(CandidateError) as caught:
        kernels_of(path)
    message = str(caught.value)
    assert "expected a function with the name of an operation that was written there" in message
    assert "convolution from elsewhere" in message
    assert f"name it, as in {path}:convolution" in message
    assert "\n" not in message
    assert load(f"convolution={path}:convolution")


def test_a_package_makes_what_its_modules_make(
    module: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a package's `__init__` imports from its own modules is the package's."""
    module("def convolution(x, ftr, strd): ...", "package/inner.py")
    module("from .inner import convolution", "package/__init__.py")
    monkeypatch.chdir(tmp_path)
    assert kernels_of("package") == ["convolution"]


def test_a_file_of_a_package_may_import_by_dots(module: Callable[..., str]) -> None:
    """Named by its path as well, and the snippet of a failure finds it likewise."""
    module("", "package/__init__.py")
    module("def convolution(x, ftr, strd): ...", "package/other.py")
    module("raise SystemExit", "package/inner/__init__.py")
    path = module("from ..other import convolution as own\nconvolution = own", "package/inner/k.py")
    kernel = load(f"convolution={path}:convolution")
    found: dict[str, Any] = {}
    exec(kernel.import_line(), found)  # noqa: S102
    assert found["convolution"](*[None] * 3) is None
    initial = module("from .other import convolution", "package/__init__.py")
    assert load(f"convolution={initial}:convolution")


def test_neighbours_are_found_when_called(module: Callable[..., str], tmp_path: Path) -> None:
    """A kernel may import what stands beside it late, though it hides no other module."""
    module("OWN = 1", "decimal.py")
    kernel = load(f"convolution={module(NEIGHBOURLY)}:convolution")
    assert kernel(*[None] * 3) == ("elsewhere", False)
    assert sys.path[0] != str(tmp_path)


NEIGHBOURLY = """
def convolution(x, ftr, strd):
    import elsewhere, decimal
    return elsewhere.__name__, hasattr(decimal, "OWN")
"""
KERNEL = """
import json, queue
import neighbour
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""
CLASHING = ("json", "numpy", "signal", "random", "typing", "pytest", "hypothesis", "torch")
SCRIPT = "import sys; from convcheck.conformance.commands.command import main; sys.exit(main())"
ONE_TEST = ("-k", "test_certificates", "--hypothesis-profile", "quick")


@pytest.mark.parametrize(
    ("how", "workers"), [(("-m", "convcheck"), "0"), (("-P", "-c", SCRIPT), "2")], ids=str
)
def test_neighbours_may_have_any_name(how: tuple[str, ...], workers: str, folder: Folder) -> None:
    """Files beside the kernel that bear the names of modules keep no process from starting."""
    where = folder()
    for name in CLASHING:
        (where / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    (where / "neighbour.py").write_text("")
    (where / "mine.py").write_text(KERNEL)
    done = subprocess.run(  # noqa: S603  (our own code)
        [sys.executable, *how, "check", "mine.py", *ONE_TEST, "-n", workers],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Conforms in what was run: " in done.stdout


def test_kernels_are_not_kept_from_their_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that a kernel starts find modules as they do without convcheck."""
    monkeypatch.delenv(SAFE_PATH[0], raising=False)
    with safe_path():
        assert os.environ[SAFE_PATH[0]] == SAFE_PATH[1]
        assert SAFE_PATH[0] not in process._environment()  # noqa: SLF001
    assert SAFE_PATH[0] not in os.environ
    monkeypatch.setenv(SAFE_PATH[0], "the user's")
    with safe_path():
        assert process._environment()[SAFE_PATH[0]] == "the user's"  # noqa: SLF001


# A script without a guard, as a first example is written.
JUDGES_ITSELF = """
import convcheck
from convcheck.reference.notebook import convolution as right

def convolution(x, ftr, strd):
    return right(x, ftr, strd)

convcheck.check(convolution, "convolution", isolated=True)
"""


def test_a_module_that_has_itself_judged_starts_no_processes_without_end(folder: Folder) -> None:
    """It is told in one line, and at once, that importing it again would judge it again."""
    where = folder(mine=JUDGES_ITSELF)
    done = call(where, [sys.executable, "mine.py"], seconds=50)
    assert done.stderr.splitlines()[-1].endswith(
        "module 'mine.py': importing it has a kernel judged in another process, which imports it "
        'again: put what judges under `if __name__ == "__main__":`'
    )


def test_a_library_that_is_not_there_is_no_fault_of_the_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A candidate that wants arrays of a library is refused where there is none."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(CandidateError, match=r"^arrays='torch': expected it to be installed here"):
        load("convolution=convcheck.reference.notebook:convolution,arrays=torch")


@pytest.mark.parametrize("declared", ["only=batch in 1,2", "dtypes=float32,float64"])
def test_a_comma_too_many_is_told(declared: str) -> None:
    """It is a declaration that is wrong, and no module of that name is missing."""
    for line in (f"k.py:convolution,{declared}", f"k.py,{declared}"):
        _, module, *_ = split(f"convolution={line}")
        with pytest.raises(CandidateError, match="expected KEY=VALUE behind each comma"):
            import_module(module)

"""The package as others get it: built, installed elsewhere, used in a repository of theirs."""

import importlib.util
import re
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from pytest_runs import Folder, call

ROOT = Path(__file__).parents[3]
# Where the package's parts are, by the folder of the wheel that they land in.
TOOL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
PARTS = {name.replace(".", "/"): folder for name, folder in TOOL["package-dir"].items()}

KERNEL = """
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""
# A repository whose packages bear the names of convcheck's parts, and of its options.
OWN = """
import sys

import conformance, oracle, reference, reports

def test_own(request, record):
    assert {each.OWN for each in (conformance, oracle, reference, reports)} == {True}
    assert record == "own"
    assert request.config.getoption("--kernel") == "own"
    assert not [place for place in sys.path if place.endswith("convcheck")]
"""
CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--kernel", default="own")

@pytest.fixture
def record():
    return "own"
"""
# Settings under which conformance tests would not be found by their names.
SETTINGS = """
[pytest]
addopts = --strict-config --strict-markers --doctest-modules
python_files = check_*.py
python_functions = check_* test_own
filterwarnings = error
"""


def _passed(text: str) -> int:
    """Return how many tests passed, and fail where others did not."""
    (line,) = re.findall(r"^=*\s*(\d+ .*) in [\d.]+s", text, re.MULTILINE)
    assert not re.search("failed|error|skipped|warning", line), line
    return int(line.split(" passed")[0])


def _build(source: Path, form: str) -> Path:
    """Return what setuptools builds of a source tree: an sdist or a wheel."""
    code = f"from setuptools import build_meta; build_meta.build_{form}('dist')"
    done = call(source, [sys.executable, "-c", code])
    assert done.returncode == 0, done.stderr
    (built,) = (source / "dist").glob("*.whl" if form == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sdist, built of a copy, since setuptools writes beside the sources."""
    if importlib.util.find_spec("setuptools") is None or importlib.util.find_spec("pip") is None:
        pytest.skip("there is no setuptools or no pip here to build and install the package")
    copy = tmp_path_factory.mktemp("source") / "convcheck"
    litter = ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "mutants")
    copytree(ROOT, copy, ignore=litter)
    return _build(copy, "sdist")


@pytest.fixture(scope="session")
def wheel(sdist: Path) -> Path:
    """Return the wheel, built of the sdist alone."""
    unpacked = sdist.parent / "unpacked"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return _build(source, "wheel")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the scripts' folder of an environment where the wheel is installed.

    Its dependencies are those of the environment that runs this test, by a path that does
    not lead to the package here.
    """
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=True)
    paths = {"base": str(place), "platbase": str(place)}
    purelib, scripts = (
        Path(sysconfig.get_path(name, "venv", paths)) for name in ("purelib", "scripts")
    )
    others = [place for place in sys.path if Path(place).name == "site-packages"]
    (purelib / "others.pth").write_text("\n".join(others), encoding="utf-8")
    before = set(purelib.iterdir())
    options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python")
    done = call(place, [*pip, "install", *options, wheel])
    assert done.returncode == 0, done.stderr
    landed = {each.name.partition("-")[0] for each in set(purelib.iterdir()) - before}
    assert landed == {"convcheck"}
    return scripts


def test_the_wheel_holds_the_package(wheel: Path) -> None:
    """The wheel made of the sdist holds all that the parts consist of, but for their pages."""
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"{folder}/{path.relative_to(ROOT / part)}"
        for folder, part in PARTS.items()
        for path in (ROOT / part).rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "README.md"
    }
    assert {"convcheck/py.typed", "convcheck/reports/told/templates/page.html"} <= expected
    assert {name for name in names if ".dist-info/" not in name} == expected


def _repository(folder: Folder) -> Path:
    """Return a user's repository, in a folder with a space."""
    where = folder() / "my repository"
    for name in ("conformance", "oracle", "reference", "reports"):
        (where / name).mkdir(parents=True)
        (where / name / "__init__.py").write_text("OWN = True\n", encoding="utf-8")
    for name, text in {
        "oracle/kernels.py": KERNEL,
        "check_own.py": OWN,
        "conftest.py": CONFTEST,
        "pytest.ini": SETTINGS,
    }.items():
        (where / name).write_text(text, encoding="utf-8")
    return where


def test_the_command_works_elsewhere(folder: Folder, installed: Path) -> None:
    """In a repository whose own names clash with convcheck's, the installed command judges."""
    where = _repository(folder)
    words = ("check", "convolution=oracle.kernels:convolution", "--hypothesis-profile", "quick")
    done = call(where, [installed / "convcheck", *words, "-v", "-k", "agreement or nonfinite"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"rootdir: {where}" in done.stdout
    assert _passed(done.stdout) == 2
    assert "Conforms in what was run: no disagreement in" in done.stdout
    assert "warning" not in done.stdout


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_own_tests_keep_their_names(folder: Folder, installed: Path, mode: str) -> None:
    """Beside conformance tests a user's own find their packages, fixtures and options."""
    where = _repository(folder)
    ledger = ("--pyargs", "convcheck.conformance.test_ledger", "-k", "own or unbound-filters")
    pytest_words = (installed / "python", "-m", "pytest", f"--import-mode={mode}", "-q")
    done = call(where, [*pytest_words, *ledger, "."])
    assert done.returncode == 0, done.stdout + done.stderr
    assert _passed(done.stdout) == 4


def test_it_runs_as_a_module(folder: Folder, installed: Path) -> None:
    """`python -m convcheck` is the console script: the same usage, the same exit status."""
    script, module = (
        call(folder(), [*words, "judge"])
        for words in ((installed / "convcheck",), (installed / "python", "-m", "convcheck"))
    )
    assert (script.returncode, module.returncode) == (4, 4)
    assert module.stderr == script.stderr
    assert module.stderr.startswith("ERROR: convcheck: 'judge': expected one of check, ")

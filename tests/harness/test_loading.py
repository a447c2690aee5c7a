"""The file that a module stands in is found as an import finds it, and nothing is imported."""

import hashlib
import sys
from pathlib import Path

import pytest

from convcheck.oracle.loading import source_digest
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

"""What several tests of the harness share."""

import signal
from pathlib import Path

import pytest
from pytest_runs import Folder


def pytest_configure() -> None:
    """Listen to Ctrl-C: what a shell runs in the background ignores it, and all that it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a function that writes files, named by module, and returns their folder.

    It is a project with warnings as errors, the strictest that a user's may be.
    """
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")

    def write(**modules: str) -> Path:
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return tmp_path

    return write

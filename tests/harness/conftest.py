"""What several tests of the harness share."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_runs import Folder

from convcheck.kernels.candidates import Candidate, load
from convcheck.kernels.isolation.isolated import Isolated


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


@pytest.fixture
def kernel_of(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that isolates a candidate, with limits, and end its process afterwards.

    The candidate is a line, or the text of a module that makes `convolution`.  With
    `isolated=False` it is called in this process.
    """
    with contextlib.ExitStack() as ended:

        def make(candidate: str, *, isolated: bool = True, **limits: Any) -> Any:
            if "\n" in candidate:
                (tmp_path / "mine.py").write_text(candidate, encoding="utf-8")
                candidate = f"convolution={tmp_path}/mine.py:convolution"
            if not isolated:
                return load(candidate)
            kernel = Isolated(Candidate.parse(candidate), **limits)
            ended.callback(kernel.stop)
            return kernel

        yield make

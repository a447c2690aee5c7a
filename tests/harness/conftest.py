"""What several tests of the harness share."""

import signal
from functools import partial
from pathlib import Path

import pytest
from pytest_runs import Folder, written


def pytest_configure() -> None:
    """Listen to Ctrl-C: what a shell runs in the background ignores it, and all that it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a function that writes files, named by module, and returns their folder."""
    return partial(written, tmp_path)

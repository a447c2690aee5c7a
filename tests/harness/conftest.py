"""What several tests of the harness share."""

import signal
from functools import partial
from pathlib import Path

import pytest
from pytest_runs import Called, Command, Folder, written

from convcheck.conformance.commands.command import main


def pytest_configure() -> None:
    """Listen to Ctrl-C: what a shell runs in the background ignores it, and all that it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a function that writes files, named by module, and returns their folder."""
    return partial(written, tmp_path)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that calls `convcheck`, in this process, in the test's own folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: Called(main([*map(str, words)]), *capsys.readouterr())


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that calls pytest, in this process and a folder, until tests would run."""

    def call(where: Path, *words: str) -> Called:
        monkeypatch.chdir(where)
        return Called(int(pytest.main(["-p", "no:cacheprovider", *words])), *capsys.readouterr())

    return call

"""What several tests of the harness share."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_runs import Called, Command, Folder, written

from convcheck.conformance.commands.command import main
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import load
from convcheck.kernels.isolation.isolated import Isolated


def pytest_configure() -> None:
    """Let the processes that tests start be a user's: as at a desk, wherever the tests run.

    They share compiled code; Hypothesis keeps examples, which it does not where `CI` is set; and
    they heed Ctrl-C and a hang-up, which what runs in the background, or by `nohup`, ignores, with
    all that it starts.
    """
    for name in ("PYTHONDONTWRITEBYTECODE", "CI"):
        os.environ.pop(name, None)
    for number, usual in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


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


@pytest.fixture
def kernel_of(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that isolates a candidate, with limits, and end its process afterwards.

    The candidate is a line, or the text of a module that makes `convolution`, or another
    operation that is named.  With `isolated=False` it is called in this process.
    """
    with contextlib.ExitStack() as ended:

        def make(
            candidate: str, *, isolated: bool = True, name: str = "convolution", **limits: Any
        ) -> Any:
            if "\n" in candidate:
                (tmp_path / "mine.py").write_text(candidate, encoding="utf-8")
                candidate = f"{name}={tmp_path}/mine.py:{name}"
            if not isolated:
                return load(candidate)
            kernel = Isolated(Candidate.parse(candidate), **limits)
            ended.callback(kernel.stop)
            return kernel

        yield make

"""Calling pytest as users do, in a folder of theirs, in a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

CASE = "v1:convolution:float32:integers:b1.h4.w5.i2.o1.f2x2.s1x2:7"
# These tests need no oracle, hence not the seconds that PyTorch takes to import.
LEDGER = ("--pyargs", "convcheck.conformance.test_ledger", "-k", "shows_the_defect")
# Two tests, one of a kernel that is patched to be wrong and one of a right kernel.
AGREEMENT = (
    *("-p", "patch", "--pyargs", "convcheck.conformance.test_agreement::test_agreement"),
    *("-k", "convolution and not gradient", "--hypothesis-profile", "quick"),
)

WRONG = """
from convcheck.reference import notebook

right = notebook.convolution

def convolution(x, ftr, strd):
    return right(x, ftr[:, ::-1], strd)
"""
PATCH = """
import wrong
from convcheck.reference import parameters

parameters.convolution = wrong.convolution
"""
# For the ledger: a kernel that does not return, once some tests have passed.
HANG = """
import os, pathlib, time
from convcheck import reference

def convolution_transpose(x, ftr, strd):
    pathlib.Path("started").touch()
    time.sleep(60)

reference.convolution_transpose = convolution_transpose
"""
DIE = HANG.replace("time.sleep(60)", "os._exit(3)")
# Leaves whether the process that collects what workers find has imported torch.
CONTROLLER = """
import pathlib, sys

def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        pathlib.Path("torch").write_text(str("torch" in sys.modules))
"""

Folder = Callable[..., Path]


class Called(NamedTuple):
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one line that a command which could do nothing has written."""
        assert self.out.strip() == ""
        (line,) = self.err.strip().splitlines()
        assert line.startswith("ERROR: ")
        assert line.isprintable()
        assert len(line) < 600
        return line


Command = Callable[..., Called]


def written(where: Path, **modules: str) -> Path:
    """Write files, named by module, into a folder, and return it.

    It is a project with warnings as errors, the strictest that a user's may be.
    """
    (where / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    for name, text in modules.items():
        (where / f"{name}.py").write_text(text, encoding="utf-8")
    return where


def command(arguments: tuple[str, ...]) -> list[str]:
    """Return the command of a user who calls pytest."""
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]


def environment(**more: str) -> dict[str, str]:
    """Return the environment without what this run of pytest put there."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return kept | more


def call(
    where: Path, words: Sequence[str | Path], *, seconds: float = 120, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, with further environment variables."""
    return subprocess.run(  # noqa: S603  (commands of the tests' own)
        words,
        cwd=where,
        env=environment(**more),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def run(where: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Call pytest in a folder, with further environment variables, as `call` does."""
    return call(where, command(arguments), **more)


def start(where: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start pytest in a folder, and return when its kernel has been called."""
    process = subprocess.Popen(  # noqa: S603  (arguments of this module's own)
        command(arguments),
        cwd=where,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (where / "started").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def findings(path: Path) -> Any:
    """Return the part of a report that says what was found."""
    return json.loads(path.read_text(encoding="utf-8"))["findings"]

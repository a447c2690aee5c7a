"""`convcheck watch` judges again what has changed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_runs import Command

from convcheck.conformance.commands import watch

RIGHT = "from convcheck.reference import convolution as right\n"
WRONG = f"{RIGHT}\ndef convolution(x, ftr, strd):\n    return right(x, ftr[:, ::-1], strd)\n"
MENDED = WRONG.replace("[:, ::-1]", "")
_LONGEST = 200.0
"""seconds"""


def _until(text: str, output: Path, watching: "subprocess.Popen[bytes]") -> str:
    """Return what was told, once it holds a text."""
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end and watching.poll() is None:
        told = output.read_text(encoding="utf-8")
        if text in told:
            return told
        time.sleep(0.1)
    pytest.fail(f"no {text!r} in\n{output.read_text(encoding='utf-8')}")


def test_a_kernel_is_judged_again_when_its_file_changes(tmp_path: Path) -> None:
    """First on what failed before; Ctrl-C ends it."""
    mine, output = tmp_path / "mine.py", tmp_path / "output"
    mine.write_text(WRONG, encoding="utf-8")
    words = ["watch", "mine.py", "--quick", "-k", "kept or agreement"]
    with output.open("wb") as file:
        watching = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "convcheck", *words], cwd=tmp_path, stdout=file, stderr=file
        )
        try:
            told = _until("\nwatching; Ctrl-C ends it\n", output, watching)
            assert "Does not conform: convolution" in told
            mine.write_text(MENDED, encoding="utf-8")
            told = _until("Conforms in what was run", output, watching)
            assert "a case kept from an earlier run now agrees" in told
            mine.write_text(f"{MENDED}\n", encoding="utf-8")  # it is judged when this comes:
            time.sleep(0.5)
        finally:
            os.kill(watching.pid, signal.SIGINT)
            status = watching.wait(20)
        assert status == 2
    assert "Traceback" not in output.read_text(encoding="utf-8")


def test_it_waits_until_a_file_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor empties a file before it writes it: half a change is not judged."""
    mine = Path("mine.py")
    looks = iter([*({mine: (at, 0)} for at in (1, 0, 2, 2)), {}])
    monkeypatch.setattr(watch, "_seen", lambda _: next(looks))
    monkeypatch.setattr(watch, "_PAUSE", 0)
    assert watch.settled(["mine.py"]) == {mine: (2, 0)}


def test_watch_says_how_it_is_used(command: Command) -> None:
    """With nothing to watch that is an error."""
    assert command("watch", "--help").out.startswith("usage: convcheck watch KERNEL")
    assert command("watch").status == 4
    assert "usage: convcheck watch" in command("watch", "--quick").err

"""Reports are written whole or not at all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sample import PLANNED, make, part

from convcheck.conformance.plugin.options import check_writable
from convcheck.reports import files
from convcheck.reports.document import VERSION


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """Return a file with an older report in it, alone in its folder."""
    path = tmp_path / "report.json"
    path.write_text("older", encoding="utf-8")
    return path


def test_a_report_reads_back_as_it_was(older: Path) -> None:
    """What was written replaces an older file; equal reports are equal bytes, the last a newline.

    A stray surrogate, as in the name of a file, costs neither the report nor itself.
    """
    report = make(messages={"größer": "no file \udc80"})
    files.write_json(report, older)
    assert list(older.parent.iterdir()) == [older]
    assert files.read(older) == report
    files.write_json(files.read(older), again := older.with_name("again"))
    assert older.read_bytes() == again.read_bytes()
    assert older.read_bytes().endswith(b"\n}\n")
    assert json.loads(older.read_bytes())["version"] == VERSION


def test_text_that_utf8_cannot_hold_is_escaped(older: Path) -> None:
    """So it is in pages."""
    files.write_text("größer, no file \udc80", older)
    assert older.read_text(encoding="utf-8") == "größer, no file \\udc80"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks_are_refused(older: Path, number: float) -> None:
    """NaN and infinities raise, since other programs could not read them."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(make([part(PLANNED[0], {}, worst=number)]), older)
    assert older.read_text(encoding="utf-8") == "older"


@pytest.mark.parametrize("step", ["fdopen", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_older_file(
    older: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    """Whatever stops the writing, the older file is whole and nothing is left beside it."""

    def stop(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(Path if step == "replace" else os, step, stop)
    with pytest.raises(type(error)):
        files.write_text("newer", older)
    assert older.read_text(encoding="utf-8") == "older"
    assert list(older.parent.iterdir()) == [older]


def test_the_older_file_stays_until_the_newer_is_whole(
    older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer text is safe on the same disk before it takes the older file's place."""
    seen = []

    def look(_: int) -> None:
        (beside,) = set(older.parent.iterdir()) - {older}
        seen.append((older.read_text(encoding="utf-8"), beside.read_text(encoding="utf-8")))

    monkeypatch.setattr(os, "fsync", look)
    files.write_text("newer", older)
    assert seen == [("older", "newer")]
    assert older.read_text(encoding="utf-8") == "newer"


def test_others_may_read_a_report(tmp_path: Path) -> None:
    """A report is no secret, as temporary files are: a web server can read it."""
    path = tmp_path / "report.html"
    files.write_text("text", path)
    assert path.stat().st_mode & 0o777 == 0o644


KILLED = """
import os, pathlib, signal, sys
from convcheck.reports import files
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
files.write_text("newer", pathlib.Path(sys.argv[1]))
"""


def test_a_process_killed_while_writing_leaves_the_older_file(older: Path) -> None:
    """What is left beside it then does not keep later reports from being written."""
    command = [sys.executable, "-c", KILLED, str(older)]
    ended = subprocess.run(command, check=False)  # noqa: S603  (our own text)
    assert ended.returncode == -signal.SIGKILL
    assert older.read_text(encoding="utf-8") == "older"
    files.write_text("newest", older)
    assert older.read_text(encoding="utf-8") == "newest"


def test_two_runs_may_write_to_one_file(older: Path) -> None:
    """Whoever reads meanwhile sees one of the reports, whole."""
    texts = {"older", *("ab"[n] * 200_000 for n in range(2))}
    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(files.write_text, text, older) for text in texts for _ in range(5)]
        while not all(each.done() for each in writers):
            assert older.read_text(encoding="utf-8") in texts
    for each in writers:
        each.result()
    assert list(older.parent.iterdir()) == [older]


PLACES: dict[str, Callable[[Path], object]] = {
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to(os.devnull),
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path),
    "long": lambda _: None,
    "missing": lambda _: None,
    "new": lambda _: None,
    "old": lambda path: path.write_text("older", encoding="utf-8"),
    "dangling": lambda path: path.symlink_to(path.with_name("later")),
}
REFUSED = pytest.raises(
    (OSError, pytest.UsageError),
    match=r"expected a regular file|symbolic links|name too long|No such",
)


@pytest.mark.parametrize("kind", PLACES)
def test_where_a_report_can_go_is_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing but a file is replaced: what else there is stays what it is, and that is told."""
    path = tmp_path / {"long": "x" * 300, "missing": "missing/report"}.get(kind, "report")
    PLACES[kind](path)
    config: Any = SimpleNamespace(getoption=lambda _: str(path))
    before = [(each.lstat().st_ino, each.lstat().st_mode) for each in tmp_path.iterdir()]
    fine = kind in ("new", "old", "dangling")
    with nullcontext() if fine else REFUSED:
        check_writable(config, "json")
    with nullcontext() if fine else REFUSED:
        files.write_text("text", path)
    after = [(each.lstat().st_ino, each.lstat().st_mode) for each in tmp_path.iterdir()]
    assert path.read_text(encoding="utf-8") == "text" if fine else after == before
    monkeypatch.setattr(os, "access", lambda *_: False)  # as nothing is to the superuser
    with REFUSED:
        check_writable(config, "json")

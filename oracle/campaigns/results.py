"""The file of a campaign's results: a line for the plan, then one for each part as it comes.

Every line is a JSON object.  A part is on the disk before the next is taken, and a line that
was cut short when a process or machine ended is dropped when the file is opened again.
"""

import fcntl
import json
import os
from collections.abc import Collection
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from convcheck.kernels.shown.text import one_line

from .checks import PartError, part_of
from .plan import Part, Plan

FORMAT = "convcheck-campaign"
VERSION = 2


class ResultsError(ValueError):
    """A file cannot hold the results of this campaign; the message is one line."""


class Results:
    """The parts of one plan, in memory and in a file that only this process may change."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Open the file, or make it; take over the parts that it holds.

        Raises:
            ResultsError: it holds something else, or another plan's results, or another
                campaign is writing to it.
        """
        self._path = path
        self._parts: dict[int, Part] = {}
        if path.exists() and not path.is_file():
            raise ResultsError(f"results={str(path)!r}: expected a file")
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise ResultsError(f"results={str(path)!r}: {error.strerror}") from None
        try:
            self._lock()
            self._read(plan)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ResultsError(
                f"results={str(self._path)!r}: another campaign is writing to it"
            ) from None

    def _read(self, plan: Plan) -> None:
        header = {"format": FORMAT, "version": VERSION, "convcheck": version("convcheck")}
        header["plan"] = plan.plain()
        self._file.seek(0)
        *whole, torn = self._file.read().split(b"\n")
        if not whole:
            if not _line(header).startswith(torn):
                raise self._refused(1, f"expected a file of format {FORMAT}, version {VERSION}")
            self._file.truncate(0)
            self._write(header)
            return
        self._compare(header, self._object(whole[0], 1))
        for number, line in enumerate(whole[1:], 2):
            try:
                part = part_of(plan, self._object(line, number))
            except PartError as error:
                raise self._refused(number, str(error)) from None
            if part.start in self._parts:
                raise self._refused(number, f"start: {part.start} stands in an earlier line, too")
            self._parts[part.start] = part
        self._file.truncate(sum(len(line) + 1 for line in whole))

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            return found
        file = f"a file of format {FORMAT}, version {VERSION}"
        raise self._refused(number, f"expected {'an object in JSON' if number > 1 else file}")

    def _compare(self, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        """Raise ResultsError unless two headers are the same, which names what is not."""
        for name in ("format", "version"):
            if not _same(ours[name], theirs.get(name)):
                raise self._refused(1, f"expected a file of format {FORMAT}, version {VERSION}")
        plan = theirs.get("plan")
        known = plan if isinstance(plan, dict) else {}
        pairs = {"convcheck": (ours["convcheck"], theirs.get("convcheck"))}
        pairs |= {name: (each, known.get(name)) for name, each in ours["plan"].items()}
        for name, (each, other) in pairs.items():
            if not _same(each, other):
                told = one_line(f"holds a campaign with {name}={other!r}, expected {each!r}", 500)
                raise self._refused(1, told)
        if not _same(ours, theirs):
            raise self._refused(1, "expected a header with nothing else in it")

    def _refused(self, number: int, problem: str) -> ResultsError:
        where = f", line {number}" if number > 1 else ""
        return ResultsError(f"results={str(self._path)!r}{where}: {problem}")

    def _write(self, plain: dict[str, Any]) -> None:
        self._file.write(_line(plain))
        self._file.flush()
        os.fsync(self._file.fileno())

    def append(self, part: Part) -> None:
        """Keep a part, on the disk before this returns."""
        self._write(msgspec.to_builtins(part))
        self._parts[part.start] = part

    def parts(self) -> Collection[Part]:
        """Return the parts so far."""
        return self._parts.values()

    def __contains__(self, start: int) -> bool:
        """Return whether the span from `start` on has its part."""
        return start in self._parts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def _line(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain).encode() + b"\n"


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are one in JSON, where 1, 1.0 and true are three."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

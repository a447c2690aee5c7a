"""The file of a campaign's results: a line for the plan, then one for each part as it comes.

Every line is a JSON object.  A part is on the disk before the next is taken, and a line that
was cut short when a process or machine ended is dropped when the file is opened again.
"""

import fcntl
import json
import os
from collections.abc import Collection
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .campaign_plan import Part, Plan

FORMAT = "convcheck-campaign"
VERSION = 1
_FIELDS = {each.name for each in fields(Part)}


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
        header = {"format": FORMAT, "version": VERSION, "plan": plan.plain()}
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise ResultsError(f"results={str(path)!r}: {error.strerror}") from None
        try:
            self._lock()
            self._read(header)
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

    def _read(self, header: dict[str, Any]) -> None:
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        if not whole:
            if lines and not _line(header).startswith(lines[0]):
                raise self._foreign()
            self._file.truncate(0)
            self._write(header)
            return
        found = self._object(whole[0])
        if found.get("format") != FORMAT or found.get("version") != VERSION:
            raise self._foreign()
        if found != header:
            ours, theirs = header["plan"], found.get("plan", {})
            other = next(name for name in ours if ours[name] != theirs.get(name))
            raise ResultsError(
                f"results={str(self._path)!r}: holds a campaign with {other}="
                f"{theirs.get(other)!r}, expected {ours[other]!r}"
            )
        for number, line in enumerate(whole[1:], 2):
            plain = self._object(line, number)
            if set(plain) != _FIELDS:
                raise self._foreign(number)
            self._parts[plain["start"]] = Part(**plain)
        self._file.truncate(sum(map(len, whole)))

    def _object(self, line: bytes, number: int = 1) -> dict[str, Any]:
        try:
            found = json.loads(line)
        except ValueError:
            raise self._foreign(number) from None
        if not isinstance(found, dict):
            raise self._foreign(number)
        return found

    def _foreign(self, number: int = 1) -> ResultsError:
        where = f", line {number}" if number > 1 else ""
        return ResultsError(
            f"results={str(self._path)!r}{where}: expected a file of format {FORMAT}, "
            f"version {VERSION}"
        )

    def _write(self, plain: dict[str, Any]) -> None:
        self._file.write(_line(plain))
        self._file.flush()
        os.fsync(self._file.fileno())

    def append(self, part: Part) -> None:
        """Keep a part, on the disk before this returns."""
        self._write(asdict(part))
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

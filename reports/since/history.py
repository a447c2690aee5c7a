"""A line for each run, in a file that only grows: how a kernel has fared.

The lines are JSON.  One that cannot be read is told, and stays.
"""

import errno
import fcntl
import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

import msgspec

from convcheck.reports.document import LEFT_OUT, Report, plain
from convcheck.reports.failures import Amount, Count, Struct, one_of
from convcheck.reports.files import place_of
from convcheck.reports.rows import by
from convcheck.reports.status import CONFORMS, FAILS, INCOMPLETE, SO_FAR, UNDECIDED


class Run(Struct):
    """What a line holds."""

    version: Literal[1]
    date: str
    """when it began, in UTC"""
    commit: str | None
    """of the user's repository, with -dirty behind it where files were changed"""
    verdict: Annotated[str, one_of(CONFORMS, SO_FAR, FAILS, INCOMPLETE, UNDECIDED)]
    whole: bool
    """whether all tests were to run"""
    kernels: dict[str, str]
    """where each operation's kernel stands"""
    profile: str
    judged: Count
    decided: Count
    failing: dict[str, list[str]]
    """properties that failed, by operation"""
    worst: dict[str, dict[str, Amount]]
    """the largest error by operation and dtype, as a fraction of its bound"""

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return the line of a run."""
        found, ran = report.findings, report.circumstances
        project = ran.project
        commit = project.commit + "-dirty" * (not project.clean) if project else None
        operations = by(found.cells, lambda cell: cell.operation)
        failed = {
            name: [*dict.fromkeys(cell.prop for cell in cells if cell.failure)]
            for name, cells in operations.items()
        }
        errors = {
            name: {
                dtype: max(each.worst or 0.0 for each in group)
                for dtype, group in by(cells, lambda cell: cell.dtype).items()
                if any(each.worst is not None for each in group)
            }
            for name, cells in operations.items()
        }
        return cls(
            1,
            ran.started,
            commit,
            found.verdict,
            found.tests.whole and LEFT_OUT not in found.tests.outcomes.values(),
            found.asked.kernels,
            found.asked.profile,
            sum(found.totals.values()),
            found.decided,
            {name: each for name, each in failed.items() if each},
            {name: each for name, each in errors.items() if each},
        )


class History(NamedTuple):
    """The runs of a file, the oldest first, and the numbers of lines that cannot be read."""

    runs: list[Run]
    damaged: list[int]

    def like(self, run: Run) -> list[Run]:
        """Return the whole runs that judged the same kernels, as hard."""
        same = run.kernels, run.profile
        return [each for each in self.runs if each.whole and (each.kernels, each.profile) == same]


def append(run: Run, path: Path) -> None:
    """Add a line, in one step: others may do so at the same time.

    Raises:
        OSError: it cannot be written, or the file is none.
    """
    data = json.dumps(plain(run), allow_nan=False).encode() + b"\n"
    with place_of(path).open("a+b", buffering=0) as file:
        with suppress(OSError):  # some network's file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # somebody was ended in the middle of a line
                data = b"\n" + data
        if file.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file.fileno())


def read(path: Path) -> History:
    """Return what a file holds; OSError where it cannot be read."""
    found = History([], [])
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            if line.strip():
                found.runs.append(_run(json.loads(line)))
        except (ValueError, RecursionError, msgspec.ValidationError):
            found.damaged.append(number)
    return found


def _run(line: Any) -> Run:
    run = msgspec.convert(line, Run)
    if not all(math.isfinite(each) for errors in run.worst.values() for each in errors.values()):
        raise ValueError("expected numbers")
    return run

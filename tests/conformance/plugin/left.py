"""What a run leaves beside what it prints: a line of history, reports, and a job's summary."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .options import FILES

if TYPE_CHECKING:  # imported in time for the report and no earlier
    from convcheck.reports.document import Report
    from convcheck.reports.since.history import History

_CALLED = {
    "history": "History",
    "json": "JSON report",
    "html": "HTML report",
    "summary": "Job summary",
}
_SUMMARY = "GITHUB_STEP_SUMMARY"
"""names the file that GitHub takes a job's summary from"""


class Left:
    """What the options ask for, and what became of it."""

    def __init__(self, config: pytest.Config, since: "Report | None") -> None:
        """Take what is asked for, and the report to tell changes since."""
        names = {form: config.getoption(f"convcheck_{form}") for form in FILES}
        self.wanted = {form: Path(name) for form, name in names.items() if name is not None}
        if config.getoption("convcheck_github") and os.environ.get(_SUMMARY):
            self.wanted["summary"] = Path(os.environ[_SUMMARY])
        self.lines: list[str] = []
        """about each file, for the terminal"""
        self.untold: list[str] = []
        """about those that were not written, to be told wherever else"""
        self._since = since
        self._history: History | None = None

    def steps(self) -> Iterator[Callable[["Report"], bool]]:
        """Yield what writes a file each, and returns whether it was written."""
        for form, path in self.wanted.items():
            yield partial(self._write, form, path)

    def _write(self, form: str, path: Path, report: "Report") -> bool:
        from convcheck.kernels.shown.text import one_line  # noqa: PLC0415
        from convcheck.reports import files  # noqa: PLC0415

        shown = one_line(str(path))
        try:
            said = getattr(self, f"_write_{form}")(report, path)
        except Exception as error:  # noqa: BLE001  (whatever it is, the rest is told)
            old = "; what is there is older" if path.exists() else ""
            self.lines.append(f"{_CALLED[form]} not written to {shown}: {files.why(error)}{old}")
            self.untold.append(self.lines[-1])
            return False
        self.lines.append(f"{_CALLED[form]}: {shown}{said}")
        return True

    def _write_json(self, report: "Report", path: Path) -> str:
        from convcheck.reports import files  # noqa: PLC0415

        files.write_json(report, path)
        return ""

    def _write_html(self, report: "Report", path: Path) -> str:
        from convcheck.reports.told import page  # noqa: PLC0415

        page.write_html(report, path, self._since, self._history)
        return ""

    def _write_history(self, report: "Report", path: Path) -> str:
        """Add the run's line; return what is to be known of the others."""
        from convcheck.reports.since import history  # noqa: PLC0415
        from convcheck.reports.told.words import ranges  # noqa: PLC0415

        history.append(history.Run.of(report), path)
        found = self._history = history.read(path)
        number = len(found.runs)
        said = f", {number:,} run{'' if number == 1 else 's'}"
        if found.damaged:
            said += f"; not read, but kept: line{'s' * (len(found.damaged) > 1)} "
            said += ranges(found.damaged)
        return said

    def _write_summary(self, report: "Report", path: Path) -> str:
        from convcheck.reports.told import github  # noqa: PLC0415

        with path.open("a", encoding="utf-8") as file:  # other steps' parts stand there
            file.write(github.summary(report, self._since))
        return ""

"""What a run prints for GitHub, and what it keeps from being taken for a command."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from convcheck.reports.document import Report


class Commands:
    """Workflow commands of ours alone: what a kernel had printed, or is called, gives none."""

    def __init__(self, config: "pytest.Config") -> None:
        """Take pytest's configuration."""
        self._config = config
        self._word = ""

    def hush(self) -> None:
        """Have no line taken for a command, until `speak`; nobody can guess the word."""
        if not self._word:
            self._word = secrets.token_hex(16)
            self._print(f"::stop-commands::{self._word}")

    def speak(self) -> None:
        """Have lines taken for commands again."""
        if self._word:
            self._print(f"::{self._word}::")
            self._word = ""

    def annotate(self, report: "Report") -> None:
        """Print the annotations of a report."""
        self.speak()
        for line in self._annotations(report):
            self._print(line)

    def _annotations(self, report: "Report") -> Iterator[str]:
        from convcheck.kernels.shown.source import place_of  # noqa: PLC0415
        from convcheck.reports.circumstances import root_of  # noqa: PLC0415
        from convcheck.reports.told import github  # noqa: PLC0415

        kernels = report.findings.asked.kernels
        found = {name: place_of(kernel) for name, kernel in kernels.items()}
        places = {name: place for name, place in found.items() if place}
        return github.annotations(report, places, root_of(self._config.rootpath))

    def _print(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
            reporter.write_line(line)

"""A pytest plugin that tells how long tests took, start-up aside: loaded by `scaling`."""

import json
import os
import time
from pathlib import Path

import pytest


class _Clock:
    def __init__(self) -> None:
        self.first = self.last = 0.0
        self.durations: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.last = time.perf_counter()
        self.first = self.first or self.last  # the end of the first test's setup: torch is there
        taken = self.durations.get(report.nodeid, 0.0) + report.duration
        self.durations[report.nodeid] = taken

    def pytest_sessionfinish(self) -> None:
        text = json.dumps({"seconds": self.last - self.first, "durations": self.durations})
        Path(os.environ["CONVCHECK_CLOCK"]).write_text(text, encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Keep time in the controlling process alone."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Clock())

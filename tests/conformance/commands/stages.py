"""How `convcheck check` tells what it is doing: a line a stage, and the first failure at once."""

import re
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

import convcheck
from convcheck.conformance.plugin.collector import PROPERTY, teller
from convcheck.kernels.misbehaviour import KernelWarning

TITLES = {
    "kept": "cases that failed before",
    "replay": "cases that are named",
    "few_shapes": "shapes that were chosen",
    "boundaries": "kinds of geometry",
    "agreement": "random geometries",
    "laws": "laws",
    "parameters": "parameters",
    "certificates": "every small geometry",
    "combinations": "sizes in combination",
    "large": "large layers",
    "real_layers": "published layers",
    "vectors": "vectors that others wrote",
    "activations": "activations",
    "refactor": "beside what it replaces",
    "threads": "threads",
}
"""what the tests of a file do, by its name"""

_CLEAR = "the cause is clear; --all judges on"
_WIDTH = max(map(len, TITLES.values()))
_BAR = 20
_TIMES = "convcheck/seconds"
"""where pytest's cache has how long stages took the last time, by what was judged"""


class Stages:
    """A plugin that stands in for pytest's dots, where a kernel's user looks on."""

    def __init__(self, kernels: str, *, judges_on: bool) -> None:
        """Take what is judged, in words, and whether to go on where the cause is clear."""
        self._kernels, self._judges_on = kernels, judges_on
        self._totals: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._judged: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._last: dict[str, float] = {}
        self._failure_told = False
        self._terminal: Any = None
        self._ended = ""
        self._warnings: dict[str, None] = {}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Say what is judged, and how long it will take if as long as the last time."""
        self._session, config = session, session.config
        if config.pluginmanager.has_plugin("terminaldistreporter"):  # it tells of xdist's workers
            config.pluginmanager.unregister(name="terminaldistreporter")
            loop: Any = config.pluginmanager.get_plugin("dsession")
            loop.terminal = None
        terminal: Any = config.pluginmanager.get_plugin("terminalreporter")
        self._terminal, self._tell = terminal, teller(terminal)
        self._columns = config.get_terminal_writer().fullwidth
        profile = config.getoption("hypothesis_profile", None) or "default"
        seed = config.getoption("hypothesis_seed", None) or "0"
        self._key = f"{self._kernels} {profile} {config.getoption('numprocesses', None)}"
        self._cache = getattr(config, "cache", None)  # which may be turned off
        self._last = self._times().get(self._key, {})
        took = f", {_about(self._last['wall'])} the last time" if self._last else ""
        self._started = time.monotonic()
        what = f"{self._kernels}, profile {profile}, seed {seed}"
        self._line(f"convcheck {convcheck.__version__}: {what}{took}")
        from convcheck.conformance.plugin.asked import FOUND  # noqa: PLC0415  (NumPy)

        for line in config.stash.get(FOUND, []):
            self._line(line)
        if terminal.isatty:  # PyTorch is imported for it, which takes a while
            terminal.rewrite("  the oracles are compared with one another", erase=True)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests of each stage, where they run in this process."""
        self._count(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        """Count the tests of each stage, where they run in others, which have the same."""
        if not self._totals:
            self._count(ids)

    def _count(self, ids: Iterable[str]) -> None:
        self._totals.update(filter(None, map(stage_of, ids)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Leave out the letters of our tests."""
        ours = isinstance(report, pytest.TestReport) and stage_of(report.nodeid)
        return (report.outcome, "", "") if ours and report.when == "call" else None

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Show how far the test's stage is."""
        stage = stage_of(report.nodeid)
        if stage is None:
            return
        self._seconds[stage] += report.duration
        if report.when != "call" and report.outcome == "passed":
            return
        self._done[stage] += 1
        self._failed[stage] += report.outcome == "failed"
        text = dict(report.user_properties).get(PROPERTY)
        if text is not None:
            self._take(stage, str(text))
        if self._done[stage] == self._totals[stage]:
            self._line(self._row(stage))
        elif self._terminal.isatty:
            row, left = self._row(stage), self._left()
            # What is as wide as the terminal would go on in its next line.
            fits = len(row) + len(left) < self._columns
            self._terminal.rewrite((row + left * fits)[: self._columns - 1], erase=True)

    def _take(self, stage: str, text: str) -> None:
        """Add up what a test judged; tell of a failure if it is the first."""
        from convcheck.reports import rows  # noqa: PLC0415  (imported for the first test)
        from convcheck.reports.told.faults import fault  # noqa: PLC0415

        cells = rows.record_of(text).cells
        self._judged[stage] += sum(sum(cell.counts.values()) for cell in cells)
        failed = [cell for cell in cells if cell.failure]
        if not failed:
            return
        if not self._failure_told:
            self._failure_told = True
            self._line(f"  found so far: {fault(failed)}", red=True)
        if any(each.told.names for each in failed) and not self._goes_on():
            loop = self._session.config.pluginmanager.get_plugin("dsession")  # of xdist, if there
            setattr(loop or self._session, "shouldstop" if loop else "shouldfail", _CLEAR)

    def _goes_on(self) -> bool:
        """Return whether all is judged although the cause is clear."""
        options = self._session.config.option
        left = options.convcheck_json or options.convcheck_html or options.convcheck_history
        return self._judges_on or bool(left) or not self._terminal.isatty

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note what ended the run: somebody, or pytest itself, which then has words for it."""
        if self._terminal is None:  # not begun: the command tells it
            raise excinfo.value
        self._ended = "" if excinfo.type is KeyboardInterrupt else str(excinfo.value)
        self._ended = self._ended or "interrupted"
        self._terminal._report_keyboardinterrupt = lambda: None  # noqa: SLF001  (told before)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Take what kernels warned of, which is no matter of a place in convcheck's own code."""
        if issubclass(warning_message.category, KernelWarning):
            self._warnings[str(warning_message.message)] = None

    def pytest_sessionfinish(self, session: Any) -> None:
        """Show the stages that were not finished, and keep how long each took."""
        for stage in self._totals:
            if 0 < self._done[stage] < self._totals[stage]:
                self._line(self._row(stage))
        for text in self._warnings:
            self._line(f"  {text}")
        stats = self._terminal.stats
        stats["warnings"] = [
            each for each in stats.get("warnings", []) if KernelWarning.__name__ not in each.message
        ]
        ended = self._ended or session.shouldfail
        if ended:  # pytest would tell it behind the verdict
            self._line(f"  {ended}")
            session._shouldfail = False  # noqa: SLF001
        if self._cache and self._done == self._totals:
            wall = time.monotonic() - self._started
            self._cache.set(_TIMES, {**self._times(), self._key: {**self._seconds, "wall": wall}})

    def _times(self) -> dict[str, dict[str, float]]:
        """Return how long stages took the last time, by what was judged."""
        found: dict[str, dict[str, float]] = self._cache.get(_TIMES, {}) if self._cache else {}
        return found

    def _row(self, stage: str) -> str:
        done, total = self._done[stage], self._totals[stage]
        filled = _BAR * done // total
        bar = "#" * filled + "." * (_BAR - filled)
        count, failed = self._judged[stage], self._failed[stage]
        told = [f"{count:,} judged"] * bool(count) + [
            f"{failed:,} test{'s' * (failed > 1)} failed"
        ] * bool(failed)
        nothing = "none fails now" if stage == "kept" else "none judged"  # those are not counted
        return f"  {TITLES.get(stage, stage):{_WIDTH}} [{bar}] {', '.join(told) or nothing}"

    def _left(self) -> str:
        """Return how much time is left, if it takes as much as the last time."""
        known = {stage: self._last.get(stage, 0.0) for stage in self._totals}
        whole = sum(known.values())
        if not whole:
            return ""
        done = sum(known[each] * self._done[each] / n for each, n in self._totals.items())
        return f", {_about(self._last['wall'] * (1 - done / whole))} left"

    def _line(self, text: str, **markup: bool) -> None:
        if self._terminal.isatty:
            self._terminal.rewrite("", erase=True)
            self._terminal.rewrite("")  # back to the first column
        self._tell(text, **markup)


def stage_of(nodeid: str) -> str | None:
    """Return the stage of a conformance test; None for the tests of others."""
    if nodeid.startswith("::test_case["):  # of the only file that is collected
        return "replay"
    found = re.search(r"(?:^|/)test_(\w+)\.py::", nodeid)
    return found[1] if found and found[1] in TITLES else None


def _about(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"

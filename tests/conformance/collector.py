"""Collects what the tests found, in the process that controls them, and has it told."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def _is_conformance(nodeid: str, root: Path) -> bool:
    return (root / nodeid.partition("::")[0]).resolve().parent == HERE.resolve()


def _short(nodeid: str) -> str:
    """Return a node id without its folders, which differ from machine to machine."""
    path, _, name = nodeid.partition("::")
    return f"{Path(path).stem}::{name}"


class Collector:
    """A plugin that gathers records and writes the report when all is over."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = time.time()
        self._collected: set[str] = set()
        self._records: dict[str, dict[str, Any]] = {}
        self._outcomes: dict[str, str] = {}
        self._messages: dict[str, str] = {}
        self._workers: set[str] = set()
        self._findings: dict[str, Any] | None = None

    def _add_collected(self, nodeids: Iterable[str]) -> None:
        root = self._config.rootpath
        self._collected.update(_short(each) for each in nodeids if _is_conformance(each, root))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember which conformance tests are to run here."""
        self._add_collected(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Remember which conformance tests are to run on the workers."""
        self._workers.add(node.gateway.id)
        self._add_collected(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record and outcome of a conformance test."""
        name = _short(report.nodeid)
        if name not in self._collected:
            return
        if report.when == "call" or report.outcome != "passed":
            self._outcomes[name] = report.outcome
            if report.outcome != "passed":
                crash = getattr(report.longrepr, "reprcrash", None)
                self._messages[name] = str(crash.message if crash else report.longrepr)
        if report.when == "call":
            for key, value in report.user_properties:
                if key == "convcheck":
                    self._records[name] = json.loads(str(value))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Build the findings, and see to it that nothing decided is no success."""
        config = self._config
        if not self._collected or config.option.collectonly:
            return
        # Imported in time for the report and no earlier: a run without one needs none.
        from convcheck.reports import findings  # noqa: PLC0415

        from . import kernels, recording  # noqa: PLC0415

        results = findings.Results(self._records, self._outcomes, self._messages, self._collected)
        asked = {
            "kernels": kernels.names(),
            "profile": config.getoption("hypothesis_profile", None) or "default",
            "seed": config.getoption("hypothesis_seed", None) or "0",
            "case": config.getoption("convcheck_case"),
        }
        self._findings = findings.build(results, recording.planned_cells(), asked)
        judged = sum(self._findings["totals"].values())
        lost = self._findings["missing"] or (judged and not self._findings["decided"])
        if session.exitstatus == pytest.ExitCode.OK and lost:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> None:
        """Say the verdict, and write the reports that were asked for."""
        if self._findings is None:
            return
        from convcheck.reports.findings import sentence  # noqa: PLC0415

        terminalreporter.section("conformance")
        terminalreporter.line(sentence(self._findings))
        for line in self._write(int(exitstatus)):
            terminalreporter.line(line)

    def _write(self, exitstatus: int) -> Iterable[str]:
        """Write the reports; yield a line about each, also where that failed."""
        config = self._config
        wanted = {form: config.getoption(f"convcheck_{form}") for form in ("json", "html")}
        if self._findings is None or not any(wanted.values()):
            return
        from convcheck.reports import circumstances, files, page  # noqa: PLC0415

        report = files.assemble(
            self._findings,
            circumstances.gather(
                started=self._started,
                workers=len(self._workers),
                exit_status=exitstatus,
                folder=HERE,
            ),
        )
        writers = {"json": files.write_json, "html": page.write_html}
        for form, name in wanted.items():
            if name is None:
                continue
            try:
                writers[form](report, Path(name))
            except OSError as error:
                yield f"{form.upper()} report not written to {name}: {error.strerror or error}"
            else:
                yield f"{form.upper()} report: {name}"

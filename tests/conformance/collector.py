"""Collects what the tests found, in the process that controls them, and has it told."""

import json
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

PHASES = ("setup", "call", "teardown")

STRENGTH = Path(__file__).with_name("strength.json")

PROPERTY = "convcheck"
"""name of the pytest user property that carries a test's record"""

COLLECTED = "convcheck-collected"
"""name of the one that carries the tests that are to run, a name for each node id; those that
are left out; what each fills; and whether these are all there are, and reach every class"""

TOLD = "convcheck-told"
"""name of the one that a report has if the conformance section tells all that it does"""

COST = "convcheck-cost"
"""name of the one that carries the seconds that a test spent in each phase"""


def _message(report: pytest.TestReport) -> str:
    """Return why a test did not pass, without naming the worker that ran it."""
    if report.when not in PHASES:  # xdist's report of a lost worker
        return "The process that ran this test ended in the middle of it."
    if isinstance(report.longrepr, tuple):  # a skip: path, line and reason
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr or "")


def strength() -> dict[str, Any] | None:
    """Return what was measured of the tests' own strength when this release was made."""
    if not STRENGTH.exists():
        return None
    known: dict[str, Any] = json.loads(STRENGTH.read_text(encoding="utf-8"))
    return known


def _now(outcome: str) -> str:
    return f"still {outcome}" if outcome in ("disagrees", "misbehaved") else f"now {outcome}"


class Collector:
    """A plugin that gathers records and writes the report when all is over."""

    def __init__(self, config: pytest.Config, *, candidates: bool) -> None:
        self._config = config
        self._candidates = candidates
        self._started = time.time()
        self._names: dict[str, str] = {}  # of conformance tests, by node id
        self._collected: dict[str, Any] = {
            "left out": [],
            "fills": {},
            "whole": False,
            "covering": False,
        }
        self._phases: dict[str, float] = dict.fromkeys(("kernel", "oracle", "bounds"), 0.0)
        self._modules: dict[str, float] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._outcomes: dict[str, str] = {}
        self._messages: dict[str, str] = {}
        self._workers: set[str] = set()
        self._findings: dict[str, Any] | None = None
        self._circumstances: dict[str, Any] = {}
        names = {form: config.getoption(f"convcheck_{form}") for form in ("json", "html")}
        self._wanted = {form: Path(name) for form, name in names.items() if name is not None}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand every worker the same kept cases, whatever others store meanwhile."""
        if self._candidates:
            from . import kept  # noqa: PLC0415

            found, _ = kept.read_once(self._config)
            node.workerinput[kept.INPUT] = kept.hand_over(found)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Count the workers."""
        self._workers.add(node.gateway.id)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record and outcome of a conformance test, and the list of all of them."""
        properties = dict(report.user_properties)
        if COLLECTED in properties:
            self._collected = json.loads(str(properties[COLLECTED]))
            self._names = self._collected["names"]
        name = self._names.get(report.nodeid)
        if name is None:  # not one of ours
            return
        module = name.partition("::")[0]
        self._modules[module] = self._modules.get(module, 0.0) + report.duration
        if PROPERTY in properties:
            self._records[name] = json.loads(str(properties[PROPERTY]))
            for phase, seconds in json.loads(str(properties[COST])).items():
                self._phases[phase] += seconds
        if report.when == "call" or report.outcome != "passed":
            # What fails before the test itself says nothing of a kernel.
            before = report.when == "setup" and report.failed
            outcome = "error" if before else str(report.outcome)
            self._outcomes[name] = outcome if report.when in PHASES else "crashed"
            self._messages[name] = _message(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Build the findings, and see to it that nothing decided is no success."""
        config = self._config
        if not self._names:
            return
        # Imported in time for the report and no earlier: a run without one needs none.
        from convcheck.reports import findings  # noqa: PLC0415

        from . import fills, kernels, plugin, recording  # noqa: PLC0415

        results = findings.Results(
            self._records,
            self._outcomes,
            self._messages,
            self._names.values(),
            self._collected["left out"],
            {name: fills.filled(what) for name, what in self._collected["fills"].items()},
            whole=self._collected["whole"],
            covering=self._collected["covering"],
            part=plugin.shard(config),
        )
        asked = {
            "kernels": kernels.names(),
            "sources": kernels.sources(),
            "oracles": kernels.oracles(),
            "profile": config.getoption("hypothesis_profile", None) or "default",
            "seed": config.getoption("hypothesis_seed", None) or "0",
            "case": config.getoption("convcheck_case"),
            "whole_layers": config.getoption("convcheck_whole_layers"),
        }
        self._findings = findings.build(
            results,
            findings.Planned(
                recording.planned_cells(),
                recording.planned_boundaries(),
                recording.planned_pairs(),
            ),
            asked,
            kernels.replaced_names(),
            strength(),
        )
        judged = sum(self._findings["totals"].values())
        lost = (
            self._findings["missing"]
            or self._findings["unreached"]
            or (judged and not self._findings["decided"])
        )
        if session.exitstatus == pytest.ExitCode.OK and lost:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> Generator[None]:
        """Say what is wrong and the verdict last of all, and write the reports asked for.

        What the section tells, pytest does not tell of every test, unless by a --tb asked for.
        """
        failed = terminalreporter.stats.get("failed", [])
        if self._findings and self._config.option.tbstyle == "auto":
            untold = [each for each in failed if TOLD not in dict(each.user_properties)]
            terminalreporter.stats["failed"] = untold
        try:
            yield
        finally:
            if failed:
                terminalreporter.stats["failed"] = failed
        if self._findings is not None:
            self._tell(terminalreporter, self._findings, exitstatus)
        elif self._wanted:
            terminalreporter.line("No conformance test ran: no conformance report written.")

    def _tell(
        self, terminalreporter: pytest.TerminalReporter, findings: dict[str, Any], exitstatus: int
    ) -> None:
        from convcheck.reports import problems, refactor, terminal  # noqa: PLC0415
        from convcheck.reports.findings import sentence  # noqa: PLC0415

        terminalreporter.section("conformance")
        for problem in problems.problems(findings):
            terminalreporter.line(problem.fault, red=True, bold=True)
            for line in terminal.lines(findings, problem):
                terminalreporter.line(line)
            terminalreporter.line("")
        terminalreporter.line(sentence(findings))
        for line in self._kept():
            terminalreporter.line(line)
        self._circumstances["speed"] = refactor.speed(self._records)
        for entry in findings["refactor"]:
            terminalreporter.line(refactor.sentence(entry, self._circumstances["speed"]))
        for line in self._write(int(exitstatus)):
            terminalreporter.line(line)

    def _kept(self) -> Iterable[str]:
        """Note what became of kept cases; yield a line about each."""
        records = [record for _, record in sorted(self._records.items())]
        replays = [each for record in records for each in record.get("kept", ())]
        self._circumstances["kept"] = replays
        for each in replays:
            now = _now(each["outcome"])
            yield f"{each['operation']}: a case kept from an earlier run {now}: {each['case']}"
        if self._candidates:
            from . import kept  # noqa: PLC0415

            yield from kept.read_once(self._config)[1]

    def _write(self, exitstatus: int) -> Iterable[str]:
        """Write the reports; yield a line about each, also where that failed."""
        if self._findings is None or not self._wanted:
            return
        from convcheck.oracle.text import one_line  # noqa: PLC0415
        from convcheck.reports import files, page  # noqa: PLC0415

        writers = {"json": files.write_json, "html": page.write_html}
        report = files.assemble(self._findings, self._gathered(exitstatus))
        for form, path in self._wanted.items():
            shown = one_line(str(path))
            try:
                writers[form](report, path)
            except Exception as error:  # noqa: BLE001  (whatever it is, pytest's result stands)
                yield f"{form.upper()} report not written to {shown}: {files.why(error)}"
            else:
                yield f"{form.upper()} report: {shown}"

    def _gathered(self, exitstatus: int) -> dict[str, Any]:
        from convcheck.reports import circumstances  # noqa: PLC0415

        gathered = circumstances.gather(
            started=self._started,
            workers=len(self._workers),
            exit_status=exitstatus,
            seed=str(self._config.getoption("hypothesis_seed", None) or "0"),
            project=self._config.rootpath,
            phases=self._phases,
            modules=self._modules,
        )
        return gathered | self._circumstances

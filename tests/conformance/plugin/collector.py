"""Collects what the tests found, in the process that controls them, and has it told."""

import json
import sys
import time
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any

import pytest

from convcheck.kernels.shown.text import fitted
from convcheck.reports.status import CONFORMS, FAILS, Exit, status_of

from . import hooks as plugin
from . import options
from .github import Commands
from .left import Left

if TYPE_CHECKING:  # imported in time for the report and no earlier: a run without one needs none
    from convcheck.reports.document import Findings, Report
    from convcheck.reports.rows import Record

PHASES = ("setup", "call", "teardown")

PROPERTY = "convcheck"
"""name of the pytest user property that carries a test's record"""

COLLECTED = "convcheck-collected"
"""name of the one that carries the tests that are to run, a name for each node id; those that
are left out; what each fills; and whether these are all there are, and reach every class"""

TOLD = "convcheck-told"
"""name of the one that a report has if the conformance section tells all that it does"""

SAID = "convcheck-said"
"""name of the one that a report has if a kernel failed: what the error says"""

BROKEN = "convcheck-broken"
"""name of the one that a report has if the test failed for a reason of convcheck's own"""

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


def teller(terminalreporter: pytest.TerminalReporter) -> Callable[..., None]:
    """Return what writes a line: at a terminal, in as many as there is room for."""
    columns = terminalreporter.config.get_terminal_writer().fullwidth

    def tell(line: str, **markup: bool) -> None:
        for part in fitted(line, columns) if terminalreporter.isatty else [line]:
            terminalreporter.write_line(part, **markup)

    return tell


def _now(outcome: str) -> str:
    return f"still {outcome}" if outcome in ("disagrees", "misbehaved") else f"now {outcome}"


class Collector:
    """A plugin that gathers records and writes the report when all is over."""

    def __init__(self, config: pytest.Config, *, candidates: bool, since: "Report | None") -> None:
        self._config = config
        self._candidates = candidates
        # Whatever ends the process of a test is not the kernel, which has one of its own.
        self._isolated = candidates and not config.getoption("convcheck_in_process")
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
        self._texts: dict[str, str] = {}  # of records, by the test's name
        self._records: list[Record] = []
        self._outcomes: dict[str, str] = {}
        self._messages: dict[str, str] = {}
        self._workers: set[str] = set()
        self._findings: Findings | None = None
        self._session: pytest.Session | None = None
        self._broken = self._interrupted = False
        self._kept_lines: list[str] = []
        self._left = Left(config, since)
        self._github = Commands(config) if config.getoption("convcheck_github") else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Have nothing that a kernel prints taken for a command."""
        if self._github and self._alone:  # a user's own tests may give some
            self._github.hush()

    @property
    def _alone(self) -> bool:
        """Whether no tests of a user's own run, too."""
        return all(map(plugin.is_ours, self._config.args))

    def pytest_report_header(self) -> list[str]:
        """Say what layers were found, and what they were taken for."""
        if not self._candidates:
            return []
        from .asked import FOUND  # noqa: PLC0415

        return self._config.stash.get(FOUND, [])

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
            self._texts[name] = str(properties[PROPERTY])
            for phase, seconds in json.loads(str(properties[COST])).items():
                self._phases[phase] += seconds
        if report.when == "call" or report.outcome != "passed":
            # What fails before the test itself, or in convcheck, says nothing of a kernel.
            before = report.when == "setup" and report.failed
            crashed = report.when not in PHASES
            ours = before or BROKEN in properties or (crashed and self._isolated)
            self._broken |= ours
            outcome = "crashed" if crashed else str(report.outcome)
            self._outcomes[name] = "error" if ours else outcome
            self._messages[name] = str(properties.get(SAID) or _message(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note where conformance tests cannot be collected, whatever the reason."""
        place = report.nodeid.partition("::")[0]
        if report.failed and plugin.is_home((self._config.rootpath / place).resolve().parent):
            self._broken = True

    def pytest_internalerror(self) -> None:
        """Note that something broke here or in a worker."""
        self._broken = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that somebody ended the run, which pytest itself does by a subclass."""
        self._interrupted = excinfo.type is KeyboardInterrupt
        # A signal may come at an instruction that no line has, where pytest's own account breaks.
        excinfo.traceback = excinfo.traceback.filter(
            lambda entry: entry._rawentry.tb_lineno is not None  # noqa: SLF001
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Build the findings, write the reports asked for, and choose the exit status."""
        self._session = session
        try:
            if self._names:
                self._findings = self._found()
                self._kept_lines = list(self._kept())
            self._choose_status(int(session.exitstatus))
            if self._findings is not None:
                for write in self._left.steps():
                    if not write(self._report(self._findings)):
                        session.exitstatus = Exit.BROKEN
        except Exception:  # noqa: BLE001  (whatever it is, pytest is to end as it does)
            self._fail()

    def _fail(self) -> None:
        """Tell of an error of ours as pytest tells of its own, and end with its status."""
        assert self._session is not None
        self._config.notify_exception(pytest.ExceptionInfo.from_current())
        self._session.exitstatus = Exit.BROKEN

    def _found(self) -> "Findings":
        """Return the findings."""
        config = self._config
        from convcheck.conformance.references import ORACLES_IN_WORDS  # noqa: PLC0415
        from convcheck.reports import document, findings, rows  # noqa: PLC0415
        from convcheck.reports.told import strength  # noqa: PLC0415

        from . import planned as plan  # noqa: PLC0415
        from .subjects import subjects_of  # noqa: PLC0415

        subjects = subjects_of(config)
        cells = plan.planned_cells(subjects)

        records = {name: rows.record_of(text) for name, text in sorted(self._texts.items())}
        self._records = [*records.values()]
        results = findings.Results(
            records,
            self._outcomes,
            self._messages,
            self._names.values(),
            self._collected["left out"],
            {name: plan.filled(what, cells) for name, what in self._collected["fills"].items()},
            whole=self._collected["whole"],
            covering=self._collected["covering"],
            part=options.shard(config),
        )
        planned = findings.planned_rows(
            cells, plan.planned_boundaries(subjects), plan.planned_pairs(subjects)
        )
        asked = document.Asked(
            subjects.names(),
            subjects.sources(),
            dict(ORACLES_IN_WORDS),
            config.getoption("hypothesis_profile", None) or "default",
            str(config.getoption("hypothesis_seed", None) or "0"),
            " ".join(config.getoption("convcheck_case") or ()) or None,
            config.getoption("convcheck_whole_layers"),
            {each.operation.name: each.judged_for for each in subjects if each.judged_for},
        )
        named = None if self._candidates else strength.named()
        return findings.build(results, planned, asked, named)

    def _choose_status(self, pytests: int) -> None:
        """Set the exit status: convcheck's, or pytest's where a user's own tests run too."""
        assert self._session is not None
        alone = self._alone
        chosen: int = pytests
        if self._interrupted and alone:
            chosen = Exit.INTERRUPTED
        elif self._broken:
            chosen = Exit.BROKEN
        elif self._findings is not None and pytests in (0, 1, 2):
            verdict = status_of(self._findings.verdict, part=True)
            if not (self._findings.totals or self._candidates) and pytests == 0:
                verdict = Exit.CONFORMS  # the ledger and the domain map judge no case
            if alone:
                chosen = verdict or pytests
            elif verdict and not pytests:
                chosen = pytest.ExitCode.TESTS_FAILED
        elif alone and pytests in (1, 5):
            # No test told that it had been collected: none was there, or all were lost.
            chosen = Exit.BROKEN if pytests == 1 else Exit.INCOMPLETE
        self._session.exitstatus = chosen

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> Generator[None]:
        """Say what is wrong and the verdict last of all, and where the reports are.

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
        for tell in (self._tell, self._tell_left, self._annotate):
            try:
                tell(terminalreporter)
            except Exception:  # noqa: BLE001  (as above)
                self._fail()

    def pytest_unconfigure(self) -> None:
        """Tell what was not written also where the terminal's summary is not wanted."""
        if self._github:
            self._github.speak()
        for line in self._left.untold:
            sys.stderr.write(f"{line}\n")

    def _tell_left(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._left.lines:
            terminalreporter.line(line)
        self._left.untold.clear()

    def _annotate(self, _: pytest.TerminalReporter) -> None:
        if self._github and self._findings is not None:
            self._github.annotate(self._report(self._findings))

    def _tell(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._github:
            self._github.hush()
        if self._findings is not None:
            self._tell_findings(terminalreporter, self._findings)
        elif self._left.wanted:
            terminalreporter.line("No conformance test ran: no conformance report written.")

    def _tell_findings(
        self, terminalreporter: pytest.TerminalReporter, findings: "Findings"
    ) -> None:
        from convcheck.reports import circumstances  # noqa: PLC0415
        from convcheck.reports.told import problems, refactor, terminal, words  # noqa: PLC0415

        said, verdict = terminal.verdict(findings)
        tell = teller(terminalreporter)
        terminalreporter.section("conformance")
        for problem in problems.problems(findings):
            tell(problem.fault, red=True, bold=True)
            for line in terminal.lines(findings, problem):
                tell(line, red=terminal.shows_wrong(line))
            tell("")
        for line in self._of_ledger():
            tell(line)
        for line in (*words.of_zeros(findings), *circumstances.slow(self._records)):
            tell(line)
        for case, how in circumstances.remarks(self._records).items():
            tell(f"{case}: {how}")
        for line in self._kept_lines:
            tell(line)
        speeds = refactor.speed(self._records)
        for entry in findings.refactor:
            tell(refactor.sentence(entry, speeds))
        for line in (*terminal.proved(findings), *said):
            tell(line)
        good = findings.verdict == CONFORMS
        tell(verdict, bold=True, green=good, red=findings.verdict == FAILS)

    def _of_ledger(self) -> list[str]:
        """Return what the ledger says of kernels that are the notebook's own."""
        if not self._candidates:
            return []
        from .asked import LEDGER  # noqa: PLC0415

        lines = self._config.stash.get(LEDGER, [])
        return [*lines, ""] if lines else []

    def _kept(self) -> Iterable[str]:
        """Yield a line about what became of each kept case."""
        for each in (one for record in self._records for one in record.kept):
            now = _now(each.outcome)
            yield f"{each.operation}: a case kept from an earlier run {now}: {each.case}"
        if self._candidates:
            from . import kept  # noqa: PLC0415

            yield from kept.dropped(self._config)

    def _report(self, findings: "Findings") -> "Report":
        """Return the report, as of now."""
        assert self._session is not None
        from convcheck.reports import circumstances, files  # noqa: PLC0415
        from convcheck.reports.told import refactor  # noqa: PLC0415

        gathered = circumstances.gather(
            started=self._started,
            workers=len(self._workers),
            exit_status=int(self._session.exitstatus),
            seed=str(self._config.getoption("hypothesis_seed", None) or "0"),
            kernel_threads=self._kernel_threads(),
            project=self._config.rootpath,
            phases=self._phases,
            modules=self._modules,
        )
        gathered.kept = [each for record in self._records for each in record.kept]
        gathered.speed = refactor.speed(self._records)
        gathered.large_layers = circumstances.large_layers(self._records)
        gathered.remarks = circumstances.remarks(self._records)
        return files.assemble(findings, gathered)

    def _kernel_threads(self) -> str:
        if not self._isolated:
            return "the process's own"
        from convcheck.kernels.isolation.threads import given  # noqa: PLC0415

        number, said = given(self._config.getoption("convcheck_threads"))
        return f"{number}, {said}"

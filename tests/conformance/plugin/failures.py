"""What is told of a kernel that failed: by the test itself, and in the report."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

import msgspec

from convcheck.cases.case import Case
from convcheck.diagnosis.diagnosis import Diagnosis
from convcheck.judging.verdicts import Outcome, Verdict, explain
from convcheck.kernels.shown.code import snippet
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.shown.message import described
from convcheck.kernels.shown.text import printable
from convcheck.reports import failures

Again = Callable[[Verdict, Sequence[Case]], str]
"""says how a failed verdict is judged again, or these cases in a row"""


class ConformanceError(AssertionError):
    """A kernel failed; the message says how."""

    verdict: Verdict | None = None
    again: Again

    @classmethod
    def of(cls, verdict: Verdict, again: Again) -> Self:
        """Return the error that a failed verdict is told by, in `explain`'s words."""
        error = cls(_message(verdict, again))
        error.verdict, error.again = verdict, again
        return error

    def diagnose(self) -> None:
        """Add to the message how the kernel is wrong: too slow while cases are shrunk."""
        found = None if self.verdict is None else diagnosis_of(self.verdict)
        if self.verdict is not None and found:
            self.args = (_message(self.verdict, self.again, found, found.lines()),)


def rerun_command(verdict: Verdict, cases: Sequence[Case] = (), command: str | None = None) -> str:
    """Return the shell command that judges a kernel on a case again.

    Args:
        verdict: on the case.
        cases: those to judge one after another, where one does not do it.
        command: that of a test, where `--case` does not do it.
    """
    words = verdict.subject.command()
    named = f" {shlex.join(words)}" if words else ""
    if command is None or cases:
        return f"pytest{named}{''.join(f' --case {case}' for case in cases or [verdict.case])}"
    return command + named


def _message(
    verdict: Verdict, again: Again, found: Diagnosis | None = None, lines: Sequence[str] = ()
) -> str:
    """Return what a failure says, on the call that shows it; `lines` are its diagnosis's."""
    rerun = again(verdict, found.cases if found else ())
    return printable(explain(_showing(verdict, found), rerun, lines))


def _showing(verdict: Verdict, found: Diagnosis | None) -> Verdict:
    if found is None or found.evidence is None:
        return verdict
    details = verdict.evidence.details if verdict.evidence else ()
    shown = replace(found.evidence, details=found.evidence.details or details)
    return replace(verdict, evidence=shown)


def diagnosis_of(verdict: Verdict) -> Diagnosis | None:
    """Return how the kernel is wrong; None where it hung or crashed."""
    from convcheck.diagnosis.diagnose import diagnose  # noqa: PLC0415  (for the first failure)

    return None if verdict.lost else diagnose(verdict)


def failure_of(verdict: Verdict, rank: int, again: Again) -> failures.Failure:
    """Return what a report says of a failed verdict; `rank` tells which of several is told."""
    found = diagnosis_of(verdict)
    case, evidence = verdict.case, _showing(verdict, found).evidence
    code = [] if evidence is None else snippet(verdict.subject, evidence)
    return failures.Failure(
        case=str(case),
        outcome="misbehaved" if verdict.outcome is Outcome.MISBEHAVED else "disagrees",
        rank=rank,
        rerun=printable(again(verdict, found.cases if found else ())),
        said=printable(verdict.finding),
        details=[printable(line) for line in (evidence.details if evidence else ())],
        element=_element(evidence) if evidence and evidence.expression else None,
        described=described(case, evidence),
        error=None if verdict.error is None else float(verdict.error),
        snippet=[printable(line) for line in code],
        diagnosis=_diagnosed(found) if found else None,
    )


def _element(evidence: Evidence) -> failures.Element:
    got, expected = failures.value_of(evidence.got), failures.value_of(evidence.expected)
    excess = None if evidence.excess is None else failures.value_of(evidence.excess)
    return failures.Element(
        evidence.expression, got, expected, excess, evidence.wrong, evidence.total
    )


def _diagnosed(found: Diagnosis) -> failures.Diagnosis:
    patterns = [failures.Pattern.of(each) for each in found.claims]
    parts = ("names", "advice", "picture", "taps", "calls", "text")
    told = {name: getattr(found, name) for name in parts}
    return msgspec.convert({**told, "patterns": patterns}, failures.Diagnosis, from_attributes=True)

"""`convcheck merge`: one report of a run whose parts ran apart."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from convcheck.kernels.shown.text import one_line

from . import campaigns, files, findings
from .circumstances import together
from .document import (
    CERTIFICATE,
    FORMAT,
    LEFT_OUT,
    MISSING,
    Campaign,
    Findings,
    Parts,
    Report,
    Tests,
    differences,
    plain,
)
from .render import Outputs
from .rows import Sum
from .status import ReportError, status_of
from .told.words import ranges, sentence

_DID_NOT_RUN = (LEFT_OUT, MISSING)

# Others may differ from machine to machine; these choose the cases.
_ONE_VERSION = ("convcheck", "hypothesis")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "reports",
        nargs="+",
        type=Path,
        metavar="REPORT.json",
        help="of a run's parts, or a campaign",
    )
    parser.add_argument("-o", "--json", required=True, type=Path, metavar="OUT.json")
    parser.add_argument("--html", type=Path, metavar="OUT.html", help="write the page too")


def run(options: argparse.Namespace) -> int:
    """Merge the reports; return the exit status: of a part of the run, that parts are missing."""
    outputs = Outputs(options.json, options.html)
    given: list[Path] = options.reports
    if len(set(given)) < len(given):
        twice = next(path for path in given if given.count(path) > 1)
        raise ReportError(f"{twice}: given {given.count(twice)} times, expected different reports")
    found = {str(path): files.read_any(path, FORMAT, CERTIFICATE) for path in given}
    merged = merge(
        {name: each for name, each in found.items() if isinstance(each, Report)},
        {name: each for name, each in found.items() if isinstance(each, Campaign)},
    )
    outputs.write(merged)
    sys.stdout.write(f"{sentence(merged.findings)}\n{outputs}")
    for each in _missing(merged.findings):
        sys.stderr.write(f"ERROR: convcheck: merge: {each}\n")
    return status_of(merged.findings.verdict)


def _missing(found: Findings) -> Iterable[str]:
    """Yield, in a line each, what of the whole run is not in these findings."""
    tests = found.tests
    if tests.parts:
        ran, number = tests.parts.ran, tests.parts.of
        left = [at for at in range(1, number + 1) if at not in ran]
        these, are = ("parts", "are") if len(left) > 1 else ("part", "is")
        yield f"{these} {ranges(left)} of {number} {are} missing"
    else:
        left_out = [name for name, each in tests.outcomes.items() if each == LEFT_OUT]
        if left_out:
            named = one_line(", ".join(left_out[:3]), 200)
            yield f"tests are missing that all runs left out, {len(left_out):,} of them: {named}"
        elif not tests.whole:
            yield "tests are missing: none of these reports is of a run that collected all"
    if found.missing:
        named = one_line(", ".join(found.missing[:3]), 200)
        yield f"tests gave no result, {len(found.missing):,} of them: {named}"


def merge(reports: Mapping[str, Report], apart: Mapping[str, Campaign] | None = None) -> Report:
    """Return the report of the whole run.

    Its findings are those that the run would have had in one piece.

    Args:
        reports: those of its parts, by a name for each.
        apart: what campaigns left that certified its kernels, by a name for each.

    Raises:
        ReportError: they are not of one run, or a test ran in two of them.
    """
    apart = apart or {}
    if not reports or len(reports) + len(apart) < 2:
        raise ReportError("expected at least two different reports to merge, one of them of a run")
    parts = {name: report.findings for name, report in reports.items()}
    _require_one_run(reports)
    outcomes = _outcomes(parts)
    first = next(iter(reports.values()))
    for name, each in apart.items():
        campaigns.require_kernel(name, each, first)
        test = campaigns.name_of(each)
        if test in outcomes:
            raise ReportError(f"{name}: {test} ran here and in another part, expected it once")
        outcomes[test] = campaigns.outcome_of(each)
    merged = findings.together(
        parts.values(),
        Tests(
            whole=any(part.tests.whole for part in parts.values()),
            covering=all(part.tests.covering for part in parts.values()),
            parts=_parts(parts),
            planned=first.findings.tests.planned,
            outcomes=dict(sorted(outcomes.items())),
        ),
        [Sum(cells=each.cells, certificates=each.certificates) for each in apart.values()],
    )
    circumstances = [report.circumstances for report in reports.values()]
    return files.assemble(merged, together(circumstances))


def _require_one_run(reports: Mapping[str, Report]) -> None:
    """Raise ReportError unless the reports are of one command on one version."""
    (reference, first), *others = reports.items()
    for name, report in others:
        both = [_identity(each, beside) for each, beside in ((first, report), (report, first))]
        for place, ours, theirs in differences(*both):
            what = " of ".join(map(str, place))
            raise ReportError(f"{name}: {what} is {theirs!r}, expected {ours!r} as in {reference}")


def _identity(report: Report, beside: Report) -> dict[str, Any]:
    """Return what a report has in common with another of the same run, by a name for each."""
    found, ran = report.findings, report.circumstances
    identity: dict[str, Any] = plain(found.asked)
    identity |= {f"version of {name}": ran.packages.get(name) for name in _ONE_VERSION}
    if ran.checkout and beside.circumstances.checkout:
        identity["commit of convcheck"] = ran.checkout.commit
    plan = findings.planned_of(found)
    identity["cells planned"] = [cell.key for cell in plan.cells]
    identity["classes planned"] = [each.key for each in plan.boundaries]
    identity["number of pairs of classes"] = [(each.key, each.pairs) for each in plan.pairs]
    identity["covering"] = found.tests.covering
    if found.tests.whole and beside.findings.tests.whole:
        identity["list of tests"] = sorted(found.tests.outcomes)
    return identity


def _outcomes(parts: Mapping[str, Findings]) -> dict[str, str]:
    """Return how each test ended in the part where it ran, if it did."""
    ended: dict[str, dict[str, str]] = {}
    for part, found in parts.items():
        for test, outcome in found.tests.outcomes.items():
            ended.setdefault(test, {})[part] = outcome
    merged = {}
    for test, outcomes in sorted(ended.items()):
        ran = [part for part, outcome in outcomes.items() if outcome not in _DID_NOT_RUN]
        if len(ran) > 1:
            raise ReportError(
                f"{ran[1]}: {test} ran here and in {ran[0]}, expected every test once"
            )
        unknown = MISSING if MISSING in outcomes.values() else LEFT_OUT
        merged[test] = outcomes[ran[0]] if ran else unknown
    return merged


def _parts(several: Mapping[str, Findings]) -> Parts | None:
    """Return which parts of a run these are together, if they are such."""
    ran: set[int] = set()
    number = None
    for name, found in several.items():
        if parts := found.tests.parts:
            number = number or parts.of
            if parts.of != number:
                raise ReportError(f"{name}: one of {parts.of} parts, expected {number}")
            ran.update(parts.ran)
    return Parts(sorted(ran), number) if number else None

"""`convcheck merge`: one report of a run whose parts ran apart."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from convcheck.kernels.text import one_line

from . import again, campaigns, files, findings
from .cells import key_of
from .circumstances import together
from .errors import ReportError
from .render import Outputs
from .status import status_of

Json = dict[str, Any]

_DID_NOT_RUN = (findings.LEFT_OUT, findings.MISSING)

# Others may differ from machine to machine; these choose the cases.
_ONE_VERSION = ("convcheck", "hypothesis")

# What parts of a refactor verdict make together: the first of these that one of them says.
_WORST_FIRST = ("wrong", "less accurate", "same within the bound", "bit-identical")


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
    found = {
        str(path): files.read(path, files.FORMAT, files.CERTIFICATE) for path in options.reports
    }
    merged = merge(
        {name: each for name, each in found.items() if each["format"] == files.FORMAT},
        {name: each for name, each in found.items() if each["format"] == files.CERTIFICATE},
    )
    outputs.write(merged)
    sys.stdout.write(f"{findings.sentence(merged['findings'])}\n{outputs}")
    for each in _missing(merged["findings"]):
        sys.stderr.write(f"ERROR: convcheck: merge: {each}\n")
    return status_of(merged["findings"]["verdict"])


def _missing(found: Json) -> Iterable[str]:
    """Yield, in a line each, what of the whole run is not in these findings."""
    tests = found["tests"]
    if tests["parts"]:
        ran, number = tests["parts"]["ran"], tests["parts"]["of"]
        left = [at for at in range(1, number + 1) if at not in ran]
        these, are = ("parts", "are") if len(left) > 1 else ("part", "is")
        yield f"{these} {findings.ranges(left)} of {number} {are} missing"
    else:
        left_out = [name for name, each in tests["outcomes"].items() if each == findings.LEFT_OUT]
        if left_out:
            named = one_line(", ".join(left_out[:3]), 200)
            yield f"tests are missing that all runs left out, {len(left_out):,} of them: {named}"
        elif not tests["whole"]:
            yield "tests are missing: none of these reports is of a run that collected all"
    if found["missing"]:
        named = one_line(", ".join(found["missing"][:3]), 200)
        yield f"tests gave no result, {len(found['missing']):,} of them: {named}"


def merge(reports: Mapping[str, Json], apart: Mapping[str, Json] | None = None) -> Json:
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
    parts = {name: report["findings"] for name, report in reports.items()}
    _require_one_run(reports)
    outcomes = _outcomes(parts)
    tests = [part["tests"] for part in parts.values()]
    first = next(iter(parts.values()))
    for name, each in apart.items():
        campaigns.require_kernel(name, each, next(iter(reports.values())))
        test = campaigns.name_of(each)
        if test in outcomes:
            raise ReportError(f"{name}: {test} ran here and in another part, expected it once")
        outcomes[test] = campaigns.outcome_of(each)
    merged = findings.conclude(
        {str(at): again.record_of(part) for at, part in enumerate(parts.values())}
        | {
            name: {key: each[key] for key in ("cells", "certificates")}
            for name, each in apart.items()
        },
        findings.Planned(
            _common([map(key_of, part["cells"]) for part in parts.values()]),
            _common([map(again.class_of, part["boundaries"]) for part in parts.values()]),
            again.pairs_of(first),
        ),
        first["asked"],
        {
            "whole": any(each["whole"] for each in tests),
            "covering": all(each["covering"] for each in tests),
            "parts": _parts(parts),
            "outcomes": dict(sorted(outcomes.items())),
        },
        sorted(
            (error for part in parts.values() for error in part["errors"]),
            key=lambda error: str(error["test"]),
        ),
        again.fills_of(parts.values()),
    )
    if any("refactor" in part for part in parts.values()):
        merged["refactor"] = _refactor(parts.values(), merged["cells"])
    if "strength" in first:
        merged["strength"] = first["strength"]
    circumstances = [report["circumstances"] for report in reports.values()]
    return files.assemble({key: merged[key] for key in (*first, *merged)}, together(circumstances))


def _require_one_run(reports: Mapping[str, Json]) -> None:
    """Raise ReportError unless the reports are of one command on one version."""
    (reference, first), *others = reports.items()
    for name, report in others:
        for what, ours, theirs in _identity(first, report):
            if ours != theirs:
                raise ReportError(
                    f"{name}: {what} is {theirs!r}, expected {ours!r} as in {reference}"
                )


def _identity(first: Json, other: Json) -> Iterable[tuple[str, Any, Any]]:
    """Yield what two reports of one run agree on, with a name for it."""
    asked, others = first["findings"]["asked"], other["findings"]["asked"]
    for name in sorted({*asked, *others}):
        ours, theirs = asked.get(name), others.get(name)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            for key in sorted({*ours, *theirs}):
                yield f"{name} of {key}", ours.get(key), theirs.get(key)
        else:
            yield name, ours, theirs
    ours, theirs = first["circumstances"], other["circumstances"]
    for name in _ONE_VERSION:
        yield f"version of {name}", ours["packages"].get(name), theirs["packages"].get(name)
    commits = [each["checkout"] and each["checkout"]["commit"] for each in (ours, theirs)]
    if all(commits):
        yield "commit of convcheck", commits[0], commits[1]
    pairs, other_pairs = (again.pairs_of(report["findings"]) for report in (first, other))
    yield "number of pairs of classes", pairs, other_pairs
    tests, other_tests = (report["findings"]["tests"] for report in (first, other))
    yield "covering", tests["covering"], other_tests["covering"]
    if tests["whole"] and other_tests["whole"]:
        yield "list of tests", sorted(tests["outcomes"]), sorted(other_tests["outcomes"])


def _outcomes(parts: Mapping[str, Json]) -> dict[str, str]:
    """Return how each test ended in the part where it ran, if it did."""
    merged: dict[str, str] = {}
    where: dict[str, str] = {}
    for part, found in parts.items():
        for test, outcome in found["tests"]["outcomes"].items():
            if outcome not in _DID_NOT_RUN:
                if test in where:
                    raise ReportError(
                        f"{part}: {test} ran here and in {where[test]}, expected every test once"
                    )
                where[test] = part
                merged[test] = outcome
            elif outcome == findings.MISSING and test not in where:
                merged[test] = outcome
            else:
                merged.setdefault(test, outcome)
    return dict(sorted(merged.items()))


def _parts(several: Mapping[str, Json]) -> Json | None:
    """Return which parts of a run these are together, if they are such."""
    ran: set[int] = set()
    number = None
    for name, found in several.items():
        if parts := found["tests"]["parts"]:
            number = number or parts["of"]
            if parts["of"] != number:
                raise ReportError(f"{name}: one of {parts['of']} parts, expected {number}")
            ran.update(parts["ran"])
    return {"ran": sorted(ran), "of": number} if ran else None


def _common(lists: list[Iterable[Any]]) -> list[Any]:
    """Return what all lists begin with: that was planned, and what else was found is behind."""
    rows = zip(*lists, strict=False)
    return [row[0] for row in takewhile(lambda row: len(set(row)) == 1, rows)]


def _refactor(parts: Iterable[Json], cells: list[Json]) -> list[Json]:
    """Put the entries of each operation together: each dtype was compared in one part."""
    wrong = {cell["operation"] for cell in cells if cell["failure"]}
    apart: dict[str, list[Json]] = {}
    for part in parts:
        for entry in part.get("refactor", ()):
            apart.setdefault(entry["operation"], []).append(entry)
    return [
        _one_entry(apart[operation], operation in wrong)
        for operation in sorted(apart, key=lambda name: f"{name}-")  # as the tests' names are
    ]


def _one_entry(entries: list[Json], wrong: bool) -> Json:  # noqa: FBT001  (one caller)
    counts = {
        name: sum(entry[name] for entry in entries)
        for name, value in entries[0].items()
        if isinstance(value, int)
    }
    said = {"wrong"} if wrong else {entry["verdict"] for entry in entries}
    examples = [entry["example"] for entry in entries if entry["example"]]
    return {
        **entries[0],
        **counts,
        "bitwise": bool(counts["bitwise"]),
        "verdict": next((each for each in _WORST_FIRST if each in said), entries[0]["verdict"]),
        "dtypes": sorted(
            (each for entry in entries for each in entry["dtypes"]), key=lambda each: each["dtype"]
        ),
        "example": min(examples, key=lambda case: case.split(":")[2:3], default=None),
    }

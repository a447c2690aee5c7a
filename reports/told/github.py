"""What GitHub shows beside a change: annotations at the kernel's line, and a job's summary.

Annotations are workflow commands, lines of what a step prints.  Whatever a kernel says or is called
is data there, and in Markdown: it can give no command, and make no markup.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from convcheck.kernels.shown.source import Place
from convcheck.kernels.shown.text import one_line, printable
from convcheck.reports.document import Report
from convcheck.reports.since.compare import LOST, WORSE, compare
from convcheck.reports.status import CONFORMS, SO_FAR
from convcheck.reports.told import problems, shown, words
from convcheck.reports.told.causes import Cause, causes
from convcheck.reports.told.faults import gist
from convcheck.reports.told.markdown import code, escaped
from convcheck.reports.told.refactor import unlike_in_words

MOST_LINES = 20
"""of a summary"""
_MOST_CAUSES = 5
_MOST_CHANGES = 3
_LONGEST = 1_000
"""of one text: of what a kernel said"""
_MOST_FOLDED = 200


def annotations(report: Report, places: Mapping[str, Place], root: Path) -> Iterator[str]:
    """Yield a workflow command for each cause, at its kernel's line.

    Args:
        report: of the run.
        places: where kernels stand, by operation, as far as that is known.
        root: the folder of the repository; files outside of it are not named.
    """
    found = report.findings
    told = [(each.operation, each.title, [*_details(each)]) for each in causes(found)]
    told += [
        (each.operation, unlike_in_words(each), []) for each in found.refactor if each.lacks_bits
    ]
    told += [
        (each.operation, each.fault, []) for each in problems.problems(found) if not each.first
    ]
    if not told and found.verdict not in (CONFORMS, SO_FAR):
        told = [("", words.sentence(found), [])]
    for operation, title, lines in told:
        place = _within(places.get(operation), root)
        yield command("error", "\n".join(lines) or title, **place, title=one_line(title))


def _details(cause: Cause) -> Iterator[str]:
    failure = cause.cells[0].told
    yield from cause.when
    yield printable(gist(failure), _LONGEST)
    yield f"case: {failure.described}"
    yield f"rerun: {failure.rerun}"


def _within(place: Place | None, root: Path) -> dict[str, str]:
    """Return the properties that name a place, as seen from the repository."""
    file = place and place.file.resolve()
    if place is None or file is None or not file.is_relative_to(root.resolve()):
        return {}
    line = {"line": str(place.line)} if place.line else {}
    return {"file": file.relative_to(root.resolve()).as_posix(), **line}


def command(name: str, data: str = "", **properties: str) -> str:
    """Return a workflow command, in which nothing ends but where it is to."""
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name}{' ' * bool(given)}{given}::{_data(data)}"


def _data(text: str) -> str:
    return printable(text).replace("%", "%25").replace("\n", "%0A")  # where \r is spelled out


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def summary(report: Report, since: Report | None = None) -> str:
    """Return a job's summary in Markdown, with what changed since an earlier report."""
    found = report.findings
    _, rest = words.headline(found)
    lines = [
        f"### {shown.verdict_look(found).symbol} convcheck: {escaped(words.verdict(found))}",
        "",
    ]
    lines += [escaped(rest), ""] * bool(rest)
    told = causes(found)
    if told:
        lines += ["| what is wrong | judge it again |", "|---|---|"]
        for each in told[:_MOST_CAUSES]:
            lines.append(f"| {code(each.title)} | {code(each.cells[0].told.rerun, _LONGEST)} |")
        left = len(told) - _MOST_CAUSES
        lines += [f"| and {left:,} more | |"] * (left > 0) + [""]
    lines += _changes(since, report) if since else []
    return "\n".join(lines).rstrip() + "\n"


def _changes(since: Report, report: Report) -> list[str]:
    changes = compare(since, report)
    lines = [f"Since {escaped(since.circumstances.started)}: {words.summary(changes)}", ""]
    worse = [each for each in changes if each.kind in WORSE and each.kind != LOST]
    lines += [f"- {each.kind}: {code(each.what)}" for each in worse[:_MOST_CHANGES]]
    less = [each for each in changes if each.kind == LOST]
    if less:
        entries = (
            f"<li>{code(each.what)}: {code(each.old or '-')}, now {code(each.new or '-')}</li>"
            for each in islice(less, _MOST_FOLDED)
        )
        folded = f"<details><summary>{len(less):,} {LOST}</summary><ul>{''.join(entries)}</ul>"
        lines += [""] * bool(worse) + [f"{folded}</details>"]
    return lines

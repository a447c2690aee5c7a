"""`convcheck diff`: what changed from one report to another, for people and for CI."""

import argparse
import sys
from pathlib import Path

from convcheck.kernels.shown.text import one_line
from convcheck.reports import files
from convcheck.reports.document import Report
from convcheck.reports.render import Outputs
from convcheck.reports.since.compare import LOST, Change, compare

from .markdown import code
from .page import environment
from .words import changes_by_kind, sentence, summary

# More of one kind than anybody reads on a terminal or in a summary; the page has them all.
_MOST = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", type=Path, metavar="OLD.json")
    parser.add_argument("new", type=Path, metavar="NEW.json")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page too")
    parser.add_argument(
        "--markdown",
        action="store_true",
        help="print GitHub-flavoured Markdown, for a job summary, instead of text",
    )


def run(options: argparse.Namespace) -> int:
    """Tell what changed; return 0 where nothing is worse, and 1 where something is."""
    output = Outputs(html=options.html)
    old, new = files.read(options.old), files.read(options.new)
    changes = compare(old, new)
    output.write_page(lambda: as_html(old, new, changes))
    sys.stdout.write((as_markdown if options.markdown else as_text)(old, new, changes))
    return int(any(change.worse for change in changes))


def as_text(old: Report, new: Report, changes: list[Change]) -> str:
    """Return the changes as lines that no terminal takes for commands."""
    lines = [summary(changes), *_headings(old, new)]
    for kind, group in changes_by_kind(changes).items():
        lines += ["", f"{kind} ({len(group)})"]
        for change in group[:_MOST]:
            lines.append(f"  {one_line(change.what)}")
            if change.old or change.new:
                lines.append(f"    {one_line(change.old) or '-'} -> {one_line(change.new) or '-'}")
        if len(group) > _MOST:
            lines.append(f"  and {len(group) - _MOST:,} more")
    return "\n".join(lines) + "\n"


def _headings(old: Report, new: Report) -> list[str]:
    return [f"old: {sentence(old.findings)}", f"new: {sentence(new.findings)}"]


def as_markdown(old: Report, new: Report, changes: list[Change]) -> str:
    """Return the changes as tables in GitHub-flavoured Markdown; what is data, as code."""
    lines = [f"### convcheck: {summary(changes)}", ""]
    lines += [f"- {_code(heading)}" for heading in _headings(old, new)]
    for kind, group in changes_by_kind(changes).items():
        title, end = f"#### {kind} ({len(group)})", []
        if kind == LOST:  # there may be many, and each is small
            title, end = f"<details><summary>{kind} ({len(group)})</summary>", ["", "</details>"]
        lines += ["", title, "", "| what | old | new |", "|---|---|---|"]
        lines += [
            f"| {_code(each.what)} | {_code(each.old)} | {_code(each.new)} |"
            for each in group[:_MOST]
        ]
        if len(group) > _MOST:
            lines += ["", f"and {len(group) - _MOST:,} more"]
        lines += end
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    return code(text) if text.strip() else ""


def as_html(old: Report, new: Report, changes: list[Change]) -> str:
    """Return the changes as a page, without scripts and without anything to fetch."""
    return (
        environment()
        .get_template("diff.html")
        .render(
            summary=summary(changes),
            worse=any(change.worse for change in changes),
            headings=_headings(old, new),
            groups=changes_by_kind(changes),
        )
    )

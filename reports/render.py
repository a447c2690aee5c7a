"""`convcheck render`: the page of a report again, from its JSON."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from convcheck.kernels.shown.text import one_line

from . import files
from .document import Campaign, Report
from .status import ReportError, UnwrittenError
from .told import page


@dataclass(frozen=True)
class Outputs:
    """Where a report is to be written."""

    json: Path | None = None
    html: Path | None = None

    def __post_init__(self) -> None:
        """Raise ReportError where both are one file, or one cannot be written, before any work."""
        for path in filter(None, (self.json, self.html)):
            try:
                files.place_of(path)
            except OSError as error:
                raise ReportError(f"not written to {path}: {files.why(error)}") from None
        if self.json and self.html and self.json.resolve() == self.html.resolve():
            raise ReportError(f"{self.html}: expected another file for HTML than for JSON")

    def write(self, document: Report | Campaign) -> None:
        """Write a document, and its page where it has one; UnwrittenError where that fails."""
        if self.json:
            _write(f"{files.text_of(document)}\n", self.json)
        if isinstance(document, Report):
            self.write_page(lambda: page.render(document))

    def write_page(self, make: Callable[[], str]) -> None:
        """Write the page that `make` returns, if one is wanted; UnwrittenError where that fails."""
        if self.html:
            _write(make(), self.html)

    def __str__(self) -> str:
        """Return a line for each."""
        wanted = {"JSON": self.json, "HTML": self.html}
        return "".join(
            f"{form} report: {one_line(str(path))}\n" for form, path in wanted.items() if path
        )


def _write(text: str, path: Path) -> None:
    try:
        files.write_text(text, path)
    except OSError as error:
        old = "; what is there is older" if path.exists() else ""
        raise UnwrittenError(f"not written to {path}: {files.why(error)}{old}") from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("report", type=Path, metavar="REPORT.json")
    parser.add_argument("-o", "--html", required=True, type=Path, metavar="FILE.html")
    parser.add_argument(
        "--baseline", type=Path, metavar="OLD.json", help="tell what changed since that report"
    )


def run(options: argparse.Namespace) -> int:
    """Write the page; return 0."""
    outputs = Outputs(html=options.html)
    report = files.read(options.report)
    since = files.read(options.baseline) if options.baseline else None
    outputs.write_page(lambda: page.render(report, since))
    sys.stdout.write(str(outputs))
    return 0

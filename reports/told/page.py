"""The report as one HTML page: nothing to fetch, and a script that only adds comfort."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from convcheck.kernels.shown.text import one_line
from convcheck.reports import document, rows
from convcheck.reports.document import Findings, Report
from convcheck.reports.files import write_text
from convcheck.reports.rows import Accuracy, Cell

from . import faults, looks, pictures, problems, refactor, shown, strength, words

_TEMPLATES = Path(__file__).parent / "templates"


def write_html(report: Report, path: Path) -> None:
    """Write `report` to `path` as a page; OSError, and an older file untouched, if that fails."""
    write_text(render(report), path)


def render(report: Report) -> str:
    """Return `report` as a page, the same text for the same report."""
    findings = report.findings
    failures = shown.failures(findings)
    run, idle, left = shown.matrix(findings)
    certified = shown.regions(findings)
    return (
        environment()
        .get_template("page.html")
        .render(
            findings=findings,
            circumstances=report.circumstances,
            where=_circumstances(report),
            headline=words.headline(findings),
            banner=shown.verdict_look(findings),
            judged=_judged(findings),
            problems=problems.problems(findings),
            unlike=[each for each in findings.refactor if each.lacks_bits],
            others=[each for each in findings.errors if each.outcome != document.BITS],
            statuses=_statuses(findings, certified),
            operations=list(rows.by(findings.cells, lambda cell: cell.operation)),
            run=run,
            idle=idle,
            left=left,
            properties={
                name: sum(sum(cell.counts.values()) for cell in column)
                for name, column in rows.by(findings.cells, lambda cell: cell.prop).items()
            },
            cells={cell.key: cell for cell in findings.cells},
            words={cell.key: shown.word(cell, certified) for cell in findings.cells},
            failures=failures,
            anchors={key: f"failure-{n}" for n, key in enumerate(failures, start=1)},
            zeros=list(words.of_zeros(findings)),
            suspicious=sum(cell.suspicious for cell in findings.cells),
            maps=shown.maps(findings),
            boundaries={each.key: each.count for each in findings.boundaries},
            classes=list(rows.by(findings.boundaries, lambda each: each.kind)),
            halvings=_halvings(findings.accuracy),
            growth=rows.by(findings.accuracy, lambda each: each.dtype),
            distributions=rows.by(findings.accuracy, lambda each: each.operation),
            refactors=[
                (
                    refactor.sentence(each, report.circumstances.speed),
                    document.BITS if each.lacks_bits else each.verdict,
                    each,
                )
                for each in findings.refactor
            ],
            ledger=rows.by(findings.ledger, lambda each: each.kernel),
            domain=rows.by(findings.domain, lambda each: each.operation),
        )
    )


@cache
def environment() -> Environment:
    """Return what makes pages of templates: it escapes every value."""
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"breakable": _breakable, "shortened": _shortened, "brief": _brief}
    made.filters |= {"plain": document.plain, "one_line": one_line}
    style, script = (
        (_TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    made.globals |= {
        "look": looks.look,
        "limited": shown.limited,
        "pictures": pictures,
        "strength": strength,
        "most_rows": shown.MOST_ROWS,
        "told_apart": _told_apart,
        "gist": faults.gist,
        "unlike_in_words": refactor.unlike_in_words,
        # Markup: ours, and to the byte what the hashes are of.
        "style": Markup(style),  # noqa: S704
        "script": Markup(script),  # noqa: S704
        "style_hash": _hash(style),
        "script_hash": _hash(script),
    }
    return made


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline style or script by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _judged(findings: Findings) -> dict[str, list[tuple[str, str]]]:
    """Return function and operation of every kernel, by the module that it is from."""
    run = {cell.operation for cell in findings.cells if cell.status != rows.NOT_RUN}
    kernels = [
        (*where.rpartition(":"), name)
        for name, where in findings.asked.kernels.items()
        if name in run
    ]
    groups = rows.by(kernels, lambda each: each[0])
    return {module: [each[2:] for each in group] for module, group in groups.items()}


def _statuses(findings: Findings, certified: dict[str, bool]) -> dict[str, int]:
    """Return how many cells have each word, in the order of looks: good ones first."""
    counts = rows.by((shown.word(cell, certified) for cell in findings.cells), str)
    order = [*looks.LOOKS, *counts]
    return {name: len(counts[name]) for name in dict.fromkeys(order) if name in counts}


def _halvings(accuracy: list[Accuracy]) -> list[str]:
    """Return what each bin of the distributions holds."""
    bins = max((len(each.distribution) for each in accuracy), default=0)
    return [f"≤ 1/{2**k:,}" if k else "≤ 1" for k in range(bins)]


def _circumstances(report: Report) -> list[tuple[str, str]]:
    """Return the circumstances line by line, the versions of packages among them."""
    lines = [("report format", f"{report.format}, version {report.version}")]
    found = report.circumstances
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if name in ("speed", "kept", "cost") or value == []:  # told elsewhere, or of one run
            continue
        if isinstance(value, document.Repository):
            state = "clean" if value.clean else "with uncommitted changes"
            value = f"{value.commit}, {state}"
        if isinstance(value, list):
            value = f"{len(value)} runs"
        several = value.items() if isinstance(value, dict) else [(name.replace("_", " "), value)]
        lines += [(key, "unknown" if each is None else str(each)) for key, each in several]
    return lines


def _told_apart(cell: Cell) -> str:
    """Return what a failure says without the snippet and diagnosis that are shown apart."""
    first = f"{cell.operation}, {cell.dtype}: {cell.told.said}"
    return "\n".join([first, *cell.told.seen, *cell.told.again])


def _visible(value: Any) -> Any:
    """Return text with characters that cannot be seen, or that HTML forbids, spelled out."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isprintable():
        return value
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in value
    )


def _breakable(name: str) -> Markup:
    """Return `name`, escaped and cut, with leave to break lines after its underscores."""
    return Markup("_<wbr>").join(_visible(_brief(name)).split("_"))


def _brief(name: str, most: int = shown.LONGEST_NAME) -> str:
    return _cut(name, most, " ")


def _shortened(text: str) -> str:
    return _cut(text, shown.LONGEST_MESSAGE, "\n")


def _cut(text: str, most: int, between: str) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}{between}... and {len(text) - most:,} more characters"

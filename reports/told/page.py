"""The report as one HTML page: nothing to fetch, and a script that only adds comfort."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from convcheck.judging.verdicts import Outcome
from convcheck.kernels.shown.text import one_line
from convcheck.reports import document, rows
from convcheck.reports.document import Findings, Report
from convcheck.reports.files import write_text
from convcheck.reports.rows import Accuracy
from convcheck.reports.since.compare import compare
from convcheck.reports.since.history import History, Run

from . import causes, faults, looks, pictures, problems, refactor, shown, strength, words

_TEMPLATES = Path(__file__).parent / "templates"


def write_html(
    report: Report, path: Path, since: Report | None = None, history: History | None = None
) -> None:
    """Write `report` to `path` as a page; OSError, and an older file untouched, if that fails."""
    write_text(render(report, since, history), path)


def render(report: Report, since: Report | None = None, history: History | None = None) -> str:
    """Return `report` as a page, with what changed since an earlier one, and earlier runs."""
    changes = compare(since, report) if since else []
    findings = report.findings
    run, idle, left = shown.matrix(findings)
    certified = shown.regions(findings)
    headline = words.headline(findings)
    found = causes.causes(findings)
    cells = {cell.key: cell for cell in findings.cells}
    said = {key: shown.word(cell, certified) for key, cell in cells.items()}
    refactors = [
        (
            refactor.sentence(each, report.circumstances.speed),
            document.BITS if each.lacks_bits else each.verdict,
            each,
        )
        for each in findings.refactor
    ]
    operations = list(rows.by(findings.cells, lambda cell: cell.operation))
    return (
        environment()
        .get_template("page.html")
        .render(
            findings=findings,
            circumstances=report.circumstances,
            where=_circumstances(report),
            since=since,
            changed=words.summary(changes),
            changes=words.changes_by_kind(changes),
            history=history is not None,
            past=history.like(Run.of(report))[-shown.MOST_RUNS :] if history else [],
            unread=len(history.damaged) if history else 0,
            headline=headline,
            verdict=words.verdict(findings),
            rest=headline[1],
            banner=shown.verdict_look(findings),
            judged=_judged(findings),
            facts=list(_facts(report, found)),
            causes=found,
            anchors={
                cell.key: f"cause-{n}"
                for n, cause in enumerate(found[: shown.MOST_CAUSES], start=1)
                for cell in cause.cells
            },
            lost=[each for each in problems.problems(findings) if each.lost or not each.first],
            unlike=[each for each in findings.refactor if each.lacks_bits],
            others=[each for each in findings.errors if each.outcome != document.BITS],
            statuses=_statuses(said),
            operations=operations,
            kinds={name: problems.kinds(findings, name) for name in operations},
            run={
                name: dict.fromkeys(
                    said[cell.key] for cell in findings.cells if cell.operation == name
                )
                for name in run
            },
            idle=idle,
            left=left,
            columns=shown.columns(findings),
            unoffered=shown.unoffered(findings),
            dtypes_of={
                name: [*dict.fromkeys(cell.dtype for cell in group)]
                for name, group in rows.by(findings.cells, lambda cell: cell.operation).items()
            },
            properties={
                name: sum(sum(cell.counts.values()) for cell in column)
                for name, column in rows.by(findings.cells, lambda cell: cell.prop).items()
            },
            cells=cells,
            words=said,
            zeros=list(words.of_zeros(findings)),
            suspicious=sum(cell.suspicious for cell in findings.cells),
            maps=shown.maps(findings),
            boundaries={each.key: each.count for each in findings.boundaries},
            classes=list(rows.by(findings.boundaries, lambda each: each.kind)),
            halvings=_halvings(findings.accuracy),
            growth=rows.by(findings.accuracy, lambda each: each.dtype),
            distributions=rows.by(findings.accuracy, lambda each: each.operation),
            refactors=refactors,
            reference=shown.of_reference(findings),
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
        "most_causes": shown.MOST_CAUSES,
        "open_causes": shown.OPEN_CAUSES,
        "most_drawn": shown.MOST_DRAWN,
        "gist": faults.gist,
        "unlike_in_words": refactor.unlike_in_words,
        "exact": words.exact,
        "chances": words.chances,
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


def _facts(report: Report, found: list[causes.Cause]) -> Iterator[tuple[str, str]]:
    """Yield what stands in the strip at the top, beside the kernel."""
    findings, circumstances = report.findings, report.circumstances
    known = sum(cause.known for cause in found)
    if found:
        unknown = sum(len(cause.cells) for cause in found if not cause.known)
        cells = f"failed cell{'' if unknown == 1 else 's'}"
        none = [f"none found for {unknown} {cells}"] * bool(unknown)
        yield "Causes", "; ".join([*[str(known)] * bool(known), *none])
    if kept_out := findings.totals.get(Outcome.NOT_OFFERED.value, 0):
        yield "Not offered", f"{kept_out:,} cases"
    yield "Profile", findings.asked.profile
    yield "Seed", findings.asked.seed
    if findings.asked.case:
        yield "Only", findings.asked.case
    yield "Took", f"{circumstances.seconds:.0f} s"
    if project := circumstances.project:
        yield "Commit", f"{project.commit[:10]}{'' if project.clean else ', changed'}"
    yield "Date", circumstances.started.replace("T", " ").replace("Z", " UTC")


def _statuses(said: Mapping[Any, str]) -> dict[str, int]:
    """Return how many cells have each word, in the order of looks: good ones first."""
    counts = Counter(said.values())
    order = [*looks.LOOKS, *counts]
    return {name: counts[name] for name in dict.fromkeys(order) if name in counts}


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

"""The report as one HTML page, without scripts and without anything to fetch."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import findings as told
from . import refactor
from .files import write_text

Json = dict[str, Any]

# The harness prints arrays of up to a thousand numbers; what is longer came from a kernel.
LONGEST_MESSAGE = 40_000


class Look(NamedTuple):
    """How a word looks: never told by colour alone."""

    style: str
    symbol: str


LOOKS = {
    "agrees": Look("good", "✓"),
    "disagrees": Look("bad", "✗"),
    "misbehaved": Look("bad", "!"),
    "undecided": Look("open", "?"),
    "vacuous": Look("void", "∅"),
    "not offered": Look("void", "▢"),
    "not applicable": Look("void", "◇"),
    "not run": Look("unrun", "○"),
    told.CONFORMS: Look("good", "✓"),
    told.FAILS: Look("bad", "✗"),
    told.INCOMPLETE: Look("open", "◐"),
    told.UNDECIDED: Look("open", "?"),
    "certified": Look("good", "✓"),
    "not certified": Look("open", "◐"),
    "never reached": Look("bad", "✗"),
    # of the entries of the ledger and the domain map
    "holds": Look("good", "✓"),
    "does not hold": Look("bad", "✗"),
}


def write_html(report: Json, path: Path) -> None:
    """Write `report` to `path` as a page; OSError, and an older file untouched, if that fails."""
    write_text(render(report), path)


def render(report: Json) -> str:
    """Return `report` as a page, the same text for the same report."""
    findings = report["findings"]
    cells = findings["cells"]
    operations = _by(cells, lambda cell: cell["operation"])
    run = [name for name, row in operations.items() if any(cell["counts"] for cell in row)]
    kernels = [
        (*where.rpartition(":"), name) for name, where in findings["asked"]["kernels"].items()
    ]
    dtypes = list(_by(cells, lambda cell: cell["dtype"]))
    failures = _failures(cells)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"breakable": _breakable, "shortened": _shortened}
    return environment.get_template("page.html").render(
        findings=findings,
        circumstances=_circumstances(report),
        sentence=told.sentence(findings),
        refactors=[
            (refactor.sentence(entry, report["circumstances"].get("speed", [])), entry)
            for entry in findings["refactor"]
        ],
        judged=_by((each for each in kernels if each[-1] in run), lambda each: each[0]),
        operations=list(operations),
        # Where nothing at all was run, the matrix shows just that.
        run=dict.fromkeys(run or operations, dtypes),
        idle={name: dtypes for name in operations if run and name not in run},
        properties={
            name: sum(sum(cell["counts"].values()) for cell in column)
            for name, column in _by(cells, lambda cell: cell["property"]).items()
        },
        cells={(cell["operation"], cell["property"], cell["dtype"]): cell for cell in cells},
        failures=failures,
        anchors={key: f"failure-{n}" for n, key in enumerate(failures, start=1)},
        suspicious=sum(cell["suspicious"] for cell in cells),
        boundaries={
            (each["operation"], each["class"]): each["count"] for each in findings["boundaries"]
        },
        classes=list(_by(findings["boundaries"], lambda each: each["class"])),
        halvings=_halvings(findings["accuracy"]),
        growth=_by(
            (
                {"operation": each["operation"], "dtype": each["dtype"], **point}
                for each in findings["accuracy"]
                for point in each["growth"]
            ),
            lambda point: point["dtype"],
        ),
        ledger=_by(findings["ledger"], lambda each: each["kernel"]),
        domain=_by(findings["domain"], lambda each: each["operation"]),
        looks=LOOKS,
    )


def _by(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Return the items in groups of the same key, all in the order that they come in."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _halvings(accuracy: list[Json]) -> list[str]:
    """Return what each bin of the distributions holds."""
    bins = max((len(each["distribution"]) for each in accuracy), default=0)
    return [f"≤ 1/{2**k:,}" if k else "≤ 1" for k in range(bins)]


def _failures(cells: list[Json]) -> dict[tuple[str, str], list[Json]]:
    """Return failed cells by operation and property.

    Those with the shortest messages come first: they are the simplest.
    """
    failed = sorted(
        (cell for cell in cells if cell["failure"]),
        key=lambda cell: len(cell["failure"]["message"]),
    )
    return _by(failed, lambda cell: (cell["operation"], cell["property"]))


def _circumstances(report: Json) -> list[tuple[str, str]]:
    """Return the circumstances line by line, the versions of packages among them."""
    lines = [("report format", f"{report['format']}, version {report['version']}")]
    for name, value in report["circumstances"].items():
        if name in ("speed", "kept"):  # told elsewhere
            continue
        several = value.items() if isinstance(value, dict) else [(name.replace("_", " "), value)]
        lines += [(key, str(each)) for key, each in several]
    return lines


def _visible(value: Any) -> Any:
    """Return text with characters that cannot be seen, or that HTML forbids, spelled out."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in value
    )


def _breakable(name: str) -> Markup:
    """Return `name`, escaped, with leave to break lines after its underscores."""
    return Markup("_<wbr>").join(_visible(name).split("_"))


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_MESSAGE:
        return text
    return f"{text[:LONGEST_MESSAGE]}\n... and {len(text) - LONGEST_MESSAGE:,} more characters"

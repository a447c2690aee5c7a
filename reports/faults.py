"""What is wrong with an operation, in few words: told first by the page and by the terminal."""

from collections.abc import Iterable
from typing import Any

from convcheck.oracle.cases import Case

Json = dict[str, Any]

_LONGEST = 160  # what a kernel says may be of any length
_NAMED = 3
_SMALL = 500  # numbers in a case that can be read
_SHORT = "wrong exactly ", "wrong only "
"""how patterns begin that tell where a kernel is wrong, those first that tell most"""


def telling(cell: Json) -> tuple[bool, bool, bool, bool, int]:
    """Return a key: failures with a name, of a plain kind, small, with much to see, short."""
    failure = cell["failure"]
    diagnosis = failure.get("diagnosis") or {}
    plain = cell["property"] in ("certified", "exact", "bound")
    seen = sum(map(len, (diagnosis.get("picture") or {}).get("wrong", ())))
    large = _size(failure["case"]) > _SMALL
    return not diagnosis.get("names"), not plain, large, seen < 2, len(failure["message"])


def _size(case: str) -> int:
    """Return about how many numbers a case takes; 0 where it cannot be read."""
    try:
        g = Case.parse(case).geometry
    except ValueError:
        return 0
    return g.batch * g.height * g.width * g.channels_in * g.channels_out


def fault(cells: list[Json]) -> str:
    """Return what is wrong with an operation, of which some of `cells` failed, in a sentence."""
    text = _fault(cells)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _fault(cells: list[Json]) -> str:
    failed = sorted((cell for cell in cells if cell["failure"]), key=telling)
    operation, failure = cells[0]["operation"], failed[0]["failure"]
    dtypes = list(dict.fromkeys(cell["dtype"] for cell in cells))
    wrong = [dtype for dtype in dtypes if any(cell["dtype"] == dtype for cell in failed)]
    # What is certified is judged dtype by dtype, and no more once one fails.
    told = wrong != dtypes and any(cell["property"] != "certified" for cell in failed)
    subject = f"{operation} in {listed(wrong)}" if told else operation
    diagnosis = failure.get("diagnosis") or {}
    for name in diagnosis.get("names", ()):
        return f"{subject} behaves exactly like: {name['sentence']}"
    if failure["outcome"] == "misbehaved":
        return f"{operation}: {gist(failure)}".replace(": the kernel ", " ", 1)
    for pattern in where_first(diagnosis.get("patterns", ())):
        if told and pattern.startswith("wrong only in float"):
            continue  # the subject says so
        if pattern.startswith(_SHORT):
            return f"{subject} is {pattern}"
        where, acts, mistake = pattern.partition(", it behaves as if ")
        if acts:
            return f"{subject}, {where}, behaves as if {mistake}"
        return f"{subject} is wrong: {pattern}"
    return f"{subject} fails {listed(dict.fromkeys(cell['property'] for cell in failed))}"


def where_first(patterns: Iterable[str]) -> list[str]:
    """Return patterns, first those that tell where a kernel is wrong."""

    def place(pattern: str) -> int:
        return next((n for n, each in enumerate(_SHORT) if pattern.startswith(each)), len(_SHORT))

    return sorted(patterns, key=place)


def gist(failure: Json) -> str:
    """Return what a failure's message says came out: of an element, or of the call."""
    first, *others = str(failure["message"]).splitlines() or [""]
    elements = [line.split(None, 1) for line in others if line.startswith("  element ")]
    if elements and failure["outcome"] != "misbehaved":
        return elements[0][-1]
    return first.partition(": ")[2] or first


def listed(names: Iterable[str]) -> str:
    """Return names in words, a few of them."""
    known = list(names)
    shown = known if len(known) <= _NAMED else known[: _NAMED - 1]
    rest = [f"{len(known) - len(shown)} more"] if known[len(shown) :] else []
    *others, last = [*shown, *rest] or [""]
    return f"{', '.join(others)} and {last}" if others else last

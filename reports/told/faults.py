"""What is wrong with an operation, in few words: told first by the page and by the terminal."""

from collections.abc import Iterable

from convcheck.cases.case import Case
from convcheck.reports.failures import Failure, Named, Pattern
from convcheck.reports.rows import Cell

_LONGEST = 160  # what a kernel says may be of any length
_NAMED = 3
OF_DTYPES = ("float", "bfloat", "tf32", "flushed", "clipped", "wrapped")
"""how ids of mistakes begin that may harm some dtypes and not others"""
_SMALL = 500  # numbers in a case that can be read


def telling(cell: Cell) -> tuple[bool, bool, bool, bool, bool, int]:
    """Return a key: failures with a name or a place, of a plain kind, small, much to see, short."""
    failure = cell.told
    picture = failure.diagnosis and failure.diagnosis.picture
    return (
        not failure.names,
        not any(each.leads for each in failure.patterns[:2]),
        cell.prop not in ("certified", "exact", "bound"),
        _size(failure.case) > _SMALL,
        sum(map(len, picture.wrong if picture else ())) < 2,
        len(failure.text),
    )


def _size(case: str) -> int:
    """Return about how many numbers a case takes; 0 where it cannot be read."""
    try:
        g = Case.parse(case).geometry
    except ValueError:
        return 0
    return g.batch * g.height * g.width * g.channels_in * g.channels_out


def fault(cells: list[Cell]) -> str:
    """Return what is wrong with an operation, of which some of `cells` failed, in a sentence."""
    failed = sorted((cell for cell in cells if cell.failure), key=telling)
    operation, failure = cells[0].operation, failed[0].told
    dtypes = list(dict.fromkeys(cell.dtype for cell in cells))
    wrong = [dtype for dtype in dtypes if any(cell.dtype == dtype for cell in failed)]
    for name in failure.names:
        words, most = likeness(operation, name, failed, len(dtypes))
        if most:
            return words
        unnamed = [cell for cell in failed if not cell.told.names]
        return fault([*unnamed, *(cell for cell in cells if not cell.failure)])
    patterns = failure.patterns
    if failure.outcome == "misbehaved" and not heading(failure):
        words = f"{operation} {gist(failure).removeprefix('the kernel ')}"
        return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
    if patterns:
        # That other dtypes are right is said if they were asked: not each test judges all.
        first, *others = patterns
        alone = next((each for each in others if each.dtypes and not first.dtypes), None)
        place = f" in {' and '.join(alone.dtypes)}" if alone else within(first, failed, dtypes)
        besides = [f"; {each.text}" for each in patterns[1 : heading(failure)] if each != alone]
        return f"{operation}{place}{first.predicate}{''.join(besides)}"
    # What is certified is judged dtype by dtype, and no more once one fails.
    told = wrong != dtypes and any(cell.prop != "certified" for cell in failed)
    subject = f"{operation} in {listed(wrong)}" if told else operation
    return f"{subject} fails {listed(dict.fromkeys(cell.prop for cell in failed))}"


def within(pattern: Pattern, failed: list[Cell], dtypes: list[str]) -> str:
    """Return where a kernel is less exact than it should be, if that is in some dtypes alone."""
    wrong = [dtype for dtype in dtypes if any(cell.dtype == dtype for cell in failed)]
    return f" in {listed(wrong)}" if pattern.leads and pattern.dtypes and wrong != dtypes else ""


def likeness(operation: str, name: Named, failed: list[Cell], dtypes: int) -> tuple[str, bool]:
    """Say that a kernel behaves like a mistake: exactly, if all that was looked into says so.

    Args:
        operation: the kernel's.
        name: the mistake.
        failed: all its cells that failed.
        dtypes: in how many it was judged.

    Returns: the sentence, and whether most of what was looked into says so.
    """
    sentence = name.sentence
    looked = [cell for cell in failed if cell.told.diagnosis]
    looked = [cell for cell in looked if "nonfinite" not in cell.prop] or looked
    same = [cell for cell in looked if sentence in (each.sentence for each in cell.told.names)]
    among = list(dict.fromkeys(cell.dtype for cell in same))
    others = [cell for cell in looked if cell.dtype in among and cell not in same]
    # Others are of every dtype, though not each test judges all.
    everywhere = len(among) == dtypes or not name.id.startswith(OF_DTYPES)
    subject = operation if everywhere else f"{operation} in {listed(among)}"
    if not others:
        return f"{subject} behaves exactly like: {sentence}", True
    count = f"in {len(same)} of {len(same) + len(others)} failures that were looked into"
    return f"{subject} behaves like: {sentence}, {count}", len(others) < len(same)


def heading(failure: Failure) -> int:
    """Return how many patterns of a failure its headline takes: where, and what is wrong there."""
    patterns = failure.patterns
    if failure.names or not patterns:
        return 0
    if failure.outcome == "misbehaved" and not patterns[0].leads:
        return 0
    return min(len(patterns), 2 if patterns[0].placed else 1)


def gist(failure: Failure) -> str:
    """Return what came out: of an element, or of the call."""
    if failure.element and failure.outcome != "misbehaved":
        return failure.element.words
    return next(iter(failure.said.splitlines()), "")


def listed(names: Iterable[str]) -> str:
    """Return names in words, a few of them."""
    known = list(names)
    shown = known if len(known) <= _NAMED else known[: _NAMED - 1]
    rest = [f"{len(known) - len(shown)} more"] if known[len(shown) :] else []
    *others, last = [*shown, *rest] or [""]
    return f"{', '.join(others)} and {last}" if others else last

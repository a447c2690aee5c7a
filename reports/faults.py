"""What is wrong with an operation, in few words: told first by the page and by the terminal."""

from collections.abc import Iterable, Sequence

from convcheck.cases.case import Case

from .rows import Cell, Failure, Named

_LONGEST = 160  # what a kernel says may be of any length
_NAMED = 3
_WHEN = ("right on ", "right when first ", "right as far ", "different results ")
_PLACES = (" exactly where ", " only where ")
_WHERE = (*_PLACES, ", it behaves as if ")
_ALONE = "wrong only in "
_OF_DTYPES = ("float", "bfloat", "tf32", "flushed", "clipped", "wrapped")
"""how ids of mistakes begin that may harm some dtypes and not others"""
_DEEDS = ("raised ", "returned ", "returns ")
"""how patterns begin that say what a kernel did"""
_SMALL = 500  # numbers in a case that can be read


def telling(cell: Cell) -> tuple[bool, bool, bool, bool, bool, int]:
    """Return a key: failures with a name or a place, of a plain kind, small, much to see, short."""
    failure = cell.told
    picture = failure.diagnosis and failure.diagnosis.picture
    return (
        not failure.names,
        not any(map(_leads, failure.patterns[:2])),
        cell.prop not in ("certified", "exact", "bound"),
        _size(failure.case) > _SMALL,
        sum(map(len, picture.wrong if picture else ())) < 2,
        len(failure.message),
    )


def _leads(pattern: str) -> bool:
    """Return whether a pattern says under which circumstances a kernel is wrong."""
    return any(words in pattern for words in _WHERE) or pattern.startswith(_WHEN)


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
        named = _named(operation, name, failed, len(dtypes))
        if named:
            return named
        unnamed = [cell for cell in failed if not cell.told.names]
        return fault([*unnamed, *(cell for cell in cells if not cell.failure)])
    patterns = failure.patterns
    if failure.outcome == "misbehaved" and not heading(failure):
        words = f"{operation}: {gist(failure)}".replace(": the kernel ", " ", 1)
        return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"
    if patterns:
        # That other dtypes are right is said if they were asked: not each test judges all.
        alone = next((each for each in patterns if each.startswith(f"{_ALONE}float")), "")
        place = f" in {alone.removeprefix(_ALONE)}" * (alone not in ("", patterns[0]))
        besides = [each for each in patterns[1 : heading(failure)] if each != alone]
        return f"{operation}{place}{_predicate(patterns[0])}{_besides(besides)}"
    # What is certified is judged dtype by dtype, and no more once one fails.
    told = wrong != dtypes and any(cell.prop != "certified" for cell in failed)
    subject = f"{operation} in {listed(wrong)}" if told else operation
    return f"{subject} fails {listed(dict.fromkeys(cell.prop for cell in failed))}"


def _named(operation: str, name: Named, failed: list[Cell], dtypes: int) -> str:
    """Say that a kernel behaves like a mistake: exactly, if all that was looked into says so.

    The words are empty if most of it does not.
    """
    sentence = name.sentence
    looked = [cell for cell in failed if cell.told.diagnosis]
    looked = [cell for cell in looked if "nonfinite" not in cell.prop] or looked
    same = [cell for cell in looked if sentence in (each.sentence for each in cell.told.names)]
    among = list(dict.fromkeys(cell.dtype for cell in same))
    others = [cell for cell in looked if cell.dtype in among and cell not in same]
    if len(others) >= len(same):
        return ""
    # Others are of every dtype, though not each test judges all.
    everywhere = len(among) == dtypes or not name.id.startswith(_OF_DTYPES)
    subject = operation if everywhere else f"{operation} in {listed(among)}"
    if not others:
        return f"{subject} behaves exactly like: {sentence}"
    count = f"in {len(same)} of {len(same) + len(others)} failures that were looked into"
    return f"{subject} behaves like: {sentence}, {count}"


def heading(failure: Failure) -> int:
    """Return how many patterns of a failure its headline takes: where, and what is wrong there."""
    patterns = failure.patterns
    if failure.names or not patterns:
        return 0
    where = any(words in patterns[0] for words in _WHERE)
    if failure.outcome == "misbehaved" and not _leads(patterns[0]):
        return 0
    return min(len(patterns), 2 if where else 1)


def _besides(patterns: Sequence[str]) -> str:
    return "".join(f"; {each}" for each in patterns)


def _predicate(pattern: str) -> str:
    """Return a pattern as it stands behind the name of what it is about."""
    where, acts, mistake = pattern.partition(", it behaves as if ")
    if acts:
        return f", {where}, behaves as if {mistake}"
    placed = any(words in pattern for words in _PLACES)
    if (placed and not pattern.startswith("wrong")) or pattern.startswith(_DEEDS):
        return f" {pattern}"
    if pattern.startswith(("wrong ", "right ")) and not pattern.startswith("wrong results "):
        return f" is {pattern}"
    return f" gives {pattern}" if pattern.startswith("different ") else f" is wrong: {pattern}"


def gist(failure: Failure) -> str:
    """Return what a failure's message says came out: of an element, or of the call."""
    first, *others = failure.message.splitlines() or [""]
    elements = [line.split(None, 1) for line in others if line.startswith("  element ")]
    if elements and failure.outcome != "misbehaved":
        return elements[0][-1]
    return first.partition(": ")[2] or first


def listed(names: Iterable[str]) -> str:
    """Return names in words, a few of them."""
    known = list(names)
    shown = known if len(known) <= _NAMED else known[: _NAMED - 1]
    rest = [f"{len(known) - len(shown)} more"] if known[len(shown) :] else []
    *others, last = [*shown, *rest] or [""]
    return f"{', '.join(others)} and {last}" if others else last

"""From which sizes on a kernel is wrong: a fixed scan of geometries around one that failed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .cases import Case
from .geometry import LAYERS, Geometry
from .judge import judge_all
from .operations import Kernel, operation_named
from .verdicts import DECIDED

_CHANNELS = (*range(1, 10), 15, 16, 17, 31, 32, 33, 64)
_EXTENTS = (*range(1, 14), 15, 16, 17, 31, 32, 33)
_VALUES = {
    "batch": (1, 2, 3, 4, 5, 8),
    "height": _EXTENTS,
    "width": _EXTENTS,
    "channels_in": _CHANNELS,
    "channels_out": _CHANNELS,
    "filter_height": tuple(range(1, 8)),
    "filter_width": tuple(range(1, 8)),
    "stride_height": tuple(range(1, 6)),
    "stride_width": tuple(range(1, 6)),
}
_KIND = "kind of layer l+1"
"""where it stands in `LAYERS`"""
_FORE = {name: range(1, 5) for name in list(_VALUES)[4:]}


@dataclass(frozen=True)
class _Tried:
    """A geometry that was tried, its numbers by name, and whether the kernel is wrong there."""

    numbers: dict[str, int]
    wrong: bool


@dataclass(frozen=True)
class Condition:
    """What must hold of the sizes of a geometry for a kernel to be wrong there."""

    words: str
    holds: Callable[[dict[str, int]], bool]


def condition(kernel: Kernel, case: Case) -> Condition | None:
    """Return where the kernel is wrong, if that can be said of all geometries tried.

    They differ from that of `case` in one size each.
    """
    tried = _scan(kernel, case)
    if all(each.wrong for each in tried) or not any(each.wrong for each in tried):
        return None
    for words, holds in _relations(tried):
        if all(holds(each.numbers) == each.wrong for each in tried):
            return Condition(_told(words, tried), holds)
    parts = []
    for name in _names(case.geometry):
        found = _along(name, numbers_of(case), tried)
        if found is None:
            return None
        parts += [found] if found[0] else []

    def hold(numbers: dict[str, int]) -> bool:
        return all(holds(numbers) for _, holds in parts)

    if parts and all(hold(each.numbers) == each.wrong for each in tried):
        return Condition(_told(", ".join(words for words, _ in parts), tried), hold)
    return None


def _told(words: str, tried: Sequence[_Tried]) -> str:
    """Return what the geometries tried say, and how many these were: of others it is a guess."""
    return f"wrong exactly where {words}, in {len(tried)} geometries tried"


def _scan(kernel: Kernel, case: Case) -> list[_Tried]:
    cases = [case, *neighbours(case)]
    verdicts = judge_all(kernel, cases)
    return [
        _Tried(numbers_of(each), verdict.failed)
        for each, verdict in zip(cases, verdicts, strict=True)
        if verdict.outcome in DECIDED
    ]


def neighbours(case: Case) -> Iterator[Case]:
    """Yield cases that differ from `case` in one size each, or in the kind of layer l+1."""
    g = case.geometry
    if g.fore is not None:
        (other,) = set(LAYERS) - {g.fore.layer}
        yield from _possible(case, replace(g, fore=replace(g.fore, layer=other)))
    for name, values in _VALUES.items():
        for value in values:
            if value != getattr(g, name):
                changed: dict[str, Any] = {name: value}
                yield from _possible(case, replace(g, **changed))
    if g.fore is not None:
        for name, some in _FORE.items():
            for value in some:
                if value != getattr(g.fore, name):
                    changed = {name: value}
                    yield from _possible(case, replace(g, fore=replace(g.fore, **changed)))


def _possible(case: Case, geometry: Geometry) -> Iterator[Case]:
    try:
        yield replace(case, geometry=geometry)
    except ValueError:
        return


def _names(geometry: Geometry) -> list[str]:
    return [*_VALUES, *(f"fore_{name}" for name in _FORE if geometry.fore is not None)]


def numbers_of(case: Case) -> dict[str, int]:
    """Return the sizes of a case's geometry, and what follows from them, by name."""
    g = case.geometry
    numbers = {name: getattr(g, name) for name in _VALUES}
    if g.fore is not None:
        numbers |= {f"fore_{name}": getattr(g.fore, name) for name in _FORE}
        numbers[_KIND] = LAYERS.index(g.fore.layer)
    e = operation_named(case.operation).extents(g)
    for axis, letters in {"height": "HPh", "width": "WQw"}.items():
        wide, narrow, taps = tuple(letters)
        numbers[f"windows_{axis}"] = e[narrow]
        stride = numbers[f"stride_{axis}"]
        numbers[f"remainder_{axis}"] = e[wide] - (e[narrow] - 1) * stride - e[taps]
    return numbers


_WORDS = {
    "height": "height",
    "width": "width",
    "windows_height": "number of rows of windows",
    "windows_width": "number of columns of windows",
}
_Relation = tuple[str, Callable[[dict[str, int]], bool]]


def _word(name: str) -> str:
    if name.startswith("fore_"):
        return f"layer l+1's {_word(name[5:])}"
    return _WORDS.get(name, name.replace("_", " "))


def _relations(tried: Sequence[_Tried]) -> Iterator[_Relation]:
    """Yield statements about a geometry, the plainer ones first."""
    if _KIND in tried[0].numbers:
        for at, kind in enumerate(("convolution", "transposed convolution")):
            yield f"layer l+1 is a {kind}", lambda n, at=at: n[_KIND] == at  # type: ignore[misc]
    yield from _comparisons()
    sizes = [name for name in tried[0].numbers if name != _KIND]
    for name in sizes:
        word = _word(name)
        for value in sorted({each.numbers[name] for each in tried}):
            yield from _about(name, word, value)
    for name in sizes:
        for size in (2, 4, 8, 16, 32):
            yield from _multiples(name, _word(name), size)


def _about(name: str, word: str, value: int) -> Iterator[_Relation]:
    yield f"{word} is {value}", lambda n: n[name] == value
    yield f"{word} is {value} or more", lambda n: n[name] >= value
    yield f"{word} is at most {value}", lambda n: n[name] <= value


def _multiples(name: str, word: str, size: int) -> Iterator[_Relation]:
    what = "odd" if size == 2 else f"no multiple of {size}"
    yield f"{word} is {what}", lambda n: n[name] % size != 0
    for least in dict.fromkeys((1, size)):
        words = f"{word} is above {least} and {what}"
        yield words, lambda n, least=least: n[name] > least and n[name] % size != 0  # type: ignore[misc]
    what = "even" if size == 2 else f"a multiple of {size}"
    yield f"{word} is {what}", lambda n: n[name] % size == 0


def _comparisons() -> Iterator[_Relation]:
    def each_axis(words: str, holds: Callable[[dict[str, int], str], bool]) -> Iterator[_Relation]:
        yield f"{words} in rows", lambda n: holds(n, "height")
        yield f"{words} in columns", lambda n: holds(n, "width")
        yield f"{words} in rows or columns", lambda n: holds(n, "height") or holds(n, "width")
        yield f"{words} in rows and columns", lambda n: holds(n, "height") and holds(n, "width")

    yield from each_axis("a remainder is left", lambda n, a: n[f"remainder_{a}"] > 0)
    yield from each_axis("no remainder is left", lambda n, a: n[f"remainder_{a}"] == 0)
    yield from each_axis("the stride is above 1", lambda n, a: n[f"stride_{a}"] > 1)
    yield from each_axis("the stride is 1", lambda n, a: n[f"stride_{a}"] == 1)
    yield from each_axis("windows overlap", _overlap)
    yield from each_axis("windows leave gaps", lambda n, a: n[f"stride_{a}"] > n[f"filter_{a}"])
    yield from each_axis("there are several windows", lambda n, a: n[f"windows_{a}"] > 1)
    yield from each_axis("the filter has several taps", lambda n, a: n[f"filter_{a}"] > 1)
    for one, other, words in (
        ("height", "width", "height and width"),
        ("filter_height", "filter_width", "filter height and width"),
        ("stride_height", "stride_width", "both strides"),
        ("channels_in", "channels_out", "channels in and out"),
    ):
        yield f"{words} differ", lambda n, a=one, b=other: n[a] != n[b]  # type: ignore[misc]
        yield f"{words} are equal", lambda n, a=one, b=other: n[a] == n[b]  # type: ignore[misc]


def _overlap(n: dict[str, int], axis: str) -> bool:
    several = n[f"windows_{axis}"] > 1
    return several and n[f"filter_{axis}"] > n[f"stride_{axis}"]


def _along(name: str, base: dict[str, int], tried: Sequence[_Tried]) -> _Relation | None:
    """Return what must hold of one size, the others being those of the case that failed.

    The words are empty if nothing must; None if it is nothing plain.
    """
    line = [
        each
        for each in tried
        if all(each.numbers[n] == base[n] for n in base if n != name and _is_size(n))
    ]
    if all(each.wrong for each in line):
        return "", lambda _: True
    word = _word(name)
    relations = [*_about(name, word, base[name])]
    for value in sorted({each.numbers[name] for each in line}):
        relations += list(_about(name, word, value))[1:]
    for size in (2, 4, 8, 16, 32):
        relations += _multiples(name, word, size)
    for words, holds in relations:
        if all(holds(each.numbers) == each.wrong for each in line):
            return words, holds
    return None


def _is_size(name: str) -> bool:
    return not name.startswith(("windows", "remainder"))

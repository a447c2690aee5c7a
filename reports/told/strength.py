"""How strong the suite is: on known mistakes, each told once for all operations that share it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from convcheck.reports.document import Strength
from convcheck.reports.failures import Count, Positive, Struct
from convcheck.reports.rows import by

DATA = Path(__file__).parents[1] / "strength.json"
"""what was measured when this release was made; a report names it, and the page shows it"""


class Mistake(Struct):
    """A mistake, and how many cases were judged until it was caught; None: it is missed."""

    id: str
    sentence: str
    known_from: str
    operation: str
    caught: dict[str, Positive | None]
    """by profile"""


class Survivor(Struct):
    """A mutant that no test kills, and why."""

    mutant: str
    why: str


class Mutants(Struct):
    """Small changes to the code of right kernels."""

    tool: str
    total: Count
    killed: Count
    survivors: list[Survivor]


class Shrunk(Struct):
    """How small the cases are that are shown of failures."""

    median_elements: float


class Measured(Struct):
    """What was measured of the suite."""

    mistakes: list[Mistake]
    mutants: Mutants | None
    shrunk: Shrunk | None


def named() -> Strength | None:
    """Return what a report holds of the suite's strength: a name for it, and what is missed."""
    if not DATA.exists():
        return None
    missed: dict[str, list[str]] = {}
    for each in _read().mistakes:
        for profile, count in each.caught.items():
            told = [f"{each.operation}, mistake {each.id}"] if count is None else []
            missed.setdefault(profile, []).extend(told)
    return Strength(_digest(), missed)


def published(name: Strength | None) -> Measured | None:
    """Return what a report names, where this release comes with the same."""
    if name is None or not DATA.exists() or name.digest != _digest():
        return None
    return _read()


def _read() -> Measured:
    return msgspec.json.decode(DATA.read_bytes(), type=Measured)


def _digest() -> str:
    return hashlib.sha256(DATA.read_bytes()).hexdigest()


class Effort(NamedTuple):
    """What a profile makes of some mistakes."""

    missed: list[str]
    """operations in which it misses one"""
    caught: int
    typical: float | None
    """the median of judged cases until the first failure"""
    most: int | None


class Mistakes(NamedTuple):
    """Some mistakes together: those of one operation, or one in all operations."""

    name: str
    known_from: str
    operations: list[str]
    profiles: dict[str, Effort]


def by_operation(strength: Measured) -> list[Mistakes]:
    """Return what is known of each operation's mistakes."""
    groups = by(strength.mistakes, lambda each: each.operation)
    return [_together(name, group) for name, group in groups.items()]


def by_mistake(strength: Measured) -> list[Mistakes]:
    """Return what is known of each mistake: those missed first, then the hardest to catch."""
    groups = by(strength.mistakes, lambda each: each.sentence)
    return sorted((_together(name, group) for name, group in groups.items()), key=_ease)


def _together(name: str, group: list[Mistake]) -> Mistakes:
    return Mistakes(
        name,
        "; ".join(dict.fromkeys(each.known_from for each in group if each.known_from)),
        [each.operation for each in group],
        {
            profile: _effort((each.operation, each.caught[profile]) for each in group)
            for profile in group[0].caught
        },
    )


def _effort(counts: Iterable[tuple[str, int | None]]) -> Effort:
    known = list(counts)
    found = [count for _, count in known if count is not None]
    missed = [operation for operation, count in known if count is None]
    typical = median(found) if found else None
    return Effort(missed, len(found), typical, max(found, default=None))


def _ease(mistakes: Mistakes) -> tuple[int, int]:
    efforts = mistakes.profiles.values()
    return -sum(len(each.missed) for each in efforts), -max(each.most or 0 for each in efforts)

"""How strong the suite is: on known mistakes, each told once for all operations that share it."""

import hashlib
from collections.abc import Callable
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
    return _together(strength, lambda each: each.operation)


def by_mistake(strength: Measured) -> list[Mistakes]:
    """Return what is known of each mistake: those missed first, then the hardest to catch."""
    return sorted(_together(strength, lambda each: each.sentence), key=_ease)


def _together(strength: Measured, name_of: Callable[[Mistake], str]) -> list[Mistakes]:
    return [
        Mistakes(
            name,
            "; ".join(dict.fromkeys(each.known_from for each in group if each.known_from)),
            [each.operation for each in group],
            {profile: _effort(group, profile) for profile in group[0].caught},
        )
        for name, group in by(strength.mistakes, name_of).items()
    ]


def _effort(mistakes: list[Mistake], profile: str) -> Effort:
    counts = [each.caught[profile] for each in mistakes]
    missed = [each.operation for each in mistakes if each.caught[profile] is None]
    found = [count for count in counts if count is not None]
    typical = median(found) if found else None
    return Effort(missed, len(found), typical, max(found, default=None))


def _ease(mistakes: Mistakes) -> tuple[int, int]:
    efforts = mistakes.profiles.values()
    return -sum(len(each.missed) for each in efforts), -max(each.most or 0 for each in efforts)

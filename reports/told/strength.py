"""How strong the suite is: on mistakes, told once for all operations, and on subtle kernels."""

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


class Subtle(Struct):
    """A wrong kernel that is hard to catch, and the kinds of steps that catch it."""

    name: str
    family: str
    sentence: str
    operation: str
    caught: dict[str, list[str]]
    """by profile; of the most thorough the first kind alone"""


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
    subtle: list[Subtle]
    mutants: Mutants | None
    shrunk: Shrunk | None


def named() -> Strength | None:
    """Return what a report holds of the suite's strength: a name for it, and what is missed."""
    if not DATA.exists():
        return None
    missed: dict[str, list[str]] = {}
    known = _read()
    for each in known.mistakes:
        for profile, count in each.caught.items():
            told = [f"{each.operation}, mistake {each.id}"] if count is None else []
            missed.setdefault(profile, []).extend(told)
    for one in known.subtle:
        for profile, kinds in one.caught.items():
            missed.setdefault(profile, []).extend([] if kinds else [f"subtle kernel {one.name}"])
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


class Family(NamedTuple):
    """Subtle kernels of one kind, and how many of them each profile catches."""

    name: str
    kernels: int
    caught: dict[str, int]


def by_family(strength: Measured) -> list[Family]:
    """Return what is known of each family's subtle kernels."""
    groups = by(strength.subtle, lambda each: each.family)
    return [
        Family(name, len(group), {profile: _caught(group, profile) for profile in group[0].caught})
        for name, group in groups.items()
    ]


def _caught(group: list[Subtle], profile: str) -> int:
    return sum(bool(each.caught[profile]) for each in group)


class StepKind(NamedTuple):
    """A kind of step, and what it catches of the subtle kernels in a profile."""

    name: str
    profile: str
    caught: int
    alone: int
    """that no other kind catches"""


def by_step(strength: Measured) -> list[StepKind]:
    """Return what each kind of step catches, in the profile whose kinds are all known."""
    found = []
    for profile in [*strength.subtle[0].caught][:1] if strength.subtle else []:
        caught = [each.caught[profile] for each in strength.subtle]
        for name in sorted({name for names in caught for name in names}):
            catches = [names for names in caught if name in names]
            alone = sum(len(names) == 1 for names in catches)
            found.append(StepKind(name, profile, len(catches), alone))
    return found


def hardest(strength: Measured) -> list[Subtle]:
    """Return the subtle kernels that a profile misses, those that most miss first."""
    missed = [each for each in strength.subtle if not all(each.caught.values())]
    return sorted(missed, key=lambda each: sum(map(bool, each.caught.values())))


def _ease(mistakes: Mistakes) -> tuple[int, int]:
    efforts = mistakes.profiles.values()
    return -sum(len(each.missed) for each in efforts), -max(each.most or 0 for each in efforts)

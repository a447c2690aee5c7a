"""How strong the suite is: on known mistakes, each told once for all operations that share it."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from .shown import by

Json = dict[str, Any]

DATA = Path(__file__).parent / "strength.json"
"""what was measured when this release was made; a report names it, and the page shows it"""


def named() -> Json | None:
    """Return what a report holds of the suite's strength: a name for it, and what is missed."""
    if not DATA.exists():
        return None
    known = json.loads(DATA.read_bytes())["mistakes"]
    missed = {
        profile: [
            f"{each['operation']}, mistake {each['id']}"
            for each in known
            if each["caught"][profile] is None
        ]
        for profile in (known[0]["caught"] if known else ())
    }
    return {"digest": _digest(), "missed": missed}


def published(name: Json | None) -> Json | None:
    """Return what a report names, where this release comes with the same."""
    if name is None or not DATA.exists() or name["digest"] != _digest():
        return None
    known: Json = json.loads(DATA.read_bytes())
    return known


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


def by_operation(strength: Json) -> list[Mistakes]:
    """Return what is known of each operation's mistakes."""
    groups = by(strength.get("mistakes") or [], lambda each: each["operation"])
    return [_together(name, group) for name, group in groups.items()]


def by_mistake(strength: Json) -> list[Mistakes]:
    """Return what is known of each mistake: those missed first, then the hardest to catch."""
    groups = by(strength.get("mistakes") or [], lambda each: each["sentence"])
    return sorted((_together(name, group) for name, group in groups.items()), key=_ease)


def _together(name: str, group: list[Json]) -> Mistakes:
    return Mistakes(
        name,
        "; ".join(dict.fromkeys(each["known_from"] for each in group if each["known_from"])),
        [each["operation"] for each in group],
        {
            profile: _effort((each["operation"], each["caught"][profile]) for each in group)
            for profile in group[0]["caught"]
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

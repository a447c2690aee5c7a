"""Failing cases of candidates, kept in Hypothesis's example database for the next run.

They are stored the moment they fail, so that a run that is killed leaves them too, under a
key of their candidate: the simplest few of each, with the property that failed and the cell
that it was told in.  Where the current profile has no database, nothing is kept.
"""

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Self

import pytest

from convcheck.cases.case import Case
from convcheck.form.operations import operation_named
from convcheck.judging.judge import property_of
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.threads import THREADS
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.subjects import Subject

from .subjects import subjects_of

if TYPE_CHECKING:
    from hypothesis.database import ExampleDatabase

MOST = 3
"""cases kept of each candidate"""

INPUT = "convcheck-kept"
"""name under which workers are handed what was kept"""


@dataclass(frozen=True)
class Kept:
    """A case that failed."""

    case: str
    prop: str
    """the property that was judged"""
    cell: str
    """the property that it was told under"""

    @classmethod
    def parse(cls, value: bytes, operation: str) -> Self:
        """Return what `value` holds; ValueError if that is no case of the operation today."""
        found = json.loads(value)
        if not isinstance(found, list) or [type(each) for each in found] != [str, str, str]:
            raise ValueError("expected a case, a property and a cell")
        kept = cls(*found)
        case = Case.parse(kept.case)
        if case.operation != operation or kept.prop not in (property_of(case), *LAWS, THREADS):
            raise ValueError(f"expected a case and a property of {operation}")
        if kept.prop in (*LAWS, THREADS) and case.fill != "integers":
            raise ValueError("expected integers, on which laws and threads are judged")
        return kept

    def dump(self) -> bytes:
        """Return it as it is stored."""
        return json.dumps(astuple(self)).encode()

    @property
    def size(self) -> tuple[int, str]:
        """By which the simplest comes first."""
        case = Case.parse(self.case)
        shapes = operation_named(case.operation).array_shapes(case.geometry).values()
        return sum(map(math.prod, shapes)), self.case


def _database() -> "ExampleDatabase | None":
    """Return the database of the current profile; a running test's settings may have none."""
    from hypothesis import settings  # noqa: PLC0415  (a run that keeps nothing needs none)

    with warnings.catch_warnings(action="ignore"):  # where no folder can be written
        return settings.get_profile(settings.get_current_profile_name()).database


def _key(operation: str, place: str) -> bytes:
    return f"convcheck {operation}={place}".encode()


def keep(verdict: Verdict, cell: str | None) -> None:
    """Keep the case of a verdict that failed, if it is among the simplest.

    Args:
        verdict: one that failed, whose case id says all that there is to judge.
        cell: the property that it is told under, if not its own.
    """
    subject, database = verdict.subject, _database()
    if not subject.place or database is None:
        return
    operation, key = subject.operation.name, _key(subject.operation.name, subject.place)
    database.save(key, Kept(str(verdict.case), verdict.prop, cell or verdict.prop).dump())
    found, _ = read({operation: subject.place})
    for each in found[operation][MOST:]:
        database.delete(key, each.dump())


def drop(subject: Subject, kept: Kept) -> None:
    """Forget a case."""
    database = _database()
    if database is not None:
        database.delete(_key(subject.operation.name, subject.place), kept.dump())


def read(places: Mapping[str, str]) -> tuple[dict[str, list[Kept]], list[str]]:
    """Return what is kept of candidates, and a line about each entry that had to be dropped.

    Both candidates' places and what is kept are by operation.
    """
    database = _database()
    found: dict[str, list[Kept]] = {}
    dropped = []
    for operation, place in places.items():
        key, parsed = _key(operation, place), []
        for value in list(database.fetch(key)) if database else ():
            try:
                parsed.append(Kept.parse(value, operation))
            except ValueError as error:
                assert database is not None
                _erase(database, key, value)
                text = " ".join(str(error).split())
                dropped.append(f"{operation}: a kept case was dropped: {text}")
        found[operation] = sorted(parsed, key=lambda each: each.size)
    return found, sorted(dropped)


def _erase(database: "ExampleDatabase", key: bytes, value: bytes) -> None:
    """Delete an entry, also one whose file was damaged, so that its name does not fit any more."""
    from hypothesis.database import DirectoryBasedExampleDatabase  # noqa: PLC0415

    database.delete(key, value)
    if value in database.fetch(key) and isinstance(database, DirectoryBasedExampleDatabase):
        for file in database.path.glob("*/*"):
            if file.is_file() and file.stat().st_size == len(value) and file.read_bytes() == value:
                file.unlink(missing_ok=True)


def hand_over(found: dict[str, list[Kept]]) -> str:
    """Return what was read as text for workers."""
    return json.dumps({name: [astuple(each) for each in kept] for name, kept in found.items()})


def taken_over(text: str) -> dict[str, list[Kept]]:
    """Return what `hand_over` made a text of."""
    return {name: [Kept(*each) for each in kept] for name, kept in json.loads(text).items()}


_READ = pytest.StashKey[tuple[dict[str, list[Kept]], list[str]]]()


def dropped(config: pytest.Config) -> list[str]:
    """Return a line about each entry that had to be dropped when what was kept was read, if so."""
    return config.stash.get(_READ, ({}, []))[1]


def read_once(config: pytest.Config) -> tuple[dict[str, list[Kept]], list[str]]:
    """Return what was kept before this run began, in every worker the same."""
    if _READ not in config.stash:
        handed: Any = getattr(config, "workerinput", {}).get(INPUT)
        candidates = subjects_of(config).candidates
        places = {name: each.place for name, each in candidates.items()}
        config.stash[_READ] = (taken_over(handed), []) if handed else read(places)
    return config.stash[_READ]

"""How a kernel is wrong: the mistake whose outputs it has, or the pattern of what is wrong.

A mistake of the catalogue is named only if it gives the kernel's very results on the case that
failed and on all probes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from . import patterns, pictures, taps
from .calls import MisbehaviourError
from .cases import Case
from .conditions import Condition, condition, numbers_of
from .mistakes import Mistake
from .operations import Kernel, operation_named
from .pictures import Wrong
from .session import LARGEST, Answer, Asked, Session, products, same_kind

_MOST = 5  # patterns in one diagnosis
_TELLING = 4  # elements from which on a picture tells something
_NOT_AGAIN = "not wrong when asked again: its results depend on more"
_NOT_SMALLER = "right on all smaller calls that were tried: wrong on large ones alone"


@dataclass(frozen=True)
class Diagnosis:
    """What can be told of a kernel that failed."""

    names: tuple[Mistake, ...] = ()
    """mistakes that give its results, exactly"""
    patterns: tuple[str, ...] = ()
    """what is wrong, in words, the most telling first"""
    text: tuple[str, ...] = ()
    """a picture of what is wrong"""
    picture: dict[str, Any] | None = None
    taps: dict[str, Any] | None = None

    def lines(self) -> list[str]:
        """Return the diagnosis as a failure message has it."""
        named = [f"  behaves exactly like: {each.sentence}" for each in self.names]
        words = [f"  pattern  {each}" for each in self.patterns]
        return [*named, *words, *(f"    {line}" for line in self.text)]

    def plain(self) -> dict[str, Any]:
        """Return the diagnosis in plain types."""
        return {
            "names": [
                {"id": each.id, "sentence": each.sentence, "known_from": each.known_from}
                for each in self.names
            ],
            "patterns": list(self.patterns),
            "picture": self.picture,
            "taps": self.taps,
            "text": list(self.text),
        }


def diagnose(kernel: Kernel, case: Case) -> Diagnosis:
    """Return how `kernel` is wrong, which failed on `case`.

    The kernel is called on the case and on probes, a bounded number of times, and not again once
    it hung or crashed.  Nothing that it does is raised.
    """
    try:
        return _diagnosed(kernel, case)
    except Exception as error:  # noqa: BLE001  (a failure is told, whatever becomes of this)
        return Diagnosis(patterns=(f"no diagnosis: {type(error).__name__}: {error}",))


@lru_cache(maxsize=256)
def _diagnosed(kernel: Kernel, case: Case) -> Diagnosis:
    session = _probed(kernel, case.operation, case.dtype)
    focus = session.look(case)
    if session.lost:
        return Diagnosis(patterns=(session.lost,))
    if focus is None:
        again = products(case) <= LARGEST
        return Diagnosis(patterns=(_NOT_AGAIN if again else _NOT_SMALLER,))
    names = tuple(session.naming(focus))
    result = focus.result()
    picture = pictures.plane(result) if result is not None and result.wrong.any() else None
    text = pictures.lines(picture) if picture else []
    picture = _larger(session, picture) or picture
    if names:
        return Diagnosis(names, (), tuple(text), picture)
    around = _around(session, session.anchor or focus)
    words = tuple(_words(session, focus, result, around))[:_MOST]
    acts = pictures.taps(around.acts) if around.acts else None
    return Diagnosis((), words, tuple(text), picture, acts)


def _larger(session: Session, picture: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the picture of a larger call that is wrong too, where one shows hardly anything."""
    if picture is None or sum(map(len, picture["got"])) >= _TELLING or session.anchor is None:
        return None
    result = session.anchor.result()
    if result is None or not result.wrong.any():
        return None
    drawn = pictures.plane(result)
    return {**drawn, "title": f"{drawn['title']} of a larger call"}


@lru_cache(maxsize=32)
def _probed(kernel: Kernel, operation: str, dtype: str) -> Session:
    """Return a kernel's answers to the probes, which serve all cases of a dtype."""
    return Session(kernel, operation_named(operation), dtype)


@dataclass(frozen=True)
class _Around:
    """What was found around a probe that a kernel answered wrongly."""

    acts: taps.Acts | None = None
    where: Condition | None = None
    kinds: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def _around(session: Session, asked: Asked) -> _Around:
    """Return what holds of a kernel beyond one call; the same for most cases that it fails."""
    case = asked.probe.case
    if asked.probe.small:
        case = replace(case, fill="integers")
    if products(case) > LARGEST or asked.probe.single:
        return _Around()
    where = condition(session.kernel, case)
    kinds = (*patterns.kinds(session.kernel, case), *patterns.linearity(session.ask, asked.probe))
    return _Around(taps.acting(session, asked), where, kinds)


def _repeated(one: Answer, other: Answer) -> bool:
    if isinstance(one, MisbehaviourError) or isinstance(other, MisbehaviourError):
        return same_kind(one, other)
    return np.array_equal(one, other, equal_nan=True)


def _words(session: Session, focus: Asked, result: Wrong | None, around: _Around) -> Iterator[str]:
    """Yield what is wrong, in words."""
    (again,) = session.ask([focus.probe])
    if session.lost:
        yield session.lost
        return
    if not _repeated(focus.answer, again.answer):
        yield "the same call gives another result the second time"
        return  # what would be said of geometries is of chance
    for mistake, where in session.partly(focus):
        yield f"{where}, it behaves as if {mistake.sentence}"
    if isinstance(focus.answer, MisbehaviourError):
        yield str(focus.answer).partition(":")[0]
    elif result is None:
        yield f"the result has shape {focus.answer.shape}, expected {focus.probe.expected.shape}"
    else:
        told = taps.words(around.acts) if around.acts else None
        found = [told] if told else [*patterns.values(result)]
        magnitude = session.magnitude(focus.probe)
        yield from found or patterns.rounding(result, focus.probe.case, magnitude)
        yield from (each for each in patterns.places(result) if each != patterns.ALL)
    # Found on a probe, which may be wrong for another reason.
    if around.where and around.where.holds(numbers_of(focus.probe.case)):
        yield around.where.words
    yield from around.kinds
    if result is not None and result.wrong.all():
        yield patterns.ALL

"""Kernels that are right on a call by itself: what their results depend on besides arguments."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .cases import Case
from .probes import Probe
from .session import Asked, Session, changed
from .verdicts import Evidence

_REPEATS = 64


@dataclass(frozen=True)
class History:
    """What is known of a kernel that is right on a call by itself."""

    words: str
    cases: tuple[Case, ...] = ()
    """judged one after another, these show it; empty where nothing is known to"""
    evidence: Evidence | None = None
    """the last of them, the call before it included"""


def chance(session: Session, probe: Probe) -> History | None:
    """Return that the same call gives different results; None where it does not."""
    asked = session.ask([probe] * _REPEATS)
    wrong = [each for each in asked if not each.right]
    if session.lost or not wrong or not any(changed(asked[0], each) for each in asked):
        return None
    words = f"different results for the same arguments, wrong in {len(wrong)} of {len(asked)} calls"
    result = next(filter(None, (each.result() for each in wrong)), None)
    shown = replace(evidence_of(probe, result), repeats=len(asked)) if result else None
    return History(words, evidence=shown)


def history(session: Session, probe: Probe) -> History:
    """Return what a kernel's results depend on that was right on `probe` when asked again."""
    fresh = session.restart()
    first, second = (
        (session.ask([probe])[0] for _ in range(2)) if not session.lost else (None, None)
    )
    if first and second and fresh and first.right and not second.right:
        session.restart()
        again = session.ask([probe, probe])
        if len(again) == 2 and again[0].right and not again[1].right:
            words = "right when first called, wrong on the second such call"
            return History(words, _cases(probe, probe), _second(again[1], "z = {call}"))
    by_chance = chance(session, probe)
    if by_chance:
        return by_chance
    other = replace(probe.case, seed=(probe.case.seed + 1) % 2**64)
    if fresh and not probe.special and session.restart():
        asked = session.ask([Probe(other), probe])
        if len(asked) == 2 and not asked[1].right:
            words = "right when first called, wrong after a call with other numbers of these shapes"
            result = asked[1].result()
            before = asked[0].probe.arrays
            shown = replace(evidence_of(probe, result), before=before) if result else None
            return History(words, _cases(Probe(other), probe), shown)
    return History(
        f"right in {_REPEATS} further calls with these arguments: its results depend on more"
    )


def _cases(*probes: Probe) -> tuple[Case, ...]:
    """Return the cases to judge again, where they hold all of the calls."""
    return () if any(each.special for each in probes) else tuple(each.case for each in probes)


def _second(asked: Asked, then: str) -> Evidence | None:
    """Return the evidence of a call that went wrong after the same one."""
    result = asked.result()
    if result is None:
        return None
    return evidence_of(asked.probe, result, (then,))


def evidence_of(probe: Probe, result: Any, then: tuple[str, ...] = ()) -> Evidence:
    """Return the evidence of one wrong result."""
    with np.errstate(all="ignore"):
        error = np.where(result.wrong, np.abs(result.got - result.expected), -1)
    index = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), error.shape)
    return Evidence(
        probe.arrays,
        probe.case,
        expression=f"z[{', '.join(str(int(i)) for i in index)}]",
        got=float(result.got[index]),
        expected=float(result.expected[index]),
        wrong=int(result.wrong.sum()),
        total=result.wrong.size,
        whole=result,
        then=then,
    )

"""Kernels that are right on a call by itself: what their results depend on besides arguments."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convcheck.cases.case import DTYPES, Case
from convcheck.judging.verdicts import Evidence, Wrong

from .probes import Probe
from .session import Session
from .where.claims import Claim

_REPEATS = 64
_SHOWN = 4  # calls in a row that are written out


@dataclass(frozen=True)
class History:
    """What is known of a kernel that is right on a call by itself."""

    claim: Claim
    cases: tuple[Case, ...] = ()
    """judged one after another, these show it; empty where nothing is known to"""
    evidence: Evidence | None = None
    """the last of them, the call before it included"""


def history(session: Session, probe: Probe) -> History:
    """Return what a kernel's results depend on that failed on `probe` and was right there."""
    fresh = session.restart()
    asked = [] if session.lost else session.ask([probe] * _REPEATS)
    wrong = [at for at, each in enumerate(asked) if not each.right]
    if wrong and len(asked) == _REPEATS:
        result = next(filter(None, (asked[at].result() for at in wrong)), None)
        shown = evidence_of(probe, result) if result else None
        if fresh and wrong == list(range(max(wrong[0], 1), _REPEATS)):
            return _from_then_on(probe, wrong[0], shown)
        words = (
            f"different results for the same arguments, wrong in {len(wrong)} of {len(asked)} calls"
        )
        shown = replace(shown or Evidence(probe.arrays, probe.case), repeats=len(asked))
        return History(Claim(words, "gives", circumstance=True), evidence=shown)
    found = _after_another(session, probe) if fresh and not probe.special else None
    if found is not None:
        return found
    words = f"right in {_REPEATS} further calls with these arguments: its results depend on more"
    return History(Claim(words, "is"))


def _after_another(session: Session, probe: Probe) -> History | None:
    """Return which other call, made before, makes a call wrong: one that differs in one respect."""
    for words, case in _others(probe.case):
        if session.lost or not session.restart():
            return None
        before = Probe(case)
        asked = session.ask([before, probe])
        if len(asked) == 2 and asked[0].right and not asked[1].right:
            result = asked[1].result()
            shown = evidence_of(probe, result) if result else Evidence(probe.arrays, probe.case)
            shown = replace(shown, before=Evidence(before.arrays, case))
            return History(_later(f"wrong after a call with {words}"), (case, probe.case), shown)
    return None


def _others(case: Case) -> Iterator[tuple[str, Case]]:
    """Yield cases that a kernel might take for another, and in what they differ."""
    yield "other numbers of these shapes", replace(case, seed=(case.seed + 1) % 2**64)
    g = case.geometry
    changes: list[tuple[str, dict[str, Any]]] = [
        ("another stride", {"stride_height": g.stride_height + 1}),
        ("another stride", {"stride_width": g.stride_width + 1}),
        ("another stride", {"stride_height": 1, "stride_width": 1}),
        ("more rows", {"height": g.height + g.stride_height}),
        ("more columns", {"width": g.width + g.stride_width}),
        ("more batch items", {"batch": g.batch + 1}),
        ("fewer rows", {"height": max(g.height - 1, 1)}),
        ("fewer columns", {"width": max(g.width - 1, 1)}),
        ("more channels in", {"channels_in": g.channels_in + 1}),
        ("more channels out", {"channels_out": g.channels_out + 1}),
    ]
    for words, sizes in changes:
        with contextlib.suppress(ValueError):  # what layer l+1 does not fit
            other = replace(case, geometry=replace(g, **sizes))
            if other != case and (other.mode == "bound" or other.largest is not None):
                yield words, other
    for dtype in DTYPES:
        other = replace(case, dtype=dtype)
        if dtype != case.dtype and (other.mode == "bound" or other.largest is not None):
            yield dtype, other


def _from_then_on(probe: Probe, before: int, shown: Evidence | None) -> History:
    """Return that a kernel is right in so many calls, and wrong in all that follow."""
    claim = _later("wrong on the second such call")
    if before > 1:
        claim = _later(f"wrong from call {before + 1} with these arguments on")
    few = before < _SHOWN
    if shown is not None:
        again = ("z = {call}",) * before
        shown = replace(shown, then=again) if few else replace(shown, repeats=before + 1)
    return History(claim, _cases(*[probe] * (before + 1)) if few else (), shown)


def _later(words: str) -> Claim:
    return Claim(f"right when first called, {words}", "is", circumstance=True)


def _cases(*probes: Probe) -> tuple[Case, ...]:
    """Return the cases to judge again, where they hold all of the calls."""
    return () if any(each.special for each in probes) else tuple(each.case for each in probes)


def evidence_of(probe: Probe, result: Wrong, then: tuple[str, ...] = ()) -> Evidence:
    """Return the evidence of one wrong result."""
    with np.errstate(all="ignore"):
        error = np.where(result.wrong, np.abs(result.got - result.expected), -1)
    index = np.unravel_index(int(np.argmax(np.where(np.isnan(error), np.inf, error))), error.shape)
    return Evidence(
        probe.arrays,
        probe.case,
        expression=f"z[{', '.join(str(int(i)) for i in index)}]",
        index=tuple(int(i) for i in index),
        got=float(result.got[index]),
        expected=float(result.expected[index]),
        wrong=int(result.wrong.sum()),
        total=result.wrong.size,
        whole=result,
        then=then,
    )

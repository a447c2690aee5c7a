"""Kernels that are right on a call by itself: on what else their results depend.

That may be earlier calls, chance, or how arguments lie in memory.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from convcheck.cases.case import Case
from convcheck.form.formats import DTYPES
from convcheck.kernels.calls import ARRANGEMENTS
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.shown.evidence import Evidence

from .answers import Asked
from .diagnosis import Diagnosis
from .probes import Probe
from .session import Session
from .where.claims import Claim, circumstance

_REPEATS = 64
_SHOWN = 4  # calls in a row that are written out


def history(session: Session, probe: Probe) -> Diagnosis:
    """Return what a kernel's results depend on that failed on `probe` and was right there."""
    fresh = session.subject.renew()
    asked = [] if session.lost else session.ask([probe] * _REPEATS)
    wrong = [at for at, each in enumerate(asked) if not each.right]
    if wrong and len(asked) == _REPEATS:
        compared = next((asked[at] for at in wrong if asked[at].result), None)
        shown = compared.evidence() if compared else None
        if fresh and wrong == list(range(max(wrong[0], 1), _REPEATS)):
            return _from_then_on(probe, wrong[0], shown)
        share = f"wrong in {len(wrong)} of {len(asked)} calls"
        claim = circumstance(f"different results for the same arguments, {share}", "gives")
        shown = replace(shown or Evidence(probe.arrays, probe.case), repeats=len(asked))
        return Diagnosis(claims=(claim,), evidence=shown)
    found = _after_another(session, probe) if fresh and not probe.special else None
    if found is not None:
        return found
    words = f"right in {_REPEATS} further calls with these arguments: its results depend on more"
    return Diagnosis(claims=(Claim(words, "is"),))


def _after_another(session: Session, probe: Probe) -> Diagnosis | None:
    """Return which other call, made before, makes a call wrong: one that differs in one respect."""
    for words, case in _others(probe.case):
        if case == probe.case or (case.mode != "bound" and case.largest is None):
            continue
        if session.lost or not session.subject.renew():
            return None
        before = Probe(case)
        asked = session.ask([before, probe])
        if len(asked) == 2 and asked[0].right and not asked[1].right:
            claim = circumstance(f"right when first called, wrong after a call with {words}")
            shown = replace(asked[1].evidence(), before=Evidence(before.arrays, case))
            return Diagnosis(claims=(claim,), cases=(case, probe.case), evidence=shown)
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
            yield words, replace(case, geometry=g.resized(**sizes))
    yield from ((dtype, replace(case, dtype=dtype)) for dtype in DTYPES)


def _from_then_on(probe: Probe, before: int, shown: Evidence | None) -> Diagnosis:
    """Return that a kernel is right in so many calls, and wrong in all that follow."""
    words = "wrong on the second such call"
    if before > 1:
        words = f"wrong from call {before + 1} with these arguments on"
    few = before < _SHOWN
    if shown is not None and few:
        shown = replace(shown, then=("z = {call}",) * before)
    elif shown is not None:
        shown = replace(shown, repeats=before + 1)
    # Where cases do not hold all of the calls, judging them again does not show it.
    cases = (probe.case,) * (before + 1) if few and not probe.special else ()
    claim = circumstance(f"right when first called, {words}")
    return Diagnosis(claims=(claim,), cases=cases, evidence=shown)


_LAID = {
    "fortran": "in Fortran order",
    "reversed": "with negative strides",
    "gapped": "with gaps between elements",
}


def layout(session: Session, focus: Asked) -> Diagnosis | None:
    """Return how a kernel takes memory wrongly, and a call; None if it does not.

    Args:
        session: of the kernel.
        focus: a call with dense arrays on which it is right.
    """
    names = list(session.operation.factors)
    alone = [f"{kind}:{name}" for name in names for kind in ARRANGEMENTS]
    probes = [replace(focus.probe, arrangement=each) for each in (*alone, *ARRANGEMENTS)]
    bad = {each.probe.arrangement: each for each in session.ask(probes) if not each.right}
    if not bad or session.lost:
        return None
    places = [
        f"{name} lies {_listed(kinds)}"
        for name in names
        if (kinds := [_LAID[kind] for kind in ARRANGEMENTS if f"{kind}:{name}" in bad])
    ]
    if not places:
        places = [f"all arguments lie {_listed([_LAID[k] for k in ARRANGEMENTS if k in bad])}"]
    answers = [each.answer for each in bad.values()]
    deeds = sorted({a.deed if isinstance(a, MisbehaviourError) else "wrong" for a in answers})
    words = f"right on C-contiguous arrays, {_listed(deeds)} where {_listed(places)} in memory"
    # With all arguments so arranged, or else one of them.
    kind = next((kind for kind in ARRANGEMENTS if kind in bad), next(iter(bad)))
    evidence = bad[kind].evidence(f"z = {{{kind.partition(':')[0]}}}")
    told = Diagnosis(
        claims=(circumstance(words),),
        advice=("declines=memory_layout, if it takes dense arrays alone",),
        evidence=evidence,
    )
    return told.drawn(evidence)


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last

"""Kernels that are right on C-contiguous arrays, and wrong where arguments lie otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from convcheck.judging.verdicts import Evidence
from convcheck.kernels.calls import ARRANGEMENTS
from convcheck.kernels.misbehaviour import MisbehaviourError

from .history import evidence_of
from .session import Asked, Session
from .where.claims import Claim

_WORDS = {
    "fortran": "in Fortran order",
    "reversed": "with negative strides",
    "gapped": "with gaps between elements",
}


def layout(session: Session, focus: Asked) -> tuple[Claim, Evidence] | None:
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
        if (kinds := [_WORDS[kind] for kind in ARRANGEMENTS if f"{kind}:{name}" in bad])
    ]
    if not places:
        places = [f"all arguments lie {_listed([_WORDS[k] for k in ARRANGEMENTS if k in bad])}"]
    answers = [each.answer for each in bad.values()]
    deeds = sorted({a.deed if isinstance(a, MisbehaviourError) else "wrong" for a in answers})
    words = f"right on C-contiguous arrays, {_listed(deeds)} where {_listed(places)} in memory"
    return Claim(words, "is", circumstance=True), _evidence(bad)


def _evidence(bad: Mapping[str, Asked]) -> Evidence:
    """Return the evidence of a call with all arguments so arranged, or else one of them."""
    kind = next((kind for kind in ARRANGEMENTS if kind in bad), next(iter(bad)))
    asked = bad[kind]
    then, result = (f"z = {{{kind.partition(':')[0]}}}",), asked.result()
    if result is None:
        return Evidence(asked.probe.arrays, asked.probe.case, then=then)
    return evidence_of(asked.probe, result, then)


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last

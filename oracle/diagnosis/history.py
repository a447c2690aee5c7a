"""Kernels that are right on a call by itself: on what else their results depend.

That may be earlier calls, chance, or how arguments are handed over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from convcheck.cases.case import Case
from convcheck.cases.numbers import turned
from convcheck.judging.laws.handed import others
from convcheck.judging.laws.trial import refused
from convcheck.kernels.arguments.arrangements import (
    CONTIGUOUS,
    IN_MEMORY,
    KINDS,
    PAIRS,
    in_words,
    laid_out,
    valued,
)
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.shown.evidence import Evidence

from . import threads
from .answers import Asked, changed
from .diagnosis import Diagnosis
from .pictures import Calls
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
        calls = (Calls("the same call, again and again", [each.right for each in asked]),)
        if fresh and wrong == list(range(max(wrong[0], 1), _REPEATS)):
            return replace(_from_then_on(probe, wrong[0], shown), calls=calls)
        share = f"wrong in {len(wrong)} of {len(asked)} calls"
        words = "different results for the same arguments"
        claim = Claim(words, "gives", share=share, circumstance=True)
        deeds = {asked[at].deed for at in wrong}
        if compared is None and len(deeds) == 1:
            does = deeds.pop()
            # Results are compared with some of the earlier ones alone.
            seen = ", as was seen," if "an earlier" in does else ""
            share = f"{does}{seen} in {len(wrong)} of {len(asked)} calls with the same arguments"
            claim = circumstance(share, "")
        claim = threads.alone(session, probe, share, _REPEATS) or claim
        shown = replace(shown or Evidence(probe.arrays, probe.case), repeats=len(asked))
        return Diagnosis(claims=(claim,), evidence=shown, calls=calls)
    found = _after_another(session, Probe(probe.case)) if fresh else None
    found = found or after_its_like(session, probe.case) or threads.raced(session, probe.case.dtype)
    if found is not None:
        return found
    words = f"right in {_REPEATS} further calls with these arguments: its results depend on more"
    return Diagnosis(claims=(Claim(words, "is"),))


def _after_another(session: Session, probe: Probe) -> Diagnosis | None:
    """Return which other call, made before, makes a call wrong: one that differs in one respect."""
    if not (session.subject.renew() and all(each.right for each in session.ask([probe]))):
        return None
    for words, case in others(probe.case, session.subject.asked):
        if case == probe.case or (case.mode != "bound" and case.largest is None):
            continue
        if session.lost or not session.subject.renew():
            return None
        before = Probe(case)
        asked = session.ask([before, probe])
        if len(asked) == 2 and asked[0].right and not asked[1].right:
            claim = circumstance(f"right when first called, wrong after a call with {words}")
            shown = replace(asked[1].evidence(), before=Evidence(before.arrays, case))
            calls = Calls(f"a call with {words}", [True]), Calls("this call, after it", [False])
            cases = (case, probe.case)
            return Diagnosis(claims=(claim,), cases=cases, evidence=shown, calls=calls)
    return None


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


_PAIRS = 8


def after_its_like(session: Session, case: Case) -> Diagnosis | None:
    """Return of which argument a kernel does not notice that its numbers are new, if of any.

    It is called with random numbers, and then with the same in another order, which are as random:
    a kernel that is right on all the first calls and wrong on all the second ones remembers.
    """
    if case.largest is None:
        return None
    ways = {
        "copy": "after a call with the numbers of {} in another order",
        "held:{}": "where {} is the array of the call before, changed in place",
    }
    for (way, words), name in product(ways.items(), case.arrays()):
        for seed in range(_PAIRS):
            before = Probe(replace(case, fill="integers", seed=seed))
            other = {**before.arrays, name: turned(before.arrays[name])}
            after = replace(before.holding(**other), arrangement=way.format(name))
            asked = session.ask([before, after])
            if session.lost or not asked[0].right or asked[1].right:
                break
        else:
            claim = circumstance(f"right when first called, wrong {words.format(name)}")
            stale = Claim("its result is then that of the call before", "")
            shown = replace(asked[1].evidence(), before=Evidence(before.arrays, before.case))
            claims = (claim,) if changed(*asked) else (claim, stale)
            calls = (
                Calls("calls with new numbers", [True] * _PAIRS),
                Calls(words.format(name), [False] * _PAIRS),
            )
            return Diagnosis(claims=claims, evidence=shown, calls=calls)
    return None


def layout(session: Session, focus: Asked, arrangement: str) -> Diagnosis | None:
    """Return which arguments a kernel takes wrongly, and a call; None if there are none.

    Args:
        session: of the kernel.
        focus: a call with new C-contiguous arrays on which it is right.
        arrangement: of the call on which it was wrong.
    """
    probe, places = focus.probe, []
    wrong: dict[str, Asked] = {}
    dense = True  # whether it is right on all that is C-contiguous
    arranged = [*CONTIGUOUS] if session.subject.dense else _EVERY
    for name in session.operation.signature:
        strided = _strided(session, probe, name)
        kinds = [*PAIRS] if name.endswith("strd") else arranged if strided else []
        alone = {f"{kind}:{name}": kind for kind in kinds}
        found = _wrong(session, probe, alone)
        if found:
            bad = {alone[each] for each in found}
            places.append(f"{name} {_place(strided, bad)}")
            wrong |= found
            dense = dense and bad <= strided
    if not wrong:
        wrong, places, dense = _wrong(session, probe, [arrangement]), [in_words(arrangement)], False
    if not wrong or session.lost:
        return None
    answers = [each.answer for each in wrong.values()]
    deeds = sorted({a.deed if isinstance(a, MisbehaviourError) else "wrong" for a in answers})
    right = "right on C-contiguous arrays" if dense else "right in plain calls"
    evidence = next(iter(wrong.values())).evidence()
    told = Diagnosis(
        claims=(circumstance(f"{right}, {_listed(deeds)} where {_listed(places)}"),),
        advice=("memory=C, if it takes C-contiguous arrays alone",) if dense else (),
        evidence=evidence,
    )
    return told.drawn(evidence)


_EVERY = [kind for family in IN_MEMORY.values() for kind in family]


def _wrong(session: Session, probe: Probe, arrangements: Iterable[str]) -> dict[str, Asked]:
    """Return the calls that go wrong so arranged, and right with new arrays of their numbers.

    Both go so each time that they are made: a kernel that is wrong now and then is no such one.
    """
    wrong: dict[str, Asked] = {}
    for arrangement in arrangements:
        arrays = valued(probe.arrays, arrangement, session.subject.axes_in_memory)
        plain = probe if arrays is probe.arrays else probe.holding(**arrays)
        both = [plain, replace(plain, arrangement=arrangement)]
        for _ in range(_PAIRS):
            asked = session.ask(both)
            if session.lost:
                return wrong
            right, arranged = asked[0].right, asked[1]
            if not right or arranged.right or refused(arrangement, arranged.answer):
                break
        else:
            wrong[arrangement] = arranged
    return wrong


def _strided(session: Session, probe: Probe, name: str) -> set[str]:
    """Return the kinds in which an argument is not C-contiguous, if it is an array of four axes."""
    array, axes = probe.arrays.get(name), session.subject.axes_in_memory(name)
    if array is None or array.ndim != 4:
        return set()
    own = array if axes is None else array.transpose(axes)
    return {kind for kind in _EVERY if not laid_out(own, kind).flags.c_contiguous}


def _place(strided: set[str], wrong: set[str]) -> str:
    """Return how an argument lies, or what it is, where a kernel is wrong."""
    words = []
    if strided and strided <= wrong:
        words.append("is not C-contiguous")
        wrong = wrong & CONTIGUOUS.keys()
    for common, family in IN_MEMORY.items():
        telling = strided & family.keys()
        if len(telling) > 1 and telling <= wrong:
            words.append(common)
            wrong = wrong - family.keys()
    return _listed([*words, *(KINDS[kind].words for kind in KINDS if kind in wrong)])


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last

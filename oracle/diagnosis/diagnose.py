"""How a kernel is wrong that failed: the mistakes that give its results, or else patterns.

Nothing is said here that does not hold of all that was asked: a mistake is named if it gives the
kernel's results on the failing call, on the probes and on every geometry tried around it; where a
kernel is wrong is told if that parts right from wrong on all of these; and what wrong results look
like is told if all of them do.  A run's other cases have a say, too: see `claims`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from convcheck.cases.case import Case
from convcheck.form.operations import operation_named
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.trial import calls_of
from convcheck.judging.verdicts import Evidence, Verdict, Wrong
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.subjects import Subject

from . import patterns, pictures, taps
from .advice import advice, missing_promise
from .history import evidence_of, history
from .layout import layout
from .mistakes import Mistake
from .probes import Probe
from .session import Asked, Session, changed, explains, gives
from .where.claims import Backing, Claim, Link
from .where.conditions import condition
from .where.scan import ANOTHER_SHAPE, LARGEST, WRONG, Draw, Scan, deed, products, smaller
from .where.signs import common, of_shape, signs, told
from .where.statements import numbers_of

_MOST = 6  # patterns in one diagnosis
_TRIED = 40  # small geometries, and others, of which the smallest wrong one is looked around
_TOLD = 100  # products up to which a call is small
_LOOKED, _FEW = 60, 3  # wrong results that are looked at, and that it takes to count them
_NOT_SMALLER = Claim(
    "right on all smaller calls that were tried around it", "is", circumstance=True
)


@dataclass(frozen=True)
class Diagnosis:
    """What can be told of a kernel that failed."""

    names: tuple[Mistake, ...] = ()
    """mistakes that give its results, exactly"""
    claims: tuple[Claim, ...] = ()
    """what is wrong, the most telling first"""
    advice: tuple[str, ...] = ()
    """declarations with which its results would be right"""
    text: tuple[str, ...] = ()
    """a picture of what is wrong"""
    picture: dict[str, Any] | None = None
    taps: dict[str, Any] | None = None
    cases: tuple[Case, ...] = ()
    """judged one after another, these show what one by itself does not"""
    evidence: Evidence | None = None
    """the call that shows it, where that is not the one that failed"""

    @property
    def patterns(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        return tuple(each.text for each in self.claims)

    def lines(self) -> list[str]:
        """Return the diagnosis as a failure message has it."""
        named = [f"  behaves exactly like: {each.sentence}" for each in self.names]
        words = [f"  pattern  {each}" for each in self.patterns]
        advised = [f"  declare  {each}" for each in self.advice]
        return [*named, *words, *advised, *(f"    {line}" for line in self.text)]

    def plain(self) -> dict[str, Any]:
        """Return the diagnosis in plain types."""
        return {
            "names": [
                {"id": each.id, "sentence": each.sentence, "known_from": each.known_from}
                for each in self.names
            ],
            "patterns": list(self.patterns),
            "advice": list(self.advice),
            "picture": self.picture,
            "taps": self.taps,
            "text": list(self.text),
        }


_KNOWN: dict[tuple[Subject, Case, str], Diagnosis] = {}
_KEPT = 256


def diagnose(verdict: Verdict) -> Diagnosis:
    """Return how the kernel is wrong of which `verdict` says that it failed.

    The kernel is called again on the case, on probes and on geometries around it, a bounded number
    of times, and not again once it hung or crashed.  Nothing that it does is raised.
    """
    key = (verdict.subject, verdict.case, verdict.prop)
    if key not in _KNOWN:
        if len(_KNOWN) >= _KEPT:
            _KNOWN.clear()
        try:
            _KNOWN[key] = _diagnosed(verdict)
        except Exception as error:  # noqa: BLE001  (a failure is told, whatever becomes of this)
            text = f"no diagnosis: {type(error).__name__}: {error}"
            _KNOWN[key] = Diagnosis(claims=(Claim(text),))
    return _KNOWN[key]


def _diagnosed(verdict: Verdict) -> Diagnosis:
    evidence = verdict.evidence or Evidence(verdict.case.arrays(), verdict.case)
    session = _probed(verdict.subject, verdict.case.operation, verdict.case.dtype)
    probe = session.call_of(evidence)
    focus = session.first(probe) if probe else None
    if session.lost:
        return Diagnosis(claims=(Claim(session.lost),))
    if focus is None:
        return _of_large(session, evidence)
    if focus.right:
        found = layout(session, focus) if verdict.prop == "memory layout" else None
        if found is not None:
            claim, shown = found
            advised = "declines=memory_layout, if it takes dense arrays alone"
            told = Diagnosis(claims=(claim,), advice=(advised,), evidence=shown)
            return _drawn(told, shown)
        other = _other_call(session, verdict)
        if other is None:
            return _of_history(session, focus)
        focus, evidence = other
        return replace(_of_wrong(session, focus, evidence), evidence=evidence)
    return _of_wrong(session, focus, evidence)


def _other_call(session: Session, verdict: Verdict) -> tuple[Asked, Evidence] | None:
    """Return a call that a law makes and the kernel does wrongly, and what shows it; None if none.

    A law compares results of several calls, of which the one that is told of may be right.
    """
    if verdict.prop not in LAWS or verdict.prop in ("memory layout", "adjointness"):
        return None
    for call in calls_of(LAWS[verdict.prop], verdict.subject, verdict.case):
        case = replace(verdict.case, geometry=call.geometry)
        if products(case) > LARGEST:
            continue
        changes = tuple((name, array.tobytes()) for name, array in call.arrays.items())
        asked = session.first(Probe(case, changes=changes))
        result = asked.result()
        if session.lost:
            return None
        if not asked.right:
            shown = Evidence(asked.probe.arrays, case)
            return asked, shown if result is None else evidence_of(asked.probe, result)
    return None


def _of_wrong(session: Session, focus: Asked, evidence: Evidence) -> Diagnosis:
    """Return what is told of a kernel that is wrong on a call when it is made again."""
    (again,) = session.ask([focus.probe])
    if session.lost or changed(focus, again):
        return _of_history(session, focus)
    if session.remembers:
        claims = (Claim("wrong in this call, and its results also depend on earlier ones", "is"),)
        return _drawn(Diagnosis(_stateful(session), claims), evidence, focus.result())
    return _of_call(session, focus, evidence)


def _of_history(session: Session, focus: Asked) -> Diagnosis:
    """Return what is told of a kernel that is right on the call by itself."""
    found = history(session, focus.probe)
    if session.lost:
        return Diagnosis(claims=(Claim(session.lost),))
    told = Diagnosis(_stateful(session), (found.claim,), cases=found.cases, evidence=found.evidence)
    return _drawn(told, found.evidence) if found.evidence else told


def _stateful(session: Session) -> tuple[Mistake, ...]:
    return tuple(each for each in session.fitting if each.state)[:1]


def _of_large(session: Session, evidence: Evidence) -> Diagnosis:
    """Return what is told of a call that is too large to be repeated by the hundred."""
    case, less = evidence.case, smaller(evidence.case)
    verdict = judge(session.subject, less) if products(less) <= LARGEST else None
    if verdict is not None and verdict.failed:
        found = _diagnosed(verdict)
        return replace(_drawn(found, evidence), cases=(), evidence=None)
    for dtype in dict.fromkeys(("float64", case.dtype)):
        other = _probed(session.origin, case.operation, dtype)
        around = _around_first(other, dtype, "small", WRONG)
        if around is not None:
            claims = () if around.names else tuple(_located(around, case))
            return _drawn(Diagnosis(around.names[:1], claims), evidence)
    return _drawn(Diagnosis(claims=(_NOT_SMALLER,)), evidence)


def _drawn(found: Diagnosis, evidence: Evidence, result: Wrong | None = None) -> Diagnosis:
    """Return a diagnosis with the picture of the call that went wrong."""
    whole = evidence.whole or (None if evidence.then else result)
    if whole is None or whole.got.ndim != 4 or not whole.wrong.any():
        return found
    picture = pictures.plane(whole, evidence.index if whole is evidence.whole else ())
    return replace(found, text=tuple(pictures.lines(picture)), picture=picture)


def _of_call(session: Session, focus: Asked, evidence: Evidence) -> Diagnosis:
    """Return what is told of a kernel that is wrong on a call whenever it is made."""
    found = _found(session, focus)
    names = tuple(each for each in found.names if explains(each, focus))[:1]
    missing = missing_promise(session, focus.probe.case) if not focus.probe.special else None
    advised = tuple(advice(session, focus, missing))
    if names:
        return _drawn(Diagnosis(names, advice=advised), evidence, focus.result())
    acts = None if focus.probe.single else taps.acting(session, focus)
    claims = tuple(dict.fromkeys(_claims(session, focus, found, acts)))[:_MOST]
    if missing is not None:
        words = f"right as far as {missing} promises, which is not declared"
        claims = (Claim(words, "is", circumstance=True), *claims)
    told = Diagnosis((), claims, advised)
    if acts:
        told = replace(told, taps=pictures.taps(acts))
    return _drawn(told, evidence, focus.result())


@lru_cache(maxsize=32)
def _probed(subject: Subject, operation: str, dtype: str) -> Session:
    """Return a kernel's answers to the probes, which serve all cases of a dtype."""
    return Session(subject, operation_named(operation), dtype)


@dataclass(frozen=True, eq=False)
class _Found:
    """What was found around a call that a kernel answers wrongly."""

    deed: str = WRONG
    tried: tuple[Asked, ...] = ()
    names: tuple[Mistake, ...] = ()
    """those that give all answers"""
    partly: tuple[tuple[Mistake, str], ...] = ()
    """those that give some, and which"""
    where: Claim | None = None
    kinds: tuple[Claim, ...] = ()
    """in which dtypes and on which numbers alone"""
    others: tuple[Claim, ...] = ()


def _found(session: Session, focus: Asked) -> _Found:
    """Return what holds of the kernel beyond one call: the same for most that it fails."""
    case = focus.probe.case
    does = _deed(focus)
    plain = _plain(session.subject, case, does)
    session = _probed(session.origin, case.operation, plain.dtype)
    first = _around_first(session, plain.dtype, plain.fill, does)
    if first is None:
        return _around(session, plain, does)
    # A scan takes its time: another one is for small calls, which are those that are told.
    spared = first.where is None or products(case) > _TOLD
    return first if spared or _covers(first, case, does) else _around(session, plain, does)


def _plain(subject: Subject, case: Case, does: str) -> Case:
    """Return a case of the same geometry on which the kernel is wrong likewise, if one is plainer.

    Small integers leave room for the sums of more terms that a wrong kernel may make; and there
    are most of them in float64, so that it is hardly right by chance.
    """
    for dtype in dict.fromkeys(("float64", case.dtype)):
        for fill in ("small", "integers"):
            plain = replace(case, dtype=dtype, fill=fill, seed=1)
            verdict = judge(subject, plain)
            if verdict.failed and deed(verdict) == does:
                return plain
    return case


def _deed(asked: Asked) -> str:
    answer = asked.answer
    if isinstance(answer, MisbehaviourError):
        return answer.deed
    return WRONG if answer.shape == asked.probe.expected.shape else ANOTHER_SHAPE


def _covers(found: _Found, case: Case, does: str) -> bool:
    """Return whether what was found says that the kernel does so on a case."""
    where = found.where.backing if found.where else Backing()
    if where.statement is None or where.deed not in ("", does):
        return False
    numbers = numbers_of(operation_named(case.operation), case.geometry)
    return bool(where.statement.holds(numbers))


@lru_cache(maxsize=64)
def _around_first(session: Session, dtype: str, fill: str, does: str) -> _Found | None:
    """Return what holds around the smallest of a fixed set of calls that the kernel does wrongly.

    None if it does none of them so.
    """
    draw = Draw(session.operation, seed=7)
    drawn = [draw.small() for _ in range(_TRIED)] + [draw.geometry() for _ in range(_TRIED)]
    drawn += [each.probe.case.geometry for each in session.asked if each.probe.small]
    cases = [Case(session.operation.name, each, dtype, fill, 1) for each in dict.fromkeys(drawn)]
    wrong = [each.case for each in judge_all(session.subject, cases) if deed(each) == does]
    if not wrong:
        return None
    return _around(session, min(wrong, key=lambda each: (products(each), str(each))), does)


@lru_cache(maxsize=64)
def _around(session: Session, case: Case, does: str) -> _Found:
    scan = Scan(session.subject, case)
    where = condition(scan, case.geometry, does)
    session.lost = session.lost or scan.lost
    verdicts = sorted(scan.verdicts.values(), key=lambda v: (products(v.case), str(v.case)))
    tried = tuple(session.answers(verdicts))
    if session.lost:
        return _Found(does, tried)
    names = tuple(session.holding(tried))
    partly = () if names else tuple(session.partly(tried))
    kinds = tuple(patterns.kinds(session.subject, case))
    (asked,) = session.ask([Probe(case)])
    linear = () if asked.right else patterns.linearity(session.ask, asked.probe)
    return _Found(does, tried, names, partly, where, kinds, tuple(map(Claim, linear)))


def _claims(
    session: Session, focus: Asked, found: _Found, acts: taps.Acts | None
) -> Iterator[Claim]:
    """Yield what is wrong, the most telling first."""
    wrong = [each for each in found.tried if not each.right and _deed(each) == found.deed]
    dtype, where = focus.probe.case.dtype, found.where
    part = next((each for each in found.partly if gives(each[0], [focus])), None)
    if part is not None:
        yield Claim(part[0].sentence, link=Link.AS_IF, place=part[1])
    located = list(_located(found, focus.probe.case))
    yield from located
    if not located and isinstance(focus.answer, MisbehaviourError):
        yield Claim(focus.answer.deed, "")
    if not located:
        yield from found.kinds
    asked = [focus, *wrong[:_LOOKED]]
    asked = [a for a in asked if not a.right and not isinstance(a.answer, MisbehaviourError)]
    signed = list(_shared(session, asked, dtype))
    yield from signed
    acting = taps.words(acts) if acts else None
    if acting:
        yield Claim(f"in this call, {acting}")
    if not signed and not acting:
        plain = found.tried[0].probe.case.fill == "small" if found.tried else False
        yield from map(Claim, patterns.rounding(asked, guess=not plain))
    yield from found.kinds  # where they were not told yet
    yield from found.others
    if where is None and len(wrong) >= _FEW:
        every = len(wrong) == len(found.tried)
        share = f"all {len(wrong)}" if every else f"{len(wrong)} of {len(found.tried)}"
        words, verb = ("wrong", "is") if found.deed == WRONG else (found.deed, "")
        yield Claim(f"{words} in {share} geometries tried", verb)


def _located(found: _Found, case: Case) -> Iterator[Claim]:
    """Yield where the kernel is wrong, if that says that it is on a case."""
    if found.where and _covers(found, case, found.deed):
        yield found.where


def _shared(session: Session, asked: list[Asked], dtype: str) -> Iterator[Claim]:
    """Yield what all wrong results have in common."""
    every = []
    for each in asked:
        numbers = numbers_of(session.operation, each.probe.case.geometry)
        result, answer = each.result(), each.answer
        if result is not None:
            every.append(signs(result, numbers))
        elif not isinstance(answer, MisbehaviourError):
            axes = session.operation.result
            every.append(of_shape(answer.shape, each.probe.expected.shape, axes, numbers))
    if every:
        for found, text, verb in told(common(every)):
            yield Claim(text, verb, backing=Backing(dtype, signs=found))

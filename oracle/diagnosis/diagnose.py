"""How a kernel is wrong that failed: the mistakes that give its results, or else patterns.

Nothing is said here that does not hold of all that was asked: a mistake is named if it gives the
kernel's results on the failing call, on the probes and on every geometry tried around it; where a
kernel is wrong is told if that parts right from wrong on all of these; and what wrong results look
like is told if all of them do.  A run's other cases have a say, too: see `seen`.
"""

from dataclasses import replace

from convcheck.cases.case import Case
from convcheck.judging.judge import judge
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.trial import calls_of
from convcheck.judging.threads import THREADS
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.subjects import Subject

from . import pictures, taps
from .advice import advice, missing_promise, overpromised
from .answers import Asked, changed, explains
from .around import around, around_first, claims
from .diagnosis import Diagnosis
from .history import after_its_like, history, layout
from .mistakes import Mistake
from .probes import Probe
from .session import Session, session_of
from .threads import raced, racing
from .where.claims import Backing, Claim, circumstance
from .where.scan import LARGEST, WRONG, products, smaller

_MOST = 6  # patterns in one diagnosis
_AGAIN = 5  # calls of one that several threads may get wrong
_MORE = 32  # calls of one that has given other results for the same arguments
_ONCE_MORE = 2**20  # products of a call up to which it is made again
_NOT_SMALLER = "right on all smaller calls that were tried around it"
_RIGHT_AGAIN = "right in another call with these arguments: its results depend on more than them"

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
            _KNOWN[key] = racing(verdict) if verdict.prop == THREADS else _diagnosed(verdict)
        except Exception as error:  # noqa: BLE001  (a failure is told, whatever becomes of this)
            text = f"no diagnosis: {type(error).__name__}: {error}"
            _KNOWN[key] = Diagnosis(claims=(Claim(text),))
    return _KNOWN[key]


def _diagnosed(verdict: Verdict) -> Diagnosis:
    evidence = verdict.evidence or Evidence(verdict.case.arrays(), verdict.case)
    session = session_of(verdict.subject, verdict.case.dtype)
    probe = session.call_of(evidence)
    focus = session.first(probe) if probe else None
    if session.lost:
        return Diagnosis(claims=(Claim(session.lost),))
    if focus is None:
        return _of_large(session, evidence)
    if not focus.right:
        # A law's other side may be as wrong: what is told is what the call should give.
        of_law = evidence.expression and verdict.prop in LAWS
        return _of_other(session, focus) if of_law else _of_wrong(session, focus, evidence)
    found = None
    if verdict.prop == "memory layout":
        found = layout(session, focus, evidence.arrangement)
    elif verdict.prop in LAWS:
        found = after_its_like(session, focus.probe.case)
    if found is not None:
        return found
    other = _other_call(session, verdict)
    if other is None:
        return _of_history(session, focus)
    return _of_other(session, other)


def _of_other(session: Session, focus: Asked) -> Diagnosis:
    """Return what is told of a wrong call that a law makes, and that call."""
    evidence = focus.evidence()
    return replace(_of_wrong(session, focus, evidence), evidence=evidence)


def _other_call(session: Session, verdict: Verdict) -> Asked | None:
    """Return a call that a law makes and the kernel answers wrongly; None if there is none.

    A law compares results of several calls, of which the one that is told of may be right.
    """
    if verdict.prop not in LAWS or verdict.prop in ("memory layout", "adjointness"):
        return None
    for call in calls_of(LAWS[verdict.prop], verdict.subject, verdict.case):
        case = replace(verdict.case, geometry=call.geometry)
        if products(case) > LARGEST:
            continue
        asked = session.first(Probe(case).holding(**call.arrays))
        if session.lost:
            return None
        if not asked.right:
            return asked
    return None


def _of_wrong(session: Session, focus: Asked, evidence: Evidence) -> Diagnosis:
    """Return what is told of a kernel that is wrong on a call when it is made again."""
    again = session.ask([focus.probe] * (_MORE if session.remembers else 1))
    if session.lost or any(changed(focus, each) for each in again):
        return _of_history(session, focus)
    if session.remembers:
        words = "wrong in this call, and its results depend on more than its arguments"
        claim = Claim(words, "is")
        return Diagnosis(_stateful(session), (claim,)).drawn(evidence, focus.result)
    return _of_call(session, focus, evidence)


def _of_history(session: Session, focus: Asked) -> Diagnosis:
    """Return what is told of a kernel that is right on the call by itself."""
    found = history(session, focus.probe)
    if session.lost:
        return Diagnosis(claims=(Claim(session.lost),))
    return replace(found, names=_stateful(session)).drawn(found.evidence)


def _stateful(session: Session) -> tuple[Mistake, ...]:
    return tuple(each for each in session.fitting if each.state)[:1]


def _of_large(session: Session, evidence: Evidence) -> Diagnosis:
    """Return what is told of a call that is too large to be repeated by the hundred."""
    case, less = evidence.case, smaller(evidence.case)
    if session.subject.threaded and any(judge(session.subject, case) for _ in range(_AGAIN)):
        met = raced(session, case.dtype)
        if met is not None:
            return met.drawn(evidence)
    if products(case) <= _ONCE_MORE and judge(session.subject, case):
        return Diagnosis(_stateful(session), (circumstance(_RIGHT_AGAIN),)).drawn(evidence)
    if session.remembers:
        claim = circumstance("different results for the same arguments", "gives")
        return Diagnosis(_stateful(session), (claim,)).drawn(evidence)
    verdict = judge(session.subject, less) if products(less) <= LARGEST else None
    if verdict is not None and verdict.failed:
        return replace(_diagnosed(verdict).drawn(evidence), cases=(), evidence=None)
    for dtype in dict.fromkeys(("float64", case.dtype)):
        other = session_of(session.origin, dtype)
        found = around_first(other, dtype, "small", WRONG)
        if found is not None:
            located = () if found.names else tuple(found.located(case, found.deed))
            return Diagnosis(found.names[:1], located).drawn(evidence)
    return Diagnosis(claims=(circumstance(_NOT_SMALLER),)).drawn(evidence)


def _of_call(session: Session, focus: Asked, evidence: Evidence) -> Diagnosis:
    """Return what is told of a kernel that is wrong on a call whenever it is made."""
    found = around(session, focus)
    names = tuple(each for each in found.names if explains(each, focus))[:1]
    missing = missing_promise(session, focus.probe.case) if not focus.probe.special else None
    more = overpromised(session, focus.probe.case) if not focus.probe.special else None
    apart = focus.probe.single or any(each.state for each in names)
    acts = None if apart else taps.acting(session, focus)
    if names and acts and any(None in row for row in acts):
        acts = None  # the mistake says more than that taps act as no single one
    drawn = pictures.taps(acts) if acts else None
    advised = tuple(advice(session, focus, missing, more))
    told = Diagnosis(names, advice=advised, taps=drawn)
    if not names:
        said = tuple(dict.fromkeys(claims(session, focus, found, acts)))[:_MOST]
        if missing is not None:
            words = f"only as exact as {missing} allows, which is not declared"
            narrowed = tuple(each for each in session.subject.asked if missing.narrows(each))
            backing = Backing(dtypes=narrowed if missing.sums else ())
            said = (circumstance(words, backing=backing), *said)
        if more is not None:
            said = (circumstance(f"right but for its promise {more}"), *said)
        told = replace(told, claims=said)
    return told.drawn(evidence, focus.result)

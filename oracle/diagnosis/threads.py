"""Kernels whose threads meet: what results are when the same call is made with one."""

from dataclasses import replace
from functools import lru_cache

from convcheck.judging.threads import THREADS, growing, repeated
from convcheck.judging.verdicts import Outcome, Verdict

from .answers import Asked
from .diagnosis import Diagnosis
from .probes import Probe
from .session import Session
from .where.claims import Claim

_RIGHT = "right in all {} with one"


def racing(verdict: Verdict) -> Diagnosis:
    """Return what is told of a kernel that was wrong in some calls with several threads."""
    subject, share = verdict.subject, verdict.reason
    if (subject.threads or 1) > 1:
        with subject.fresh(threads=1) as one:
            calls = [*repeated(replace(verdict, subject=one, outcome=Outcome.AGREES))]
        if all(calls):
            share += f", {_RIGHT.format(len(calls))}"
    return Diagnosis(claims=(_claim(share),)).drawn(verdict.evidence)


def alone(session: Session, probe: Probe, share: str, repeats: int) -> Claim | None:
    """Return that threads are why a share of calls is wrong, if so many are right with one."""
    if (session.subject.threads or 1) == 1:
        return None
    with session.subject.fresh(threads=1) as one:
        answers = one.call_all([probe.call] * repeats)
    right = all(Asked(probe, answer, one.promise).right for answer in answers)
    return _claim(f"{share}, {_RIGHT.format(repeats)}") if right else None


@lru_cache(maxsize=32)
def raced(session: Session, dtype: str) -> Diagnosis | None:
    """Return what is told of a kernel that is not always wrong, if threads meet in long calls."""
    if session.lost or not session.subject.threaded:
        return None
    for verdict in growing(session.subject, dtype):
        if verdict.failed:
            return Diagnosis(claims=racing(verdict).claims) if verdict.prop == THREADS else None
    return None


def _claim(share: str) -> Claim:
    words = "results that change from call to call with several threads"
    return Claim(words, "gives", share=share, circumstance=True)

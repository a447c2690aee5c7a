"""Declarations that would make a failing kernel right: what it may be, and has not said."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from convcheck.cases.case import ROUNDED, Case, exact_fills
from convcheck.cases.domain import Domain
from convcheck.form.formats import HALVES
from convcheck.form.geometry import NO_PADDING
from convcheck.judging.judge import judge, judge_against, judge_all, limits_of
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict
from convcheck.kernels.declared.subject import Declared
from convcheck.kernels.misbehaviour import FORWARD_PASS, Misbehaviour, MisbehaviourError
from convcheck.kernels.promises import DIRECT, Promise, suited
from convcheck.kernels.subjects import Answer, Request, Subject, Wrapped

from .answers import Asked
from .beside.handed import handed_otherwise
from .probes import Probe
from .session import Session
from .where import domains
from .where.scan import Draw

_PROMISES = {
    Promise(subnormals="flushed"): "it takes subnormal numbers for zero, or is less exact there",
    Promise(accuracy="normwise"): "it is a Winograd or FFT kernel",
    Promise(sums="float32"): "it sums in float32",
    Promise(sums="float16"): "it sums in float16",
    Promise(sums="bfloat16"): "it sums in bfloat16",
}
"""those that allow less before those that allow more"""
_NARROW = Promise(sums="float16")
_DRAWN = 12
_DRAWS = 4
_FILLS = ("integers", "uniform", "positive", "tiny")


class _Promising(Wrapped):
    """A kernel that promises something."""

    def __init__(self, subject: Subject, promise: Promise) -> None:
        super().__init__(subject)
        self.promise = promise


class _Paired(Wrapped):
    """A kernel that is handed padding as (height, width)."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.taken = subject.taken._replace(symmetric=True)

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the subject's answers to the same calls, with padding as a pair."""
        paired = [each._replace(arguments=self._paired(each.arguments)) for each in requests]
        return super().answers(paired)

    def _paired(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(arguments)
        if "padding" in self.absent:
            given.setdefault("padding", NO_PADDING)
        if "padding" in given:
            given["padding"] = tuple(one for one, _ in given["padding"])
        return given


@lru_cache(maxsize=64)
def _promising(subject: Subject, promise: Promise) -> Subject:
    return _Promising(subject, promise)


@lru_cache(maxsize=64)
def _paired(subject: Subject) -> Subject:
    return _Paired(subject)


def missing_promise(session: Session, case: Case) -> Promise | None:
    """Return what a kernel need only promise to be right on a case, and on others besides."""
    if session.subject.promise is not DIRECT or case.mode == "nonfinite":
        return None
    # In 16 bits, most of what is promised is undecided.
    fills = [case.fill, *exact_fills(session.operation)] if case.dtype in HALVES else []
    others = product(("float64", "float32"), fills)
    wide = (replace(case, fill=fill).in_dtype(dtype) for dtype, fill in others)
    failing = next((each for each in wide if judge(session.subject, each).failed), None)
    if failing is not None:
        promise = missing_promise(session, failing)
        if promise is not None and _fails_nowhere(session, promise, case):
            return promise
    plain = [replace(case, fill=fill) for fill in ("integers", "uniform")]
    fails = any(judge(session.subject, each).failed for each in plain)
    for promise in _PROMISES:
        kernel = _promising(session.subject, promise)
        verdict, *more = (judge(kernel, suited(promise, each)) for each in (case, *plain))
        right = not any(each.failed for each in (verdict, *more))
        if verdict.outcome is Outcome.NOT_OFFERED:
            # Excused from such numbers, it must fail on others.
            right = right and (fails or promise.normwise or bool(promise.subnormals))
        if more[0].outcome is Outcome.UNDECIDED:
            # Where no integers tell, it must be off by more than wider sums are.
            right = right and _off_by_more(_promising(session.subject, _NARROW), case.dtype)
        # Of tiny numbers alone, other sums would excuse everything.
        right = right and (fails or case.fill != "tiny" or not promise.narrows(case.dtype))
        right = right and _is_within(session, promise, case) and _rounds(session, promise, case)
        if right and _is_right(kernel, case.dtype):
            return promise
    return None


def _rounds(session: Session, promise: Promise, case: Case) -> bool:
    """Return whether a kernel is right on integers that leave sums as narrow no room for rounding.

    If it is not, or there are no such integers for so many terms, more than rounding is wrong.
    """
    if promise.sums is None or not promise.narrows(case.dtype):
        return True
    lower = Case(case.operation, case.geometry, promise.sums, "integers", case.seed)
    if lower.largest is None:
        return False
    plain = replace(case, fill="integers")
    draws = (replace(lower, seed=case.seed + more).arrays() for more in range(_DRAWS))
    exact = [{name: case.format.array(array) for name, array in each.items()} for each in draws]
    return all(each.right for each in session.ask([Probe(plain).holding(**a) for a in exact]))


def _fails_nowhere(session: Session, promise: Promise, case: Case) -> bool:
    """Return whether a kernel with a promise fails neither a case nor any that are drawn."""
    kernel = _promising(session.subject, promise)
    drawn = _drawn(kernel, case.dtype, _FILLS)
    return not any(each.failed for each in (judge(kernel, suited(promise, case)), *drawn))


def _is_within(session: Session, promise: Promise, case: Case) -> bool:
    """Return whether a kernel is off by no more than a promise allows, on a case as it is.

    Where it rounds, a kernel that promises it is not judged on large integers.
    """
    real, arrays = replace(case, fill="uniform"), case.arrays()
    agrees = Verdict(real, _Promising(session.subject, promise), "bound", Outcome.AGREES)
    with np.errstate(all="ignore"):
        expected = session.operation.oracle(case.geometry, arrays)
        limits = limits_of(promise, real, arrays)
        return not judge_against(agrees, arrays, expected, limits).failed


def overpromised(session: Session, case: Case) -> str | None:
    """Return what a kernel promises of wider sums that it need only not promise, and why not."""
    promise, dtype = session.subject.promise, case.dtype
    if case.mode == "nonfinite" or promise.sums in (None, dtype) or promise.narrows(dtype):
        return None
    less = replace(promise, sums=None)
    kernel = _promising(session.subject, less)
    plain = replace(case, fill="integers") if case.fill == ROUNDED else case
    if judge(kernel, plain).failed or not _is_within(session, less, case):
        return None
    words = f"within the bound of sums in {dtype}, and not the exact sums, rounded once"
    return f"sums={promise.sums}: {words}" if _is_right(kernel, dtype) else None


@lru_cache(maxsize=64)
def _is_right(kernel: Subject, dtype: str) -> bool:
    """Return whether a kernel is right, as far as it promises, on geometries drawn at random."""
    promise, normal = kernel.promise, [f"normal-{name}" for name in kernel.operation.factors]
    flushes = promise.flushes(dtype) and not promise.normwise
    found = _drawn(kernel, dtype, (*_FILLS, *normal) if flushes else _FILLS)
    decided = [each for each in found if each.outcome in DECIDED]
    return len(decided) > len(found) // 2 and not any(each.failed for each in decided)


@lru_cache(maxsize=64)
def _off_by_more(kernel: Subject, dtype: str) -> bool:
    """Return whether real results are off by more than is promised, on random geometries."""
    return any(each.failed for each in _drawn(kernel, dtype, ("uniform",)))


def _drawn(kernel: Subject, dtype: str, fills: Sequence[str]) -> list[Verdict]:
    """Return verdicts on the same geometries, drawn at random, for every kernel and fill."""
    draw = Draw(kernel.operation, seed=3, taken=kernel.taken)
    geometries = [draw.geometry() for _ in range(_DRAWN)]
    cases = [
        suited(kernel.promise, Case(kernel.operation.name, geometry, dtype, fill, 1))
        for geometry in geometries
        for fill in fills
    ]
    return judge_all(kernel, cases)


def advice(
    session: Session, focus: Asked, missing: Promise | None, more: str | None
) -> Iterator[str]:
    """Yield declarations with which the kernel would be right, and what they say."""
    case, problem = focus.probe.case, focus.answer
    if missing is not None:
        right = f"in {case.dtype} it is right as far as that promises"
        yield f"{missing}, if {_PROMISES[missing]}: {right}"
    if more is not None:
        sums = f"no sums={session.subject.promise.sums}"
        yield f"{sums}, if it rounds partial sums, or else than to the nearest: it is right without"
    if isinstance(problem, MisbehaviourError) and problem.kind is Misbehaviour.RAISED:
        yield from _dtypes(session, focus)
        yield from _pairs(session.subject, case)
        if FORWARD_PASS not in problem.deed:  # of which the forward operation is told
            yield from _domains(session, focus)
    if case.mode == "nonfinite" and _is_right(session.subject, case.dtype):
        finite = "if it is for finite numbers alone, of which those tried are right"
        yield f"declines=nonfinite_data+nonfinite_others, {finite}"
    text = problem.text if isinstance(problem, MisbehaviourError) else ""
    yield from handed_otherwise(session.subject, text, case.dtype, _is_right)


def _domains(session: Session, focus: Asked) -> Iterator[str]:
    """Yield for what geometries alone a kernel may be that raises on others and is never wrong."""
    subject, dtype = session.subject, focus.probe.case.dtype
    found = domains.learned(subject, dtype)
    if found is not None:
        domain, count = found
        own = subject.candidate.only if isinstance(subject, Declared) else ""
        domain = Domain(own) & domain if own else domain
        yield f"only={domain}, if it takes no others: right on all {count} tried there"
    if domains.refuses(subject, dtype):
        yield "partial=yes, if NotImplementedError means that it does not take a call"
    elif found is None and domains.takes_integers(subject, dtype):
        yield "strides=int, if it takes one integer for both strides"


def _dtypes(session: Session, focus: Asked) -> Iterator[str]:
    """Yield that a kernel may not take a dtype, where it raises in that alone."""
    case = focus.probe.case
    verdicts = {
        dtype: judge(session.subject, replace(case, dtype=dtype, fill="integers"))
        for dtype in session.subject.asked
    }
    bad = {dtype: each.misbehaviour for dtype, each in verdicts.items() if each.failed}
    offered = [dtype for dtype in verdicts if verdicts[dtype].outcome is not Outcome.NOT_OFFERED]
    good = [dtype for dtype in offered if dtype not in bad]
    raised = all(each is not None and each.kind is Misbehaviour.RAISED for each in bad.values())
    if good and case.dtype in bad and raised:
        yield f"dtypes={'+'.join(good)}, if it takes no {' and no '.join(bad)}"


def _pairs(subject: Subject, case: Case) -> Iterator[str]:
    """Yield that a kernel may take padding as a pair, where it is right when so handed over."""
    if "padding" not in subject.taken.parameters or subject.taken.symmetric:
        return
    paired = _paired(subject)
    even = paired.taken.fit(subject.operation, case.geometry)
    wrong = False
    if even is not None and subject.operation.fits(even):
        wrong = judge(paired, replace(case, geometry=even)).failed
    if not wrong and _is_right(paired, case.dtype):
        yield "padding=pair, if it takes padding as (height, width): handed so, it is right"

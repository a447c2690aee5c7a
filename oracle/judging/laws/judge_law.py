"""Judging one kernel on one case by a law."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.operations import Kernel, operation_named
from convcheck.judging.judge import misbehaved, not_judged
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels import floating
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.promises import suited
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.subjects import Subject

from .identities import LAWS
from .trial import Equation, Trial, UndecidedError


def judge_law(law: str, kernel: Kernel, case: Case, partners: Mapping[str, Kernel]) -> Verdict:
    """Judge whether `kernel` obeys `law` on `case`.

    Args:
        law: a name in `LAWS`.
        kernel: as for `judge.judge`.
        case: one with the fill `integers`, or `small`; the law draws more numbers from its
            seed.
        partners: right kernels for the two forward operations, by name; used by
            adjointness alone.

    Returns:
        the verdict: "not applicable" where the geometry leaves the law nothing to say,
        "vacuous" where both sides are zero whatever the kernel computes.

    Raises:
        ValueError: the case has another fill.
    """
    if case.fill not in ("integers", "small"):
        raise ValueError(f"fill={case.fill!r}: expected 'integers', on which laws are judged")
    subject = subject_of(kernel, operation_named(case.operation))
    with floating.kept(subject.module):
        return _judge_law(law, subject, case, partners)


def _judge_law(law: str, subject: Subject, case: Case, partners: Mapping[str, Kernel]) -> Verdict:
    case = suited(subject.promise, case)
    nothing = not_judged(subject, case, law)
    if nothing is not None:
        return nothing
    trial = Trial(subject, case, partners)
    try:
        # What a wrong kernel returns may overflow, or be no number, on either side.
        with np.errstate(all="ignore"):
            if law != "adjointness":  # a single call, and dear partners
                trial.ask_at_once(LAWS[law])
            return _judged(Verdict(case, subject, law, Outcome.AGREES), trial)
    except MisbehaviourError as problem:
        geometry, arrays = trial.last
        evidence = Evidence(arrays, replace(case, geometry=geometry))
        return misbehaved(Verdict(case, subject, law, Outcome.AGREES), problem, evidence)
    except UndecidedError as problem:
        return Verdict(case, subject, law, Outcome.UNDECIDED, str(problem))
    except Exception:
        partner = trial.faulty_partner()
        if partner is None:
            raise
        return _blamed(Verdict(case, subject, law, Outcome.UNDECIDED), partner)


def _judged(verdict: Verdict, trial: Trial) -> Verdict:
    """Return `verdict`, changed to what the law's equations say."""
    applied = decided = False
    for equation in LAWS[verdict.prop](trial):
        applied = True
        decided = decided or bool(np.any(equation.right))
        if not np.array_equal(equation.left, equation.right):
            partner = trial.faulty_partner()
            if partner is not None:
                return _blamed(replace(verdict, outcome=Outcome.UNDECIDED), partner)
            return _broken(replace(verdict, outcome=Outcome.DISAGREES), equation)
    if not applied:
        reason = "the geometry leaves the law nothing to say"
        return replace(verdict, outcome=Outcome.NOT_APPLICABLE, reason=reason)
    if not decided:
        return replace(verdict, outcome=Outcome.VACUOUS, reason="both sides are empty or zero")
    return verdict


def _blamed(verdict: Verdict, partner: str) -> Verdict:
    return replace(verdict, reason=f"its partner, the kernel for {partner}, is wrong here")


def _broken(verdict: Verdict, equation: Equation) -> Verdict:
    """Return the verdict that the two sides of `equation` differ."""
    left, right = np.asarray(equation.left), np.asarray(equation.right)
    if left.shape != right.shape:
        reason = f"the law's sides have shapes {left.shape} and {right.shape}"
        evidence = Evidence(equation.arrays, replace(verdict.case, geometry=equation.geometry))
        return replace(verdict, reason=reason, evidence=evidence)
    wrong = left != right
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"[{', '.join(map(str, index))}]" if index else ""
    evidence = Evidence(
        equation.arrays,
        replace(verdict.case, geometry=equation.geometry),
        expression=equation.expression + place,
        got=float(left[index]),
        expected=float(right[index]),
        wrong=int(wrong.sum()),
        total=wrong.size,
        extra=equation.extra,
        then=equation.then,
    )
    doc = LAWS[verdict.prop].__doc__ or ""
    return replace(verdict, reason=f"{verdict.prop} is broken: {doc.strip()}", evidence=evidence)

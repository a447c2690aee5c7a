"""Judging one kernel on one case by a law."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Arrays, Kernel, operation_named
from convcheck.judging.judge import misbehaved, not_judged
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels import floating
from convcheck.kernels.arguments.arrangements import in_words
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.promises import suited
from convcheck.kernels.shown.evidence import Evidence

from .identities import LAWS, adjointness
from .trial import Equation, NotOfferedError, Trial, UndecidedError


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
    case = suited(subject.promise, case)
    nothing = not_judged(subject, case, law)
    if nothing is not None:
        return nothing
    agrees = Verdict(case, subject, law, Outcome.AGREES)
    # What a wrong kernel returns may overflow, or be no number, on either side.
    with floating.kept(subject.module), np.errstate(all="ignore"):
        return _judged(agrees, Trial(subject, case, partners))


def _judged(agrees: Verdict, trial: Trial) -> Verdict:
    """Return the verdict on a law, from the one that it holds."""
    law = LAWS[agrees.prop]
    try:
        if law is not adjointness:  # a single call, and dear partners
            trial.ask_at_once(law)
        return _weighed(agrees, trial, law(trial))
    except UndecidedError as problem:
        return agrees.but(Outcome.UNDECIDED, str(problem))
    except MisbehaviourError as problem:
        geometry, arrays, arrangement = trial.last
        # Alone, a call has no array of a call before.
        shown = {} if "held" in arrangement else {"arrangement": arrangement}
        return misbehaved(agrees, problem, _evidence(agrees, geometry, arrays, **shown))
    except Exception:
        partner = trial.faulty_partner()
        if partner is None:
            raise
        return _blamed(agrees, partner)


def _weighed(agrees: Verdict, trial: Trial, equations: Iterable[Equation]) -> Verdict:
    """Return what the law's equations say."""
    applied = decided = False
    try:
        for equation in equations:
            applied = True
            decided = decided or bool(np.any(equation.right))
            if not np.array_equal(equation.left, equation.right):
                partner = trial.faulty_partner()
                return _broken(agrees, equation) if partner is None else _blamed(agrees, partner)
    except NotOfferedError as refused:  # what came before it still counts
        trial.declined = str(refused)
    if not applied and trial.declined:
        return agrees.but(Outcome.NOT_OFFERED, trial.declined)
    if not applied:
        return agrees.but(Outcome.NOT_APPLICABLE, "the geometry leaves the law nothing to say")
    if not decided:
        return agrees.but(Outcome.VACUOUS, "both sides are empty or zero")
    return agrees


def _blamed(agrees: Verdict, partner: str) -> Verdict:
    reason = f"its partner, the kernel for {partner}, is wrong here"
    return agrees.but(Outcome.UNDECIDED, reason)


def _evidence(verdict: Verdict, geometry: Geometry, arrays: Arrays, **found: Any) -> Evidence:
    return Evidence(arrays, replace(verdict.case, geometry=geometry), **found)


def _broken(agrees: Verdict, equation: Equation) -> Verdict:
    """Return the verdict that the two sides of `equation` differ."""
    left, right = np.asarray(equation.left), np.asarray(equation.right)
    call = agrees, equation.geometry, equation.arrays
    before = equation.before
    if left.shape != right.shape:
        reason = f"the law's sides have shapes {left.shape} and {right.shape}"
        return agrees.but(Outcome.DISAGREES, reason, _evidence(*call))
    wrong = left != right
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    place = f"[{', '.join(map(str, index))}]" if index else ""
    evidence = _evidence(
        *call,
        expression=equation.expression + place,
        got=float(left[index]),
        expected=float(right[index]),
        wrong=int(wrong.sum()),
        total=wrong.size,
        extra=equation.extra,
        then=equation.then,
        arrangement=equation.arrangement,
        before=None if before is None else Evidence(before.arrays(), before),
    )
    doc = LAWS[agrees.prop].__doc__ or ""
    reason = f"{agrees.prop} is broken: {doc.strip()}"
    if equation.arrangement != "copy":
        reason += f" Here {in_words(equation.arrangement)}."
    return agrees.but(Outcome.DISAGREES, reason, evidence)

"""A failure like another, on a simpler geometry."""

from dataclasses import replace

from convcheck.conformance.references import judge_property
from convcheck.conformance.shapes.sizes import NAMES, smaller
from convcheck.judging.verdicts import Outcome, Verdict


def simplest(verdict: Verdict) -> Verdict:
    """Return a disagreement like `verdict`, if that is one, on the simplest geometry found."""
    if verdict.outcome is not Outcome.DISAGREES:
        return verdict
    subject = verdict.subject
    for name in NAMES:
        for geometry in smaller(subject.operation, verdict.case.geometry, name):
            case = replace(verdict.case, geometry=geometry)
            found = judge_property(verdict.prop, subject, case)
            if found.outcome is verdict.outcome:
                verdict = found
                break
    return verdict

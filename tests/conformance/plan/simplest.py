"""A failure like another, on a simpler geometry."""

from dataclasses import replace

from convcheck.conformance.references import judge_property
from convcheck.conformance.shapes.smaller import NAMES, smaller
from convcheck.diagnosis.where.scan import ANOTHER_SHAPE, WRONG, deed
from convcheck.judging.verdicts import Verdict


def simplest(verdict: Verdict) -> Verdict:
    """Return a wrong result like `verdict`, if that is one, on the simplest geometry found."""
    subject, does = verdict.subject, deed(verdict)
    if does not in (WRONG, ANOTHER_SHAPE):
        return verdict
    for name in NAMES:
        for geometry in smaller(subject, verdict.case.geometry, name):
            try:
                case = replace(verdict.case, geometry=geometry)
            except ValueError:  # numbers of a bias that there is no more
                continue
            found = judge_property(verdict.prop, subject, case)
            if deed(found) == does:
                verdict = found
                break
    return verdict

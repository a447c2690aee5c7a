"""What is said of kernels that are wrong as in public reports is so, on geometries unseen, too."""

import pytest
from reported import REPORTED, Reported

from convcheck.cases.case import Case
from convcheck.diagnosis.diagnose import Diagnosis, diagnose
from convcheck.diagnosis.where.claims import Claim
from convcheck.diagnosis.where.scan import Draw, deed
from convcheck.diagnosis.where.statements import numbers_of
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import DECIDED

FRESH = 150


def diagnosis_of(wrong: Reported) -> Diagnosis:
    """Return the diagnosis of a kernel on the call that it fails."""
    case = Case.parse(f"v1:{wrong.operation}:float64:integers:{wrong.geometry}:1")
    verdict = judge(wrong.kernel, case)
    assert verdict.failed
    return diagnose(verdict)


def located(found: Diagnosis) -> list[Claim]:
    """Return the claims that say where a kernel is wrong."""
    return [each for each in found.claims if each.backing.statement]


@pytest.mark.parametrize("name", REPORTED)
def test_what_leads_to_the_fault_is_said(name: str) -> None:
    """The mistake is named, or the condition is what it should be, and patterns tell the rest."""
    wrong = REPORTED[name]
    found = diagnosis_of(wrong)
    assert [each.id for each in found.names] == [wrong.named] * bool(wrong.named)
    for words in wrong.said:
        assert any(words in each for each in found.patterns), found.patterns
    if wrong.atoms:
        (claim,) = located(found)
        assert claim.backing.statement is not None
        clauses = claim.backing.statement.clauses
        assert {atom for clause in clauses for atom in clause} == wrong.atoms


@pytest.mark.parametrize("name", REPORTED)
def test_conditions_hold_where_nobody_looked(name: str) -> None:
    """A kernel is wrong where it is said to be, and nowhere else, but for a few in a hundred."""
    wrong = REPORTED[name]
    operation = OPERATIONS[wrong.operation]
    draw = Draw(operation, seed=99)
    fresh = [draw.small() if at % 2 else draw.geometry() for at in range(FRESH)]
    for claim in located(diagnosis_of(wrong)):
        statement = claim.backing.statement
        assert statement is not None
        against = 0
        for geometry in fresh:
            case = Case(wrong.operation, geometry, "float64", "integers", 5)
            verdict = judge(wrong.kernel, case)
            if verdict.outcome in DECIDED and deed(verdict) in (
                "",
                claim.backing.deed or deed(verdict),
            ):
                holds = statement.holds(numbers_of(operation, geometry))
                against += bool(holds) is not verdict.failed
        assert against <= FRESH // 50

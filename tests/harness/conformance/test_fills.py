"""What a test fills is known before it runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.conformance import test_agreement, test_laws, test_refactor
from convcheck.conformance.plan.plan import plan
from convcheck.conformance.plugin.planned import filled, filling, planned_cells
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.conformance.references import reference_for
from convcheck.form.operations import OPERATIONS

PLANNED = planned_cells(Subjects())

TESTS: tuple[Any, ...] = (
    test_agreement.test_agreement,
    test_agreement.test_nonfinite,
    test_laws.test_laws,
    test_refactor.test_refactor,
)


def test_every_planned_cell_is_filled_by_a_test() -> None:
    """Tests say of every cell of a full run that they fill it, and of no other."""
    known = [
        filling(test, {"operation": operation})
        for test in TESTS
        for operation in OPERATIONS.values()
    ]
    known += [
        filling(None, {"step": step})
        for each in OPERATIONS.values()
        for step in plan(each, "quick")
    ]
    claims = [cell for what in known if what for cell in filled(what, PLANNED)]
    assert set(claims) == set(PLANNED)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_what_a_plan_claims_is_all_there_is(operation: Any) -> None:
    """A plan without any search fills every cell of its operation, the laws' included."""
    known = [filling(None, {"step": step}) for step in plan(operation)]
    claims = {cell for what in known if what for cell in filled(what, PLANNED)}
    assert claims == {cell for cell in PLANNED if cell[0] == operation.name}


@pytest.mark.parametrize("test", [test_agreement.test_nonfinite, test_laws.test_laws])
def test_what_is_claimed_is_filled(test: Any) -> None:
    """A test that runs leaves just the cells that it claims, in every dtype."""
    seen: set[Any] = set()

    class Watch:
        """Take what a record takes, and judge nothing."""

        def require_right(self, verdicts: list[Any], *_: Any, **__: Any) -> None:
            """Note the cells."""
            seen.update((v.case.operation, v.prop, v.case.dtype) for v in verdicts)

    operation = OPERATIONS["convolution"]
    test(record=Watch(), subject=reference_for(operation.name))
    what = filling(test, {"operation": operation})
    assert what is not None
    assert seen == set(filled(what, PLANNED))


def test_a_case_fills_its_own_cell() -> None:
    """A case that is judged again fills one cell; a test of the ledger none."""
    case = Case.parse("v1:convolution:float32:integers:b1.h2.w1.i1.o1.f2x1.s1x1:0")
    what = filling(None, {"case": case, "prop": "impulse"})
    assert what is not None
    assert filled(what, PLANNED) == [("convolution", "impulse", "float32")]
    assert filling(lambda: None, {"defect": SimpleNamespace()}) is None

"""One case again: what `pytest --case CASEID` runs, and nothing else collects."""

import pytest

from convcheck.conformance.kernels import kernel_for, partners
from convcheck.conformance.recording import Record, laws_of
from convcheck.oracle.cases import Case
from convcheck.oracle.judge import judge, property_of
from convcheck.oracle.judge_law import judge_law
from convcheck.oracle.laws import LAWS

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test what is judged on the case: laws too, where it holds exact integers."""
    case = Case.parse(metafunc.config.getoption("convcheck_case"))
    laws = laws_of(case.operation) if case.fill == "integers" else []
    metafunc.parametrize("case", [case], ids=[case.operation])
    metafunc.parametrize("prop", [property_of(case), *laws])


def test_case(record: Record, case: Case, prop: str) -> None:
    """The kernel agrees with the oracle on the case, and obeys the law."""
    kernel = kernel_for(case.operation)
    verdict = judge_law(prop, kernel, case, partners()) if prop in LAWS else judge(kernel, case)
    record.judged([verdict])

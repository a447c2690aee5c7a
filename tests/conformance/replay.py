"""One case again: what `pytest --case CASEID` runs, and nothing else collects."""

import pytest

from convcheck.conformance.kernels import kernel_for, partners
from convcheck.conformance.recording import Record, laws_of
from convcheck.oracle.cases import Case
from convcheck.oracle.judge import judge
from convcheck.oracle.judge_law import judge_law


def test_agreement(record: Record, request: pytest.FixtureRequest) -> None:
    """The kernel agrees with the oracle on the case."""
    case = Case.parse(request.config.getoption("convcheck_case"))
    record.judged([judge(kernel_for(case.operation), case)])


def test_law(record: Record, request: pytest.FixtureRequest, law: str) -> None:
    """The kernel obeys the law on the case."""
    case = Case.parse(request.config.getoption("convcheck_case"))
    record.judged([judge_law(law, kernel_for(case.operation), case, partners())])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `test_law` the laws that are judged on the case: those of exact integers."""
    if "law" in metafunc.fixturenames:
        case = Case.parse(metafunc.config.getoption("convcheck_case"))
        laws = laws_of(case.operation) if case.fill == "integers" else []
        metafunc.parametrize("law", laws)

"""One case again, or several in turn: what `pytest --case CASEID` runs, and nothing else."""

import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plan.replay import Replay, properties_of
from convcheck.conformance.plugin.likeness import Tally
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.subjects import subjects_of

pytestmark = pytest.mark.usefixtures("one_thread")

_BITS = "same bits"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test what is judged on each case: laws too, where it holds exact integers."""
    cases = list(map(Case.parse, metafunc.config.getoption("convcheck_case")))
    bits = [_BITS] if metafunc.config.getoption("convcheck_bitwise") else []
    several = len(cases) > 1
    parameters = [
        pytest.param(case, prop, id=f"{f'{number}-' * several}{case.operation}-{prop}")
        for number, case in enumerate(cases, 1)
        for prop in (*properties_of(case), *bits)
    ]
    metafunc.parametrize(("case", "prop"), parameters)


def test_case(record: Record, case: Case, prop: str, pytestconfig: pytest.Config) -> None:
    """The kernel agrees with the oracle on the case, obeys the law, has the bits of another."""
    subjects = subjects_of(pytestconfig)
    subject = subjects[case.operation]
    if prop == _BITS:
        tally = Tally(subject, subjects.replaced[case.operation])
        tally.compare([case])
        record.compared(
            tally.row(case.operation, case.dtype, bitwise=True), tally.timed(case.operation)
        )
        tally.demand_bits()
        return
    record.walk(Replay(subject.operation, case, prop))

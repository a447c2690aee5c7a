"""A kernel in which several threads work is right whenever it is called."""

import pytest

from convcheck.conformance.plan.threads import Threaded, threaded
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test every operation."""
    parametrize(metafunc, threaded)


def test_threads(record: Record, step: Threaded) -> None:
    """The same call gives the right result again and again, if several threads work in it."""
    record.walk(step)

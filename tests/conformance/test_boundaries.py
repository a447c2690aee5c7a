"""Every boundary class is judged in every run, whatever Hypothesis draws."""

import pytest

from convcheck.conformance.plan.boundaries import Boundary, boundaries
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test every class of every operation."""
    parametrize(metafunc, boundaries)


def test_boundary(record: Record, step: Boundary) -> None:
    """The kernel agrees on the boundary class, exactly, within the bound, on zeros and on NaN."""
    record.walk(step)

"""Kernels that compile for each shape are judged on few of these, in all ways."""

import pytest

from convcheck.conformance.plan.few import Few, few
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize
from convcheck.conformance.plugin.subjects import subjects_of

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test the shapes of each kernel that compiles for each: one worker compiles one."""
    subjects = subjects_of(metafunc.config)
    shaped = {each.operation: each for each in subjects if each.shapes is not None}
    parametrize(metafunc, lambda operation: few(shaped[operation]) if operation in shaped else ())


def test_shape(record: Record, step: Few) -> None:
    """The kernel is right on a shape, on numbers of every kind, and obeys the laws there."""
    record.walk(step)

"""Parameters, where a kernel takes them: every class, every pair, and all along an axis."""

import pytest

from convcheck.conformance.plan.parameters import with_parameters
from convcheck.conformance.plan.step import Step
from convcheck.conformance.plugin.effort import seed_number, tier
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize
from convcheck.conformance.plugin.subjects import subjects_of

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test the steps of every kernel that takes parameters."""
    subjects, seed = subjects_of(metafunc.config), seed_number(metafunc.config)
    parametrize(
        metafunc,
        lambda operation: with_parameters(operation, subjects[operation.name].taken, tier(), seed),
    )


def test_parameters(record: Record, step: Step) -> None:
    """The kernel agrees where it is handed padding, dilation, groups, output padding and bias."""
    record.walk(step)

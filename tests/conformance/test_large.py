"""Fast kernels are judged on whole layers of millions of products."""

import pytest

from convcheck.conformance.plan.large import Large
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test every operation."""
    parametrize(metafunc, lambda operation: [Large(operation, tier())])


def test_large(record: Record, step: Large) -> None:
    """The kernel agrees on large layers, if it is fast enough to be judged on them."""
    record.walk(step)

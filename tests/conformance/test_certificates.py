"""Every geometry up to a size is judged exactly, the simplest first."""

import pytest

from convcheck.conformance.plan.certified import Certified, certified
from convcheck.conformance.plugin.effort import seed_number, tier
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize, require_decided

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cut each region into shards, so that workers share it evenly."""
    seed = seed_number(metafunc.config)
    parametrize(metafunc, lambda operation: certified(operation, tier(), seed))


def test_certificate(record: Record, step: Certified) -> None:
    """The kernel equals the oracle on integers, on every geometry of a shard of the region."""
    require_decided(record.walk(step))

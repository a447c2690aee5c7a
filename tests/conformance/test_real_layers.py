"""The layers of published networks agree with PyTorch at full size, sampled or whole."""

import pytest

from convcheck.conformance.plan.layers import RealLayer, real_layers
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize, require_decided

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test the layers that are judged at this effort."""
    whole = metafunc.config.getoption("convcheck_whole_layers")
    parametrize(metafunc, lambda operation: real_layers(operation, tier(), all_results=whole))


def test_layer(record: Record, step: RealLayer) -> None:
    """A layer of a published network agrees with PyTorch, exactly and within the bound.

    Sums of thousands of terms may be beyond what float16, or a kernel's promise, allows.
    """
    rerun = None
    if not step.replayable:
        rerun = f"pytest --pyargs 'convcheck.conformance.test_real_layers::test_layer[{step.name}]'"
        if tier() == "thorough":  # the others have no such test
            rerun += " --hypothesis-profile thorough"
    require_decided(record.walk(step, rerun))

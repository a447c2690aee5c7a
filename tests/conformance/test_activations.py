"""The backward kernels train a network with real activations."""

import pytest

from convcheck.conformance.plan.activated import Activated, activated
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test every kind of layer l+1, and every activation."""
    parametrize(metafunc, activated)


def test_gradient_through_activation(record: Record, step: Activated) -> None:
    """The kernel returns autograd's gradient, the stride of layer l+1 leaving a remainder."""
    rerun = (
        f"pytest --pyargs convcheck.conformance.test_activations -k "
        f"'{step.operation.name} and {step.fore_layer}-{step.activation}'"
    )
    record.walk(step, rerun)

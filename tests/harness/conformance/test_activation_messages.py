"""A backward kernel that fails on a real activation is told as any other failure is."""

from typing import Any

import pytest

from convcheck.conformance import test_activations
from convcheck.conformance.plan.activated import Activated
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.recording import Record
from convcheck.form.operations import OPERATIONS
from convcheck.reference import repaired


def test_failure_names_element_bound_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Element, multiple of the bound, the command that runs it again: all are in the message."""
    right = repaired.conv_back_prop

    def wrong(*arguments: Any, **keywords: Any) -> Any:
        return 1.5 * right(*arguments, **keywords)

    monkeypatch.setattr(repaired, "conv_back_prop", wrong)
    step = Activated(OPERATIONS["conv_back_prop"], "convolution_transpose", "tanh")
    with pytest.raises(ConformanceError) as failure:
        test_activations.test_gradient_through_activation(Record(), step)
    message = str(failure.value)
    assert "disagrees with autograd through a real activation" in message
    assert "times the bound" in message
    assert "-k 'conv_back_prop and convolution_transpose-tanh'" in message

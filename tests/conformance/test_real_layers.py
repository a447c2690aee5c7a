"""The layers of published networks, and of a user's own, agree with PyTorch at full size."""

import shlex
from collections.abc import Iterator

import pytest

from convcheck.conformance.foreign import told
from convcheck.conformance.foreign.layers import layers_in
from convcheck.conformance.plan.layers import RealLayer, own_layers, real_layers
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize, require_decided
from convcheck.conformance.shapes.networks import distinct_layers
from convcheck.form.operations import Operation

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test the layers that are judged at this effort."""
    whole = metafunc.config.getoption("convcheck_whole_layers")
    file = metafunc.config.getoption("convcheck_layers")
    own = layers_in(file).layers if file else ()

    def steps_of(operation: Operation) -> Iterator[RealLayer]:
        yield from own_layers(operation, tier(), own, all_results=whole)
        yield from real_layers(operation, tier(), all_results=whole)

    parametrize(metafunc, steps_of)


def test_layer(record: Record, step: RealLayer, pytestconfig: pytest.Config) -> None:
    """A layer of a network agrees with PyTorch, exactly and within the bound.

    Sums of thousands of terms may be beyond what float16, or a kernel's promise, allows.
    """
    file = pytestconfig.getoption("convcheck_layers")
    if file:
        layers, left_out = layers_in(file)
        record.remark(file, told((each.operation for each in layers), left_out, "distinct layer"))
    rerun = None
    if not step.replayable:
        rerun = f"pytest --pyargs 'convcheck.conformance.test_real_layers::test_layer[{step.name}]'"
        if tier() == "thorough":  # the others have no such test
            rerun += " --hypothesis-profile thorough"
        rerun += f" --layers {shlex.quote(file)}" if file else ""
    seen = record.walk(step, rerun)
    if step.layer in distinct_layers():  # one of a user's own may lie in padding alone
        require_decided(seen)

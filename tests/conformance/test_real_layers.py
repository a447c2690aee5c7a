"""The layers of published networks agree with PyTorch at full size.

A loop kernel takes minutes for many of them, so results are judged in a random sample, each
on its own receptive field; layers that are small are judged whole, and with --whole-layers
all are.
"""

import pytest

from convcheck.cases.case import DTYPES, Case
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.fills import fills
from convcheck.conformance.plugin.kernels import kernel_for, operations
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.networks import Layer, distinct_layers
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge
from convcheck.judging.patches import judge_sampled
from convcheck.judging.verdicts import DECIDED, UNPROMISED

pytestmark = pytest.mark.usefixtures("one_thread")

OUTPUTS = 32
FILLS = ("integers", "uniform")

# Multiply-add steps of a layer that is judged whole.
_WHOLE = 500_000

# Multiply-add steps up to which a layer of these networks is judged backwards too, and in
# every dtype.
_SMALL = 50_000_000
_BACKWARDS = ("LeNet-5", "FCN-8s")


def _is_small(layer: Layer) -> bool:
    return layer.network in _BACKWARDS and layer.multiplications <= _SMALL


def operations_of(layer: Layer) -> list[Operation]:
    """Return what is judged on a layer: the operation itself, of some also its gradients."""
    return [
        operation
        for operation in operations()
        if operation.default_fore is None
        and operation.layer == layer.operation
        and (operation.name == operation.layer or _is_small(layer))
    ]


def name_of(layer: Layer, operation: Operation, dtype: str) -> str:
    """Return a test's name, without spaces."""
    return f"{layer}-{operation.name}-{dtype}".replace(" ", "_")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Judge large layers in float32 alone at default effort, and not at all at the least."""
    if "layer" not in metafunc.fixturenames:
        return
    all_dtypes, large_too = tier() == "thorough", tier() != "quick"
    metafunc.parametrize(
        ("layer", "operation", "dtype"),
        [
            pytest.param(layer, operation, dtype, id=name_of(layer, operation, dtype))
            for layer in distinct_layers()
            if large_too or layer.multiplications <= _SMALL
            for operation in operations_of(layer)
            for dtype in DTYPES
            if all_dtypes or _is_small(layer) or dtype == "float32"
        ],
    )


@fills("real layers")
def test_layer(
    record: Record,
    layer: Layer,
    operation: Operation,
    dtype: str,
    request: pytest.FixtureRequest,
) -> None:
    """A layer of a published network agrees with PyTorch, exactly and within the bound."""
    kernel = kernel_for(operation.name)
    cases = [Case(operation.name, layer.geometry, dtype, fill, seed=1) for fill in FILLS]
    whole = request.config.getoption("convcheck_whole_layers")
    if whole or layer.multiplications <= _WHOLE:
        verdicts, rerun = [judge(kernel, case) for case in cases], None
    else:
        verdicts = [judge_sampled(kernel, case, OUTPUTS) for case in cases]
        rerun = (
            "pytest --pyargs 'convcheck.conformance.test_real_layers::test_layer"
            f"[{name_of(layer, operation, dtype)}]'"
        )
        if tier() == "thorough":  # the others have no such test
            rerun += " --hypothesis-profile thorough"
    record.judged(verdicts, "real layers", rerun)
    # Sums of thousands of terms may be beyond what float16, or a kernel's promise, allows.
    unpromised = all(verdict.outcome in UNPROMISED for verdict in verdicts)
    decided = any(verdict.outcome in DECIDED for verdict in verdicts)
    assert decided or unpromised, "nothing was decided"

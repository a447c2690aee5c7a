"""The published networks: as many layers, and of such sizes, as their papers say."""

from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import pytest
from zoo import STYLES, kernels

from convcheck.cases.domain import Domain
from convcheck.cases.taken import Taken
from convcheck.conformance import test_real_layers
from convcheck.conformance.plan.layers import RealLayer, real_layers
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.networks import ALL_LAYERS, Layer, distinct_layers
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.functions import subject_of


def of(network: str) -> list[Layer]:
    """Return the layers of a network, in order."""
    return [layer for layer in ALL_LAYERS if layer.network == network]


def test_distinct_layers() -> None:
    """Layers of one size are judged once, and it is known how many there are."""
    assert sum(layer.times for layer in distinct_layers()) == len(ALL_LAYERS)
    assert len({(layer.network, layer.geometry) for layer in ALL_LAYERS}) == len(distinct_layers())


@pytest.mark.parametrize(("network", "billions"), [("VGG-16", 15.3), ("ResNet-50", 3.86)])
def test_multiplications(network: str, billions: float) -> None:
    """The convolutions take as many multiply-add steps as is known of the network."""
    found = sum(layer.multiplications for layer in of(network))
    assert found / 1e9 == pytest.approx(billions, rel=0.01)


ROWS = {
    "LeNet-5": [28, 10, 1],
    "AlexNet": [55, 27, 13, 13, 13],
    "VGG-16": [224] * 2 + [112] * 2 + [56] * 3 + [28] * 3 + [14] * 3,
    "ResNet-50": [112] + [56] * 10 + [28] * 13 + [14] * 19 + [7] * 10,
    "DCGAN": [4, 11, 19, 35, 67],  # before cropping to 4, 8, 16, 32, 64
    "U-Net": [56, 104, 200, 392],
    "FCN-8s": [34, 70, 568],
}


def test_outputs() -> None:
    """Each network has all its layers, whose outputs have as many rows as the paper states."""
    found: dict[str, list[int]] = {}
    for layer in ALL_LAYERS:
        rows, _ = OPERATIONS[layer.operation].output_extents(layer.geometry)
        found.setdefault(layer.network, []).append(rows)
    assert found == ROWS


@pytest.mark.parametrize("network", ["VGG-16", "DCGAN", "ResNet-50"])
def test_channels_chain(network: str) -> None:
    """A layer takes what the layer before it gives; a shortcut takes what its block does."""
    layers = [layer for layer in of(network) if "shortcut" not in layer.name]
    for before, after in pairwise(layers):
        assert before.geometry.channels_out == after.geometry.channels_in


@pytest.mark.parametrize(
    ("whole", "wrong_at", "failed"), [(True, 0, False), (True, 15, True), (False, 15, False)]
)
def test_whole_layers_see_what_fails_at_full_size(
    whole: bool,  # noqa: FBT001
    wrong_at: int,
    failed: bool,  # noqa: FBT001
    pytestconfig: pytest.Config,
) -> None:
    """A fast kernel is judged on a whole layer where that is asked for, and fails there alone."""
    right = kernels(STYLES["matrix product"])["convolution"]

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = right(x, ftr, strd)
        z[:, -1] += x.shape[1] == wrong_at
        return z

    record = Record(lambda name: subject_of(kernel, OPERATIONS[name]))
    (layer,) = [layer for layer in distinct_layers() if str(layer) == "AlexNet conv5"]
    step = RealLayer(OPERATIONS["convolution"], layer, "float32", all_results=whole)
    expected = pytest.raises(ConformanceError, match=r"b1\.h15\.w15")
    with expected if failed else nullcontext():
        test_real_layers.test_layer(record, step, pytestconfig)


@pytest.mark.parametrize(
    ("only", "count"),
    [("filter_height == 3 == filter_width", 1), ("channels_out % 8 == 0", 7), ("batch > 1", 0)],
)
def test_layers_that_a_kernel_does_not_take_are_told(only: str, count: int) -> None:
    """How many it takes is told once, and just these are decided."""
    kernel = kernels(STYLES["matrix product"])["convolution"]
    subject = subject_of(kernel, OPERATIONS["convolution"])
    subject.taken = Taken(domain=Domain(only))
    decided, remarks = set[Layer](), dict[str, str]()
    for step in real_layers(subject.operation, "quick"):
        for judged in step.judge(subject):
            assert not (remarks and judged.remarks)
            remarks |= judged.remarks
            decided |= {step.layer for each in judged.verdicts if each.outcome in DECIDED}
    assert len(decided) == count
    few = f"{count or 'none'} of 8 judged: it takes no {'others' if count else 'such'}"
    assert remarks == {"published layers of convolution": few}

"""The published networks: as many layers, and of such sizes, as their papers say."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from zoo import STYLES, kernels

from convcheck.cases.case import Case
from convcheck.conformance import test_real_layers
from convcheck.conformance.plan.layers import RealLayer
from convcheck.conformance.plugin.recording import ConformanceError, Record
from convcheck.conformance.shapes.networks import ALL_LAYERS, Layer, distinct_layers
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import subject_of


def of(network: str) -> list[Layer]:
    """Return the layers of a network, in order."""
    return [layer for layer in ALL_LAYERS if layer.network == network]


def outputs(network: str) -> list[int]:
    """Return the rows of each layer's output."""
    return [OPERATIONS[layer.operation].output_extents(layer.geometry)[0] for layer in of(network)]


def test_number_of_layers() -> None:
    """Each network has all its convolution layers."""
    assert Counter(layer.network for layer in ALL_LAYERS) == {
        "LeNet-5": 3,
        "AlexNet": 5,
        "VGG-16": 13,
        "ResNet-50": 53,
        "DCGAN": 5,
        "U-Net": 4,
        "FCN-8s": 3,
    }
    assert sum(layer.times for layer in distinct_layers()) == len(ALL_LAYERS)
    assert len({(layer.network, layer.geometry) for layer in ALL_LAYERS}) == len(distinct_layers())


@pytest.mark.parametrize(("network", "billions"), [("VGG-16", 15.3), ("ResNet-50", 3.86)])
def test_multiplications(network: str, billions: float) -> None:
    """The convolutions take as many multiply-add steps as is known of the network."""
    assert sum(layer.multiplications for layer in of(network)) / 1e9 == pytest.approx(
        billions, rel=0.01
    )


@pytest.mark.parametrize(
    ("network", "rows"),
    [
        ("LeNet-5", [28, 10, 1]),
        ("AlexNet", [55, 27, 13, 13, 13]),
        ("VGG-16", [224] * 2 + [112] * 2 + [56] * 3 + [28] * 3 + [14] * 3),
        ("ResNet-50", [112] + [56] * 10 + [28] * 13 + [14] * 19 + [7] * 10),
        ("DCGAN", [4, 11, 19, 35, 67]),  # before cropping to 4, 8, 16, 32, 64
        ("U-Net", [56, 104, 200, 392]),
        ("FCN-8s", [34, 70, 568]),
    ],
)
def test_outputs(network: str, rows: list[int]) -> None:
    """Each layer's output has the extents that the paper states."""
    assert outputs(network) == rows


@pytest.mark.parametrize("network", ["VGG-16", "DCGAN", "ResNet-50"])
def test_channels_chain(network: str) -> None:
    """A layer takes what the layer before it gives; a shortcut takes what its block does."""
    layers = [layer for layer in of(network) if "shortcut" not in layer.name]
    for before, after in pairwise(layers):
        assert before.geometry.channels_out == after.geometry.channels_in


@pytest.mark.parametrize("name", ["AlexNet conv3", "ResNet-50 conv5_1b"])
def test_vectorised_kernel_in_full(name: str) -> None:
    """A fast kernel is judged on a whole layer, exactly and within the bound."""
    (layer,) = [layer for layer in distinct_layers() if str(layer) == name]
    for fill in ("integers", "uniform"):
        case = Case("convolution", layer.geometry, "float32", fill, 1)
        verdict = judge(kernels(STYLES["matrix product"])["convolution"], case)
        assert verdict.outcome is Outcome.AGREES


@pytest.mark.parametrize("whole", [False, True])
def test_whole_layers_see_what_fails_at_full_size(whole: bool) -> None:  # noqa: FBT001
    """A fast kernel that is wrong only on whole layers fails where these are asked for."""
    right = kernels(STYLES["matrix product"])["convolution"]

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = right(x, ftr, strd)
        z[:, -1] += x.shape[1] == 15
        return z

    record = Record(lambda name: subject_of(kernel, OPERATIONS[name]))
    (layer,) = [layer for layer in distinct_layers() if str(layer) == "AlexNet conv5"]
    step = RealLayer(OPERATIONS["convolution"], layer, "float32", whole)
    if whole:
        with pytest.raises(ConformanceError, match=r"b1\.h15\.w15"):
            test_real_layers.test_layer(record, step)
    else:
        test_real_layers.test_layer(record, step)

"""Whole layers of published networks, padding left out.

LeNet-5: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
document recognition", Proc. IEEE 86(11), 1998, section II.B; C3 with all its connections
instead of the paper's table I, since a convolution knows no missing ones.

DCGAN: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", ICLR 2016, figure 1: a projection of 100
numbers to 4 x 4 x 1024, here as the transposed convolution of a 1 x 1 input that it is, and
then 5 x 5 filters at stride 2 to 512 and 256 channels.

A loop kernel takes half a minute for DCGAN's later layers.  Output channels do not
affect one another, so there a few of them are judged, on all input channels.
"""

from dataclasses import dataclass, replace

import pytest

from convcheck.conformance.kernels import kernel_for
from convcheck.conformance.recording import Record
from convcheck.oracle.cases import DTYPES, Case
from convcheck.oracle.geometry import LAYERS, Geometry
from convcheck.oracle.judge import judge
from convcheck.oracle.operations import OPERATIONS

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True)
class RealLayer:
    """A layer as published, and how many of its output channels are judged."""

    name: str
    operation: str
    geometry: Geometry
    judged_channels: int

    @property
    def judged_geometry(self) -> Geometry:
        """The geometry of the output channels that are judged."""
        return replace(self.geometry, channels_out=self.judged_channels)


_LENET = {
    "LeNet-5 C1": Geometry(1, 32, 32, 1, 6, 5, 5, 1, 1),
    "LeNet-5 C3": Geometry(1, 14, 14, 6, 16, 5, 5, 1, 1),
    "LeNet-5 C5": Geometry(1, 5, 5, 16, 120, 5, 5, 1, 1),
}
_DCGAN = {
    "DCGAN projection": (Geometry(1, 1, 1, 100, 1024, 4, 4, 1, 1), 1024),
    "DCGAN CONV 1": (Geometry(1, 4, 4, 1024, 512, 5, 5, 2, 2), 2),
    "DCGAN CONV 2": (Geometry(1, 8, 8, 512, 256, 5, 5, 2, 2), 2),
}


def real_layers() -> list[RealLayer]:
    """Return the layers with the operations that they are judged on, each forward and back."""
    layers = []
    for operation in OPERATIONS.values():
        if operation.default_fore is not None:
            continue  # no published network fixes a pair of layers without pooling between
        if operation.layer == "convolution":
            layers += [
                RealLayer(name, operation.name, geometry, geometry.channels_out)
                for name, geometry in _LENET.items()
            ]
        else:
            layers += [
                RealLayer(name, operation.name, geometry, channels)
                for name, (geometry, channels) in _DCGAN.items()
                if operation.name == operation.layer or channels < geometry.channels_out
            ]
    return layers


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layer", real_layers(), ids=lambda each: f"{each.name}-{each.operation}")
def test_layer(record: Record, layer: RealLayer, dtype: str) -> None:
    """A layer of a published network agrees with PyTorch, exactly and within the bound."""
    kernel = kernel_for(layer.operation)
    cases = [
        Case(layer.operation, layer.judged_geometry, dtype, fill, seed=1)
        for fill in ("integers", "uniform")
    ]
    record.judged([judge(kernel, case) for case in cases], "real layers")


def test_layers_cover() -> None:
    """Every one-layer operation is judged on real layers, the forward ones on a whole one."""
    layers = real_layers()
    one_layer = {o.name for o in OPERATIONS.values() if o.default_fore is None}
    assert {layer.operation for layer in layers} == one_layer
    whole = {each.operation for each in layers if each.judged_geometry == each.geometry}
    assert whole >= set(LAYERS)

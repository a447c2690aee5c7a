"""The convolution layers of published networks, at full size, padding applied beforehand.

LeNet-5: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to
document recognition", Proc. IEEE 86(11), 1998, section II.B; C3 with all its connections
instead of the paper's table I, since a convolution knows no missing ones.

AlexNet: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep
convolutional neural networks", NIPS 2012, section 3.5.  Inputs are 227 x 227, which the
stated output of 55 x 55 needs; layers split between two processors are given as one half.

VGG-16: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image
recognition", ICLR 2015, table 1, configuration D.

ResNet-50: K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition",
CVPR 2016, table 1.  The first 1 x 1 layer of a stage has the stride, as in the paper; so does
the projection on its shortcut.

DCGAN: A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", ICLR 2016, figure 1: a projection of 100
numbers to 4 x 4 x 1024, here as the transposed convolution of a 1 x 1 input that it is, and
then 5 x 5 filters at stride 2.

U-Net: O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical
image segmentation", MICCAI 2015, figure 1, the four up-convolutions.

FCN-8s: J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks for semantic
segmentation", CVPR 2015, sections 3.3 and 4.2, on 500 x 500 images padded by 100, with the
21 classes of PASCAL VOC.

A transposed convolution is padded by cropping its result, so nothing is applied beforehand.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from convcheck.form.axis import Axis
from convcheck.form.geometry import Geometry
from convcheck.form.layers import Layer as Kind
from convcheck.form.operations import OPERATIONS


@dataclass(frozen=True)
class Layer:
    """A layer as published."""

    network: str
    name: str
    operation: str
    geometry: Geometry
    times: int = 1
    """how many layers of the network have this geometry; the name is the first one's"""

    def __str__(self) -> str:
        return f"{self.network} {self.name}"

    @property
    def multiplications(self) -> int:
        """Number of multiply-add steps of one such layer, for one image."""
        products = math.prod(OPERATIONS[self.operation].shape(self.geometry, "PQio"))
        taps = math.prod(axis.taps for axis in self.geometry.axes)
        return products * taps // self.geometry.groups


def _convolution(
    network: str, name: str, extent: int, channels: tuple[int, int], taps: int, stride: int = 1
) -> Layer:
    geometry = Geometry.of(1, extent, extent, *channels, taps, taps, stride, stride)
    return Layer(network, name, "convolution", geometry)


def _transposed(
    network: str, name: str, extent: int, channels: tuple[int, int], taps: int, stride: int
) -> Layer:
    geometry = Geometry.of(1, extent, extent, *channels, taps, taps, stride, stride)
    return Layer(network, name, "convolution_transpose", geometry)


def _vgg16() -> list[Layer]:
    """Return 13 layers; each 3 x 3 filter sees its input padded by one."""
    channels, layers = 3, []
    for stage, (extent, out, count) in enumerate(
        [(224, 64, 2), (112, 128, 2), (56, 256, 3), (28, 512, 3), (14, 512, 3)], start=1
    ):
        for number in range(1, count + 1):
            name = f"conv{stage}_{number}"
            layers.append(_convolution("VGG-16", name, extent + 2, (channels, out), 3))
            channels = out
    return layers


def _resnet50() -> list[Layer]:
    """Return 53 layers: the first, 16 blocks of three, and four projections."""
    layers = [_convolution("ResNet-50", "conv1", 230, (3, 64), 7, 2)]
    extent, channels = 56, 64
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=2):
        for block in range(1, blocks + 1):
            stride = 2 if block == 1 and stage > 2 else 1
            name = f"conv{stage}_{block}"

            def layer(
                part: str, extent: int, channels: tuple[int, int], taps: int = 1, stride: int = 1
            ) -> None:
                layers.append(
                    _convolution("ResNet-50", f"{name}{part}", extent, channels, taps, stride)  # noqa: B023
                )

            if block == 1:
                layer(" shortcut", extent, (channels, 4 * width), stride=stride)
            layer("a", extent, (channels, width), stride=stride)
            extent //= stride
            layer("b", extent + 2, (width, width), taps=3)
            layer("c", extent, (width, 4 * width))
            channels = 4 * width
    return layers


ALL_LAYERS = (
    _convolution("LeNet-5", "C1", 32, (1, 6), 5),
    _convolution("LeNet-5", "C3", 14, (6, 16), 5),
    _convolution("LeNet-5", "C5", 5, (16, 120), 5),
    _convolution("AlexNet", "conv1", 227, (3, 96), 11, 4),
    _convolution("AlexNet", "conv2", 31, (48, 128), 5),
    _convolution("AlexNet", "conv3", 15, (256, 384), 3),
    _convolution("AlexNet", "conv4", 15, (192, 192), 3),
    _convolution("AlexNet", "conv5", 15, (192, 128), 3),
    *_vgg16(),
    *_resnet50(),
    _transposed("DCGAN", "projection", 1, (100, 1024), 4, 1),
    _transposed("DCGAN", "CONV 1", 4, (1024, 512), 5, 2),
    _transposed("DCGAN", "CONV 2", 8, (512, 256), 5, 2),
    _transposed("DCGAN", "CONV 3", 16, (256, 128), 5, 2),
    _transposed("DCGAN", "CONV 4", 32, (128, 3), 5, 2),
    _transposed("U-Net", "up-conv 1", 28, (1024, 512), 2, 2),
    _transposed("U-Net", "up-conv 2", 52, (512, 256), 2, 2),
    _transposed("U-Net", "up-conv 3", 100, (256, 128), 2, 2),
    _transposed("U-Net", "up-conv 4", 196, (128, 64), 2, 2),
    _transposed("FCN-8s", "2x of the last layer", 16, (21, 21), 4, 2),
    _transposed("FCN-8s", "2x with pool4", 34, (21, 21), 4, 2),
    _transposed("FCN-8s", "8x with pool3", 70, (21, 21), 16, 8),
)


def evened(layer: Kind, geometry: Geometry) -> Geometry:
    """Return the same layer with symmetric padding, where it is one: what it reaches is the same.

    Padding at the end that no window reaches, or that output padding makes up for, may be added.
    """
    rows, columns = (_evened(layer, axis) for axis in geometry.axes)
    return replace(geometry, rows=rows, columns=columns)


def _evened(layer: Kind, axis: Axis) -> Axis:
    more = axis.before - axis.after
    if more <= 0:
        return axis
    q = 0 if layer.narrows else axis.output_padding + more
    even = axis._replace(after=axis.before, output_padding=q)
    same = layer.output_of(layer.span(even)) == layer.output_of(layer.span(axis))
    return even if same and not even.misfit("", narrows=layer.narrows) else axis


def once(layers: Iterable[Layer]) -> list[Layer]:
    """Return layers, those of one network with the same geometry as one."""
    found: dict[tuple[str, str, Geometry], Layer] = {}
    for layer in layers:
        first = found.setdefault((layer.network, layer.operation, layer.geometry), layer)
        if first is not layer:
            found[layer.network, layer.operation, layer.geometry] = replace(
                first, times=first.times + layer.times
            )
    return list(found.values())


def distinct_layers() -> list[Layer]:
    """Return the published layers once each."""
    return once(ALL_LAYERS)

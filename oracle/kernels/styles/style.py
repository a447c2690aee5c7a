"""What a style stands for: the declarations that need not be made beside it.

    style=cs231n     out, cache = conv_forward_naive(x, w, b, conv_param)
                     dx, dw, db = conv_backward_naive(dout, cache)
    style=coursera   Z, cache = conv_forward(A_prev, W, b, hparameters)
                     dA_prev, dW, db = conv_backward(dZ, cache)
    style=layer      layer = build(filters, bias, stride, padding), or a class;
                     z = forward(layer, x), or a method; dx, dw, db = backward(layer, dz), or a
                     method, whatever it leaves in the layer included
    style=module     a torch.nn.Module's class, made as torch.nn.Conv2d is, or a
                     torch.autograd.Function, called as torch.nn.functional.conv2d is

The function that a candidate names is the first of a pair, `build`, or the class; the other of a
pair has `backward` in its name in the place of `forward`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from convcheck.form.operations import OPERATIONS, operation_named


class Style(NamedTuple):
    """What is declared by a style, and which geometries are within it."""

    tensors: str
    filters: str
    takes: tuple[str, ...] = ("padding", "bias")
    arrays: str = "numpy"
    whole: bool = True
    """whether stride and padding are one integer each"""
    square: bool = False
    """whether filters are as high as wide"""

    def declared(self, operation: str) -> dict[str, str]:
        """Return what it declares for the kernel of an operation."""
        of = operation_named(operation)
        takes = "+".join(each for each in self.takes if each in of.parameters)
        filters = self.filters if of.layer.narrows or self.arrays != "torch" else "IOHW"
        own = {"tensors": self.tensors, "filters": filters, "arrays": self.arrays}
        if "padding" in takes:
            own |= {"padding": "pair"}
        return own | ({"takes": takes} if takes else {})

    @property
    def within(self) -> list[str]:
        """The domain that it has, as `cases.domain` reads expressions."""
        whole = ["stride_height == stride_width", "padding_top == padding_left"]
        return whole * self.whole + ["filter_height == filter_width"] * self.square


_TORCHS = ("padding", "dilation", "groups", "output_padding", "bias")
STYLES: Mapping[str, Style] = {
    "cs231n": Style("NCHW", "OIHW"),
    "coursera": Style("NHWC", "HWIO", square=True),
    "layer": Style("NCHW", "OIHW"),
    "module": Style("NCHW", "OIHW", _TORCHS, "torch", whole=False),
}


def operations_of(operation: str) -> list[str]:
    """Return the operations that a layer is judged by: a forward one and its gradients."""
    layer = operation_named(operation).layer
    return [
        name
        for name, each in OPERATIONS.items()
        if each.layer is layer and each.default_fore is None
    ]

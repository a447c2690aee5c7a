"""The composed kernels: the notebook's without parameters, and PyTorch's with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from convcheck.reference import gradients, notebook, parameters

Array = Any
FORWARD = ("convolution", "convolution_transpose")
GRADIENTS = [f"{layer}_{of}_gradient" for layer in FORWARD for of in ("input", "filter")]
# Padding, dilation, groups and output padding of unequal numbers, each alone and all together.
GIVEN: dict[str, dict[str, Any]] = {
    "none": {},
    "padding": {"padding": ((2, 1), (0, 3))},
    "dilation": {"dilation": (2, 3)},
    "groups": {"groups": 2},
    "output padding": {"output_padding": (1, 2)},
    "all": {"padding": ((1, 0), (2, 3)), "dilation": (3, 2), "groups": 2, "output_padding": (2, 1)},
}
STRIDE = (2, 3)


def integers(*shape: int, dtype: Any = np.float64) -> Array:
    """Return small random integers, of which sums are exact."""
    return default_rng(shape).integers(-9, 10, shape).astype(dtype)


def call(layer: str, given: dict[str, Any], x: Array, ftr: Array, bias: Array) -> Array:
    """Return what PyTorch makes of tensors, given in its layouts; padding is zeros, or is cut."""
    (top, bottom), (left, right) = given.get("padding", ((0, 0), (0, 0)))
    dilation, groups = given.get("dilation", (1, 1)), given.get("groups", 1)
    do = torch.nn.functional
    if layer == "convolution":
        x = do.pad(x, (left, right, top, bottom))
        return do.conv2d(x, ftr, bias, STRIDE, dilation=dilation, groups=groups)
    # Without padding PyTorch has output padding, too, which is zeros and the bias.
    more = given.get("output_padding", (0, 0))
    z = do.conv_transpose2d(x, ftr, bias, STRIDE, 0, more, groups, dilation)
    return z[:, :, top : z.shape[2] - bottom, left : z.shape[3] - right]


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("layer", FORWARD)
def test_equals_pytorch(layer: str, given: dict[str, Any]) -> None:
    """Results with a bias, and all gradients, are PyTorch's on integers."""
    if layer == "convolution":
        given = {name: each for name, each in given.items() if name != "output_padding"}
    groups, narrow = given.get("groups", 1), layer == "convolution"
    x = integers(2, *(9, 11) if narrow else (3, 4), 4)
    shape = (4 // groups, 2, 3, 6) if narrow else (4, 2, 3, 6 // groups)
    ftr, bias = integers(*shape), integers(6)
    layout = (3, 0, 1, 2) if narrow else (0, 3, 1, 2)
    arrays = x.transpose(0, 3, 1, 2), ftr.transpose(layout), bias
    tensors: list[Any] = [torch.tensor(each.copy(), requires_grad=True) for each in arrays]
    z = call(layer, given, *tensors)
    delta = integers(*z.permute(0, 2, 3, 1).shape)
    z.backward(torch.tensor(delta.transpose(0, 3, 1, 2).copy()))
    dx, dftr, dbias = (each.grad.numpy() for each in tensors)

    def kernel(of: str) -> Callable[..., Array]:
        found: Callable[..., Array] = getattr(parameters, f"{layer}{of}")
        return found

    result = z.detach().numpy().transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(kernel("")(x, ftr, STRIDE, bias=bias, **given), result)
    shapes = (x.shape,) if narrow else ()
    found = kernel("_input_gradient")(delta, ftr, STRIDE, *shapes, **given)
    np.testing.assert_array_equal(found, dx.transpose(0, 2, 3, 1))
    found = kernel("_filter_gradient")(x, delta, STRIDE, ftr.shape, **given)
    np.testing.assert_array_equal(found, dftr.transpose(np.argsort(layout)))
    np.testing.assert_array_equal(kernel("_bias_gradient")(delta), dbias)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", [*FORWARD, *GRADIENTS])
def test_without_parameters_to_the_bit(name: str, dtype: str) -> None:
    """Without parameters, results are those of the notebook and of the gradients to the bit."""
    narrow = not name.startswith("convolution_transpose")
    x, ftr = (1 / (integers(*shape) + 9.5) for shape in ((2, 5, 8, 3), (3, 2, 3, 2)))
    plain = getattr(notebook if name in FORWARD else gradients, name)
    z = getattr(notebook, FORWARD[not narrow])(x, ftr, STRIDE)
    factors = {"input": (z, ftr), "filter": (x, z)}
    given = next((each for of, each in factors.items() if f"_{of}_" in name), (x, ftr))
    shapes = {"input": (x.shape,) if narrow else (), "filter": (ftr.shape,)}
    shape = next((each for of, each in shapes.items() if f"_{of}_" in name), ())
    arrays = [each.astype(dtype) for each in given]
    expected = plain(*arrays, STRIDE, *shape)
    found = getattr(parameters, name)(*arrays, STRIDE, *shape)
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()

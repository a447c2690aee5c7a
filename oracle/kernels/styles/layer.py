"""Functions of an operation's arguments, each of which has a layer compute it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from convcheck.form.operations import Operation
from convcheck.kernels.misbehaviour import BACKWARD_PASS, FORWARD_PASS

Gradients = Sequence[Any]
"""of input, filter and bias"""

NO_BIAS = (
    "expected a bias among what the layer keeps; where it has none, takes= has to leave it out"
)

# A gradient does not depend on these.  None is zero, which would hide that it does.
_ANY = (1.0, -2.0, 0.5, 3.0, -1.0)


class Layer(Protocol):
    """How a layer is made, and what it computes."""

    @property
    def build(self) -> Callable[..., Any]:
        """What makes a layer of filter, bias or None, strides, and parameters by keyword."""

    def forward(self, made: Any, x: Any) -> Any:
        """Return the layer's output."""

    def backward(self, made: Any, delta: Any) -> Gradients:
        """Return the gradients of input, filter and bias, after `forward`."""


class Called:
    """The functions of a layer, by the names that operations have for their arguments.

    Arrays, shapes and pairs are as the candidate has them.
    """

    def __init__(self, layer: Layer, tensors: str, filters: str) -> None:
        """Take a layer, and the axes of its arrays, a letter each."""
        self._layer, self._tensors, self._filters = layer, tensors, filters

    def function(self, operation: Operation) -> Callable[..., Any]:
        """Return the function that computes an operation."""
        found: Mapping[str, Callable[..., Any]] = {
            "input_gradient": self._input_gradient,
            "filter_gradient": self._filter_gradient,
            "bias_gradient": self._bias_gradient,
        }
        return found.get(operation.name.removeprefix(f"{operation.layer}_"), self._forward)

    def _forward(self, x: Any, ftr: Any, strd: Any, bias: Any = None, **given: Any) -> Any:
        return self._layer.forward(self._layer.build(ftr, bias, strd, **given), x)

    def _input_gradient(
        self, delta: Any, ftr: Any, strd: Any, x_shape: Any = None, **given: Any
    ) -> Any:
        made = self._layer.build(ftr, None, strd, **given)
        shape = x_shape or self._input_of(delta.shape, ftr.shape, strd, **given)
        return self._gradient(0, made, _any(shape, delta), ftr, delta)

    def _filter_gradient(self, x: Any, delta: Any, strd: Any, ftr_shape: Any, **given: Any) -> Any:
        ftr = _any(ftr_shape, delta)
        return self._gradient(1, self._layer.build(ftr, None, strd, **given), x, ftr, delta)

    def _bias_gradient(
        self, delta: Any, strd: Any = (), x_shape: Any = (), ftr_shape: Any = ()
    ) -> Any:
        """Return the bias's gradient, of the layer that `Declared.beside` tells of."""
        ftr, bias = _any(ftr_shape, delta), _any([delta.shape[self._tensors.index("C")]], delta)
        made = self._layer.build(ftr, bias, strd)
        return self._gradient(2, made, _any(x_shape, delta), ftr, delta)

    def _input_of(
        self, output: Sequence[int], ftr: Sequence[int], strd: Sequence[int], **given: Sequence[int]
    ) -> list[int]:
        """Return the shape of a transposed convolution's input, by that of its output."""
        axes = [axis for axis in self._filters if axis in "HW"]
        nothing = (0,) * len(axes)
        pads, left = given.get("padding", nothing), given.get("output_padding", nothing)
        apart = given.get("dilation", (1,) * len(axes))
        shape = dict(zip(self._tensors, output, strict=True))
        shape["C"] = ftr[self._filters.index("I")]
        for n, axis in enumerate(axes):
            reach = (ftr[self._filters.index(axis)] - 1) * apart[n] + 1
            shape[axis] = (shape[axis] + 2 * pads[n] - left[n] - reach) // strd[n] + 1
        return [shape[axis] for axis in self._tensors]

    def _gradient(self, which: int, made: Any, x: Any, ftr: Any, delta: Any) -> Any:
        """Return one of the gradients of input, filter and bias."""
        with _noted(FORWARD_PASS):
            self._layer.forward(made, x)
        with _noted(BACKWARD_PASS):
            found = self._layer.backward(made, delta)
        if not isinstance(found, tuple | list) or len(found) != 3:
            kind = type(found).__name__
            raise TypeError(f"the backward pass returned {kind}, expected three gradients")
        shapes = [tuple(np.shape(each)) for each in found]
        expected = [tuple(x.shape), tuple(ftr.shape), (delta.shape[self._tensors.index("C")],)]
        if shapes[which] != expected[which] and sorted(shapes) == sorted(expected):
            raise TypeError(
                f"the backward pass returned gradients of shapes {shapes}, expected {expected}: "
                "those of input, filter and bias, in this order"
            )
        return found[which]


@contextmanager
def _noted(where: str) -> Iterator[None]:
    """Note of what is raised where that was: all gradients fail where one pass does."""
    try:
        yield
    except Exception as error:
        error.add_note(where)
        raise


def _any(shape: Sequence[int], like: Any) -> Any:
    """Return an array of any numbers, of the library and dtype of another."""
    numbers = np.resize(_ANY, tuple(shape))
    return like.new_tensor(numbers) if hasattr(like, "new_tensor") else numbers.astype(like.dtype)

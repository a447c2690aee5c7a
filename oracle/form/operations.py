"""The operations table: what each of the ten operations takes, returns and means.

Six one-layer operations are derivatives of a single trilinear form,

    T(wide, ftr, narrow) = sum wide[b, p*SH + h*DH - top, q*SW + w*DW - left, i] ftr[i, h, w, o]
                               narrow[b, p, q, o]

written here with the channels of a convolution: its input is the wide side and its output
the narrow one; a transposed convolution has them exchanged.  Terms are absent whose place on
the wide side lies outside, in the padding.  Leave one of the three out, and what multiplies it
is the operation that returns it.  Groups are so many forms side by side, each of its own
channels (`composed`).  A bias is added to the output, and its gradient is delta, summed.  So
every array is described by its axes, one letter each:

    b batch     i, o channels in, out     h, w filter taps
    H, W rows and columns of the wide side     P, Q those of the narrow side
    in filters, one of i and o runs through the channels of a single group (`Layer.within`)
    k channels, g, m filter taps and R, S rows and columns of layer l+1's filter and output
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from . import pytorch
from .axis import Span
from .extents import misfit, spatial_extents
from .geometry import PARAMETERS, Geometry
from .layers import FILTER, Layer
from .layouts import Array
from .names import one_of

Arrays = Mapping[str, Array]
Kernel = Callable[..., Any]
_SIZES = {"b": "batch", "i": "channels_in", "o": "channels_out"}
"""the sizes that are the extents of batch and channel axes"""


# Compared by identity: there is one instance of each, and results are cached by it.
@dataclass(frozen=True, eq=False, repr=False)
class Operation:
    """One operation: its arguments, the axes of its arrays, and its layer."""

    name: str
    layer: Layer
    """the forward operation of layer l"""
    signature: tuple[str, ...]
    """positional arguments of a kernel, in order"""
    factors: Mapping[str, str]
    """the arrays in which it is multilinear, with their axes"""
    result: str
    """axes of what it returns"""
    data: str
    """the factor in which a NaN or infinity must reach exactly the results that it enters;
    in the others it also may, and does unless a kernel multiplies by zeros it inserted"""
    parameters: tuple[str, ...] = ()
    """those of `geometry.PARAMETERS` that it has"""
    default_fore: Layer | None = None
    """what layer l+1 is where `fore_layer` is not passed; None without a layer l+1"""

    def __repr__(self) -> str:
        """Return an expression for it: entries of the table are all there are."""
        return f"OPERATIONS[{self.name!r}]"

    @cached_property
    def degree(self) -> int:
        """Number of factors: the degree of the polynomial that each result is."""
        return len(self.factors)

    def multiplied(self, name: str) -> int:
        """Return of how many factors the products are that an array's numbers are in."""
        return 1 if name == "bias" else self.degree

    @property
    def trilinear(self) -> bool:
        """Whether it is the trilinear form with one of the three arrays left out."""
        return self.degree == 2

    @cached_property
    def optional(self) -> frozenset[str]:
        """The arguments that go by keyword, if they do."""
        return frozenset({"fore_layer"} if self.default_fore else self.parameters)

    @cached_property
    def batch_and_channels(self) -> str:
        """Batch and channel axes that any of its arrays has."""
        every = "".join((self.result, *self.factors.values()))
        return "".join(axis for axis in "biok" if axis in every)

    @cached_property
    def summed(self) -> str:
        """Those of them that every result sums over."""
        return "".join(axis for axis in self.batch_and_channels if axis not in self.result)

    def combinations(self, geometry: Geometry) -> int:
        """Return how many combinations of batch item and channels each result sums over."""
        groups = geometry.groups if "i" in self.summed or "o" in self.summed else 1
        return math.prod(self.shape(geometry, self.summed)) // groups

    def summands(self, geometry: Geometry, products: Any) -> Any:
        """Return how many numbers a result adds up: so many `products` a combination, a bias."""
        return products * self.combinations(geometry) + geometry.bias

    def check(self, geometry: Geometry) -> None:
        """Raise ValueError where the operation has no meaning on `geometry`."""
        if (geometry.fore is None) is not (self.default_fore is None):
            expected = "no layer l+1" if self.default_fore is None else "a layer l+1"
            raise ValueError(f"geometry={geometry}: {self.name} expected {expected}")
        if not geometry.is_plain:
            for name, default in PARAMETERS.items():
                if name not in self.parameters and getattr(geometry, name) != default:
                    raise ValueError(f"geometry={geometry}: {self.name} expected no {name}")
        wrong = misfit(self.layer, geometry.rows, geometry.columns, geometry.fore)
        if wrong:
            raise ValueError(wrong)

    def fits(self, geometry: Geometry) -> bool:
        """Return whether the operation has a meaning on `geometry`: whether `check` accepts it."""
        try:
            self.check(geometry)
        except ValueError:
            return False
        return True

    def taking(self, geometry: Geometry) -> Geometry:
        """Return a geometry without the parameters that the operation does not have."""
        given: dict[str, Any] = {name: getattr(geometry, name) for name in self.parameters}
        return Geometry.of(**{**geometry.sizes, **given}, fore=geometry.fore)

    def extents(self, geometry: Geometry) -> Mapping[str, int]:
        """Return the extent of every axis."""
        g = geometry
        spatial = spatial_extents(self.layer, g.rows, g.columns, g.fore)
        return {**spatial, "b": g.batch, "i": g.channels_in, "o": g.channels_out}

    def spans(self, geometry: Geometry) -> tuple[Span, Span]:
        """Return rows and columns of layer l."""
        return self.layer.span(geometry.rows), self.layer.span(geometry.columns)

    def layers(self, geometry: Geometry) -> "tuple[Part, Part]":
        """Return the one-layer operations that a backward kernel is made of.

        The first carries dL/dy of layer l+1 back to dL/da, its input; the second makes the
        filter gradient of layer l of its delta, which is dL/da * d_act.
        """
        g, f = geometry, geometry.fore
        assert f is not None, "only a backward kernel has a layer l+1"  # noqa: S101
        rows, columns = f.axes(*self.output_extents(g))
        after = Geometry(g.batch, rows, columns, g.channels_out, f.channels_out)
        return (
            Part(OPERATIONS[f"{f.layer}_input_gradient"], after),
            Part(OPERATIONS[f"{self.layer}_filter_gradient"], replace(g, fore=None)),
        )

    def terms(self, geometry: Geometry, letters: str = "bioPQhw") -> Iterator[dict[str, int]]:
        """Yield the indices of every term of the trilinear form that `letters` run through."""
        extents, (rows, columns) = self.extents(geometry), self.spans(geometry)
        for indices in product(*(range(extents[axis]) for axis in letters)):
            at = dict(zip(letters, indices, strict=True))
            row, column = rows.place(at["P"], at["h"]), columns.place(at["Q"], at["w"])
            if 0 <= row < rows.wide and 0 <= column < columns.wide:
                yield at | {"H": row, "W": column}

    def entering(self, arrays: Arrays) -> Arrays:
        """Return those of a kernel's arrays whose numbers enter its result."""
        return {name: each for name, each in arrays.items() if name in self._entering}

    @cached_property
    def _entering(self) -> frozenset[str]:
        return frozenset({*self.factors, "bias"})

    def output_extents(self, geometry: Geometry) -> tuple[int, ...]:
        """Return the number of rows and of columns of layer l's output."""
        return self.shape(geometry, self.layer.output[1:3])

    def shape(self, geometry: Geometry, axes: str) -> tuple[int, ...]:
        """Return the shape of an array with these axes."""
        extents = self.extents(geometry)
        if geometry.groups > 1 and axes == FILTER:
            within = self.layer.within
            extents = {**extents, within: extents[within] // geometry.groups}
        return tuple(map(extents.__getitem__, axes))

    def separable(self, geometry: Geometry) -> Iterator[tuple[str, int]]:
        """Yield batch and channel axes along which a call falls into parts, and their extents.

        Groups are parts of their own kind: see `grouped`.
        """
        extents = self.extents(geometry)
        axes = self.batch_and_channels if geometry.groups == 1 else "b"
        return ((axis, extents[axis]) for axis in axes if extents[axis] > 1)

    def part(
        self, geometry: Geometry, arrays: Arrays, axis: str, piece: slice
    ) -> tuple[Geometry, Arrays]:
        """Return what of a call lies in `piece` of a batch or channel axis, itself a call."""
        extent = piece.stop - (piece.start or 0)
        if axis == "k":
            assert geometry.fore is not None, "only layer l+1 has an axis k"  # noqa: S101
            less = replace(geometry, fore=replace(geometry.fore, channels_out=extent))
        else:
            less = geometry.resized(**{_SIZES[axis]: extent})
        return less, {n: along(self.axes_of(n), axis, piece, each) for n, each in arrays.items()}

    def axes_of(self, name: str) -> str:
        """Return the axes of an array that a kernel is handed."""
        return "o" if name == "bias" else self.arrays[name]

    def grouped(self, geometry: Geometry, arrays: Arrays) -> Iterator[tuple[Geometry, Arrays]]:
        """Yield each group of a call, itself a call without groups."""
        g = geometry
        sizes = {"i": g.channels_in // g.groups, "o": g.channels_out // g.groups}
        less = replace(g, groups=1, channels_in=sizes["i"], channels_out=sizes["o"])
        for group in range(g.groups):
            parts = {}
            for name, array in arrays.items():
                axes = self.axes_of(name)
                own = self.across(axes)
                piece = slice(group * sizes[own], (group + 1) * sizes[own])
                parts[name] = along(axes, own, piece, array)
            yield less, parts

    def joined(self, results: list[Array]) -> Array:
        """Return the result whose groups have these `results`."""
        return np.concatenate(results, axis=self.result.index(self.across(self.result)))

    def across(self, axes: str) -> str:
        """Return the axis of channels along which an array with these axes has all groups."""
        within = self.layer.within if axes == FILTER else ""
        return next(axis for axis in axes if axis in "io" and axis != within)

    def over_result(self, geometry: Geometry, axes: str, values: Array) -> Array:
        """Return `values` along those axes of the result that are among `axes`, in its shape."""
        shape = self.shape(geometry, self.result)
        along = (
            extent if axis in axes else 1 for axis, extent in zip(self.result, shape, strict=True)
        )
        return np.broadcast_to(values.reshape(*along), shape)

    def sharing(self, geometry: Geometry, name: str, marks: Array) -> Array:
        """Return for each result how many of a factor's `marks` share its batch and channels."""
        axes = self.factors[name]
        if geometry.groups > 1 and FILTER in (axes, self.result):
            # Channels of several groups meet in no filter, even where it stands in a dense one.
            parts = self.grouped(geometry, {name: marks})
            return self.joined([self.sharing(less, name, part[name]) for less, part in parts])
        summed = marks.sum(tuple(n for n, axis in enumerate(axes) if axis not in self.result))
        return self.over_result(geometry, axes, summed)

    @cached_property
    def arrays(self) -> Mapping[str, str]:
        """The arrays that a kernel is handed, with their axes."""
        if "fltrs" in self.signature:  # not a factor: only its shape and dtype matter
            return {**self.factors, "fltrs": FILTER}
        return self.factors

    @property
    def returns_filter(self) -> bool:
        """Whether its result is a filter of layer l, and no tensor."""
        return self.result == FILTER

    @cached_property
    def filter(self) -> str | None:
        """The factor that is a filter of layer l, if one is."""
        return next((name for name, axes in self.factors.items() if axes == FILTER), None)

    def array_shapes(self, geometry: Geometry) -> Mapping[str, tuple[int, ...]]:
        """Return name and shape of every array that a kernel is handed."""
        shapes = {name: self.shape(geometry, axes) for name, axes in self.arrays.items()}
        return {**shapes, "bias": (geometry.channels_out,)} if geometry.bias else shapes

    def largest_array(self, geometry: Geometry) -> tuple[int, ...]:
        """Return the shape of the largest array among those handed over and the result."""
        shapes = self.array_shapes(geometry).values()
        return max(self.shape(geometry, self.result), *shapes, key=math.prod)

    def arguments(self, geometry: Geometry, arrays: Arrays) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments for a kernel.

        Keywords are those that differ from their defaults.
        """
        g = geometry
        values: dict[str, Any] = {**arrays, "strd": g.strides}
        for name, axes in (("x_shape", self.layer.input), ("ftr_shape", FILTER)):
            if name in self.signature:
                values[name] = self.shape(g, axes)
        if g.fore is not None:
            values["fore_strd"] = g.fore.strides
        keywords = self.keywords(g)
        if g.bias:
            keywords["bias"] = arrays["bias"]
        return [values[name] for name in self.signature], keywords

    def keywords(self, geometry: Geometry) -> dict[str, Any]:
        """Return the arguments that go by keyword, where they differ from their defaults.

        The bias is 1, which stands for its array.
        """
        g = geometry
        if g.fore is not None and g.fore.layer != self.default_fore:
            return {"fore_layer": g.fore.layer}
        if g.is_plain:
            return {}
        return {
            name: value
            for name in self.parameters
            if (value := getattr(g, name)) != PARAMETERS[name]
        }

    def oracle(self, geometry: Geometry, arrays: Arrays) -> Array:
        """Return the result in float64, computed by PyTorch."""
        g, layer = geometry, self.layer
        first, *others = (arrays[name] for name in self.factors)
        if self.degree == 1:
            return pytorch.bias_gradient(layer, first)
        second, *last = others
        if g.fore is not None:
            d_act, x = last
            return pytorch.two_layer_filter_gradient(
                *(layer, g.fore.layer, first, second, g.fore.strides),
                *(d_act, x, g.strides, self.shape(g, FILTER)),
            )
        parameters = self.keywords(g)
        if self.result == layer.output:
            if g.bias:
                parameters["bias"] = arrays["bias"]
            return pytorch.forward(layer, first, second, g.strides, **parameters)
        gradient = pytorch.filter_gradient if self.returns_filter else pytorch.input_gradient
        shape = self.shape(g, self.result)
        return gradient(layer, first, second, g.strides, shape, **parameters)

    def error(self, geometry: Geometry, arrays: Arrays) -> Array:
        """Return dL/da of a backward kernel in float64, the shape of d_act."""
        back, _ = self.layers(geometry)
        factors = {"delta": arrays["fore_delta"], "ftr": arrays["fore_w"]}
        return back.operation.oracle(back.geometry, factors)

    def gradient(self, geometry: Geometry, x: Array, delta: Array) -> Array:
        """Return the filter gradient of layer l of a backward kernel in float64."""
        _, own = self.layers(geometry)
        return own.operation.oracle(own.geometry, {"x": x, "delta": delta})


def along(axes: str, axis: str, piece: slice, array: Array) -> Array:
    """Return `array`, cut down to `piece` along `axis` where it has that axis."""
    return array[tuple(piece if letter == axis else slice(None) for letter in axes)]


class Part(NamedTuple):
    """One of the one-layer operations that a backward kernel is made of."""

    operation: Operation
    geometry: Geometry


def composed(
    operation: Operation,
    geometry: Geometry,
    factors: Arrays,
    one_layer: Callable[[Operation, Geometry, Arrays], Array],
) -> Array:
    """Return what `one_layer` makes of an operation: by groups, of a backward kernel in two steps.

    Args:
        operation: any.
        geometry: its sizes.
        factors: its arrays, by name.
        one_layer: of a one-layer operation without groups and bias, its geometry and its
            factors, the result.
    """
    if "bias" in factors:
        bias, less = factors["bias"], {n: each for n, each in factors.items() if n != "bias"}
        return composed(operation, replace(geometry, bias=0), less, one_layer) + bias
    if geometry.groups > 1:
        parts = operation.grouped(geometry, factors)
        return operation.joined([one_layer(operation, *part) for part in parts])
    if operation.degree == 1:  # delta, whose every number enters its channel's
        (delta,) = factors.values()
        total: Array = delta.sum(axis=(0, 1, 2))
        return total
    if geometry.fore is None:
        return one_layer(operation, geometry, factors)
    back, own = operation.layers(geometry)
    error = one_layer(*back, {"delta": factors["fore_delta"], "ftr": factors["fore_w"]})
    return one_layer(*own, {"x": factors["x"], "delta": error * factors["d_act"]})


def _one_layer(layer: Layer) -> Iterator[Operation]:
    """Yield the operations that leave out one array of the trilinear form, and the bias's gradient.

    The wide side has extents of its own, where a remainder is left: where it is what is
    returned by a gradient, its shape is an argument, as is the filter's.
    """
    x, ftr, delta = {"x": layer.input}, {"ftr": FILTER}, {"delta": layer.output}
    last = ("x_shape",) if layer.narrows else ()
    narrow = "delta" if layer.narrows else "x"
    more = ("padding", "dilation", "groups", *(() if layer.narrows else ("output_padding",)))
    signature: tuple[str, ...] = ("x", "ftr", "strd")
    yield Operation(str(layer), layer, signature, x | ftr, layer.output, "x", (*more, "bias"))
    signature = ("delta", "ftr", "strd", *last)
    name = f"{layer}_input_gradient"
    yield Operation(name, layer, signature, delta | ftr, layer.input, "delta", more)
    signature = ("x", "delta", "strd", "ftr_shape")
    yield Operation(f"{layer}_filter_gradient", layer, signature, x | delta, FILTER, narrow, more)
    yield Operation(f"{layer}_bias_gradient", layer, ("delta",), delta, "o", "delta")


def _two_layers(name: str, layer: Layer) -> Operation:
    """Return the filter gradient of layer l where the derivative is known behind layer l+1."""
    factors = {"fore_delta": "bRSk", "fore_w": "ogmk", "d_act": layer.output, "x": layer.input}
    signature = ("fore_delta", "fore_w", "fore_strd", "d_act", "x", "fltrs", "strd")
    narrow = "fore_delta" if layer.narrows else "x"
    return Operation(name, layer, signature, factors, FILTER, data=narrow, default_fore=layer)


def _table() -> Iterator[Operation]:
    forward, *gradients = zip(*map(_one_layer, Layer), strict=True)
    yield from forward
    yield _two_layers("conv_back_prop", Layer.CONVOLUTION)
    yield _two_layers("conv_transpose_back_prop", Layer.TRANSPOSE)
    for each in zip(*gradients, strict=True):  # those of one layer together
        yield from each


OPERATIONS: Mapping[str, Operation] = {each.name: each for each in _table()}


def operation_named(name: str) -> Operation:
    """Return the operation called `name`; ValueError if there is none."""
    if name not in OPERATIONS:
        raise ValueError(f"operation={name!r}: {one_of(name, OPERATIONS)}")
    return OPERATIONS[name]

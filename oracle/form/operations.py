"""The operations table: what each of the eight operations takes, returns and means.

All six one-layer operations are derivatives of a single trilinear form,

    T(wide, ftr, narrow) = sum wide[b, p*SH + h, q*SW + w, i] ftr[i, h, w, o] narrow[b, p, q, o]

written here with the channels of a convolution: its input is the wide side and its output
the narrow one; a transposed convolution has them exchanged.  Leave one of the three
out, and what multiplies it is the operation that returns it.  So every array is described
by its axes, one letter each:

    b batch     i, o channels in, out     h, w filter taps
    H, W rows and columns of the wide side     P, Q those of the narrow side
    k channels, g, m filter taps and R, S rows and columns of layer l+1's filter and output
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

from . import pytorch
from .geometry import Geometry
from .layouts import Array

Arrays = Mapping[str, Array]
Kernel = Callable[..., Any]


# Compared by identity: there is one instance of each, and results are cached by it.
@dataclass(frozen=True, eq=False, repr=False)
class Operation:
    """One operation: its arguments, the axes of its arrays, and its layer."""

    name: str
    layer: str
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
    default_fore: str | None = None
    """what layer l+1 is where `fore_layer` is not passed; None without a layer l+1"""

    def __repr__(self) -> str:
        """Return an expression for it: entries of the table are all there are."""
        return f"OPERATIONS[{self.name!r}]"

    @cached_property
    def degree(self) -> int:
        """Number of factors: the degree of the polynomial that each result is."""
        return len(self.factors)

    @cached_property
    def summed(self) -> str:
        """Batch and channel axes that every result sums over."""
        axes = "biok" if self.default_fore else "bio"
        return "".join(axis for axis in axes if axis not in self.result)

    def check(self, geometry: Geometry) -> None:
        """Raise ValueError where the operation has no meaning on `geometry`."""
        g = geometry
        if (g.fore is None) is not (self.default_fore is None):
            expected = "no layer l+1" if self.default_fore is None else "a layer l+1"
            raise ValueError(f"geometry={g}: {self.name} expected {expected}")
        if self.layer == "convolution":
            _check_fits("", g.filter_height, g.height, g.filter_width, g.width)
        if g.fore is not None and g.fore.layer == "convolution":
            rows, columns = self.output_extents(g)
            _check_fits("fore ", g.fore.filter_height, rows, g.fore.filter_width, columns)

    def extents(self, geometry: Geometry) -> Mapping[str, int]:
        """Return the extent of every axis."""
        g = geometry
        if self.layer not in g.spatial:
            g.spatial[self.layer] = self._spatial_extents(g)
        e = {**g.spatial[self.layer], "b": g.batch, "i": g.channels_in, "o": g.channels_out}
        if g.fore is not None:
            e["k"] = g.fore.channels_out
        return e

    def _spatial_extents(self, geometry: Geometry) -> Mapping[str, int]:
        g = geometry
        e = {"h": g.filter_height, "w": g.filter_width}
        if self.layer == "convolution":
            e["H"], e["W"] = g.height, g.width
            e["P"] = (g.height - g.filter_height) // g.stride_height + 1
            e["Q"] = (g.width - g.filter_width) // g.stride_width + 1
        else:
            e["P"], e["Q"] = g.height, g.width
            e["H"] = (g.height - 1) * g.stride_height + g.filter_height
            e["W"] = (g.width - 1) * g.stride_width + g.filter_width
        if g.fore is not None:
            f = g.fore
            rows, columns = (e[axis] for axis in self.output_axes)
            e |= {"g": f.filter_height, "m": f.filter_width}
            if f.layer == "convolution":
                e["R"] = (rows - f.filter_height) // f.stride_height + 1
                e["S"] = (columns - f.filter_width) // f.stride_width + 1
            else:
                e["R"] = (rows - 1) * f.stride_height + f.filter_height
                e["S"] = (columns - 1) * f.stride_width + f.filter_width
        return e

    @property
    def output_axes(self) -> str:
        """Rows and columns of layer l's output, which is what layer l+1 takes."""
        return "PQ" if self.layer == "convolution" else "HW"

    def output_extents(self, geometry: Geometry) -> tuple[int, ...]:
        """Return the number of rows and of columns of layer l's output."""
        return self.shape(geometry, self.output_axes)

    def shape(self, geometry: Geometry, axes: str) -> tuple[int, ...]:
        """Return the shape of an array with these axes."""
        return _pick(axes)(self.extents(geometry))

    def array_shapes(self, geometry: Geometry) -> Mapping[str, tuple[int, ...]]:
        """Return name and shape of every array that a kernel is handed."""
        extents = self.extents(geometry)
        return {name: pick(extents) for name, pick in self._arrays}

    @cached_property
    def _arrays(self) -> "list[tuple[str, _Pick]]":
        """Name of every array that a kernel is handed, and what picks its shape."""
        axes = dict(self.factors)
        if "fltrs" in self.signature:  # not a factor: only its shape and dtype matter
            axes["fltrs"] = "ihwo"
        return [(name, _pick(each)) for name, each in axes.items()]

    @cached_property
    def _shapes(self) -> "list[tuple[str, _Pick]]":
        """Name of every shape that a kernel is handed, and what picks it."""
        axes = {"x_shape": "bHWi", "ftr_shape": "ihwo"}
        return [(name, _pick(each)) for name, each in axes.items() if name in self.signature]

    def largest_array(self, geometry: Geometry) -> tuple[int, ...]:
        """Return the shape of the largest array among those handed over and the result."""
        shapes = self.array_shapes(geometry).values()
        return max(self.shape(geometry, self.result), *shapes, key=math.prod)

    def arguments(self, geometry: Geometry, arrays: Arrays) -> tuple[list[Any], dict[str, Any]]:
        """Return positional and keyword arguments for a kernel."""
        g = geometry
        values: dict[str, Any] = {**arrays, "strd": (g.stride_height, g.stride_width)}
        for name, pick in self._shapes:
            values[name] = pick(self.extents(g))
        keywords = {}
        if g.fore is not None:
            values["fore_strd"] = (g.fore.stride_height, g.fore.stride_width)
            if g.fore.layer != self.default_fore:
                keywords["fore_layer"] = g.fore.layer
        return [values[name] for name in self.signature], keywords

    def oracle(self, geometry: Geometry, arrays: Arrays) -> Array:
        """Return the result in float64, computed by PyTorch."""
        g, layer = geometry, self.layer
        strd = (g.stride_height, g.stride_width)
        first, second, *others = (arrays[name] for name in self.factors)
        if g.fore is not None:
            return pytorch.two_layer_filter_gradient(
                layer,
                g.fore.layer,
                first,
                second,
                (g.fore.stride_height, g.fore.stride_width),
                others[0],
                others[1],
                strd,
                self.shape(g, "ihwo"),
            )
        if self.name.endswith("input_gradient"):
            x_shape = (g.batch, g.height, g.width, g.channels_in)
            return pytorch.input_gradient(layer, first, second, strd, x_shape)
        if self.name.endswith("filter_gradient"):
            return self.gradient(g, first, second)
        return pytorch.forward(layer, first, second, strd)

    def error(self, geometry: Geometry, arrays: Arrays) -> Array:
        """Return dL/da of a backward kernel in float64, the shape of d_act."""
        fore = geometry.fore
        assert fore is not None, "only a backward kernel has a layer l+1"  # noqa: S101
        return pytorch.input_gradient(
            fore.layer,
            arrays["fore_delta"],
            arrays["fore_w"],
            (fore.stride_height, fore.stride_width),
            arrays["d_act"].shape,
        )

    def gradient(self, geometry: Geometry, x: Array, delta: Array) -> Array:
        """Return the filter gradient of layer l in float64."""
        strd = (geometry.stride_height, geometry.stride_width)
        shape = self.shape(geometry, "ihwo")
        return pytorch.filter_gradient(self.layer, x, delta, strd, shape)


_Pick = Callable[[Mapping[str, int]], tuple[int, ...]]


@lru_cache
def _pick(axes: str) -> _Pick:
    """Return a function that picks the extents of these axes."""
    if len(axes) == 1:  # itemgetter would return a number
        return lambda extents: (extents[axes],)
    return itemgetter(*axes)


def _check_fits(whose: str, height: int, rows: int, width: int, columns: int) -> None:
    for name, taps, extent in (("height", height, rows), ("width", width, columns)):
        if taps > extent:
            raise ValueError(
                f"{whose}filter_{name}={taps}: expected at most the extent {extent} of what it "
                "slides over"
            )


def _operation(name: str, layer: str, arguments: str, result: str, **rest: Any) -> Operation:
    """Build an entry; arguments are written `name:axes` where they are factors."""
    words = [word.partition(":") for word in arguments.split()]
    signature = tuple(argument for argument, _, _ in words)
    factors = {argument: axes for argument, _, axes in words if axes}
    return Operation(name, layer, signature, factors, result, **rest)


_CONV, _TRANSPOSE = "convolution", "convolution_transpose"

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        _operation(_CONV, _CONV, "x:bHWi ftr:ihwo strd", "bPQo", data="x"),
        _operation(_TRANSPOSE, _TRANSPOSE, "x:bPQi ftr:ihwo strd", "bHWo", data="x"),
        _operation(
            "conv_back_prop",
            _CONV,
            "fore_delta:bRSk fore_w:ogmk fore_strd d_act:bPQo x:bHWi fltrs strd",
            "ihwo",
            data="fore_delta",
            default_fore=_CONV,
        ),
        _operation(
            "conv_transpose_back_prop",
            _TRANSPOSE,
            "fore_delta:bRSk fore_w:ogmk fore_strd d_act:bHWo x:bPQi fltrs strd",
            "ihwo",
            data="x",
            default_fore=_TRANSPOSE,
        ),
        _operation(
            "convolution_input_gradient",
            _CONV,
            "delta:bPQo ftr:ihwo strd x_shape",
            "bHWi",
            data="delta",
        ),
        _operation(
            "convolution_filter_gradient",
            _CONV,
            "x:bHWi delta:bPQo strd ftr_shape",
            "ihwo",
            data="delta",
        ),
        _operation(
            "convolution_transpose_input_gradient",
            _TRANSPOSE,
            "delta:bHWo ftr:ihwo strd",
            "bPQi",
            data="delta",
        ),
        _operation(
            "convolution_transpose_filter_gradient",
            _TRANSPOSE,
            "x:bPQi delta:bHWo strd ftr_shape",
            "ihwo",
            data="x",
        ),
    )
}


def operation_named(name: str) -> Operation:
    """Return the operation called `name`; ValueError if there is none."""
    if name not in OPERATIONS:
        raise ValueError(f"operation={name!r}: expected one of {', '.join(OPERATIONS)}")
    return OPERATIONS[name]

"""Nodes of ONNX: Conv and ConvTranspose as layers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from convcheck.form.axis import Axis
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS

OPERATION_OF = {"Conv": "convolution", "ConvTranspose": "convolution_transpose"}

Dims = Sequence[int]


def geometry_of(node: Any, x: Dims, weights: Dims) -> Geometry:
    """Return the geometry of a node whose input and weights have these dimensions.

    Those of its input are [batch, channels, height, width], without height for a layer of rank 1.

    Raises:
        ValueError: it has none, or three spatial axes.
    """
    given = {each.name: _value(each) for each in node.attribute}
    rank = len(x) - 2
    if rank not in (1, 2):
        raise ValueError(f"has {rank} spatial axes")
    groups = given.get("group", 1)
    transposed = node.op_type == "ConvTranspose"
    channels_out = weights[1] * groups if transposed else weights[0]
    axes = [
        _axis(given, at, x[2 + at], weights[2 + at], rank, transposed=transposed)
        for at in range(rank)
    ]
    rows, columns = axes if rank == 2 else [Axis(1), *axes]
    bias = int(len(node.input) > 2 and bool(node.input[2]))
    geometry = Geometry(x[0], rows, columns, x[1], channels_out, None, groups, bias)
    OPERATIONS[OPERATION_OF[node.op_type]].check(geometry)
    return geometry


def _axis(
    given: Mapping[str, Any], at: int, extent: int, taps: int, rank: int, *, transposed: bool
) -> Axis:
    """Return a spatial axis."""

    def number(name: str, default: int) -> int:
        values = given.get(name) or [default] * rank
        return int(values[at])

    axis = Axis(extent, taps, number("strides", 1), dilation=number("dilations", 1))
    pads = given.get("pads") or [0] * 2 * rank
    before, after, q = int(pads[at]), int(pads[rank + at]), number("output_padding", 0)
    kind = given.get("auto_pad", "NOTSET")
    same, upper = kind.startswith("SAME"), kind == "SAME_UPPER"
    if transposed:
        whole = (extent - 1) * axis.stride + axis.reach + q
        if given.get("output_shape"):
            after = whole - int(given["output_shape"][-rank:][at])
        elif same:
            after = whole - extent * axis.stride
        if given.get("output_shape") or same:
            total, q = max(0, after), q + max(0, -after)
            before = total // 2 if upper else total - total // 2
            after = total - before
    elif same:
        steps = math.ceil(extent / axis.stride)
        total = max(0, (steps - 1) * axis.stride + axis.reach - extent)
        before = total // 2 if upper else total - total // 2
        after = total - before
    if min(before, after) < 0:
        raise ValueError(f"has negative padding, {before} and {after}")
    return axis._replace(before=before, after=after, output_padding=q)


def _value(attribute: Any) -> Any:
    """Return the value of an attribute: an integer, integers, or a text."""
    if attribute.ints:
        return [*attribute.ints]
    return attribute.s.decode() if attribute.s else attribute.i

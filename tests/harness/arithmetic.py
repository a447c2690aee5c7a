"""Kernels as loops over all products, in random order, in an arithmetic of their own.

That may round after every step, and it may be one of fractions, which does not.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from itertools import product
from typing import Any

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Arrays

Index = tuple[int, ...]
Step = Callable[[Any, Any], Any]
Results = dict[Index, Any]

ONE_LAYER = Geometry.of(1, 3, 4, 2, 1, 2, 2, 1, 2)
TWO_LAYERS = {
    "conv_back_prop": Geometry.of(1, 3, 3, 1, 2, 2, 1, 1, 1, Fore("convolution", 2, 1, 2, 1, 2)),
    "conv_transpose_back_prop": Geometry.of(
        1, 2, 2, 1, 2, 1, 2, 1, 1, Fore("convolution_transpose", 1, 2, 2, 1, 1)
    ),
}
_BIAS = Geometry.of(1, 2, 2, 1, 1, 1, 1, 1, 1)  # the sum of all that there is
GEOMETRIES = {
    name: TWO_LAYERS.get(name, _BIAS if "bias" in name else ONE_LAYER) for name in OPERATIONS
}
_EVERYTHING = Geometry.parse("b1.h3.w3.i2.o4.f2x2.s2x1.p1-0x0-1.d1x2.g2.q1x0.bias")
WHOLE = {name: each.taking(_EVERYTHING) for name, each in OPERATIONS.items() if each.parameters}
"""of operations with parameters, one that has them all"""


@dataclass(frozen=True)
class Arithmetic:
    """How a kernel multiplies, adds, hands dL/da on, and converts its result and factors."""

    multiply: Step
    add: Step
    hand_on: Callable[[Any], Any]
    finish: Callable[[Any], Any]
    take: Callable[[Any], Any] = lambda value: value
    bias_last: bool = False
    """whether the bias is added to results that were converted"""


def same(value: Any) -> Any:
    """Return `value`, unchanged."""
    return value


EXACT = Arithmetic(lambda a, b: a * b, lambda a, b: a + b, same, same)


# Axes of a layer's input and output: which slides, and over what, differs.  In a filter, j and u
# are channels in and out of a single group.
SIDES = {
    "convolution": {"x": "bHWi", "z": "bPQo", "filter": "jhwo"},
    "convolution_transpose": {"x": "bPQi", "z": "bHWo", "filter": "ihwu"},
}


@cache
def terms(name: str, g: Geometry) -> dict[Index, list[tuple[Index, ...]]]:
    """Return where the factors of every product of every result stand.

    From the trilinear form alone: nothing here asks the operations' table.
    """
    layer = re.sub("_(input|filter|bias)_gradient", "", name)
    sides, found = SIDES[layer], dict[Index, list[tuple[Index, ...]]]()
    (rows, heights), (columns, widths) = extents(layer, g)
    if name.endswith("bias_gradient"):
        for place in np.ndindex(outputs(layer, g)):
            found.setdefault(place[3:], []).append((place,))
        return found
    derived = "x" if "_input" in name else "filter" if "_filter" in name else "z"
    first, second = (sides[side] for side in ("x", "z", "filter") if side != derived)
    ranges = (g.batch, rows, columns, g.filter_height, g.filter_width, g.channels_in)
    inner, outer = g.channels_in // g.groups, g.channels_out // g.groups
    for place in product(*map(range, (*ranges, g.channels_out))):
        at = dict(zip("bPQhwio", place, strict=True))
        at["H"] = at["P"] * g.stride_height + at["h"] * g.dilation_height - g.padding_top
        at["W"] = at["Q"] * g.stride_width + at["w"] * g.dilation_width - g.padding_left
        group, at["j"] = divmod(at["i"], inner)
        other_group, at["u"] = divmod(at["o"], outer)
        if group == other_group and at["H"] in range(heights) and at["W"] in range(widths):
            result, one, other = (
                tuple(at[axis] for axis in axes) for axes in (sides[derived], first, second)
            )
            found.setdefault(result, []).append((one, other))
    return found


def extents(layer: str, g: Geometry) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the extents, of rows and of columns, of the side that does not slide and the other.

    A convolution's windows are counted; a transposed one's output is what they cover.
    """
    both = []
    for axis in (g.rows, g.columns):
        pads, reach = axis.before + axis.after, (axis.taps - 1) * axis.dilation
        if layer == "convolution":
            last = axis.extent + pads - reach
            steps = len([first for first in range(last) if first % axis.stride == 0])
            both.append((steps, axis.extent))
        else:
            covered = (axis.extent - 1) * axis.stride + reach + 1
            both.append((axis.extent, covered + axis.output_padding - pads))
    return both[0], both[1]


def outputs(layer: str, g: Geometry) -> tuple[int, ...]:
    """Return the shape of a layer's output."""
    rows, columns = (axis[layer == "convolution_transpose"] for axis in extents(layer, g))
    return g.batch, rows, columns, g.channels_out


def after(fore: Fore, z: tuple[int, ...]) -> Geometry:
    """Return the geometry of layer l+1, whose input has the shape of `z`."""
    batch, height, width, channels = z
    taps = (fore.filter_height, fore.filter_width, fore.stride_height, fore.stride_width)
    return Geometry.of(batch, height, width, channels, fore.channels_out, *taps)


def total(values: Sequence[Any], add: Step, raw: Any) -> Any:
    """Add in the order given, or in a random tree."""
    left = list(values)
    tree = raw() % 2
    while len(left) > 1:
        a = left.pop(raw() % len(left) if tree else 0)
        at = raw() % len(left) if tree else 0
        left[at] = add(a, left[at])
    return left[0]


def compute(
    name: str,
    handed: Arrays,
    arithmetic: Arithmetic,
    seed: int = 0,
    geometry: Geometry | None = None,
) -> Results:
    """Return the results of an operation, those without terms left out."""
    arrays = {
        factor: {i: arithmetic.take(Fraction(float(array[i]))) for i in np.ndindex(array.shape)}
        for factor, array in handed.items()
    }
    raw = np.random.PCG64(seed).random_raw

    def one_layer(name: str, geometry: Geometry, *factors: Results) -> dict[Index, list[Any]]:
        found = {}
        for index, places in terms(name, geometry).items():
            # Where layer l+1 read nothing, there is no delta.
            sets = ([f[i] for f, i in zip(factors, at, strict=True) if i in f] for at in places)
            found[index] = [reduce(arithmetic.multiply, s) for s in sets if len(s) == len(factors)]
        return found

    def added(parts: dict[Index, list[Any]]) -> Results:
        return {i: total(each, arithmetic.add, raw) for i, each in parts.items() if each}

    g = geometry or GEOMETRIES[name]
    bias = arrays.pop("bias", {})
    if g.fore is None:
        parts = one_layer(name, g, *arrays.values())
        for index in np.ndindex(outputs(name, g) if bias else 0):
            summands = parts.setdefault(index, [])
            if arithmetic.bias_last and summands:
                summands[:] = [arithmetic.finish(total(summands, arithmetic.add, raw))]
            summands.append(bias[index[3:]])
        z = added(parts)
    else:
        layer = "convolution_transpose" if "transpose" in name else "convolution"
        following = after(g.fore, handed["d_act"].shape)
        back = f"{g.fore.layer}_input_gradient"
        error = added(one_layer(back, following, arrays["fore_delta"], arrays["fore_w"]))
        delta = {
            i: arithmetic.multiply(arithmetic.hand_on(e), arrays["d_act"][i])
            for i, e in error.items()
        }
        z = added(one_layer(f"{layer}_filter_gradient", g, arrays["x"], delta))
    ends = {index: arithmetic.finish(value) for index, value in z.items()}
    return {i: v if isinstance(v, Fraction) else Fraction(float(v)) for i, v in ends.items()}


def arrays_of(
    name: str, fill: str, seed: int, dtype: str = "float16", geometry: Geometry | None = None
) -> dict[str, Array]:
    """Return the arrays of a case that enter the result."""
    arrays = Case(name, geometry or GEOMETRIES[name], dtype, fill, seed).arrays()
    return {**OPERATIONS[name].entering(arrays)}

"""Kernels as loops over all products, in random order, in an arithmetic of their own.

That may round after every step, and it may be one of fractions, which does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
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
GEOMETRIES = {name: TWO_LAYERS.get(name, ONE_LAYER) for name in OPERATIONS}


@dataclass(frozen=True)
class Arithmetic:
    """How a kernel multiplies, adds, hands dL/da on, and converts its result and factors."""

    multiply: Step
    add: Step
    hand_on: Callable[[Any], Any]
    finish: Callable[[Any], Any]
    take: Callable[[Any], Any] = lambda value: value


def same(value: Any) -> Any:
    """Return `value`, unchanged."""
    return value


EXACT = Arithmetic(lambda a, b: a * b, lambda a, b: a + b, same, same)


# Axes of a layer's input and output: which slides, and over what, differs.
SIDES = {
    "convolution": {"x": "bHWi", "z": "bPQo", "filter": "ihwo"},
    "convolution_transpose": {"x": "bPQi", "z": "bHWo", "filter": "ihwo"},
}


@cache
def terms(name: str, g: Geometry) -> dict[Index, list[tuple[Index, Index]]]:
    """Return where the two factors of every product of every result stand.

    From the trilinear form alone: nothing here asks the operations' table.
    """
    layer, _, kind = name.partition("_input")[0].partition("_filter")
    sides, derived = SIDES[layer], "x" if "_input" in name else "filter" if kind else "z"
    first, second = (sides[side] for side in ("x", "z", "filter") if side != derived)
    rows, columns = steps(layer, g)
    extents = (g.batch, rows, columns, g.filter_height, g.filter_width)
    found: dict[Index, list[tuple[Index, Index]]] = {}
    for place in product(*map(range, (*extents, g.channels_in, g.channels_out))):
        at = dict(zip("bPQhwio", place, strict=True))
        at["H"] = at["P"] * g.stride_height + at["h"]
        at["W"] = at["Q"] * g.stride_width + at["w"]
        result, one, other = (
            tuple(at[axis] for axis in axes) for axes in (sides[derived], first, second)
        )
        found.setdefault(result, []).append((one, other))
    return found


def steps(layer: str, g: Geometry) -> tuple[int, int]:
    """Return rows and columns of the side that does not slide, by counting windows that fit."""
    if layer == "convolution_transpose":
        return g.height, g.width
    rows = [y for y in range(g.height - g.filter_height + 1) if y % g.stride_height == 0]
    columns = [x for x in range(g.width - g.filter_width + 1) if x % g.stride_width == 0]
    return len(rows), len(columns)


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

    def one_layer(name: str, geometry: Geometry, first: Results, second: Results) -> Results:
        found = {}
        for index, pairs in terms(name, geometry).items():
            # Where layer l+1 read nothing, there is no delta.
            products = [arithmetic.multiply(first[i], second[j]) for i, j in pairs if j in second]
            if products:
                found[index] = total(products, arithmetic.add, raw)
        return found

    g = geometry or GEOMETRIES[name]
    if g.fore is None:
        z = one_layer(name, g, *arrays.values())
    else:
        layer = "convolution_transpose" if "transpose" in name else "convolution"
        following = after(g.fore, handed["d_act"].shape)
        back = f"{g.fore.layer}_input_gradient"
        error = one_layer(back, following, arrays["fore_delta"], arrays["fore_w"])
        delta = {
            i: arithmetic.multiply(arithmetic.hand_on(e), arrays["d_act"][i])
            for i, e in error.items()
        }
        z = one_layer(f"{layer}_filter_gradient", g, arrays["x"], delta)
    ends = {index: arithmetic.finish(value) for index, value in z.items()}
    return {i: v if isinstance(v, Fraction) else Fraction(float(v)) for i, v in ends.items()}


def arrays_of(name: str, fill: str, seed: int, dtype: str = "float16") -> dict[str, Array]:
    """Return the factors of a case."""
    arrays = Case(name, GEOMETRIES[name], dtype, fill, seed).arrays()
    return {factor: arrays[factor] for factor in OPERATIONS[name].factors}

"""Laws: identities that a right kernel obeys, judged on exact integers without an oracle.

A law compares a kernel with itself on other arguments, so it would notice a fault that
the oracle shares.  All are judged on the `integers` fill, where no rounding happens, or
on `small`, where results are rounded to integers (see `promises`).

    linearity      f(a - 2c) = f(a) - 2 f(c), in each factor, and f(0) = 0
    splitting      along batch and channels, the parts' results join or add up
    translation    moving everything by one stride moves the result by one step
    impulse        a single one in a factor brings out the other factor, in its place
    subsampling    stride s is stride 1, of which every s-th step is kept or fed
    adjointness    <conv(x), y> = <x, conv_transpose(y)>, and its like for every operation
    parameters     a parameter is the same as what it does to arrays before and after
    repeatability  a call depends on its arguments alone, and leaves earlier results alone
    memory layout  the result does not depend on how the arguments lie in memory, each by its own,
                   on whether two of them are one object, nor on the type of a pair of strides

The identities follow from the trilinear form in `operations`.  Adjointness needs the two
forward operations as partners; they come as arguments, and where the sides differ the
oracle is asked whether a partner is to blame.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convcheck.cases.numbers import turned
from convcheck.form.axis import SIDES
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation, along, composed

from .handed import memory_layout, repeatability
from .parameters import index_of, parameters
from .trial import Equation, Trial

# Largest integer in adjointness: inner products of whole results must be exact in float64.
_SMALL = 7
_CUTS = 65
"""places at which an axis is tried to be cut, of a kernel with a domain"""

Law = Callable[[Trial], Iterator[Equation]]


def linearity(f: Trial) -> Iterator[Equation]:
    """f(a - 2c) = f(a) - 2 f(c) in each factor, and f(0) = 0; a and c take a third of the range."""
    third = (f.case.largest or 0) // 3
    if third == 0:
        return
    arrays = unbiased(f.arrays)
    for name, whole in arrays.items():
        if name not in f.operation.factors:
            continue
        a, c = f.integers(whole.shape, third), f.integers(whole.shape, third)
        if f.lot.below(2):  # to a cache that is keyed by shape, sum or first elements, they are one
            c = turned(a)
        both = {**arrays, name: a - 2 * c}
        separate = f(f.geometry, {**arrays, name: a}) - 2 * f(f.geometry, {**arrays, name: c})
        yield Equation(f(f.geometry, both), separate, f.geometry, both)
        nothing = {**arrays, name: np.zeros_like(whole)}
        zero = np.zeros(f.operation.shape(f.geometry, f.operation.result))
        yield Equation(f(f.geometry, nothing), zero, f.geometry, nothing)


def splitting(f: Trial) -> Iterator[Equation]:
    """The whole is its parts, joined along an axis of the result or else added."""
    g, arrays = f.geometry, unbiased(f.arrays)
    whole = None
    for axis, extent in f.operation.separable(g):
        at: int = 1 + f.raw.below(extent - 1)
        if f.subject.taken.domain is not None:
            at = _cut(f, axis, at, extent)
        if not at:
            continue
        if whole is None:
            whole = f(g, arrays)
        pieces = slice(at), slice(at, extent)
        parts = [f(*f.operation.part(g, arrays, axis, piece)) for piece in pieces]
        joined = (
            np.concatenate(parts, axis=f.operation.result.index(axis))
            if axis in f.operation.result
            else parts[0] + parts[1]
        )
        yield Equation(whole, joined, g, arrays)


def _cut(f: Trial, axis: str, at: int, extent: int) -> int:
    """Return where to cut an axis so that the kernel takes both parts; 0 if nowhere."""
    place: int
    for place in (at, *range(1, min(extent, _CUTS))):
        pieces = slice(place), slice(place, extent)
        if f.offers(*(f.operation.part(f.geometry, {}, axis, piece)[0] for piece in pieces)):
            return place
    return 0


def unbiased(arrays: Arrays) -> Arrays:
    """Return the arrays with a bias of zeros, where there is one: what is linear without it."""
    return {n: np.zeros_like(each) if n == "bias" else each for n, each in arrays.items()}


def translation(f: Trial) -> Iterator[Equation]:
    """Without the first narrow step, f is f of everything moved by one stride."""
    operation, g = f.operation, f.geometry
    if not operation.trilinear:
        return
    for (field, wide, narrow, _), span in zip(SIDES, operation.spans(g), strict=True):
        if span.steps < 2:
            continue
        cut, fewer = span.without_first()
        if fewer.wide < 1:  # nothing but padding is left
            continue
        by = {wide: slice(cut, None), narrow: slice(1, None)}
        first_zero = dict(f.arrays)
        moved = dict(f.arrays)
        for name, axes in operation.factors.items():
            for axis, piece in by.items():
                moved[name] = along(axes, axis, piece, moved[name])
            if narrow in axes:
                zeroed = f.arrays[name].copy()
                along(axes, narrow, slice(1), zeroed)[...] = 0
                first_zero[name] = zeroed
        less: dict[str, Any] = {field: operation.layer.axis(fewer)}
        smaller = replace(g, **less)
        if not f.offers(smaller):
            continue
        z = f(g, first_zero)
        for axis, piece in by.items():
            z = along(operation.result, axis, piece, z)
        rest = "".join(
            f"[{', '.join(':' * (a != axis) or f'{by[axis].start}:' for a in operation.result)}]"
            for axis in by
            if axis in operation.result
        )
        yield Equation(z, f(smaller, moved), g, first_zero, f"z{rest}")


def impulse(f: Trial) -> Iterator[Equation]:
    """With a single non-zero in one factor, the result is the other factor, moved."""
    operation, g = f.operation, f.geometry
    if not operation.trilinear:
        return
    factors = {name: f.arrays[name] for name in operation.factors}
    for name, whole in factors.items():
        if 0 in whole.shape:
            continue
        single = np.zeros_like(whole)
        single[tuple(f.raw.below(extent) for extent in whole.shape)] = f.case.largest or 1
        arrays = {**unbiased(f.arrays), name: single}
        right = composed(operation, g, {**factors, name: single}, partial(_moved, name))
        yield Equation(f(g, arrays), right, g, arrays)


def _moved(name: str, operation: Operation, geometry: Geometry, factors: Arrays) -> Array:
    """Return the result of a single non-zero in one factor: the other factor, moved."""
    axes, (other,) = operation.factors[name], set(operation.factors) - {name}
    right = np.zeros(operation.shape(geometry, operation.result))
    for place in np.argwhere(factors[name]).tolist():
        at = dict(zip(axes, place, strict=True))
        for here in operation.terms(geometry, "PQhw"):
            if all(at[axis] == here[axis] for axis in axes if axis in here):
                where = {**here, **at}
                part = factors[other][index_of(operation.factors[other], where)]
                right[index_of(operation.result, where)] += factors[name][tuple(place)] * part
    return right


def subsampling(f: Trial) -> Iterator[Equation]:
    """Stride s is stride 1 of which every s-th narrow step is kept, or alone is fed."""
    operation, g = f.operation, f.geometry
    if not operation.trilinear or g.stride_height == g.stride_width == 1:
        return
    steps = {"P": g.stride_height, "Q": g.stride_width}
    # As wide, but with a step at every place.
    rows, columns = (operation.layer.axis(span.dense()) for span in operation.spans(g))
    dense = replace(g, rows=rows, columns=columns)
    fed = dict(f.arrays)
    for name, axes in operation.factors.items():
        if "P" in axes:
            fed[name] = np.zeros(operation.shape(dense, axes), f.case.format.dtype)
            _every(axes, steps, fed[name], f.arrays[name].shape)[...] = f.arrays[name]
    z = f(g, f.arrays)
    right = f(dense, fed)
    if "P" in operation.result:
        right = _every(operation.result, steps, right, z.shape)
    yield Equation(z, right, g, f.arrays)


def _every(axes: str, steps: Mapping[str, int], array: Array, shape: tuple[int, ...]) -> Array:
    """View every s-th element along the axes in `steps`, as many as `shape` says."""
    every = array[tuple(slice(None, None, steps.get(axis)) for axis in axes)]
    return every[tuple(slice(extent) for extent in shape)]


def adjointness(f: Trial) -> Iterator[Equation]:
    """<f(a, b), c> is the same sum whichever of the arrays is left to be multiplied last."""
    operation, g = f.operation, f.geometry
    small = min(_SMALL, f.case.largest or 0)
    a = unbiased({name: f.integers(each.shape, small) for name, each in f.arrays.items()})
    c = f.integers(operation.shape(g, operation.result), small)
    wide = {name: array.astype(np.float64) for name, array in {**a, "c": c}.items()}
    if g.fore is not None:
        (_, after), (_, own) = operation.layers(g)
        z = f.partner(operation.layer, own, wide["x"], wide["c"]) * wide["d_act"]
        y = f.partner(g.fore.layer, after, z, wide["fore_w"])
        right = (y * wide["fore_delta"]).sum()
    elif operation.result == operation.layer.output:
        other = operation.layer.other
        # A remainder that no window reached is output padding to the other layer, and the other
        # way round; of that, where it is a stride or more, windows are made, which x has not.
        rows, columns = (other.axis(span) for span in operation.spans(g))
        turned = replace(g, rows=rows, columns=columns, bias=0)
        turned = turned.resized(channels_in=g.channels_out, channels_out=g.channels_in)
        back = f.partner(other, turned, wide["c"], wide["ftr"].transpose(3, 1, 2, 0))
        _, height, width, _ = wide["x"].shape
        right = (wide["x"] * back[:, :height, :width]).sum()
    elif not operation.trilinear:
        return
    else:
        x, ftr = wide.get("x", wide["c"]), wide.get("ftr", wide["c"])
        right = (f.partner(operation.layer, g, x, ftr) * wide["delta"]).sum()
    left = (f(g, a) * wide["c"]).sum()
    yield Equation(left, right, g, a, "(z * c).sum()", {"c": c})


LAWS: Mapping[str, Law] = {
    law.__name__.replace("_", " "): law
    for law in (
        linearity,
        splitting,
        translation,
        impulse,
        subsampling,
        adjointness,
        parameters,
        repeatability,
        memory_layout,
    )
}

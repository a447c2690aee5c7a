"""The one-layer operations as one contraction, any step of which a mistake may replace.

All six are the trilinear form of `operations` with one of its three arrays left out.  Where
the others meet is said by an index map for rows and one for columns: for every narrow step and
filter tap, the place on the wide side.  A mistake is a `Change` of these maps, of the
arguments, or of the result, and so is written once for all operations.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from convcheck.form.axis import SIDES, Axis, Side, Span, reaching
from convcheck.form.layers import FILTER, LAYERS, Layer
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Kernel, Operation

Pair = tuple[int, int]
Map = Callable[[Array], Array]
Index = Callable[[Span], Array]


def windows(span: Span) -> Array:
    """Return the place of each step's and tap's factor on the wide side: the right map."""
    places: Array = span.place(np.arange(span.steps)[:, None], np.arange(span.taps))
    return places


@dataclass(frozen=True)
class Work:
    """The arguments of one call."""

    operation: Operation
    arrays: Mapping[str, Array]
    sizes: Mapping[str, int]
    """extents that come as arguments of their own, by axis"""
    strides: Pair

    @property
    def extents(self) -> dict[str, int]:
        """The extent of every axis of the arguments."""
        extents = dict(self.sizes)
        for name, axes in self.operation.factors.items():
            extents |= zip(axes, self.arrays[name].shape, strict=True)
        return extents

    def with_array(self, name: str, array: Array) -> "Work":
        """Return the same with another array."""
        return replace(self, arrays={**self.arrays, name: array})

    def spans(self) -> tuple[Span, Span]:
        """Return rows and columns."""
        rows, columns = map(partial(_span, self.extents), SIDES, self.strides)
        return rows, columns


def _span(extents: Mapping[str, int], side: Side, stride: int) -> Span:
    taps = extents[side.tap]
    if side.narrow in extents:
        span = reaching(extents[side.narrow], taps, stride)
        return span._replace(wide=extents.get(side.wide, span.wide))
    wide = extents[side.wide]
    if wide < taps:
        raise ValueError(f"{taps} taps: expected at most the extent {wide}")
    return Layer.CONVOLUTION.span(Axis(wide, taps, stride))


@dataclass(frozen=True)
class Change:
    """What a mistake does; by default, nothing."""

    arguments: Callable[[Work], Work] = lambda work: work
    late: Callable[[Work], Work] = lambda work: work
    """to the arguments, once the sizes are known: what does not fit then fails"""
    rows: Index = windows
    columns: Index = windows
    extent: Callable[[Span], int] = lambda span: span.wide
    """of the wide side, where it is the result"""
    scatter: Callable[[Array, Any, Array], None] = np.add.at
    """what is made of several windows' parts at one place of it"""
    start: float = 0.0
    """what the wide side holds at first, where it is the result"""
    result: Callable[[Work, Array], Array] = lambda _, z: z
    of: "Callable[[Operation], Change] | None" = None
    """returns what it is for an operation, where that is not the same for all"""


def contract(work: Work, change: Change) -> Array:
    """Return the result of `work` in float64, as `change` has it."""
    given, work = work, change.arguments(work)
    arrays = {n: np.asarray(work.arrays[n], np.float64) for n in work.operation.factors}
    work = replace(work, arrays=arrays)
    spans = work.spans()
    maps = [index(span) for index, span in zip((change.rows, change.columns), spans, strict=True)]
    work = change.late(work)
    if "H" in work.operation.result:
        return change.result(given, _wide(work, change, spans, maps))
    return change.result(given, _other(work, spans, maps))


def _wide(work: Work, change: Change, spans: tuple[Span, Span], maps: list[Array]) -> Array:
    """Return the wide side: what each step and tap gives, put in its place."""
    result = work.operation.result
    (first, a), (second, b) = work.operation.factors.items()
    parts = np.einsum(f"{a},{b}->bPhQw{result[-1]}", work.arrays[first], work.arrays[second])
    rows, columns = (change.extent(span) for span in spans)
    # One place more on each axis takes what lies outside.
    z = np.full((parts.shape[0], rows + 1, columns + 1, parts.shape[-1]), change.start)
    down, across = _inside(maps[0], rows), _inside(maps[1], columns)
    change.scatter(z, (slice(None), down[:, :, None, None], across), parts)
    return z[:, :-1, :-1]


def _other(work: Work, spans: tuple[Span, Span], maps: list[Array]) -> Array:
    """Return the narrow side or the filter: what windows give when multiplied by the other."""
    by_axes = {axes: work.arrays[name] for name, axes in work.operation.factors.items()}
    wide, other = sorted(by_axes, key=lambda axes: "H" not in axes)
    padded = np.pad(by_axes[wide], [(0, 0), (0, 1), (0, 1), (0, 0)])
    down, across = (_inside(m, span.wide) for m, span in zip(maps, spans, strict=True))
    views, factor = padded[:, down[:, :, None, None], across], by_axes[other]
    if "P" in other:  # steps that both have
        factor = factor[:, : len(down), : len(across)]
        views = views[:, : factor.shape[1], :, : factor.shape[2]]
    z: Array = np.einsum(f"bPhQw{wide[-1]},{other}->{work.operation.result}", views, factor)
    return z


def _inside(places: Array, extent: int) -> Array:
    """Return `places`, with `extent` for those that lie outside."""
    return np.where((places >= 0) & (places < extent), places, extent)


def work_of(operation: Operation, positional: tuple[Any, ...]) -> Work:
    """Return the arguments of a one-layer operation by what they are."""
    values = dict(zip(operation.signature, positional, strict=True))
    sizes: dict[str, int] = {}
    for name, axes in (("x_shape", operation.layer.input), ("ftr_shape", FILTER)):
        if name in values:
            sizes |= zip(axes, values[name], strict=True)
    arrays = {name: values[name] for name in operation.factors}
    return Work(operation, arrays, sizes, values["strd"])


RIGHT = Change()


def one_layer(operation: Operation, change: Change = RIGHT) -> Kernel:
    """Return the kernel of a one-layer operation with `change`."""

    def kernel(*positional: Any) -> Array:
        work = work_of(operation, positional)
        return _narrowed(contract(work, change), *work.arrays.values())

    return kernel


@dataclass(frozen=True)
class TwoLayers:
    """What a mistake does to a backward kernel; by default, nothing."""

    fore: Change = RIGHT
    """to the step back through layer l+1"""
    only: tuple[str, ...] = LAYERS
    """the kinds of layer l+1 that `fore` is about"""
    own: Change = RIGHT
    """to the filter gradient"""
    joined: Callable[[Array, Array], Array] = lambda error, d_act: error * d_act
    """delta, of dL/da and d_act"""
    fore_layer: Callable[[str], str] = lambda given: given
    arguments: Callable[[dict[str, Any]], dict[str, Any]] = lambda values: values


def two_layers(operation: Operation, change: TwoLayers = TwoLayers()) -> Kernel:
    """Return a backward kernel with `change`."""

    def kernel(*positional: Any, fore_layer: str | None = None) -> Array:
        v = change.arguments(dict(zip(operation.signature, positional, strict=True)))
        kind = change.fore_layer(fore_layer or operation.default_fore or "")
        back = OPERATIONS[f"{kind}_input_gradient"]
        given = [v["fore_delta"], v["fore_w"], v["fore_strd"], v["d_act"].shape]
        step = change.fore if kind in change.only else RIGHT
        error = contract(work_of(back, tuple(given[: len(back.signature)])), step)
        delta = change.joined(error, np.asarray(v["d_act"], np.float64))
        gradient = OPERATIONS[f"{operation.layer}_filter_gradient"]
        work = work_of(gradient, (v["x"], delta, v["strd"], v["fltrs"].shape))
        return _narrowed(contract(work, change.own), v["x"], v["d_act"])

    return kernel


def _narrowed(z: Array, *arrays: Array) -> Array:
    """Return `z` in the dtype of the arrays that it was made of."""
    with np.errstate(all="ignore"):
        return z.astype(np.result_type(*arrays))

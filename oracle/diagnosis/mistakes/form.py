"""The one-layer operations as one contraction, any step of which a mistake may replace.

All six are the trilinear form of `operations` with one of its three arrays left out.  Where
the others meet is said by an index map for rows and one for columns: for every narrow step and
filter tap, the place on the wide side.  A mistake is a `Change` of these maps, of the
arguments, or of the result, and so is written once for all operations.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from convcheck.form.axis import SIDES, Axis, Side, Span
from convcheck.form.geometry import PARAMETERS
from convcheck.form.layers import FILTER, LAYERS, Layer
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Kernel, Operation

Spans = tuple[Span, Span]
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
    """its factors, and a bias where there is one"""
    sizes: Mapping[str, int]
    """extents that come as arguments of their own, by axis"""
    axes: tuple[Axis, Axis]
    """strides and parameters of rows and columns; no extents"""
    groups: int

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

    def spans(self) -> Spans:
        """Return rows and columns."""
        rows, columns = map(partial(_span, self.extents), SIDES, self.axes)
        return rows, columns


def _span(extents: Mapping[str, int], side: Side, axis: Axis) -> Span:
    axis = axis._replace(taps=extents[side.tap])
    if side.narrow in extents:
        span = Layer.TRANSPOSE.span(axis._replace(extent=extents[side.narrow]))
        return span._replace(wide=extents.get(side.wide, span.wide))
    wide = extents[side.wide]
    # No window lies in output padding.
    span = Layer.CONVOLUTION.span(axis._replace(extent=wide - axis.output_padding))
    if span.padded < span.reach:
        raise ValueError(f"{span.reach} taps: expected at most the extent {span.padded}")
    return span._replace(wide=wide)


def biased(work: Work, _: Spans, z: Array) -> Array:
    """Return sums with the bias, where there is one."""
    return z + work.arrays["bias"] if "bias" in work.arrays else z


def same(axis: Axis) -> Axis:
    """Return an axis as it is."""
    return axis


@dataclass(frozen=True)
class Change:
    """What a mistake does; by default, nothing."""

    arguments: Callable[[Work], Work] = lambda work: work
    of_rows: Callable[[Axis], Axis] = same
    of_columns: Callable[[Axis], Axis] = same
    """to strides and parameters of an axis"""
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
    finish: Callable[[Work, Spans, Array], Array] = biased
    """what is made of the sums"""
    result: Callable[[Work, Array], Array] = lambda _, z: z
    of: "Callable[[Operation], Change] | None" = None
    """returns what it is for an operation, where that is not the same for all"""


def contract(work: Work, change: Change) -> Array:
    """Return the result of `work` in float64, as `change` has it."""
    given, work = work, change.arguments(work)
    arrays = {name: np.asarray(each, np.float64) for name, each in work.arrays.items()}
    extents = work.extents
    rows, columns = (
        axis._replace(taps=extents[side.tap]) for axis, side in zip(work.axes, SIDES, strict=True)
    )
    axes = change.of_rows(rows), change.of_columns(columns)
    work = replace(work, arrays=arrays, axes=axes)
    spans = work.spans()
    maps = [index(span) for index, span in zip((change.rows, change.columns), spans, strict=True)]
    work = change.late(work)
    if "H" in work.operation.result:
        z = _wide(work, change, spans, maps)
    else:
        z = _other(work, spans, maps)
    return change.result(given, change.finish(work, spans, z))


def _wide(work: Work, change: Change, spans: Spans, maps: list[Array]) -> Array:
    """Return the wide side: what each step and tap gives, put in its place."""
    result = work.operation.result
    (first, a), (second, b) = work.operation.factors.items()
    factors = (a, work.arrays[first]), (b, work.arrays[second])
    parts = _met(work, factors, f"bPhQw{result[-1]}")
    rows, columns = (max(change.extent(span), 0) for span in spans)
    # One place more on each axis takes what lies outside.
    z = np.full((parts.shape[0], rows + 1, columns + 1, parts.shape[-1]), change.start)
    down, across = _inside(maps[0], rows), _inside(maps[1], columns)
    change.scatter(z, (slice(None), down[:, :, None, None], across), parts)
    return z[:, :-1, :-1]


def _other(work: Work, spans: Spans, maps: list[Array]) -> Array:
    """Return the narrow side or the filter: what windows give when multiplied by the other."""
    by_axes = {axes: work.arrays[name] for name, axes in work.operation.factors.items()}
    wide, other = sorted(by_axes, key=lambda axes: "H" not in axes)
    padded = np.pad(by_axes[wide], [(0, 0), (0, 1), (0, 1), (0, 0)])
    down, across = (_inside(m, span.wide) for m, span in zip(maps, spans, strict=True))
    views, factor = padded[:, down[:, :, None, None], across], by_axes[other]
    if "P" in other:  # steps that both have
        factor = factor[:, : len(down), : len(across)]
        views = views[:, : factor.shape[1], :, : factor.shape[2]]
    return _met(work, ((f"bPhQw{wide[-1]}", views), (other, factor)), work.operation.result)


def _met(work: Work, factors: Iterable[tuple[str, Array]], result: str) -> Array:
    """Return what comes of two factors with these axes, each group's channels by themselves."""
    (a, first), (b, second) = factors
    if work.groups == 1:
        z: Array = np.einsum(f"{a},{b}->{result}", first, second)
        return z
    across, groups = work.operation.across, work.groups
    letters = {axes: axes.replace(across(axes), f"G{across(axes)}") for axes in (a, b, result)}
    pair = (
        each.reshape(_apart(axes.index(across(axes)), groups, each.shape))
        for axes, each in ((a, first), (b, second))
    )
    z = np.einsum(f"{letters[a]},{letters[b]}->{letters[result]}", *pair)
    at = result.index(across(result))
    return z.reshape(*z.shape[:at], z.shape[at] * z.shape[at + 1], *z.shape[at + 2 :])


def _apart(at: int, groups: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an array whose groups have an axis of their own."""
    return *shape[:at], groups, shape[at] // groups, *shape[at + 1 :]


def _inside(places: Array, extent: int) -> Array:
    """Return `places`, with `extent` for those that lie outside."""
    return np.where((places >= 0) & (places < extent), places, extent)


def work_of(operation: Operation, positional: tuple[Any, ...], **parameters: Any) -> Work:
    """Return the arguments of a one-layer operation by what they are."""
    p = {**PARAMETERS, "bias": None, **parameters}
    values = dict(zip(operation.signature, positional, strict=True))
    sizes: dict[str, int] = {}
    for name, axes in (("x_shape", operation.layer.input), ("ftr_shape", FILTER)):
        if name in values:
            sizes |= zip(axes, values[name], strict=True)
    arrays = {name: values[name] for name in operation.factors}
    if p["bias"] is not None:
        arrays["bias"] = p["bias"]
    along = zip(values["strd"], p["padding"], p["dilation"], p["output_padding"], strict=True)
    rows, columns = (Axis(0, 1, stride, *pads, *others) for stride, pads, *others in along)
    return Work(operation, arrays, sizes, (rows, columns), p["groups"])


RIGHT = Change()


def one_layer(operation: Operation, change: Change = RIGHT) -> Kernel:
    """Return the kernel of a one-layer operation with `change`."""

    def kernel(
        *positional: Any,
        padding: Any = PARAMETERS["padding"],
        dilation: Any = PARAMETERS["dilation"],
        groups: int = PARAMETERS["groups"],
        output_padding: Any = PARAMETERS["output_padding"],
        bias: Array | None = None,
    ) -> Array:
        parameters = {"padding": padding, "dilation": dilation, "output_padding": output_padding}
        work = work_of(operation, positional, **parameters, groups=groups, bias=bias)
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

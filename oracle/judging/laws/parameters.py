"""The law of parameters: each is something done to arrays before and after a call without it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array

from .trial import Equation, Trial


def parameters(f: Trial) -> Iterator[Equation]:
    """A parameter is what it does to arrays: padded, cut, dilated, grouped, extended, added to."""
    operation, g = f.operation, f.geometry
    if g.is_plain:
        return
    z = f(g, f.arrays)
    if g.bias and f.offers(replace(g, bias=0)):
        less = {name: each for name, each in f.arrays.items() if name != "bias"}
        yield Equation(z, f(replace(g, bias=0), less) + f.arrays["bias"], g, f.arrays)
    grouped = [*operation.grouped(g, f.arrays)] if g.groups > 1 else []
    if grouped and f.offers(grouped[0][0]):
        parts = [f(*part) for part in grouped]
        yield Equation(z, operation.joined(parts), g, f.arrays)
    yield from _spread(f, z, "HW", Span.padded_beforehand, Span.within_padding)
    yield from _spread(f, z, "hw", Span.undilated, lambda span: slice(None, None, span.dilation))
    yield from _shortened(f, z)


def _spread(
    f: Trial, z: Array, letters: str, without: Callable[[Span], Span], kept: Callable[[Span], slice]
) -> Iterator[Equation]:
    """The same on spans without padding, or dilation, whose zeros are among the numbers.

    These keep their places, `kept`, along the axes called `letters`.
    """
    operation, g = f.operation, f.geometry
    spans = operation.spans(g)
    wider = tuple(map(without, spans))
    if wider == spans:
        return
    rows, columns = map(operation.layer.axis, wider)
    larger = replace(g, rows=rows, columns=columns)
    # Output padding below the dilation alone does not fit.
    if not operation.fits(larger) or not f.offers(larger):
        return
    places = dict(zip(letters, map(kept, spans), strict=True))
    arrays = {}
    for name, array in f.arrays.items():
        axes = operation.axes_of(name)
        arrays[name] = array
        if letters[0] in axes:
            arrays[name] = np.zeros(operation.shape(larger, axes), array.dtype)
            arrays[name][index_of(axes, places)] = array
    whole = f(larger, arrays)
    part = whole[index_of(operation.result, places)] if letters[0] in operation.result else whole
    yield Equation(z, part, g, f.arrays)


def _shortened(f: Trial, z: Array) -> Iterator[Equation]:
    """The same without output padding, less the last rows and columns, or with zeros there."""
    operation, g = f.operation, f.geometry
    less = g.resized(output_padding_height=0, output_padding_width=0)
    if less == g or not operation.fits(less) or not f.offers(less):
        return
    kept = [span.wide for span in operation.spans(less)]
    places = dict(zip("HW", map(slice, kept), strict=True))
    zeroed, cut = {}, {}
    for name, array in f.arrays.items():
        within = index_of(operation.axes_of(name), places)
        cut[name] = array[within]
        zeroed[name] = np.zeros_like(array)
        zeroed[name][within] = array[within]
    if "H" in operation.result:
        part = z[index_of(operation.result, places)]
        yield Equation(part, f(less, cut), g, f.arrays, f"z[:, :{kept[0]}, :{kept[1]}]")
    else:
        yield Equation(f(g, zeroed), f(less, cut), g, zeroed)


def index_of(axes: str, where: Mapping[str, int | slice]) -> tuple[int | slice, ...]:
    """Return the index of places along some of an array's axes, of all along the others."""
    return tuple(where.get(axis, slice(None)) for axis in axes)

"""Axes: what happens along rows, or along columns, of a geometry.

That is an axis of layer l, and for the backward kernels the taps and stride of layer l+1.  Its
extent is counted where it is largest: at the input of a convolution, at the output of a
transposed one, and likewise for layer l+1.

Strides that leave a single step all do the same.  Only the smallest of them is distinct; the
next one is "one stride beyond".
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from convcheck.form.axis import Axis, Span
from convcheck.form.layers import Layer
from convcheck.form.operations import operation_named


class Along(NamedTuple):
    """What happens along one axis of a geometry; the last two are 0 without a layer l+1."""

    axis: Axis
    fore_taps: int = 0
    fore_stride: int = 0


@lru_cache(maxsize=64)
def axes(
    operation: str, fore_layer: str | None, extent: int, *, beyond: bool = False
) -> tuple[Along, ...]:
    """Return the axes of just this extent: the distinct ones, or with one stride beyond."""
    layer = operation_named(operation).layer
    found = []
    # The layer's own extent; layer l+1's, where there is one, may be the larger.
    for at in range(extent if fore_layer is None else 1, extent + 1):
        for span in _spans(layer, at, beyond=beyond):
            axis, past = layer.axis(span), beyond and _is_beyond(span)
            if fore_layer is None:
                if past == beyond:
                    found.append(Along(axis))
                continue
            # Of both strides, at most one is beyond.
            for fore in _fore_spans(
                Layer(fore_layer), layer.output_of(span), extent, beyond=beyond and not past
            ):
                fore_past = beyond and not past and _is_beyond(fore)
                if max(at, fore.wide) == extent and (past or fore_past) == beyond:
                    found.append(Along(axis, fore.taps, fore.stride))
    return tuple(found)


def _spans(layer: Layer, wide: int, *, beyond: bool) -> Iterator[Span]:
    """Yield the spans with a wide side of this extent; `beyond` with one stride more."""
    if layer.narrows:
        for taps in range(1, wide + 1):
            for stride in range(1, wide - taps + 2 + beyond):
                yield layer.span(Axis(wide, taps, stride))
        return
    for stride in range(1, 2 + beyond):
        yield layer.span(Axis(1, wide, stride))
    for steps in range(2, wide + 1):
        for stride in range(1, (wide - 1) // (steps - 1) + 1):
            yield layer.span(Axis(steps, wide - (steps - 1) * stride, stride))


def _is_beyond(span: Span) -> bool:
    """Return whether a single step has a stride that a smaller one does the same as."""
    return span.steps == 1 and span.stride > span.wide - span.taps + 1


def _fore_spans(layer: Layer, extent: int, most: int, *, beyond: bool) -> Iterator[Span]:
    """Yield the spans of layer l+1 on an input of this extent, none wider than `most`."""
    for wide in range(extent, extent + 1 if layer.narrows else most + 1):
        for span in _spans(layer, wide, beyond=beyond):
            if layer.axis(span).extent == extent:
                yield span

"""Axes: what happens along rows, or along columns, of a geometry.

An axis is an extent, taps and a stride, and for the backward kernels the taps and stride
of layer l+1.  Its extent is counted where it is largest: at the input of a convolution, at
the output of a transposed one, and likewise for layer l+1.

Strides that leave a single step all do the same.  Only the smallest of them is distinct; the
next one is "one stride beyond".
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from convcheck.form.operations import operation_named


class Axis(NamedTuple):
    """One axis of a geometry; the last two are 0 without a layer l+1."""

    extent: int
    """of the layer's input, as a geometry has it"""
    taps: int
    stride: int
    fore_taps: int = 0
    fore_stride: int = 0


@lru_cache(maxsize=64)
def axes(
    operation: str, fore_layer: str | None, extent: int, *, beyond: bool = False
) -> tuple[Axis, ...]:
    """Return the axes of just this extent: the distinct ones, or with one stride beyond."""
    layer = operation_named(operation).layer
    found = []
    # The layer's own extent; layer l+1's, where there is one, may be the larger.
    for at in range(extent if fore_layer is None else 1, extent + 1):
        for size, taps, stride, steps in _steps(layer, at, beyond=beyond):
            out = steps if layer == "convolution" else at
            past = beyond and _is_beyond(layer, size, taps, stride, steps)
            if fore_layer is None:
                if past == beyond:
                    found.append(Axis(size, taps, stride))
                continue
            # Of both strides, at most one is beyond.
            for fore_taps, fore_stride, fore_past, reached in _fore_steps(
                fore_layer, out, extent, beyond=beyond and not past
            ):
                if max(at, reached) == extent and (past or fore_past) == beyond:
                    found.append(Axis(size, taps, stride, fore_taps, fore_stride))
    return tuple(found)


def _steps(layer: str, extent: int, *, beyond: bool) -> Iterator[tuple[int, int, int, int]]:
    """Yield input extent, taps, stride and narrow steps; `extent` is the wide side's."""
    if layer == "convolution":
        for taps in range(1, extent + 1):
            for stride in range(1, extent - taps + 2 + beyond):
                yield extent, taps, stride, (extent - taps) // stride + 1
        return
    for stride in range(1, 2 + beyond):
        yield 1, extent, stride, 1
    for steps in range(2, extent + 1):
        for stride in range(1, (extent - 1) // (steps - 1) + 1):
            yield steps, extent - (steps - 1) * stride, stride, steps


def _is_beyond(layer: str, size: int, taps: int, stride: int, steps: int) -> bool:
    last = size - taps + 1 if layer == "convolution" else 1
    return steps == 1 and stride > last


def _fore_steps(
    layer: str, size: int, most: int, *, beyond: bool
) -> Iterator[tuple[int, int, bool, int]]:
    """Yield layer l+1's taps, stride, whether that is beyond, and the extent it reaches."""
    if layer == "convolution":
        for _, taps, stride, steps in _steps(layer, size, beyond=beyond):
            yield taps, stride, _is_beyond(layer, size, taps, stride, steps), size
        return
    for wide in range(size, most + 1):
        for narrow, taps, stride, steps in _steps(layer, wide, beyond=beyond):
            if narrow == size:
                yield taps, stride, _is_beyond(layer, size, taps, stride, steps), wide

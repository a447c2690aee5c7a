"""Spatial extents of all arrays, which follow from the layers; many geometries share them."""

from collections.abc import Mapping
from functools import lru_cache

from .axis import SIDES, Axis
from .geometry import Fore
from .layers import Layer


@lru_cache(maxsize=1024)
def spatial_extents(
    layer: Layer, rows: Axis, columns: Axis, fore: Fore | None
) -> Mapping[str, int]:
    """Return the extent of every axis but batch and channels of layer l."""
    e: dict[str, int] = {}
    for axis, side in zip((rows, columns), SIDES, strict=True):
        span = layer.span(axis)
        e |= {side.wide: span.wide, side.narrow: span.steps, side.tap: span.taps}
    if fore is not None:
        kind, after = Layer(fore.layer), fore.axes(*(e[axis] for axis in layer.output[1:3]))
        e |= zip("RS", (kind.output_of(kind.span(axis)) for axis in after), strict=True)
        e |= {"g": fore.filter_height, "m": fore.filter_width, "k": fore.channels_out}
    return e


@lru_cache(maxsize=1024)
def misfit(layer: Layer, rows: Axis, columns: Axis, fore: Fore | None) -> str:
    """Return which filter does not fit, in words; "" where all do."""
    for name, axis in (("height", rows), ("width", columns)):
        wrong = axis.misfit(name, narrows=layer.narrows)
        if wrong:
            return wrong
    if fore is None:
        return ""
    outputs = (layer.output_of(layer.span(axis)) for axis in (rows, columns))
    wrong = misfit(Layer(fore.layer), *fore.axes(*outputs), None)
    return f"fore {wrong}" if wrong else ""

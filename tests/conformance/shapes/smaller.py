"""Geometries that are smaller than one in a size, or plainer in its parameters."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from convcheck.cases.domain import numbers_of
from convcheck.form.geometry import PARAMETER_NUMBERS, PARAMETERS, Geometry
from convcheck.kernels.subjects import Subject

from .sizes import CHANNELS

NAMES = (
    *dict.fromkeys(("parameters", *PARAMETERS, *PARAMETER_NUMBERS)),
    *("filter_height", "filter_width", "stride_height", "stride_width"),
    *("batch", "channels_in", "channels_out"),
    *("fore filter_height", "fore filter_width", "fore stride_height", "fore stride_width"),
    *("fore channels_out", "height", "width"),
)
"""what can be made smaller in a geometry, in an order in which that mostly succeeds"""


def smaller(subject: Subject, geometry: Geometry, name: str) -> Iterator[Geometry]:
    """Yield geometries that are smaller in what is called `name`, the least first.

    Parameters are as the kernel takes them.
    """
    for change in _smaller(geometry, name):
        try:
            found = subject.taken.fit(subject.operation, change())
            if found is None:
                continue
            subject.operation.check(found)
        except ValueError:  # a filter does not fit, or groups do not divide the channels
            continue
        if found != geometry and (subject.taken.domain is None or _less(found, geometry)):
            yield found


def _less(one: Geometry, other: Geometry) -> bool:
    """Return whether numbers are less on the whole, where some had to be others."""
    return sum(numbers_of(one).values()) < sum(numbers_of(other).values())


def _smaller(geometry: Geometry, name: str) -> Iterator[Callable[[], Geometry]]:
    """Yield what returns a geometry that is smaller, or raises ValueError."""
    if name in ("parameters", *PARAMETERS, *PARAMETER_NUMBERS):
        if not geometry.is_plain:
            yield from _simpler(geometry, name)
        return
    of, _, field = name.rpartition(" ")
    holder: Any = geometry.fore if of else geometry
    if holder is None:
        return
    for value in CHANNELS:
        if value >= getattr(holder, field):
            return
        sizes: Any = {field: value}
        if of:
            fore = replace(holder, **sizes)
            yield partial(replace, geometry, fore=fore)
        else:
            yield partial(geometry.resized, **sizes)


def _simpler(geometry: Geometry, name: str) -> Iterator[Callable[[], Geometry]]:
    """Yield what returns a geometry without parameters, without one, or with a lower number."""
    sizes: dict[str, Any] = dict(geometry.sizes)
    if name == "parameters":
        yield partial(Geometry.of, **sizes)
    elif name in PARAMETERS:
        own = {each: getattr(geometry, each) for each in PARAMETERS}
        yield partial(Geometry.of, **sizes, **{**own, name: PARAMETERS[name]})
    if name == "groups":
        g = geometry
        channels = g.channels_in // g.groups, g.channels_out // g.groups
        for groups in range(2, g.groups):
            i, o = (each * groups for each in channels)
            yield partial(g.resized, channels_in=i, channels_out=o, groups=groups)
    elif name in PARAMETER_NUMBERS and name != "bias":
        for value in range(geometry.parameters[name]):
            yield partial(geometry.resized, **{name: value})

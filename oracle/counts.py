"""How many products a result sums, counted by the oracle itself on arrays of ones."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .geometry import Fore, Geometry
from .layouts import Array
from .operations import Operation


@dataclass(frozen=True)
class Counts:
    """How many products enter each result."""

    terms: Array
    """terms of each result, each a product of all factors; shape of the result"""
    inner: int
    """most terms of any element of dL/da, for a backward kernel; 0 otherwise"""
    outer: int
    """terms of the filter gradient of layer l, for a backward kernel; 0 otherwise"""


def counts(operation: Operation, geometry: Geometry) -> Counts:
    """Return the counts of `operation` on `geometry`.

    On ones, batch items and channels that are summed over only multiply the count by their
    number, so that the oracle is asked once for all numbers of them.
    """
    once = _counts_once(operation, *_spatial(geometry))
    shape = operation.shape(geometry, operation.result)
    channels = 0 if geometry.fore is None else geometry.fore.channels_out
    return Counts(
        np.broadcast_to(once.terms * summed(operation, geometry), shape),
        once.inner * channels if geometry.batch else 0,
        once.outer * geometry.batch,
    )


def most_terms(operation: Operation, geometry: Geometry) -> int:
    """Return the most terms of any result; 0 in an empty batch."""
    if geometry.batch == 0:
        return 0
    once = _counts_once(operation, *_spatial(geometry))
    return int(once.terms.max()) * summed(operation, geometry)


def summed(operation: Operation, geometry: Geometry) -> int:
    """Return how many combinations of batch item and channels are summed over."""
    extents = operation.extents(geometry)
    return math.prod(extents[axis] for axis in operation.summed if axis in extents)


def _spatial(geometry: Geometry) -> tuple[Any, ...]:
    """Return what is spatial of a geometry: other sizes may differ."""
    g, fore = geometry, geometry.fore
    layer = (g.height, g.width, g.filter_height, g.filter_width, g.stride_height, g.stride_width)
    if fore is None:
        return (layer, None)
    taps = (fore.filter_height, fore.filter_width)
    return (layer, (fore.layer, 1, *taps, fore.stride_height, fore.stride_width))


@lru_cache(maxsize=1024)
def _counts_once(
    operation: Operation, layer: tuple[int, ...], fore: tuple[Any, ...] | None
) -> Counts:
    """Return the counts of a batch of one and a single channel everywhere."""
    height, width, taps_h, taps_w, stride_h, stride_w = layer
    follows = None if fore is None else Fore(*fore)
    geometry = Geometry(1, height, width, 1, 1, taps_h, taps_w, stride_h, stride_w, follows)
    ones = {
        name: np.ones(operation.shape(geometry, axes)) for name, axes in operation.factors.items()
    }
    terms = operation.oracle(geometry, ones)
    if fore is None:
        return Counts(terms, 0, 0)
    inner = operation.error(geometry, ones)
    outer = operation.gradient(geometry, ones["x"], ones["d_act"])
    return Counts(terms, int(inner.max()), int(outer.max()))

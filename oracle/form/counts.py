"""How many products a result sums, counted by the oracle itself on arrays of ones.

On ones, rows and columns do not meet: the count of a result is what its row counts, alone,
times what its column does.  Batch items and channels that are summed over multiply it by
their number.  So the oracle is asked once for each axis, of which geometries share few.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .axis import SPATIAL, Axis
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
    """Return the counts of `operation` on `geometry`."""
    g = geometry
    rows, columns = (_along(operation, *axis) for axis in _axes(g.rows, g.columns, g.fore))
    products = np.multiply.outer(rows.terms, columns.terms)
    channels = 0 if geometry.fore is None else geometry.fore.channels_out
    return Counts(
        operation.over_result(geometry, SPATIAL, operation.summands(geometry, products)),
        rows.inner * columns.inner * channels if geometry.batch else 0,
        rows.outer * columns.outer * geometry.batch,
    )


def most_terms(operation: Operation, geometry: Geometry) -> int:
    """Return the most terms of any result; 0 in an empty batch."""
    if geometry.batch == 0:
        return 0
    most = _most(operation, geometry.rows, geometry.columns, geometry.fore)
    return int(operation.summands(geometry, most))


@lru_cache(maxsize=1024)
def _most(operation: Operation, rows: Axis, columns: Axis, fore: Fore | None) -> int:
    """Return the most terms of a single channel and batch item."""
    both = _axes(rows, columns, fore)
    return math.prod(_most_along(operation, *axis) for axis in both)


# An axis, and kind, taps and stride of layer l+1 along it, where there is one.
_Both = tuple[Axis, tuple[str, int, int] | None]


def _axes(rows: Axis, columns: Axis, fore: Fore | None) -> tuple[_Both, _Both]:
    """Return what happens along rows, and along columns."""
    if fore is None:
        return (rows, None), (columns, None)
    height = (fore.layer, fore.filter_height, fore.stride_height)
    return (rows, height), (columns, (fore.layer, fore.filter_width, fore.stride_width))


@lru_cache(maxsize=1024)
def _most_along(operation: Operation, axis: Axis, fore: tuple[str, int, int] | None) -> int:
    return int(_along(operation, axis, fore).terms.max())


@lru_cache(maxsize=1024)
def _along(operation: Operation, axis: Axis, fore: tuple[str, int, int] | None) -> Counts:
    """Return the counts of a single column, channel and batch item."""
    follows = None if fore is None else Fore(fore[0], 1, fore[1], 1, fore[2], 1)
    geometry = Geometry(1, axis, Axis(1), 1, 1, follows)
    ones = {
        name: np.ones(operation.shape(geometry, axes)) for name, axes in operation.factors.items()
    }
    terms = operation.oracle(geometry, ones).ravel()
    if fore is None:
        return Counts(terms, 0, 0)
    inner = operation.error(geometry, ones)
    outer = operation.gradient(geometry, ones["x"], ones["d_act"])
    return Counts(terms, int(inner.max()), int(outer.max()))

"""Probes: what a kernel is asked, beside the case that it failed, to tell mistakes apart.

They are few and fixed.  Most hold small integers, on which also sums in half precision are exact,
and differ in geometry.  In the others every result is a single product, so that there is no
order of sums, and numbers of all magnitudes, NaN or infinity show what becomes of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np

from convcheck.cases.case import Case, nonfinite_fills
from convcheck.form.axis import Axis, reaching
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import Layer
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.spread import Spread, spread
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.kernels.subjects import Call

Pair = tuple[int, int]


@dataclass(frozen=True)
class Probe:
    """One call."""

    case: Case
    small: bool = False
    """whether it holds the integers of the same case in a lower precision"""
    graded: str = ""
    """the array that is given numbers of all magnitudes"""
    arrangement: str = "copy"
    single: bool = False
    """whether every result is a single product"""
    changes: tuple[tuple[str, bytes], ...] = ()
    """the memory of arrays that it holds instead"""

    @property
    def special(self) -> bool:
        """Whether its arrays, or how they lie in memory, are other than its case's."""
        return bool(self.small or self.graded or self.changes or self.arrangement != "copy")

    def holding(self, **arrays: Array) -> "Probe":
        """Return the same with other arrays."""
        return replace(self, changes=tuple((name, a.tobytes()) for name, a in arrays.items()))

    @property
    def call(self) -> Call:
        """The call that it is."""
        return Call(self.case.geometry, self.arrays, None, self.arrangement)

    @property
    def arrays(self) -> Mapping[str, Array]:
        """What the kernel is handed."""
        return _arrays(self)

    @property
    def expected(self) -> Array:
        """The right result, in float64; of NaN and infinity with zeros left out."""
        return _expected(self)

    def spread(self, promise: Promise = DIRECT) -> Spread:
        """Return where NaN and infinity go in a kernel that promises this."""
        return _spread(self, promise)


@lru_cache(maxsize=128)
def _arrays(probe: Probe) -> Mapping[str, Array]:
    case = probe.case
    if probe.changes:
        arrays = dict(replace(probe, changes=()).arrays)
        for name, memory in probe.changes:
            arrays[name] = np.frombuffer(memory, case.dtype).reshape(arrays[name].shape)
        return arrays
    if probe.small:
        # Half precision has no integers to choose from for the longer sums of two layers.
        lower = "float16" if case.geometry.fore is None else "float32"
        small = Case(case.operation, case.geometry, lower, case.fill, case.seed).arrays()
        return {name: array.astype(case.dtype) for name, array in small.items()}
    arrays = case.arrays()
    if probe.graded:
        array = arrays[probe.graded].astype(np.float64)
        decades = np.arange(array.size).reshape(array.shape) * _STEP % _DECADES - _LOWEST
        with np.errstate(all="ignore"):
            arrays[probe.graded] = (array * 10.0**decades).astype(case.dtype)
    return arrays


# Steps of magnitude in graded arrays; in half precision the smallest are zero.
_STEP, _DECADES, _LOWEST = 0.5, 36, 31


@lru_cache(maxsize=128)
def _expected(probe: Probe) -> Array:
    if probe.case.mode == "nonfinite":
        return probe.spread().values
    return operation_named(probe.case.operation).oracle(probe.case.geometry, probe.arrays)


@lru_cache(maxsize=128)
def _spread(probe: Probe, promise: Promise) -> Spread:
    return spread(probe.case, probe.arrays, promise)


@dataclass(frozen=True)
class _Axis:
    """Steps of the narrow side, taps, stride, remainder, and taps and stride of layer l+1."""

    steps: int
    taps: int
    stride: int
    remainder: int = 0
    fore: Pair = (1, 1)

    def of(self, layer: Layer) -> Axis:
        """Return it as a geometry has it; only what is narrowed has a remainder."""
        return layer.axis(reaching(self.steps, self.taps, self.stride, self.remainder))


def _geometry(
    operation: Operation, rows: _Axis, columns: _Axis, sizes: tuple[int, int, int, int], kind: str
) -> Geometry:
    axes = rows.of(operation.layer), columns.of(operation.layer)
    batch, channels_in, channels_out, fore_channels = sizes
    fore = None
    if operation.default_fore is not None:
        taps, strides = zip(rows.fore, columns.fore, strict=True)
        fore = Fore(kind, fore_channels, *taps, *strides)
    return Geometry(batch, *axes, channels_in, channels_out, fore)


_UNEQUAL = _Axis(5, 3, 2, 1, (2, 2)), _Axis(6, 2, 3, 2, (3, 2))
_SQUARE = _Axis(4, 3, 2, 1, (2, 2)), _Axis(4, 3, 2, 1, (2, 2))
_SPARSE = _Axis(3, 2, 5, 4, (1, 2)), _Axis(4, 3, 1, 0, (2, 1))
_POINTS = _Axis(3, 1, 2, 1, (1, 1)), _Axis(2, 1, 3, 0, (1, 2))
_LONG, _SHORT = _Axis(61, 2, 1, 0, (2, 1)), _Axis(1, 1, 1)
_REMAINDER = _Axis(7, 1, 1, 0, (2, 3)), _Axis(8, 1, 1, 0, (2, 4))
_LARGE = _Axis(2, 5, 1, 0, (1, 1)), _Axis(3, 4, 1, 0, (1, 2))
_SINGLE = _Axis(1, 2, 1), _Axis(1, 3, 1)
_PIXELS = _Axis(6, 1, 1), _Axis(7, 1, 1)


def _single(operation: Operation) -> tuple[tuple[_Axis, _Axis], tuple[int, int, int, int]]:
    """Return axes and sizes with which every result is a single product of many."""
    if operation.returns_filter:  # many places in the array that has the windows, too
        few, many = (13, 73) if operation.layer.narrows else (73, 13)
        return _SINGLE, (1, few, many, 1)
    channels_in, channels_out = (1 if letter in operation.summed else 73 for letter in "io")
    return _PIXELS, (2, channels_in, channels_out, 1)


def probes_of(operation: Operation, dtype: str) -> tuple[Probe, ...]:
    """Return the probes of an operation, the most telling first, in an order that matters."""
    return tuple(dict.fromkeys(_probes(operation, dtype)))


def _probes(operation: Operation, dtype: str) -> Iterator[Probe]:
    def case(
        axes: tuple[_Axis, _Axis], sizes: tuple[int, int, int, int], fill: str, seed: int, kind: str
    ) -> Case:
        return Case(operation.name, _geometry(operation, *axes, sizes, kind), dtype, fill, seed)

    if operation.default_fore and dtype == "float16":
        dtype = "float32"
    default, other = "convolution", "convolution_transpose"
    for seed in (11, 12):
        yield Probe(case(_UNEQUAL, (2, 2, 3, 4), "integers", seed, default), small=True)
    if operation.default_fore:
        yield Probe(case(_UNEQUAL, (2, 2, 3, 4), "integers", 11, other), small=True)
        yield Probe(case(_REMAINDER, (1, 2, 2, 2), "integers", 11, default), small=True)
    for axes, sizes, seed, kind in (
        (_SQUARE, (3, 3, 3, 3), 13, default),
        (_SQUARE, (2, 4, 4, 4), 17, other),
        (_SPARSE, (1, 3, 2, 2), 14, default),
        (_POINTS, (2, 1, 2, 1), 15, other),
        (_LARGE, (1, 1, 2, 1), 18, other),
        ((_LONG, _SHORT), (1, 1, 1, 1), 16, default),
        ((_SHORT, _LONG), (1, 1, 1, 1), 16, default),
        ((_SHORT, _SHORT), (1, 61, 1, 1), 16, default),
        ((_SHORT, _SHORT), (1, 1, 61, 1), 16, default),
    ):
        yield Probe(case(axes, sizes, "integers", seed, kind), small=True)
    square = case(_SQUARE, (3, 3, 3, 3), "integers", 13, default)
    yield Probe(square, small=True, arrangement="fortran")
    axes, sizes = _single(operation)
    for name in operation.factors:
        yield Probe(case(axes, sizes, f"wide-{name}", 21, default), single=True)
    for fill in ("uniform", "tiny"):
        yield Probe(case(axes, sizes, fill, 22, default), single=True)
    for name in operation.factors:
        yield Probe(case(axes, sizes, "uniform", 23, default), graded=name, single=True)
    for fill, seed in product(nonfinite_fills(operation), (24, 25, 26)):
        yield Probe(case(_SQUARE, (2, 3, 3, 3), fill, seed, default))

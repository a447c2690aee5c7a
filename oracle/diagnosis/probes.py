"""Probes: what a kernel is asked, beside the case that it failed, to tell mistakes apart.

They are few and fixed.  Most hold small integers, on which also sums in half precision are exact,
and differ in geometry.  In the others every result is a single product, so that there is no
order of sums, and numbers of all magnitudes, NaN or infinity show what becomes of them.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import product
from typing import NamedTuple

import numpy as np

from convcheck.cases.case import Case, nonfinite_fills
from convcheck.cases.taken import NOTHING, Taken
from convcheck.form.axis import Span, reaching
from convcheck.form.formats import HALVES
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import Layer
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.spread import Spread, spread
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.kernels.subjects import Call

_KEPT = 1024
"""probes of which arrays are kept: so many calls are tried around one, for each mistake"""


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
        changes = {**dict(self.changes), **{name: a.tobytes() for name, a in arrays.items()}}
        return replace(self, changes=tuple(changes.items()))

    @property
    def linear(self) -> "Probe":
        """The same without a bias, or with one of zeros."""
        bias = self.arrays.get("bias")
        return self if bias is None else self.holding(bias=np.zeros_like(bias))

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


@lru_cache(maxsize=_KEPT)
def _arrays(probe: Probe) -> Mapping[str, Array]:
    case = probe.case
    if probe.changes:
        arrays = dict(replace(probe, changes=()).arrays)
        for name, memory in probe.changes:
            arrays[name] = np.frombuffer(memory, case.format.dtype).reshape(arrays[name].shape)
        return arrays
    if probe.small:
        # Half precision has no integers to choose from for the longer sums of two layers.
        half = case.dtype if case.dtype in HALVES else "float16"
        lower = half if case.geometry.fore is None else "float32"
        small = Case(case.operation, case.geometry, lower, case.fill, case.seed).arrays()
        return {name: case.format.array(array) for name, array in small.items()}
    arrays = case.arrays()
    if probe.graded:
        array = arrays[probe.graded].astype(np.float64)
        decades = np.arange(array.size).reshape(array.shape) * _STEP % _DECADES - _LOWEST
        with np.errstate(all="ignore"):
            arrays[probe.graded] = case.format.array(array * 10.0**decades)
    return arrays


# Steps of magnitude in graded arrays; in half precision the smallest are zero.
_STEP, _DECADES, _LOWEST = 0.5, 36, 31


@lru_cache(maxsize=_KEPT)
def _expected(probe: Probe) -> Array:
    if probe.case.mode == "nonfinite":
        return probe.spread().values
    return operation_named(probe.case.operation).oracle(probe.case.geometry, probe.arrays)


@lru_cache(maxsize=_KEPT)
def _spread(probe: Probe, promise: Promise) -> Spread:
    return spread(probe.case, probe.arrays, promise)


class _Shape(NamedTuple):
    """What is a geometry of any operation."""

    rows: Span
    """as windows see them: only what is narrowed has the remainder"""
    columns: Span
    batch: int = 1
    channels_in: int = 1
    channels_out: int = 1
    fore: tuple[int, int, int, int, int] = (1, 1, 1, 1, 1)
    """channels, taps and strides of layer l+1"""

    def of(self, operation: Operation, kind: str) -> Geometry:
        """Return the geometry, with a layer l+1 of this kind where the operation has one."""
        fore = Fore(kind, *self.fore) if operation.default_fore else None
        rows, columns = map(operation.layer.plain_axis, (self.rows, self.columns))
        return Geometry(self.batch, rows, columns, self.channels_in, self.channels_out, fore)


_EVEN, _ONE, _LONG = reaching(4, 3, 2, remainder=1), reaching(1, 1, 1), reaching(61, 2, 1)
_SQUARE = _Shape(_EVEN, _EVEN, 3, 3, 3, (3, 2, 2, 2, 2))
_SQUARE_4 = _Shape(_EVEN, _EVEN, 2, 4, 4, (4, 2, 2, 2, 2))
_UNEQUAL = _Shape(
    *(reaching(5, 3, 2, remainder=1), reaching(6, 2, 3, remainder=2)), 2, 2, 3, (4, 2, 3, 2, 2)
)
_OF_FORE = _Shape(reaching(7, 1, 1), reaching(8, 1, 1), 1, 2, 2, (2, 2, 2, 3, 4))
_SPARSE = _Shape(reaching(3, 2, 5, remainder=4), reaching(4, 3, 1), 1, 3, 2, (2, 1, 2, 2, 1))
_POINTS = _Shape(reaching(3, 1, 2, remainder=1), reaching(2, 1, 3), 2, 1, 2, (1, 1, 1, 1, 2))
_LARGE = _Shape(reaching(2, 5, 1), reaching(3, 4, 1), 1, 1, 2, (1, 1, 1, 1, 2))


def _single(operation: Operation) -> _Shape:
    """Return a shape with which every result is a single product of many."""
    if operation.returns_filter:  # many places in the array that has the windows, too
        few, many = (13, 73) if operation.layer.narrows else (73, 13)
        return _Shape(reaching(1, 2, 1), reaching(1, 3, 1), 1, few, many)
    if operation.degree == 1:  # a channel is one number
        return _Shape(reaching(1, 1, 1), reaching(1, 1, 1), 1, 73, 73)
    channels_in, channels_out = (1 if letter in operation.summed else 73 for letter in "io")
    return _Shape(reaching(6, 1, 1), reaching(7, 1, 1), 2, channels_in, channels_out)


# Fills that tell no more than those with NaN and infinities in one factor.
_IN_NONE_OR_ALL = ("nonfinite-all", "overflow")

# Geometries with parameters, which have more than one operation or kernel takes.  Pads differ from
# one another and from what they would be without one of them; groups are of unlike numbers of
# channels; and steps are enough for every mistake.
_SPECIAL = (
    "b2.h7.w6.i4.o6.f3x2.s2x1.p1-2x2-0.d1x2.g2.q1x0.bias",
    "b2.h8.w9.i6.o3.f2x3.s1x2.p0-1x3-1.d3x1.g3.q0x1.bias",
    "b1.h6.w7.i2.o3.f3x3.s2x3.p3-1x1-2.d2x2.q1x2.bias",
    "b2.h5.w4.i3.o6.f2x2.s1x1.g3.bias",
    "b2.h5.w6.i6.o6.f2x3.s1x1.p2x1.d3x2.g3.q2x1.bias",
    "b3.h4.w5.i2.o2.f1x2.s3x4.p1x0.q2x3.bias",
    "b1.h6.w6.i1.o2.f3x3.s1x1.p1x1",
    "b2.h6.w7.i1.o1.f3x2.s1x2.d2x3",
)


def probes_of(operation: Operation, dtype: str, taken: Taken = NOTHING) -> tuple[Probe, ...]:
    """Return the probes of an operation, the most telling first, in an order that matters.

    Those with parameters have what a kernel has `taken`, in its forms.
    """
    probes = (*_probes(operation, dtype), *_special(operation, dtype, taken))
    return tuple(dict.fromkeys(filter(None, map(partial(_fit, operation, taken), probes))))


def _fit(operation: Operation, taken: Taken, probe: Probe) -> Probe | None:
    """Return a probe as the kernel takes it; None if that is another kind of probe, or none is."""
    geometry = taken.fit(operation, probe.case.geometry)
    if geometry is None or (taken.domain and probe.single and geometry != probe.case.geometry):
        return None
    return replace(probe, case=replace(probe.case, geometry=geometry))


def _special(operation: Operation, dtype: str, taken: Taken) -> Iterator[Probe]:
    """Yield the probes with parameters, where a kernel takes any."""
    for text in _SPECIAL if taken.parameters else ():
        geometry = taken.fit(operation, operation.taking(Geometry.parse(text)))
        if geometry is None:
            continue
        for seed in (11, 12):
            with suppress(ValueError):  # without others, padding may be as large as the result
                case = Case(operation.name, geometry, dtype, "integers", seed)
                yield Probe(case, small=True)


def _probes(operation: Operation, dtype: str) -> Iterator[Probe]:
    if operation.default_fore and dtype in HALVES:
        dtype = "float32"

    def case(shape: _Shape, fill: str, seed: int, kind: str = Layer.CONVOLUTION) -> Case:
        return Case(operation.name, shape.of(operation, kind), dtype, fill, seed)

    for seed in (11, 12):
        yield Probe(case(_UNEQUAL, "integers", seed), small=True)
    if operation.default_fore:
        yield Probe(case(_UNEQUAL, "integers", 11, Layer.TRANSPOSE), small=True)
        yield Probe(case(_OF_FORE, "integers", 11), small=True)
    for shape, seed, kind in (
        (_SQUARE, 13, Layer.CONVOLUTION),
        (_SQUARE_4, 17, Layer.TRANSPOSE),
        (_SPARSE, 14, Layer.CONVOLUTION),
        (_POINTS, 15, Layer.TRANSPOSE),
        (_LARGE, 18, Layer.TRANSPOSE),
        (_Shape(_LONG, _ONE, fore=(1, 2, 1, 1, 1)), 16, Layer.CONVOLUTION),
        (_Shape(_ONE, _LONG, fore=(1, 1, 2, 1, 1)), 16, Layer.CONVOLUTION),
        (_Shape(_ONE, _ONE, channels_in=61), 16, Layer.CONVOLUTION),
        (_Shape(_ONE, _ONE, channels_out=61), 16, Layer.CONVOLUTION),
    ):
        yield Probe(case(shape, "integers", seed, kind), small=True)
    yield Probe(case(_SQUARE, "integers", 13), small=True, arrangement="fortran")
    single = _single(operation)
    for name in operation.factors:
        yield Probe(case(single, f"wide-{name}", 21), single=True)
    for fill in ("uniform", "tiny"):
        yield Probe(case(single, fill, 22), single=True)
    for name in operation.factors:
        yield Probe(case(single, "uniform", 23), graded=name, single=True)
    in_one = (fill for fill in nonfinite_fills(operation) if fill not in _IN_NONE_OR_ALL)
    for fill, seed in product(in_one, (24, 25, 26)):
        yield Probe(case(_SQUARE._replace(batch=2), fill, seed))

"""Where NaN and infinity go: what a right kernel may return beside them.

Whatever the operation, a result sums products of two factors, and a number of the one meets a
result that shares its batch and channel axes exactly once: the trilinear form of `operations`
fixes the third index.  Either that is in range, and the two numbers are multiplied, or it is
not, and a kernel that works with dense arrays may multiply with a zero that it inserted:
between the rows of its input, around it, between or beside the taps of the filter, or anywhere
in the matrix that stands for the filter as a whole (Toeplitz).  Numbers that do not share these
axes never meet, however a kernel is written.  So a non-finite number reaches a result

    certainly   where it is multiplied with a number that is not zero
    possibly    where it meets a zero of the data, which sparse kernels leave out, as `np.dot`
                does where an operand is 1 x 1; or, sharing the axes, an inserted zero
    never       elsewhere

Zero times infinity is NaN: what is possible is this NaN, or the value without the product, and
nothing else.  What is certain follows IEEE 754 in any order of sums: NaN where NaN or both
infinities enter, else the infinity.  A kernel in which a number also meets zeros or itself in the
results that it enters (patches taken by products with ones and zeros, compensated sums) makes NaN
of infinity there, and has to say so: declines=nonfinite_data+nonfinite_others.  But in bfloat16,
whose instructions multiply numbers in pairs, pairs are filled up with zeros by whoever uses them:
there NaN is as right as infinity.

Two layers are the same twice.  dL/da has its own certain and possible numbers, and its zeros are
zeros of the data to what comes next, but for those that layer l+1 never read: these may have been
inserted, or not.  A kernel may also add up the gradients of blocks, of layer l+1's channels or
taps: an infinity in `d_act` or `x` then meets the parts of dL/da, which may be zero or differ in
sign, so that NaN is as right as the infinity.

Of NaN in several factors, and no infinities, each goes its own way: a result is NaN for certain
where one of them makes it so, and possibly where one of them may.

Overflow.  Where every product of a result is beyond what rounds to the largest number, and all have
one sign, kernels that make products or results in that dtype get the infinity of this sign: sums
in any order only grow.  One that has a wider dtype for both may return the finite number, within
the bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation, operation_named
from convcheck.kernels.promises import DIRECT, Promise

from .bounds import bound
from .oracles import sliding_windows


@dataclass(frozen=True)
class Spread:
    """What a result should be; all arrays have its shape."""

    values: Array
    """in float64, where each product of a zero and a non-finite number is left out"""
    inserted: Array
    """whether NaN may come from an inserted zero"""
    zeros: Array
    """whether NaN may come from a zero of the data"""
    open: Array
    """whether NaN may come from what no promise decides"""
    wider: Array | float = 0.0
    """where values overflow, what a wider dtype may hold"""
    off: Array | float = 0.0
    """by how much that may be off"""

    def promised(self, promise: Promise) -> "Spread":
        """Return the same for kernels that promise what becomes of zeros."""
        values, none = self.values, np.zeros_like(self.zeros)
        if promise.ieee_zeros:
            values = np.where(self.zeros, np.nan, values)
        return Spread(
            values,
            none if promise.nonfinite_others else self.inserted,
            none if promise.ieee_zeros else self.zeros,
            self.open,
        )

    def beside(self, other: "Spread") -> "Spread":
        """Return what it is where the NaN of another factor are as well."""
        return Spread(
            np.where(np.isnan(self.values), self.values, other.values),
            self.inserted | other.inserted,
            self.zeros | other.zeros,
            self.open | other.open,
        )

    @property
    def possible(self) -> Array:
        """Whether NaN is right as well."""
        either: Array = self.inserted | self.zeros | self.open
        return either

    def wrong(self, z: Array) -> Array:
        """Return which elements of `z` are none that a right kernel returns."""
        missing = np.isnan(z)
        right = (z == self.values) | (missing & (np.isnan(self.values) | self.possible))
        least, most = self.wider - self.off, self.wider + self.off
        right |= (self.off > 0) & (least <= z) & (z <= most)
        marks: Array = ~right
        return marks

    def comes(self, z: Array) -> bool:
        """Return whether NaN in `z` comes from inserted zeros, and can from nothing else."""
        alone = self.inserted & ~(self.zeros | self.open | np.isnan(self.values))
        return bool((alone & np.isnan(z)).any())

    def is_left_out(self, z: Array) -> bool:
        """Return whether a product with a zero of the data was left out of `z`."""
        return bool((self.zeros & ~np.isnan(z)).any())


def spread(case: Case, arrays: Arrays, promise: Promise = DIRECT) -> Spread:
    """Return what the result of a case with NaN or infinity should be.

    Args:
        case: with the geometry of `arrays`.
        arrays: what kernels are handed; NaN and infinity are in one of the factors.
        promise: of the kernel.
    """
    operation, geometry = operation_named(case.operation), case.geometry
    if case.fill == "overflow":
        return _overflow(case, arrays, promise)
    entering = operation.entering(arrays)
    factors = {name: each.astype(np.float64) for name, each in entering.items()}
    finite = {name: np.where(np.isfinite(each), each, 0) for name, each in factors.items()}
    result = operation.oracle(geometry, finite)
    if geometry.fore is None:
        found = _one_layer(operation, geometry, factors, result)
    else:
        found = _two_layers(operation, geometry, factors, result)
    if case.dtype == "bfloat16":
        found = replace(found, inserted=found.inserted | np.isinf(found.values))
    return found if promise is DIRECT else found.promised(promise)


def _overflow(case: Case, arrays: Arrays, promise: Promise) -> Spread:
    """Return infinities, and the finite numbers that a wider dtype may hold instead."""
    operation = operation_named(case.operation)
    finite = operation.oracle(case.geometry, arrays)
    with np.errstate(all="ignore"):
        limits = bound(operation, case.geometry, arrays, case.dtype, promise)
    values = np.where(finite == 0, 0.0, np.copysign(np.inf, finite))
    beyond = ~np.isfinite(finite)
    return replace(_nowhere(values), wider=finite, off=np.where(beyond, 0, limits.error))


def _one_layer(
    operation: Operation, geometry: Geometry, factors: Mapping[str, Array], finite: Array
) -> Spread:
    """Return where NaN and infinity go; `finite` is the result without them.

    They are in one factor; in several, if all are NaN.
    """
    names = [name for name, each in factors.items() if not np.isfinite(each).all()]
    found = [_of_one(operation, geometry, name, factors, finite) for name in names]
    return reduce(Spread.beside, found, _nowhere(finite))


def _of_one(
    operation: Operation,
    geometry: Geometry,
    name: str,
    factors: Mapping[str, Array],
    finite: Array,
) -> Spread:
    """Return where NaN and infinity of one factor go, or of the bias."""
    if name == "bias":  # added to every result of its channel
        with np.errstate(invalid="ignore"):
            return _nowhere(finite + np.where(np.isfinite(factors[name]), 0, factors[name]))
    signs = {n: np.sign(factors[n]) for n in operation.factors if n != name}
    met = {n: each != 0 for n, each in signs.items()}

    def count(marks: Array, others: Arrays) -> Array:
        return sliding_windows(operation, geometry, {name: marks, **others})

    bad = ~np.isfinite(factors[name])
    infinite = np.isinf(factors[name])
    entered = count(bad, met)
    values = finite.copy()
    if infinite.any():
        size = entered if infinite.sum() == bad.sum() else count(infinite, met)
        balance = count(np.where(infinite, np.sign(factors[name]), 0), signs)
        values[size > 0] = np.where(balance > 0, np.inf, -np.inf)[size > 0]
        values[(np.abs(balance) < size) | (entered > size)] = np.nan
    else:
        values[entered > 0] = np.nan
    zeros = np.zeros_like(entered)
    if not all(each.all() for each in met.values()):
        zeros = count(bad, {n: ~each for n, each in met.items()})
    shared = operation.sharing(geometry, name, bad)
    return Spread(values, shared > entered + zeros, zeros > 0, np.zeros(shared.shape, bool))


def _nowhere(finite: Array) -> Spread:
    none = np.zeros(finite.shape, bool)
    return Spread(finite, none, none, none)


def _two_layers(
    operation: Operation, geometry: Geometry, factors: Mapping[str, Array], finite: Array
) -> Spread:
    """Return where NaN and infinity of one factor go, through dL/da and delta."""
    (back, fore), (gradient, own) = operation.layers(geometry)
    d_act, x = factors["d_act"], factors["x"]
    sides = {"delta": factors["fore_delta"], "ftr": factors["fore_w"]}
    without = {name: np.where(np.isfinite(each), each, 0) for name, each in sides.items()}
    error = _one_layer(back, fore, sides, sliding_windows(back, fore, without))
    with np.errstate(invalid="ignore"):
        delta = error.values * d_act
    lost = ~np.isfinite(delta) & ((error.values == 0) | (d_act == 0))
    delta[lost] = 0
    unread = np.zeros(delta.shape, bool)
    if (delta == 0).any():
        unread = ~_meet(back, fore, {name: np.ones_like(each) for name, each in sides.items()})
    found = _one_layer(gradient, own, {"x": x, "delta": delta}, finite)
    # An infinity of d_act or x, and not of dL/da, may meet parts of dL/da.
    parts = np.isinf(found.values) & np.isfinite(error.values).all()
    # What of delta may be NaN is carried on as NaN is, and NaN of x meets zeros of delta.
    may = error.zeros | (lost & ~unread), lost & unread
    zero = (delta == 0) & ~unread, (delta == 0) & unread
    bad = ~np.isfinite(x)
    zeros, rest = (
        _meet(gradient, own, {"x": np.ones_like(x), "delta": m})
        | _meet(gradient, own, {"x": bad, "delta": z})
        for m, z in zip(may, zero, strict=True)
    )
    if not bad.any():
        zeros |= found.zeros
    some = error.inserted | error.zeros | lost
    inserted = found.inserted | (gradient.sharing(own, "delta", some) > 0)
    return Spread(found.values, inserted, zeros, rest | parts)


def _meet(operation: Operation, geometry: Geometry, marks: Mapping[str, Array]) -> Array:
    """Return which results sum a product of marked numbers of both factors."""
    if all(each.any() for each in marks.values()):
        met: Array = sliding_windows(operation, geometry, marks) > 0
        return met
    return np.zeros(operation.shape(geometry, operation.result), bool)

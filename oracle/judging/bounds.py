"""How much rounding error a result may have: proved, not tuned.

Notation: u is the unit roundoff of the promised dtype (half the spacing of numbers at 1),
eta its smallest subnormal, U that of float64, and

    g(n, u) = n u / (1 - n u).

Standard model.  Every operation returns its exact result times (1 + d), |d| <= u; a
product, or a conversion to a narrower format, that falls below the normal numbers may
instead be off by up to eta / 2, while sums there are exact.

One-layer operations.  A result is z = sum of n products.  In whatever order they are
added, every product meets at most n roundings, its own among them, so that (Higham,
Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, lemma 3.1 and sec. 3.1)

    |fl(z) - z| <= g(n, u) M + (n + 1) eta/2 (1 + g(n, u)),    M = sum of |products|.

The last term is underflow: half an eta for each product and for one conversion of the
result, grown by the sums that follow.  A kernel that computes in a wider format and
converts at the end meets fewer roundings; products with zeros that a kernel inserts are
exact and count for nothing.

A bias is one more number to add, exact in itself: a sum of n products and the bias, in whatever
order, is one of n + 1 terms of which the last needs no product, so that all of the above holds
with n + 1 for n and M + |bias| for M.  The gradient of a bias sums n numbers without any product,
so that the conversion of the result alone may underflow.

Backward kernels.  z = sum over n2 of x * delta, delta = error * d_act, error = sum over n1
of fore_delta * fore_w.  A product of all four factors meets n1 roundings in error, one in
delta, n2 in the outer sum and at most one conversion of error between the two sums:

    |fl(z) - z| <= g(n1 + n2 + 2, u) M + underflow,

where M is the operation applied to all four absolute values.  Underflow leaves error off by
at most (n1 + 1) eta/2 and delta by eta/2 more than |d_act| times that; this is carried
through the sum over |x|, which adds n2 eta/2 for its products, n2 eta/2 for conversions to
a narrower sum, and eta/2 for one of the result.  A kernel that multiplies all four factors before
it sums has n1 products for each delta, and n1 n2 for each result, of which each may underflow.

Sums in another precision.  Where products and sums are in a dtype with unit roundoff v and
the smallest subnormal mu instead (see `promises`), nothing changes for v = u.  For v < u
the inputs are exact in it, and the result is converted once:

    1 + g(n, v) becomes (1 + g(n, v)) (1 + u),

with mu for eta in the products' underflow, eta / 2 for the conversion.  A bias may be added
after the conversion, in the inputs' dtype, which is one more rounding: g(2, u) for u there.
A backward kernel may convert dL/da, and multiply by d_act in the inputs' dtype:
(1 + g(n1 + n2, v)) (1 + g(3, u)).  For v > u each factor is converted first, which costs a
rounding each and mu / 2 where it underflows; the latter is at most v times mu / (2 v), by which
its magnitude is raised.
So g(n + 2, v), or g(n1 + n2 + 2 + 4, v) of a backward kernel, times the operation on raised
magnitudes.  With normwise accuracy the bound is the larger of this and that of `normwise`,
with the same roundings for conversions.

A dtype of fewer bits may have the wider range, as bfloat16 beside float16: inputs of it are
converted to sums in the other one, and results are converted back, each as above.

Products of 16-bit numbers with sums in float32, as matrix units make them, are such wider sums.
Blanchard, Higham, Lopez, Mary and Pranesh (Mixed precision block fused multiply-add: error
analysis and application to GPU tensor cores, SIAM J. Sci. Comput. 42(3), 2020) prove the same of
them, block by block: inputs are exact, and only the result is rounded to 16 bits.  Kernels that
round each block's result, too, do not keep to it, and promise sums in the inputs' dtype.  Sums in
float64 come to bfloat16 by way of float32, which rounds once more, by less than n sums in float32
may: they count as these.

Subnormals flushed to zero, be they inputs, products or sums, are off by the smallest normal
number, two of them for a product and its sum: 4 times that stands for eta and mu.  Inputs
are raised, and count as converted, as above.

The oracle.  Its own error is the same with U for u, and M is computed by it as well;
results are subtracted in float64.  Both cost a few U more, and the bound is divided by
1 - g(n + 8, U) to make up for them.  Underflow is rounded up to whole etas, and one eta of
float64 is added for products of the bound itself that underflow.

M and n are computed by the oracle: the operation on absolute values and on ones.

The statistical gate 8 sqrt(n) u M holds with high probability for roundings that are
independent with mean zero (Higham and Mary, A new approach to probabilistic rounding error
analysis, SIAM J. Sci. Comput. 41, 2019).  It is no proof, so that passing it decides
nothing; a result beyond it, from n = 64 on, is called suspiciously inaccurate.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from convcheck.form.counts import counts
from convcheck.form.formats import FLOAT64, FORMATS
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation
from convcheck.kernels.promises import DIRECT, Promise

from . import normwise

STATISTICAL_FROM = 64


def g(n: Array | float, u: float) -> Any:
    """Return n u / (1 - n u), Higham's gamma; infinite where n u >= 1."""
    nu = np.multiply(n, u)
    with np.errstate(divide="ignore"):
        return np.where(nu < 1, nu / np.maximum(1 - nu, 0), np.inf)


@dataclass(frozen=True)
class Bound:
    """What the error of each element may be, and what it was derived from."""

    error: Array
    """largest allowed |result - oracle|; infinite where nothing is promised"""
    magnitude: Array
    """M, the operation on absolute values"""
    statistical: Array
    """what an error is not expected to exceed; infinite where n < 64"""
    terms: int
    """the largest n"""
    overflow: bool
    """whether some intermediate result could exceed the dtype's largest number"""


@dataclass(frozen=True)
class _Precision:
    """What the dtypes of inputs and of sums are like, in the notation above."""

    u: float
    v: float
    eta: float
    """the larger of eta and mu"""
    ratio: float
    """mu as a part of that"""
    largest: float
    """the largest number that both dtypes have"""
    raised: float
    """what magnitudes are raised by"""
    converts: bool
    """whether inputs are changed at first, by conversion to a narrower dtype or flushing"""

    @property
    def widens(self) -> bool:
        """Whether the result of wider sums is converted."""
        return self.v < self.u


def _precision(dtype: str, promise: Promise) -> _Precision:
    own, sums = FORMATS[dtype], FORMATS[promise.precision(dtype)]
    mu, eta = sums.eta, own.eta
    if promise.flushes(dtype):
        mu, eta = (4 * each.smallest_normal for each in (sums, own))
    converts = promise.narrows(dtype) or promise.flushes(dtype)
    raised = mu / (2 * sums.u) if converts or promise.normwise else 0.0
    largest = min(own.largest, sums.largest)
    return _Precision(own.u, sums.u, max(eta, mu), mu / max(eta, mu), largest, raised, converts)


def bound(
    operation: Operation,
    geometry: Geometry,
    arrays: Arrays,
    dtype: str,
    promise: Promise = DIRECT,
) -> Bound:
    """Return the bound for kernels that are called on arrays of `dtype`.

    Args:
        operation: what is computed.
        geometry: its sizes.
        arrays: the factors, finite, by name.
        dtype: one of `DTYPES`.
        promise: in what precision they compute, and how accurately.
    """
    p = _precision(dtype, promise)
    entering = operation.entering(arrays)
    absolute = {name: np.abs(each).astype(np.float64) for name, each in entering.items()}
    magnitude = raised_magnitude = operation.oracle(geometry, absolute)
    raised = absolute
    if p.raised:
        raised = {name: array + p.raised for name, array in absolute.items()}
        raised_magnitude = operation.oracle(geometry, raised)
    n, half_etas, largest = _terms(operation, geometry, raised, p)
    largest = max(largest, float(raised_magnitude.max(initial=0)))

    growth, growth64, eta64 = g(n, p.v), g(n, FLOAT64.u), FLOAT64.eta
    converted = 0.0
    if p.widens:
        converted = float(g(1 + geometry.bias if geometry.fore is None else 3, p.u))
        growth = growth + converted * (1 + growth)
    with np.errstate(over="ignore", invalid="ignore"):
        rounding = growth * raised_magnitude + np.ceil(half_etas / 2) * p.eta * (1 + growth)
        statistical = (8 * np.sqrt(n) * p.v + converted) * magnitude + half_etas * p.eta
        statistical = np.where(n >= STATISTICAL_FROM, statistical, np.inf)
        if promise.normwise:
            rounding = np.fmax(rounding, _normwise(operation, geometry, raised, dtype, promise))
            statistical = np.full_like(rounding, np.inf)
        allowed = (
            rounding + growth64 * magnitude + np.ceil(half_etas / 2 + 1) * eta64 * (1 + growth64)
        ) / (1 - g(n + 8, FLOAT64.u))
    allowed = np.where(np.isnan(allowed), np.inf, allowed)
    if promise.normwise:
        largest = max(largest, _reach(operation, geometry, raised))
    else:
        # No term at all: the result must be exactly zero, and 0 * infinity above is none.
        allowed = np.where(n == 0, 0.0, allowed)
    overflow = not largest * (1 + float(np.max(growth, initial=0))) < p.largest
    return Bound(allowed, magnitude, statistical, int(n.max(initial=0)), overflow)


def _terms(
    operation: Operation, geometry: Geometry, absolute: Arrays, p: _Precision
) -> tuple[Array, Any, float]:
    """Return n, underflow in halves of eta, and the largest number before the outer sum."""
    count = counts(operation, geometry)
    converted = operation.degree if p.converts else 0
    inputs = [float(array.max(initial=0)) for array in absolute.values()] if p.converts else []
    if geometry.fore is None:
        n = np.where(count.terms > 0, count.terms + converted, 0)
        multiplied = n if operation.degree > 1 or p.converts else 0
        return n, multiplied * p.ratio + 1, max(inputs, default=0.0)
    between = 0 if p.widens else 2
    n = np.where(count.terms > 0, count.inner + count.outer + between + converted, 0)
    error = operation.error(geometry, absolute)
    delta = error * absolute["d_act"]
    eta_delta = (count.inner * p.ratio + 1) * absolute["d_act"] + max(count.inner, 1)
    carried = operation.gradient(geometry, absolute["x"], eta_delta)
    largest = max(*inputs, float(error.max(initial=0)), float(delta.max(initial=0)))
    products = np.maximum(count.terms, 2 * count.outer)
    return n, carried + products * p.ratio + 1, largest


def _normwise(
    operation: Operation,
    geometry: Geometry,
    absolute: Arrays,
    dtype: str,
    promise: Promise,
) -> Array:
    """Return the normwise bound; see `normwise`."""
    p = _precision(dtype, promise)
    if geometry.fore is None:
        k = normwise.cost(operation, geometry, promise.constant)
        total = normwise.norms(operation, geometry, absolute)
        growth = float(g(k + 2 * p.converts, p.v))
        growth += p.widens * float(g(1 + geometry.bias, p.u)) * (1 + growth)
        etas = 1 + normwise.etas(operation, geometry, promise.constant) * (1 + growth)
        error: Array = growth * total + etas * p.eta
        return error
    (inner, after), (outer, layer) = operation.layers(geometry)
    first = {"delta": absolute["fore_delta"], "ftr": absolute["fore_w"]}
    off = bound(inner, after, first, dtype, promise).error
    exact = operation.error(geometry, absolute)
    off = (off + float(g(3, max(p.u, p.v))) * (exact + off)) * absolute["d_act"] + p.eta
    second = {"x": absolute["x"], "delta": exact * absolute["d_act"] + off}
    carried = operation.gradient(geometry, absolute["x"], off)
    return bound(outer, layer, second, dtype, promise).error + carried


def _reach(operation: Operation, geometry: Geometry, absolute: Arrays) -> float:
    """Return the largest number that a transform may meet."""
    if geometry.fore is None:
        total = normwise.norms(operation, geometry, absolute)
        return float(total.max(initial=0)) * normwise.points(operation, geometry)
    (inner, after), (outer, layer) = operation.layers(geometry)
    delta = operation.error(geometry, absolute) * absolute["d_act"]
    return max(
        _reach(inner, after, {"delta": absolute["fore_delta"], "ftr": absolute["fore_w"]}),
        _reach(outer, layer, {"x": absolute["x"], "delta": delta}),
    )

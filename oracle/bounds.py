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

Backward kernels.  z = sum over n2 of x * delta, delta = error * d_act, error = sum over n1
of fore_delta * fore_w.  A product of all four factors meets n1 roundings in error, one in
delta, n2 in the outer sum and at most one conversion of error between the two sums:

    |fl(z) - z| <= g(n1 + n2 + 2, u) M + underflow,

where M is the operation applied to all four absolute values.  Underflow leaves error off by
at most (n1 + 1) eta/2 and delta by eta/2 more than |d_act| times that; this is carried
through the sum over |x|, which adds n2 eta/2 for its products, n2 eta/2 for conversions to
a narrower sum, and eta/2 for one of the result.

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

from .counts import counts
from .geometry import Geometry
from .layouts import Array
from .operations import Arrays, Operation

U64 = 2.0**-53
STATISTICAL_FROM = 64


def unit_roundoff(dtype: np.dtype[Any] | str) -> float:
    """Return u, half the distance from 1 to the next number: 2**-24 for float32."""
    return float(np.finfo(dtype).eps) / 2


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


def bound(
    operation: Operation, geometry: Geometry, arrays: Arrays, dtype: np.dtype[Any] | str
) -> Bound:
    """Return the bound for kernels that promise to compute in `dtype`.

    Args:
        operation: what is computed.
        geometry: its sizes.
        arrays: the factors, finite, by name.
        dtype: "float16", "float32" or "float64".
    """
    u, finfo = unit_roundoff(dtype), np.finfo(dtype)
    absolute = {name: np.abs(arrays[name]).astype(np.float64) for name in operation.factors}
    magnitude = operation.oracle(geometry, absolute)
    count = counts(operation, geometry)
    largest = float(magnitude.max(initial=0))

    if geometry.fore is None:
        n = count.terms
        half_etas = n + 1
    else:
        n = np.where(count.terms > 0, count.inner + count.outer + 2, 0)
        error = operation.error(geometry, absolute)
        delta = error * absolute["d_act"]
        largest = max(largest, float(error.max(initial=0)), float(delta.max(initial=0)))
        eta_delta = (count.inner + 1) * absolute["d_act"] + 1
        carried = operation.gradient(geometry, absolute["x"], eta_delta)
        half_etas = carried + 2 * count.outer + 1

    growth, growth64 = g(n, u), g(n, U64)
    eta, eta64 = float(finfo.smallest_subnormal), float(np.finfo(np.float64).smallest_subnormal)
    with np.errstate(over="ignore", invalid="ignore"):
        allowed = (
            (growth + growth64) * magnitude
            + np.ceil(half_etas / 2) * eta * (1 + growth)
            + np.ceil(half_etas / 2 + 1) * eta64 * (1 + growth64)
        ) / (1 - g(n + 8, U64))
        statistical = np.where(
            n >= STATISTICAL_FROM, 8 * np.sqrt(n) * u * magnitude + half_etas * eta, np.inf
        )
    # No term at all: the result must be exactly zero, and 0 * infinity above is none.
    allowed = np.where(n == 0, 0.0, np.where(np.isnan(allowed), np.inf, allowed))
    overflow = not largest * (1 + float(np.max(growth, initial=0))) < float(finfo.max)
    return Bound(allowed, magnitude, statistical, int(n.max(initial=0)), overflow)

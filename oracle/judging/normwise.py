"""The error that FFT and Winograd kernels may make, in terms of norms.

Such kernels transform both factors, multiply, and transform back: a small result may come
of large numbers that cancel, and no bound in terms of its own products holds.  Instead,
with ||.|| the 2-norm over both spatial axes and the sum over the C channels (or batch
items) that a result sums over,

    |fl(z) - z| <= g(K, u) N,    N = sum of ||a|| ||b||,    K = 34 t + 4 + 12 C.

2**t is the number of points of a transform, as long along each axis as the power of two
that holds twice the extent of the padded wide side: t = sum of (1 + ceil(log2 extent)).  Products
of 1 + g(k, u) are at most 1 + g(sum of k, u), so that it is enough to add up costs k.

FFT.  A stage of radix r multiplies by r-th roots of unity, adds r terms, and multiplies by
twiddle factors.  A complex product costs sqrt(2) g(2, u) (Higham, Accuracy and Stability
of Numerical Algorithms, 2nd ed., SIAM 2002, lemma 3.5), a root rounded from its exact
value one more: 3.83 together; r - 1 additions follow.  The absolute values of a stage's
matrix have sqrt(r) times its norm, so that a stage's error is, relative to the norm,

    sqrt(r) (r - 1 + 3.83) + 3.83,

and those of the stages add up (as in theorem 24.2 there, for radix 2).  With products by 1,
-1 and i exact, that is at most 14.4 for each factor 2 of the length, for the radices 2, 3,
4, 5, 7, 8 and 11.  For P points ||X|| ||W|| = P ||a|| ||b||, which by Cauchy and Schwarz
also bounds the sum of all |X W|.  Back again, each result is a sum of these P products over
P, each of which meets r - 1 + 2 * 3.83 roundings a stage: 5.1 for a factor 2, more for
r = 3 alone.  Both factors and the way back together cost at most 34 t for each of these
radices.  The product between costs 2.83, the division by P one, and each added channel one.
Lengths with larger prime factors cost more by this proof; seen were errors far below it.

Winograd, F(2 x 2, 3 x 3).  With its matrices A, B, G, z = A' ((G b G') * (B' a B)) A: a
path through it meets 2, 4, 1 and 4 roundings in B, G, product and A, and one for each added
channel, C - 1 of them (B. Barabasz, A. Anderson, K. M. Soodhalter, D. Gregg, Error analysis
and improving the accuracy of Winograd convolution for deep neural networks, ACM TOMS 46(4),
2020, sec. 4).  By Cauchy and Schwarz the sum of absolute values is at most || |B| ||**2
|| |G| ||**2 = 11.95 times ||a|| ||b|| of a tile, hence 11.95 (10 + C) N, which is below
g(K, u) N for all extents that hold a filter: there t is 6 at least.  For F(4 x 4, 3 x 3)
the same sum is beyond it: declare a constant, which then stands for 34 t + 4.

What a kernel sums directly, such as filters of other sizes, obeys the direct bound: each
result may be within either.  Results that no product enters need not be zero.  Narrower
sums cost two more, for the conversions.

A bias is one addition more: K + 1 for K, N + |bias| for N.

Underflow.  Numbers of a below half an eta over u are raised by that, which covers errors of
eta / 2 in what is transformed; 8 eta for each channel cover those of product and way back.  The
way back of larger tiles multiplies them: for F(4 x 4, 3 x 3) by up to 361.  Constants are declared
as they are measured, where roundings cancel, and are the root of what is proved or more; so the
square of one stands for 8.

Two layers.  With E the bound on dL/da, delta is off by at most D = E |d_act| and three
roundings, and the result by the bound on the gradient at (|x|, |delta| + D), and by the
gradient of (|x|, D).
"""

import math

import numpy as np

from convcheck.form.axis import SPATIAL
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation

_PER_DOUBLING, _ONCE, _PER_CHANNEL = 34, 4, 12
_ETAS = 8


def cost(operation: Operation, geometry: Geometry, constant: float | None) -> float:
    """Return K for a one-layer operation; `constant` stands for its part of the transform."""
    if constant is None:
        constant = _PER_DOUBLING * _doublings(operation, geometry) + _ONCE
    return constant + _PER_CHANNEL * operation.combinations(geometry) + geometry.bias


def _doublings(operation: Operation, geometry: Geometry) -> int:
    """Return t."""
    return sum(1 + math.ceil(math.log2(span.padded)) for span in operation.spans(geometry))


def norms(operation: Operation, geometry: Geometry, absolute: Arrays) -> Array:
    """Return N for each result of a one-layer operation; a bias adds its absolute value."""
    letters, planes = [], []
    if "bias" in absolute:
        less = {name: each for name, each in absolute.items() if name != "bias"}
        total: Array = norms(operation, geometry, less) + absolute["bias"]
        return total
    if geometry.groups > 1:
        parts = operation.grouped(geometry, absolute)
        return operation.joined([norms(operation, *part) for part in parts])
    for name, axes in operation.factors.items():
        spatial = tuple(at for at, axis in enumerate(axes) if axis in SPATIAL)
        letters.append("".join(axis for axis in axes if axis not in SPATIAL))
        planes.append(np.sqrt(np.square(absolute[name]).sum(axis=spatial)))
    kept = "".join(axis for axis in operation.result if axis not in SPATIAL)
    sums = np.einsum(f"{','.join(letters)}->{kept}", *planes)
    return operation.over_result(geometry, kept, sums)


def points(operation: Operation, geometry: Geometry) -> int:
    """Return 2**t, how many points the largest transform has that N is derived for."""
    return int(2 ** _doublings(operation, geometry))


def etas(operation: Operation, geometry: Geometry, constant: float | None) -> float:
    """Return what underflow adds in a one-layer operation."""
    return max(_ETAS, (constant or 0) ** 2) * operation.combinations(geometry)

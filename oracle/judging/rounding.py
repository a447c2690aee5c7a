"""What results are equal to where sums are exact: these sums, or the sums rounded once.

The fill `rounded` is for kernels on 16-bit numbers that sum in float32, or wider.  Its integers
are exact in 16 bits, and n times the product of their largest magnitudes is at most 2**24: every
partial sum is exact in float32, in whatever order it is taken, and the result is the exact sum,
rounded once to the nearest number; or not at all, where it is returned as it was summed.  A bias
is added before that, or after it, in 16 bits.  Kernels that sum in float64 and go by float32 round
the same: of two roundings the first one, of a sum that is exact in float32, changes nothing.
"""

from collections.abc import Iterator

import numpy as np

from convcheck.cases.case import ROUNDED, Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays


def right_results(case: Case, arrays: Arrays, exact: Array) -> Iterator[Array]:
    """Yield what a right kernel may return, in float64, of sums that are exact; the usual first."""
    if case.fill == ROUNDED:
        form = case.format
        yield form.rounded(exact)
        if "bias" in arrays:
            bias = arrays["bias"].astype(np.float64)
            yield form.rounded(form.rounded(exact - bias) + bias)
    yield exact

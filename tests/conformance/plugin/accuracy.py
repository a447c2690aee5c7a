"""Accuracy seen: how far right results are off, kept in few numbers however many cases.

Of each judged case with real numbers the largest error counts, in two ways: as a fraction
of its bound, and as a fraction of the sum of its products' magnitudes, by how many products
there are.  The second leaves out fills that scale the numbers: there underflow, not the
number of products, makes the error.
"""

import math
from collections import Counter

from convcheck.form.formats import FORMATS
from convcheck.judging.verdicts import Verdict
from convcheck.reports import rows

HALVINGS = 10
"""bins of the distribution: bin k holds fractions in (2**-(k+1), 2**-k], the last all below"""

_UNSCALED = ("uniform", "positive")


class Accuracy:
    """Errors of one operation in one dtype."""

    def __init__(self) -> None:
        self._distribution: Counter[int] = Counter()
        self._growth: dict[int, tuple[float, int]] = {}  # worst error and its n, by log2 n

    def add(self, verdict: Verdict) -> None:
        """Add a case that agrees within the bound; others leave no error to count."""
        if verdict.error is None or verdict.relative is None:
            return
        fraction = verdict.error
        halvings = HALVINGS if fraction == 0 else min(HALVINGS, int(-math.log2(min(fraction, 1))))
        self._distribution[halvings] += 1
        if verdict.case.fill in _UNSCALED and verdict.terms:
            size = verdict.terms.bit_length() - 1
            worst = max(self._growth.get(size, (0.0, 0)), (verdict.relative, verdict.terms))
            self._growth[size] = worst

    @property
    def distribution(self) -> list[int]:
        """Cases by bin."""
        return [self._distribution[k] for k in range(HALVINGS + 1)]

    def row(self, operation: str, dtype: str) -> rows.Accuracy:
        """Return what was seen as a row of a report."""
        u = FORMATS[dtype].u
        growth = [
            rows.Growth.of(dtype, n, error)
            for _, (error, n) in sorted(self._growth.items())
            if n * u < 1  # beyond, sums kept wider have no bound in it
        ]
        return rows.Accuracy(operation, dtype, self.distribution, growth)

"""Accuracy seen: how far right results are off, kept in few numbers however many cases.

Of each judged case with real numbers the largest error counts, in two ways: as a fraction
of its bound, and as a fraction of the sum of its products' magnitudes, by how many products
there are.  The second leaves out fills that scale the numbers: there underflow, not the
number of products, makes the error.
"""

import math
from collections import Counter
from typing import Any

from convcheck.judging.verdicts import Verdict

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

    def dump(self) -> dict[str, Any]:
        """Return counts by bin, and worst error and its n by the logarithm of n."""
        return {
            "distribution": [self._distribution[k] for k in range(HALVINGS + 1)],
            "growth": [[size, *self._growth[size]] for size in sorted(self._growth)],
        }

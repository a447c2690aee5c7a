"""Number formats: what the numbers of a dtype are like, and who calls it what.

A finite number is m 2**(e - precision + 1), m an integer of at most `precision` bits and e an
exponent from `emin` to `emax`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .layouts import Array

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Format:
    """A binary floating-point format."""

    name: str
    """in case ids, and in PyTorch"""
    precision: int
    """bits of the significand, the leading one included"""
    emin: int
    emax: int
    small: int
    """bits of the fill `small`: the precision of the next narrower format"""
    dtype: np.dtype[Any]
    """of arrays that hold it"""

    @cached_property
    def u(self) -> float:
        """The unit roundoff: half the distance from 1 to the next number."""
        return 2.0**-self.precision

    @cached_property
    def eta(self) -> float:
        """The smallest subnormal number."""
        return 2.0 ** (self.emin - self.precision + 1)

    @cached_property
    def smallest_normal(self) -> float:
        """The smallest number that has all bits of precision."""
        return 2.0**self.emin

    @cached_property
    def largest(self) -> float:
        """The largest finite number."""
        return (2 - 2.0 ** (1 - self.precision)) * 2.0**self.emax

    @property
    def code(self) -> str:
        """Its dtype in Python, where NumPy is `np`."""
        return f"np.{self.name}"

    def array(self, values: Array) -> Array:
        """Return values in it, each rounded once; the same array where they are."""
        return values.astype(self.dtype, copy=False)

    @cached_property
    def torch(self) -> "torch.dtype":
        """PyTorch's name for it."""
        import torch  # noqa: PLC0415  (a second to import: only when an oracle is asked)

        found: torch.dtype = getattr(torch, self.name)
        return found


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("float16", 11, -14, 15, 5, np.dtype(np.float16)),
        Format("float32", 24, -126, 127, 11, np.dtype(np.float32)),
        Format("float64", 53, -1022, 1023, 24, np.dtype(np.float64)),
    )
}
DTYPES = tuple(FORMATS)
USUAL = DTYPES
"""those that a kernel takes which does not say"""
FLOAT64 = FORMATS["float64"]

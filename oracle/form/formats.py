"""Number formats: what the numbers of a dtype are like, and who calls it what.

A finite number is m 2**(e - precision + 1), m an integer of at most `precision` bits and e an
exponent from `emin` to `emax`.
"""

import importlib
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

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """Of arrays that hold it."""
        if not self._is_numpys:
            importlib.import_module("ml_dtypes")  # from then on NumPy knows the name
        return np.dtype(self.name)

    @cached_property
    def _is_numpys(self) -> bool:
        return hasattr(np, self.name)

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
        return f"{'np' if self._is_numpys else 'ml_dtypes'}.{self.name}"

    @property
    def drawn(self) -> int:
        """Bits of real numbers that are drawn for it, at most, before they are rounded to it.

        ml_dtypes goes through float32 on its way from float64: so much is exact there.
        """
        return 53 if self._is_numpys else 21

    def array(self, values: Array) -> Array:
        """Return values in it, each rounded once; the same array where they are."""
        if values.dtype == np.float64 and not self._is_numpys:
            values = self.rounded(values)
        return values.astype(self.dtype, copy=False)

    def rounded(self, values: Array) -> Array:
        """Return the nearest of its numbers, in float64; of two the one whose last bit is zero."""
        exponents = np.frexp(values)[1] - 1
        spacing = np.ldexp(1.0, np.maximum(exponents, self.emin) - self.precision + 1)
        with np.errstate(over="ignore", invalid="ignore"):
            nearest: Array = np.rint(values / spacing) * spacing
        return np.where(np.abs(nearest) > self.largest, np.copysign(np.inf, nearest), nearest)

    @cached_property
    def torch(self) -> "torch.dtype":
        """PyTorch's name for it."""
        import torch  # noqa: PLC0415  (a second to import: only when an oracle is asked)

        found: torch.dtype = getattr(torch, self.name)
        return found


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        Format("float16", 11, -14, 15, 5),
        Format("bfloat16", 8, -126, 127, 4),
        Format("float32", 24, -126, 127, 11),
        Format("float64", 53, -1022, 1023, 24),
    )
}
DTYPES = tuple(FORMATS)
USUAL = tuple(name for name in DTYPES if name != "bfloat16")
"""those that a kernel takes which does not say"""
HALVES = ("float16", "bfloat16")
"""those of 16 bits"""
FLOAT64 = FORMATS["float64"]


def is_real(dtype: np.dtype[Any]) -> bool:
    """Return whether a dtype is of real floating numbers; bfloat16 is of none of NumPy's kinds."""
    return dtype.kind == "f" or dtype.name == "bfloat16"

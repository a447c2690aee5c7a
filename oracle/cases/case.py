"""Cases: a geometry filled with numbers, named by one line of text.

A case rebuilds its arrays bit for bit on any NumPy: the numbers come from the raw output
of PCG64, which NumPy promises to keep, through exact arithmetic and one rounding to the
dtype.  Its text form, the case id, is

    v1:OPERATION:DTYPE:FILL:GEOMETRY:SEED

for instance v1:convolution:float32:integers:b1.h4.w5.i2.o1.f2x2.s1x2:7.

Fills.  Those of exact mode are random non-zero integers, so small that every partial sum
of the result is exactly representable, in whatever order it is taken (see `judge`):

    integers        all factors share the range evenly
    wide-NAME       factor NAME takes the whole range, the others are +-1: only so is a
                    kernel caught that narrows this factor inside
    sparse          as `integers`, but each is zero, of either sign, with a chance of one half:
                    only so is a kernel caught that leaves zeros out, and more with them
    small           as `integers`, but exact in the next narrower dtype (float16: in 5 bits):
                    more than half of the significand is left to kernels that round even
                    integers, and sums in that dtype are exact (see `promises`)

Those of bound mode are real: `uniform` in (-1, 1); `positive` in [0, 1), where rounding
errors pile up; `scaled`, uniform with every factor multiplied by its own power of two;
`tiny`, uniform with products in the subnormal range.  Last, `nonfinite-NAME` is `integers`
with one to three elements of factor NAME replaced by NaN or an infinity; `nonfinite-sparse` is
that with the factor that is the operation's data, and the others as in `sparse`: only so is a
kernel caught that leaves zeros out, since zero times an infinity is NaN.
"""

import math
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from convcheck.form.counts import most_terms
from convcheck.form.formats import DTYPES, FORMATS, Format
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named

from .numbers import Raw, alike, integers, pieces

VERSION = "v1"
REAL_FILLS = ("uniform", "positive", "scaled", "tiny")
LARGEST_ARRAY = 2**28
_FORM = f"{VERSION}:OPERATION:DTYPE:FILL:GEOMETRY:SEED"


def exact_fills(operation: Operation) -> tuple[str, ...]:
    """Return the fills of exact mode, for kernels that do not round integers."""
    return ("integers", *(f"wide-{name}" for name in operation.factors))


def agreement_fills(operation: Operation) -> tuple[str, ...]:
    """Return the fills of exact and of bound mode."""
    return (*exact_fills(operation), *REAL_FILLS)


def nonfinite_fills(operation: Operation) -> tuple[str, ...]:
    """Return the fills with NaN and infinities."""
    return (*(f"nonfinite-{name}" for name in operation.factors), "nonfinite-sparse")


@lru_cache
def _all_fills(operation: Operation) -> tuple[str, ...]:
    return (*agreement_fills(operation), "sparse", "small", *nonfinite_fills(operation))


@lru_cache
def _mode(fill: str) -> str:
    if fill in REAL_FILLS:
        return "bound"
    return "nonfinite" if fill.startswith("nonfinite") else "exact"


@dataclass(frozen=True)
class Case:
    """Operation, geometry, dtype, fill and seed: everything that one call needs."""

    operation: str
    geometry: Geometry
    dtype: str
    fill: str
    seed: int

    def __post_init__(self) -> None:
        """Raise ValueError, or TypeError, naming the argument, where no arrays could be made."""
        operation = operation_named(self.operation)
        if not isinstance(self.geometry, Geometry):  # whatever its type says
            raise TypeError(f"geometry={self.geometry!r:.100}: expected a Geometry")
        operation.check(self.geometry)
        _require_one_of("dtype", self.dtype, DTYPES)
        _require_one_of("fill", self.fill, _all_fills(operation))
        require_seed(self.seed)
        # No array is larger than all extents multiplied, which is seldom too much.
        if math.prod(operation.extents(self.geometry).values()) > LARGEST_ARRAY:
            self._check_arrays(operation)

    def _check_arrays(self, operation: Operation) -> None:
        shape = operation.largest_array(self.geometry)
        if math.prod(shape) > LARGEST_ARRAY:
            raise ValueError(
                f"geometry={self.geometry}: expected arrays of at most {LARGEST_ARRAY} "
                f"elements, not of shape {shape}"
            )

    def __str__(self) -> str:
        return f"{VERSION}:{self.operation}:{self.dtype}:{self.fill}:{self.geometry}:{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the case whose id is `text`; ValueError, in one line, if there is none."""
        if not isinstance(text, str):  # whatever its type says
            raise TypeError(f"case id {text!r:.100}: expected a text")
        parts = text.split(":")
        if parts[0] != VERSION or len(parts) != _FORM.count(":") + 1:
            raise ValueError(f"case id {text!r}: expected the form {_FORM}")
        _, operation, dtype, fill, geometry, seed = parts
        if not re.fullmatch(r"0|[1-9][0-9]{0,19}", seed):
            raise ValueError(
                f"case id {text!r}: seed={seed!r}: expected an integer without leading zeros"
            )
        try:
            return cls(operation, Geometry.parse(geometry), dtype, fill, int(seed))
        except ValueError as error:
            raise ValueError(f"case id {text!r}: {error}") from None

    @property
    def mode(self) -> str:
        """How a kernel is judged on it: "exact", "bound" or "nonfinite"."""
        return _mode(self.fill)

    @property
    def nonfinite(self) -> str | None:
        """Name of the factor with NaN and infinities, if there is one."""
        if self.mode != "nonfinite":
            return None
        name = self.fill.removeprefix("nonfinite-")
        return operation_named(self.operation).data if name == "sparse" else name

    def is_sparse(self, name: str) -> bool:
        """Return whether factor `name` is zero at about half of its elements."""
        return self.fill.endswith("sparse") and name != self.nonfinite

    @property
    def format(self) -> Format:
        """What numbers of its dtype are like."""
        return FORMATS[self.dtype]

    @property
    def bits(self) -> int:
        """How many bits sums of integers have, in exact mode."""
        return self.format.small if self.fill == "small" else self.format.precision

    @cached_property
    def largest(self) -> int | None:
        """Largest magnitude of the integers in a factor that shares the range.

        A result with n terms, each a product of d factors, has partial sums of at most
        n * largest**d, which must not exceed 2**p with p `bits`.  None where not even +-1 will do.
        """
        operation = operation_named(self.operation)
        room: int = 2**self.bits // max(1, most_terms(operation, self.geometry))
        if self.fill.startswith("wide-"):
            return room or None
        root = math.isqrt(room)
        if operation.degree == 4:
            root = math.isqrt(root)
        return root or None

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that a kernel is handed, by name.

        Raises:
            ValueError: the integers of this fill would have an empty range.
        """
        return {name: array.copy() for name, array in self.shared_arrays().items()}

    def shared_arrays(self) -> dict[str, Array]:
        """Return the same arrays as `arrays`, but read-only where other cases share them."""
        operation = operation_named(self.operation)
        shapes = operation.array_shapes(self.geometry)
        if self.fill in ("integers", "small"):  # all alike, so that they can be made at once
            size = sum(map(math.prod, shapes.values()))
            return pieces(alike(self.seed, self.largest_in(), self.format.dtype, size), shapes)
        raw = Raw(self.seed)
        return {
            name: self.format.array(self._fill(name, raw, shape, operation.degree))
            for name, shape in shapes.items()
        }

    def _fill(self, name: str, raw: Raw, shape: tuple[int, ...], degree: int) -> Array:
        if self.fill in REAL_FILLS:
            return _real(self.fill, raw, shape, self.format, degree)
        numbers = raw.draw(shape)
        values = integers(numbers, self.largest_in(name))
        if self.is_sparse(name):
            values *= 1.0 - (numbers >> np.uint64(63))
            return values
        if name == self.nonfinite:
            return _with_nonfinite(values, raw)
        return values

    def largest_in(self, name: str = "") -> int:
        """Return the largest magnitude in factor `name`; any will do where all are alike."""
        largest = self.largest
        if largest is None:
            raise ValueError(f"case id {self}: exact mode has no range left in {self.dtype}")
        return 1 if self.fill.startswith("wide-") and self.fill != f"wide-{name}" else largest


def require_seed(seed: object) -> None:
    """Raise ValueError unless `seed` is one that a case may have."""
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise ValueError(f"seed={seed!r}: expected an integer from 0 to 2**64 - 1")


def _real(fill: str, raw: Raw, shape: tuple[int, ...], form: Format, degree: int) -> Array:
    unit = (raw.draw(shape) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    if fill == "positive":
        return unit
    exponents = exponents_of(fill, form, degree)
    exponent = exponents if isinstance(exponents, int) else exponents[raw.below(len(exponents))]
    return np.ldexp(2 * unit - 1, exponent)


def exponents_of(fill: str, form: Format, degree: int) -> int | range:
    """Return the power of two of every factor, or those to choose from for each."""
    if fill == "tiny":
        # Together the factors make products below half the smallest normal number.
        return (form.emin - 1) // degree
    if fill == "scaled":
        # Half of the exponent range, shared by the factors, so that few products overflow.
        reach = (form.emax + 1) // (2 * degree)
        return range(-reach, reach + 1)
    return 0


def _with_nonfinite(values: Array, raw: Raw) -> Array:
    """Put NaN or infinities at one to three places, drawn from a fixed number of raws."""
    kinds = (np.nan, np.inf, -np.inf)
    places = [(raw.below(max(values.size, 1)), kinds[raw.below(3)]) for _ in range(3)]
    for place, value in places[: 1 + raw.below(3)]:
        if values.size:
            values.flat[place] = value
    return values


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(allowed)}")

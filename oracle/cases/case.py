"""Cases: a geometry filled with numbers, named by one line of text.

A case rebuilds its arrays bit for bit on any NumPy: the numbers come from the raw output
of PCG64, which NumPy promises to keep, through exact arithmetic and one rounding to the
dtype.  Its text form, the case id, is

    v1:OPERATION:DTYPE:FILL:GEOMETRY:SEED

for instance v1:convolution:float32:integers:b1.h4.w5.i2.o1.f2x2.s1x2:7.

Fills.  Those of exact mode are random non-zero integers, so small that every partial sum
of the result is exactly representable, in whatever order it is taken (see `judge`):

    integers        all factors share the range evenly; a bias has theirs
    wide-NAME       factor NAME, or the bias, takes the whole range, the others are +-1: only so
                    is a kernel caught that narrows it inside
    sparse          as `integers`, but each is zero, of either sign, with a chance of one half:
                    only so is a kernel caught that leaves zeros out, and more with them
    small           as `integers`, but exact in the next narrower dtype (float16: in 5 bits,
                    bfloat16: in 4):
                    more than half of the significand is left to kernels that round even
                    integers, and sums in that dtype are exact (see `promises`)
    rounded         as `integers`, in a 16-bit dtype and of one layer, but so large that sums are
                    exact in float32 alone: kernels that sum there round them once (see `rounding`)
    samesign-NAME   as `integers`, but all numbers of factor NAME have one sign
    constant-NAME   as `integers`, but all numbers of factor NAME are the same
    impulses-NAME   as `integers`, but all numbers of factor NAME are zero, except two
    shifted         as `integers`, every factor multiplied by one half, or by a large or a small
                    power of two: exact, though no integers
    huge-NAME       as `integers`, factor NAME multiplied by a power of two near the largest
                    number, the others by as small ones
    subnormal-NAME  as `integers`, factor NAME multiplied by the smallest subnormal number
    normal-NAME     as `integers`, factor NAME multiplied by the smallest normal number: no sum is
                    smaller, so that kernels are exact here, too, that take subnormals for zero

The last four are as exact as the others: with q the product of the powers of two, all partial sums
are integers times q of at most 2**p q.  No q is below the smallest subnormal, nor 2**p q above the
largest number; and it is the same with the factors of any part of a product.  A bias is multiplied
by q, or zero where q is drawn.

Those of bound mode are real: `uniform` in (-1, 1); `positive` in [0, 1), where rounding
errors pile up; `scaled`, uniform with every factor multiplied by its own power of two;
`tiny`, uniform with products in the subnormal range.

The others hold NaN or infinities, or make them.  `nonfinite-NAME` is `integers` with one to three
elements of factor NAME, or of the bias, replaced by NaN or an infinity; `nonfinite-sparse` is that
with the factor that is the operation's data, and the others as in `sparse`: only so is a kernel
caught that leaves zeros out, since zero times an infinity is NaN.  `nonfinite-all` is `integers`
with one to three NaN in every factor.  `overflow`, of one-layer operations, are numbers of which
each product is larger than the largest number, those of one factor being of one sign, so that
infinities do not cancel, in whatever order they are added.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from convcheck.form.counts import most_terms
from convcheck.form.formats import DTYPES, FORMATS, HALVES, Format
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.names import one_of
from convcheck.form.operations import Operation, operation_named

from .numbers import Raw, alike, integers, pieces

VERSION = "v1"
REAL_FILLS = ("uniform", "positive", "scaled", "tiny")
ROUNDED = "rounded"
_OF_ALL = ("samesign", "constant", "impulses")
"""kinds of fill in which numbers depend on others"""
_OF_ONE_FACTOR = ("samesign", "constant", "impulses", "huge", "subnormal")
LARGEST_ARRAY = 2**28
_FORM = f"{VERSION}:OPERATION:DTYPE:FILL:GEOMETRY:SEED"


def exact_fills(operation: Operation, bias: int = 0) -> tuple[str, ...]:
    """Return the fills of exact mode, for kernels that do not round integers.

    Here and below, geometries with a bias have more.
    """
    return ("integers", *(f"wide-{name}" for name in _varied(operation, bias)))


def agreement_fills(operation: Operation, bias: int = 0) -> tuple[str, ...]:
    """Return the fills of exact and of bound mode."""
    return (*exact_fills(operation, bias), *REAL_FILLS)


def value_fills(operation: Operation) -> tuple[str, ...]:
    """Return the fills, exact as well, of numbers that kernels have paths of their own for."""
    of_one = (f"{kind}-{name}" for kind in _OF_ONE_FACTOR for name in operation.factors)
    return ("shifted", *of_one)


def is_of_values(fill: str) -> bool:
    """Return whether a fill is one of those, or of the smallest normal numbers."""
    return fill == "shifted" or fill.partition("-")[0] in (*_OF_ONE_FACTOR, "normal")


def on_normal(fill: str) -> str:
    """Return a fill with the smallest normal numbers in the place of subnormal ones."""
    return fill.replace("subnormal", "normal")


def every_value_fill(operation: Operation) -> tuple[str, ...]:
    """Return the fills of values, those on the smallest normal numbers beside all others."""
    values = value_fills(operation)
    return (*values, *(on_normal(each) for each in values if each != on_normal(each)))


def is_scaled(fill: str) -> bool:
    """Return whether a fill is of integers times powers of two."""
    return fill.startswith(("shifted", "huge", "subnormal", "normal"))


def nonfinite_fills(operation: Operation, bias: int = 0) -> tuple[str, ...]:
    """Return the fills with NaN and infinities, in the arguments or in right results."""
    of_one = (f"nonfinite-{name}" for name in _varied(operation, bias))
    overflow = ("overflow",) if operation.trilinear else ()
    return (*of_one, "nonfinite-sparse", "nonfinite-all", *overflow)


def _varied(operation: Operation, bias: int) -> tuple[str, ...]:
    """Return the arrays that have fills of their own."""
    return (*operation.factors, *["bias"] * bias)


@lru_cache
def _all_fills(operation: Operation, bias: int, dtype: str) -> tuple[str, ...]:
    exact = ["sparse", "small", *every_value_fill(operation)]
    if dtype in HALVES and operation.default_fore is None:
        exact.append(ROUNDED)
    return (*agreement_fills(operation, bias), *exact, *nonfinite_fills(operation, bias))


@lru_cache
def _mode(fill: str) -> str:
    if fill in REAL_FILLS:
        return "bound"
    return "nonfinite" if fill.startswith(("nonfinite", "overflow")) else "exact"


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
        _require_one_of("fill", self.fill, _all_fills(operation, self.geometry.bias, self.dtype))
        require_seed(self.seed)

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

    def in_dtype(self, dtype: str) -> Self:
        """Return the case in another dtype; on integers where that has no such fill."""
        fill = "integers" if self.fill == ROUNDED and dtype not in HALVES else self.fill
        return replace(self, dtype=dtype, fill=fill)

    @property
    def mode(self) -> str:
        """How a kernel is judged on it: "exact", "bound" or "nonfinite"."""
        return _mode(self.fill)

    @property
    def nonfinite(self) -> tuple[str, ...]:
        """Names of the factors with NaN and infinities."""
        operation, (kind, _, of) = operation_named(self.operation), self.fill.partition("-")
        if kind != "nonfinite":
            return ()
        return (
            tuple(operation.factors)
            if of == "all"
            else (operation.data,)
            if of == "sparse"
            else (of,)
        )

    def is_sparse(self, name: str) -> bool:
        """Return whether factor `name` is zero at about half of its elements."""
        return self.fill.endswith("sparse") and name not in self.nonfinite

    def is_absent(self, name: str) -> bool:
        """Return whether array `name` is zero: a bias, where powers of products are drawn."""
        return name == "bias" and self.fill in ("shifted", "overflow")

    def special(self, name: str) -> str:
        """Return what is special in factor `name` alone, as fills have it; "" if nothing is."""
        kind, _, of = self.fill.partition("-")
        return kind if of == name else ""

    def exponents(self, name: str) -> int | Sequence[int]:
        """Return the power of two that factor `name` is multiplied by, or those to choose from."""
        form, degree = self.format, operation_named(self.operation).multiplied(name)
        kind, special = self.fill.partition("-")[0], self.special(name)
        if kind == "tiny":
            # Together the factors make products below half the smallest normal number.
            return (form.emin - 1) // degree
        if kind == "scaled":
            # Half of the exponent range, shared by the factors, so that few products overflow.
            reach = (form.emax + 1) // (2 * degree)
            return range(-reach, reach + 1)
        if kind == "shifted":
            reach = (form.emax - form.precision) // degree
            return -reach, -1, reach
        if kind == "huge":
            # Two bits are left to kernels that split numbers into halves.
            reach = form.emax - form.precision - 2
            # Of two factors the powers cancel, so that a bias has none.
            others = -(reach // (degree - 1)) if degree > 1 else 0
            return reach if special else others
        if kind == "overflow":
            return (form.emax + 4) // 2  # of numbers that are at least one half
        least = {"subnormal": form.emin - form.precision + 1, "normal": form.emin}
        return least.get(kind, 0) if special or name == "bias" else 0

    @property
    def format(self) -> Format:
        """What numbers of its dtype are like."""
        return FORMATS[self.dtype]

    @property
    def bits(self) -> int:
        """How many bits sums of integers have, in exact mode."""
        form = FORMATS["float32"] if self.fill == ROUNDED else self.format
        return form.small if self.fill == "small" else form.precision

    @cached_property
    def largest(self) -> int | None:
        """Largest magnitude of the integers in a factor that shares the range.

        A result with n terms, each a product of d factors, has partial sums of at most
        n * largest**d, which must not exceed 2**p with p `bits`, nor where they are rounded the
        largest number.  None where not even +-1 will do.
        """
        operation = operation_named(self.operation)
        most = 2**self.bits
        if self.fill == ROUNDED:
            most = min(most, int(self.format.largest))
        room: int = most // max(1, most_terms(operation, self.geometry))
        if self.fill.startswith("wide-"):
            return room or None
        root = room if operation.degree == 1 else math.isqrt(room)
        if operation.degree == 4:
            root = math.isqrt(root)
        return min(root, 2**self.format.precision) or None

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that a kernel is handed, by name.

        Raises:
            ValueError: the integers of this fill would have an empty range, or an array, the
                result's included, more than `LARGEST_ARRAY` elements.
        """
        return {name: array.copy() for name, array in self.shared_arrays().items()}

    def shared_arrays(self) -> dict[str, Array]:
        """Return the same arrays as `arrays`, but read-only where other cases share them."""
        operation = operation_named(self.operation)
        # No array is larger than all extents multiplied, which is seldom too much.
        if math.prod(operation.extents(self.geometry).values()) > LARGEST_ARRAY:
            self._require_room(operation)
        shapes = operation.array_shapes(self.geometry)
        if self.fill in (
            "integers",
            "small",
            ROUNDED,
        ):  # all alike, so that they can be made at once
            size = sum(map(math.prod, shapes.values()))
            return pieces(alike(self.seed, self.largest_in(), self.format.dtype, size), shapes)
        raw = Raw(self.seed)
        return {
            name: self.format.array(self._fill(name, raw, shape)) for name, shape in shapes.items()
        }

    def _require_room(self, operation: Operation) -> None:
        shape = operation.largest_array(self.geometry)
        if math.prod(shape) > LARGEST_ARRAY:
            raise ValueError(
                f"geometry={self.geometry}: expected arrays of at most {LARGEST_ARRAY} "
                f"elements, not of shape {shape}"
            )

    @property
    def has_parts(self) -> bool:
        """Whether each number is made of its own raw one, whatever the others are."""
        return self.mode != "nonfinite" and not self.fill.startswith(_OF_ALL)

    def parts(self, cut: Mapping[str, tuple[slice, ...]]) -> dict[str, Array]:
        """Return a part of each array; the whole is not made, however large it is.

        Raises:
            ValueError: the fill has none, or its integers would have an empty range.
        """
        if not self.has_parts:
            raise ValueError(f"fill={self.fill!r}: expected one whose numbers are drawn one by one")
        operation, raw = operation_named(self.operation), Raw(self.seed)
        return {
            name: self.format.array(self._fill(name, raw, shape, cut[name]))
            for name, shape in operation.array_shapes(self.geometry).items()
        }

    def _fill(
        self,
        name: str,
        raw: Raw,
        shape: tuple[int, ...],
        part: tuple[slice, ...] | None = None,
    ) -> Array:
        if self.is_absent(name):
            return np.broadcast_to(0.0, shape)[part or ()].copy()
        numbers, exponents = raw.draw(shape, part), self.exponents(name)
        values = self._values(name, numbers)
        if self.fill == "overflow":
            values = (1 + values) * (0.5 - raw.below(2))
        if not isinstance(exponents, int):
            exponents = exponents[raw.below(len(exponents))]
        if exponents:
            values = np.ldexp(values, exponents)
        if name in self.nonfinite:
            _put_nonfinite(values, raw, _KINDS[:1] if self.fill == "nonfinite-all" else _KINDS)
        return values

    def _values(self, name: str, numbers: Array) -> Array:
        """Return the numbers of a factor that are made of raw ones, but for powers of two."""
        if self.fill in (*REAL_FILLS, "overflow"):
            bits = self.format.drawn
            unit = (numbers >> np.uint64(64 - bits)).astype(np.float64) * 2.0**-bits
            return unit if self.fill in ("positive", "overflow") else 2 * unit - 1
        special = self.special(name)
        if special == "constant":
            numbers = np.resize(numbers.ravel()[:1], numbers.shape)
        values = integers(numbers, self.largest_in(name))
        if self.is_sparse(name):
            values *= 1.0 - (numbers >> np.uint64(63))
        elif special == "samesign":
            values = np.abs(values) * np.sign(values.ravel()[:1].sum())
        elif special == "impulses":
            values *= numbers <= np.sort(numbers, axis=None)[:2].max(initial=0)
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


_KINDS = (np.nan, np.inf, -np.inf)


def _put_nonfinite(values: Array, raw: Raw, kinds: tuple[float, ...]) -> None:
    """Put some of `kinds` at one to three places, drawn from a fixed number of raws."""
    size = max(values.size, 1)
    places = [(raw.below(size), kinds[raw.below(len(kinds))]) for _ in range(3)]
    for place, value in places[: 1 + raw.below(3)]:
        if values.size:
            values.flat[place] = value


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: {one_of(value, allowed)}")

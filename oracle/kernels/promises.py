"""What a kernel promises of its rounding errors and of zeros, and which cases it can be judged on.

    sums       the precision in which products are made and summed, whatever the inputs'
               dtype; results are converted to that dtype once, or returned as they are
    accuracy   direct: every result is a sum of its products, in any order
               normwise: the error is small beside the norms of what is convolved, as in
               FFT and Winograd kernels (see `normwise`)
    subnormals kept, or flushed to zero, as on many accelerators, wherever they occur; in bfloat16
               they are kept only by promise, since processors' own instructions for it flush them
    promises   nonfinite others: NaN and infinity meet no zeros that the kernel inserts
               ieee zeros: a zero of the data times infinity is NaN, never left out (see `spread`)
               byte order: arrays may be in the other one
               mixed dtypes: one array may be float64 where the others are of another dtype

Without a promise of its own, a kernel promises direct sums in the inputs' dtype.

Exact mode supposes that integers leave no room for rounding.  A kernel with narrower sums,
or with normwise accuracy, rounds all the same: it is judged on the fill `small` in the
place of `integers`.  There narrower sums are exact again where they have the room.  A kernel on
16-bit numbers with sums in float32, or wider, is judged on the fill `rounded` as well.  Else
the *rounded* result must equal the oracle's, which decides where the bound is below one
half, and is "undecided" where it is not.
"""

from dataclasses import dataclass, replace

from convcheck.cases.case import ROUNDED, Case, is_scaled, on_normal
from convcheck.form.formats import DTYPES, FORMATS, HALVES
from convcheck.form.names import one_of

ACCURACIES = ("direct", "normwise")
SUBNORMALS = ("kept", "flushed")
_SUBNORMALS_OF = {"bfloat16": "flushed"}
OF_ZEROS = ("nonfinite others", "ieee zeros")
OF_ARRAYS = ("byte order", "mixed dtypes")


@dataclass(frozen=True)
class Promise:
    """What a kernel promises of its rounding errors, and of zeros."""

    sums: str | None = None
    """dtype of products and sums; None is that of the inputs"""
    accuracy: str = "direct"
    constant: float | None = None
    """of the normwise bound; None is the default of `normwise`"""
    subnormals: str | None = None
    """kept, or flushed; None is what is usual in the dtype"""
    zeros: tuple[str, ...] = ()
    """what it promises of zeros beside NaN and infinity, of `OF_ZEROS`"""
    arrays: tuple[str, ...] = ()
    """what it promises to take under the law on memory layout, of `OF_ARRAYS`"""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        if self.sums not in (None, *DTYPES):
            raise ValueError(f"sums={self.sums!r}: {one_of(self.sums, DTYPES)}")
        if self.accuracy not in ACCURACIES:
            raise ValueError(f"accuracy={self.accuracy!r}: {one_of(self.accuracy, ACCURACIES)}")
        if self.subnormals not in (None, *SUBNORMALS):
            raise ValueError(
                f"subnormals={self.subnormals!r}: {one_of(self.subnormals, SUBNORMALS)}"
            )
        for each in (*self.zeros, *self.arrays):
            if each not in (*OF_ZEROS, *OF_ARRAYS):
                said, *allowed = (e.replace(" ", "_") for e in (each, *OF_ZEROS, *OF_ARRAYS))
                raise ValueError(f"promises={said!r}: {one_of(said, allowed)}")
        if self.constant is not None and (
            self.accuracy != "normwise" or not 0 < self.constant < float("inf")
        ):
            raise ValueError(
                f"constant={self.constant!r}: expected a positive number, of normwise accuracy"
            )

    @property
    def normwise(self) -> bool:
        """Whether errors are bounded by norms alone."""
        return self.accuracy == "normwise"

    def flushes(self, dtype: str) -> bool:
        """Return whether numbers of `dtype` below the normal ones may become zero."""
        return (self.subnormals or _SUBNORMALS_OF.get(dtype)) == "flushed"

    @property
    def nonfinite_others(self) -> bool:
        """Whether it inserts no zeros that NaN or infinity could meet."""
        return OF_ZEROS[0] in self.zeros

    @property
    def ieee_zeros(self) -> bool:
        """Whether it leaves no zeros of the data out."""
        return OF_ZEROS[1] in self.zeros

    def precision(self, dtype: str) -> str:
        """Return the dtype of products and sums on inputs of `dtype`.

        It is not float64 on bfloat16, to which float64 is converted by way of float32.
        """
        sums = self.sums or dtype
        return "float32" if (sums, dtype) == ("float64", "bfloat16") else sums

    def narrows(self, dtype: str) -> bool:
        """Return whether inputs of `dtype` are converted to one that does not hold them all."""
        own, sums = FORMATS[dtype], FORMATS[self.precision(dtype)]
        return sums.precision < own.precision or sums.emax < own.emax

    def rounds_once(self, dtype: str) -> bool:
        """Return whether results of `dtype`, of 16 bits, are sums in float32 that are rounded."""
        wide = FORMATS[self.precision(dtype)].precision >= FORMATS["float32"].precision
        return wide and dtype in HALVES and not self.normwise

    def rounds(self, case: Case) -> bool:
        """Return whether there may be rounding on the integers of `case`."""
        if case.mode == "bound" or self.normwise:
            return True
        if self.sums is None:
            return False
        return FORMATS[self.sums].precision < case.bits

    def fill(self, fill: str, dtype: str) -> str:
        """Return a fill, with the smallest normal numbers where nothing is promised of smaller."""
        return on_normal(fill) if self.flushes(dtype) else fill

    def refuses(self, case: Case) -> str | None:
        """Return why a kernel that promises this is not to be judged on `case`, if so."""
        # Transforms take the smallest normal numbers apart.
        least = ("subnormal", "normal") if self.normwise else "subnormal"
        if case.fill.startswith(least) and self.flushes(case.dtype):
            who = self if self.subnormals else case.dtype
            return f"{who} promises nothing of subnormal numbers"
        if case.fill == ROUNDED and not self.rounds_once(case.dtype):
            return "it does not promise sums in float32 that are rounded once"
        if is_scaled(case.fill) and FORMATS[self.precision(case.dtype)].emax < case.format.emax:
            return f"{self} leaves no room for numbers this large or small"
        if case.mode == "bound" or case.fill == "small" or not self.rounds(case):
            return None
        if case.mode == "nonfinite":
            return f"{self} promises nothing of NaN and infinity among such numbers"
        return f"{self} leaves no room for integers this large" if case.fill != "integers" else None

    def __str__(self) -> str:
        """Return what a candidate declares, or "direct"."""
        parts = [f"sums={self.sums}"] if self.sums else []
        if self.normwise:
            constant = "" if self.constant is None else f":{self.constant:.15g}"
            parts.append(f"accuracy=normwise{constant}")
        if self.subnormals:
            parts.append(f"subnormals={self.subnormals}")
        if self.zeros or self.arrays:
            parts.append(f"promises={'+'.join((*self.zeros, *self.arrays)).replace(' ', '_')}")
        return ",".join(parts) or "direct"


DIRECT = Promise()


def suited(promise: Promise, case: Case) -> Case:
    """Return the case to judge in the place of `case`: with small integers, where needed."""
    if promise is DIRECT or case.fill != "integers" or not promise.rounds(case):
        return case
    return replace(case, fill="small")

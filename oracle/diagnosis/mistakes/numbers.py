"""Slips in the numbers themselves: signs, factors, precision, range, NaN."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from convcheck.form.formats import FORMATS
from convcheck.form.layouts import Array

from .changes import on_factors, on_result
from .form import Change, Map, Work
from .slips import Slip


def _divided(letters: str) -> Change:
    """Return the change that divides the result by extents, "s" and "t" being the strides."""

    def result(work: Work, z: Array) -> Array:
        rows, columns = work.spans()
        extents = {"P": rows.steps, "Q": columns.steps, **work.extents}
        extents |= {"s": rows.stride, "t": columns.stride}
        number = math.prod(extents[letter] for letter in letters)
        return z / number if number else np.full_like(z, np.nan)  # or nothing is divided

    return Change(result=result)


def _rectified(array: Array) -> Array:
    return np.maximum(array, 0)


_FUSED = "an activation fused into the kernel"
PRECISION = "reduced precision for speed"
_RANGE = "integer quantisation"
_FLUSH = "flush to zero; thresholds for sparsity"

# fmt: off
# A table, laid out by hand.

_SCALES = (
    Slip("negated", "the sign of the result is wrong", "the update taken for the gradient",
        on_result(np.negative)),
    Slip("doubled", "the result is twice what it should be", "terms added twice",
        on_result(lambda z: 2 * z)),
    Slip("halved", "the result is half of what it should be",
        "the derivative of a square taken wrongly", on_result(lambda z: z / 2)),
    Slip("starts-at-one", "the sum starts from one instead of zero",
        "an accumulator with the wrong initial value", on_result(lambda z: z + 1)),
    Slip("zeros", "the result is zero everywhere",
        "zeros pass 4 of 60 problems of KernelBench#165", on_result(np.zeros_like)),
    *(Slip(id_, f"the {words}", "a mean where the sum is needed", _divided(letters), quotient=True)
        for id_, words, letters in (
            ("mean-of-batch", "sum over the batch is divided by the number of its items", "b"),
            ("mean-of-taps", "result is divided by the number of filter taps", "hw"),
            ("mean-of-windows", "result is divided by the number of windows", "PQ"),
            ("mean-of-samples", "result is divided by batch and number of windows", "bPQ"),
            ("mean-of-channels-in", "result is divided by the number of channels in", "i"),
            ("mean-of-channels-out", "result is divided by the number of channels out", "o"),
            ("divided-by-stride", "result is divided by the product of the strides", "st"))),
    Slip("result-rectified", "negative results are set to zero", _FUSED, on_result(_rectified)),
    Slip("result-absolute", "results lose their sign", "abs for the sake of a norm",
        on_result(np.abs)),
    Slip("first-absolute", "{first} loses its sign", "unsigned data", on_factors(np.abs, 0)),
    Slip("first-rectified", "negative values of {first} are set to zero", _FUSED,
        on_factors(_rectified, 0)),
    Slip("second-absolute", "{second} loses its sign", "unsigned data", on_factors(np.abs, 1)),
    Slip("second-rectified", "negative values of {second} are set to zero", _FUSED,
        on_factors(_rectified, 1)),
)
# fmt: on


def _significand(bits: int, *, ties_away: bool = False) -> Map:
    """Return the map to float32 with fewer bits of significand, ties to even or away from zero."""

    def narrow(array: Array) -> Array:
        raw = np.asarray(array, np.float32).view(np.uint32)
        drop = np.uint32(24 - bits)
        half = (np.uint32(1) << (drop - np.uint32(1))) - np.uint32(1)
        rounded = raw + half + (np.uint32(1) if ties_away else (raw >> drop) & np.uint32(1))
        kept = (rounded >> drop << drop).view(np.float32)
        return np.where(np.isfinite(array), kept, array).astype(array.dtype)

    return narrow


def _cast(dtype: str) -> Map:
    return lambda array: array.astype(dtype).astype(array.dtype)


NARROWINGS: dict[str, tuple[Map, float]] = {
    "float32": (_cast("f4"), 2.0**-24),
    "float16": (_cast("f2"), 2.0**-11),
    "bfloat16": (_significand(8), 2.0**-8),
    "TF32": (_significand(11, ties_away=True), 2.0**-11),
}


def inside(narrow: Map) -> Change:
    """Return the change to arguments and result."""
    return replace(on_factors(narrow), result=on_result(narrow).result)


def _narrowed(name: str, narrow: Map, unit: float) -> Iterator[Slip]:
    for place, words, change in (
        ("first", "{first} is narrowed to", on_factors(narrow, 0)),
        ("second", "{second} is narrowed to", on_factors(narrow, 1)),
        ("arguments", "all arguments are narrowed to", on_factors(narrow)),
        ("result", "the result is narrowed to", on_result(narrow)),
        ("inside", "it computes in", inside(narrow)),
    ):
        id_, sums = f"{name.lower()}-{place}", place == "inside"
        yield Slip(id_, f"{words} {name}", PRECISION, change, unit=unit, sums=sums)


def _clipped(most: float, least: float | None = None) -> Map:
    low = -most if least is None else least
    return lambda array: np.clip(array, low, most).astype(array.dtype)


def _wrapped(dtype: str) -> Map:
    return lambda array: (
        np.nan_to_num(np.asarray(array, np.float64))
        .clip(-(2.0**62), 2.0**62)
        .astype(np.int64)
        .astype(dtype)
        .astype(array.dtype)
    )


def _flushed(below: float) -> Map:
    return lambda array: np.where(np.abs(array) < below, np.zeros_like(array), array)


def _subnormal_cleared(work: Work, z: Array) -> Array:
    least = FORMATS[np.result_type(*work.arrays.values()).name].smallest_normal
    return np.where(np.abs(z) < least, 0, z)


def _everywhere(id_: str, words: str, known: str, change: Map) -> Iterator[Slip]:
    """Yield a slip in each argument, in all, and in the result."""
    yield Slip(f"{id_}-first", f"{words} in {{first}}", known, on_factors(change, 0))
    yield Slip(f"{id_}-second", f"{words} in {{second}}", known, on_factors(change, 1))
    yield Slip(f"{id_}-all", f"{words} in all arguments", known, on_factors(change))
    yield Slip(f"{id_}-result", f"{words} in the result", known, on_result(change))


def _ranges() -> Iterator[Slip]:
    for id_, words, change in (
        ("clipped-int8", "values beyond 127 are clipped", _clipped(127)),
        ("clipped-uint8", "values are clipped to 0 ... 255", _clipped(255, 0)),
        ("clipped-int16", "values beyond 32767 are clipped", _clipped(32767)),
        ("clipped-float16", "values beyond 65504 are clipped", _clipped(65504)),
        ("wrapped-int8", "values are taken for int8, and wrap", _wrapped("i1")),
        ("wrapped-int16", "values are taken for int16, and wrap", _wrapped("i2")),
        ("truncated", "fractions are cut off", np.trunc),
    ):
        yield from _everywhere(id_, words, _RANGE, change)
    cleared = Change(result=_subnormal_cleared)
    yield Slip("flushed-subnormal-result", "subnormal results are set to zero", _FLUSH, cleared)
    for below in ("1e-3", "1e-6", "1e-8", "1e-12"):
        words = f"numbers below {below} are set to zero"
        yield from _everywhere(f"flushed-{below}", words, _FLUSH, _flushed(float(below)))


def _clearing() -> Iterator[Slip]:
    for id_, words, kept in (
        ("nan-cleared", "NaN and infinity are set to zero", np.isfinite),
        ("only-nan-cleared", "NaN is set to zero", lambda array: ~np.isnan(array)),
    ):
        for slip in _everywhere(id_, words, "numpy.nan_to_num", _kept(kept)):
            yield replace(slip, nan=True)


def _kept(holds: Map) -> Map:
    return lambda array: np.where(holds(array), array, 0).astype(array.dtype)


_EACH = (
    *_SCALES,
    *(slip for name, item in NARROWINGS.items() for slip in _narrowed(name, *item)),
    *_ranges(),
    *_clearing(),
)
NUMBERS = tuple(replace(slip, fore=False) for slip in _EACH)

"""The arrays that cases stand for."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from convcheck.cases.case import REAL_FILLS, Case, every_value_fill, exact_fills, nonfinite_fills
from convcheck.cases.numbers import integers
from convcheck.form.counts import counts
from convcheck.form.formats import DTYPES, FORMATS
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.kernels.shown.code import drawn

CONVOLUTION = OPERATIONS["convolution"]
SIGNIFICAND = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
NARROWER = {"float16": 5, "bfloat16": 4, "float32": 11, "float64": 24}


def some_cases() -> Iterator[Case]:
    """Yield cases of every operation, dtype and fill, sizes and seeds among them large."""
    raw = np.random.PCG64(3).random_raw
    for operation in OPERATIONS.values():
        bias = int("bias" in operation.parameters)
        fills = (
            *exact_fills(operation, bias),
            "small",
            "sparse",
            *every_value_fill(operation),
            *REAL_FILLS,
            *nonfinite_fills(operation, bias),
        )
        for at, (dtype, fill) in enumerate(product(DTYPES, fills)):
            b, h, w, i, o, f_h, f_w, s_h, s_w, k, t_h, t_w = (int(n) % 3 for n in raw(12))
            fore = Fore(LAYERS[at % 2], k + 1, 1 + at % 2, 1, t_h + 1, t_w + 1)
            geometry = Geometry.of(
                *(b, h + 7, w + 7, i + 1, o + 1, f_h + 1, f_w + 1, s_h + 1, s_w + 1),
                fore=fore if operation.default_fore else None,
                bias=int(bias and (at % 2 or fill.endswith("bias"))),
            )
            yield Case(operation.name, geometry, dtype, fill, int(raw()))


CASES = list(some_cases())
FILLED = [case for case in CASES if case.mode == "bound" or case.largest is not None]
"""those whose terms leave room for integers"""


def test_ids_round_trip() -> None:
    """An id is read back as its case, and written again in characters that no shell touches."""
    assert len({str(case) for case in CASES}) == len(CASES) > 200
    for case in CASES:
        assert Case.parse(str(case)) == case
        assert str(Case.parse(str(case))) == str(case)
        assert re.fullmatch(r"[A-Za-z0-9:._+-]+", str(case))


# Arrays of these cases, as they have always been: SHA-256 of their bytes, the first 16 digits.
SIZES = "b2.h4.w5.i2.o3.f2x2.s1x2"
ON_CONV = f"{SIZES}+convolution.k2.f1x2.s2x1"
ON_TRANSPOSE = f"{SIZES}+convolution_transpose.k2.f1x2.s2x1"
GOLDEN = {
    f"v1:convolution:float16:integers:{SIZES}:0": "9986d086e5e880ce",
    f"v1:convolution:float64:integers:{SIZES}:18446744073709551615": "a1ef29b71b09e9fe",
    f"v1:convolution_transpose:float32:wide-x:{SIZES}:1": "dd17f509746966b2",
    f"v1:convolution:float64:wide-ftr:{SIZES}:2": "32d5e18b0027f5cb",
    f"v1:convolution_filter_gradient:float16:wide-delta:{SIZES}:3": "32633cc68cbf9a53",
    f"v1:convolution:float16:uniform:{SIZES}:4": "1da69c3f4ab42178",
    f"v1:convolution_input_gradient:float64:uniform:{SIZES}:5": "3b62401cbee32b2c",
    f"v1:convolution:float32:positive:{SIZES}:6": "efe256d27ca1246d",
    f"v1:convolution_transpose:float16:positive:{SIZES}:7": "3b2a40599ec072a7",
    f"v1:convolution:float32:scaled:{SIZES}:8": "86ff575e9854bcb7",
    f"v1:conv_back_prop:float64:scaled:{ON_CONV}:9": "a4ee3f5d56ecb3ed",
    f"v1:convolution:float16:tiny:{SIZES}:10": "ef3f26e4356ec870",
    f"v1:conv_transpose_back_prop:float32:tiny:{ON_TRANSPOSE}:11": "b82e278d0bc52d2b",
    f"v1:convolution_transpose_input_gradient:float32:nonfinite-ftr:{SIZES}:12": "bc5dbc63085100d3",
    f"v1:conv_transpose_back_prop:float64:nonfinite-d_act:{ON_TRANSPOSE}:13": "b9ba71c8624b33ef",
    f"v1:convolution:float32:small:{SIZES}:7": "9466963529720016",
    f"v1:conv_back_prop:float32:integers:{ON_TRANSPOSE}:14": "1545396d961d6b87",
    f"v1:conv_back_prop:float64:wide-fore_w:{ON_CONV}:15": "8b29a9317ec74434",
    f"v1:convolution_transpose_filter_gradient:float64:nonfinite-x:{SIZES}:16": "c267835554ecbc6e",
    f"v1:convolution:float32:sparse:{SIZES}:17": "b08907a2b5c68a5e",
    f"v1:convolution:bfloat16:integers:{SIZES}:18": "cc15f82be8b93650",
    f"v1:convolution:bfloat16:uniform:{SIZES}:19": "ef8b07398fe14932",
    f"v1:convolution_transpose:bfloat16:tiny:{SIZES}:20": "22fce537f7450a8b",
}


@pytest.mark.parametrize("text", GOLDEN)
def test_same_bits_for_ever(text: str) -> None:
    """The arrays of a case are the same bits as when its id was first written down."""
    seen = hashlib.sha256()
    for name, array in Case.parse(text).arrays().items():
        little_endian = array.astype(array.dtype.newbyteorder("<"), order="C")
        seen.update(f"{name} {array.dtype} {array.shape} ".encode() + little_endian.tobytes())
    assert seen.hexdigest()[:16] == GOLDEN[text]


def of_fill(start: str) -> list[Case]:
    """Return the cases with numbers whose fill begins so."""
    return [case for case in FILLED if case.fill.startswith(start)]


def magnitudes(case: Case, largest: int) -> dict[str, int]:
    """Return the largest magnitude that each factor may have, as the fill defines it."""
    wide = case.fill.partition("-")[2]
    operation = OPERATIONS[case.operation]
    names = operation.array_shapes(case.geometry).keys() - {"fltrs"}
    return {name: largest if wide in ("", name) else 1 for name in names}


def summand(case: Case, largest: int) -> int:
    """Return the largest magnitude of what a result adds up: products, and a bias."""
    limits = magnitudes(case, largest)
    bias = limits.pop("bias", 0)
    return max(math.prod(limits.values()), bias)


@pytest.mark.parametrize(
    "case", [each for each in CASES if each.fill.startswith(("integers", "wide", "small"))], ids=str
)
def test_exact_fill(case: Case) -> None:
    """Integers are non-zero, and as large as exact sums allow, no larger and no smaller.

    Small ones have sums that are exact in the next narrower dtype.
    """
    terms = int(counts(OPERATIONS[case.operation], case.geometry).terms.max(initial=1))
    room = 2 ** (NARROWER if case.fill == "small" else SIGNIFICAND)[case.dtype]
    largest = case.largest or 0
    assert terms * summand(case, largest + 1) > room
    if largest == 0:
        return
    limits = magnitudes(case, largest)
    assert terms * summand(case, largest) <= room
    for name, array in case.arrays().items():
        values = [int(value) for value in array.ravel()]
        assert array.ravel().tolist() == values
        assert 0 not in values
        assert max(map(abs, values), default=0) <= limits.get(name, largest)


def test_sparse_fill() -> None:
    """About half of the numbers are zeros, of both signs; the others are as in `integers`."""
    case = Case.parse("v1:convolution:float32:sparse:b2.h9.w9.i5.o3.f3x3.s1x1:7")
    largest = case.largest or 0
    for array in case.arrays().values():
        zero = array == 0
        assert 0.3 < zero.mean() < 0.7
        assert 0.2 < np.signbit(array[zero]).mean() < 0.8
        assert (np.abs(array) <= largest).all()
        assert (array == np.rint(array)).all()
        assert np.abs(array).max() > 0.8 * largest


KINDS = ("samesign", "constant", "impulses", "huge", "subnormal", "normal")


@pytest.mark.parametrize("case", [case for kind in KINDS for case in of_fill(kind)], ids=str)
def test_fill_of_one_factor(case: Case) -> None:
    """One factor is what the name says; but for powers of two, all are integers as they were."""
    kind, _, name = case.fill.partition("-")
    arrays, form = case.arrays(), case.format
    bare = replace(case, fill="integers").arrays()
    scales = {each: np.ldexp(1.0, np.asarray(case.exponents(each))) for each in arrays}
    whole = {each: array / scales[each] for each, array in arrays.items()}
    if kind not in ("constant", "samesign", "impulses"):
        assert all(np.array_equal(whole[each], bare[each]) for each in arrays)
    array, numbers = arrays[name], np.abs(arrays[name][arrays[name] != 0])
    if not array.size:
        return
    assert {
        "samesign": len(np.unique(np.sign(array))) == 1,
        "constant": len(np.unique(array)) == 1,
        "impulses": np.count_nonzero(array) == min(2, array.size),
        "huge": numbers.min() >= form.largest * form.u / 16,
        "subnormal": numbers.max() < form.smallest_normal,
        "normal": numbers.min() >= form.smallest_normal > numbers.min() / 2**form.precision,
    }[kind]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fill", [*exact_fills(CONVOLUTION), *every_value_fill(CONVOLUTION)])
def test_partial_sums_are_exact(dtype: str, fill: str) -> None:
    """Sums of any of a result's products, in random order, are exact in the case's dtype."""
    case = Case("convolution", Geometry.of(2, 4, 3, 3, 2, 3, 2, 1, 1), dtype, fill, 11)
    x, ftr = case.arrays().values()
    order = np.argsort(np.random.PCG64(5).random_raw(ftr[..., 0].size))
    for b, p, q, o in np.ndindex(2, 2, 2, 2):
        window = x[b, p : p + 3, q : q + 2].transpose(2, 0, 1).ravel()[order]
        taps = ftr[..., o].ravel()[order]
        total, exact = np.zeros((), case.format.dtype)[()], [Fraction(0)]
        for value, tap in zip(window, taps, strict=True):
            total += value * tap
            exact.append(exact[-1] + Fraction(float(value)) * Fraction(float(tap)))
            assert (total.dtype, Fraction(float(total))) == (case.format.dtype, exact[-1])


def test_integers_are_evenly_drawn() -> None:
    """All integers of the range but zero occur, about equally often."""
    drawn = integers(np.random.PCG64(1).random_raw(6000), 3)
    values, often = np.unique(drawn, return_counts=True)
    assert values.tolist() == [-3, -2, -1, 1, 2, 3]
    assert (abs(often - 1000) < 150).all()  # five standard deviations


def test_no_room() -> None:
    """Where not even +-1 leaves room for exact sums, there is no range, and no arrays."""
    full, over = (Geometry.of(1, 1, 1, channels, 1, 1, 1, 1, 1) for channels in (2048, 2049))
    for fill in exact_fills(OPERATIONS["convolution"]):
        case = Case("convolution", full, "float16", fill, 0)
        assert case.largest == 1
        assert set(np.abs(case.arrays()["x"]).ravel().tolist()) == {1.0}
        empty = Case("convolution", over, "float16", fill, 0)
        assert empty.largest is None
        with pytest.raises(ValueError, match=f"^case id {empty}: exact mode has no range left"):
            empty.arrays()


@pytest.mark.parametrize("case", of_fill("nonfinite"), ids=str)
def test_nonfinite_fill(case: Case) -> None:
    """One to three elements of one factor are not finite; all else is `integers` or `sparse`."""
    if case.fill == "nonfinite-all":
        return
    (name,), sparse = case.nonfinite, case.fill == "nonfinite-sparse"
    assert name == (OPERATIONS[case.operation].data if sparse else case.fill[10:])
    bare, zeros = (replace(case, fill=fill).arrays() for fill in ("integers", "sparse"))
    arrays = case.arrays()
    order = list(arrays)
    for other in order[: order.index(name)]:
        assert np.array_equal(arrays[other], (zeros if sparse else bare)[other])
    finite = np.isfinite(arrays[name])
    assert np.array_equal(arrays[name][finite], bare[name][finite])
    assert (not arrays[name].size) or 1 <= np.sum(~finite) <= 3
    assert all(np.isfinite(arrays[other]).all() for other in order if other != name)


@pytest.mark.parametrize("case", of_fill("nonfinite-all"), ids=str)
def test_nan_in_every_factor(case: Case) -> None:
    """One to three elements of every factor are NaN, and there are no infinities."""
    arrays = case.arrays()
    for name in OPERATIONS[case.operation].factors:
        assert not np.isinf(arrays[name]).any()
        assert (not arrays[name].size) or 1 <= np.isnan(arrays[name]).sum() <= 3


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS.values() if each.degree > 1], ids=lambda o: o.name
)
def test_nonfinite_sparse(operation: Operation) -> None:
    """Only the data holds NaN and infinities; about half of all else is zero."""
    geometry = next(case.geometry for case in CASES if case.operation == operation.name)
    geometry = geometry.resized(batch=2, channels_in=3, channels_out=3)
    zero = size = 0
    for seed in range(20):
        arrays = Case(operation.name, geometry, "float32", "nonfinite-sparse", seed).arrays()
        data = arrays.pop(operation.data)
        assert np.isfinite(data).sum() < data.size
        assert data.all()
        for name in set(arrays) & set(operation.factors):
            assert np.isfinite(arrays[name]).all()
            zero += int((arrays[name] == 0).sum())
            size += arrays[name].size
    assert 0.4 < zero / size < 0.6


def test_nonfinite_kinds() -> None:
    """NaN and both infinities occur, and one, two and three at a time."""
    geometry = Geometry.of(1, 5, 5, 3, 1, 1, 1, 1, 1)
    seeds = range(60)
    cases = [Case("convolution", geometry, "float32", "nonfinite-x", seed) for seed in seeds]
    found = [array[~np.isfinite(array)] for array in (case.arrays()["x"] for case in cases)]
    assert {array.size for array in found} == {1, 2, 3}
    assert set(map(str, np.concatenate(found))) == {"nan", "inf", "-inf"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "fore"),
    [("convolution", None), ("conv_back_prop", Fore("convolution", 3, 2, 2, 1, 1))],
)
def test_real_fills(name: str, fore: Fore | None, dtype: str) -> None:
    """Real fills keep to the ranges that they promise, and reach their ends."""
    geometry, form = Geometry.of(2, 6, 6, 3, 3, 2, 2, 1, 1, fore), FORMATS[dtype]
    factors = OPERATIONS[name].factors

    def values(fill: str, seed: int = 1) -> list[Array]:
        arrays = Case(name, geometry, dtype, fill, seed).arrays()
        return [arrays[factor].astype(np.float64) for factor in factors]

    for array in values("uniform"):
        assert -1 <= array.min() < -0.8
        assert 0.8 < array.max() <= 1
    for array in values("positive"):
        assert 0 <= array.min() < 0.1
        assert 0.8 < array.max() <= 1
    assert 0 < _largest_product(values("tiny")) < form.smallest_normal
    scaled = [values("scaled", seed) for seed in range(40)]
    products = [_largest_product(arrays) for arrays in scaled]
    assert form.smallest_normal < min(products) < 0.125
    assert 8 < max(products) < form.largest
    exponents = [[math.frexp(np.abs(array).max())[1] for array in arrays] for arrays in scaled]
    assert len(set(map(tuple, exponents))) > 20  # each factor has a power of two of its own


def _largest_product(arrays: list[Array]) -> float:
    return math.prod(float(np.abs(array).max()) for array in arrays)


@pytest.mark.parametrize(
    "case", [each for each in FILLED if each.dtype in ("bfloat16", "float32")], ids=str
)
def test_expression(case: Case) -> None:
    """The NumPy code for an array gives that array, all drawn in their order."""
    draw = np.random.PCG64(case.seed).random_raw
    for name, array in case.arrays().items():
        code = drawn(case, name)
        flat = eval(code, {"np": np, "draw": draw}).astype(array.dtype)  # noqa: S307  (own code)
        finite = np.isfinite(array.ravel())
        assert flat.shape == (array.size,)
        assert np.array_equal(flat[finite], array.ravel()[finite])


@pytest.mark.parametrize("fill", ["integers", "wide-x", "uniform"])
def test_arrays_are_the_callers_own(fill: str) -> None:
    """Whoever writes into a case's arrays changes no other case, and not the next call's."""
    case = Case("convolution", Geometry.of(1, 2, 2, 1, 1, 1, 1, 1, 1), "float32", fill, 3)
    before = {name: array.copy() for name, array in case.arrays().items()}
    for array in case.arrays().values():
        array[...] = 0
    for name, array in case.shared_arrays().items():
        assert np.array_equal(array, before[name])
        assert array.any()


def test_parts_are_cut_from_the_whole() -> None:
    """A part of the arrays, drawn alone, has the bits of the same part of the whole."""
    steps = np.random.default_rng(1)
    large = Case.parse("v1:convolution:float32:scaled:b3.h90.w80.i30.o40.f2x1.s1x1:9")
    for case in [large, *(case for case in CASES if case.has_parts and case.largest)]:
        arrays, cut = case.arrays(), {}
        for name, array in arrays.items():
            ends = (sorted(steps.integers(0, extent + 1, 2).tolist()) for extent in array.shape)
            cut[name] = tuple(slice(first, last, int(steps.integers(1, 3))) for first, last in ends)
        for name, part in case.parts(cut).items():
            assert part.dtype == arrays[name].dtype
            assert part.tobytes() == arrays[name][cut[name]].tobytes()


def test_parts_of_what_is_too_large() -> None:
    """An id may name any size: its arrays are refused, and parts of them drawn at once."""
    case = Case.parse(
        "v1:convolution:float32:uniform:b900000000.h999999999.w99999.i1.o1.f1x1.s1x1:7"
    )
    with pytest.raises(ValueError, match="expected arrays of at most 268435456 elements"):
        case.arrays()
    end = 899_999_999, 999_999_998, 99_990
    cut = {"x": (*(slice(each, each + 1) for each in end), slice(0, 1)), "ftr": (slice(0, 1),) * 4}
    with pytest.raises(ValueError, match="fill='nonfinite-x': expected one whose numbers"):
        replace(case, fill="nonfinite-x").parts(cut)
    case = replace(case, geometry=replace(case.geometry, batch=9))
    places = (8, *end[1:])
    cut["x"] = (*(slice(each, each + 1) for each in places), slice(0, 1))
    bits = np.random.PCG64(7)
    bits.advance((8 * 999_999_999 + end[1]) * 99_999 + end[2])
    expected = 2 * (int(bits.random_raw()) >> 11) * 2.0**-53 - 1
    assert case.parts(cut)["x"].ravel().tolist() == [np.float32(expected)]

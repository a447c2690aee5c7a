"""Kernels on 16-bit numbers: right ones in several styles, and what only `rounded` catches."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from each import each_of_one_layer, each_operation
from zoo import STYLES, kernels

from convcheck.cases.case import (
    REAL_FILLS,
    ROUNDED,
    Case,
    agreement_fills,
    every_value_fill,
    nonfinite_fills,
)
from convcheck.conformance.references import laws_of, partners, reference_for
from convcheck.diagnosis.diagnose import diagnose
from convcheck.form.formats import FORMATS, HALVES
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Kernel, Operation
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.oracles import ORACLES
from convcheck.judging.verdicts import Outcome, explain
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import Function, load
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.promises import Promise
from convcheck.kernels.subjects import Subject
from convcheck.reference.parameters import convolution

SUMS = Promise(sums="float32")
SIZES = ("b2.h4.w5.i3.o2.f2x2.s1x2", "b1.h3.w3.i1.o1.f1x1.s1x1", "b1.h5.w4.i9.o1.f3x2.s2x1")
CONV2D = "convolution=torch.nn.functional:conv2d,tensors=NCHW,filters=OIHW,arrays=torch"
CONV2D += ",names=strd:stride,dtypes=bfloat16"
UP = CONV2D.replace("convolution", "convolution_transpose").replace("conv2d", "conv_transpose2d")
UP = UP.replace("OIHW", "IOHW")


def subject(kernel: Kernel, operation: Operation, promise: Promise | None = None) -> Subject:
    """Return a function as what is judged in every dtype."""
    made = Function(kernel, operation, promise)
    made.dtypes = tuple(FORMATS)
    return made


def cases(operation: Operation, dtype: str, *, rounded: bool = False) -> Iterator[Case]:
    """Yield cases of all fills, on several geometries and seeds."""
    fills = (*agreement_fills(operation), "sparse", "small", *every_value_fill(operation))
    for seed, text in enumerate(SIZES):
        geometry = Geometry.parse(text)
        if operation.default_fore:
            geometry = replace(geometry, fore=Fore("convolution", 2, 1, 1, 1, 1))
        for fill in (*fills, *nonfinite_fills(operation), *[ROUNDED] * rounded):
            yield Case(operation.name, geometry, dtype, fill, seed)


def converting(kernel: Kernel, back: Callable[[Array, Any], Array]) -> Kernel:
    """Return a kernel that computes in float32, and makes its inputs' dtype of the result."""

    def call(*arguments: Any, **keywords: Any) -> Array:
        arrays = [each for each in arguments if isinstance(each, np.ndarray)]
        wide = (
            each.astype(np.float32) if isinstance(each, np.ndarray) else each for each in arguments
        )
        with np.errstate(all="ignore"):
            return back(kernel(*wide, **keywords), arrays[0].dtype)

    return call


def truncated(z: Array, dtype: Any) -> Array:
    """Return float32 with the last bits cut off."""
    lost = np.uint32(2) ** (24 - FORMATS[dtype.name].precision) - 1
    return (z.astype(np.float32).view(np.uint32) & ~np.uint32(lost)).view(np.float32).astype(dtype)


RETURNED: dict[str, Callable[[Array, Any], Array]] = {
    "rounded once": lambda z, dtype: z.astype(dtype),
    "as it is": lambda z, _: z,
    "by way of float64": lambda z, dtype: z.astype(np.float64).astype(dtype),
}


@each_operation
def test_loops_in_bfloat16(operation: Operation) -> None:
    """Loops that multiply and add in bfloat16 are right, and obey the laws."""
    kernel = subject(reference_for(operation.name), operation)
    verdicts = judge_all(kernel, list(cases(operation, "bfloat16")))
    case = next(cases(operation, "bfloat16"))
    verdicts += [judge_law(law, kernel, case, partners()) for law in laws_of(operation.name)]
    assert not [(str(each.case), each.prop, each.reason) for each in verdicts if each.failed]
    fills = {each.case.fill for each in verdicts if each}
    assert {"integers", *REAL_FILLS[:3]} <= fills


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("way", RETURNED)
@each_of_one_layer
def test_sums_in_float32(operation: Operation, way: str, dtype: str) -> None:
    """Kernels of every style that sum in float32 and round once, or not at all, keep to it."""
    for style in STYLES.values():
        kernel = converting(kernels(style)[operation.name], RETURNED[way])
        for promise in (SUMS, Promise(sums="float64"), None):
            judged = judge_all(
                subject(kernel, operation, promise),
                list(cases(operation, dtype, rounded=promise is not None)),
            )
            assert not [(str(each.case), each.reason) for each in judged if each.failed]
            told = {each.case.fill for each in judged if each}
            assert (ROUNDED in told) is (promise is not None)


@pytest.mark.parametrize("line", [CONV2D, f"{CONV2D},sums=float32", UP])
def test_torch_in_bfloat16(line: str) -> None:
    """PyTorch's functions agree, whose instructions take subnormal numbers for zero."""
    kernel = load(line)
    for case in cases(kernel.operation, "bfloat16", rounded="sums" in line):
        verdict = judge(kernel, case)
        assert not verdict.failed, explain(verdict)
        if case.fill.startswith("subnormal"):
            assert verdict.outcome is Outcome.NOT_OFFERED
        elif case.fill in ("integers", "uniform", ROUNDED):
            assert verdict, verdict


def test_infinity_may_meet_the_zero_of_a_pair() -> None:
    """In bfloat16 NaN is as right as infinity, for who promises no more; nothing else is."""
    operation, none = OPERATIONS["convolution"], Promise(zeros=("nonfinite others",))

    def without(kept: float) -> Kernel:
        def call(x: Array, ftr: Array, strd: Any) -> Array:
            z = converting(convolution, RETURNED["rounded once"])(x, ftr, strd)
            return np.where(np.isinf(z), np.asarray(kept, z.dtype), z)

        return call

    for kept, promise, dtype, right in (
        (np.nan, None, "bfloat16", True),
        (np.nan, None, "float32", False),
        (np.nan, none, "bfloat16", False),
        (0.0, None, "bfloat16", False),
    ):
        kernel = subject(without(kept), operation, promise)
        drawn = [Case.parse(f"v1:convolution:{dtype}:nonfinite-x:{SIZES[0]}:{s}") for s in range(9)]
        assert any(each.failed for each in judge_all(kernel, drawn)) is not right


def test_subnormals_are_kept_by_promise() -> None:
    """Only who declares that he keeps subnormal numbers of bfloat16 is judged on them."""
    operation = OPERATIONS["convolution"]
    case = replace(next(cases(operation, "bfloat16")), fill="subnormal-x")
    kept = Promise(subnormals="kept")
    assert judge(subject(convolution, operation, kept), case)
    assert judge(load(f"{CONV2D},subnormals=kept"), case).failed == _flushes()
    assert judge(subject(convolution, operation), case).outcome is Outcome.NOT_OFFERED


def _flushes() -> bool:
    """Return whether PyTorch's own convolution loses subnormal numbers on this processor."""
    import torch  # noqa: PLC0415  (a second to import)

    least = torch.full((1, 1, 1, 1), 2.0**-130, dtype=torch.bfloat16)
    return not bool(torch.nn.functional.conv2d(least, torch.ones_like(least)).any())


@pytest.mark.parametrize("dtype", HALVES)
@each_of_one_layer
def test_truncation(operation: Operation, dtype: str) -> None:
    """A kernel that cuts off the last bits is caught by the rounded fill, by integers never."""
    kernel = subject(
        converting(kernels(STYLES["einsum"])[operation.name], truncated), operation, SUMS
    )
    geometry = Geometry.parse("b2.h5.w6.i4.o3.f2x3.s1x1")
    failed = {}
    for fill in ("integers", ROUNDED):
        drawn = [Case(operation.name, geometry, dtype, fill, seed) for seed in range(6)]
        failed[fill] = sum(each.failed for each in judge_all(kernel, drawn))
    assert failed["integers"] == 0
    assert failed[ROUNDED] >= (5 if operation.trilinear else 1)


@pytest.mark.parametrize("dtype", HALVES)
def test_partial_sums_that_are_rounded(dtype: str) -> None:
    """Sums in 16 bits are right without the promise, and told that it is all that they break."""
    operation = OPERATIONS["convolution"]
    case = Case("convolution", Geometry.parse("b2.h5.w6.i4.o3.f2x3.s1x1"), dtype, ROUNDED, 1)
    assert judge(subject(convolution, operation), case).outcome is Outcome.NOT_OFFERED
    verdict = judge(subject(convolution, operation, SUMS), case)
    assert verdict.failed
    lines = diagnose(verdict).lines()
    words = f"within the bound of sums in {dtype}, and not the exact sums, rounded once"
    assert lines[0] == f"  pattern  right but for its promise sums=float32: {words}"
    assert any(line.startswith("  declare  no sums=float32, if it rounds") for line in lines)
    assert "on integers whose exact sums are rounded once" in explain(verdict)


def test_another_mistake_is_not_put_down_to_the_promise() -> None:
    """A kernel that drops a tap is wrong without its promise, too."""

    def short(x: Array, ftr: Array, strd: Any) -> Array:
        ftr = ftr.copy()
        ftr[:, 0, 0] = 0
        z: Array = converting(convolution, RETURNED["rounded once"])(x, ftr, strd)
        return z

    operation = OPERATIONS["convolution"]
    case = Case("convolution", Geometry.parse("b2.h5.w6.i4.o3.f2x3.s1x1"), "bfloat16", ROUNDED, 1)
    verdict = judge(subject(short, operation, SUMS), case)
    assert verdict.failed
    assert not any("promise" in line for line in diagnose(verdict).lines())


@pytest.mark.parametrize("dtype", HALVES)
def test_bias(dtype: str) -> None:
    """A bias is added before the rounding or after it; not to a sum that was cut off."""
    operation, form = OPERATIONS["convolution"], FORMATS[dtype]

    def after(finish: Callable[[Array, Any], Array]) -> Kernel:
        def call(x: Array, ftr: Array, strd: Any, *, bias: Array) -> Array:
            z = converting(convolution, finish)(x, ftr, strd)
            return form.array(z.astype(np.float64) + bias.astype(np.float64))

        return call

    before = converting(
        lambda x, ftr, strd, bias=None: convolution(x, ftr, strd) + bias.astype(np.float32),
        RETURNED["rounded once"],
    )
    geometry = Geometry.parse("b2.h5.w6.i4.o3.f2x3.s1x1.bias")
    drawn = [Case("convolution", geometry, dtype, ROUNDED, seed) for seed in range(6)]

    def failures(kernel: Kernel) -> int:
        made = subject(kernel, operation, SUMS)
        made.takes |= {"bias"}
        verdicts = judge_all(made, drawn)
        assert all(each.failed or each for each in verdicts)
        return sum(each.failed for each in verdicts)

    assert failures(before) == failures(after(RETURNED["rounded once"])) == 0
    assert failures(after(truncated)) >= 5


def test_rounded_integers() -> None:
    """They are exact in 16 bits, their sums in float32, and no result of float16 overflows."""
    for dtype, most, room in (("float16", 2048, 65504), ("bfloat16", 256, 2**24)):
        for channels in (1, 2, 15, 16, 255, 256, 257, 5000):
            geometry = Geometry.of(1, 1, 1, channels, 1, 1, 1, 1, 1)
            case = Case("convolution", geometry, dtype, ROUNDED, 1)
            largest = case.largest or 0
            assert channels * largest**2 <= room
            assert largest <= most
            assert largest == most or channels * (largest + 1) ** 2 > room
            for array in case.arrays().values():
                assert array.dtype == case.format.dtype
                assert (np.abs(array.astype(np.float64)) <= largest).all()


@pytest.mark.parametrize(
    ("dtype", "operation"), [("float32", "convolution"), ("bfloat16", "conv_back_prop")]
)
def test_rounded_integers_are_of_16_bits_and_one_layer(dtype: str, operation: str) -> None:
    """Other dtypes, and backward kernels, have no such fill."""
    text = SIZES[0] + "+convolution.k1.f1x1.s1x1" * (operation == "conv_back_prop")
    with pytest.raises(ValueError, match="fill='rounded': expected one of integers"):
        Case(operation, Geometry.parse(text), dtype, ROUNDED, 1)


@each_operation
def test_oracles_agree_in_bfloat16(operation: Operation) -> None:
    """Each oracle computes the same of bfloat16's integers, in float64."""
    for case in cases(operation, "bfloat16"):
        if case.fill in ("integers", "wide-x", "sparse") and case.largest:
            arrays = case.arrays()
            one, *others = (each(operation, case.geometry, arrays) for each in ORACLES.values())
            assert all(np.array_equal(one, other) for other in others)


def test_results_cross_by_their_bits() -> None:
    """What a kernel in a process of its own returns comes as bfloat16, however large."""
    for text in (SIZES[0], "b5.h230.w231.i4.o4.f1x1.s1x1"):
        case = Case("convolution", Geometry.parse(text), "bfloat16", "uniform", 1)
        with Isolated(Candidate.parse(CONV2D)) as kernel:
            assert judge(kernel, case)

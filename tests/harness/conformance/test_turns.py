"""Fills take turns over geometries: what is wrong on some numbers alone is met at any size."""

from collections import Counter
from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from each import each_kind_of_layers
from zoo import STYLES, kernels

from convcheck.cases.case import exact_fills, nonfinite_fills, value_fills
from convcheck.conformance.plan.combined import TIERS, combined
from convcheck.conformance.plan.step import cases_by_turns, nonfinite_by_turns
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.sizes import covering
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Kernel, Operation
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.functions import Function, subject_of
from convcheck.kernels.promises import Promise

CONVOLUTION = OPERATIONS["convolution"]


@each_kind_of_layers
def test_every_fill_has_its_turn(operation: Operation) -> None:
    """Dtypes with room meet every fill, and integers are half of all; NaN comes besides."""
    sizes, *_ = TIERS["quick"]
    geometries = covering(operation, LAYERS if operation.default_fore else (), sizes)
    subject, firsts, special = reference_for(operation.name), Counter[Any](), set()
    for turn, geometry in enumerate(geometries):
        first, *others = cases_by_turns(subject, geometry, turn)
        assert {each.fill for each in others} <= {"integers"}
        firsts[first.dtype, first.fill] += 1
        special |= {each.fill for each in nonfinite_by_turns(subject, geometry, turn)}
    fills = *exact_fills(operation), "uniform"
    assert set(product(("float32", "float64"), fills)) <= set(firsts)
    assert {*value_fills(operation)} & {fill for _, fill in firsts}
    integers = sum(count for (_, fill), count in firsts.items() if fill == "integers")
    assert 0.4 < integers / len(geometries) < 0.75
    assert special == {*nonfinite_fills(operation)}


def on_sizes(kernel: Kernel) -> list[Verdict]:
    """Return the verdicts on the sizes that the quick plan combines."""
    subject = subject_of(kernel, CONVOLUTION)
    steps = combined(CONVOLUTION, TIERS["quick"])
    return [v for step in steps for each in step.judge(subject) for v in each.verdicts]


def _flushing(below: float, taken: type) -> Kernel:
    """Return a kernel that takes and returns zero for numbers of a dtype below a limit."""

    def flushed(array: Any) -> Any:
        return (
            np.where(abs(array) < below, 0, array).astype(taken) if array.dtype == taken else array
        )

    def call(x: Any, ftr: Any, strd: Any) -> Any:
        right = kernels(STYLES["fused"])["convolution"]
        return flushed(right(flushed(x), flushed(ftr), strd))

    return call


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
@pytest.mark.parametrize(("below", "right"), [(2.0**-126, True), (2.0**-120, False)])
def test_numbers_that_are_normal_are_not_to_be_flushed(
    dtype: type, below: float, *, right: bool
) -> None:
    """Who may take subnormal numbers for zero is judged on the smallest normal ones instead."""
    subject = Function(_flushing(below, dtype), CONVOLUTION, Promise(subnormals="flushed"))
    subject.dtypes = (np.dtype(dtype).name,)
    steps = combined(CONVOLUTION, TIERS["quick"])
    judged = [v for step in steps for each in step.judge(subject) for v in each.verdicts]
    wrong = {each.case.fill for each in judged if each.failed}
    assert wrong <= {"shifted", "normal-x", "normal-ftr"}
    assert (not wrong) is right


def _narrowed(x: Any, ftr: Any, strd: Any) -> Any:
    """Drop 13 bits of float32 inputs, as TF32 does, from 64 channels on."""
    if x.dtype == np.float32 and x.shape[3] >= 64:
        x, ftr = ((each.view("u4") & np.uint32(0xFFFFE000)).view("f4") for each in (x, ftr))
    return kernels(STYLES["fused"])["convolution"](x, ftr, strd)


def _infinity_lost(x: Any, ftr: Any, strd: Any) -> Any:
    """Make NaN of infinities where there are 16 channels in and out."""
    z = kernels(STYLES["fused"])["convolution"](x, ftr, strd)
    return np.where(np.isinf(z) & (min(ftr.shape[0], ftr.shape[3]) >= 16), np.nan, z)


@pytest.mark.parametrize("kernel", [_narrowed, _infinity_lost])
def test_numbers_at_sizes(kernel: Kernel) -> None:
    """What is wrong on some numbers at some sizes alone is met on the sizes of the quick plan."""
    assert any(each.failed for each in on_sizes(kernel))


@pytest.mark.parametrize("style", STYLES)
def test_right_kernels_agree(style: str) -> None:
    """No turn rejects a right kernel."""
    found = on_sizes(kernels(STYLES[style])["convolution"])
    assert not [str(each.case) for each in found if each.failed]

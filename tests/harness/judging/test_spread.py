"""Where NaN and infinity may go is what the form's terms say, one by one."""

import math
from typing import Any

import numpy as np
import pytest
from arithmetic import terms
from each import ONE_LAYER, drawing, drawn, each, each_of_one_layer, each_operation
from hypothesis import strategies as st
from zeros import OF_ZEROS as STYLES

from convcheck.cases.case import Case, nonfinite_fills
from convcheck.conformance.plan.step import judge_fills
from convcheck.conformance.references import reference_for
from convcheck.form.formats import USUAL
from convcheck.form.geometry import Geometry
from convcheck.form.layers import FILTER
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging import spread
from convcheck.kernels.promises import OF_ZEROS, Promise
from convcheck.reference import notebook

BOTH = Promise(zeros=OF_ZEROS)
each_of_trilinear = each(operation for operation in ONE_LAYER if operation.trilinear)


def by_terms(case: Case, arrays: Any) -> tuple[Any, Any, Any]:
    """Return values, and where zeros of the data and inserted ones may make NaN."""
    operation, geometry = OPERATIONS[case.operation], case.geometry
    shape = operation.shape(geometry, operation.result)
    values, zeros, unmet = np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, int)
    for bad in {*case.nonfinite} & {*operation.factors}:
        for at in np.argwhere(~np.isfinite(arrays[bad])):
            number = channels(operation, geometry, operation.factors[bad], at)
            for place in np.ndindex(shape):
                own = channels(operation, geometry, operation.result, place)
                unmet[place] += all(own.get(axis, n) == n for axis, n in number.items())
    factors = [arrays[name].astype(float) for name in operation.factors]
    for result, places in terms(case.operation, geometry).items():
        for indices in places:
            numbers = [each[i] for each, i in zip(factors, indices, strict=True)]
            finite = np.isfinite(numbers).all()
            unmet[result] -= len(numbers) - int(np.isfinite(numbers).sum())
            if not finite and 0 in numbers:
                zeros[result] = True
            else:
                with np.errstate(invalid="ignore"):
                    values[result] += math.prod(numbers)
    with np.errstate(invalid="ignore"):
        return values + arrays.get("bias", 0), zeros, unmet > 0


def channels(operation: Operation, g: Geometry, axes: str, at: Any) -> dict[str, int]:
    """Return batch item and channels, counted through all groups, of a place in an array.

    A filter's place has both channels; those of several groups meet in no dense filter either.
    """
    found = {axis: int(n) for axis, n in zip(axes, at, strict=True) if axis in "bio"}
    if axes == FILTER:
        within = operation.layer.within
        own, other = (g.channels_in, g.channels_out)[:: 1 if within == "i" else -1]
        group = found["o" if within == "i" else "i"] // (other // g.groups)
        found[within] += group * (own // g.groups)
    return found


@each_of_one_layer
@drawing(25)
def test_classes_are_those_of_the_terms(operation: Operation, data: st.DataObject) -> None:
    """Certain values, possible NaN, and from which zeros: as found term by term."""
    geometry, seed = drawn(data, operation)
    for fill in set(nonfinite_fills(operation, geometry.bias)) - {"overflow"}:
        case = Case(operation.name, geometry, "float32", fill, seed)
        arrays = case.arrays()
        found = spread.spread(case, arrays)
        values, zeros, inserted = by_terms(case, arrays)
        np.testing.assert_array_equal(found.values, values)
        np.testing.assert_array_equal(found.zeros, zeros)
        np.testing.assert_array_equal(found.inserted, inserted)
        assert not found.open.any()


@each_operation
@drawing(10)
def test_what_is_right_and_what_is_not(operation: Operation, data: st.DataObject) -> None:
    """The reference holds its promises; numbers for NaN, and NaN elsewhere, are wrong."""
    geometry, seed = drawn(data, operation)
    kernel = reference_for(operation.name)
    for fill in nonfinite_fills(operation, geometry.bias):
        case = Case(operation.name, geometry, "float64", fill, seed)
        positional, keywords = operation.arguments(geometry, arrays := case.arrays())
        with np.errstate(all="ignore"):
            z = kernel(*positional, **keywords)
        for promise in (Promise(), kernel.promise):
            found = spread.spread(case, arrays, promise)
            assert not found.wrong(z).any()
            np.testing.assert_array_equal(
                found.wrong(np.full(z.shape, np.nan)),
                ~(np.isnan(found.values) | found.possible),
            )
            cleared = np.where(np.isfinite(z), z, 0)
            certain = ~np.isfinite(found.values)
            assert found.wrong(cleared)[certain].all()
            assert found.wrong(z + 1)[np.isfinite(z)].all()


@each_of_trilinear
@pytest.mark.parametrize("dtype", USUAL)
def test_overflow(operation: Operation, dtype: str) -> None:
    """Infinities are right, and finite numbers of a wider dtype; the largest number is not."""
    geometry = Geometry.parse("b2.h4.w5.i2.o3.f2x2.s1x3")
    kernel = reference_for(operation.name)
    for seed in range(4):
        case = Case(operation.name, geometry, dtype, "overflow", seed)
        arrays = case.arrays()
        (a, b), largest = arrays.values(), np.finfo(dtype).max
        smallest = np.abs(a).min().astype("g") * np.abs(b).min().astype("g")
        assert smallest > largest
        found = spread.spread(case, arrays)
        positional, _ = operation.arguments(geometry, arrays)
        with np.errstate(all="ignore"):
            z = kernel(*positional)
        reached = z != 0
        assert reached.any()
        assert np.isinf(z[reached]).all()
        assert not found.wrong(z).any()
        for wrong in (np.clip(z, -largest, largest), np.where(reached, np.nan, z), -z):
            assert found.wrong(wrong)[reached].all()
        if dtype != "float64":
            right = operation.oracle(geometry, arrays)
            assert not found.wrong(right).any()
            assert found.wrong(right * 1.1)[reached].all()


def test_the_reference_is_judged_by_its_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the specification, a right kernel that skips zeros fails."""
    operation, geometry = OPERATIONS["convolution"], Geometry.parse("b1.h4.w4.i1.o2.f2x2.s1x1")
    for changes in (False, True):
        if changes:
            monkeypatch.setattr(notebook, "convolution", STYLES["skipping zeros"].narrow)
        verdicts = judge_fills(
            reference_for("convolution"), nonfinite_fills(operation), geometry, 5
        )
        assert any(verdict.failed for verdict in verdicts) is changes


def case_of(operation: str, geometry: str) -> Case:
    """Return a case in float64."""
    return Case.parse(f"v1:{operation}:float64:integers:{geometry}:1")


@pytest.mark.parametrize(
    ("operation", "name", "axis"),
    [
        ("conv_back_prop", "x", "i"),
        ("conv_back_prop", "d_act", "o"),
        ("conv_back_prop", "fore_w", "o"),
        ("conv_transpose_back_prop", "fore_w", "o"),
    ],
)
def test_no_further_than_its_batch_item_or_channel(operation: str, name: str, axis: str) -> None:
    """Through two layers too a number reaches only results that share its channel axes."""
    fore = "convolution.k2.f1x2.s1x1"
    case = case_of(operation, f"b3.h4.w4.i3.o3.f2x2.s1x2+{fore}")
    entry = OPERATIONS[operation]
    arrays = case.arrays()
    arrays[name][tuple(int(axis == each) for each in entry.factors[name])] = np.inf
    found = spread.spread(case, arrays)
    reached = np.moveaxis(found.possible | ~np.isfinite(found.values), entry.result.index(axis), 0)
    assert reached[1].any()
    assert not reached[[0, 2]].any()


def test_zeros_that_layer_l1_never_read_are_open() -> None:
    """Infinity where dL/da was filled in with zeros makes NaN, or nothing, whatever is promised."""
    case = case_of("conv_back_prop", "b1.h1.w4.i1.o1.f1x1.s1x1+convolution.k1.f1x3.s1x3")
    for name in ("d_act", "x"):
        arrays = case.arrays()
        arrays[name][0, 0, 3] = np.inf
        found = spread.spread(case, arrays, BOTH)
        assert np.isfinite(found.values).all()
        assert found.possible.all()


def test_signs_of_infinity() -> None:
    """One sign of infinity stays, two make NaN, and a product with zero leaves both open."""
    case = case_of("convolution", "b1.h1.w3.i1.o1.f1x3.s1x1")
    ftr = np.array([1.0, -1.0, 0.0]).reshape(1, 1, 3, 1)
    for x, value, possible in (
        ([np.inf, 1, 1], np.inf, False),
        ([1, np.inf, 1], -np.inf, False),
        ([np.inf, -np.inf, 1], np.inf, False),
        ([np.inf, np.inf, 1], np.nan, False),
        ([np.nan, np.inf, 1], np.nan, False),
        ([np.inf, 1, np.inf], np.inf, True),
        ([2, 1, np.nan], 1, True),
    ):
        arrays = {"x": np.array(x, float).reshape(1, 1, 3, 1), "ftr": ftr}
        found = spread.spread(case, arrays)
        np.testing.assert_array_equal(found.values.ravel(), [value])
        assert found.possible.ravel().tolist() == [possible]

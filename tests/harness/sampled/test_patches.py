"""Results on receptive fields are those on the whole, and wrong ones are found there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from each import each_of_one_layer

from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.cases.taken import Taken
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.parameters import covering, special
from convcheck.conformance.shapes.patches import patch
from convcheck.conformance.shapes.sampled import judge_sampled
from convcheck.form.formats import USUAL
from convcheck.form.geometry import PARAMETERS, Geometry
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.verdicts import Outcome, explain
from convcheck.kernels.arguments.arrangements import ARRANGEMENTS, DIRECTIONS, GAPS, ORDERS
from convcheck.kernels.shown.code import snippet

WHOLE = "b1.h9.w8.i3.o4.f3x2.s2x3"


def case_of(operation: str, geometry: str = WHOLE, **changed: Any) -> Case:
    """Return a case: integers in float32, unless something is changed."""
    asked: dict[str, Any] = {"dtype": "float32", "fill": "integers", "seed": 1} | changed
    return Case(operation, Geometry.parse(geometry), **asked)


@each_of_one_layer
def test_patches_have_the_bits_of_the_whole(operation: Operation) -> None:
    """A literal kernel gives every result on its patch, a view, to the bit."""
    kernel = reference_for(operation.name)
    arrangements: list[Callable[[Any], Any]] = [
        np.copy,
        *(ARRANGEMENTS[kind] for kind in (*ORDERS, *DIRECTIONS, *GAPS)),
    ]
    small = [geometry for _, geometry, _ in Region(operation.name, 5, dtypes=USUAL).geometries()]
    for turn, geometry in enumerate(small[:: len(small) // 24]):
        case = Case(operation.name, geometry, USUAL[turn % 3], "uniform", turn)
        arrange = arrangements[turn % len(arrangements)]
        arrays = {name: arrange(array) for name, array in case.arrays().items()}
        positional, _ = operation.arguments(geometry, arrays)
        whole = kernel(*positional)
        for index in np.ndindex(whole.shape):
            part = patch(operation, geometry, index)
            if part is None:
                assert whole[index] == 0
                continue
            views = part.of(arrays)
            assert all(np.shares_memory(views[name], arrays[name]) for name in views)
            positional, _ = operation.arguments(part.geometry, views)
            alone = kernel(*positional)
            assert alone[part.index].tobytes() == whole[index].tobytes()


@each_of_one_layer
@pytest.mark.parametrize("symmetric", [False, True])
def test_patches_with_parameters(operation: Operation, symmetric: bool) -> None:  # noqa: FBT001
    """Results with padding, dilation, groups and bias are those on their patches, drawn alone."""
    taken = Taken(tuple(PARAMETERS), symmetric)
    several = [geometry for _, geometry in special(operation, taken)]
    several += (
        [*covering(operation, taken)][::20] if operation.parameters else [Geometry.parse(WHOLE)]
    )
    few = np.random.default_rng(len(several))
    for geometry in dict.fromkeys(map(operation.taking, several)):
        case = Case(operation.name, geometry, "float64", "integers", seed=1)
        arrays = case.arrays()
        whole = operation.oracle(geometry, arrays)
        for turn in range(8):
            index = tuple(int(few.integers(extent)) for extent in whole.shape)
            part = patch(operation, geometry, index, 1 + 2 * (turn % 2), symmetric=symmetric)
            if part is None:
                assert whole[index] == (arrays["bias"][index[-1]] if geometry.bias else 0)
                continue
            assert not symmetric or all(one == other for one, other in part.geometry.padding)
            alone = operation.oracle(part.geometry, case.parts(part.part))
            assert alone[part.index] == whole[index]


@each_of_one_layer
@pytest.mark.parametrize("fill", ["integers", "uniform"])
def test_right_kernels_agree(operation: Operation, fill: str) -> None:
    """A right kernel agrees on a sample, and the verdict is about the whole case."""
    case = case_of(operation.name, fill=fill)
    verdict = judge_sampled(reference_for(operation.name), case, 10)
    assert verdict.outcome is Outcome.AGREES
    assert verdict.case == case
    assert (verdict.error is not None) == (fill == "uniform")


def wrong(kind: str, operation: Operation) -> Callable[..., Any]:
    """Return a kernel with a fault of this kind."""
    right = reference_for(operation.name)

    def kernel(*arguments: Any) -> Any:
        if kind == "raises":
            raise IndexError("out of range")
        if kind == "writes":
            arguments[0][...] = 0
            return right(*arguments)
        if kind == "first row":
            first = arguments[0].copy()
            first[:, 0] = 0
            return right(first, *arguments[1:])
        z = right(*arguments)
        z[..., -1] += 1  # of several channels, or of the one there is
        return z

    return kernel


@each_of_one_layer
@pytest.mark.parametrize("kind", ["raises", "writes", "first row", "last channel"])
def test_wrong_kernels_are_found(operation: Operation, kind: str) -> None:
    """A fault shows on the receptive fields, and its verdict can be told."""
    if kind == "flips" and operation.degree == 1:
        pytest.skip("a sum is the same in any order")
    verdict = judge_sampled(wrong(kind, operation), case_of(operation.name), 100)
    expected = Outcome.MISBEHAVED if kind in ("raises", "writes") else Outcome.DISAGREES
    assert verdict.outcome is expected
    assert operation.name in explain(verdict)


def test_all_results_are_judged_where_they_are_few() -> None:
    """With as many outputs as there are, a fault in any single one is found."""
    case = case_of("convolution", "b1.h3.w4.i1.o2.f2x2.s1x1", dtype="float64", seed=2)
    arrays = case.arrays()
    for row, column, channel in np.ndindex(2, 3, 2):
        window = arrays["x"][:, row : row + 2, column : column + 2]
        ftr = arrays["ftr"][..., channel : channel + 1]

        def kernel(x: Any, f: Any, strd: Any, window: Any = window, ftr: Any = ftr) -> Any:
            z = reference_for("convolution")(x, f, strd)
            return z + (np.array_equal(x, window) and np.array_equal(f, ftr))

        assert judge_sampled(kernel, case, 12).outcome is Outcome.DISAGREES


def test_snippet_cuts_the_patch_from_the_whole() -> None:
    """Where a patch is too long to print, the snippet draws the whole and cuts the same part."""
    kernel = wrong("last channel", OPERATIONS["convolution"])
    for fill in ("integers", "uniform"):
        case = case_of("convolution", "b1.h8.w9.i200.o3.f3x3.s2x1", fill=fill, seed=5)
        evidence = judge_sampled(kernel, case).evidence
        assert evidence is not None
        lines = snippet(reference_for("convolution"), evidence)
        scope: dict[str, Any] = {}
        exec("\n".join(lines[:-1]), scope)  # noqa: S102  (that it can be run is the point)
        for name, array in evidence.arrays.items():
            assert np.array_equal(scope[name], array)
        assert len(lines) <= 10


def test_too_many_terms_are_not_applicable() -> None:
    """Where the whole leaves no integers in a dtype, its patches are not judged exactly."""
    case = case_of("convolution", "b1.h1.w1.i2049.o1.f1x1.s1x1", dtype="float16")
    assert judge_sampled(reference_for("convolution"), case).outcome is Outcome.NOT_APPLICABLE


def test_bad_cases_are_refused() -> None:
    """Two layers, and NaN, are refused by name."""
    kernel = reference_for("convolution")
    with pytest.raises(ValueError, match="fill='nonfinite-x'"):
        judge_sampled(kernel, case_of("convolution", fill="nonfinite-x"))
    with pytest.raises(ValueError, match="operation='conv_back_prop'"):
        judge_sampled(kernel, case_of("conv_back_prop", f"{WHOLE}+convolution.k1.f1x1.s1x1"))

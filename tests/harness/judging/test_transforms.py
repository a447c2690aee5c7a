"""Kernels by transforms are accepted for what they promise, and wrong ones rejected."""

from collections import Counter
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from each import each_operation
from transforms import Length, Normwise, fft_kernels, power_of_two, winograd, winograd_of_four
from zoo import STYLES

from convcheck.campaigns.certificates import certify
from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.conformance.plan.boundaries import boundaries
from convcheck.conformance.plan.drawn import DrawnLaws
from convcheck.conformance.shapes.sampled import judge_sampled
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import DECIDED, Outcome
from convcheck.kernels.functions import subject_of

DTYPES = ("float32", "float64")
CONVOLUTION = OPERATIONS["convolution"]
FFT = fft_kernels()["convolution"]
convolve = STYLES["einsum"].narrow
GEOMETRY = Geometry.parse("b2.h7.w6.i3.o2.f3x3.s1x1")


def accepted(kernel: Any, operation: Operation, every: int = 1) -> None:
    """Judge a kernel on boundary classes and by the laws, and see that most of it is decided."""
    subject = subject_of(kernel, operation)
    steps = [*boundaries(operation)][::every]
    seen: Counter[Outcome] = Counter()
    for step in (*steps, DrawnLaws(operation, 4, 1)):
        for judged in step.judge(subject):
            failed = [(str(v.case), v.prop, v.reason) for v in judged.verdicts if v.failed]
            assert not failed
            seen.update(v.outcome for v in judged.verdicts if v.case.dtype in DTYPES)
    offered = seen.total() - seen[Outcome.NOT_OFFERED]
    assert sum(seen[outcome] for outcome in DECIDED) > offered / 2


@pytest.mark.parametrize("length", [power_of_two, lambda n: n], ids=["power of two", "any"])
@each_operation
def test_fft_is_accepted(operation: Operation, length: Length) -> None:
    """FFT kernels for all operations keep normwise accuracy: lengths are powers of two, or any."""
    every = 1 if operation.default_fore is None else 8
    accepted(fft_kernels(length)[operation.name], operation, every)


def test_winograd_is_accepted() -> None:
    """Winograd's F(2 x 2, 3 x 3) keeps it too, and a law that rounding breaks holds rounded."""
    kernel = Normwise(winograd)
    accepted(kernel, CONVOLUTION)
    fills = ("integers", "uniform", "positive", "scaled")
    for dtype, seed in product(DTYPES, range(10)):
        cases = [Case("convolution", GEOMETRY, dtype, fill, seed) for fill in fills]
        assert not any(verdict.failed for verdict in judge_all(kernel, cases))


@pytest.mark.parametrize("dtype", DTYPES)
def test_larger_tiles_are_accepted_with_a_constant_of_their_own(dtype: str) -> None:
    """So is F(4 x 4, 3 x 3), on subnormal numbers, too, whose errors its way back multiplies."""
    kernel = Normwise(winograd_of_four, constant=50)
    geometries = map(Geometry.parse, ("b2.h8.w8.i2.o2.f3x3.s1x1", "b1.h6.w9.i1.o3.f3x3.s1x1"))
    fills = ("integers", "uniform", "scaled", "tiny", "subnormal-x", "subnormal-ftr")
    for geometry, fill, seed in product(geometries, fills, range(8)):
        verdict = judge(kernel, Case("convolution", geometry, dtype, fill, seed))
        assert not verdict.failed, str(verdict.case)


def test_without_the_promise_they_are_rejected() -> None:
    """The same kernels, as direct ones, are wrong: their errors exceed the direct bound."""
    case = Case("convolution", GEOMETRY, "float32", "integers", 1)
    assert judge(FFT.function, case).failed


def test_certified() -> None:
    """A certificate states its region, and the chance with as many integers as were drawn."""
    region = Region("convolution", 3, dtypes=("float32",), full_to=1)
    certificate = certify(FFT, region)
    assert certificate.complete
    small = Case("convolution", Geometry.of(2, 3, 3, 3, 3, 3, 3, 1, 1), "float32", "small", 0)
    choices = 2 * (small.largest or 0)
    assert certificate.chance("float32") == 2 / choices
    assert "degree 2 with integer coefficients" in " ".join(str(certificate).split())


def test_declines_nan() -> None:
    """Transforms spread NaN over all results: nothing of that is offered, nor called agreement."""
    case = Case("convolution", GEOMETRY, "float64", "nonfinite-x", 1)
    assert judge(FFT, case).outcome is Outcome.NOT_OFFERED


def test_too_little_room_is_undecided() -> None:
    """Where rounding may be one half, exact mode decides nothing for right kernels or wrong."""
    case = Case("convolution", Geometry.parse("b1.h33.w33.i1.o1.f2x2.s1x1"), "float16", "small", 1)
    for kernel in (FFT, Normwise(lambda x, f, s: 0 * convolve(x, f, s))):
        assert judge(kernel, case).outcome is Outcome.UNDECIDED


def test_sampled_results_are_judged_by_their_promise() -> None:
    """The receptive fields of large layers are judged by the same promise."""
    geometry = Geometry.parse("b1.h20.w20.i2.o2.f3x3.s1x1")
    for fill in ("uniform", "integers"):
        case = Case("convolution", geometry, "float32", fill, 1)
        assert judge_sampled(FFT, case, 8).outcome is Outcome.AGREES
        assert judge_sampled(Normwise(WRONG["flipped"]), case, 8).failed


def half_transforms(x: Any, ftr: Any, strd: Any) -> Any:
    """Keep the transform of the input in float16, and do the rest right."""
    exact = np.fft.fft2(x, axes=(1, 2))
    kept = exact.real.astype(np.float16).astype(float) + 1j * exact.imag.astype(np.float16)
    return convolve(np.fft.ifft2(kept, axes=(1, 2)).real.astype(x.dtype), ftr, strd)


WRONG: dict[str, Callable[..., Any]] = {
    # As the product of transforms would have it.
    "flipped": lambda x, ftr, strd: FFT(x, ftr[:, ::-1, ::-1], strd),
    "a point too few": fft_kernels(lambda n: max(n - 1, 1))["convolution"].function,
    "half transforms": half_transforms,
    "narrowed": lambda x, ftr, strd: convolve(x.astype(np.float16).astype(x.dtype), ftr, strd),
    # Winograd with one filter element transformed by 0.49 instead of one half.
    "rounded G": lambda x, ftr, strd: winograd(
        x, ftr * np.where(np.arange(9).reshape(1, 3, 3, 1) == 4, 0.99, 1), strd
    ),
}


@pytest.mark.parametrize("kernel", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("dtype", DTYPES)
def test_faults_are_found(kernel: Callable[..., Any], dtype: str) -> None:
    """Wrong kernels by transforms are rejected within the wider bound, on every seed."""
    for seed in range(5):
        cases = [Case("convolution", GEOMETRY, dtype, f, seed) for f in ("integers", "uniform")]
        assert any(verdict.failed for verdict in judge_all(Normwise(kernel), cases))

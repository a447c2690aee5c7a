"""Kernels by transforms are accepted for what they promise, and wrong ones rejected."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from transforms import Normwise, fft_kernels, winograd
from zoo import STYLES

from convcheck.cases.case import Case, agreement_fills
from convcheck.cases.regions import Region
from convcheck.conformance.references import laws_of, partners
from convcheck.conformance.shapes.boundaries import boundary_geometries, reachable
from convcheck.conformance.shapes.patches import judge_sampled
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.certificates import certify
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict

DTYPES = ("float32", "float64")
GEOMETRY = Geometry.parse("b2.h7.w6.i3.o2.f3x3.s1x1")


def verdicts(name: str, kernel: Any, seeds: range) -> Iterator[Verdict]:
    """Judge a kernel on every boundary class, and by all laws on some."""
    operation = OPERATIONS[name]
    step = 1 if operation.default_fore is None else 5
    for at, each in enumerate(reachable(operation)[::step]):
        for geometry in boundary_geometries(operation, each):
            fills = agreement_fills(operation)
            yield from judge_all(
                kernel,
                [Case(name, geometry, d, f, s) for d in DTYPES for f in fills for s in seeds],
            )
            if at % 4 == 0:
                case = Case(name, geometry, "float64", "integers", seeds[0])
                for law in laws_of(name):
                    if law in LAWS_OF_VALUES:
                        yield judge_law(law, kernel, case, partners())


LAWS_OF_VALUES = ("linearity", "splitting", "translation", "impulse", "subsampling", "adjointness")


@pytest.mark.parametrize("name", OPERATIONS)
def test_fft_is_accepted(name: str) -> None:
    """FFT kernels for all operations keep normwise accuracy: lengths are powers of two, or any."""
    for length in (None, lambda n: n):
        kernel = (fft_kernels(length) if length else fft_kernels())[name]
        found = list(verdicts(name, kernel, range(1)))
        failed = [(str(v.case), v.prop, v.reason) for v in found if v.failed]
        assert not failed
        assert sum(v.outcome in DECIDED for v in found) > len(found) / 2


def test_winograd_is_accepted() -> None:
    """Winograd's F(2 x 2, 3 x 3) keeps it too, and a law that rounding breaks holds rounded."""
    kernel = Normwise(winograd)
    found = list(verdicts("convolution", kernel, range(2)))
    fills = ("integers", "uniform", "positive", "scaled")
    for dtype, seed in product(DTYPES, range(10)):
        found += judge_all(kernel, [Case("convolution", GEOMETRY, dtype, f, seed) for f in fills])
    assert not [(str(v.case), v.prop, v.reason) for v in found if v.failed]


def test_without_the_promise_they_are_rejected() -> None:
    """The same kernels, as direct ones, are wrong: their errors exceed the direct bound."""
    case = Case("convolution", GEOMETRY, "float32", "integers", 1)
    assert judge(fft_kernels()["convolution"].function, case).failed


def test_certified() -> None:
    """A certificate states its region, and the chance with as many integers as were drawn."""
    region = Region("convolution", 3, dtypes=("float32",), full_to=1)
    certificate = certify(fft_kernels()["convolution"], region)
    assert certificate.complete
    small = Case("convolution", Geometry.of(2, 3, 3, 3, 3, 3, 3, 1, 1), "float32", "small", 0)
    choices = 2 * (small.largest or 0)
    assert certificate.chance("float32") == 2 / choices
    assert "degree 2 with integer coefficients" in " ".join(str(certificate).split())


def test_declines_nan() -> None:
    """Transforms spread NaN over all results: nothing of that is offered, nor called agreement."""
    case = Case("convolution", GEOMETRY, "float64", "nonfinite-x", 1)
    assert judge(fft_kernels()["convolution"], case).outcome is Outcome.NOT_OFFERED


def test_too_little_room_is_undecided() -> None:
    """Where rounding may be one half, exact mode decides nothing for right kernels or wrong."""
    case = Case("convolution", Geometry.parse("b1.h33.w33.i1.o1.f2x2.s1x1"), "float16", "small", 1)
    for kernel in (fft_kernels()["convolution"], Normwise(lambda x, f, s: 0 * convolve(x, f, s))):
        assert judge(kernel, case).outcome is Outcome.UNDECIDED


def test_sampled_results_are_judged_by_their_promise() -> None:
    """The receptive fields of large layers are judged by the same promise."""
    case = Case(
        "convolution", Geometry.parse("b1.h20.w20.i2.o2.f3x3.s1x1"), "float32", "uniform", 1
    )
    for fill in ("uniform", "integers"):
        right, wrong = fft_kernels()["convolution"], Normwise(flipped)
        assert judge_sampled(right, replace(case, fill=fill), 8).outcome is Outcome.AGREES
        assert judge_sampled(wrong, replace(case, fill=fill), 8).failed


convolve = STYLES["einsum"].narrow


def _by_fft(x: Any, ftr: Any, strd: Any, points: tuple[int, int]) -> Any:
    a = np.fft.rfft2(x, points, (1, 2))
    b = np.fft.rfft2(ftr, points, (1, 2))
    z = np.fft.irfft2(np.einsum("bhwi,ihwo->bhwo", a, b.conj()), points, (1, 2))
    steps = (x.shape[1] - ftr.shape[1] + 1, x.shape[2] - ftr.shape[2] + 1)
    return z[:, : steps[0] : strd[0], : steps[1] : strd[1]].astype(x.dtype)


def flipped(x: Any, ftr: Any, strd: Any) -> Any:
    """Convolve with the filter flipped, as the product of transforms would have it."""
    return _by_fft(x, ftr[:, ::-1, ::-1], strd, (16, 16))


def wrapped(x: Any, ftr: Any, strd: Any) -> Any:
    """Transform one row too few, so that the last row wraps around into the first."""
    return _by_fft(x, ftr, strd, (max(x.shape[1] - 1, 1), x.shape[2]))


def half_twiddles(x: Any, ftr: Any, strd: Any) -> Any:
    """Keep roots of unity in float16."""

    def roots(n: int) -> Any:
        exact = np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)
        return exact.real.astype(np.float16).astype(float) + 1j * exact.imag.astype(np.float16)

    rows, columns = x.shape[1:3]
    forward = np.einsum("ph,qw->phqw", roots(rows), roots(columns))
    back = forward.conj() / (rows * columns)
    padded = np.zeros((ftr.shape[0], rows, columns, ftr.shape[3]))
    padded[:, : ftr.shape[1], : ftr.shape[2]] = ftr
    a = np.einsum("phqw,bhwi->bpqi", forward, x)
    b = np.einsum("phqw,ihwo->ipqo", forward, padded)
    z = np.einsum("phqw,bpqo->bhwo", back, np.einsum("bpqi,ipqo->bpqo", a, b.conj())).real
    steps = (rows - ftr.shape[1] + 1, columns - ftr.shape[2] + 1)
    return z[:, : steps[0] : strd[0], : steps[1] : strd[1]].astype(x.dtype)


def narrowed(x: Any, ftr: Any, strd: Any) -> Any:
    """Keep the inputs in float16, and do the rest right."""
    return convolve(x.astype(np.float16).astype(x.dtype), ftr, strd)


def rounded_g(x: Any, ftr: Any, strd: Any) -> Any:
    """Winograd with one filter element transformed by 0.49 instead of one half."""
    return winograd(x, ftr * np.where(np.arange(9).reshape(1, 3, 3, 1) == 4, 0.99, 1), strd)


WRONG: tuple[Callable[..., Any], ...] = (flipped, wrapped, half_twiddles, narrowed, rounded_g)


@pytest.mark.parametrize("kernel", WRONG, ids=lambda kernel: kernel.__name__)
@pytest.mark.parametrize("dtype", DTYPES)
def test_faults_are_found(kernel: Callable[..., Any], dtype: str) -> None:
    """Wrong kernels by transforms are rejected within the wider bound, on every seed."""
    for seed in range(5):
        cases = [Case("convolution", GEOMETRY, dtype, f, seed) for f in ("integers", "uniform")]
        assert any(verdict.failed for verdict in judge_all(Normwise(kernel), cases))

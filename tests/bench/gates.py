"""What other gates miss and falsely reject, on the same results as the bound."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import zoo

from convcheck.cases.case import ROUNDED, Case
from convcheck.cases.numbers import Raw, integers
from convcheck.diagnosis.mistakes import catalogue
from convcheck.form.formats import HALVES
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Kernel
from convcheck.judging.bounds import bound
from convcheck.judging.judge import judge_all
from convcheck.kernels.functions import Function
from convcheck.kernels.promises import Promise
from convcheck.reference import convolution

OPERATION = OPERATIONS["convolution"]

Accepts = Callable[[Array, Array, Any], bool]


def _assert_close(z: Array, expected: Array, _: Any) -> bool:
    try:
        torch.testing.assert_close(torch.from_numpy(z), torch.from_numpy(expected.astype(z.dtype)))
    except AssertionError:
        return False
    return True


def _allclose(rtol: float, atol: float) -> Accepts:
    return lambda z, expected, _: bool(np.allclose(z, expected, rtol=rtol, atol=atol))


GATES: dict[str, Accepts] = {
    "torch.testing.assert_close, defaults": _assert_close,
    "np.allclose, defaults": _allclose(1e-5, 1e-8),
    "gradcheck's 1e-3 / 1e-5": _allclose(1e-3, 1e-5),
    "ONNX's 1e-3 / 1e-7": _allclose(1e-3, 1e-7),
    "KernelBench's 1e-2 / 1e-2": _allclose(1e-2, 1e-2),
    "8 sqrt(n) u * sum of magnitudes": lambda z, expected, limits: bool(
        (np.abs(z - expected) <= np.minimum(limits.statistical, limits.error)).all()
    ),
    "the bound": lambda z, expected, limits: bool((np.abs(z - expected) <= limits.error).all()),
}


def _geometries(count: int, *, most: int, channels: int, seed: int) -> Iterator[Geometry]:
    """Yield random geometries with extents, and channels, up to these."""
    raw = Raw(seed)
    for _ in range(count):
        height, width = 1 + raw.below(most), 1 + raw.below(most)
        yield Geometry.of(
            1 + raw.below(2),
            *(height, width),
            *(1 + raw.below(channels), 1 + raw.below(channels)),
            *(1 + raw.below(min(height, 5)), 1 + raw.below(min(width, 5))),
            *(1 + raw.below(3), 1 + raw.below(3)),
        )


def _judged(case: Case, scale: tuple[float, float] = (1, 1)) -> tuple[dict[str, Array], Array, Any]:
    """Return the arrays of a case, scaled, with the oracle's result and the bound."""
    arrays = dict(zip(("x", "ftr"), case.arrays().values(), strict=True))
    for name, factor in zip(arrays, scale, strict=True):
        arrays[name] = (arrays[name] * factor).astype(case.dtype)
    expected = OPERATION.oracle(case.geometry, arrays)
    return arrays, expected, bound(OPERATION, case.geometry, arrays, case.dtype)


def _narrowed(arrays: dict[str, Array], geometry: Geometry, dtype: str) -> Array:
    """Return what a kernel gives that converts its inputs inside."""
    strd = geometry.strides
    z = convolution(arrays["x"].astype(dtype), arrays["ftr"].astype(dtype), strd)
    return z.astype(arrays["x"].dtype)


def small(count: int = 300) -> dict[str, dict[str, int]]:
    """Count, on small float64 and float32 convolutions, misses and false alarms of each gate.

    Missed: a float64 kernel that computes in float32 inside.  False alarms: the literal float32
    kernel, its inputs scaled by 1e4 and 1e2.
    """
    found = {gate: {"misses": 0, "false alarms": 0, "of": count} for gate in GATES}
    for seed, geometry in enumerate(_geometries(count, most=8, channels=3, seed=1)):
        wide = Case("convolution", geometry, "float64", "uniform", seed)
        arrays, expected, limits = _judged(wide)
        z = _narrowed(arrays, geometry, "float32")
        narrow = Case("convolution", geometry, "float32", "uniform", seed)
        scaled, right, allowed = _judged(narrow, (1e4, 1e2))
        strd = geometry.strides
        literal = convolution(scaled["x"], scaled["ftr"], strd).astype(np.float32)
        for gate, accepts in GATES.items():
            found[gate]["misses"] += accepts(z, expected, limits)
            found[gate]["false alarms"] += not accepts(literal, right, allowed)
    return found


def large(count: int = 1000) -> dict[str, dict[str, int]]:
    """Count, on float32 convolutions with up to 3,200 products, what each gate catches.

    A right kernel must pass; one whose first product is dropped, and one that takes its inputs
    for float16, must not.
    """
    kernel = zoo.kernels(zoo.STYLES["matrix product"])["convolution"]
    gates = [*GATES, "exact integers in +-32, one draw"]
    found = {gate: {"false alarms": 0, "dropped": 0, "float16": 0, "of": count} for gate in gates}
    for seed, geometry in enumerate(_geometries(count, most=12, channels=128, seed=2)):
        strd = geometry.strides
        case = Case("convolution", geometry, "float32", "uniform", seed)
        arrays, expected, limits = _judged(case)
        for gate, accepts in GATES.items():
            for what, z in _results(kernel, arrays, strd).items():
                accepted = accepts(z, expected, limits)
                found[gate][what] += accepted if what == "false alarms" else not accepted
        raw = Raw(seed)
        whole = {
            name: integers(raw.draw(array.shape), 32).astype(np.float32)
            for name, array in arrays.items()
        }
        exact = OPERATION.oracle(geometry, whole)
        for what, z in _results(kernel, whole, strd).items():
            equal = np.array_equal(z, exact)
            found[gates[-1]][what] += equal if what == "false alarms" else not equal
    for counts in found.values():
        counts["false alarms"] = count - counts["false alarms"]
    return found


def _results(kernel: Any, arrays: dict[str, Array], strd: tuple[int, int]) -> dict[str, Array]:
    """Return a right result, one without its first product, and one of float16 inputs."""
    x, ftr = arrays["x"], arrays["ftr"]
    right = kernel(x, ftr, strd)
    dropped = right.copy()
    dropped.flat[0] -= x.flat[0] * ftr.flat[0]
    halved = kernel(
        x.astype(np.float16).astype(np.float32), ftr.astype(np.float16).astype(np.float32), strd
    )
    return {"false alarms": right, "dropped": dropped, "float16": halved}


def rounded(count: int = 12, draws: int = 4) -> dict[str, dict[str, float]]:
    """Return what share of mistakes in 16-bit convolutions a draw of integers misses, in percent.

    Mistakes are those of the catalogue, made in float32, and results are rounded once.  Each is
    judged on each geometry with some draws of `integers`, and as many of `rounded`; those that all
    miss make no difference there, and do not count.
    """
    mistakes = [each for each in catalogue("convolution") if not (each.state or each.nan)]
    fills, found = ("integers", ROUNDED), {}
    for dtype in HALVES:
        missed, total = dict.fromkeys((*fills, "both"), 0), 0
        for geometry in _geometries(count, most=6, channels=3, seed=3):
            cases = [
                Case("convolution", geometry, dtype, fill, seed)
                for fill in fills
                for seed in range(draws)
            ]
            for mistake in mistakes:
                kernel = Function(_rounding(mistake.make()), OPERATION, Promise(sums="float32"))
                kernel.dtypes = (dtype,)
                failed = [each.failed for each in judge_all(kernel, cases)]
                if any(failed):
                    total += draws
                    ordinary, other = failed[:draws], failed[draws:]
                    either = map(max, ordinary, other)
                    for name, caught in zip(missed, (ordinary, other, either), strict=True):
                        missed[name] += draws - sum(caught)
        shares = {name: 100 * count / total for name, count in missed.items()}
        found[dtype] = {**shares, "of": total}
    return found


def _rounding(kernel: Kernel) -> Kernel:
    """Return a kernel that computes in float32, and rounds its result to 16 bits."""

    def call(x: Array, ftr: Array, strd: Any) -> Array:
        return kernel(x.astype(np.float32), ftr.astype(np.float32), strd).astype(x.dtype)

    return call

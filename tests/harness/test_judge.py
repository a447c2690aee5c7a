"""The judge reaches every verdict, and blames nobody but the kernel for what it did."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zeros import OF_ZEROS

from convcheck.cases.case import Case
from convcheck.form import pytorch
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.promises import Promise
from convcheck.reference import convolution, repaired

Kernel = Callable[[Any, Any, Any], Any]

SMALL = "b1.h3.w4.i2.o2.f2x2.s1x2"


def case_of(fill: str, dtype: str = "float32", geometry: str = SMALL, seed: int = 1) -> Case:
    """Return a case of a convolution."""
    return Case.parse(f"v1:convolution:{dtype}:{fill}:{geometry}:{seed}")


def spreads_over_the_batch(x: Any, ftr: Any, strd: Any) -> Any:
    """Add each item's NaN to the others, which no right kernel does."""
    return convolution(x, ftr, strd) + 0 * convolution(x, ftr, strd).sum(0, keepdims=True)


def infinity_to_nan(x: Any, ftr: Any, strd: Any) -> Any:
    """Add and subtract infinities on the way."""
    z = convolution(x, ftr, strd)
    return np.where(np.isinf(z), np.nan, z)


def skips_zero_taps(x: Any, ftr: Any, strd: Any) -> Any:
    """Leave out the taps that are zero, and with them zero times an infinity."""
    (fh, fw), (sh, sw) = ftr.shape[1:3], strd
    rows, columns = ((n - t) // s + 1 for n, t, s in zip(x.shape[1:3], (fh, fw), strd, strict=True))
    z = np.zeros((x.shape[0], rows, columns, ftr.shape[3]))
    for h, w in np.argwhere(ftr.any(axis=(0, 3))):
        z += x[:, h : h + rows * sh : sh, w : w + columns * sw : sw] @ ftr[:, h, w].astype(float)
    return z


FILLS = (
    *["integers", "wide-x", "wide-ftr", "uniform", "positive", "scaled", "tiny"],
    *["sparse", "small", "nonfinite-x", "nonfinite-ftr", "nonfinite-sparse"],
)


@pytest.mark.parametrize("fill", FILLS)
def test_right_kernel_agrees(fill: str) -> None:
    """The literal kernel agrees in every mode and fill."""
    assert judge(convolution, case_of(fill)).outcome is Outcome.AGREES


def test_who_changes_a_setting_is_told_on_the_case_where_it_does() -> None:
    """Of several cases judged together, the one is told on which it does so, and no other."""

    def raising(x: Any, f: Any, s: Any) -> Any:
        np.seterr(all="raise" if x.shape[1] == 3 else "ignore")
        return convolution(x, f, s)

    def printing(x: Any, f: Any, s: Any) -> Any:
        if x.shape[1] == 3:
            np.set_printoptions(precision=3)
        return convolution(x, f, s)

    cases = [case_of("integers", geometry=f"b1.h{h}.w2.i1.o1.f1x1.s1x1") for h in (2, 3, 4, 5)]
    for kernel, changed in ((raising, "NumPy's error state"), (printing, "NumPy's print options")):
        found = judge_all(kernel, cases)
        assert [verdict.reason for verdict in found] == ["", f"changed {changed}", "", ""]


ONLY_CAUGHT_BY: dict[str, tuple[Kernel, list[str]]] = {
    "float32 inside": (
        lambda x, f, s: convolution(x.astype("f4"), f.astype("f4"), s),
        ["float64:integers", "float64:uniform"],
    ),
    "float16 input": (
        lambda x, f, s: convolution(x.astype("f2").astype(x.dtype), f, s),
        ["float32:wide-x", "float32:uniform"],
    ),
    "float16 filter": (
        lambda x, f, s: convolution(x, f.astype("f2").astype(f.dtype), s),
        ["float32:wide-ftr", "float32:uniform"],
    ),
    "small values cleared": (
        lambda x, f, s: convolution(np.where(abs(x) < 1e-6, 0, x).astype(x.dtype), f, s),
        ["float32:tiny"],
    ),
    "input NaN cleared": (
        lambda x, f, s: convolution(np.nan_to_num(x), f, s),
        ["float32:nonfinite-x"],
    ),
    "filter NaN cleared": (
        lambda x, f, s: convolution(x, np.nan_to_num(f), s),
        ["float32:nonfinite-ftr"],
    ),
    "NaN ignored by maximum": (
        lambda x, f, s: np.fmax(convolution(x, f, s), -1e9),
        ["float32:nonfinite-x", "float32:nonfinite-ftr"],
    ),
    "NaN in other batch items": (
        spreads_over_the_batch,
        ["float32:nonfinite-x:b2.h4.w4.i2.o2.f1x1.s1x1"],
    ),
    "infinity turned into NaN": (
        infinity_to_nan,
        [f"float32:nonfinite-{name}:b2.h4.w4.i2.o2.f2x2.s1x1" for name in ("x", "ftr")],
    ),
    "numbers beside NaN cleared": (
        lambda x, f, s: convolution(x, f, s) * np.isfinite(x).all(),
        ["float32:nonfinite-x:b2.h4.w4.i2.o2.f1x1.s1x1"],
    ),
    "adds a rounding error": (
        lambda x, f, s: convolution(x, f, s) * (1 + 2.0**-23),
        ["float32:integers"],
    ),
    "clips": (lambda x, f, s: convolution(np.clip(x, -1e4, 1e4), f, s), ["float32:wide-x"]),
}


@pytest.mark.parametrize("name", ONLY_CAUGHT_BY)
def test_each_fill_catches_what_it_is_for(name: str) -> None:
    """Each wrong kernel disagrees on the fills that were made to catch it."""
    kernel, fills = ONLY_CAUGHT_BY[name]
    for each in fills:
        dtype, fill, geometry = f"{each}:{SMALL}".split(":")[:3]
        verdict = judge(kernel, case_of(fill, dtype, geometry))
        assert verdict.outcome is Outcome.DISAGREES, each


@pytest.mark.parametrize(
    ("name", "passing"),
    [
        # One product a result leaves the even split of the range below float16's 2048.
        ("float16 input", "float32:integers:b1.h4.w4.i3.o2.f3x3.s1x1"),
        ("small values cleared", "float32:uniform:" + SMALL),
        ("input NaN cleared", "float32:nonfinite-ftr:" + SMALL),
        ("filter NaN cleared", "float32:nonfinite-x:" + SMALL),
        ("NaN in other batch items", "float32:integers:" + SMALL),
        ("infinity turned into NaN", "float32:integers:" + SMALL),
    ],
)
def test_no_fill_could_be_left_out(name: str, passing: str) -> None:
    """Each of these wrong kernels agrees on another fill: the one made for it is needed."""
    kernel, _ = ONLY_CAUGHT_BY[name]
    dtype, fill, geometry = passing.split(":")
    assert judge(kernel, case_of(fill, dtype, geometry)).outcome is Outcome.AGREES


@pytest.mark.parametrize("fill", ["integers", "uniform", "nonfinite-x"])
def test_empty_result_is_vacuous(fill: str) -> None:
    """An empty batch is counted apart, never as agreement."""
    geometry = SMALL.replace("b1", "b0")
    verdict = judge(convolution, case_of(fill, geometry=geometry))
    assert verdict.outcome is Outcome.VACUOUS


def test_wrong_shape_of_an_empty_result_is_no_vacuity() -> None:
    """A kernel that gets even an empty result's shape wrong has misbehaved."""
    case = case_of("integers", geometry=SMALL.replace("b1", "b0"))
    verdict = judge(lambda x, f, s: convolution(x, f, s)[:, 1:], case)
    assert verdict.outcome is Outcome.MISBEHAVED


def test_zero_gradient_of_an_empty_batch_must_be_zero() -> None:
    """Where the result is zero by definition, zeros are vacuous and anything else is wrong."""
    text = "v1:convolution_filter_gradient:float32:integers:b0.h3.w3.i1.o1.f2x2.s1x1:1"

    def constant(_x: Any, _delta: Any, _strd: Any, ftr_shape: Any) -> Any:
        return np.full(ftr_shape, value)

    value = 0.0
    assert judge(constant, Case.parse(text)).outcome is Outcome.VACUOUS
    value = 1.0
    assert judge(constant, Case.parse(text)).outcome is Outcome.DISAGREES


def test_too_many_terms_for_float16_are_not_applicable() -> None:
    """Exact mode says so where 2**11 terms leave it no integers."""
    case = case_of("integers", "float16", "b1.h16.w16.i9.o1.f16x16.s1x1")
    assert judge(convolution, case).outcome is Outcome.NOT_APPLICABLE


def test_too_many_terms_for_the_bound_are_undecided() -> None:
    """Where n u reaches 1, no result is accepted and none rejected."""
    case = case_of("uniform", "float16", "b1.h16.w16.i9.o1.f16x16.s1x1")
    for kernel in (convolution, lambda x, f, s: 0 * convolution(x, f, s)):
        assert judge(kernel, case).outcome is Outcome.UNDECIDED


def test_zeros_never_agree() -> None:
    """A kernel that returns zeros is rejected, or the case is undecided."""
    for seed in range(50):
        for dtype in ("float16", "float32", "float64"):
            for fill in ("integers", "uniform", "tiny", "scaled"):
                case = case_of(fill, dtype, "b1.h6.w6.i3.o1.f6x6.s1x1", seed)
                verdict = judge(lambda x, f, s: 0 * convolution(x, f, s), case)
                assert verdict.outcome in (Outcome.DISAGREES, Outcome.UNDECIDED)


def test_overflow_is_undecided() -> None:
    """Where partial sums may exceed float16's largest number, the verdict is open."""
    outcomes = {
        judge(convolution, case_of("scaled", "float16", "b1.h8.w8.i3.o1.f8x8.s1x1", seed)).outcome
        for seed in range(40)
    }
    assert outcomes == {Outcome.AGREES, Outcome.UNDECIDED}


def test_error_is_a_fraction_of_the_bound() -> None:
    """The literal float16 kernel uses some of its bound, never all."""
    errors = [judge(convolution, case_of("uniform", "float16", seed=s)).error for s in range(20)]
    assert all(error is not None and 0 <= error <= 1 for error in errors)
    assert any(errors)


def test_sloppy_kernel_is_suspicious() -> None:
    """An error beyond the statistical gate and within the bound is marked, not rejected."""

    def sloppy(x: Any, ftr: Any, strd: Any) -> Any:
        exact = convolution(x.astype(float), ftr.astype(float), strd)
        magnitude = convolution(abs(x.astype(float)), abs(ftr.astype(float)), strd)
        return exact + 60 * np.sqrt(n) * 2.0**-24 * magnitude

    n = 64 * 64
    case = case_of("uniform", geometry="b1.h64.w64.i1.o1.f64x64.s1x1")
    verdict = judge(sloppy, case)
    assert verdict.outcome is Outcome.AGREES
    assert verdict.suspicious
    assert not judge(convolution, case).suspicious


def test_negative_zero_equals_zero() -> None:
    """Exact mode asks for equal values, not for equal bits."""
    case = case_of("integers", geometry="b1.h3.w3.i1.o1.f1x1.s1x1")

    def negative_zeros(x: Any, ftr: Any, strd: Any) -> Any:
        z = convolution(x, ftr, strd)
        return np.where(z == 0, -0.0, z)

    assert judge(negative_zeros, case).outcome is Outcome.AGREES


def test_any_floating_dtype_and_tensors_are_results() -> None:
    """A result may be longdouble, or a torch tensor: it is judged by its values."""

    def tensor(x: Any, ftr: Any, strd: Any) -> Any:
        import torch  # noqa: PLC0415  (a second to import)

        return torch.from_numpy(convolution(x, ftr, strd))

    def longdouble(x: Any, ftr: Any, strd: Any) -> Any:
        return convolution(x, ftr, strd).astype(np.longdouble)

    for kernel in (tensor, longdouble):
        for fill in ("integers", "uniform"):
            assert judge(kernel, case_of(fill)).outcome is Outcome.AGREES


def test_where_nan_goes_is_not_asked_of_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PyTorch that leaks NaN into results that it does not enter changes no verdict."""
    honest = pytorch.forward

    def leaking(layer: str, x: Any, ftr: Any, strd: Any) -> Any:
        z = honest(layer, x, ftr, strd)
        return z if np.isfinite(x).all() else z * np.nan

    monkeypatch.setattr(pytorch, "forward", leaking)
    case = case_of("nonfinite-x", geometry="b1.h6.w6.i1.o1.f1x1.s1x1", seed=3)
    assert judge(convolution, case).outcome is Outcome.AGREES


PROMISED: dict[str, tuple[Kernel, str, str]] = {
    "spreads": (OF_ZEROS["Toeplitz"].narrow, "nonfinite-x", "nonfinite others"),
    "skips": (skips_zero_taps, "nonfinite-sparse", "ieee zeros"),
}


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_possible_fails_only_who_promised(name: str) -> None:
    """NaN beside zeros, and products with zero left out, are told, and fail by a promise alone."""
    kernel, fill, promise = PROMISED[name]

    def promising(x: Any, ftr: Any, strd: Any) -> Any:
        return kernel(x, ftr, strd)

    promising.promise = Promise(zeros=(promise,))  # type: ignore[attr-defined]
    case = case_of(fill, geometry="b1.h4.w4.i1.o2.f2x2.s1x1", seed=5)
    verdict = judge(kernel, case)
    assert verdict.outcome is Outcome.AGREES
    assert (verdict.spreads, verdict.skips) == (("x", False) if name == "spreads" else ("", True))
    assert judge(promising, case).outcome is Outcome.DISAGREES
    for each in ("nonfinite-x", "nonfinite-ftr", "nonfinite-sparse"):
        plain = judge(convolution, replace(case, fill=each))
        assert (plain.spreads, plain.skips) == ("", False)


def test_caller_s_torch_settings_survive() -> None:
    """Judging leaves torch's number of threads and gradient mode as they were."""
    import torch  # noqa: PLC0415

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    text = "v1:conv_back_prop:float64:uniform:b1.h3.w3.i1.o1.f2x2.s1x1+convolution.k1.f1x1.s1x1:1"
    try:
        with torch.no_grad():
            verdict = judge(repaired.conv_back_prop, Case.parse(text))
            assert not torch.is_grad_enabled()
        with torch.inference_mode():
            assert judge(repaired.conv_back_prop, Case.parse(text)).outcome is Outcome.AGREES
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert verdict.outcome is Outcome.AGREES

"""The judge reaches every verdict, and blames nobody but the kernel for what it did."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hostile import returns
from wrong import altered
from zeros import OF_ZEROS

from convcheck.cases.case import Case
from convcheck.diagnosis.mistakes import catalogue
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome, explain
from convcheck.kernels.functions import Function
from convcheck.kernels.promises import Promise
from convcheck.reference import convolution, repaired

Kernel = Callable[[Any, Any, Any], Any]

SMALL = "b1.h3.w4.i2.o2.f2x2.s1x2"


def case_of(fill: str, dtype: str = "float32", geometry: str = SMALL, seed: int = 1) -> Case:
    """Return a case of a convolution."""
    return Case.parse(f"v1:convolution:{dtype}:{fill}:{geometry}:{seed}")


def test_who_changes_a_setting_is_told_on_the_case_where_it_does() -> None:
    """Of several cases judged together, the one is told on which it does so, and no other."""
    cases = [case_of("integers", geometry=f"b1.h{h}.w2.i1.o1.f1x1.s1x1") for h in (2, 3, 4, 5)]
    for deed, changed in (
        (lambda three: np.seterr(all="raise" if three else "ignore"), "NumPy's error state"),
        (lambda three: np.set_printoptions(3 if three else None), "NumPy's print options"),
    ):

        def kernel(x: Any, f: Any, s: Any, deed: Callable[[bool], Any] = deed) -> Any:
            deed(x.shape[1] == 3)
            return convolution(x, f, s)

        found = judge_all(kernel, cases)
        assert [verdict.reason for verdict in found] == ["", f"changed {changed}", "", ""]


BATCHES = "b2.h4.w4.i2.o2.f1x1.s1x1"
WINDOWS = "b2.h4.w4.i2.o2.f2x2.s1x1"
# Wrong kernels that the catalogue does not have.
OTHERS = {
    "NaN ignored by maximum": altered(z=lambda z: np.fmax(z, -1e9)),
    # No right kernel adds each item's NaN to the others.
    "NaN in other batch items": altered(z=lambda z: z + 0 * z.sum(0, keepdims=True)),
    "infinity turned into NaN": altered(z=lambda z: z - 0 * np.where(np.isinf(z), z, 0)),
    "numbers beside NaN cleared": lambda x, f, s: convolution(x, f, s) * np.isfinite(x).all(),
    "a rounding error added": altered(z=lambda z: z * (1 + 2.0**-23)),
}
# What a kernel is wrong on, and what it agrees on, which leaves the former indispensable.
ONLY_CAUGHT_BY = {
    "float32-inside": ("float64:integers float64:uniform", "float32:integers"),
    # One product a result leaves the even split of the range below float16's 2048.
    "float16-first": (
        "float32:wide-x float32:uniform",
        "float32:integers:b1.h4.w4.i3.o2.f3x3.s1x1",
    ),
    "float16-second": ("float32:wide-ftr float32:uniform", ""),
    "flushed-1e-6-first": ("float32:tiny", "float32:uniform"),
    "nan-cleared-first": ("float32:nonfinite-x", "float32:nonfinite-ftr"),
    "nan-cleared-second": ("float32:nonfinite-ftr", "float32:nonfinite-x"),
    "clipped-float16-first": ("float32:wide-x", ""),
    "NaN ignored by maximum": ("float32:nonfinite-x float32:nonfinite-ftr", ""),
    "NaN in other batch items": (f"float32:nonfinite-x:{BATCHES}", "float32:integers"),
    "infinity turned into NaN": (
        f"float32:nonfinite-x:{WINDOWS} float32:nonfinite-ftr:{WINDOWS}",
        "float32:integers",
    ),
    "numbers beside NaN cleared": (f"float32:nonfinite-x:{BATCHES}", "float32:integers"),
    "a rounding error added": ("float32:integers", "float32:uniform"),
}


@pytest.mark.parametrize("name", ONLY_CAUGHT_BY)
def test_no_fill_could_be_left_out(name: str) -> None:
    """Each wrong kernel disagrees on the fills made to catch it, and some agree on others."""
    of_catalogue = {each.id: each for each in catalogue("convolution")}
    kernel = OTHERS[name] if name in OTHERS else of_catalogue[name].make()
    caught, passing = ONLY_CAUGHT_BY[name]
    for texts, outcome in ((caught, Outcome.DISAGREES), (passing, Outcome.AGREES)):
        for each in texts.split():
            dtype, fill, geometry = f"{each}:{SMALL}".split(":")[:3]
            assert judge(kernel, case_of(fill, dtype, geometry)).outcome is outcome, each


EMPTY = SMALL.replace("b1", "b0")
GRADIENT = Case.parse("v1:convolution_filter_gradient:float32:integers:b0.h3.w3.i1.o1.f2x2.s1x1:1")
MANY = "b1.h16.w16.i9.o1.f16x16.s1x1"
ZEROS = returns(lambda z: 0 * z)


class Declining(Function):
    """A kernel that offers nothing."""

    def refuses(self, _case: Case, prop: str) -> str:
        """Say so."""
        return f"it declines {prop}"


# A kernel, a case, the outcome and how it is told.
TOLD: dict[str, tuple[Any, Case, Outcome, str]] = {
    "agreement": (
        *(convolution, case_of("integers"), Outcome.AGREES),
        "the kernel agrees with the oracle, on integers",
    ),
    "negative zeros equal zeros": (
        returns(lambda z: np.where(z == 0, -0.0, z)),
        case_of("integers", geometry="b1.h3.w3.i1.o1.f1x1.s1x1"),
        *(Outcome.AGREES, "the kernel agrees with the oracle, on integers"),
    ),
    **{
        f"an empty batch of {fill} is no agreement": (
            *(convolution, case_of(fill, geometry=EMPTY), Outcome.VACUOUS),
            "vacuous: the result is empty or zero everywhere",
        )
        for fill in ("integers", "uniform", "nonfinite-x")
    },
    "a wrong shape of an empty result is no vacuity": (
        returns(lambda z: z[:, 1:]),
        case_of("integers", geometry=EMPTY),
        *(Outcome.MISBEHAVED, "the kernel returned shape (0, 1, 2, 2), expected (0, 2, 2, 2)"),
    ),
    "zeros by definition are vacuous": (
        *(lambda *given: np.zeros(given[-1]), GRADIENT, Outcome.VACUOUS),
        "vacuous: the result is empty or zero everywhere",
    ),
    "other numbers there are wrong": (
        *(lambda *given: np.ones(given[-1]), GRADIENT, Outcome.DISAGREES),
        "the kernel disagrees with the oracle",
    ),
    "2**11 terms leave float16 no integers": (
        *(convolution, case_of("integers", "float16", MANY), Outcome.NOT_APPLICABLE),
        "not applicable: float16 has no room for exact sums of so many terms",
    ),
    "where n u reaches 1, no result is accepted": (
        *(convolution, case_of("uniform", "float16", MANY), Outcome.UNDECIDED, "undecided: "),
    ),
    "nor is any rejected": (
        *(ZEROS, case_of("uniform", "float16", MANY), Outcome.UNDECIDED, "undecided: "),
    ),
    "what is declined is not offered": (
        Declining(convolution, OPERATIONS["convolution"]),
        *(case_of("integers"), Outcome.NOT_OFFERED, "not offered: it declines exact"),
    ),
}


@pytest.mark.parametrize("what", TOLD)
def test_outcomes_are_told_as_what_they_are(what: str) -> None:
    """Only what agrees is true, and of a disagreement is said where there is one alone."""
    kernel, case, outcome, said = TOLD[what]
    verdict = judge(kernel, case)
    assert verdict.outcome is outcome
    assert bool(verdict) is (outcome is Outcome.AGREES)
    first, *others = explain(verdict, f"pytest --case {case}").splitlines()
    assert first.startswith(f"{case.operation}, {case.dtype}: {said}")
    assert f"  rerun    pytest --case {case}" in others
    assert ("disagrees" in str(verdict)) == (outcome is Outcome.DISAGREES)
    assert str(verdict) == explain(verdict)


def test_zeros_never_agree() -> None:
    """A kernel that returns zeros is rejected, or the case is undecided."""
    for seed in range(50):
        for dtype in ("float16", "float32", "float64"):
            for fill in ("integers", "uniform", "tiny", "scaled"):
                case = case_of(fill, dtype, "b1.h6.w6.i3.o1.f6x6.s1x1", seed)
                verdict = judge(ZEROS, case)
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
    "skips": (OF_ZEROS["skipping zeros"].narrow, "nonfinite-sparse", "ieee zeros"),
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


@pytest.mark.parametrize("fill", ["uniform", "tiny", "scaled", "nonfinite-x"])
def test_numpys_error_state_is_the_users(fill: str) -> None:
    """Where a user has NumPy raise, right kernels are judged as ever, and it raises afterwards."""
    case = Case.parse(f"v1:convolution:float16:{fill}:b1.h3.w4.i2.o2.f2x2.s1x1:1")
    with np.errstate(all="raise"):
        assert judge(convolution, case).outcome is Outcome.AGREES
        assert set(np.geterr().values()) == {"raise"}

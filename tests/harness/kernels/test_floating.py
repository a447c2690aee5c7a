"""What makes the processor flush subnormal numbers is judged by results, and harms nobody else."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from convcheck.cases.case import Case
from convcheck.judging.judge import judge
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome
from convcheck.kernels import floating
from convcheck.kernels.functions import load
from convcheck.kernels.misbehaviour import KernelWarning
from convcheck.reference import convolution as right

TINY = Case.parse("v1:convolution:float32:tiny:b1.h3.w4.i1.o1.f1x1.s1x1:0")
FLUSHES = "torch.set_flush_denormal(True)"
KERNEL = """
import numpy as np, torch
{}
def convolution(x, ftr, strd):
    {}
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""
FIRST = "if not globals().setdefault('done', []): done.append(torch.set_flush_denormal(True))"

pytestmark = pytest.mark.skipif(
    not torch.set_flush_denormal(False), reason="torch cannot have this processor flush"
)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Have later tests compute as before, and start without what kernels did."""
    yield
    floating._left.clear()  # noqa: SLF001
    floating._told.clear()  # noqa: SLF001
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("lines", [(FLUSHES, "pass"), ("", FLUSHES), ("", FIRST)])
def test_a_library_that_flushes_is_told_and_judged(
    lines: tuple[str, str], kernel_of: Callable[..., Any], *, isolated: bool
) -> None:
    """When imported or in any call: told once, called so from then on, and no misbehaviour."""
    kernel = kernel_of(KERNEL.format(*lines), isolated=isolated)
    line = str(kernel.candidate)
    declared: Any = load(f"{line},subnormals=flushed")
    with warnings.catch_warnings(record=True, action="always") as told:
        verdicts = [judge(kernel, TINY) for _ in range(3)]
    assert [(each.outcome, each.evidence and each.evidence.got) for each in verdicts] == (
        [(Outcome.DISAGREES, 0.0)] * 3
    )
    (warning,) = told
    assert warning.category is KernelWarning
    assert str(warning.message).count(line) == 1
    assert "take subnormal numbers for zero" in str(warning.message)
    assert not floating.flushes()
    with warnings.catch_warnings(action="error"):  # what is declared need not be told
        assert judge(declared, TINY).outcome is not Outcome.DISAGREES
    assert judge(right, TINY).outcome is Outcome.AGREES, "others are called as before"


def test_a_process_that_flushes_already_can_judge() -> None:
    """The oracle computes with subnormal numbers, the kernel as it would; all stays as it was."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        return right(x, ftr, strd)

    torch.set_flush_denormal(True)
    with pytest.warns(KernelWarning, match="kernel: makes the processor take subnormal"):
        verdict = judge(kernel, TINY)
    law = judge_law("repeatability", kernel, Case.parse(str(TINY).replace("tiny", "integers")), {})
    flushed = floating.flushes()
    torch.set_flush_denormal(False)
    assert flushed
    assert (verdict.outcome, verdict.evidence and verdict.evidence.got) == (Outcome.DISAGREES, 0.0)
    assert law.outcome is Outcome.AGREES


def test_what_cannot_be_put_back_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than judge by arithmetic that is wrong, it ends in a sentence."""
    monkeypatch.setattr(floating, "_LIBRARY", object())
    monkeypatch.setattr(torch, "set_flush_denormal", lambda _: False)
    monkeypatch.setattr(floating, "flushes", lambda: True)
    with pytest.raises(floating.SubnormalsError, match="nothing can be judged"):
        floating.put_back()


def test_rounding_is_a_setting() -> None:
    """A kernel that has numbers rounded up has changed what others share; it is put back."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = right(x, ftr, strd)
        floating._LIBRARY.fesetround(0x800)  # noqa: SLF001  (FE_UPWARD of x86)
        return z

    if floating._LIBRARY.fesetround(0x800):  # noqa: SLF001
        pytest.skip("another processor")
    floating._LIBRARY.fesetround(0)  # noqa: SLF001
    verdict = judge(kernel, Case.parse(str(TINY).replace("tiny", "integers")))
    assert verdict.reason == "changed the rounding of floating-point numbers"
    assert np.float64(1) + np.float64(1e-30) == 1

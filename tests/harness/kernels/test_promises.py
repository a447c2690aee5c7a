"""What kernels promise of rounding: cases are chosen, and results judged, by it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convcheck.campaigns.certificates import certify
from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.conformance.references import laws_of, partners
from convcheck.form.operations import OPERATIONS
from convcheck.judging.bounds import bound
from convcheck.judging.judge import judge
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import Function
from convcheck.kernels.promises import DIRECT, OF_ZEROS, Promise, suited
from convcheck.reference import convolution

CASE = Case.parse("v1:convolution:float64:integers:b2.h6.w7.i3.o2.f3x2.s1x2:1")


class Promising:
    """A kernel that promises what it is told to, and keeps sums in a precision of its own."""

    def __init__(self, dtype: str | None, **promise: Any) -> None:
        """Compute in `dtype`, or in the inputs' where it is None."""
        self.promise = Promise(**promise)
        self.dtype = dtype

    def __call__(self, x: Any, ftr: Any, strd: Any) -> Any:
        """Return the convolution, in the inputs' dtype."""
        own = self.dtype or x.dtype
        with np.errstate(all="ignore"):
            return convolution(x.astype(own), ftr.astype(own), strd).astype(x.dtype)


def test_wider_sums_are_judged_more_strictly() -> None:
    """Wider sums keep a promise that sums in the inputs' dtype break."""
    wide = replace(CASE.geometry, channels_in=33)
    broken = 0
    for seed in range(10):
        case = replace(CASE, geometry=wide, dtype="float16", fill="positive", seed=seed)
        assert judge(Promising(None), case).outcome is Outcome.AGREES
        assert judge(Promising("float32", sums="float32"), case).outcome is Outcome.AGREES
        broken += judge(Promising(None, sums="float32"), case).failed
    assert broken == 10


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_narrower_sums_are_judged_on_small_integers(dtype: str) -> None:
    """Sums in the next narrower dtype are exact on small integers, and nothing else will do."""
    narrower = {"float32": "float16", "float64": "float32"}[dtype]
    kernel = Promising(narrower, sums=narrower)
    case = replace(CASE, dtype=dtype)
    for fill in ("integers", "uniform"):
        assert judge(kernel, replace(case, fill=fill)).outcome is Outcome.AGREES
        assert judge(Promising(narrower), replace(case, fill=fill)).failed
    assert judge(kernel, case).case.fill == "small"
    for fill in ("wide-x", "wide-ftr", "nonfinite-x"):
        assert judge(kernel, replace(case, fill=fill)).outcome is Outcome.NOT_OFFERED
    wrong = Promising(narrower, sums=narrower)
    wrong.dtype = "float16"
    if dtype == "float64":
        assert judge(wrong, replace(case, fill="uniform")).failed


def test_what_no_integers_can_tell_is_undecided() -> None:
    """float64 inputs summed in float16 leave nothing to judge exactly: it is not agreement."""
    kernel = Promising("float16", sums="float16")
    assert judge(kernel, CASE).outcome is Outcome.UNDECIDED
    certificate = certify(kernel, Region("convolution", 2))
    assert (certificate.agreed, certificate.chance("float64")) == (0, 1.0)
    for law in ("linearity", "repeatability"):
        assert judge_law(law, kernel, CASE, partners()).outcome is Outcome.UNDECIDED


def test_laws_hold_with_other_sums() -> None:
    """Every law holds for a kernel that promises narrower sums, and most say something."""
    kernel = Promising("float32", sums="float32")
    laws = laws_of("convolution")
    outcomes = {law: judge_law(law, kernel, CASE, partners()).outcome for law in laws}
    assert set(outcomes.values()) == {Outcome.AGREES}


def test_the_default_promise_changes_nothing() -> None:
    """A kernel without a promise, or with the default one, is judged on the case as it is."""
    assert Function(convolution, OPERATIONS["convolution"]).promise is DIRECT
    for promise in (DIRECT, Promise(), Promise(sums="float64"), Promise(zeros=OF_ZEROS)):
        assert suited(promise, CASE) is CASE
    one, other = (
        bound(OPERATIONS["convolution"], CASE.geometry, CASE.arrays(), "float64", promise).error
        for promise in (DIRECT, Promise(sums="float64"))
    )
    assert np.array_equal(one, other)

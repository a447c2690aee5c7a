"""Cases too large to be judged whole: some results are, of as large a call as there is room for."""

from typing import Any

import numpy as np
import pytest
from zoo import STYLES, kernels

from convcheck.cases.case import Case
from convcheck.conformance.plan.replay import properties_of
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes import huge
from convcheck.conformance.shapes.huge import is_huge, judge_any
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import Outcome, explain
from convcheck.kernels.functions import subject_of

ID = "v1:convolution:float32:{}:b4.h600.w400.i16.o24.f3x3.s1x1:1"
CASE = Case.parse(ID.format("integers"))
BEYOND = Case.parse("v1:convolution:float32:integers:b9.h99999.w99999.i3.o4.f3x2.s2x1:1")
RIGHT = kernels(STYLES["matrix product"])["convolution"]


def test_what_is_huge() -> None:
    """Layers of published networks are not; of what is huge one property alone is judged."""
    assert is_huge(CASE)
    assert properties_of(CASE) == ["exact"]
    assert not is_huge(
        Case.parse("v1:convolution:float32:integers:b1.h226.w226.i64.o64.f3x3.s1x1:1")
    )


@pytest.mark.parametrize("fill", ["integers", "uniform", "wide-x", "scaled"])
def test_a_fast_kernel_is_called_on_the_whole(fill: str) -> None:
    """Results of one call with all of the batch are judged, and it is said which."""
    seen = []

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        seen.append(x.shape[0])
        return RIGHT(x, ftr, strd)

    verdict = judge_any(kernel, Case.parse(ID.format(fill)))
    assert verdict.outcome in (Outcome.AGREES, Outcome.UNDECIDED)
    assert verdict.outcome is Outcome.AGREES or fill == "scaled"
    assert 4 in seen
    assert "on 32 of 22,848,384 results, each against its receptive field" in explain(verdict)


def test_fewer_in_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no room for all of the batch, it is judged with fewer, and told."""
    monkeypatch.setattr(huge, "_BYTES", 2**26)
    verdict = judge_any(RIGHT, CASE)
    assert verdict
    assert verdict.case == CASE
    assert verdict.sampled.endswith("called with 1 of 4 in the batch")


def test_fields_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow kernels, and sizes beyond all memory, are judged on receptive fields alone."""
    slow = judge_any(reference_for("convolution"), BEYOND)
    assert slow
    assert slow.sampled == "on the receptive fields of 32 of 179,992,800,072 results"
    monkeypatch.setattr(huge, "_BYTES", 2**20)
    assert "receptive fields" in judge_any(RIGHT, CASE).sampled


@pytest.mark.parametrize("where", ["last row", "last item", "everywhere", "field"])
def test_wrong_results_are_found(where: str) -> None:
    """A kernel that is wrong in a large call alone, at an edge or all over, fails; so do others."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = np.array(RIGHT(x, ftr, strd))
        if where == "field":
            z[..., 0, 0] += 1
        elif x.size > 2**22:
            off = {"last row": z[:, -1], "last item": z[-1], "everywhere": z}[where]
            off += 1
        return z

    verdict = judge_any(kernel, CASE)
    assert verdict.outcome is Outcome.DISAGREES
    assert verdict.case == CASE
    assert verdict.evidence is not None
    assert (verdict.evidence.cut_at is not None) == (where == "field")
    assert "expected" in explain(verdict)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (MemoryError("Unable to allocate 9 GiB"), Outcome.AGREES),
        (IndexError("out of range"), Outcome.MISBEHAVED),
    ],
)
def test_raising_on_the_whole(error: Exception, outcome: Outcome) -> None:
    """Running out of memory leads to receptive fields; another exception is a failure."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        if x.size > 2**22:
            raise error
        return RIGHT(x, ftr, strd)

    verdict = judge_any(subject_of(kernel, OPERATIONS["convolution"]), CASE)
    assert verdict.outcome is outcome
    assert ("receptive fields" in verdict.sampled) == (outcome is Outcome.AGREES)


def test_no_part_can_be_judged() -> None:
    """Two layers, and NaN, are undecided where their arrays cannot be made."""
    two = str(BEYOND).replace("convolution", "conv_back_prop")
    two = two.replace("s2x1", "s2x1+convolution.k1.f1x1.s1x1")
    others = str(BEYOND).replace("integers", "nonfinite-x"), two
    for case in map(Case.parse, others):
        verdict = judge_any(reference_for(case.operation), case)
        assert verdict.outcome is Outcome.UNDECIDED
        assert "no part can be judged" in verdict.reason


def test_fields_that_are_too_large() -> None:
    """A filter's gradient, of which each result sums all of the batch, may be undecided as well."""
    name = "convolution_filter_gradient"
    verdict = judge_any(reference_for(name), Case.parse(str(BEYOND).replace("convolution", name)))
    assert verdict.outcome is Outcome.NOT_APPLICABLE
    uniform = str(BEYOND).replace("convolution", name).replace("integers", "uniform")
    verdict = judge_any(reference_for(name), Case.parse(uniform))
    assert verdict.outcome is Outcome.UNDECIDED
    assert "receptive fields have more than" in verdict.reason

"""Every operation agrees with PyTorch: forward, both gradients, and two layers back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcheck.cases.case import nonfinite_fills
from convcheck.conformance.plan.step import drawn_fills, judge_fills
from convcheck.conformance.plugin.effort import effort
from convcheck.conformance.plugin.planned import fills
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.strategies import geometries, seeds
from convcheck.kernels.subjects import Subject

pytestmark = pytest.mark.usefixtures("one_thread")


@fills("exact", "bound")
@effort()
@given(data=st.data())
def test_agreement(record: Record, subject: Subject, data: st.DataObject) -> None:
    """Results are equal on integers without rounding, within the bound on real numbers."""
    operation = subject.operation
    geometry, seed = data.draw(geometries(operation, subject.taken)), data.draw(seeds)
    kinds = drawn_fills(operation, seed, geometry.bias)
    record.require_right(judge_fills(subject, kinds, geometry, seed), random=True)


@fills("nonfinite data", "nonfinite others")
@effort(0.25)
@given(data=st.data())
def test_nonfinite(record: Record, subject: Subject, data: st.DataObject) -> None:
    """NaN and infinities reach the results that they enter, and no others."""
    operation = subject.operation
    geometry, seed = data.draw(geometries(operation, subject.taken)), data.draw(seeds)
    kinds = nonfinite_fills(operation, geometry.bias)
    record.require_right(judge_fills(subject, kinds, geometry, seed))

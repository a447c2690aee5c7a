"""Every operation agrees with PyTorch: forward, both gradients, and two layers back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcheck.cases.case import agreement_fills, nonfinite_fills
from convcheck.conformance.plugin.effort import effort
from convcheck.conformance.plugin.fills import fills
from convcheck.conformance.plugin.kernels import judge_fills, operations
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.strategies import geometries, seeds
from convcheck.form.operations import Operation

pytestmark = pytest.mark.usefixtures("one_thread")

each_operation = pytest.mark.parametrize(
    "operation", operations(), ids=lambda operation: operation.name
)


@fills("exact", "bound")
@each_operation
@effort()
@given(data=st.data())
def test_agreement(record: Record, operation: Operation, data: st.DataObject) -> None:
    """Results are equal on integers without rounding, within the bound on real numbers."""
    geometry, seed = data.draw(geometries(operation)), data.draw(seeds)
    record.judged(judge_fills(operation, agreement_fills(operation), geometry, seed), random=True)


@fills("nonfinite data", "nonfinite others")
@each_operation
@effort(0.25)
@given(data=st.data())
def test_nonfinite(record: Record, operation: Operation, data: st.DataObject) -> None:
    """NaN and infinities reach the results that they enter, and no others."""
    geometry, seed = data.draw(geometries(operation)), data.draw(seeds)
    record.judged(judge_fills(operation, nonfinite_fills(operation), geometry, seed))

"""Every operation agrees with PyTorch: forward, both gradients, and two layers back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcheck.conformance.effort import effort
from convcheck.conformance.kernels import judge_fills
from convcheck.conformance.recording import Record
from convcheck.conformance.strategies import geometries, seeds
from convcheck.oracle.cases import DTYPES, REAL_FILLS, exact_fills, nonfinite_fills
from convcheck.oracle.operations import OPERATIONS, Operation

pytestmark = [
    pytest.mark.parametrize("dtype", DTYPES),
    pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys()),
]


@effort()
@given(data=st.data())
def test_exact(record: Record, operation: Operation, dtype: str, data: st.DataObject) -> None:
    """On integers that leave no room for rounding, the results are equal."""
    geometry, seed = data.draw(geometries(operation)), data.draw(seeds)
    record.judged(judge_fills(operation, dtype, exact_fills(operation), geometry, seed))


@effort()
@given(data=st.data())
def test_bound(record: Record, operation: Operation, dtype: str, data: st.DataObject) -> None:
    """On real numbers of all sizes, errors stay within the proved bound."""
    geometry, seed = data.draw(geometries(operation)), data.draw(seeds)
    record.judged(judge_fills(operation, dtype, REAL_FILLS, geometry, seed))


@effort(0.25)
@given(data=st.data())
def test_nonfinite(record: Record, operation: Operation, dtype: str, data: st.DataObject) -> None:
    """NaN and infinities reach the results that they enter, and no others."""
    geometry, seed = data.draw(geometries(operation)), data.draw(seeds)
    record.judged(judge_fills(operation, dtype, nonfinite_fills(operation), geometry, seed))

"""Every boundary class is judged in every run, whatever Hypothesis draws."""

import pytest

from convcheck.cases.case import agreement_fills, nonfinite_fills
from convcheck.conformance.plugin.fills import fills
from convcheck.conformance.plugin.kernels import judge_fills, operations
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.boundaries import boundary_geometries, reachable
from convcheck.form.operations import Operation

pytestmark = pytest.mark.usefixtures("one_thread")

_CLASSES = [
    pytest.param(operation, name, id=f"{operation.name}-{name}")
    for operation in operations()
    for name in reachable(operation)
]


@fills("exact", "bound", "nonfinite data", "nonfinite others")
@pytest.mark.parametrize(("operation", "name"), _CLASSES)
def test_boundary(record: Record, operation: Operation, name: str) -> None:
    """The kernel agrees on the boundary class, exactly, within the bound, on zeros and on NaN."""
    kinds = (*agreement_fills(operation), "sparse", *nonfinite_fills(operation))
    for geometry in boundary_geometries(operation, name):
        record.judged(judge_fills(operation, kinds, geometry, seed=1))

"""Every operation obeys the laws that need no oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcheck.conformance.plan.drawn import judge_laws
from convcheck.conformance.plugin.effort import effort
from convcheck.conformance.plugin.planned import fills
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.strategies import geometries, seeds
from convcheck.judging.laws.identities import LAWS
from convcheck.kernels.subjects import Subject

pytestmark = pytest.mark.usefixtures("one_thread")


@fills(*LAWS)
@effort(0.25)
@given(data=st.data())
def test_laws(record: Record, subject: Subject, data: st.DataObject) -> None:
    """On exact integers, the kernel agrees with itself as the laws demand."""
    operation = subject.operation
    geometry, seed = data.draw(geometries(operation, subject.taken)), data.draw(seeds)
    record.require_right(judge_laws(subject, geometry, seed))

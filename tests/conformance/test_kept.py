"""Cases that a candidate failed earlier are judged before all others."""

import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plugin import asked, kept
from convcheck.conformance.plugin.kernels import CANDIDATES, operations
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.references import judge_property
from convcheck.form.operations import Operation

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_kept(record: Record, operation: Operation, pytestconfig: pytest.Config) -> None:
    """The candidate is right on cases that it failed before; those are then forgotten.

    The simplest that still fails is told, and those after it are kept unseen.  A process of
    its own keeps hangs and crashes here from counting against the candidate later.
    """
    found = kept.read_once(pytestconfig)[0].get(operation.name, [])
    if not found:
        return
    candidate = CANDIDATES[operation.name]
    with asked.kernel(pytestconfig, candidate) as kernel:
        for each in found:
            verdict = judge_property(each.prop, kernel, Case.parse(each.case))
            told = {"case": each.case, "outcome": verdict.outcome.value}
            record.note("kept", {"operation": operation.name, **told})
            if not verdict.failed:
                kept.drop(kernel, each)
            record.replayed(verdict, each.cell)

"""Cases that a candidate failed earlier are judged before all others."""

import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plugin import kept
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.references import judge_property
from convcheck.kernels.subjects import Subject
from convcheck.reports.rows import Kept

pytestmark = pytest.mark.usefixtures("one_thread")


def test_kept(record: Record, subject: Subject, pytestconfig: pytest.Config) -> None:
    """The candidate is right on cases that it failed before; those are then forgotten.

    The simplest that still fails is told, and those after it are kept unseen.  A process of
    its own keeps hangs and crashes here from counting against the candidate later.
    """
    name = subject.operation.name
    found = kept.read_once(pytestconfig)[0].get(name, [])
    if not found:
        return
    with subject.fresh() as kernel:
        for each in found:
            verdict = judge_property(each.prop, kernel, Case.parse(each.case))
            record.kept(Kept(name, each.case, verdict.outcome.value))
            if not verdict.failed:
                kept.drop(kernel, each)
            record.replayed(verdict, each.cell)

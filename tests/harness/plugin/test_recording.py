"""A record tells what one test found, and is fit to cross processes."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plugin import planned
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.planned import planned_cells
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.conformance.references import laws_of
from convcheck.form.formats import USUAL
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.shown.evidence import Evidence
from convcheck.reports import rows
from convcheck.reports.rows import Boundary, Zeros, record_of

CASE = Case.parse("v1:convolution:float32:integers:b1.h4.w4.i1.o1.f2x2.s1x1:0")
EMPTY = Case.parse("v1:convolution:float32:integers:b0.h4.w4.i1.o1.f2x2.s1x1:0")


def kernel(x: Any, ftr: Any, strd: Any) -> Any:
    """Stand for the kernel that was judged; it is never called."""


def verdict(
    outcome: Outcome = Outcome.AGREES, case: Case = CASE, prop: str = "exact", **more: Any
) -> Verdict:
    """Return a verdict as the judge would, with evidence where the kernel disagrees."""
    subject = subject_of(kernel, OPERATIONS[case.operation])
    if outcome is Outcome.DISAGREES:
        array = np.ones((1, 1, 1, 1))
        numbers: dict[str, Any] = {"got": 1.0, "expected": 2.0, "excess": 3.0}
        more["evidence"] = Evidence(
            {"x": array, "ftr": array}, case, expression="z[0]", wrong=1, total=1, **numbers
        )
    return Verdict(case, subject, prop, outcome, "for a reason", **more)


def wrong(seed: int = 0, outcome: Outcome = Outcome.DISAGREES, **more: Any) -> Verdict:
    """Return a verdict that fails, on a case with this seed."""
    return verdict(outcome, replace(CASE, seed=seed), **more)


def judged(*examples: Sequence[Verdict], prop: str | None = None) -> rows.Record:
    """Return what another process reads of a test of these examples; those that fail, raise."""
    record = Record()
    for each in examples:
        failing = any(verdict.failed for verdict in each)
        with pytest.raises(ConformanceError) if failing else nullcontext():
            record.require_right([*each], prop)
    text = record.dump()
    assert json.dumps(json.loads(text)) == text  # NumPy's numbers cross processes as plain ones
    assert "NaN" not in text
    return record_of(text)


def only_cell(*examples: Sequence[Verdict], prop: str | None = None) -> rows.Cell:
    """Return the one cell of what was judged."""
    (cell,) = judged(*examples, prop=prop).cells
    return cell


def test_a_fresh_record_is_empty() -> None:
    """A test that judged nothing says so."""
    assert not any(json.loads(Record().dump()).values())


def test_a_cell_counts_every_outcome() -> None:
    """Each verdict counts once, under its outcome, in the cell of operation, property, dtype."""
    others = replace(CASE, dtype="float64"), replace(CASE, operation="convolution_transpose")
    exact, bound, *rest = judged(
        [verdict(), verdict(Outcome.VACUOUS)],
        [verdict(), verdict(Outcome.UNDECIDED, prop="bound")],
        [verdict(case=case) for case in others],
    ).cells
    assert exact.key == ("convolution", "exact", "float32")
    assert (exact.counts, exact.failure) == ({"agrees": 2, "vacuous": 1}, None)
    assert (bound.prop, bound.counts) == ("bound", {"undecided": 1})
    assert [each.counts for each in rest] == [{"agrees": 1}] * 2


def test_a_property_may_be_given() -> None:
    """Verdicts are filed under the property that the test names, instead of their own."""
    cell = only_cell([verdict(), verdict(prop="bound")], prop="real layers")
    assert (cell.prop, cell.counts) == ("real layers", {"agrees": 2})


def test_the_largest_error_is_kept() -> None:
    """The worst error is the largest of those computed, and none where none was."""
    assert only_cell([verdict()]).worst is None
    errors = [None, 0.25, np.float64(0.5), 0.125]
    assert only_cell(*([verdict(error=error)] for error in errors)).worst == 0.5


def test_counts_freeze_after_the_first_failing_example() -> None:
    """The example that fails counts whole; what Hypothesis tries after it does not."""
    first = [verdict(error=0.25)]
    failing = [wrong(9), verdict(suspicious=bool(np.True_))]
    later = [verdict(error=0.75, suspicious=True), verdict(case=EMPTY)]
    found = judged(first, failing, later, [wrong(1, Outcome.MISBEHAVED)])
    (cell,) = found.cells
    assert cell.counts == {"agrees": 2, "disagrees": 1}
    assert (cell.worst, cell.suspicious, cell.stopped) == (0.25, 1, 1)
    assert found.boundaries == [each + each + each for each in judged(first).boundaries]


def test_the_last_failure_is_kept() -> None:
    """Hypothesis ends with the smallest failing example, so the last is the one to tell."""
    told = only_cell([wrong(9)], [wrong(1, Outcome.MISBEHAVED)], [verdict()]).told
    assert (told.case, told.outcome) == (str(replace(CASE, seed=1)), "misbehaved")


def test_the_message_is_that_of_the_report() -> None:
    """Where several cases of an example fail, message and report tell of the first."""
    record, wide = Record(), replace(CASE, fill="wide-x")
    with pytest.raises(ConformanceError) as caught:
        record.require_right([verdict(), wrong(), verdict(Outcome.DISAGREES, wide)])
    assert f"pytest --case {CASE}\n" in str(caught.value)
    told = record.found().cells[0].told.text
    assert str(caught.value) == f"convolution, float32: {told}"


def test_every_cell_that_failed_keeps_its_failure() -> None:
    """An example that fails for two properties leaves a failure in both cells."""
    cells = judged([wrong(prop=prop) for prop in ("exact", "bound")]).cells
    assert [each.told.case for each in cells] == [str(CASE)] * 2


def test_boundary_classes_count_what_was_decided() -> None:
    """A case that decided nothing reaches no boundary class, but for an empty batch."""
    undecided = [verdict(Outcome.VACUOUS), verdict(Outcome.UNDECIDED)]
    assert judged(undecided).boundaries == []
    decided = [verdict(), verdict(), verdict(Outcome.VACUOUS, EMPTY)]
    counts = {"one channel": 3, "empty batch": 1}
    expected = [Boundary("convolution", *each) for each in counts.items()]
    assert judged(undecided, decided).boundaries == expected


def test_entries_are_noted() -> None:
    """Whether an entry holds is kept by table and name."""
    record = Record()
    entries = {"ledger": {"unbound": True, "flipped": False}, "domain": {"unbound": False}}
    for table, each in entries.items():
        for name, holds in each.items():
            record.entry(table, name, holds=holds)
    assert json.loads(record.dump())["entries"] == entries


def test_what_becomes_of_zeros_is_kept() -> None:
    """Whose NaN spreads, and that products are left out, is kept by operation."""
    told = [verdict(spreads="x"), verdict(spreads="ftr"), verdict(), verdict(skips=True)]
    assert judged(told).zeros == [Zeros("convolution", ["ftr", "x"], skips=True)]


def test_the_plan_has_a_cell_for_all_that_is_judged() -> None:
    """Every operation is planned in every dtype for its laws and the oracle's properties."""
    plan = planned_cells(Subjects())
    assert len(plan) == len(set(plan))
    for name, operation in OPERATIONS.items():
        one_layer = operation.default_fore is None
        expected = {"certified", "exact", "bound", "nonfinite data", "nonfinite others"}
        laws = laws_of(name, parameters=bool(operation.parameters))
        expected |= {*laws, "threads", *["real layers"][: operation.trilinear]}
        expected -= {"nonfinite others"} if operation.degree == 1 else set()
        for dtype in USUAL:
            more = {"activations"} if not one_layer and dtype == "float64" else set()
            assert {p for o, p, d in plan if (o, d) == (name, dtype)} == expected | more
        assert ("impulse" in laws) is operation.trilinear
    assert {prop for _, prop, _ in plan} == set(planned.PROPERTIES)

"""A record tells what one test found, and is fit to cross processes."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plugin import recording
from convcheck.conformance.plugin.recording import ConformanceError, Record, planned_cells
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.conformance.references import laws_of
from convcheck.form.formats import DTYPES
from convcheck.form.operations import OPERATIONS
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.shown.evidence import Evidence
from convcheck.reports.rows import Boundary, Zeros

CASE = Case.parse("v1:convolution:float32:integers:b1.h4.w4.i1.o1.f2x2.s1x1:0")
EMPTY = Case.parse("v1:convolution:float32:integers:b0.h4.w4.i1.o1.f2x2.s1x1:0")


def kernel(x: Any, ftr: Any, strd: Any) -> Any:
    """Stand for the kernel that was judged; it is never called."""


def verdict(
    outcome: Outcome = Outcome.AGREES,
    seed: int = 0,
    *,
    case: Case = CASE,
    prop: str = "exact",
    error: float | None = None,
    suspicious: bool = False,
) -> Verdict:
    """Return a verdict as the judge would, with evidence where the kernel disagrees."""
    case = replace(case, seed=seed)
    evidence = None
    if outcome is Outcome.DISAGREES:
        array = np.ones((1, 1, 1, 1))
        evidence = Evidence(
            {"x": array, "ftr": array},
            case,
            expression="z[0, 0, 0, 0]",
            got=1.0,
            expected=2.0,
            excess=3.0,
            wrong=1,
            total=1,
        )
    return Verdict(
        case,
        subject_of(kernel, OPERATIONS[case.operation]),
        prop,
        outcome,
        "for a reason",
        error=error,
        suspicious=suspicious,
        evidence=evidence,
    )


def dumped(record: Record) -> dict[str, Any]:
    """Return what another process would read."""
    contents: dict[str, Any] = json.loads(record.dump())
    return contents


def only_cell(record: Record) -> dict[str, Any]:
    """Return the one cell of a record."""
    (cell,) = dumped(record)["cells"]
    assert isinstance(cell, dict)
    return cell


def judged_in_vain(record: Record, *verdicts: Verdict) -> str:
    """Add an example that fails, and return the message that it fails with."""
    with pytest.raises(ConformanceError) as caught:
        record.judged(list(verdicts))
    return str(caught.value)


def test_a_fresh_record_is_empty() -> None:
    """A test that judged nothing says so."""
    assert not any(dumped(Record()).values())


def test_a_cell_counts_every_outcome() -> None:
    """Each verdict counts once, under its own outcome and in the cell of its property."""
    record = Record()
    record.judged([verdict(), verdict(Outcome.VACUOUS)])
    record.judged([verdict(seed=1), verdict(Outcome.UNDECIDED, prop="bound")])
    exact, bound = dumped(record)["cells"]
    assert (exact["operation"], exact["property"], exact["dtype"]) == (
        "convolution",
        "exact",
        "float32",
    )
    assert exact["counts"] == {"agrees": 2, "vacuous": 1}
    assert exact["failure"] is None
    assert (bound["property"], bound["counts"]) == ("bound", {"undecided": 1})


def test_cells_keep_operations_and_dtypes_apart() -> None:
    """Cases that differ in operation or dtype are counted in different cells."""
    others = replace(CASE, dtype="float64"), replace(CASE, operation="convolution_transpose")
    record = Record()
    record.judged([verdict(), *(verdict(case=other) for other in others)])
    assert [cell["counts"] for cell in dumped(record)["cells"]] == [{"agrees": 1}] * 3


def test_a_property_may_be_given() -> None:
    """Verdicts are filed under the property that the test names, instead of their own."""
    record = Record()
    record.judged([verdict(), verdict(prop="bound")], "real layers")
    cell = only_cell(record)
    assert (cell["property"], cell["counts"]) == ("real layers", {"agrees": 2})


def test_the_largest_error_is_kept() -> None:
    """The worst error is the largest of those computed, and none where none was."""
    record = Record()
    record.judged([verdict()])
    assert only_cell(record)["worst"] is None
    for error in (0.25, 0.5, 0.125):
        record.judged([verdict(error=error)])
    assert only_cell(record)["worst"] == 0.5


def test_counts_freeze_after_the_first_failing_example() -> None:
    """The example that fails counts whole; what Hypothesis tries after it does not."""
    record = Record()
    record.judged([verdict(error=0.25)])
    boundaries = record.found().boundaries
    judged_in_vain(record, verdict(Outcome.DISAGREES, 9), verdict(suspicious=True))
    counts = {"agrees": 2, "disagrees": 1}
    assert only_cell(record)["counts"] == counts

    record.judged([verdict(error=0.75, suspicious=True), verdict(case=EMPTY)])
    judged_in_vain(record, verdict(Outcome.MISBEHAVED, 1))
    cell = only_cell(record)
    assert (cell["counts"], cell["worst"], cell["suspicious"]) == (counts, 0.25, 1)
    assert cell["stopped"] == 1
    assert record.found().boundaries == [each + each + each for each in boundaries]


def test_the_last_failure_is_kept() -> None:
    """Hypothesis ends with the smallest failing example, so the last is the one to tell."""
    record = Record()
    judged_in_vain(record, verdict(Outcome.DISAGREES, 9))
    judged_in_vain(record, verdict(Outcome.MISBEHAVED, 1))
    record.judged([verdict(seed=0)])
    failure = only_cell(record)["failure"]
    assert failure["case"] == str(replace(CASE, seed=1))
    assert failure["outcome"] == "misbehaved"


def test_the_message_is_that_of_the_report() -> None:
    """Where several cases of an example fail, message and report tell of the first."""
    record = Record()
    wide = replace(CASE, fill="wide-x")
    message = judged_in_vain(
        record, verdict(), verdict(Outcome.DISAGREES), verdict(Outcome.DISAGREES, case=wide)
    )
    assert f"pytest --case {CASE}\n" in message
    (cell,) = record.found().cells
    assert message == f"convolution, float32: {cell.told.text}"


def test_every_cell_that_failed_keeps_its_failure() -> None:
    """An example that fails for two properties leaves a failure in both cells."""
    record = Record()
    judged_in_vain(record, *(verdict(Outcome.DISAGREES, prop=p) for p in ("exact", "bound")))
    assert all(cell["failure"]["case"] == str(CASE) for cell in dumped(record)["cells"])


def test_boundary_classes_count_what_was_decided() -> None:
    """A case that decided nothing reaches no boundary class, but for an empty batch."""
    record = Record()
    record.judged([verdict(Outcome.VACUOUS), verdict(Outcome.UNDECIDED)])
    assert dumped(record)["boundaries"] == []
    record.judged([verdict(), verdict(), verdict(Outcome.VACUOUS, case=EMPTY)])
    assert record.found().boundaries == [
        Boundary("convolution", "one channel", 3),
        Boundary("convolution", "empty batch", 1),
    ]


def test_entries_are_noted() -> None:
    """Whether an entry holds is kept by table and name."""
    record = Record()
    record.entry("ledger", "unbound", holds=True)
    record.entry("ledger", "flipped", holds=False)
    record.entry("domain", "unbound", holds=False)
    assert dumped(record)["entries"] == {
        "ledger": {"unbound": True, "flipped": False},
        "domain": {"unbound": False},
    }


def test_what_becomes_of_zeros_is_kept() -> None:
    """Whose NaN spreads, and that products are left out, is kept by operation."""
    record = Record()
    told = [replace(verdict(), spreads="x"), replace(verdict(), spreads="ftr"), verdict()]
    record.judged([*told, replace(verdict(), skips=True)])
    assert record.found().zeros == [Zeros("convolution", ["ftr", "x"], skips=True)]


def test_a_dump_is_plain_json() -> None:
    """Numbers that NumPy computed cross processes as plain ones."""
    record = Record()
    record.judged([verdict(error=np.float64(0.5), suspicious=bool(np.True_))])
    judged_in_vain(record, verdict(Outcome.DISAGREES))
    text = record.dump()
    assert json.dumps(json.loads(text)) == text
    assert "NaN" not in text
    assert only_cell(record)["worst"] == 0.5
    assert only_cell(record)["suspicious"] == 1


def test_the_plan_has_a_cell_for_all_that_is_judged() -> None:
    """Every operation is planned in every dtype for its laws and the oracle's properties."""
    plan = planned_cells(Subjects())
    assert len(plan) == len(set(plan))
    for name, operation in OPERATIONS.items():
        one_layer = operation.default_fore is None
        expected = {
            "certified",
            "exact",
            "bound",
            "nonfinite data",
            "nonfinite others",
            *laws_of(name),
        }
        expected |= {"real layers"} if one_layer else set()
        for dtype in DTYPES:
            more = {"activations"} if not one_layer and dtype == "float64" else set()
            assert {p for o, p, d in plan if (o, d) == (name, dtype)} == expected | more
        assert ("impulse" in laws_of(name)) == one_layer
    assert {prop for _, prop, _ in plan} == set(recording.PROPERTIES)

"""The ledger of the notebook's faults: every entry still shows what it records."""

import pytest

from convcheck import reference
from convcheck.conformance import witnesses
from convcheck.conformance.plugin.recording import Record
from convcheck.reference import witness
from convcheck.reference.defects import LEDGER, Defect

each_defect = pytest.mark.parametrize("defect", LEDGER, ids=[defect.id for defect in LEDGER])


def report(defect: Defect, seen: witness.Outcome) -> str:
    """Describe an entry beside what came of its call."""
    given = "".join(f"\n  given    {name} = {text}" for name, text in defect.witness.given.items())
    return (
        f"{defect.id} ({defect.kernel})\n  call     {defect.witness.call}{given}\n"
        f"  expected {defect.witness.outcome}\n  seen     {seen}"
    )


@each_defect
def test_the_literal_kernel_shows_the_defect(record: Record, defect: Defect) -> None:
    """A literal kernel gives, on the witness of each of its faults, the recorded outcome."""
    names = witnesses.ledger_names()
    seen = witness.observe(defect.witness.call, names, defect.witness.given)
    shown = witness.shows(defect.witness.outcome, seen)
    record.entry("ledger", defect.id, holds=shown)
    assert shown, report(defect, seen)


@pytest.mark.parametrize(
    "defect",
    [defect for defect in LEDGER if defect.kernel in witnesses.REPAIRED],
    ids=[defect.id for defect in LEDGER if defect.kernel in witnesses.REPAIRED],
)
def test_the_repaired_kernel_shows_only_what_it_keeps(defect: Defect) -> None:
    """A repaired kernel shows a backward fault exactly where the entry says why it is kept."""
    names = witnesses.repaired_names()
    seen = witness.observe(defect.witness.call, names, defect.witness.given)
    still = witness.shows(defect.witness.outcome, seen)
    assert still == bool(defect.kept), f"kept: {defect.kept!r}\n{report(defect, seen)}"


@each_defect
def test_an_entry_names_its_kernel(defect: Defect) -> None:
    """Every entry is about an exported kernel, and its witness calls that kernel."""
    assert defect.kernel in reference.__all__
    assert f"{defect.kernel}(" in defect.witness.call


def test_every_kernel_is_in_the_ledger() -> None:
    """The ledger has entries for each of the four kernels, and every id is unique."""
    assert {defect.kernel for defect in LEDGER} == set(reference.__all__)
    assert len({defect.id for defect in LEDGER}) == len(LEDGER)


def test_only_backward_kernels_keep_faults_in_repair() -> None:
    """Only entries about kernels that were repaired say what the repair keeps."""
    assert {defect.kernel for defect in LEDGER if defect.kept} <= set(witnesses.REPAIRED)

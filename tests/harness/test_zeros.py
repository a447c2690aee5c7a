"""What right kernels make of zeros beside NaN is told in words of its own."""

from typing import Any

import pytest
from msgspec.structs import replace
from parsed import Page
from synthetic import TESTS, failure, record, report

from convcheck.reports import words
from convcheck.reports.rows import Record, Zeros


def _silent() -> dict[str, Record]:
    """Return records of tests in which no zero met NaN."""
    return {name: replace(record(at), zeros=[]) for at, name in enumerate(TESTS)}


def told(spreads: list[str], *, skips: bool, **changes: Any) -> list[str]:
    """Return what is told of a run in which one test kept this."""
    records = _silent()
    records[TESTS[4]] = replace(record(4, **changes), zeros=[Zeros("convolution", spreads, skips)])
    outcomes = {TESTS[4]: "failed"} if changes else {}
    return list(words.of_zeros(report(records, outcomes=outcomes).findings))


@pytest.mark.parametrize(
    ("spreads", "skips", "said"),
    [
        (["ftr"], False, "spreads NaN of ftr"),
        (["ftr", "x"], False, "spreads NaN of ftr and x"),
        ([], True, "leaves out products with zero"),
        (["x"], True, "spreads NaN of x and leaves out products with zero"),
    ],
)
def test_words(spreads: list[str], said: str, *, skips: bool) -> None:
    """A kernel that is right on finite numbers is told to be, and what it does beside NaN."""
    assert told(spreads, skips=skips) == [f"convolution: right on finite numbers; {said}"]


def test_a_kernel_that_fails_is_not_right_on_finite_numbers() -> None:
    """Where finite numbers failed, nothing is told of what right kernels may do."""
    assert told(["x"], skips=False, failure=failure()) == []


def test_nothing_is_told_of_who_does_neither() -> None:
    """Without such a verdict there is no sentence, nor an entry."""
    found = report(_silent()).findings
    assert not found.zeros
    assert not list(words.of_zeros(found))


def test_the_page_tells_it() -> None:
    """The page says so beside the verdict."""
    source = Page(report()).source
    assert "convolution: right on finite numbers; spreads NaN of ftr and x" in source

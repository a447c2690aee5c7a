"""The domain map: every pair of calls still ends as recorded, and is judged accordingly."""

import math
from typing import get_args

import pytest

from convcheck.conformance import witnesses
from convcheck.conformance.plugin.recording import Record
from convcheck.reference import witness
from convcheck.reference.domain import DOMAIN_MAP, NOTHING, DomainEntry, DomainVerdict
from convcheck.reference.witness import Outcome, Raises, Returns, Value, row

pytestmark = pytest.mark.usefixtures("one_thread")

each_entry = pytest.mark.parametrize("entry", DOMAIN_MAP, ids=[entry.id for entry in DOMAIN_MAP])


@each_entry
def test_both_do_what_is_recorded(record: Record, entry: DomainEntry) -> None:
    """Notebook (repaired where backward) and PyTorch treat the arguments as recorded."""
    problems = []
    for recorded in (entry.notebook, entry.pytorch):
        seen = witness.observe(recorded.call, witnesses.domain_names())
        if not witness.shows(recorded.outcome, seen):
            problems.append(
                f"  call     {recorded.call}\n  expected {recorded.outcome}\n  seen     {seen}"
            )
    record.entry("domain", entry.id, holds=not problems)
    assert not problems, "\n".join([f"{entry.id}: {entry.argument}", *problems])


def same(a: Value, b: Value) -> bool:
    """Return whether two nested lists hold equal numbers; exact, and NaN equals NaN."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, list) or isinstance(b, list):
        return False
    if isinstance(a, str) or isinstance(b, str):  # complex numbers are kept as text
        return complex(a) == complex(b)
    return a == b or (math.isnan(a) and math.isnan(b))


def wrong(outcome: Outcome, right: Value | None) -> bool:
    """Return whether an answer was given and is not the right one."""
    if isinstance(outcome, Raises) or right is None:
        return False
    return right == NOTHING or not same(outcome.values, right)


WRONG = {
    (True, True): "both silently wrong",
    (True, False): "notebook silently wrong",
    (False, True): "PyTorch silently wrong",
}
ANSWERED = {
    (True, True): "agrees",
    (True, False): "notebook alone answers",
    (False, True): "notebook refuses",
    (False, False): "both refuse",
}


def verdict(notebook: Outcome, pytorch: Outcome, right: Value | None) -> str:
    """Return the verdict that follows from the outcomes, or why none does."""
    wrongly = wrong(notebook, right), wrong(pytorch, right)
    if any(wrongly):
        return WRONG[wrongly]
    if right is not None:
        return "nobody is wrong, so no right answer belongs here"
    if (
        isinstance(notebook, Returns)
        and isinstance(pytorch, Returns)
        and not (notebook.shape == pytorch.shape and same(notebook.values, pytorch.values))
    ):
        return "they differ, so the right answer is missing"
    return ANSWERED[isinstance(notebook, Returns), isinstance(pytorch, Returns)]


@each_entry
def test_the_verdict_follows_from_the_outcomes(entry: DomainEntry) -> None:
    """The recorded verdict is the one that both outcomes and the right answer imply."""
    implied = verdict(entry.notebook.outcome, entry.pytorch.outcome, entry.right)
    assert entry.verdict == implied, f"{entry.id}: recorded {entry.verdict!r}"


ONE, TWO, REFUSAL = row(1.0), row(2.0), Raises("ValueError")


@pytest.mark.parametrize(
    ("notebook", "pytorch", "right", "expected"),
    [
        (ONE, ONE, None, "agrees"),
        (ONE, ONE, [[[[2.0]]]], "both silently wrong"),
        (ONE, TWO, None, ""),
        (ONE, TWO, [[[[2.0]]]], "notebook silently wrong"),
        (ONE, TWO, [[[[1.0]]]], "PyTorch silently wrong"),
        (ONE, TWO, NOTHING, "both silently wrong"),
        (ONE, REFUSAL, None, "notebook alone answers"),
        (ONE, REFUSAL, NOTHING, "notebook silently wrong"),
        (REFUSAL, ONE, None, "notebook refuses"),
        (REFUSAL, ONE, NOTHING, "PyTorch silently wrong"),
        (REFUSAL, REFUSAL, None, "both refuse"),
        (REFUSAL, REFUSAL, NOTHING, ""),
    ],
)
def test_the_verdict_tells_outcomes_apart(
    notebook: Outcome, pytorch: Outcome, right: Value | None, expected: str
) -> None:
    """Each combination of answers and refusals has one verdict, or none can be recorded."""
    given = verdict(notebook, pytorch, right)
    assert given == expected if expected else given not in get_args(DomainVerdict)


def test_every_entry_is_about_its_operation() -> None:
    """Each id is unique, and each notebook witness calls the operation it is filed under."""
    assert len({entry.id for entry in DOMAIN_MAP}) == len(DOMAIN_MAP)
    assert {entry.operation for entry in DOMAIN_MAP} == set(witnesses.LITERAL)
    for entry in DOMAIN_MAP:
        backward = "repaired_" if entry.operation in witnesses.REPAIRED else ""
        assert entry.notebook.call.startswith(f"{backward}{entry.operation}(")

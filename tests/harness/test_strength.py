"""The conformance suite catches the mistakes of the catalogue, and shrinks what it finds."""

import statistics

import pytest
from strength import caught, shrunk

from convcheck.oracle.mistakes import Mistake, catalogue
from convcheck.oracle.operations import OPERATIONS

SHARES = 24


def sampled(operation: str) -> list[Mistake]:
    """Return some of an operation's mistakes, others for each operation."""
    start = list(OPERATIONS).index(operation) * SHARES // len(OPERATIONS)
    return list(catalogue(operation)[start::SHARES])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_mistakes_are_caught(operation: str) -> None:
    """The cases of the quick profile catch a mistake, whichever of the catalogue it is."""
    missed = [mistake.id for mistake in sampled(operation) if caught(mistake, "quick") is None]
    assert missed == []


def test_failures_shrink_to_few_elements() -> None:
    """Half of the failures shrink to at most 16 input elements."""
    some = list(OPERATIONS)[::2]
    sizes = [shrunk(sampled(operation)[1]) for operation in some]
    assert statistics.median(size for size in sizes if size is not None) <= 16

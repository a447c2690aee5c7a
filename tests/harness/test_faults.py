"""What is wrong with an operation is told in one plain sentence."""

from typing import Any

import pytest
from msgspec.structs import replace
from sample import CASE, PLANNED, diagnosis, failed, part, pattern

from convcheck.reports.faults import fault, listed, telling

NAMES = diagnosis().names
RAINS = pattern("wrong exactly where it rains", "is", placed=True)
ZERO = pattern("it is 0")
ALONE = replace(pattern("wrong only in float16", "is"), dtypes=["float16"])


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("behaves exactly like: the filter is flipped in both axes", {"names": NAMES}),
        (
            "is wrong exactly where it rains",
            {"patterns": [RAINS]},
        ),
        (
            "is wrong exactly where it rains; it is 0",
            {"patterns": [RAINS, ZERO, pattern("all is wrong")]},
        ),
        (
            "is wrong only in row 2",
            {"patterns": [pattern("wrong only in row 2", "is"), pattern("all is wrong")]},
        ),
        ("is wrong: it is 0", {"patterns": [ZERO]}),
        ("in float16 is wrong: it is 0", {"patterns": [ZERO, ALONE]}),
        ("fails exact and bound", {}),
    ],
)
def test_the_most_telling_is_said(said: str, found: dict[str, Any]) -> None:
    """A mistake comes first, then the first pattern, with what is wrong there, and what fails."""
    failure = failed("wrong", diagnosis=diagnosis(**{"names": [], "patterns": [], **found}))
    cells = [part(cell, {"disagrees": 1}, failure) for cell in PLANNED[:4]]
    assert fault(cells) == f"convolution {said}".replace(" ,", ",")


def test_some_dtypes_are_named() -> None:
    """Where not every dtype fails, those that do are named."""
    cells = [part(cell, {}, failed("wrong") if "16" in cell[2] else None) for cell in PLANNED[:2]]
    assert fault(cells) == "convolution in float16 fails exact"


@pytest.mark.parametrize("words", ["overwrote x", "raised ValueError: <" + "y" * 9_000])
def test_what_a_kernel_did_is_said_briefly(words: str) -> None:
    """What it did instead of returning is told, but not all of a long message."""
    failure = failed(f"the kernel {words}", outcome="misbehaved")
    told = fault([part(PLANNED[0], {}, failure)])
    whole = f"convolution {words}"
    assert told == (whole if len(whole) < 160 else f"{whole[:160]}…")


def test_names_are_listed() -> None:
    """Up to three names are told, and more are counted."""
    assert [listed("abcd"[:n]) for n in range(5)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
        "a, b and 2 more",
    ]


def test_small_cases_are_told_before_large_ones() -> None:
    """A case of a few numbers tells more than one of thousands, short as its text may be."""
    large, small = (
        part(PLANNED[0], {}, failed(message, CASE.replace("i1.o1", channels)))
        for message, channels in (("wrong", "i257.o8"), ("wrong, at length", "i2.o2"))
    )
    assert min((large, small), key=telling) is small

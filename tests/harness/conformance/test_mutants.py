"""The account of mutants: what each changes, and that the list of survivors is kept."""

import json

import pytest
from mutants import LISTED, changes, summary

SOURCE = """
def x_add__mutmut_orig(a, b):
    c = a + b
    return c

def x_add__mutmut_1(a, b):
    c = a - b
    return c

def x_add__mutmut_2(a, b):
    c = None
    return c

def other():
    return 1
"""


def test_a_change_is_told_in_words() -> None:
    """A mutant is named by the function and the lines that it changes, not by a number."""
    assert changes(SOURCE) == {
        "zoo.x_add__mutmut_1": "add: c = a + b -> c = a - b",
        "zoo.x_add__mutmut_2": "add: c = a + b -> c = None",
    }


def test_survivors_are_counted() -> None:
    """Killed are mutants that failed or ran out of time; whatever else happened ends the run."""
    survivors, killed = summary({"a": 0, "b": 1, "c": 36, "d": 0}, {"a": "same", "d": "same"})
    assert (survivors, killed) == ({"same": 2}, 2)
    for status in (None, 33, 5, -11):
        with pytest.raises(SystemExit, match="mutmut could not judge"):
            summary({"a": status}, {"a": "same"})


def test_every_survivor_has_a_reason() -> None:
    """The list says of each survivor what it changes, and why nothing can be held against it."""
    for entry in json.loads(LISTED.read_text(encoding="utf-8")):
        assert set(entry) == {"mutant", "why"}
        assert " -> " in entry["mutant"]
        assert len(entry["why"].split()) >= 3

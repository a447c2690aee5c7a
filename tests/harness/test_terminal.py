"""What the terminal tells of a kernel that is wrong."""

from typing import Any

from sample import CASE, ELEMENT, PLANNED, diagnosis, failed, make, part, pattern

from convcheck.reports import problems, terminal
from convcheck.reports.rows import Named


def _told(
    said: str = "the kernel disagrees", outcome: str = "disagrees", **found: Any
) -> list[str]:
    """Return what is told of an operation that failed, with such a diagnosis."""
    code, about = ["import numpy as np"], diagnosis(**found)
    failure = failed(said, outcome=outcome, element=ELEMENT, snippet=code, diagnosis=about)
    (problem,) = problems.problems(report := make([part(PLANNED[0], {}, failure)]).findings)
    return [problem.fault, *terminal.lines(report, problem)]


def test_the_mistake_is_said_first() -> None:
    """A mistake that reproduces the results is the headline; a second one is told, too."""
    names = [Named(each, f"it is {each}", "") for each in "ab"]
    first, *rest = _told(names=names, patterns=[])
    assert first == f"{PLANNED[0][0]} behaves exactly like: it is a"
    assert "  or like  it is b" in rest


def test_patterns_are_said_where_there_is_no_name() -> None:
    """The most telling pattern is the headline, and is not said twice."""
    first, *rest = _told(names=[], patterns=[pattern("row 7 is wrong"), pattern("rows from 7 on")])
    assert first == f"{PLANNED[0][0]} is wrong: row 7 is wrong"
    assert "  pattern  rows from 7 on" in rest
    assert not any("row 7 is" in line for line in rest)


def test_everything_to_go_on_with_is_there() -> None:
    """Element, picture, case, command and code are told in this order, then what fails."""
    lines = _told(text=["the picture"])
    order = ["  element ", "    the picture", "  case ", "  rerun ", "    import numpy", "  fails "]
    places = [next(n for n, line in enumerate(lines) if line.startswith(each)) for each in order]
    assert places == sorted(places)
    assert lines[places[-1]].endswith(f": {CASE}")


def test_misbehaviour_is_said_first() -> None:
    """What a kernel did beside returning a result is the headline; patterns come after it."""
    said, patterns = (
        "the kernel printed more than 100,000 bytes",
        [pattern("right when asked again")],
    )
    first, *rest = _told(said, "misbehaved", names=[], patterns=patterns)
    assert first == f"{PLANNED[0][0]} printed more than 100,000 bytes"
    assert "  pattern  right when asked again" in rest

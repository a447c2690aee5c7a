"""What is wrong, and what is odd, is told in plain sentences, on the page and on the terminal."""

from typing import Any

import pytest
from msgspec.structs import replace
from sample import (
    CASE,
    ELEMENT,
    PLANNED,
    TESTS,
    certificate,
    diagnosis,
    failed,
    make,
    part,
    pattern,
    record,
    report,
)

from convcheck.reports.failures import Named, Pattern
from convcheck.reports.rows import Zeros
from convcheck.reports.told import problems, terminal, words
from convcheck.reports.told.causes import causes
from convcheck.reports.told.faults import fault, listed, telling

NAMES = [Named(each, f"it is {each}", "") for each in "ab"]
RAINS = pattern("wrong exactly where it rains", "is", placed=True)
ZERO, ALL = pattern("it is 0"), pattern("all is wrong")
ALONE = replace(pattern("wrong only in float16", "is"), dtypes=["float16"])


@pytest.mark.parametrize(
    ("said", "names", "patterns"),
    [
        ("behaves exactly like: it is a", NAMES, [ZERO]),
        ("is wrong exactly where it rains", [], [RAINS]),
        ("is wrong exactly where it rains; it is 0", [], [RAINS, ZERO, ALL]),
        ("is wrong only in row 2", [], [pattern("wrong only in row 2", "is"), ALL]),
        ("is wrong: it is 0", [], [ZERO]),
        ("in float16 is wrong: it is 0", [], [ZERO, ALONE]),
        ("fails exact and bound", [], []),
    ],
)
def test_the_most_telling_is_said(said: str, names: list[Named], patterns: list[Pattern]) -> None:
    """A mistake comes first, then the first pattern, with what is wrong there, and what fails."""
    failure = failed(diagnosis=diagnosis(names=names, patterns=patterns))
    cells = [part(cell, {"disagrees": 1}, failure) for cell in PLANNED[:4]]
    assert fault(cells) == f"convolution {said}".replace(" ,", ",")


def test_some_dtypes_are_named() -> None:
    """Where not every dtype fails, those that do are named."""
    cells = [part(cell, {}, failed() if "16" in cell[2] else None) for cell in PLANNED[:2]]
    assert fault(cells) == "convolution in float16 fails exact"


def test_what_was_proved_is_told_briefly() -> None:
    """How much of a region was exact, and bounds on the chance that are never rounded down."""
    found = report()
    region = "every distinct geometry up to 4; up to 2 in every combination"
    whole = replace(certificate("convolution"), region=region)
    whole = replace(whole, chance={"float16": 0.1549, "float64": 1.04e-8})
    found.findings.certificates = [whole]
    assert [*terminal.proved(found.findings)][:2] == [
        "convolution: exact on all 7,280 geometries, every distinct geometry up to 4, and more",
        "  chance that a wrong one of degree 2 agrees: below 1.1e-08 in float64, 1.6e-01 in float16",  # noqa: E501
    ]
    part_ = certificate("convolution", complete=False)
    assert words.exact(part_).startswith("exact on 57 of 7,280 geometries, every distinct")


@pytest.mark.parametrize("did", ["overwrote x", "raised ValueError: <" + "y" * 9_000])
def test_what_a_kernel_did_is_said_briefly(did: str) -> None:
    """What it did instead of returning is told, but not all of a long message."""
    failure = failed(f"the kernel {did}", outcome="misbehaved")
    whole = f"convolution {did}"
    told = whole if len(whole) < 160 else f"{whole[:160]}…"
    assert fault([part(PLANNED[0], {}, failure)]) == told


def test_names_are_listed() -> None:
    """Up to three names are told, and more are counted."""
    told = ["", "a", "a and b", "a, b and c", "a, b and 2 more"]
    assert [listed("abcd"[:n]) for n in range(5)] == told


def test_small_cases_are_told_before_large_ones() -> None:
    """A case of a few numbers tells more than one of thousands, short as its text may be."""
    large, small = (
        part(PLANNED[0], {}, failed(message, CASE.replace("i1.o1", channels)))
        for message, channels in (("wrong", "i257.o8"), ("wrong, at length", "i2.o2"))
    )
    assert min((large, small), key=telling) is small


def on_terminal(said: str = "the kernel disagrees", **found: Any) -> list[str]:
    """Return what is told of an operation that failed, with such a diagnosis."""
    outcome = found.pop("outcome", "disagrees")
    code, about = ["import numpy as np"], diagnosis(**found)
    failure = failed(said, outcome=outcome, element=ELEMENT, snippet=code, diagnosis=about)
    (problem,) = problems.problems(told := make([part(PLANNED[0], {}, failure)]).findings)
    return [problem.fault, *terminal.lines(told, problem)]


@pytest.mark.parametrize(
    ("first", "rest", "found"),
    [
        ("behaves exactly like: it is a", "  or like  it is b", {"names": NAMES, "patterns": []}),
        (
            "is wrong: row 7",
            "  pattern  from 7 on",
            {"names": [], "patterns": [pattern("row 7"), pattern("from 7 on")]},
        ),
        (
            "printed more than 100,000 bytes",
            "  pattern  right when asked again",
            {
                "said": "the kernel printed more than 100,000 bytes",
                "outcome": "misbehaved",
                "names": [],
                "patterns": [pattern("right when asked again")],
            },
        ),
    ],
    ids=["mistake", "pattern", "deed"],
)
def test_the_terminal_says_the_fault_first(first: str, rest: str, found: dict[str, Any]) -> None:
    """The headline is mistake, pattern or deed; what else is known follows, nothing twice."""
    headline, *lines = on_terminal(**found)
    assert headline == f"{PLANNED[0][0]} {first}"
    assert rest in lines
    assert not any(first.rpartition(": ")[2] in line for line in lines if "pattern" in line)


def test_what_is_less_exact_is_told_with_the_dtypes_that_are() -> None:
    """A promise that would do is said of those that fail, by page and terminal alike."""
    told = pattern("only as exact as sums=s allows", "is", leads=True, dtypes=["float32"])
    parts = [part(PLANNED[0], {}, failed(diagnosis=diagnosis(names=[], patterns=[told])))]
    findings = make(parts).findings
    (cause,) = causes(findings)
    dtype = PLANNED[0][2]
    assert cause.title == f"convolution in {dtype} is only as exact as sums=s allows"
    assert [each.fault for each in problems.problems(findings)] == [cause.title]


def test_other_counts_are_no_other_cause() -> None:
    """What was seen in so many calls of one case, and in others of another, is one thing."""
    parts = [
        part(cell, {}, failed(diagnosis=diagnosis(names=[], patterns=[told])))
        for cell, calls in zip(PLANNED, (12, 7), strict=False)
        for told in [pattern("right now and then", leads=True, share=f"in {calls} of 64 calls")]
    ]
    (cause,) = causes(make(parts).findings)
    assert len(cause.cells) == 2


@pytest.mark.parametrize(
    ("found", "last"),
    [
        ({"names": [Named("a", "f", "")]}, "convolution behaves exactly like: f"),
        ({"names": [Named("a", "f" * 60, "")]}, "f" * 60),
        ({"names": [Named("a", "f" * 99, "")]}, "convolution is wrong"),
        (
            {"patterns": [pattern(f"wrong where {'f' * 40}", "is", share="in 1,200 tried")]},
            f"wrong where {'f' * 40}",
        ),
    ],
)
def test_the_last_line_says_what_it_has_room_for(found: dict[str, Any], last: str) -> None:
    """The whole verdict, or its gist, or that the operation is wrong; in 100 characters."""
    about = diagnosis(**{"names": [], "patterns": []} | found)
    parts = [part(PLANNED[0], {}, failed(element=ELEMENT, diagnosis=about))]
    _, line = terminal.verdict(make(parts).findings)
    assert line == f"Does not conform: {last}."
    assert len(line) <= terminal.LONGEST


def test_the_last_line_does_not_part_what_a_kernel_says() -> None:
    """A semicolon in a message is none between parts of the verdict."""
    said = f"raised ValueError: {'f' * 20}; {'f' * 35}"
    parts = [part(PLANNED[0], {}, failed(f"the kernel {said}", outcome="misbehaved"))]
    _, line = terminal.verdict(make(parts).findings)
    assert line == f"Does not conform: {said}."


def test_everything_to_go_on_with_is_there() -> None:
    """Element, picture, case, command and code are told in this order, then what fails."""
    lines = on_terminal(text=["the picture"])
    order = ["  element ", "    the picture", "  case ", "  rerun ", "    import numpy", "  fails "]
    places = [next(n for n, line in enumerate(lines) if line.startswith(each)) for each in order]
    assert places == sorted(places)
    assert lines[places[-1]].endswith(f": {CASE}")


@pytest.mark.parametrize(
    ("zeros", "failure", "said"),
    [
        (Zeros("convolution", ["ftr"], skips=False), None, "spreads NaN of ftr"),
        (Zeros("convolution", ["ftr", "x"], skips=False), None, "spreads NaN of ftr and x"),
        (Zeros("convolution", [], skips=True), None, "leaves out products with zero"),
        (
            Zeros("convolution", ["x"], skips=True),
            None,
            "spreads NaN of x and leaves out products with zero",
        ),
        (Zeros("convolution", ["x"], skips=False), failed(), None),
        (None, None, None),
    ],
)
def test_zeros_beside_nan_are_told(zeros: Zeros | None, failure: Any, said: str | None) -> None:
    """What a kernel does of which nothing is wrong; nothing is told of others."""
    records = {name: replace(record(at), zeros=[]) for at, name in enumerate(TESTS)}
    if zeros:
        records[TESTS[4]] = replace(record(4, failure=failure), zeros=[zeros])
    outcomes = {TESTS[4]: "failed"} if failure else {}
    found = report(records, outcomes=outcomes).findings
    assert bool(found.zeros) == bool(zeros)
    told = [f"convolution: right on finite numbers; {said}"] if said else []
    assert list(words.of_zeros(found)) == told

"""How long calls may take, the first of a shape and others, and whose clock tells it."""

import math
import time
from collections.abc import Callable
from itertools import count

import pytest
from pytest_runs import Command, Folder, findings, run

from convcheck.cases.case import Case
from convcheck.conformance.plugin.likeness import Tally
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.isolation import process
from convcheck.kernels.isolation.isolated import Isolated

# A kernel that compiles, as it were: for each shape, dtype and stride.
COMPILES = """
import time
from convcheck.reference import notebook

known = set()

def convolution(x, ftr, strd):
    form = x.shape, ftr.shape, x.dtype, strd
    time.sleep(0 if form in known else 0.7)
    known.add(form)
    return notebook.convolution(x, ftr, strd)
"""
HANGS_LATER = (
    COMPILES
    + """
right = convolution

def convolution(x, ftr, strd):
    time.sleep(30 if (x.shape, ftr.shape, x.dtype, strd) in known else 0)
    return right(x, ftr, strd)
"""
)
CASES = [
    Case.parse(f"v1:convolution:{dtype}:{fill}:b1.h3.w4.i2.o2.f2x2.s1x{stride}:1")
    for dtype, stride in (("float32", 1), ("float64", 1), ("float64", 2))
    for fill in ("integers", "uniform", "small")
]
Isolate = Callable[..., Isolated]


def told(verdicts: list[Verdict]) -> set[tuple[Outcome, str]]:
    """Return what was said, each once."""
    return {(each.outcome, each.reason) for each in verdicts}


def test_first_calls_of_a_shape_may_compile(kernel_of: Isolate) -> None:
    """They have a limit of their own; so have they in every process anew, and in a diagnosis."""
    kernel = kernel_of(COMPILES, seconds=0.4)
    assert told(judge_all(kernel, CASES)) == {(Outcome.AGREES, "")}
    kernel.stop()
    assert told(judge_all(kernel, CASES[:2])) == {(Outcome.AGREES, "")}
    fresh = kernel.fresh(0.3)
    assert told(judge_all(fresh, CASES[:2])) == {(Outcome.AGREES, "")}
    fresh.stop()


def test_a_first_call_has_a_limit_too(kernel_of: Isolate) -> None:
    """Beyond it, it is a hang, and the limit that would allow more is named.

    It is the same after a hang, when calls are waited for less: who judges what must not matter.
    """
    kernel = kernel_of(COMPILES, seconds=0.2, first_seconds=0.5)
    for case in CASES[:2]:
        kernel.begin()
        (verdict,) = judge_all(kernel, [case])
        assert verdict.outcome is Outcome.MISBEHAVED
        said = "did not return in time (first_seconds=0.5; once it has hung, 0.2 s)"
        assert verdict.reason == said


def test_what_is_a_first_call_does_not_depend_on_other_tests(kernel_of: Isolate) -> None:
    """Each test has first calls of its own, since workers share tests as it happens."""
    kernel = kernel_of(HANGS_LATER, seconds=0.3, first_seconds=0.9)
    judge_all(kernel, CASES[:1])
    kernel.begin()
    (verdict,) = judge_all(kernel, CASES[:1])
    assert verdict.reason.startswith("did not return in time (first_seconds=0.9;")


def test_later_calls_have_the_short_limit(kernel_of: Isolate) -> None:
    """A kernel that hangs where it has answered such a call before is not waited for long."""
    kernel = kernel_of(HANGS_LATER, seconds=0.4)
    first, second = judge_all(kernel, CASES[:2])
    assert (first.outcome, second.outcome) == (Outcome.AGREES, Outcome.MISBEHAVED)
    assert second.reason == "did not return in time (seconds=0.4)"
    fresh = kernel.fresh(0.3)
    assert judge_all(fresh, CASES[:1])[0].reason.endswith("; once it has hung, 0.3 s)")
    fresh.stop()


def test_what_a_process_takes_is_looked_at_now_and_then(
    kernel_of: Isolate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading of all that a kernel has started takes longer than a small call does."""
    looked = count()
    monkeypatch.setattr(process, "_resident", lambda _: next(looked) * 0.0)
    kernel = kernel_of("convolution=convcheck.reference:convolution")
    kernel.start()
    before, started = next(looked), time.monotonic()
    for _ in range(100):
        judge_all(kernel, CASES[:1])
    assert next(looked) - before <= 3 + (time.monotonic() - started) / 0.05


@pytest.mark.parametrize("name", ["seconds", "first_seconds", "megabytes"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_limits_are_positive(kernel_of: Isolate, name: str, value: float) -> None:
    """Another number is refused by the limit's name."""
    with pytest.raises(ValueError, match=f"{name}={value!r}: expected a positive number"):
        kernel_of(COMPILES, **{name: value})


OPTIONS = ("--call-seconds", "--first-call-seconds", "--call-megabytes")


@pytest.mark.parametrize("option", [*OPTIONS, "--convcheck-first-call-seconds"])
def test_options_are_positive(folder: Folder, called: Command, option: str) -> None:
    """A limit that is no positive number is a wrong command, which the message names."""
    for value in ("0", "-1", "nan", "x"):
        status, _, said = called(folder(), f"{option}={value}")
        assert status == 4
        assert f"argument {option}: {value!r}: expected a positive" in said


def test_options_reach_the_kernel(folder: Folder) -> None:
    """A kernel that compiles conforms, and the command to rerun says how it was called."""
    where = folder(mine=COMPILES.replace("0.7", "1.5 * (x.size == 24)"))
    one = ("--case", str(CASES[0]), "--kernel", "convolution=mine.py:convolution")
    assert run(where, *one, "--call-seconds", "0.5").returncode == 0
    few = ("--call-seconds", "0.5", "--first-call-seconds", "1", "--conformance-json", "r.json")
    done = run(where, *one, *few)
    assert done.returncode == 1
    assert "--call-seconds 0.5 --first-call-seconds 1" in done.stdout
    assert findings(where / "r.json")["verdict"] == "does not conform"


# A kernel whose process has clocks of its own.
LIES = """
import time
from convcheck.reference import notebook

sleep = time.sleep
time.perf_counter = lambda: {now}
time.monotonic = lambda: {now}
{more}

def convolution(x, ftr, strd):
    sleep({sleep})
    return notebook.convolution(x, ftr, strd)
"""


# A clock that takes every call for a month.
RUNS_AWAY = """
from itertools import count
from convcheck.kernels import functions
functions.perf_counter = count(0, 2_592_000).__next__
"""


@pytest.mark.parametrize(
    ("now", "more"),
    [
        ("float('nan')", ""),
        ("-2980.0 * sleep.__hash__()", ""),
        ("'soon'", ""),
        ("0", RUNS_AWAY),
    ],
)
def test_the_judge_holds_times_against_its_own(kernel_of: Isolate, now: str, more: str) -> None:
    """Whatever clocks a kernel's process has, its time is what it took, and no more."""
    kernel = kernel_of(LIES.format(now=now, sleep=0.1, more=more))
    tally = Tally(kernel, kernel)
    tally.compare(CASES[:1])
    tally.compare(CASES[:3])
    few, many = tally.timed("convolution").seconds
    for seconds, calls in ((few, 2), (many, 6)):  # it is both kernels
        assert all(0.06 * calls < each < 0.1 * calls + 3 for each in seconds)

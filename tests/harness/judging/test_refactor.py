"""A kernel beside the one that it replaces: what is told of them."""

import re
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pytest_runs import Folder, findings, run
from sample import NO_ASKED, PLANNED, part
from sample import failed as failed_case

from convcheck.cases.case import Case
from convcheck.conformance.plugin import replaced
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.likeness import Tally
from convcheck.diagnosis.beside.likeness import Likeness, Losses, compare, differing, likeness
from convcheck.form.operations import OPERATIONS, Kernel
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import subject_of
from convcheck.reference import convolution
from convcheck.reports.document import Speed
from convcheck.reports.findings import Results, build, planned_rows
from convcheck.reports.rows import Record, Timed
from convcheck.reports.told import refactor

SMALL = "b1.h3.w4.i2.o2.f2x2.s1x2"
LARGE = "b1.h7.w7.i16.o2.f5x5.s1x1"


def case(
    dtype: str = "float32", fill: str = "uniform", geometry: str = SMALL, seed: int = 1
) -> Case:
    """Return a case of a convolution."""
    return Case.parse(f"v1:convolution:{dtype}:{fill}:{geometry}:{seed}")


def changed(change: Any) -> Kernel:
    """Return the literal kernel, something done to its result."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = convolution(x, ftr, strd)
        replaced = change(z)
        return z if replaced is None else replaced

    return kernel


def plain_sum(dtype: Any = None) -> Kernel:
    """Return a kernel that adds products one after another in `dtype`, or that of its input."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        taps = ftr.shape[1:3]
        windows = np.lib.stride_tricks.sliding_window_view(x, taps, axis=(1, 2))
        windows = windows[:, :: strd[0], :: strd[1]].astype(dtype or x.dtype)
        ftr = ftr.astype(dtype or x.dtype)
        z = np.zeros((*windows.shape[:3], ftr.shape[3]), windows.dtype)
        for at in np.ndindex(ftr.shape[:3]):
            z += windows[(..., *at, None)] * ftr[at]
        return z.astype(x.dtype)

    return kernel


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1.0, 1.0, False),
        (0.0, -0.0, True),
        (np.nan, -np.nan, False),
        (np.nan, 1.0, True),
        (np.inf, -np.inf, True),
        (1.0, np.nextafter(1.0, 2), True),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.longdouble])
def test_bits(one: float, other: float, expected: bool, dtype: Any) -> None:  # noqa: FBT001
    """Bits are those of values: signs of zero count, NaN are alike."""
    assert differing(np.array([one], dtype), np.array([other])).tolist() == [expected]


COPY, WRONG = changed(lambda _: None), changed(lambda z: z + 1)


@pytest.mark.parametrize(
    ("kernel", "replaced", "compared", "retyped"),
    [
        (COPY, convolution, True, False),
        (COPY, COPY, True, False),  # of any name
        (changed(lambda z: z.astype(np.float32)), convolution, True, True),
        (convolution, changed(lambda z: z[:, 1:]), False, False),
    ],
    ids=["a copy", "any name", "another dtype", "misbehaves"],
)
def test_the_same_values_do_not_differ(
    kernel: Kernel, replaced: Kernel, *, compared: bool, retyped: bool
) -> None:
    """A copy is identical, be its dtype another; who gives no result alone is to blame."""
    (found,) = compare(kernel, replaced, [case()])
    assert (found.compared, found.difference, found.retyped) == (compared, None, retyped)
    assert (found.verdict.failed, found.replaced.failed) == (False, not compared)
    assert not retyped or found.dtypes == ("float32", "float64")


def test_cases_say_which_operation_it_is() -> None:
    """There is but one; of none there is nothing to tell."""
    assert compare(COPY, COPY, []) == []
    other = Case.parse(f"v1:convolution_transpose:float32:uniform:{SMALL}:1")
    with pytest.raises(ValueError, match=r"cases=.*: expected cases of one operation"):
        compare(COPY, COPY, [case(), other])


def test_the_first_difference_is_shown() -> None:
    """One bit of one element is found, with both values."""

    def nudge(z: Any) -> None:
        z[0, 1, 0, 1] = np.nextafter(z[0, 1, 0, 1], np.inf)

    (found,) = compare(changed(nudge), convolution, [case("float64")])
    assert not found.verdict.failed
    assert found.difference is not None
    assert (found.difference.index, found.difference.count) == ((0, 1, 0, 1), 1)
    assert found.difference.got == np.nextafter(found.difference.replaced, np.inf)


@pytest.mark.parametrize(
    ("kernel", "replaced", "clear"),
    [
        (plain_sum(), convolution, False),
        (plain_sum(), plain_sum(np.longdouble), True),
        (plain_sum(np.longdouble), plain_sum(), False),
    ],
    ids=["another order", "a narrower format", "a wider format"],
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_less_accurate(kernel: Kernel, replaced: Kernel, dtype: str, *, clear: bool) -> None:
    """Another order of summation is no loss, a narrower format is one, on any seed."""
    for start in (0, 100, 200):
        losses = Losses()
        cases = [case(dtype, "positive", LARGE, start + seed) for seed in range(16)]
        for each in compare(kernel, replaced, cases):
            losses.add(each)
        assert losses.clear == clear, losses.ratios()


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (Likeness.IDENTICAL, {}),
        (Likeness.IDENTICAL, {"less": True}),
        (Likeness.SAME, {"identical": 8}),
        (Likeness.SAME, {"retyped": 1}),
        (Likeness.LESS, {"identical": 8, "less": True}),
        (Likeness.WRONG, {"failed": 1}),
        (Likeness.WRONG, {"failed": 1, "failed_replaced": 1}),
        (Likeness.NOTHING, {"failed_replaced": 1}),
        (Likeness.NOTHING, {"cases": 0, "identical": 0}),
    ],
)
def test_likeness(expected: Likeness, changes: dict[str, Any]) -> None:
    """The worst that was found decides."""
    counts: dict[str, Any] = dict.fromkeys(("retyped", "failed", "failed_replaced"), 0)
    counts |= {"cases": 9, "identical": 9, "less": False}
    assert likeness(**counts | changes) is expected


def tally_of(kernel: Kernel, replaced: Kernel) -> Tally:
    """Return what counts comparisons of two kernels for convolution."""
    one, other = (subject_of(each, OPERATIONS["convolution"]) for each in (kernel, replaced))
    return Tally(one, other)


@pytest.mark.parametrize(
    ("kernel", "replaced", "failed", "said"),
    [
        (COPY, convolution, False, "bit-identical with old:convolution; 50 times faster"),
        (COPY, convolution, True, "wrong, beside old:convolution; bits differ in 0 of 2 cases"),
        (WRONG, convolution, False, "wrong, beside"),
        (
            plain_sum(),
            convolution,
            False,
            "same within the bound as old:convolution; bits differ in 1 of 2 cases; ",
        ),
        (COPY, WRONG, False, "nothing to compare with: old:convolution is itself wrong in 2 cases"),
    ],
)
def test_sentences(kernel: Kernel, replaced: Kernel, said: str, *, failed: bool) -> None:
    """Every verdict is told in a sentence that blames nobody without cause."""
    tally = tally_of(kernel, replaced)
    tally.compare([case(), case(fill="integers")])
    row = tally.row("convolution", "float32", bitwise=False)
    row.candidate, row.replaces = "mine:convolution", "old:convolution"
    cells = [part(PLANNED[0], {}, failed_case())] if failed else []
    results = Results({"test": Record(cells, refactor=[row])}, {}, {}, [])
    (entry,) = build(results, planned_rows([], [], []), NO_ASKED).refactor
    told = refactor.sentence(entry, [Speed("convolution", 0.02, 1)])
    assert told.startswith(f"convolution: {said}")
    assert told == f"convolution: {said}" or "bits differ" in told
    assert ("the dtype differs in 2" in told) is ("same within" in said)


def test_speed_is_a_median() -> None:
    """One slow moment of the machine changes nothing; heavy geometries weigh more."""
    seconds = [(0.1, 1.0), (50.0, 1.0), (0.1, 1.0), (1.0, 0.001)]
    records = [Record(speed=[Timed("convolution", 4, seconds)])]
    assert refactor.speed(records) == [Speed("convolution", 0.1, 4)]


def test_bits_may_be_demanded() -> None:
    """The first case that differs is told with both values exactly, and how to see it again."""
    tally = tally_of(plain_sum(), convolution)
    tally.compare([case(fill="integers"), case(), case(seed=2)])
    with pytest.raises(ConformanceError) as caught:
        tally.demand_bits()
    message = str(caught.value)
    assert "not bit-identical with" in message
    assert f"--bitwise --case {case(fill='integers')}" not in message
    assert message.count("0x") == 2
    assert f"pytest --bitwise --case {case()}" in message
    tally = tally_of(COPY, convolution)
    tally.compare([case()])
    tally.demand_bits()


OTHER = """
from convcheck import reference

def convolution(x, ftr, strd):
    return reference.convolution(x, ftr, strd)

def other(x, ftr, strd):
    if x.shape[3] < 5:
        return convolution(x, ftr, strd)
    return convolution(x[..., ::-1], ftr[::-1], strd)
"""


def test_what_is_replaced_is_called_as_the_table_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pyproject.toml says of a kernel holds where --replaces names it, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        "[[tool.convcheck.kernels]]\nkernel = 'convolution=k.py:old'\nfilters = 'HWIO'\n"
    )
    (tmp_path / "k.py").write_text(
        "from convcheck.reference import convolution\n"
        "def old(x, ftr, strd):\n    return convolution(x, ftr.transpose(2, 0, 1, 3), strd)\n"
    )
    options = {"convcheck_replaces": ["k.py:old"], "convcheck_in_process": True}
    config: Any = SimpleNamespace(getoption=options.get, rootpath=tmp_path)
    candidates = {"convolution": Candidate.parse("convolution=new:new")}
    (other,) = replaced.replaced(config, candidates).values()
    (found,) = compare(convolution, other, [case()])
    assert found.replaced, found.replaced


KERNEL = ("--kernel", "convolution=mine.py:other", "--replaces", "mine.py:convolution")


def test_from_the_command_line(folder: Folder) -> None:
    """Workers' parts are told as one, and the command that is printed shows it again."""
    where = folder(mine=OTHER)
    quick = ("--hypothesis-profile", "quick", "-k", "refactor and not float16")
    done = run(where, *KERNEL, "--bitwise", *quick, "-n", "2", "--conformance-json", "r")
    assert done.returncode == 1
    told = "convolution: same within the bound as mine.py:convolution; bits differ"
    assert told in done.stdout
    (entry,) = findings(where / "r")["refactor"]
    assert entry["example"] in done.stdout
    (command, *_) = re.findall(r"^  rerun    pytest (.*)$", done.stdout, re.MULTILINE)
    again = run(where, *shlex.split(command))
    assert again.returncode == 1
    assert "not bit-identical with mine.py:convolution" in again.stdout


def test_where_both_take_it(folder: Folder) -> None:
    """Two kernels with domains are compared where both are at home."""
    where = folder(mine=OTHER)
    for only, other in (("channels_in % 8 == 0", "filter_height == 3"), ("batch == 2", "")):
        kernel, old = (f"convolution=mine.py:convolution,only={each}" for each in (only, other))
        quick = ("--hypothesis-profile", "quick", "-k", "refactor and float32")
        old = old if other else "mine.py:convolution"
        done = run(where, "--kernel", kernel, "--replaces", old, *quick, "--conformance-json", "r")
        assert done.returncode == 0
        (entry,) = findings(where / "r")["refactor"]
        assert entry["cases"] > 40, done.stdout


def test_without_a_candidate_there_is_nothing_to_compare(folder: Folder) -> None:
    """Where the reference is judged, no test of candidates is collected, nor missing."""
    done = run(folder(), "--pyargs", "convcheck.conformance", "--collect-only", "-q")
    assert "test_laws" in done.stdout
    assert "test_refactor" not in done.stdout
    assert "test_kept" not in done.stdout

"""A kernel that fails is told how it is wrong, truly or not at all."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from wrong import NAMED, RIGHT, UNSEEN
from zeros import OF_ZEROS
from zoo import kernels

from convcheck.cases.case import Case
from convcheck.diagnosis import diagnose as diagnosis
from convcheck.diagnosis.diagnose import Diagnosis
from convcheck.diagnosis.history import evidence_of
from convcheck.diagnosis.probes import probes_of
from convcheck.diagnosis.session import Session
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, property_of
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Evidence, Outcome, Verdict
from convcheck.kernels.candidates import Candidate
from convcheck.kernels.functions import subject_of
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.promises import Promise


def diagnose(kernel: Any, case: Case) -> Diagnosis:
    """Return the diagnosis of a kernel on a case, as of a verdict that it failed there."""
    verdict = judge(kernel, case)
    if not verdict.failed:
        verdict = Verdict(case, verdict.subject, property_of(case), Outcome.DISAGREES)
    return diagnosis.diagnose(verdict)


def session_of(kernel: Any, operation: str) -> Session:
    """Return what a kernel answers to the probes."""
    return Session(subject_of(kernel, OPERATIONS[operation]), OPERATIONS[operation], "float32")


def diagnose_probes(kernel: Any, operation: str) -> Diagnosis:
    """Return the diagnosis of a kernel on the first probe that it answers wrongly."""
    session = session_of(kernel, operation)
    asked = next(each for each in session.asked if not each.right)
    result = asked.result()
    evidence = Evidence(asked.probe.arrays, asked.probe.case)
    evidence = evidence_of(asked.probe, result) if result else evidence
    case = asked.probe.case
    subject = session.origin
    verdict = Verdict(case, subject, property_of(case), Outcome.DISAGREES, evidence=evidence)
    return diagnosis.diagnose(verdict)


def case_of(geometry: str, batch: int = 1) -> Case:
    """Return a case of a convolution, on exact integers in float32."""
    return Case.parse(f"v1:convolution:float32:integers:b{batch}.{geometry}:1")


def failed_case(kernel: Any, operation: str) -> Case:
    """Return the case of the first probe that a kernel answers wrongly."""
    session = session_of(kernel, operation)
    return next(each.probe.case for each in session.asked if not each.right)


@pytest.mark.parametrize("name", NAMED)
def test_mistakes_of_the_catalogue_are_named(name: str) -> None:
    """A kernel with a mistake of the catalogue, however it is written, is told its name."""
    operation, expected, kernel = NAMED[name]
    found = diagnose_probes(kernel, operation)
    assert [each.id for each in found.names] == [expected]
    assert found.lines()[0] == f"  behaves exactly like: {found.names[0].sentence}"


@pytest.mark.parametrize("name", UNSEEN)
def test_patterns_of_other_mistakes(name: str) -> None:
    """A kernel with another mistake gets no name, but is told a pattern that says something."""
    geometry, words, kernel = UNSEEN[name]
    found = diagnose(kernel, case_of(geometry, batch=5 if "batch" in words else 1))
    assert found.names == ()
    assert any(words in pattern for pattern in found.patterns), found.patterns


@pytest.mark.parametrize("operation", OPERATIONS)
def test_right_kernels_are_not_diagnosed(operation: str) -> None:
    """A kernel that is right when asked again gets no name, and is told so."""
    case = probes_of(OPERATIONS[operation], "float32")[0].case
    found = diagnose(RIGHT[operation], case)
    assert found.names == ()
    (pattern,) = found.patterns
    assert pattern.startswith("right in 64 further calls with these arguments")


def test_a_large_layer_is_looked_into_on_a_smaller_one() -> None:
    """A kernel that is wrong for large filters is wrong, too, on a small part of a large layer."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = RIGHT["convolution"](x, f, s)
        return z[:, ::-1] if f.shape[1] >= 7 else z

    found = diagnose(kernel, case_of("h230.w230.i3.o64.f7x7.s2x2"))
    assert found.picture is not None
    assert found.patterns != ()
    found = diagnose(RIGHT["convolution"], case_of("h230.w230.i3.o64.f7x7.s2x2"))
    assert found.patterns[0].startswith("right on all smaller calls")


def test_a_mistake_that_is_as_far_off_is_not_named() -> None:
    """A small error is not taken for lost precision that would be as small."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = RIGHT["convolution"](x, f, s)
        return z + f[0, 0, 0, 0] if f.shape[1] >= 7 else z

    found = diagnose(kernel, case_of("h230.w230.i3.o64.f7x7.s2x2"))
    assert not any("float16" in each for each in found.patterns), found.patterns


def test_a_condition_is_told_where_it_holds() -> None:
    """What probes say of one fault is not said of a case that fails by another."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        if f.shape[3] == 3:
            raise ValueError
        z = RIGHT["convolution"](x, f, s)
        return z[0] if len(x) == 1 and x.shape[1] > 5 else z

    three, long = (
        diagnose(kernel, case_of(geometry)).patterns
        for geometry in ("h1.w1.i1.o3.f1x1.s1x1", "h6.w2.i1.o1.f2x2.s3x1")
    )
    assert three[0].startswith("raised ValueError exactly where channels out is 3, in ")
    assert long[0].startswith(
        "returns another shape only where batch is 1 and height is 6 or more, in "
    )
    assert not any("channels out" in each for each in long)


def test_results_that_change_are_told() -> None:
    """Where the same call gives another result, nothing else is said."""
    calls: list[int] = []

    def drifts(x: Any, f: Any, s: Any) -> Any:
        calls.append(1)
        return RIGHT["convolution"](x, f, s) + len(calls)

    found = diagnose(drifts, case_of("h3.w3.i1.o1.f2x2.s1x1"))
    assert found.patterns == ("different results for the same arguments, wrong in 64 of 64 calls",)


def test_few_wrong_answers_do_not_mislead() -> None:
    """Where few probes show a mistake, only that is told which gives the answers around, too."""
    right = RIGHT["convolution"]

    def exchanges(x: Any, f: Any, s: Any) -> Any:
        z, other = right(x, f, s), right(x, f, s[::-1])
        return other if other.shape == z.shape else z

    case = Case.parse("v1:convolution:float64:integers:b1.h2.w4.i1.o1.f1x1.s2x3:0")
    (pattern, *_) = diagnose(exchanges, case).patterns
    assert pattern.endswith("it behaves as if the two strides are exchanged")


def test_a_kind_of_layer_l1_that_is_not_taken() -> None:
    """A kernel that is wrong with one kind of layer l+1 alone is told so."""
    right = RIGHT["conv_back_prop"]

    def ignores(*arguments: Any, fore_layer: str = "convolution") -> Any:  # noqa: ARG001
        return right(*arguments)

    geometry = "b1.h1.w1.i1.o1.f1x1.s1x1+convolution_transpose.k1.f1x2.s1x1"
    case = Case.parse(f"v1:conv_back_prop:float64:integers:{geometry}:0")
    (first, *_) = diagnose(ignores, case).patterns
    assert " exactly where layer l+1 is a transposed convolution and " in first


def test_nothing_is_said_by_chance() -> None:
    """That some numbers come out right is said if they do so with every seed."""
    right = RIGHT["convolution"]

    def repeats(x: Any, f: Any, s: Any) -> Any:
        return np.concatenate([(z := right(x, f, s))[:4], *[z[:1]] * (len(z) - 4)])

    patterns = diagnose(repeats, case_of("h1.w1.i1.o2.f1x1.s1x1", batch=5)).patterns
    assert patterns[0].startswith("wrong exactly where batch is 5 or more, in ")
    assert patterns[1] == "wrong only in batch items from 4 on"
    assert not any("right on" in pattern for pattern in patterns)


def test_no_mistake_is_named_that_goes_further() -> None:
    """A kernel that makes a mistake on large extents alone is not told to make it everywhere."""
    right = RIGHT["convolution_transpose"]

    def loses(x: Any, f: Any, s: Any) -> Any:
        if x.shape[2] > 16:
            x = np.array(x)
            x[:, :, x.shape[2] // 8 * 8 :] = 0
        return right(x, f, s)

    geometry = "b1.h1.w17.i1.o1.f1x1.s1x1"
    found = diagnose(loses, Case.parse(f"v1:convolution_transpose:float64:integers:{geometry}:0"))
    assert not found.names
    assert any("wrong exactly where width is" in each for each in found.patterns)


def test_what_is_wrong_with_nan_alone() -> None:
    """A kernel that clears NaN is told so, and nothing that any result with NaN would fit."""

    def clears(x: Any, f: Any, s: Any) -> Any:
        return RIGHT["convolution"](np.nan_to_num(x), f, s)

    case = Case.parse("v1:convolution:float16:nonfinite-x:b1.h1.w1.i1.o1.f1x1.s1x1:0")
    assert "wrong only on NaN or infinity in x" in diagnose(clears, case).patterns


def test_what_is_wrong_with_nan_among_zeros_alone() -> None:
    """A kernel that leaves out a filter of zeros, against its promise, is told so."""

    def skips(x: Any, f: Any, s: Any) -> Any:
        return RIGHT["convolution"](x if f.any() else np.nan_to_num(x), f, s)

    skips.promise = Promise(zeros=("ieee zeros",))  # type: ignore[attr-defined]
    case = Case.parse("v1:convolution:float16:nonfinite-sparse:b1.h1.w1.i1.o1.f1x1.s1x1:0")
    assert "wrong only on NaN or infinity among zeros" in diagnose(skips, case).patterns


def test_what_is_possible_beside_nan_misleads_nobody() -> None:
    """A kernel that clears NaN of x is told so, though it spreads NaN of the filter."""
    stuffed = kernels(OF_ZEROS["zero-stuffed"])["convolution_transpose"]
    operation = OPERATIONS["convolution_transpose"]
    session = Session(subject_of(stuffed, operation), operation, "float32")
    assert all(each.right for each in session.asked)

    def clears(x: Any, f: Any, s: Any) -> Any:
        return stuffed(np.where(np.isfinite(x), x, 0).astype(x.dtype), f, s)

    found = diagnose_probes(clears, operation.name)
    assert [each.id for each in found.names] == ["nan-cleared-first"]


HOSTILE = {
    "raises": lambda *_: 1 / 0,
    "returns nothing": lambda *_: None,
    "returns a number": lambda *_: np.float32(1),
    "returns NaN": lambda x, f, s: RIGHT["convolution"](x, f, s) * np.nan,
    "returns an empty array": lambda *_: np.zeros((0, 0, 0, 0)),
    "returns much": lambda *_: np.zeros((1, 64, 64, 1)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("fill", ["integers", "uniform", "tiny", "nonfinite-x"])
def test_anything_is_told_as_plain_json(name: str, fill: str) -> None:
    """Whatever a kernel does, nothing is raised, and JSON holds the diagnosis."""
    case = Case.parse(f"v1:convolution:float64:{fill}:b1.h40.w30.i1.o1.f2x2.s1x1:1")
    found = diagnose(HOSTILE[name], case)
    assert not any(pattern.startswith("no diagnosis") for pattern in found.patterns)
    json.loads(json.dumps(found.plain(), allow_nan=False))


def test_picture_is_cropped_to_what_is_wrong() -> None:
    """The picture holds at most 24 rows and columns, and says where they begin."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = np.array(RIGHT["convolution"](x, f, s))
        z[:, 30:31, 20:21, 1] = np.nan
        return z

    found = diagnose(kernel, case_of("h40.w30.i1.o2.f1x1.s1x1"))
    picture = found.plain()["picture"]
    assert picture["origin"] == [16, 6]
    assert picture["at"] == {"batch item": 0, "channel": 1}
    assert [len(picture["wrong"]), len(picture["wrong"][0])] == [24, 24]
    assert picture["wrong"][30 - 16][20 - 6]
    assert sum(map(sum, picture["wrong"])) == 1
    assert picture["got"][30 - 16][20 - 6] == "nan"


def test_the_picture_is_of_the_call_that_is_told() -> None:
    """Picture and numbers are of one call, however little it shows."""
    case = case_of("h2.w1.i1.o1.f2x1.s1x1")
    verdict = judge(NAMED["flipped"][2], case)
    picture = diagnosis.diagnose(verdict).plain()["picture"]
    assert verdict.evidence is not None
    assert picture["got"] == [[verdict.evidence.got]]
    assert picture["expected"] == [[verdict.evidence.expected]]


def test_what_is_right_within_the_bound_is_not_marked() -> None:
    """A picture marks what the judge found wrong, which is more lenient where more is promised."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = np.array(_spectral(x, f, s))
        z[:, :, -1] += 100
        return z

    kernel.promise = Promise(accuracy="normwise")  # type: ignore[attr-defined]
    verdict = judge(kernel, case_of("h5.w6.i2.o2.f3x3.s1x1"))
    picture = diagnosis.diagnose(verdict).plain()["picture"]
    assert [row.index(True) for row in picture["wrong"]] == [
        len(row) - 1 for row in picture["wrong"]
    ]


def test_taps_show_what_they_act_as() -> None:
    """The picture of the taps numbers them as they act."""
    _, _, kernel = UNSEEN["one tap"]
    taps = diagnose(kernel, case_of("h3.w3.i1.o1.f2x2.s1x1")).plain()["taps"]
    assert taps["expected"] == [[1.0, 2.0], [3.0, 4.0]]
    assert taps["got"] == [[1.0, 2.0], [0.0, 4.0]]


REMEMBERS = """
import numpy as np
_first = {}
def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    z = np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
    calls = _first.setdefault((x.shape, x.dtype), [])
    calls.append(1)
    return z + (len(calls) > 1)
"""


def test_what_the_second_call_makes_wrong_is_told_and_shown(tmp_path: Path) -> None:
    """A kernel that is right when first called is told so; both cases in turn show it again."""
    (tmp_path / "mine.py").write_text(REMEMBERS)
    candidate = Candidate.parse(f"convolution={tmp_path / 'mine.py'}:convolution")
    case = case_of("h3.w3.i1.o1.f2x2.s1x1")
    with contextlib.ExitStack() as ended:
        kernel, again = Isolated(candidate), Isolated(candidate)
        ended.callback(kernel.stop)
        ended.callback(again.stop)
        verdicts = [judge(kernel, case) for _ in range(2)]
        found = diagnosis.diagnose(verdicts[1])
        shown = [judge(again, each).failed for each in found.cases]
    assert [each.failed for each in verdicts] == [False, True]
    assert found.patterns[0] == "right when first called, wrong on the second such call"
    assert found.evidence is not None
    assert found.evidence.then == ("z = {call}",)
    assert shown == [False, True]


def test_chance_is_counted() -> None:
    """Of a kernel that is wrong now and then it is told in how many calls, and nothing else."""
    calls: list[int] = []

    def races(x: Any, f: Any, s: Any) -> Any:
        calls.append(1)
        return RIGHT["convolution"](x, f, s) + (len(calls) % 7 == 0)

    case = case_of("h3.w3.i1.o1.f2x2.s1x1")
    verdict = next(each for each in (judge(races, case) for _ in range(7)) if each.failed)
    found = diagnosis.diagnose(verdict)
    (pattern,) = found.patterns
    assert pattern.startswith("different results for the same arguments, wrong in ")
    assert pattern.endswith(" of 64 calls")
    assert found.evidence is not None
    assert found.evidence.repeats == 64


@pytest.mark.parametrize(
    ("name", "place", "read"),
    [
        ("ftr", "Fortran order", lambda x, f: (x, f.ravel(order="K").reshape(f.shape))),
        ("x", "negative strides", lambda x, f: (np.array(x)[:: np.sign(x.strides[0])], f)),
    ],
)
def test_a_place_in_memory_is_told(name: str, place: str, read: Any) -> None:
    """Of a kernel that is right on C-contiguous arrays it is told which argument it misreads."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        return RIGHT["convolution"](*read(x, f), s)

    case = Case.parse("v1:convolution:float64:integers:b2.h3.w4.i2.o2.f2x2.s1x1:1")
    verdict = judge_law("memory layout", kernel, case, {})
    assert verdict.failed
    (pattern,) = (found := diagnosis.diagnose(verdict)).patterns
    assert (
        pattern
        == f"right on C-contiguous arrays, wrong where {name} lies {_place(place)} in memory"
    )
    assert found.evidence is not None
    assert found.advice


def _place(place: str) -> str:
    return f"in {place}" if place.startswith("Fortran") else f"with {place}"


def _spectral(x: Any, f: Any, s: Any) -> Any:
    shape = tuple(x.shape[1 + axis] + f.shape[1 + axis] - 1 for axis in (0, 1))
    parts = np.fft.rfft2(x, shape, axes=(1, 2)), np.fft.rfft2(f[:, ::-1, ::-1], shape, axes=(1, 2))
    full = np.fft.irfft2(np.einsum("bhwi,ihwo->bhwo", *parts), shape, axes=(1, 2))
    h, w = f.shape[1:3]
    return full[:, h - 1 : x.shape[1], w - 1 : x.shape[2]][:, :: s[0], :: s[1]].astype(x.dtype)


def _flushing(x: Any, f: Any, s: Any) -> Any:
    z = np.array(RIGHT["convolution"](x, f, s))
    z[np.abs(z) < np.finfo(z.dtype).smallest_normal] = 0
    return z


def _choosy(x: Any, f: Any, s: Any) -> Any:
    if x.dtype == np.float16:
        raise TypeError("half precision is not supported")
    return RIGHT["convolution"](x, f, s)


ADVISED = {
    "spectral": (_spectral, "float64:integers", "accuracy=normwise"),
    "flushing": (_flushing, "float32:tiny", "subnormals=flushed"),
    "choosy": (_choosy, "float16:integers", "dtypes=float32+float64"),
    "wrong": (NAMED["flipped"][2], "float32:integers", ""),
    "doubled": (lambda x, f, s: 2 * RIGHT["convolution"](x, f, s), "float64:uniform", ""),
}


@pytest.mark.parametrize("name", ADVISED)
def test_the_declaration_that_is_missing_is_told(name: str) -> None:
    """A kernel that is right by a declaration is told which; one that is wrong is told none."""
    kernel, kind, expected = ADVISED[name]
    case = Case.parse(f"v1:convolution:{kind}:b1.h5.w6.i2.o2.f3x3.s1x1:1")
    verdict = judge(kernel, case)
    assert verdict.failed
    advice = diagnosis.diagnose(verdict).advice
    assert [each.partition(",")[0] for each in advice] == [expected] * bool(expected)


def test_a_result_of_another_shape_does_not_end_the_diagnosis() -> None:
    """Answers of other shapes are compared with mistakes' without an error of ours."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = RIGHT["convolution"](x, f, s)
        return z[:, :, : z.shape[1]] + np.zeros((1, 1, z.shape[1], 1))

    found = diagnose(kernel, case_of("h2.w4.i1.o1.f1x1.s1x1"))
    assert not any(each.startswith("no diagnosis") for each in found.patterns)


def test_of_a_laws_calls_the_wrong_one_is_shown() -> None:
    """Where a law is broken by another call than the one it names, that other call is told."""
    case = Case.parse("v1:convolution:float64:integers:b1.h3.w3.i1.o1.f2x2.s1x1:1")
    least = (case.largest or 0) // 3

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = RIGHT["convolution"](x, f, s)
        return z + 1 if x.any() and np.abs(x).max() <= least else z

    assert not judge(kernel, case).failed
    verdict = judge_law("linearity", kernel, case, {})
    assert verdict.failed
    named, found = verdict.evidence, diagnosis.diagnose(verdict).evidence
    assert named is not None
    assert kernel(named.arrays["x"], named.arrays["ftr"], (1, 1))[0, 0, 0, 0] == named.got
    assert found is not None
    assert np.abs(found.arrays["x"]).max() <= least
    assert found.got == found.expected + 1


def test_what_later_calls_make_wrong_is_told(tmp_path: Path) -> None:
    """A kernel that is wrong from the third call on is not said to be right in further calls."""
    later = REMEMBERS.replace("len(calls) > 1", "len(calls) > 2")
    (tmp_path / "mine.py").write_text(later)
    candidate = Candidate.parse(f"convolution={tmp_path / 'mine.py'}:convolution")
    with contextlib.closing(_Ended(Isolated(candidate))) as ended:
        verdicts = [judge(ended.kernel, case_of("h3.w3.i1.o1.f2x2.s1x1")) for _ in range(3)]
        found = diagnosis.diagnose(verdicts[2])
    assert [each.failed for each in verdicts] == [False, False, True]
    expected = "right when first called, wrong from call 3 with these arguments on"
    assert found.patterns == (expected,)
    assert len(found.cases) == 3


class _Ended:
    def __init__(self, kernel: Isolated) -> None:
        self.kernel = kernel

    def close(self) -> None:
        """End the kernel's process."""
        self.kernel.stop()


def test_the_picture_holds_the_element_that_is_told() -> None:
    """Of several planes that are wrong the one is drawn whose element the numbers are of."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = np.array(RIGHT["convolution"](x, f, s))
        z[..., 0] += 1
        z[-1, -1, -1, 1] += 10**6
        return z

    verdict = judge(kernel, case_of("h30.w30.i1.o2.f1x1.s1x1", batch=2))
    picture = diagnosis.diagnose(verdict).plain()["picture"]
    assert verdict.evidence is not None
    assert verdict.evidence.expression == "z[1, 29, 29, 1]"
    assert picture["title"] == "z[1, 6:30, 6:30, 1]"
    assert verdict.evidence.got in picture["got"][-1]


FORGETS = """
import numpy as np
_known = {}
def convolution(x, ftr, strd):
    key = KEY
    steps = _known.setdefault(key, (strd, x.shape[1:3]))
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    z = np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
    return z if steps == (strd, x.shape[1:3]) else z + 1
"""


@pytest.mark.parametrize(
    ("key", "words"),
    [("(x.shape, ftr.shape)", "another stride"), ("(ftr.shape, strd)", "more rows")],
)
def test_what_a_cache_forgets_is_told(tmp_path: Path, key: str, words: str) -> None:
    """A kernel that takes a call for an earlier one is told in what they differ; both show it."""
    (tmp_path / "mine.py").write_text(FORGETS.replace("KEY", key))
    candidate = Candidate.parse(f"convolution={tmp_path / 'mine.py'}:convolution")
    case = case_of("h3.w3.i1.o1.f2x2.s1x1")
    with contextlib.closing(_Ended(Isolated(candidate))) as ended:
        for geometry in ("h3.w3.i1.o1.f2x2.s2x1", "h4.w3.i1.o1.f2x2.s1x1"):
            assert not judge(ended.kernel, case_of(geometry)).failed
        found = diagnosis.diagnose(judge(ended.kernel, case))
    (pattern,) = found.patterns
    assert pattern == f"right when first called, wrong after a call with {words}"
    with contextlib.closing(_Ended(Isolated(candidate))) as ended:
        assert [judge(ended.kernel, each).failed for each in found.cases] == [False, True]


@pytest.mark.parametrize("limit", [21, 24])
def test_limits_are_told_as_near_as_they_are_known(limit: int) -> None:
    """Between the largest size that is right and the smallest that is wrong nothing is said."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = RIGHT["convolution"](x, f, s)
        return z + np.arange(z.shape[1])[:, None, None] * (z.shape[1] > limit)

    (first, *_) = diagnose(kernel, case_of("h60.w2.i1.o1.f1x1.s1x1")).patterns
    low, _, high = first.partition(" is above a limit from ")[2].split(",")[0].partition(" to ")
    exact = f" is {limit + 1} or more, in "
    assert exact in first or int(low) <= limit <= int(high), first

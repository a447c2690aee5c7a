"""A kernel that fails is told how it is wrong, truly or not at all."""

import json
import re
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest
import subtle
from transforms import winograd
from wrong import NAMED, ONE_TAP, RIGHT, UNSEEN
from zeros import OF_ZEROS
from zoo import kernels

from convcheck.cases.case import Case
from convcheck.diagnosis import diagnose as diagnosis
from convcheck.diagnosis.diagnosis import Diagnosis
from convcheck.diagnosis.pictures import Picture
from convcheck.diagnosis.probes import probes_of
from convcheck.diagnosis.session import session_of
from convcheck.form.formats import FORMATS
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, property_of
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.promises import Promise
from convcheck.kernels.shown.evidence import Evidence

Kernel = Callable[..., Any]
convolve = RIGHT["convolution"]


def diagnose(kernel: Any, case: Case) -> Diagnosis:
    """Return the diagnosis of a kernel on a case, as of a verdict that it failed there."""
    verdict = judge(kernel, case)
    if not verdict.failed:
        verdict = Verdict(case, verdict.subject, property_of(case), Outcome.DISAGREES)
    return diagnosis.diagnose(verdict)


def diagnose_probes(kernel: Any, operation: str) -> Diagnosis:
    """Return the diagnosis of a kernel on the first probe that it answers wrongly."""
    session = session_of(subject_of(kernel, OPERATIONS[operation]), "float32")
    asked = next(each for each in session.asked if not each.right)
    case, evidence = asked.probe.case, asked.evidence()
    verdict = Verdict(case, session.origin, property_of(case), Outcome.DISAGREES, evidence=evidence)
    return diagnosis.diagnose(verdict)


def case_of(
    geometry: str, kind: str = "float32:integers", operation: str = "convolution", seed: int = 1
) -> Case:
    """Return a case, of one batch item where none is named."""
    geometry = geometry if geometry.startswith("b") else f"b1.{geometry}"
    return Case.parse(f"v1:{operation}:{kind}:{geometry}:{seed}")


def changed(change: Callable[..., Any]) -> Kernel:
    """Return a convolution whose result is changed, of itself and of the arguments."""
    return lambda x, f, s: change(convolve(x, f, s), x, f, s)


def spoilt(spoil: Callable[[Any], object]) -> Kernel:
    """Return a convolution that spoils its result in place."""

    def change(z: Any, *_: Any) -> Any:
        spoil(z := np.array(z))
        return z

    return changed(change)


@pytest.mark.parametrize(("operation", "mistake"), NAMED)
def test_mistakes_of_the_catalogue_are_named(operation: str, mistake: str) -> None:
    """A kernel with a mistake of the catalogue, however it is written, is told its name."""
    found = diagnose_probes(NAMED[operation, mistake], operation)
    assert [each.id for each in found.names] == [mistake]
    assert found.lines()[0] == f"  behaves exactly like: {found.names[0].sentence}"


@pytest.mark.parametrize("words", UNSEEN)
def test_patterns_of_other_mistakes(words: str) -> None:
    """A kernel with another mistake gets no name, but is told a pattern that says something."""
    geometry, kernel = UNSEEN[words]
    found = diagnose(kernel, case_of(f"b{5 if 'batch' in words else 1}.{geometry}"))
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


LARGE = case_of("h230.w230.i3.o64.f7x7.s2x2")


def test_a_large_layer_is_looked_into_on_a_smaller_one() -> None:
    """A kernel that is wrong for large filters is wrong, too, on a small part of a large layer."""
    found = diagnose(changed(lambda z, _, f, __: z[:, ::-1] if f.shape[1] >= 7 else z), LARGE)
    assert found.picture is not None
    assert found.patterns != ()
    found = diagnose(convolve, LARGE)
    assert found.patterns[0].startswith("right on all smaller calls")


def test_a_large_layer_is_not_put_down_to_sizes_where_earlier_calls_matter(
    kernel_of: Callable[..., Any],
) -> None:
    """A kernel that keeps the first filter of a shape is right on a layer that comes first."""
    stale = """
from convcheck.reference import convolution as right
kept = {}
def convolution(x, ftr, strd):
    return right(x, kept.setdefault((x.shape, ftr.shape, x.dtype), ftr), strd)
"""
    kernel = kernel_of(stale)
    first, again = (
        case_of("h14.w14.i6.o16.f5x5.s1x1", f"float16:{n}") for n in ("tiny", "uniform")
    )
    assert not judge(kernel, first).failed
    (said,) = diagnosis.diagnose(judge(kernel, again)).patterns
    assert said.startswith("right in another call with these arguments: its results depend on ")


def two_faults(x: Any, f: Any, s: Any) -> Any:
    """Raise for three channels out, and lose an axis where there is one long batch item."""
    if f.shape[3] == 3:
        raise ValueError
    z = convolve(x, f, s)
    return z[0] if len(x) == 1 and x.shape[1] > 5 else z


def drifting() -> Kernel:
    """Return a kernel that gives another result each time."""
    calls = count(1)
    return changed(lambda z, *_: z + next(calls))


def exchanges(x: Any, f: Any, s: Any) -> Any:
    """Exchange the strides where that changes no shape."""
    z, other = convolve(x, f, s), convolve(x, f, s[::-1])
    return other if other.shape == z.shape else z


def ignores(*arguments: Any, fore_layer: str = "convolution") -> Any:  # noqa: ARG001
    """Take any layer l+1 for a convolution."""
    return RIGHT["conv_back_prop"](*arguments)


def repeats(x: Any, f: Any, s: Any) -> Any:
    """Repeat the first batch item after the fourth."""
    return np.concatenate([(z := convolve(x, f, s))[:4], *[z[:1]] * (len(z) - 4)])


def loses(x: Any, f: Any, s: Any) -> Any:
    """Forget what is left after blocks of eight columns, where there are several."""
    if x.shape[2] > 16:
        x = np.array(x)
        x[:, :, x.shape[2] // 8 * 8 :] = 0
    return RIGHT["convolution_transpose"](x, f, s)


def _not_infinite(x: Any, f: Any, s: Any) -> Any:
    """Return a convolution with NaN in the place of infinity, as compensated sums make it."""
    z = convolve(x, f, s)
    return np.where(np.isinf(z), np.nan, z).astype(z.dtype)


def skips(x: Any, f: Any, s: Any) -> Any:
    """Leave out a filter of zeros, against the promise."""
    return convolve(x if f.any() else np.nan_to_num(x), f, s)


skips.promise = Promise(zeros=("ieee zeros",))  # type: ignore[attr-defined]

ONE_PIXEL = "h1.w1.i1.o1.f1x1.s1x1"
# Kernels and cases; how the first patterns begin, none others where None ends them; what some
# pattern has; what none has.
SAID: dict[str, tuple[Kernel, Case, list[str | None], str, str]] = {
    "a small error is not taken for lost precision that would be as small": (
        changed(lambda z, _, f, __: z + f[0, 0, 0, 0] if f.shape[1] >= 7 else z),
        *(LARGE, [], "", "float16"),
    ),
    "what probes say of one fault is said of a case that fails by it": (
        two_faults,
        case_of("h1.w1.i1.o3.f1x1.s1x1"),
        ["raised ValueError exactly where channels out is 3, in "],
        *("", ""),
    ),
    "and not of a case that fails by another": (
        two_faults,
        case_of("h6.w2.i1.o1.f2x2.s3x1"),
        ["returns another shape only where batch is 1 and height is 6 or more, in "],
        *("", "channels out"),
    ),
    "where the same call gives another result, nothing else is said": (
        drifting(),
        case_of("h3.w3.i1.o1.f2x2.s1x1"),
        ["different results for the same arguments, wrong in 64 of 64 calls$", None],
        *("", ""),
    ),
    "where few probes show a mistake, that is told which gives the answers around, too": (
        exchanges,
        case_of("h2.w4.i1.o1.f1x1.s2x3", "float64:integers"),
        [".*it behaves as if the two strides are exchanged$"],
        *("", ""),
    ),
    "a kernel that is wrong with one kind of layer l+1 alone": (
        ignores,
        case_of(
            "h1.w1.i1.o1.f1x1.s1x1+convolution_transpose.k1.f1x2.s1x1",
            *("float64:integers", "conv_back_prop"),
        ),
        [".* exactly where layer l\\+1 is a transposed convolution and "],
        *("", ""),
    ),
    "that numbers come out right is said if they do so with every seed": (
        repeats,
        case_of("b5.h1.w1.i1.o2.f1x1.s1x1"),
        ["wrong exactly where batch is 5 or more, in ", "wrong only in batch items from 4 on$"],
        *("", "right on"),
    ),
    "a mistake on large extents alone is not said to be made everywhere": (
        loses,
        case_of("h1.w17.i1.o1.f1x1.s1x1", "float64:integers", "convolution_transpose"),
        *([], "wrong exactly where width is", ""),
    ),
    "a kernel that clears NaN": (
        lambda x, f, s: convolve(np.nan_to_num(x), f, s),
        case_of(ONE_PIXEL, "float16:nonfinite-x", seed=0),
        *([], "wrong only on NaN or infinity in x", ""),
    ),
    "a kernel that makes NaN of infinity, be it its own": (
        _not_infinite,
        case_of(ONE_PIXEL, "float16:nonfinite-x"),
        ["wrong only on NaN or infinity and on finite numbers whose products overflow$"],
        *("", ""),
    ),
    "a kernel that leaves out zeros beside NaN, against its promise": (
        skips,
        case_of(ONE_PIXEL, "float16:nonfinite-sparse", seed=0),
        *([], "wrong only on NaN or infinity among zeros", ""),
    ),
    "answers of other shapes are compared without an error of ours": (
        changed(lambda z, *_: z[:, :, : z.shape[1]] + np.zeros((1, 1, z.shape[1], 1))),
        case_of("h2.w4.i1.o1.f1x1.s1x1"),
        *([], "", "no diagnosis"),
    ),
}


@pytest.mark.parametrize("what", SAID)
def test_what_is_said(what: str) -> None:
    """What all calls bear out is said, and nothing else."""
    kernel, case, starts, held, absent = SAID[what]
    found = diagnose(kernel, case)
    assert not found.names
    for pattern, start in zip((*found.patterns, None), starts, strict=False):
        assert start is pattern is None or re.match(start or "", pattern or ""), found.patterns
    assert any(held in pattern for pattern in found.patterns), found.patterns
    assert not absent or not any(absent in pattern for pattern in found.patterns), found.patterns


def test_what_is_possible_beside_nan_misleads_nobody() -> None:
    """A kernel that clears NaN of x is told so, though it spreads NaN of the filter."""
    stuffed = kernels(OF_ZEROS["zero-stuffed"])["convolution_transpose"]
    operation = OPERATIONS["convolution_transpose"]
    session = session_of(subject_of(stuffed, operation), "float32")
    assert all(each.right for each in session.asked)

    def clears(x: Any, f: Any, s: Any) -> Any:
        return stuffed(np.where(np.isfinite(x), x, 0).astype(x.dtype), f, s)

    found = diagnose_probes(clears, operation.name)
    assert [each.id for each in found.names] == ["nan-cleared-first"]


HOSTILE = {
    "raises": lambda *_: 1 / 0,
    "returns nothing": lambda *_: None,
    "returns a number": lambda *_: np.float32(1),
    "returns NaN": changed(lambda z, *_: z * np.nan),
    "returns an empty array": lambda *_: np.zeros((0, 0, 0, 0)),
    "returns much": lambda *_: np.zeros((1, 64, 64, 1)),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("fill", ["integers", "uniform", "tiny", "nonfinite-x"])
def test_anything_is_told_as_plain_json(name: str, fill: str) -> None:
    """Whatever a kernel does, nothing is raised, and JSON holds the diagnosis."""
    found = diagnose(HOSTILE[name], case_of("h40.w30.i1.o1.f2x2.s1x1", f"float64:{fill}"))
    assert not any(pattern.startswith("no diagnosis") for pattern in found.patterns)
    shown = msgspec.to_builtins([found.claims, found.picture, found.taps])
    json.loads(json.dumps(shown, allow_nan=False))


def picture_of(kernel: Kernel, case: Case) -> tuple[Picture, Evidence]:
    """Return the picture of a failure, and the evidence beside it."""
    verdict = judge(kernel, case)
    assert verdict.failed
    assert verdict.evidence is not None
    picture = diagnosis.diagnose(verdict).picture
    assert picture is not None
    return picture, verdict.evidence


def test_picture_is_cropped_to_what_is_wrong() -> None:
    """The picture holds 8 to 24 rows and columns, and says where they begin."""
    kernel = spoilt(lambda z: z[:, 30:31, 5::20, 1].fill(np.nan))
    picture, _ = picture_of(kernel, case_of("h40.w30.i1.o2.f1x1.s1x1"))
    assert picture.origin == (29, 4)
    assert picture.at == {"batch item": 0, "channel": 1}
    assert [len(picture.wrong), len(picture.wrong[0])] == [8, 23]
    assert [at for at, each in enumerate(picture.wrong[1], 4) if each] == [5, 25]
    assert sum(map(sum, picture.wrong)) == 2
    assert picture.got[1][1] == "nan"
    picture, _ = picture_of(kernel, case_of("h40.w99.i1.o2.f1x1.s1x1"))
    assert len(picture.wrong[0]) == 24


def test_the_picture_is_of_the_call_that_is_told() -> None:
    """Picture and numbers are of one call, however little it shows."""
    flipped = NAMED["convolution", "filter-flipped"]
    picture, evidence = picture_of(flipped, case_of("h2.w1.i1.o1.f2x1.s1x1"))
    assert picture.got == [[evidence.got]]
    assert picture.expected == [[evidence.expected]]


def test_what_is_right_within_the_bound_is_not_marked() -> None:
    """A picture marks what the judge found wrong, which is more lenient where more is promised."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        z = np.array(_spectral(x, f, s))
        z[:, :, -1] += 100
        return z

    kernel.promise = Promise(accuracy="normwise")  # type: ignore[attr-defined]
    picture, _ = picture_of(kernel, case_of("h5.w6.i2.o2.f3x3.s1x1"))
    assert [row.index(True) for row in picture.wrong] == [len(row) - 1 for row in picture.wrong]


def test_the_picture_holds_the_element_that_is_told() -> None:
    """Of several planes that are wrong the one is drawn whose element the numbers are of."""
    most = spoilt(lambda z: (np.add(z[..., 0], 1, z[..., 0]), z[-1:, -1:, -1:, 1:].fill(10**6)))
    picture, evidence = picture_of(most, case_of("b2.h30.w30.i1.o2.f1x1.s1x1"))
    assert evidence.expression == "z[1, 29, 29, 1]"
    assert picture.title == "z[1, 22:30, 22:30, 1]"
    assert evidence.got in picture.got[-1]


def test_taps_show_what_they_act_as() -> None:
    """The picture of the taps numbers them as they act."""
    taps = diagnose(ONE_TAP, case_of("h3.w3.i1.o1.f2x2.s1x1")).taps
    assert taps is not None
    assert taps.expected == [[1.0, 2.0], [3.0, 4.0]]
    assert taps.got == [[1.0, 2.0], [0.0, 4.0]]


def test_taps_act_as_no_other_by_chance() -> None:
    """Where one result shows what a tap does, equal numbers of the input make no other of it."""
    case = case_of("h4.w3.i1.o1.f3x3.s2x2", "float16:integers")
    taps = diagnose(lambda x, ftr, strd: convolve(x[:, ::-1], ftr, strd), case).taps
    assert taps is not None
    assert taps.got == [["nan"] * 3, [7.0, 8.0, 9.0], [4.0, 5.0, 6.0]]


def test_taps_of_a_mistake_with_a_name_are_drawn() -> None:
    """So are those of a kernel of which it is known what it does with them."""
    flipped = case_of("h3.w3.i1.o1.f2x2.s1x1")
    found = diagnose(lambda x, ftr, strd: convolve(x, ftr[:, ::-1, ::-1], strd), flipped)
    assert found.names
    assert found.taps is not None
    assert found.taps.got == [[4.0, 3.0], [2.0, 1.0]]


def test_taps_of_a_mistake_that_mixes_them_are_not_drawn() -> None:
    """Where a named kernel's taps act as no single ones, its name says more than they do."""
    name = "convolution_transpose", "overlap-last"
    case = case_of("h1.w2.i1.o1.f1x2.s1x1", "float16:integers", name[0], seed=0)
    found = diagnose(NAMED[name], case)
    assert [each.id for each in found.names] == [name[1]]
    assert found.taps is None


def test_the_geometries_tried_are_counted_by_two_sizes() -> None:
    """Beside where a kernel is wrong stands on which of the geometries tried it was."""

    def uneven(x: Any, ftr: Any, strd: Any) -> Any:
        return convolve(x, ftr, strd) + (strd[0] != strd[1])

    claims = diagnose(uneven, case_of("h3.w3.i1.o1.f1x1.s1x2")).claims
    told, grid = next((each.text, each.grid) for each in claims if each.grid)
    assert grid is not None
    assert grid.axes == ("stride height", "stride width")
    assert f"in {sum(map(sum, grid.tried))} geometries tried" in told
    for row, tried, wrong in zip(grid.rows, grid.tried, grid.wrong, strict=True):
        assert wrong == tuple(
            count * (row != column) for column, count in zip(grid.columns, tried, strict=True)
        )
    assert sum(map(sum, grid.wrong)) > 20


REMEMBERS = """
import numpy as np
_seen = {{}}
def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    z = np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
    calls = _seen.setdefault({key}, [])
    calls.append((strd, x.shape))
    return z + ({wrong})
"""
SQUARE = "h3.w3.i1.o1.f2x2.s1x1"
OTHERS = ("h3.w3.i1.o1.f2x2.s2x1", "h4.w3.i1.o1.f2x2.s1x1")
# What calls are taken for the same, when they are wrong, which come before, what is said.
REMEMBERED = [
    ("x.shape", "len(calls) > 1", [SQUARE], "wrong on the second such call"),
    (
        *("x.shape", "len(calls) > 2", [SQUARE, SQUARE]),
        "wrong from call 3 with these arguments on",
    ),
    (
        "(x.shape, ftr.shape)",
        "calls[0] != calls[-1]",
        OTHERS,
        "wrong after a call with another stride",
    ),
    ("(ftr.shape, strd)", "calls[0] != calls[-1]", OTHERS, "wrong after a call with more rows"),
]


@pytest.mark.parametrize(("key", "wrong", "before", "said"), REMEMBERED)
def test_what_earlier_calls_make_wrong_is_told_and_shown(
    kernel_of: Callable[..., Any], key: str, wrong: str, before: list[str], said: str
) -> None:
    """A kernel that is right when first called is told so; the cases in turn show it again."""
    text = REMEMBERS.format(key=key, wrong=wrong)
    kernel, again = kernel_of(text), kernel_of(text)
    for geometry in before:
        assert not judge(kernel, case_of(geometry)).failed
    found = diagnosis.diagnose(judge(kernel, case_of(SQUARE)))
    assert found.patterns == (f"right when first called, {said}",)
    assert found.evidence is not None
    if said.endswith("such call"):
        assert found.evidence.then == ("z = {call}",)
    right = [each for calls in found.calls for each in calls.right]
    first = 2 if "call 3" in said else 1
    assert right[: first + 1] == [True] * first + [False]
    assert not any(right[first:])
    shown = [judge(again, each).failed for each in found.cases]
    assert shown == [False] * (2 if "call 3" in said else 1) + [True]


@pytest.mark.parametrize("raises", [False, True])
def test_chance_is_counted(*, raises: bool) -> None:
    """Of a kernel that fails now and then it is told in how many calls, and nothing else."""
    calls = count(1)

    def seventh(z: Any, *_: Any) -> Any:
        now = next(calls) % 7 == 0
        if now and raises:
            raise ValueError("no")
        return z + now

    case = case_of(SQUARE)
    verdict = next(v for _ in range(7) if (v := judge(changed(seventh), case)).failed)
    found = diagnosis.diagnose(verdict)
    (pattern,) = found.patterns
    said = "different results for the same arguments, wrong in .* of 64 calls"
    if raises:
        said = "raised ValueError in .* of 64 calls with the same arguments"
    assert re.fullmatch(said, pattern)
    assert found.evidence is not None
    assert found.evidence.repeats == 64
    (made,) = found.calls
    assert (len(made.right), made.right.count(False) in (9, 10)) == (64, True)


def test_what_never_comes_true_again_is_no_place() -> None:
    """Where a few calls alike are wrong, no condition is made of what they have in common."""
    kept: dict[tuple[Any, ...], Any] = {}

    def stale(x: Any, f: Any, s: Any) -> Any:
        key = (f.shape, f.dtype, f.flat[:16].tobytes(), f.flat[-16:].tobytes())
        return convolve(x, kept.setdefault(key, f.copy()), s)

    kernel = subject_of(stale, OPERATIONS["convolution"])
    for fill in ("integers", "nonfinite-ftr"):
        verdict = judge(kernel, case_of("b4.h3.w3.i8.o8.f3x3.s2x2", f"float32:{fill}"))
    assert verdict.failed
    assert not any(" where " in each for each in diagnosis.diagnose(verdict).patterns)


RING = """
import itertools
import numpy as np
calls, ring = itertools.count(), [np.zeros((1, 2, 2, 1), np.float32) for _ in range(20)]

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    z = np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
    if (z.shape, z.dtype) == (ring[0].shape, ring[0].dtype):
        z = np.add(z, 0, out=ring[next(calls) % len(ring)])
    return z
"""


def test_what_is_seen_of_earlier_results_is_said_to_be_seen(kernel_of: Callable[..., Any]) -> None:
    """A ring of buffers returns them in more calls than those that are compared."""
    kernel, case = kernel_of(RING), case_of(SQUARE)
    verdict = next(each for each in (judge(kernel, case) for _ in range(40)) if each.failed)
    (said,) = diagnosis.diagnose(verdict).patterns
    words = "returned the memory of an earlier result again, as was seen, in .* of 64 calls with"
    assert re.match(words, said)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_chance_is_put_down_to_chance(share: float) -> None:
    """However often a kernel is wrong: nothing is said of earlier calls, or of arguments."""
    draw = np.random.default_rng(1)
    kernel = changed(lambda z, *_: z + (draw.random() < share))
    verdicts = (judge(kernel, case_of(SQUARE)) for _ in range(100))
    (said,) = diagnosis.diagnose(next(each for each in verdicts if each.failed)).patterns
    assert said.startswith("different results for the same arguments, wrong in ")


LAYOUT = "b2.h3.w4.i2.o2.f2x2.s1x1"


def broken(law: str, kernel: Any) -> Verdict:
    """Return the first verdict that a kernel breaks a law: what is handed over differs by seed."""
    cases = (Case.parse(f"v1:convolution:float64:integers:{LAYOUT}:{seed}") for seed in range(20))
    return next(filter(lambda each: each.failed, (judge_law(law, kernel, c, {}) for c in cases)))


def test_what_is_wrong_now_and_then_is_not_put_down_to_how_arrays_lie(
    kernel_of: Callable[..., Any],
) -> None:
    """A call that went wrong by chance, on an array with a negative stride, says nothing of it."""
    text = REMEMBERS.format(key="0", wrong="len(calls) % 7 == 0")
    found = diagnosis.diagnose(broken("memory layout", kernel_of(text)))
    assert found.patterns[0].startswith("different results for the same arguments, wrong in ")


PLACES: dict[str, Any] = {
    "ftr lies with its axes in another order": lambda x, f, s: (
        (x, f.ravel(order="K").reshape(f.shape), s)
    ),
    "x lies with negative strides": lambda x, f, s: (x * (1 + (min(x.strides) < 0)), f, s),
    "x lies with a negative stride on axis 1": lambda x, f, s: (
        (x * (1 + (x.strides[1] < 0 < x.strides[0])), f, s)
    ),
    "x lies with gaps": lambda x, f, s: (x * (1 + (max(x.strides) > x[0].nbytes)), f, s),
    "ftr lies with a stride of 0": lambda x, f, s: (x, f * (1 + (0 in f.strides)), s),
    "x is not C-contiguous": lambda x, f, s: (x * (2 - x.flags.c_contiguous), f, s),
    "x lies with a stride of 0 or is read-only": lambda x, f, s: (
        x * (2 - x.flags.writeable),
        f,
        s,
    ),
    "ftr is the object that is x, too": lambda x, f, s: (x * (1 + (x is f)), f, s),
    "strd is a list": lambda x, f, s: (x * (1 + (type(s) is list)), f, s),
    "strd holds np.int64": lambda x, f, s: (x * (1 + (type(s[0]) is np.int64)), f, s),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_place_in_memory_is_told(place: str) -> None:
    """Of a kernel that is right in plain calls it is told which argument it takes wrongly."""
    verdict = broken("memory layout", lambda x, f, s: convolve(*PLACES[place](x, f, s)))
    (pattern,) = (found := diagnosis.diagnose(verdict)).patterns
    dense = not re.search("read-only|object|strd", place)
    right = "right on C-contiguous arrays" if dense else "right in plain calls"
    assert pattern == f"{right}, wrong where {place}"
    assert found.evidence is not None
    assert bool(found.advice) is dense
    assert "Here " in verdict.reason


@pytest.mark.parametrize(
    ("name", "law", "words"),
    [
        (
            *("packed_by_object", "repeatability"),
            "where ftr is the array of the call before, changed",
        ),
        (*("packed_by_sum", "linearity"), "after a call with the numbers of ftr in another order"),
    ],
)
def test_a_filter_that_is_packed_once_is_told(name: str, law: str, words: str) -> None:
    """Which argument is not noticed to be new, and that the result is the old one."""
    found = diagnosis.diagnose(broken(law, getattr(subtle, f"{name}_of_convolution")))
    wrong, stale = found.patterns
    assert wrong.startswith(f"right when first called, wrong {words}")
    assert stale == "its result is then that of the call before"
    assert found.evidence is not None
    assert found.evidence.before is not None


KEPT = """
import numpy as np
_filters = {}
def convolution(x, ftr, strd):
    ftr = _filters.setdefault((ftr.shape, ftr.dtype), ftr.copy())
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""


@pytest.mark.parametrize("law", ["linearity", "impulse"])
def test_what_a_law_expects_of_a_call_is_what_it_should_give(
    kernel_of: Callable[..., Any], law: str
) -> None:
    """The other side of a law comes of a kernel, too, which may have remembered: it is not told."""
    case = Case.parse("v1:convolution:float64:integers:b1.h1.w1.i1.o1.f1x1.s1x1:0")
    found = diagnosis.diagnose(judge_law(law, kernel_of(KEPT), case, {}))
    (pattern,) = found.patterns
    assert pattern.startswith("right when first called, wrong after a call with ")
    assert found.evidence is not None
    assert found.evidence.expected == np.prod([*found.evidence.arrays.values()])
    assert found.evidence.got != found.evidence.expected


def _spectral(x: Any, f: Any, s: Any) -> Any:
    shape = tuple(x.shape[1 + axis] + f.shape[1 + axis] - 1 for axis in (0, 1))
    parts = np.fft.rfft2(x, shape, axes=(1, 2)), np.fft.rfft2(f[:, ::-1, ::-1], shape, axes=(1, 2))
    full = np.fft.irfft2(np.einsum("bhwi,ihwo->bhwo", *parts), shape, axes=(1, 2))
    h, w = f.shape[1:3]
    return full[:, h - 1 : x.shape[1], w - 1 : x.shape[2]][:, :: s[0], :: s[1]].astype(x.dtype)


def _flushing(z: Any, *_: Any) -> Any:
    return np.where(np.abs(z) < np.finfo(z.dtype).smallest_normal, 0, z).astype(z.dtype)


def _flushing_more(x: Any, f: Any, s: Any) -> Any:
    """Take for zero what is below 1e-30 in float32, where normal numbers are."""
    x, f = (np.where(np.abs(each) < 1e-30, 0, each).astype(each.dtype) for each in (x, f))
    return _flushing(convolve(x, f, s)) if x.dtype == np.float32 else convolve(x, f, s)


def _unsigned_far_from_1(x: Any, f: Any, s: Any) -> Any:
    """Take absolute values of numbers far from 1."""
    far = np.abs(x).max(initial=0) < 1e-3
    return convolve(np.abs(x), f, s) if far else convolve(x, f, s)


def _wrapping(x: Any, f: Any, s: Any) -> Any:
    """Compute a convolution of integers in int32."""
    if all((each == np.rint(each)).all() for each in (x, f)):
        return convolve(x.astype(np.int32), f.astype(np.int32), s).astype(x.dtype)
    return convolve(x, f, s)


def _choosy(dtype: str, *declared: str) -> Kernel:
    """Return a convolution that raises in a dtype, and says which it takes."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        if x.dtype == dtype:
            raise TypeError(f"{dtype} is not supported")
        return convolve(x, f, s)

    subject = subject_of(kernel, OPERATIONS["convolution"])
    subject.dtypes = declared or subject.dtypes
    return subject


def _narrow(dtype: str) -> Kernel:
    """Return a convolution that computes in a dtype, and returns that of its arguments."""
    own = FORMATS[dtype].dtype
    return lambda x, f, s: convolve(x.astype(own), f.astype(own), s).astype(x.dtype)


ADVISED = [
    (_not_infinite, "float32:nonfinite-x", "declines=nonfinite_data+nonfinite_others"),
    (changed(lambda z, *_: np.nan_to_num(-z)), "float32:nonfinite-x", ""),
    (_spectral, "float64:integers", "accuracy=normwise"),
    # Its errors are as large as direct ones may be, but on integers that leave no room.
    (winograd, "float32:wide-x", "accuracy=normwise"),
    (changed(_flushing), "float32:tiny", "subnormals=flushed"),
    (_flushing_more, "float32:tiny", ""),
    (_narrow("float16"), "float32:integers", "sums=float16"),
    (_narrow("bfloat16"), "float32:integers", "sums=bfloat16"),
    # In float16, only large integers and real numbers tell it.
    (_narrow("bfloat16"), "float16:wide-x", "sums=bfloat16"),
    (_choosy("float16"), "float16:integers", "dtypes=float32+float64"),
    (_choosy("float64", "float32", "float64"), "float64:integers", "dtypes=float32"),
    (NAMED["convolution", "filter-flipped"], "float32:integers", ""),
    (_wrapping, "float64:integers", ""),
    (changed(lambda z, *_: 2 * z), "float64:uniform", ""),
    # Off by little on few geometries, which sums in bfloat16 would be as well.
    (changed(lambda z, x, *_: z + (x.shape[1:3] == (5, 6))), "float32:integers", ""),
    # Wrong on few geometries, and failing on integers that narrower sums leave no room for.
    (changed(lambda z, x, *_: z * (1 + (x.shape[1:3] == (5, 6)))), "float32:wide-ftr", ""),
]


@pytest.mark.parametrize(("kernel", "kind", "expected"), ADVISED)
def test_the_declaration_that_is_missing_is_told(kernel: Kernel, kind: str, expected: str) -> None:
    """A kernel that is right by a declaration is told which; one that is wrong is told none."""
    verdict = judge(kernel, case_of("h5.w6.i2.o2.f3x3.s1x1", kind))
    assert verdict.failed
    advice = diagnosis.diagnose(verdict).advice
    assert [each.partition(",")[0] for each in advice] == [expected] * bool(expected)


def test_a_tap_of_many_that_is_lost_is_no_rounding() -> None:
    """Sums in bfloat16 may be off by as much, but not on integers that they hold."""

    def kernel(x: Any, f: Any, s: Any) -> Any:
        last = np.arange(f[0, ..., 0].size).reshape(1, *f.shape[1:3], 1) == 32
        return convolve(x, f * ~last if x.dtype == np.float16 else f, s)

    verdict = judge(kernel, case_of("h9.w11.i1.o2.f7x7.s2x2", "float16:integers"))
    found = diagnosis.diagnose(verdict)
    assert found.advice == ()
    assert "in this call, filter tap (4, 4) left out" in found.patterns


def test_a_sign_that_matters_elsewhere_is_not_said_not_to() -> None:
    """That a sign does not matter is told of all numbers; what a count is of, with the count."""
    verdict = judge(_unsigned_far_from_1, case_of("h5.w6.i2.o2.f3x3.s1x1", "float32:tiny"))
    told = diagnosis.diagnose(verdict).patterns
    assert "-x does not give the opposite result" in told
    assert not any("sign of x" in each for each in told)
    assert any(each.endswith("geometries tried on tiny numbers") for each in told)


def test_a_promise_that_sixteen_bits_leave_undecided_is_told() -> None:
    """It is what the kernel need only promise in more bits, and keeps in fewer."""
    verdict = judge(winograd, case_of("b2.h5.w4.i1.o2.f3x3.s1x1", "float16:integers", seed=0))
    assert verdict.failed
    (advice,) = diagnosis.diagnose(verdict).advice
    assert advice.startswith("accuracy=normwise, ")


def test_a_promise_of_sums_is_about_dtypes_that_are_narrowed() -> None:
    """That a kernel is right as far as sums in float32 promise, a failure in float32 refutes."""
    clips = changed(lambda z, *_: np.clip(z, -3e38, 3e38))
    verdict = judge(clips, case_of("h9.w8.i2.o1.f2x1.s7x6", "float64:scaled"))
    claim, *_ = diagnosis.diagnose(verdict).claims
    assert claim.text == "only as exact as sums=float32 allows, which is not declared"
    assert claim.backing.dtypes == ("float64",)


def test_of_a_laws_calls_the_wrong_one_is_shown() -> None:
    """Where a law is broken by another call than the one it names, that other call is told."""
    case = case_of(SQUARE, "float64:integers")
    least = (case.largest or 0) // 3
    kernel = changed(lambda z, x, *_: z + (x.any() and np.abs(x).max() <= least))
    assert not judge(kernel, case).failed
    verdict = judge_law("linearity", kernel, case, {})
    assert verdict.failed
    named, found = verdict.evidence, diagnosis.diagnose(verdict).evidence
    assert named is not None
    assert kernel(named.arrays["x"], named.arrays["ftr"], (1, 1))[0, 0, 0, 0] == named.got
    assert found is not None
    assert np.abs(found.arrays["x"]).max() <= least
    assert found.got == found.expected + 1


def test_a_wrong_call_of_a_law_is_told_beside_what_is_right() -> None:
    """A law's other side is as wrong as the call: what is expected of the call is told."""
    case = case_of(SQUARE, "float64:integers")
    verdict = judge_law("linearity", changed(lambda z, *_: z + 1), case, {})
    assert verdict.failed
    found = diagnosis.diagnose(verdict).evidence
    assert found is not None
    assert found.got == found.expected + 1
    assert found.expected == convolve(found.arrays["x"], found.arrays["ftr"], (1, 1))[found.index]


def test_a_mistake_explains_what_it_leaves_out_beside_nan() -> None:
    """Where results are left out, NaN is, too; of NaN that is lost elsewhere it says nothing."""

    def truncates(x: Any, f: Any, s: Any) -> Any:
        z = convolve(x, f, s)
        if z.shape[2] > 4:
            z[:, :, z.shape[2] // 4 * 4 :] = 0
        return z

    def clears(x: Any, f: Any, s: Any) -> Any:
        return truncates(np.nan_to_num(x), f, s)

    case = case_of("h2.w5.i1.o1.f1x1.s1x1", "float16:nonfinite-ftr")
    assert [each.id for each in diagnose(truncates, case).names] == ["columns-tail-4"]
    case = case_of("h2.w5.i1.o1.f1x1.s1x1", "float16:nonfinite-x")
    assert not diagnose(clears, case).names


def test_limits_that_further_tries_find_are_told() -> None:
    """What is known of a limit on one size is not forgotten when it is told."""
    kernel = changed(lambda z, *_: z + np.arange(1, z.shape[3] + 1) * (z.shape[3] > 64))
    (first, *_) = diagnose(kernel, case_of("h1.w1.i1.o76.f1x1.s1x1")).patterns
    assert first.startswith("wrong exactly where channels out is 65 or more, in ")


@pytest.mark.parametrize("limit", [21, 24])
def test_limits_are_told_as_near_as_they_are_known(limit: int) -> None:
    """Between the largest size that is right and the smallest that is wrong nothing is said."""
    kernel = changed(lambda z, *_: z + np.arange(z.shape[1])[:, None, None] * (z.shape[1] > limit))
    (first, *_) = diagnose(kernel, case_of("h60.w2.i1.o1.f1x1.s1x1")).patterns
    low, _, high = first.partition(" is above a limit from ")[2].split(",")[0].partition(" to ")
    exact = f" is {limit + 1} or more, in "
    assert exact in first or int(low) <= limit <= int(high), first

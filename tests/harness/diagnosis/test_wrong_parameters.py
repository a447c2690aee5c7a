"""A kernel that is wrong with parameters is told how, truly or not at all."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from whole import DIRECT, NO_PADDING
from wrong_parameters import NAMED, Kernel, convolution

from convcheck.cases.case import Case
from convcheck.cases.taken import Taken
from convcheck.conformance.shapes.parameters import special
from convcheck.diagnosis.diagnose import diagnose
from convcheck.diagnosis.mistakes import catalogue
from convcheck.diagnosis.where.claims import Link
from convcheck.diagnosis.where.scan import Draw
from convcheck.diagnosis.where.statements import numbers_of
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import Fitted, subject_of


def first_failure(kernel: Kernel, operation: str) -> Verdict:
    """Return the first failure among the classes of geometries with parameters."""
    subject = subject_of(kernel, OPERATIONS[operation])
    geometries = [geometry for _, geometry in special(subject.operation, subject.taken)]
    cases = (Case(operation, each, "float32", "uniform", 1) for each in geometries)
    return next(verdict for case in cases if (verdict := judge(subject, case)).failed)


@pytest.mark.parametrize(("operation", "mistake"), NAMED)
def test_mistakes_of_parameters_are_named(operation: str, mistake: str) -> None:
    """A kernel with a mistake of parameters, however it is written, is told its name."""
    found = diagnose(first_failure(NAMED[operation, mistake], operation))
    assert [each.id for each in found.names] == [mistake], found.lines()


def test_what_overflows_the_integers_is_the_mistake_still() -> None:
    """A mistake that sums more products than the integers were chosen for has room to round."""

    def precedes(x: Any, f: Any, s: Any, padding: Any = NO_PADDING) -> Any:
        (top, bottom), (left, right) = padding
        x = np.pad(x, ((0, 0), (top, bottom), (left + right, 0), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(x, f.shape[1:3], axis=(1, 2))
        return np.einsum("bhwcij,cijo->bhwo", windows[:, :: s[0], :: s[1]], f)

    geometry = Geometry.parse("b1.h13.w2.i3.o2.f4x1.s3x5.p0x2")  # a right kernel sees zeros alone
    verdict = judge(precedes, Case("convolution", geometry, "float16", "integers", 20982))
    assert verdict.failed
    sentences = [each.sentence for each in diagnose(verdict).names]
    assert sentences == ["all padding of columns lies before them"]


@pytest.mark.parametrize("fill", ["integers:{}:41", "wide-ftr:{}:11"])
def test_what_sums_beyond_the_integers_is_the_mistake_still(fill: str) -> None:
    """Edges in the padding make nine products of one: not exact any more, but the same mistake."""

    def edges(x: Any, f: Any, s: Any, padding: Any = NO_PADDING) -> Any:
        x = np.pad(x, ((0, 0), *padding, (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(x, f.shape[1:3], axis=(1, 2))
        taps = reversed([*np.ndindex(f.shape[1:3])])
        return sum(windows[:, :: s[0], :: s[1], :, i, j] @ f[:, i, j] for i, j in taps)

    case = fill.format("b1.h1.w1.i1.o1.f3x3.s1x1.p2x2")
    verdict = judge(edges, Case.parse(f"v1:convolution:float64:{case}"))
    sentences = [each.sentence for each in diagnose(verdict).names]
    assert sentences == ["padding holds the edges of the input instead of zeros"]


def spoilt(kernel: Kernel, condition: Callable[..., Any]) -> Kernel:
    """Return a kernel whose last corner is off on a condition."""

    def changed(
        x: Any,
        f: Any,
        s: Any,
        padding: Any = NO_PADDING,
        dilation: Any = (1, 1),
        groups: int = 1,
        bias: Any = None,
    ) -> Any:
        given = {"padding": padding, "dilation": dilation, "groups": groups, "bias": bias}
        z = np.array(kernel(x, f, s, **given))
        if condition(x, f, s, **given):
            z[:, -1:, -1:] += 1
        return z

    return changed


# By the words that are to be said: a geometry, and the condition.
CONDITIONS: dict[str, tuple[str, Callable[..., Any]]] = {
    "top padding exceeds bottom padding": (
        "b1.h3.w3.i1.o1.f2x2.s1x1.p1-0x0-0",
        lambda *_, padding, **__: padding[0][0] > padding[0][1],
    ),
    "dilation height is above 1": (
        "b1.h4.w3.i1.o1.f2x2.s1x1.d2x1",
        lambda *_, dilation, **__: dilation[0] > 1,
    ),
    "batch is above 1 and the number of groups is above 1": (
        "b2.h2.w2.i2.o2.f1x1.s1x1.g2",
        lambda x, *_, groups, **__: len(x) > 1 and groups > 1,
    ),
    "there is a bias": (
        "b1.h2.w2.i1.o1.f1x1.s1x1.bias",
        lambda *_, bias, **__: bias is not None,
    ),
    "padding before and behind differ in columns and channels in is above 1": (
        "b1.h2.w2.i2.o1.f1x2.s1x1.p0-0x1-0",
        lambda x, *_, padding, **__: x.shape[3] > 1 and padding[1][0] != padding[1][1],
    ),
    "padding before and behind differ in rows or columns and channels in is 17 or more": (
        "b1.h4.w3.i17.o18.f3x2.s1x1.p2-1x0-1",
        lambda x, *_, padding, **__: x.shape[3] > 16 and any(a != b for a, b in padding),
    ),
    "the number of groups is 9 or more": (
        "b1.h2.w3.i33.o33.f2x2.s1x1.g33",
        lambda *_, groups, **__: groups > 8,
    ),
}
FRESH = 150


@pytest.mark.parametrize("words", CONDITIONS)
def test_conditions_speak_of_parameters(words: str) -> None:
    """Where a kernel is wrong is told by its parameters, and holds where nobody looked."""
    text, condition = CONDITIONS[words]
    operation = OPERATIONS["convolution"]
    kernel = subject_of(spoilt(convolution(), condition), operation)
    verdict = judge(kernel, Case("convolution", Geometry.parse(text), "float64", "integers", 1))
    assert verdict.failed
    found = diagnose(verdict)
    assert not found.names
    claims = [each for each in found.claims if each.link is Link.EXACTLY]
    assert [set(each.place.split(" and ")) for each in claims] == [set(words.split(" and "))]
    statement, draw = claims[0].backing.statement, Draw(operation, 99, kernel.taken)
    assert statement is not None
    for at in range(FRESH):
        geometry = draw.small() if at % 2 else draw.geometry()
        fresh = judge(kernel, Case("convolution", geometry, "float64", "integers", 5))
        assert bool(statement.holds(numbers_of(operation, geometry))) is fresh.failed, geometry


def bias_twice_behind_16(
    x: Any,
    f: Any,
    s: Any,
    padding: Any = NO_PADDING,
    output_padding: Any = (0, 0),
    bias: Any = None,
) -> Any:
    """Add a transposed convolution's bias twice in a last column behind full tiles of 16."""
    given = {"padding": padding, "output_padding": output_padding, "bias": bias}
    z = np.array(DIRECT["convolution_transpose"](x, f, s, **given))
    if bias is not None and z.shape[2] > 16 and z.shape[2] % 16 == 1:
        z[:, :, -1] += bias
    return z


def tap_beyond_the_input(
    x: Any, f: Any, s: Any, padding: Any = NO_PADDING, dilation: Any = (1, 1)
) -> Any:
    """Leave out the last row of three taps or more that are further apart than there are rows."""
    if dilation[0] > x.shape[1] and f.shape[1] > 2:
        f = np.concatenate([f[:, :-1], 0 * f[:, -1:]], 1)
    return convolution()(x, f, s, padding=padding, dilation=dilation)


# A geometry, and others on which it is wrong, too, of which a search around that may find none.
RARE = {
    bias_twice_behind_16: (
        "convolution_transpose",
        "b1.h1.w3.i1.o1.f1x1.s5x8.bias",
        ("b1.h1.w17.i1.o1.f1x1.s1x1.bias", "b2.h3.w8.i2.o3.f2x3.s2x2.bias"),
    ),
    tap_beyond_the_input: (
        "convolution",
        "b1.h1.w1.i1.o1.f3x1.s1x1.p4-0x0-2.d2x1",
        ("b1.h1.w3.i2.o1.f4x2.s1x1.p9-0x0-0.d3x1", "b1.h1.w1.i1.o1.f5x1.s2x1.p8-1x0-0.d2x1"),
    ),
}


@pytest.mark.parametrize("kernel", RARE, ids=lambda kernel: kernel.__name__)
def test_what_is_said_holds_of_rare_geometries(kernel: Kernel) -> None:
    """Where alone a kernel is said to be wrong, it is where few geometries of many are."""
    name, text, others = RARE[kernel]
    operation = OPERATIONS[name]
    subject = subject_of(kernel, operation)
    found = diagnose(judge(subject, Case(name, Geometry.parse(text), "float64", "integers", 0)))
    (statement,) = (c.backing.statement for c in found.claims if c.backing.statement)
    for other in map(Geometry.parse, others):
        assert judge(subject, Case(name, other, "float64", "integers", 1)).failed
        assert statement.holds(numbers_of(operation, other)), other


def beside(x: Any, f: Any, s: Any, padding: Any = NO_PADDING) -> Any:
    """Read what lies before and behind a row in memory where it should read padding."""
    flat = np.pad(x, ((0, 0), padding[0], (0, 0), (0, 0)))
    before, behind = padding[1]
    line = np.pad(flat.reshape(len(x), -1, x.shape[3]), ((0, 0), (before, behind), (0, 0)))
    at = np.arange(flat.shape[1])[:, None] * x.shape[2] + np.arange(x.shape[2] + before + behind)
    return convolution()(line[:, at], f, s)


def running_over(x: Any, f: Any, s: Any, dilation: Any = (1, 1)) -> Any:
    """Multiply the stride of columns by their dilation, and stop at the last column."""
    rows, columns = dilation
    steps = (x.shape[2] - (f.shape[2] - 1) * columns - 1) // s[1] + 1
    starts = np.arange(steps)[:, None] * s[1] * columns
    at = np.minimum(starts + np.arange(f.shape[2]) * columns, x.shape[2] - 1)
    wide = x[:, :, at.ravel()]
    return convolution()(wide, f, (s[0], f.shape[2]), dilation=(rows, 1))


CONFINED: dict[Kernel, tuple[str, str]] = {
    beside: ("b1.h2.w1.i1.o1.f1x1.s1x1.p0-0x0-1", "there is padding in columns"),
    running_over: (
        "b1.h1.w5.i1.o1.f1x2.s1x2.d1x2",
        "dilation width is above 1 and there are several windows in columns and width is 3 or more",
    ),
}


@pytest.mark.parametrize("kernel", CONFINED)
def test_where_alone_a_kernel_is_wrong_at_times(kernel: Kernel) -> None:
    """Where no condition parts wrong from right, it is told where the kernel is always right."""
    text, place = CONFINED[kernel]
    operation, subject = OPERATIONS["convolution"], subject_of(kernel, OPERATIONS["convolution"])
    case = Case("convolution", Geometry.parse(text), "float64", "integers", 1)
    found = diagnose(judge(subject, case))
    assert not found.names
    (claim,) = (each for each in found.claims if each.link is Link.ONLY)
    assert claim.place == place
    assert re.fullmatch(r"in \d+ of \d+ geometries tried there", claim.share)
    assert claim.backing.statement is not None
    draw = Draw(operation, 99, subject.taken)
    for at in range(FRESH):
        geometry = draw.small() if at % 2 else draw.geometry()
        fresh = judge(subject, Case("convolution", geometry, "float64", "integers", 5))
        there = claim.backing.statement.holds(numbers_of(operation, geometry))
        assert there or not fresh.failed, geometry


def test_windows_that_reach_padding_are_told() -> None:
    """What is wrong where windows begin in padding is told so."""

    def kernel(x: Any, f: Any, s: Any, padding: Any = NO_PADDING) -> Any:
        z = np.array(convolution()(x, f, s, padding))
        z[:, : -(-padding[0][0] // s[0])] += 1
        return z

    text = "v1:convolution:float64:integers:b1.h5.w3.i1.o1.f3x2.s1x1.p2-1x0-0:1"
    found = diagnose(judge(kernel, Case.parse(text)))
    assert "wrong only in rows whose windows begin in top padding" in found.patterns


BIAS_GRADIENTS = {
    "the mean is taken in place of the sum": lambda d: np.stack(
        [np.mean(d[..., o]) for o in range(d.shape[3])]
    ),
    "summed over the batch alone": lambda d: sum(d, np.zeros_like(d[:1].sum(0))),
    "summed over the first batch item alone": lambda d: d[:1].sum((0, 1, 2)),
    "every channel is given the sum over all": lambda d: np.ones(d.shape[3], d.dtype) * np.sum(d),
    "the result has 2 axes, expected 1": lambda d: d.sum((0, 1)),
    "the sum is divided by the number of batch items": lambda d: d.mean(0).sum((0, 1)),
    "only the last number of each channel counts": lambda d: d[-1, -1, -1].copy(),
    "wrong exactly where there are several windows in columns": lambda d: d.mean(2).sum((0, 1)),
}


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("words", BIAS_GRADIENTS)
def test_gradients_of_the_bias(words: str, dtype: str) -> None:
    """A wrong gradient of the bias, which has no filter, is told a name or a pattern."""
    case = Case.parse(f"v1:convolution_bias_gradient:{dtype}:uniform:b2.h4.w4.i1.o3.f2x2.s1x1:1")
    found = diagnose(judge(BIAS_GRADIENTS[words], case))
    assert any(words in line for line in found.lines()), found.lines()


def test_no_kind_is_told_that_the_failing_case_is_not_of() -> None:
    """What is wrong in float64 alone, on small integers, is not said of a failure in float32."""
    case = Case.parse("v1:convolution_bias_gradient:float32:uniform:b2.h4.w4.i1.o3.f2x2.s1x1:1")

    def kernel(delta: Any) -> Any:
        return delta.sum((0, 1, 2)).astype("f2").astype(delta.dtype)

    found = diagnose(judge(kernel, case))
    assert found.patterns
    assert not any("wrong only in float64" in pattern for pattern in found.patterns)


SHARES = 5


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if catalogue(each)])
def test_mistakes_of_parameters_are_caught(operation: str) -> None:
    """Those of the catalogue fail the classes of geometries, which every profile judges."""
    of = OPERATIONS[operation]
    plain = {each.id for each in catalogue(operation)}
    mistakes = [each for each in catalogue(operation, parameters=True) if each.id not in plain]
    cases = [
        Case(operation, geometry, "float64", "integers", 1)
        for _, geometry in special(of, Taken(of.parameters))
    ]
    for mistake in mistakes[::SHARES]:
        kernel = mistake.make()
        assert any(judge(kernel, case).failed for case in cases), mistake.id


def _of_pairs(form: str) -> Kernel:
    """Return a kernel that raises on another form of padding than its own."""

    def paired(x: Any, f: Any, s: Any, padding: Any = (0, 0), **others: Any) -> Any:
        if form == "either" and isinstance(padding[0], tuple):
            if any(one != other for one, other in padding):
                raise ValueError("padding is not symmetric")
            padding = [one for one, _ in padding]
        height, width = map(int, padding)
        if form == "turned":
            height, width = width, height
        return convolution()(x, f, s, padding=((height, height), (width, width)), **others)

    return paired


@pytest.mark.parametrize("geometry", ["f3x2.s1x1.p1x0", "f3x2.s1x1.p1-0x0-2"])
@pytest.mark.parametrize(("form", "advised"), [("pair", 1), ("either", 1), ("turned", 0)])
def test_a_kernel_that_takes_padding_as_a_pair_is_told_to_say_so(
    form: str, geometry: str, advised: int
) -> None:
    """It is suggested where the kernel raises and is right on pairs, and nowhere else."""
    line = "convolution=k.py:k,takes=padding+dilation+groups+bias"
    kernel = Fitted(Candidate.parse(line), _of_pairs(form))
    case = Case.parse(f"v1:convolution:float32:integers:b1.h5.w4.i2.o2.{geometry}:0")
    verdict = judge(kernel, case)
    fails = form != "either" or case.geometry.padding != ((1, 1), (0, 0))
    assert verdict.failed == fails
    if fails:
        advice = diagnose(verdict).advice
        assert [each.partition(",")[0] for each in advice] == ["padding=pair"] * advised

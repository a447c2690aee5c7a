"""Expressions of domains: what they hold of, what is none, and geometries that are moved there."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import prod

import pytest

from convcheck.cases.domain import Domain, names, numbers_of
from convcheck.cases.inside import ParametersInside, inside, parameters_inside
from convcheck.cases.numbers import Raw
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.cases.taken import NOTHING, Taken
from convcheck.cases.worded import in_words
from convcheck.conformance.plan.certified import TIERS
from convcheck.conformance.shapes import draws
from convcheck.form.axis import Axis, Span
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.loading import CandidateError

CONVOLUTION = OPERATIONS["convolution"]
EXPRESSIONS = (
    "filter_height == 3 and filter_width == 3 and channels_in % 8 == 0",
    "filter_height == filter_width == 7",
    "batch == 1",
    "stride_height == stride_width",
    "not (filter_height % 2 == 0 or filter_width % 2 == 0)",
    "filter_height * filter_width == 9",
    "filter_height == 1 and filter_width == 1 or filter_height == 3 and filter_width == 3",
    "channels_in == channels_out and 2 < batch <= 4",
    "height == 2 * width",
    "channels_in // batch == 3",
    "-padding_top - 1 < 0 and groups == 1",
)


def _drawn(count: int, taken: Taken = NOTHING) -> list[Geometry]:
    raw = Raw(5, stream=3)
    return [draws.geometry(draws.Seeded(raw), CONVOLUTION, taken) for _ in range(count)]


def _domain(text: str) -> Domain:
    return Domain.parse(text, names(CONVOLUTION))


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_holds(text: str) -> None:
    """An expression holds of what Python says that it holds of, and its text reads as the same."""
    domain = _domain(text)
    for geometry in _drawn(100):
        try:
            expected = eval(text, {}, numbers_of(geometry))  # noqa: S307  (the texts above)
        except ZeroDivisionError:
            expected = False
        assert (geometry in domain) == expected
    assert _domain(str(domain)) == domain


WORDED = {
    EXPRESSIONS[0]: "3 x 3 filters, input channels in multiples of 8",
    EXPRESSIONS[1]: "7 x 7 filters",
    "filter_width == 3 and batch > 0 and filter_height == 1": (
        "1 x 3 filters, batches that are not empty"
    ),
    "stride_height == stride_width > 1": "equal strides, stride_width > 1",
    EXPRESSIONS[4]: EXPRESSIONS[4],
    "batch < 1 or batch > 2": "batch < 1 or batch > 2",
    "(batch < 1 or batch > 2) and height == width": (
        "inputs as high as wide, (batch < 1 or batch > 2)"
    ),
    "padding_top == padding_left and groups == 1": "groups 1, padding_top == padding_left",
    "padding_top == padding_bottom == padding_left == padding_right": (
        "the same padding on all sides"
    ),
    "height > 2 and batch == 1 and width > 2": "batch 1, height > 2 and width > 2",
}


@pytest.mark.parametrize("text", WORDED)
def test_in_words(text: str) -> None:
    """Well-known parts are said in words, the others as they are written, and none is lost."""
    assert in_words(Taken(("padding",), domain=_domain(text))) == WORDED[text]


def test_padding_in_words() -> None:
    """Padding that is alike along both axes is so on all sides where it is symmetric."""
    candidate = Candidate.parse("convolution=a.py:b,style=coursera")
    told = "square filters, equal strides, the same padding on all sides"
    assert {in_words(each.taken) for each in candidate.of_layer()} == {told}
    for only, words in {
        "padding_top==1 and padding_left==2": "padding 1 x 2",
        "padding_top==filter_height//2 and padding_left==filter_width//2": (
            "padding by half a filter"
        ),
    }.items():
        whole = Candidate.parse(f"convolution=a.py:b,style=module,only={only}")
        assert in_words(whole.taken) == words


def test_a_layer_without_a_stride_in_words() -> None:
    """That strides are 1, and equal, is told once."""
    line = "convolution=a.py:b,style=layer,takes=bias,only=stride_height==1 and stride_width==1"
    (found,) = {in_words(each.taken) for each in Candidate.parse(line).of_layer()}
    assert found == "strides 1 x 1, the same padding on all sides"


def test_divides_by_zero() -> None:
    """Neither a comparison that divides by zero holds, nor its opposite; others may."""
    geometry = Geometry.parse("b1.h3.w3.i1.o1.f1x1.s1x1")
    assert geometry not in _domain("4 // padding_top == 2")
    assert geometry not in _domain("not 4 // padding_top == 2")
    assert geometry in _domain("4 % padding_top == 0 or padding_top == 0")


ERRORS = {
    "depthwise": "only='depthwise': expected a comparison; quote the line",
    "filter_height": "only='filter_height': expected a comparison; quote the line",
    "filter_height == 3 and": "only='filter_height == 3 and': expected comparisons",
    "filter_height == 3 and stride_width": "stride_width: expected a comparison",
    "filters == 3": "filters: expected one of batch, height, width",
    "fore_stride_width == 1": "fore_stride_width: expected one of",
    "batch == 1.5": "1.5: expected integers, names",
    "batch == True": "True: expected integers, names",
    "batch ** 2 == 4": "batch ** 2: expected integers, names",
    "batch / 2 == 4": "batch / 2: expected integers, names",
    "batch in (1, 2)": "batch in (1, 2): expected one of ==, !=",
    "max(batch, 2) == 2": "max: expected one of",
    "batch.real == 1": "batch.real: expected integers, names",
    "(batch := 1) == 1": "expected",
    " and ".join(["(batch == 1 or batch == 2)"] * 9): "expected at most 64 alternatives",
    "(" * 300 + "batch == 1" + ")" * 300: "expected comparisons",
    "batch == 1 or " * 100 + "batch == 2": "expected at most 1000 characters",
}


@pytest.mark.parametrize("text", ERRORS)
def test_is_no_expression(text: str) -> None:
    """What is none is a usage error that names the argument, its value and what was expected."""
    with pytest.raises(CandidateError) as error:
        Candidate("convolution", "a", "b", only=text)
    assert str(error.value).startswith("only='")
    assert ERRORS[text] in str(error.value)


@pytest.mark.parametrize("text", ["batch < 0", "filter_height == 3 and height == 1"])
def test_empty(text: str) -> None:
    """An expression that holds of no geometry is an error that quotes it."""
    with pytest.raises(CandidateError, match=f"only='{text}': expected .* none was found"):
        Candidate.parse(f"convolution=a:b,only={text}")


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_moves(text: str) -> None:
    """Whatever is drawn is moved into the domain, always alike, and stays various."""
    taken = Taken(domain=_domain(text))
    moved = [taken.fit(CONVOLUTION, geometry) for geometry in _drawn(100)]
    assert None not in moved
    for geometry in moved:
        assert geometry is not None
        assert geometry in _domain(text)
        assert CONVOLUTION.fits(geometry)
        assert taken.fit(CONVOLUTION, geometry) is geometry
    assert len({*moved}) > 80
    assert moved == [taken.fit(CONVOLUTION, geometry) for geometry in _drawn(100)]


def test_moves_parameters() -> None:
    """Padding that is symmetric, and groups that divide the channels, are so there, too."""
    text = "padding_top == 1 and groups == channels_in and channels_in % 4 == 0"
    taken = Taken(CONVOLUTION.parameters, symmetric=True, domain=_domain(text))
    for geometry in _drawn(50, taken):
        assert taken.refusal(geometry) is None
        assert geometry.padding[0] == (1, 1)
        assert geometry.channels_in == geometry.groups


def test_line_reads_back() -> None:
    """The line of a candidate with all of these names the same candidate."""
    line = (
        "convolution=a.py:b,strides=int,only=(batch == 1 or batch == 2) and width > 1,"
        "partial=yes,memory=C"
    )
    assert str(Candidate.parse(line)) == line


def test_region() -> None:
    """A certificate's region holds geometries of the domain alone, more of them, and says so."""
    taken = Taken(domain=_domain(EXPRESSIONS[0]))
    own = inside(TIERS["quick"].one_layer, taken)
    geometries = [geometry for _, geometry, _ in own.geometries()]
    assert len(geometries) == own.count() == len({*geometries}) > 100
    assert all(taken.refusal(geometry) is None for geometry in geometries)
    assert str(own).startswith(
        f"every distinct geometry with input extents up to {own.extent} for which {EXPRESSIONS[0]};"
    )
    # In shards and spans as one.
    assert sum(1 for shard in range(3) for _ in own.geometries(shard, 3)) == len(geometries)
    halves = range(own.places // 2), range(own.places // 2, own.places)
    assert sum(map(own.count, halves)) == len(geometries)
    assert inside(Region("convolution", 3), Taken()) == Region("convolution", 3)


STRIDES = "stride_height == stride_width"


@pytest.mark.parametrize("text", [STRIDES, "stride_height == 2 and stride_width > 1"])
def test_region_has_all_that_differ(text: str) -> None:
    """Where one window has any stride, a geometry has its like with a stride of the domain."""
    taken, most = Taken(domain=_domain(text)), 3
    own = inside(replace(TIERS["quick"].one_layer, extent=most, reach=most), taken)
    found = {tuple(map(_windows, geometry.axes)) for _, geometry, _ in own.geometries()}
    for h, w, fh, fw, down, right in product(range(1, most + 1), repeat=6):
        geometry = Geometry.of(1, h, w, 1, 1, fh, fw, down, right)
        if CONVOLUTION.fits(geometry) and geometry in _domain(text):
            assert tuple(map(_windows, geometry.axes)) in found, geometry


def _windows(axis: Axis) -> Span:
    """Return what is computed along an axis: one window has any stride, one tap any dilation."""
    span = CONVOLUTION.layer.span(axis)
    stride, dilation = span.stride * (span.steps > 1), span.dilation * (span.taps > 1)
    return span._replace(stride=stride, dilation=dilation)


OF_PARAMETERS: dict[str, Callable[[Axis], bool]] = {
    STRIDES: lambda axis: True,  # noqa: ARG005
    "filter_height == 3 and filter_width == 3": lambda axis: axis.taps == 3,
    "filter_height == filter_width == 7": lambda axis: axis.taps == 7,
    "groups == 1 or channels_in % 4 == 0": lambda axis: True,  # noqa: ARG005
    "padding_top == padding_bottom == 1": lambda axis: axis.before == axis.after == 1,
    "dilation_height == 2": lambda axis: axis.dilation == 2 or axis.taps == 1,
    "bias == 0": lambda axis: CONVOLUTION.layer.span(axis).meets(),
    "height >= 20": lambda axis: False,  # noqa: ARG005
}
"""with the axes up to a small extent that are to be along the height"""


@pytest.mark.parametrize("text", OF_PARAMETERS)
def test_region_of_parameters(text: str) -> None:
    """So it is with parameters: every axis that can be in the domain is, and nothing outside."""
    taken = Taken(CONVOLUTION.parameters, domain=_domain(text))
    plain = ParameterRegion("convolution", 2, CONVOLUTION.parameters)
    own = parameters_inside(plain, taken)
    assert isinstance(own, ParametersInside)
    geometries = [geometry for _, geometry, _ in own.geometries()]
    assert len({each.axes for each in geometries}) == len(geometries) == own.count() > 20
    assert len(geometries) < 2 * plain.count()
    for geometry in geometries:
        assert taken.refusal(geometry) is None
        CONVOLUTION.check(geometry)
        assert geometry.bias or all(span.meets() for span in CONVOLUTION.spans(geometry))
    rows = {_windows(each.rows) for each in geometries}
    for axis in replace(plain, extent=own.reach).axes:
        if axis.extent <= 2 and OF_PARAMETERS[text](axis):
            assert _windows(axis) in rows
    assert f"with which {own.only} can hold" in str(own)


COSTLY = {
    "filter_height == filter_width == 11": ("every distinct", "batch, channels and groups 1"),
    "channels_in % 32 == 0 and channels_out % 32 == 0": (
        "every distinct",
        "1, a bias where nothing",
    ),
    "channels_in == 512 and filter_height == 7": ("one in", "channels and groups 1"),
}


@pytest.mark.parametrize("text", COSTLY)
def test_little_is_multiplied_with_parameters(text: str) -> None:
    """Large filters and many channels stand beside fewer others, and the region says which."""
    taken = Taken(CONVOLUTION.parameters, domain=_domain(text))
    own = parameters_inside(ParameterRegion("convolution", 2, CONVOLUTION.parameters), taken)
    products = 0
    for _, g, _ in own.geometries():
        assert taken.refusal(g) is None
        along = prod(span.steps * span.taps for span in CONVOLUTION.spans(g))
        products += g.batch * g.channels_in * g.channels_out // g.groups * along
    assert 2**19 < products <= 2**21
    assert all(words in str(own) for words in COSTLY[text])

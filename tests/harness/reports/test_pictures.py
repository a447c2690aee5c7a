"""Pictures show the data: every number in its place, what is wrong marked, nothing outside."""

import re

import pytest
from msgspec.structs import replace
from sample import certificate, diagnosis

from convcheck.reports.failures import Calls, Grid
from convcheck.reports.failures import Picture as Drawn
from convcheck.reports.told import pictures
from convcheck.reports.told.pictures import Picture


def squares(picture: Picture, style: str) -> int:
    """Return how many shapes of a style a picture has."""
    paths = dict(picture.paths)
    return paths.get(style, "").count("M")


def inside(picture: Picture) -> bool:
    """Tell whether every shape starts within the picture, and every word stands in it."""
    starts = [
        tuple(map(float, pair))
        for _, path in picture.paths
        for pair in re.findall(r"[ML](-?[\d.e+]+) (-?[\d.e+]+)", path)
    ]
    places = starts + [(text.x, text.y) for text in picture.texts]
    return all(0 <= x <= picture.width and 0 <= y <= picture.height for x, y in places)


def drawn_of(size: int) -> Drawn:
    """Return what a diagnosis says of a result of that size."""
    picture = diagnosis(size).picture
    assert picture is not None
    return picture


@pytest.mark.parametrize("size", [1, 3, 6, 24])
def test_every_number_has_its_square(size: int) -> None:
    """Returned and expected values have as many squares; what is wrong is crossed, no more."""
    picture = drawn_of(size)
    got, expected = pictures.of_values(picture)
    wrong = sum(map(sum, picture.wrong))
    assert squares(got, "cross") == squares(got, "ring") == wrong
    assert squares(expected, "cross") == 0
    for each in (got, expected):
        fills = (style for style, _ in each.paths if style not in ("cross", "ring"))
        assert sum(squares(each, style) for style in fills) == size * size
        assert inside(each)
    assert squares(got, "odd") == 1
    assert f"{wrong} of {size * size}" in got.said or not wrong


def test_small_pictures_hold_their_numbers() -> None:
    """Where there is room the numbers stand in the squares, row by row."""
    taps = diagnosis().taps
    assert taps is not None
    got, _ = pictures.of_values(taps)
    numbers = [text for text in got.texts if text.style == "number"]
    assert [text.text for text in numbers] == [f"{float(v):g}" for row in taps.got for v in row]
    assert sorted((text.y, text.x) for text in numbers) == [(text.y, text.x) for text in numbers]


def test_axes_count_from_where_the_part_lies() -> None:
    """The rows are numbered as in the whole result."""
    got, _ = pictures.of_values(drawn_of(6))
    assert [text.text for text in got.texts if text.style == "end"] == list("345678")


def test_large_pictures_fit_a_telephone() -> None:
    """A part of 24 by 24 takes no more than the width of a telephone, and has no numbers."""
    got, _ = pictures.of_values(drawn_of(24))
    assert got.width < 375
    assert not any(text.style == "number" for text in got.texts)


def test_shades_tell_sign_and_size() -> None:
    """A larger number is deeper, a negative one of another colour, zero and NaN are neither."""
    values = (1.0, 2.0, 3.0, -1.0, 0.0, float("nan"), float("inf"))
    styles = [pictures.shade(value, 3.0) for value in values]
    assert styles == ["plus1", "plus2", "plus3", "minus1", "zero", "odd", "odd"]


def test_the_largest_numbers_are_shaded() -> None:
    """What three times the largest number would be is no concern of the picture's."""
    assert [pictures.shade(value, 1.7e308) for value in (1.7e308, -1e308)] == ["plus3", "minus2"]


def test_tables_show_expected_numbers_of_wrong_ones() -> None:
    """In the table an expected number follows the wrong one."""
    picture = replace(drawn_of(1), got=[[1.0, "nan"]], expected=[[1.0, 2.0]], wrong=[[False, True]])
    assert pictures.values_table(picture) == [["1", "nan (2)"]]


def test_a_region_is_drawn_from_its_axes() -> None:
    """Each axis that was certified has one square, in the picture of its extent."""
    axes = certificate("convolution").axes
    drawn = pictures.of_region(axes, [], complete=True)
    assert [picture.title for picture in drawn] == [f"extent {n}" for n in range(1, 5)]
    for n, picture in enumerate(drawn, start=1):
        assert squares(picture, "all") == sum(axis[0] == n for axis in axes)
        assert inside(picture)


def test_only_complete_regions_look_certified() -> None:
    """What agreed before a failure does not look certified, and the failure is crossed."""
    axes = certificate("convolution", complete=False).axes
    drawn = pictures.of_region(axes, [(3, 1, 2), (2, 1, 1)], complete=False)
    styles = {style for picture in drawn for style, _ in picture.paths}
    assert styles == {"part", "failed", "cross"}
    assert sum(squares(picture, "failed") for picture in drawn) == 2
    assert "fails at filter 1 with stride 2" in drawn[-1].said


def test_axes_along_with_short_ones_look_otherwise() -> None:
    """An axis whose other axis was always short is not drawn like one in every combination."""
    (picture,) = pictures.of_region([[4, 1, 1, 9, 4], [4, 1, 2, 3, 2]], [], complete=True)
    assert (squares(picture, "all"), squares(picture, "narrow")) == (1, 1)


def test_long_extents_share_a_picture() -> None:
    """It has a square for each extent and filter, with the number of strides; failures cross it."""
    axes = [[n, taps, s, 1, 1] for n in range(1, 11) for taps in (1, 2) for s in (1, 2, 3)]
    *_, longer = pictures.of_region(axes, [(10, 2, 2)], complete=True)
    assert longer.title == "extents 9 to 10, how many strides"
    assert "fails at filter 2 with stride 2" in longer.said
    assert (squares(longer, "narrow"), squares(longer, "failed")) == (3, 1)
    assert [text.text for text in longer.texts if text.style == "number"] == ["3"] * 3
    assert inside(longer)


def numbers_in(picture: Picture) -> list[str]:
    """Return the numbers in the squares of a picture, row by row."""
    return [text.text for text in picture.texts if text.style == "number"]


def test_windows_are_counted_at_each_place() -> None:
    """Each place of the input tells how many windows reach it; those in none are seen."""
    picture = pictures.of_windows("v1:convolution:float32:integers:b1.h3.w4.i1.o1.f2x2.s1x3:0")
    assert picture is not None
    assert numbers_in(picture) == list("110022001100")
    assert (squares(picture, "plus1"), squares(picture, "zero")) == (6, 6)
    assert picture.said.endswith("of 12 places, padding included, 6 lie in none")
    assert inside(picture)


def test_padding_lies_around_the_places() -> None:
    """Windows with padding and dilation reach beside the input, of which rows begin with 0."""
    case = "v1:convolution:float32:integers:b1.h4.w1.i1.o1.f2x1.s1x1.p1-0x0-0.d2x1:0"
    picture = pictures.of_windows(case)
    assert picture is not None
    assert numbers_in(picture) == list("11211")
    assert squares(picture, "odd") == 1
    assert [text.text for text in picture.texts if text.style == "end"] == ["-1", *"0123"]


@pytest.mark.parametrize("case", ["h3.w3.i1.o1.f2x2.s1x1", "h99.w3.i1.o1.f2x2.s2x2", "nothing"])
def test_windows_that_show_nothing_are_not_drawn(case: str) -> None:
    """Where each place is reached, there are too many, or no case can be read, is no picture."""
    assert pictures.of_windows(f"v1:convolution:float32:integers:b1.{case}:0") is None


def test_errors_are_told_by_powers_of_ten() -> None:
    """The bound is one square, and an error has another for each power of ten that it reaches."""
    picture = pictures.of_error(2_770.0)
    assert picture is not None
    assert (squares(picture, "all"), squares(picture, "failed")) == (2, 4)
    assert pictures.of_error(0.5) is pictures.of_error(float("inf")) is None


def test_calls_are_drawn_in_the_order_in_which_they_were_made() -> None:
    """Sixteen a row, those crossed that went wrong; of a few nothing is empty."""
    picture = pictures.of_calls(Calls("the same call", [n % 7 > 0 for n in range(40)]))
    assert (squares(picture, "all"), squares(picture, "failed")) == (34, 6)
    assert [t.text for t in picture.texts if t.style == "end"] == ["1-16", "17-32", "33-40"]
    assert picture.said == "the same call: wrong in 6 of 40"
    assert squares(pictures.of_calls(Calls("none", [])), "failed") == 0


def test_geometries_tried_are_right_wrong_or_both() -> None:
    """A pair of sizes is drawn if a geometry had it: crossed where all were wrong."""
    found = Grid(("height", "width"), [1, 2], [1, 2], [[3, 0], [4, 5]], [[0, 0], [4, 2]])
    picture = pictures.of_tried(found)
    styles = ("all", "failed", "cross", "part")
    assert [squares(picture, style) for style in styles] == [1, 1, 1, 1]
    assert numbers_in(picture) == ["2/5"]
    assert picture.said.endswith("wrong in 6 of 12")


def test_distributions_are_shaded_by_share() -> None:
    """A bin that holds most of a row's cases is the deepest; an empty one is empty."""
    picture = pictures.of_distribution(
        "convolution", [("float16", [90, 10, 0]), ("float32", [0] * 3)]
    )
    counts = {style: path.count("M") for style, path in picture.paths}
    assert counts == {"plus3": 1, "plus1": 1, "zero": 4}


def test_empty_pictures_do_no_harm() -> None:
    """A diagnosis without an element, and a certificate without an axis, draw nothing."""
    nothing = replace(drawn_of(1), got=[], expected=[], wrong=[])
    assert [picture.paths for picture in pictures.of_values(nothing)] == [(), ()]
    assert pictures.of_region([], [], complete=True) == []

"""What is said of a kernel is held against all that a run has judged."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from wrong import RIGHT

from convcheck.cases.case import Case
from convcheck.conformance.shapes.sampled import judge_sampled
from convcheck.diagnosis.where.claims import Backing, Claim, Link
from convcheck.diagnosis.where.seen import Seen
from convcheck.diagnosis.where.signs import common, of_shape, signs, told
from convcheck.diagnosis.where.statements import (
    Statement,
    both,
    columns_of,
    numbers_of,
    statements,
    word,
)
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.kernels.shown.evidence import Wrong

OPERATION = OPERATIONS["convolution"]
WORDS = "wrong exactly where width is 3 or more, in 40 geometries tried"
WIDE = Statement("width is 3 or more", ((("width", ">=", 3),),))
CLAIM = Claim(
    *("wrong", "is", Link.EXACTLY, WIDE.words, "in 40 geometries tried"),
    backing=Backing("float64", "is wrong", WIDE),
)
ONLY = replace(CLAIM, link=Link.ONLY)


def borne_out(found: Seen, *claims: Claim) -> list[str]:
    """Return in words what a run bears out of claims."""
    return [each.text for each in found.bearing(claims, OPERATION)]


def spoilt(x: Any, ftr: Any, strd: Any) -> Any:
    """Convolve, wrongly from a width of 3 on."""
    return RIGHT["convolution"](x, ftr, strd) + (x.shape[2] >= 3)


def seen(*widths: int, kernel: Any = spoilt, fill: str = "integers") -> Seen:
    """Return what a run saw that judged these widths."""
    found = Seen()
    for width in widths:
        geometry = f"b1.h1.w{width}.i1.o1.f1x1.s1x1"
        found.add(judge(kernel, Case.parse(f"v1:convolution:float64:{fill}:{geometry}:1")))
    return found


def test_what_all_cases_bear_out_is_said() -> None:
    """A condition that holds on every judged geometry is told as it is."""
    assert borne_out(seen(1, 2, 3, 4), CLAIM) == [WORDS]


@pytest.mark.parametrize("first", [2, 5])
def test_what_a_case_contradicts_is_counted(first: int) -> None:
    """Where judged cases contradict a condition, it is told what was seen instead."""

    def other(x: Any, ftr: Any, strd: Any) -> Any:
        return RIGHT["convolution"](x, ftr, strd) + (x.shape[2] >= first)

    (text,) = borne_out(seen(1, 2, 3, 4, 5, kernel=other), CLAIM)
    inside, outside = {2: ("3 of 3", "1 of 2"), 5: ("1 of 3", "0 of 2")}[first]
    assert "exactly" not in text
    assert f"wrong in {inside} geometries judged where width is 3 or more" in text
    assert text.endswith(f"in {outside} others")


def raising(x: Any, ftr: Any, strd: Any) -> Any:
    """Convolve, wrongly from a width of 3 on, and raise at 4."""
    if x.shape[2] == 4:
        raise ValueError
    return spoilt(x, ftr, strd)


@pytest.mark.parametrize(
    ("claim", "widths", "told"),
    [
        (CLAIM, (2, 3, 5), ""),
        (CLAIM, (2, 3, 4), "wrong in 1 of 2 geometries judged where width is 3 or more"),
        (ONLY, (2, 3, 4), ""),
    ],
)
def test_another_fault_contradicts_exactly(
    claim: Claim, widths: tuple[int, ...], told: str
) -> None:
    """A kernel that raises where it was said to be wrong is not wrong exactly there."""
    (found,) = borne_out(seen(*widths, kernel=raising), claim)
    assert found.startswith(told or claim.text)


def test_a_right_result_contradicts_only_too() -> None:
    """Where a kernel is said to be wrong, in whatever way, none of its results is right."""

    def other(x: Any, ftr: Any, strd: Any) -> Any:
        return RIGHT["convolution"](x, ftr, strd) + (x.shape[2] >= 4)

    (text,) = borne_out(seen(2, 3, 4, kernel=other), ONLY)
    assert text.startswith("wrong in 1 of 2 geometries judged where width is 3 or more")


def test_what_no_case_bears_out_is_not_said() -> None:
    """Where it was right wherever it was said to be wrong, nothing is left to count."""
    assert borne_out(seen(2, 3, kernel=RIGHT["convolution"]), CLAIM, ONLY) == []


def test_cases_that_may_be_right_by_chance_say_nothing() -> None:
    """Agreement on numbers that can hide a fault does not contradict a condition."""

    def careful(x: Any, ftr: Any, strd: Any) -> Any:
        return RIGHT["convolution"](x, ftr, strd)

    assert borne_out(seen(4, kernel=careful, fill="tiny"), CLAIM) == [WORDS]
    assert borne_out(seen(4, kernel=careful), CLAIM) != [WORDS]


def test_signs_that_a_wrong_result_lacks_are_not_said() -> None:
    """What wrong results look like is told only if all that were judged look so."""
    found = seen(3, 4)
    off, zero = (
        Claim(words, backing=Backing("float64", signs=(("", f"what is wrong is {words}"),)))
        for words in ("off by 1", "zero")
    )
    assert borne_out(found, off, zero, Claim("plain")) == ["off by 1", "plain"]
    case = Case.parse("v1:convolution:float32:integers:b1.h1.w4.i1.o1.f1x1.s1x1:1")
    found.add(judge(lambda x, f, s: 2 + RIGHT["convolution"](x, f, s), case))
    assert borne_out(found, off, Claim("plain")) == ["plain"]  # it names no dtype


def test_what_tests_saw_adds_up_across_processes() -> None:
    """Records that went through JSON add up to what one process would have seen."""
    parts, whole = [seen(1, 3), seen(2, 4)], Seen()
    for part in parts:
        whole.add_plain(json.loads(json.dumps(part.plain())))
    assert whole.deeds == seen(1, 3, 2, 4).deeds
    assert whole.signs.keys() == {"float64"}
    claim = msgspec.json.decode(msgspec.json.encode(CLAIM), type=Claim)
    assert claim == CLAIM
    assert borne_out(whole, claim) == [WORDS]


def wrong_of(mask: Any) -> Wrong:
    """Return a result that is wrong in the columns where `mask` says so."""
    marks = np.array(mask, bool)[None, None, :, None]
    expected = np.arange(3.0, 3 + marks.size).reshape(marks.shape)
    return Wrong(OPERATION, np.where(marks, expected**3, expected), expected, marks)


def shown(*masks: Any) -> list[str]:
    """Return what is told of results that are wrong in these columns."""
    every = []
    for mask in masks:
        case = Case.parse(f"v1:convolution:float64:integers:b1.h1.w{len(mask)}.i1.o1.f1x1.s1x1:1")
        every.append(signs(wrong_of(mask), numbers_of(OPERATION, case.geometry)))
    return [each.text for each in told(common(every))]


def test_no_position_is_read_off_two_elements() -> None:
    """The last of two columns may be any; of three it is the last, if it is so everywhere."""
    assert shown([0, 1]) == []
    assert shown([0, 0, 1]) == ["wrong only in the last column"]
    assert shown([0, 1], [0, 0, 1]) == ["wrong only in the last column"]
    assert shown([0, 1, 0], [0, 0, 1]) == []
    assert shown([0, 1, 1], [0, 1, 1, 1]) == ["wrong only in columns behind the first"]


@pytest.mark.parametrize("values", [(np.inf, np.inf), (np.inf, -np.inf), (np.inf, np.nan)])
def test_infinite_results_have_signs_without_a_warning(values: tuple[float, float]) -> None:
    """What is infinite is compared like any other number: no warning reaches the user."""
    got, expected = np.reshape(values, (1, 1, 2, 1)), np.reshape((1.0, 2.0), (1, 1, 2, 1))
    numbers = numbers_of(OPERATION, Geometry.parse("b1.h1.w2.i1.o1.f1x1.s1x1"))
    assert signs(Wrong(OPERATION, got, expected, np.ones(got.shape, bool)), numbers)


def test_a_shape_is_told_by_what_it_has_in_common_with_others() -> None:
    """That there are as many columns as rows is told where it holds of every wrong shape."""
    numbers = [
        numbers_of(OPERATION, Case.parse(f"v1:convolution:float64:integers:{g}:1").geometry)
        for g in ("b1.h2.w4.i1.o1.f1x1.s1x1", "b1.h3.w5.i1.o1.f1x1.s1x1")
    ]
    every = [
        of_shape((1, 2, 2, 1), (1, 2, 4, 1), "bPQo", numbers[0]),
        of_shape((1, 3, 3, 1), (1, 3, 5, 1), "bPQo", numbers[1]),
    ]
    (claim,) = told(common(every))
    assert claim.text == "the result has as many columns as it should have rows"


def test_statements_say_what_they_hold_of() -> None:
    """Words and clauses of a statement agree, for a few that are read off their words."""
    cases = [
        Case.parse(f"v1:convolution:float64:integers:{geometry}:1").geometry
        for geometry in ("b1.h5.w4.i2.o3.f1x1.s2x2", "b2.h4.w4.i3.o3.f3x2.s1x1")
    ]
    numbers = columns_of(OPERATION, cases)
    holds = {each.words: each.holds(numbers).tolist() for each in statements(numbers)}
    assert holds["the filter is 1 x 1"] == [True, False]
    assert holds["a remainder is left in columns"] == [True, False]
    assert holds["windows overlap in rows or columns"] == [False, True]
    assert holds["channels in and out differ"] == [True, False]
    assert holds["channels in is 3 or more"] == [False, True]
    assert holds["height exceeds width"] == [True, False]
    first = next(each for each in statements(numbers) if each.words == "height and width differ")
    second = next(each for each in statements(numbers) if each.words == "batch is above 1")
    assert both([first, second]).holds(numbers).tolist() == [False, False]


def test_numbers_that_follow_from_sizes_have_words() -> None:
    """Where a limit of theirs is not known, they are told by name."""
    told = [word(f"{name}_height") for name in ("overlap", "remainder", "fewer")]
    assert told[:2] == ["the overlap of windows in rows", "the remainder in rows"]
    assert told[2] == "what places exceed windows by in rows"
    assert word("fore_gap_width") == "the gap between windows in columns of layer l+1"
    assert word("fore_filter_width") == "layer l+1's filter width"


def test_only_is_said_where_nothing_else_failed() -> None:
    """That a kernel fails in one dtype or on some numbers alone is told if no case gainsays it."""
    found = seen(3, 4, fill="integers")
    claims = [
        Claim("in float64", backing=Backing(dtypes=("float64",))),
        Claim("on integers", backing=Backing("float64", fills=("integers",))),
        Claim("not on tiny", backing=Backing("float64", spared=("tiny",))),
    ]
    assert found.bearing(claims, OPERATION) == claims
    for other in ("float32:integers", "float64:tiny"):
        case = Case.parse(f"v1:convolution:{other}:b1.h1.w4.i1.o1.f1x1.s1x1:1")
        verdict = judge(spoilt, case)
        assert verdict.failed
        found.add(verdict)
    assert found.bearing(claims, OPERATION) == []


def test_integers_do_not_gainsay_what_is_said_of_real_numbers() -> None:
    """A condition that was found on real numbers is held against cases of real numbers."""

    def rounds(x: Any, ftr: Any, strd: Any) -> Any:
        z = RIGHT["convolution"](x, ftr, strd)
        return z if (z == np.rint(z)).all() or x.shape[2] < 3 else z + 1

    found = seen(1, 4, kernel=rounds)
    for width in (1, 4):
        case = f"v1:convolution:float64:uniform:b1.h1.w{width}.i1.o1.f1x1.s1x1:1"
        found.add(judge(rounds, Case.parse(case)))
    assert borne_out(found, CLAIM) != [WORDS]
    real = replace(CLAIM, backing=replace(CLAIM.backing, dtype="float64, real numbers"))
    assert borne_out(found, real) == [WORDS]


def test_a_sentence_stands_alone_and_behind_a_name() -> None:
    """Its parts make a sentence about the kernel, or about what it returns."""
    as_if = Claim("the filter is flipped", link=Link.AS_IF, place="where it is wrong")
    told = {
        "is wrong exactly where width is 3 or more, in 40 geometries tried": CLAIM,
        "raised ValueError": Claim("raised ValueError", ""),
        "is wrong: it is 0": Claim("it is 0"),
        ", where it is wrong, behaves as if the filter is flipped": as_if,
    }
    assert {each.predicate.removeprefix(" "): each for each in told.values()} == told
    assert as_if.text == "where it is wrong, it behaves as if the filter is flipped"
    assert [each.leads for each in told.values()] == [True, False, False, True]


@pytest.mark.parametrize("first", [1, 4])
def test_a_sampled_layer_is_no_call_of_its_sizes(first: int) -> None:
    """A kernel that is called on receptive fields says nothing of the whole layer's sizes."""

    def other(x: Any, ftr: Any, strd: Any) -> Any:
        return RIGHT["convolution"](x, ftr, strd) + (x.shape[2] < first)

    found = Seen()
    case = Case.parse("v1:convolution:float64:integers:b1.h9.w9.i1.o1.f1x1.s1x1:1")
    found.add(judge_sampled(other, case))
    fields = [str(each) for each in found.deeds]
    assert fields == ["b1.h1.w1.i1.o1.f1x1.s1x1"] * (first > 1)

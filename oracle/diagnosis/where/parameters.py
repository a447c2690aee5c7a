"""Statements about parameters: padding, dilation, groups, output padding, bias."""

from collections.abc import Iterator

import numpy as np

from convcheck.form.geometry import PARAMETER_NUMBERS

from .statements import Numbers, Statement, by_axes, one, values, word

_OF_AXES = (
    ("there is padding", "padding", ">=", 1),
    ("there is no padding", "padding", "==", 0),
    ("padding before and behind differ", "uneven", ">=", 1),
    ("padding before and behind are equal", "uneven", "==", 0),
    ("the filter is dilated", "dilation", ">=", 2),
    ("the filter is not dilated", "dilation", "==", 1),
    ("there is output padding", "output_padding", ">=", 1),
    ("there is no output padding", "output_padding", "==", 0),
)


def of_parameters(numbers: Numbers) -> Iterator[Statement]:
    """Yield statements about parameters, of those that are not the same everywhere."""
    varied = {name for name, each in numbers.items() if np.ptp(each)}
    for words, name, *condition in _OF_AXES:
        if {f"{name}_height", f"{name}_width"} & varied:
            yield from by_axes("", words, name, *condition)
    for first, second in (
        ("padding_top", "padding_bottom"),
        ("padding_left", "padding_right"),
        ("padding_top", "padding_left"),
        ("padding_bottom", "padding_right"),
        ("dilation_height", "dilation_width"),
        ("output_padding_height", "output_padding_width"),
        *((f"dilation_{axis}", f"stride_{axis}") for axis in ("height", "width")),
        *((f"padding_{side}", f"filter_{axis}") for side, axis in _AXIS_OF.items()),
        *((f"padding_{side}", axis) for side, axis in _AXIS_OF.items()),
    ):
        if first in varied:
            yield from _compared(first, second)
    if "groups" in varied:
        yield one("each group has a single channel in", 1, "group_in", "==", 1)
        yield one("each group has a single channel out", 1, "group_out", "==", 1)
        yield one("groups have several channels in", 1, "group_in", ">=", 2)
        yield one("groups have several channels out", 1, "group_out", ">=", 2)
        for name in ("group_in", "group_out"):
            yield from values(name, numbers[name].tolist(), 3)
    if "bias" in varied:
        yield one("there is a bias", 0, "bias", "==", 1)
        yield one("there is no bias", 0, "bias", "==", 0)
    reaches = [f"reach_{axis}" for axis in ("height", "width") if f"dilation_{axis}" in varied]
    for name in (*(each for each in PARAMETER_NUMBERS[:-1] if each in varied), *reaches):
        yield from values(name, numbers[name].tolist(), 2)


_AXIS_OF = {"top": "height", "bottom": "height", "left": "width", "right": "width"}


def _compared(first: str, second: str) -> Iterator[Statement]:
    yield one(f"{word(first)} exceeds {word(second)}", 2, first, ">", second)
    yield one(f"{word(second)} exceeds {word(first)}", 2, second, ">", first)
    yield one(f"{word(first)} and {word(second)} differ", 2, first, "!=", second)
    yield one(f"{word(first)} is {word(second)}", 2, first, "==", second)

"""Domains in words: `stride_height == stride_width` is "equal strides"."""

import re
from collections.abc import Iterator

from .domain import FORE
from .taken import Taken

_N = r" == (\d+)"
_RULES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("filter_height == filter_width", f"filter_height{_N}", f"filter_width{_N}"),
        "{} x {} filters",
    ),
    (
        ("stride_height == stride_width", f"stride_height{_N}", f"stride_width{_N}"),
        "strides {} x {}",
    ),
    (("filter_height == filter_width", f"filter_width{_N}"), "{0} x {0} filters"),
    ((f"filter_height{_N}", f"filter_width{_N}"), "{} x {} filters"),
    (("filter_height == filter_width",), "square filters"),
    (("stride_height == stride_width", f"stride_width{_N}"), "strides {0} x {0}"),
    ((f"stride_height{_N}", f"stride_width{_N}"), "strides {} x {}"),
    (("stride_height == stride_width",), "equal strides"),
    ((f"{FORE}stride_height == {FORE}stride_width",), "equal strides in layer l+1"),
    (("dilation_height == dilation_width",), "equal dilations"),
    (
        (
            *("padding_top == padding_bottom", "padding_bottom == padding_left"),
            "padding_left == padding_right",
        ),
        "the same padding on all sides",
    ),
    (("height == width",), "inputs as high as wide"),
    ((f"batch{_N}",), "batch {}"),
    (("batch > 0",), "batches that are not empty"),
    ((r"channels_in % (\d+) == 0",), "input channels in multiples of {}"),
    ((r"channels_out % (\d+) == 0",), "output channels in multiples of {}"),
    (("groups == channels_in",), "as many groups as input channels"),
    ((f"groups{_N}",), "groups {}"),
)
"""what says what together, the first that apply"""
_SYMMETRIC: tuple[tuple[tuple[str, ...], str], ...] = (
    (("padding_top == padding_left",), "the same padding on all sides"),
    ((f"padding_top{_N}", f"padding_left{_N}"), "padding {} x {}"),
    (
        ("padding_top == filter_height // 2", "padding_left == filter_width // 2"),
        "padding by half a filter",
    ),
)
"""of padding that is the same at both ends"""


def in_words(taken: Taken) -> str:
    """Return a kernel's domain in words, as it is written where there are none; "" of none."""
    return "" if taken.domain is None else ", ".join(_worded(taken))


def _worded(taken: Taken) -> Iterator[str]:
    """Yield words for what has to hold, and behind them what there are none for."""
    left = dict.fromkeys(taken.domain.parts if taken.domain else ())
    even = taken.symmetric or "padding" not in taken.parameters
    for patterns, words in (*_RULES, *_SYMMETRIC * even):
        found = [
            next(filter(None, (re.fullmatch(p, each) for each in left)), None) for p in patterns
        ]
        matches = [each for each in found if each is not None]
        if len(matches) == len(patterns):
            yield words.format(*(number for each in matches for number in each.groups()))
            left = {each: None for each in left if each not in {m.string for m in matches}}
    if left:
        yield " and ".join(left)

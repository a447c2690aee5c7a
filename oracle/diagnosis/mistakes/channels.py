"""Slips in batch items, channels and the order of axes in memory."""

from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np

from convcheck.form.layouts import Array

from .changes import masked, on_side, taken, without
from .form import Change
from .slips import BROADCAST, LOOP, Slip


def _misread(order: tuple[int, ...], array: Array) -> Array:
    """Return an array read as if its axes lay in memory in another order."""
    shape = [array.shape[axis] for axis in order]
    return array.reshape(shape).transpose(np.argsort(order))


def _of_layout(axis: str, order: tuple[int, ...]) -> Change:
    """Return the change that takes an array, or returns it, in another order of axes."""
    return on_side(
        axis,
        lambda array: _misread(order, array),
        lambda array: array.transpose(order).reshape(array.shape),
    )


def _from_nchw(axis: str) -> Change:
    """Return the change that reshapes an array in the order NCHW, or the result to that order."""
    return on_side(
        axis,
        lambda array: array.transpose(_NCHW).reshape(array.shape),
        lambda array: _misread(_NCHW, array),
    )


def _last_window(narrow: Array) -> Array:
    kept = np.zeros_like(narrow)
    kept[-1:, -1:, -1:] = narrow[-1:, -1:, -1:]
    return kept


def _reshaped(axis: str, axes: str, is_in: str, read_as: str) -> Change:
    """Return the change to a result in one order of its `axes` that is read as another.

    Where it is an argument it is in the second order, and read as the first.
    """

    def change(before: str, after: str, array: Array) -> Array:
        own, other = ([*map(axes.index, order)] for order in (before, after))
        read = array.transpose(own).reshape([array.shape[axis] for axis in other])
        return read.transpose(np.argsort(other))

    return on_side(axis, partial(change, read_as, is_in), partial(change, is_in, read_as))


def _apart(number: Callable[[int], Array]) -> Change:
    """Return the change that leaves channels apart whose `number`, of so many, is another."""

    def kept(ftr: Array) -> Array:
        i, o = number(ftr.shape[0])[:, None], number(ftr.shape[3])
        masked: Array = ftr * (i == o)[:, None, None, :].astype(ftr.dtype)
        return masked

    return on_side("h", kept)


_GROUPS = "groups and depthwise convolutions"
_TURN = "the filter turned by 180 degrees in the wrong axes"
_RESHAPE = "reshape where transpose is needed, as behind im2col"
_ORDER = "layouts of other frameworks"
_TAIL = "vectorised loops without a tail"
_NCHW = (0, 3, 1, 2)

# fmt: off
# Tables, laid out by hand.


def _of_letter(letter: str, noun: str, nouns: str) -> tuple[Slip, ...]:
    """Return the slips in batch items, or in channels."""
    key, fore = noun.replace(" ", "-"), letter == "o"
    return (
        Slip(f"last-{key}-lost", f"the last {noun} is left out", LOOP,
            masked(letter, lambda n: np.arange(n) < n - 1), fore=fore),
        Slip(f"first-{key}-lost", f"the first {noun} is left out", LOOP,
            masked(letter, lambda n: np.arange(n) > 0), fore=fore),
        Slip(f"only-first-{key}", f"only the first {noun} counts",
            "a kernel written for a batch of one",
            masked(letter, lambda n: np.arange(n) < 1), fore=fore),
        Slip(f"only-last-{key}", f"only the last {noun} counts: the others are overwritten",
            "= where += is needed", masked(letter, lambda n: np.arange(n) == n - 1), fore=fore),
        Slip(f"{key}-reversed", f"the {nouns} come in reversed order", "BGR images taken for RGB",
            taken(letter, lambda n: np.arange(n)[::-1])),
        Slip(f"{key}-rotated", f"each {noun} is taken for the next one", LOOP,
            taken(letter, lambda n: np.roll(np.arange(n), 1))),
        Slip(f"{key}-first-for-all", f"the first {noun} of one argument is taken for all",
            BROADCAST, taken(letter, lambda n: np.zeros(n, int))),
        Slip(f"{key}-first-for-all-other",
            f"the first {noun} of the other argument is taken for all",
            BROADCAST, taken(letter, lambda n: np.zeros(n, int), which=1), summed=letter),
    )


def _blocks(size: int) -> tuple[Slip, ...]:
    """Return the slips of a kernel that works on blocks and forgets what is left over."""
    def lost(number: int, place: Array) -> Array:
        return (place >= number // size * size) & (number >= size)

    def words(several: str) -> str:
        last = f"behind the last multiple of {size}"
        return f"of more than {size} {several}, those {last} are left out"

    index = without(lambda span, step, _: lost(span.steps, step))
    return (
        *(Slip(f"channels-{way}-tail-{size}", words(f"channels {way}"), _TAIL,
            masked(letter, lambda n: ~lost(n, np.arange(n))), fore=False)
            for letter, way in (("i", "in"), ("o", "out"))),
        Slip(f"rows-tail-{size}", words("rows of windows"), _TAIL,
            Change(rows=index), fore=False),
        Slip(f"columns-tail-{size}", words("columns of windows"), _TAIL,
            Change(columns=index), fore=False),
    )


CHANNELS = (
    *_of_letter("b", "batch item", "batch items"),
    *_of_letter("i", "channel in", "channels in"),
    *_of_letter("o", "channel out", "channels out"),
    Slip("channels-exchanged", "the filter's channels in and out are exchanged",
        "transposed convolution as the gradient of a convolution: pytorch#5057",
        on_side("h", lambda ftr: ftr.transpose(3, 1, 2, 0))),
    Slip("filter-flipped-channels", "the filter is flipped in its channels in and out", _TURN,
        on_side("h", lambda ftr: ftr[::-1, :, :, ::-1]), fore=False),
    Slip("filter-flipped-throughout", "the filter is flipped in all its axes", _TURN,
        on_side("h", np.flip), fore=False),
    *(Slip(f"filter-as-{name}", f"the filter's memory is taken for {name.upper()}", _ORDER,
        _of_layout("h", order))
        for name, order in (
            ("hwio", (1, 2, 0, 3)), ("oihw", (3, 0, 1, 2)),
            ("iohw", (0, 3, 1, 2)), ("ohwi", (3, 1, 2, 0)))),
    *(Slip(f"filter-{own}-as-{other}".lower(), words.format(own, other), _RESHAPE,
        _reshaped("h", "IHWO", own, other), returns, fore=False)
        for (own, other), (words, returns) in product(
            (("IHWO", "OIHW"), ("OHWI", "HWIO")),
            (("the result's numbers in the order {} are reshaped to {}, not transposed", "h"),
                ("the filter in the order {1} is reshaped to {0}, not transposed", "PH")))),
    Slip("wide-as-nchw", "the memory of the {wide} is taken for NCHW", _ORDER,
        _of_layout("H", _NCHW)),
    Slip("narrow-as-nchw", "the memory of the {narrow} is taken for NCHW", _ORDER,
        _of_layout("P", _NCHW)),
    Slip("narrow-from-nchw", "the {narrow} in the order NCHW is reshaped to NHWC, not transposed",
        _RESHAPE, _from_nchw("P"), "Hh", fore=False),
    Slip("narrow-from-nhwc",
        "the result's numbers in the order NHWC are reshaped to NCHW, not transposed",
        _RESHAPE, _from_nchw("P"), "P", fore=False),
    *(Slip(f"narrow-{own}-as-nchw".lower(), words.format(own), _RESHAPE,
        _reshaped("P", "NHWC", own, "NCHW"), returns, fore=False)
        for own, (words, returns) in product(
            ("CHWN", "CNHW"),
            (("the result's numbers in the order {} are reshaped to NCHW, not transposed", "P"),
                ("the {{narrow}} in the order NCHW is reshaped to {}, not transposed", "Hh")))),
    Slip("batch-behind-windows",
        "the {narrow}'s batch items and windows are reshaped as if batch items came last",
        _RESHAPE, _of_layout("P", (1, 2, 0, 3)), fore=False),
    Slip("only-last-window",
        "only the last window of the last batch item counts: the others are overwritten",
        "= where += is needed", on_side("P", _last_window), "h", fore=False),
    Slip("depthwise", "each channel out sees the channel in of its number alone", _GROUPS,
        _apart(np.arange)),
    Slip("two-groups", "channels are cut into two groups that do not see each other", _GROUPS,
        _apart(lambda n: np.arange(n) * 2 // n)),
    *(slip for size in (4, 8, 16, 32) for slip in _blocks(size)),
)

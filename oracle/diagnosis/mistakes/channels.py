"""Slips in batch items, channels and the order of axes in memory."""

from collections.abc import Callable

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


def _apart(number: Callable[[int], Array]) -> Change:
    """Return the change that leaves channels apart whose `number`, of so many, is another."""

    def kept(ftr: Array) -> Array:
        i, o = number(ftr.shape[0])[:, None], number(ftr.shape[3])
        masked: Array = ftr * (i == o)[:, None, None, :].astype(ftr.dtype)
        return masked

    return on_side("h", kept)


_GROUPS = "groups and depthwise convolutions"
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
    *(Slip(f"filter-as-{name}", f"the filter's memory is taken for {name.upper()}", _ORDER,
        _of_layout("h", order))
        for name, order in (
            ("hwio", (1, 2, 0, 3)), ("oihw", (3, 0, 1, 2)),
            ("iohw", (0, 3, 1, 2)), ("ohwi", (3, 1, 2, 0)))),
    Slip("wide-as-nchw", "the memory of the {wide} is taken for NCHW", _ORDER,
        _of_layout("H", _NCHW)),
    Slip("narrow-as-nchw", "the memory of the {narrow} is taken for NCHW", _ORDER,
        _of_layout("P", _NCHW)),
    Slip("depthwise", "each channel out sees the channel in of its number alone", _GROUPS,
        _apart(np.arange)),
    Slip("two-groups", "channels are cut into two groups that do not see each other", _GROUPS,
        _apart(lambda n: np.arange(n) * 2 // n)),
    *(slip for size in (4, 8, 16, 32) for slip in _blocks(size)),
)

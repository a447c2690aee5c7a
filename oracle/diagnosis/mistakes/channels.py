"""Slips in batch items, channels and the order of axes in memory."""

from collections.abc import Callable, Iterator

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation

from .form import Change, Map, Work, on_array, windows
from .slips import Slip

_NEVER = -(2**30)

LETTERS = {"b": "batch item", "i": "channel in", "o": "channel out"}


def _along(axes: str, letter: str, length: int, values: Array) -> Array:
    """Return `values` in a shape that multiplies an array with these axes along one of them."""
    return values.reshape([length if axis == letter else 1 for axis in axes])


def _masked(letter: str, mask: Callable[[int], Array]) -> Callable[[Operation], Change]:
    """Return the change that keeps only part of an axis, in whatever array has it."""

    def change(operation: Operation) -> Change:
        name = next(n for n, axes in operation.factors.items() if letter in axes)
        axes = operation.factors[name]

        def arguments(work: Work) -> Work:
            array = work.arrays[name]
            length = array.shape[axes.index(letter)]
            kept = _along(axes, letter, length, mask(length))
            return work.with_array(name, np.where(kept, array, 0).astype(array.dtype))

        return Change(arguments=arguments)

    return change


def _taken(
    letter: str, places: Callable[[int], Array], which: int = 0
) -> Callable[[Operation], Change]:
    """Return the change that takes other parts of an axis, in one of the arrays that have it."""

    def change(operation: Operation) -> Change:
        names = [n for n, axes in operation.factors.items() if letter in axes]
        name = names[min(which, len(names) - 1)]
        axis = operation.factors[name].index(letter)

        def arguments(work: Work) -> Work:
            array = work.arrays[name]
            return work.with_array(name, np.take(array, places(array.shape[axis]), axis))

        return Change(arguments=arguments)

    return change


_LOOP = "a loop bound off by one"
_BATCH = "a kernel written for a batch of one"


def _plural(noun: str) -> str:
    first, _, rest = noun.rpartition(" ")
    return f"{first} {rest}s" if rest == "item" else f"{first}s {rest}"


def _of_letter(letter: str, noun: str) -> Iterator[Slip]:
    key = noun.replace(" ", "-")
    yield Slip(
        f"last-{key}-lost",
        f"the last {noun} is left out",
        _LOOP,
        _masked(letter, lambda n: np.arange(n) < n - 1),
        fore=letter == "o",
    )
    yield Slip(
        f"first-{key}-lost",
        f"the first {noun} is left out",
        _LOOP,
        _masked(letter, lambda n: np.arange(n) > 0),
        fore=letter == "o",
    )
    yield Slip(
        f"only-first-{key}",
        f"only the first {noun} counts",
        _BATCH,
        _masked(letter, lambda n: np.arange(n) < 1),
        fore=letter == "o",
    )
    yield Slip(
        f"only-last-{key}",
        f"only the last {noun} counts: the others are overwritten",
        "= where += is needed",
        _masked(letter, lambda n: np.arange(n) == n - 1),
        fore=letter == "o",
    )
    yield Slip(
        f"{key}-reversed",
        f"the {_plural(noun)} come in reversed order",
        "BGR images taken for RGB",
        _taken(letter, lambda n: np.arange(n)[::-1]),
    )
    yield Slip(
        f"{key}-rotated",
        f"each {noun} is taken for the next one",
        _LOOP,
        _taken(letter, lambda n: np.roll(np.arange(n), 1)),
    )
    for which, (suffix, whose) in enumerate((("", "one"), ("-other", "the other"))):
        yield Slip(
            f"{key}-first-for-all{suffix}",
            f"the first {noun} of {whose} argument is taken for all",
            "broadcasting over an axis of stride 0",
            _taken(letter, lambda n: np.zeros(n, int), which),
            summed=letter * which,
        )


def _on_filter(argument: Map, result: Map | None = None) -> Callable[[Operation], Change]:
    """Return the change to the filter, be it an argument or the result."""

    def change(operation: Operation) -> Change:
        found = operation.filter
        return on_array(found, argument, result or argument)

    return change


def _exchanged(ftr: Array) -> Array:
    return ftr.transpose(3, 1, 2, 0)


def _misread(order: tuple[int, ...]) -> Callable[[Array], Array]:
    """Return the map of an array read as if its axes lay in memory in another order."""

    def read(array: Array) -> Array:
        shape = [array.shape[axis] for axis in order]
        return array.reshape(shape).transpose(np.argsort(order))

    return read


def _miswritten(order: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda array: array.transpose(order).reshape(array.shape)


FILTER_LAYOUTS = {
    "HWIO": (1, 2, 0, 3),
    "OIHW": (3, 0, 1, 2),
    "IOHW": (0, 3, 1, 2),
    "OHWI": (3, 1, 2, 0),
}
_NCHW = (0, 3, 1, 2)


def _side_misread(letter: str) -> Callable[[Operation], Change]:
    """Return the change that takes a tensor, or returns it, as NCHW."""

    def change(operation: Operation) -> Change:
        found = next((n for n, axes in operation.factors.items() if axes[1] == letter), None)
        return on_array(found, _misread(_NCHW), _miswritten(_NCHW))

    return change


def _groups(count: int | None) -> Callable[[Array], Array]:
    """Return the map that leaves channels of one group apart from those of others."""

    def kept(ftr: Array) -> Array:
        i, o = np.arange(ftr.shape[0])[:, None], np.arange(ftr.shape[3])
        if count is not None:
            i, o = i * count // ftr.shape[0], o * count // ftr.shape[3]
        masked: Array = ftr * (i == o)[:, None, None, :].astype(ftr.dtype)
        return masked

    return kept


_GROUPS = "groups and depthwise convolutions"
_ORDER = "layouts of other frameworks"

ORDER = (
    Slip(
        "channels-exchanged",
        "the filter's channels in and out are exchanged",
        "transposed convolution as the gradient of a convolution: pytorch#5057",
        _on_filter(_exchanged),
    ),
    *(
        Slip(
            f"filter-as-{name.lower()}",
            f"the filter's memory is taken for {name}",
            _ORDER,
            _on_filter(_misread(order), _miswritten(order)),
        )
        for name, order in FILTER_LAYOUTS.items()
    ),
    Slip("wide-as-nchw", "the memory of the {wide} is taken for NCHW", _ORDER, _side_misread("H")),
    Slip(
        "narrow-as-nchw", "the memory of the {narrow} is taken for NCHW", _ORDER, _side_misread("P")
    ),
    Slip(
        "depthwise",
        "each channel out sees the channel in of its number alone",
        _GROUPS,
        _on_filter(_groups(None)),
    ),
    Slip(
        "two-groups",
        "channels are cut into two groups that do not see each other",
        _GROUPS,
        _on_filter(_groups(2)),
    ),
)


def _blocks(size: int) -> Iterator[Slip]:
    """Yield the slips of a kernel that works on blocks and forgets what is left over."""

    def kept(n: int) -> Array:
        return (np.arange(n) < n // size * size) | (n < size)

    def index(span: Span) -> Array:
        return np.where(kept(span.steps)[:, None], windows(span), _NEVER)

    known = "vectorised loops without a tail"
    behind = f"of more than {size}, those behind the last multiple of {size} are left out"
    for letter, noun in (("i", "channels in"), ("o", "channels out")):
        key = noun.replace(" ", "-")
        yield Slip(
            f"{key}-tail-{size}", f"{noun}: {behind}", known, _masked(letter, kept), fore=False
        )
    yield Slip(
        f"rows-tail-{size}", f"rows of windows: {behind}", known, Change(rows=index), fore=False
    )
    yield Slip(
        f"columns-tail-{size}",
        f"columns of windows: {behind}",
        known,
        Change(columns=index),
        fore=False,
    )


BLOCKS = tuple(slip for size in (4, 8, 16, 32) for slip in _blocks(size))

CHANNELS = (*(slip for item in LETTERS.items() for slip in _of_letter(*item)), *ORDER)

"""Slips in groups of channels, and in the bias and its gradient."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from convcheck.form.layers import FILTER, LAYERS
from convcheck.form.layouts import Array
from convcheck.form.operations import Kernel, Operation

from .form import Change, Spans, Work, biased, windows
from .slips import LOOP, NARROWS, WIDENS, Mistake, Slip

Places = Callable[[int, int], Array]
"""of all channels and a group's, the channel that each is taken for, or `_NONE`"""
_NONE = -1


def _along(axis: int, places: Array, array: Array, *, back: bool) -> Array:
    """Take other channels of an array; or, of a result, put each where it was taken from."""
    array = np.moveaxis(array, axis, 0)
    taken = np.zeros_like(array)
    used = places != _NONE
    if back:
        np.add.at(taken, places[used], array[used])
    else:
        taken[used] = array[places[used]]
    return np.moveaxis(taken, 0, axis)


def _channels(sides: str, places: Places, *, late: bool = False, several: bool = True) -> Change:
    """Return the change to channels of so many groups.

    Args:
        sides: whose channels: "x" the layer's input, "z" its output, "f" the filter, of which one
            axis runs through the channels of all groups.
        places: what they are taken for.
        late: whether, of a result, the bias is moved with them.
        several: whether a single group's stay where they are.
    """

    def made(operation: Operation) -> Change:
        own = {"x": operation.layer.input, "z": operation.layer.output, "f": FILTER}
        axes = [own[side] for side in sides]

        def moved(work: Work, which: str, array: Array, *, back: bool = False) -> Array:
            if work.groups == 1 and several:
                return array
            at = which.index(operation.across(which))
            n = array.shape[at]
            return _along(at, places(n, n // work.groups), array, back=back)

        def arguments(work: Work) -> Work:
            for name, which in operation.factors.items():
                if which in axes:
                    work = work.with_array(name, moved(work, which, work.arrays[name]))
            return work

        def finish(work: Work, spans: Spans, z: Array) -> Array:
            z = biased(work, spans, z) if late else z
            if operation.result in axes:
                z = moved(work, operation.result, z, back=True)
            return z if late else biased(work, spans, z)

        return Change(late=arguments, finish=finish)

    return Change(of=made)


def _dealt(n: int, size: int) -> Array:
    """Return the channels of the first group, which are every so many-th, then the second's."""
    return np.arange(n).reshape(size, n // size).T.reshape(-1)


def _reversed(n: int, size: int) -> Array:
    return np.arange(n).reshape(-1, size)[::-1].reshape(-1)


def _rotated(n: int, size: int) -> Array:
    return np.roll(np.arange(n), size)


def _first_group(n: int, size: int) -> Array:
    return np.arange(n) % size


def _first_of_group(n: int, size: int) -> Array:
    return np.arange(n) // size * size


def _only(kept: Callable[[Array, int, int], Array]) -> Places:
    """Return the places of which only those are kept, told of channel, number and group's size."""
    return lambda n, size: np.where(kept(np.arange(n), n, size), np.arange(n), _NONE)


def _of_number(n: int, size: int) -> Array:
    return np.where(np.arange(n) % size == 0, np.arange(n) // size, _NONE)


def _with_bias(change: Callable[[Work, Array], Array]) -> Change:
    """Return the change that adds another bias."""

    def finish(work: Work, _: Spans, z: Array) -> Array:
        return z + change(work, work.arrays["bias"]) if "bias" in work.arrays else z

    return Change(finish=finish)


def _times(many: Callable[[Work], int]) -> Change:
    return _with_bias(lambda work, bias: bias * many(work))


def _of_others(which: Places) -> Change:
    """Return the change that takes other numbers of the bias."""

    def taken(work: Work, bias: Array) -> Array:
        return _along(0, which(len(bias), len(bias) // work.groups), bias, back=False)

    return _with_bias(taken)


def _taps(work: Work) -> int:
    return work.extents["h"] * work.extents["w"]


def _channels_in(work: Work) -> int:
    return int(work.arrays["x"].shape[3]) // work.groups


def _where_met(number: Callable[[Array], Array]) -> Change:
    """Return the change that adds the bias by how many taps meet a number."""

    def finish(work: Work, spans: Spans, z: Array) -> Array:
        along = []
        for span in spans:
            places, met = windows(span), np.zeros(span.wide)
            inside = (places >= 0) & (places < span.wide)
            np.add.at(met, places[inside], 1)
            along.append(inside.sum(axis=1) if work.operation.layer.narrows else met)
        counted = number(np.multiply.outer(*along))
        return z + counted[:, :, None] * work.arrays["bias"] if "bias" in work.arrays else z

    return Change(finish=finish)


def _of_first_item(work: Work, spans: Spans, z: Array) -> Array:
    return np.concatenate([biased(work, spans, z[:1]), z[1:]])


def _behind_reshape(work: Work, spans: Spans, z: Array) -> Array:
    batch, rows, columns, channels = z.shape
    reshaped = z.reshape(batch, channels, rows, columns).transpose(0, 2, 3, 1)
    return biased(work, spans, reshaped)


_GROUPS = "grouped convolutions: pytorch#188335"
_SHUFFLE = "the order of a channel shuffle"
_MULTIPLIER = "depthwise convolutions with a multiplier"
_DEPTHWISE = "groups taken for a depthwise convolution"
_BIAS = "a bias added in the wrong loop"

# fmt: off
# Tables, laid out by hand.

_OF_GROUPS = (
    Slip("groups-ignored", "all groups see the first group's channels in", _GROUPS,
        _channels("x", _first_group)),
    Slip("groups-filter-of-first", "the first group's filter is used for all groups", _GROUPS,
        _channels("f", _first_group)),
    *(Slip(f"groups-{key}-{side}{'-biased' * late}",
        f"{words.format(what)}{', each with its bias' * late}", known,
        _channels(axes, places, late=late), needs="bias" * late)
        for key, words, known, places in (
            ("dealt", "{} are dealt to groups one by one: c to group c % groups", _SHUFFLE, _dealt),
            ("reversed", "{} come with their groups in reversed order", _GROUPS, _reversed),
            ("rotated", "{} come with each group in the next one's place", _GROUPS, _rotated))
        for side, what, axes in (
            ("in", "channels in", "x"), ("out", "channels out", "z"), ("filter", "filters", "f"))
        for late in (False, True)
        if side == "out" or not late),
    *(Slip(f"groups-shuffled-{side}",
        f"channels {side} are dealt to groups one by one, filters and all: c to group c % groups",
        _MULTIPLIER, _channels(axes, _dealt), layers=layers)
        for side, axes, layers in (("out", "zf", NARROWS), ("in", "xf", WIDENS))),
    Slip("groups-last-lost", "of several groups the last is left out", LOOP,
        _channels("x", _only(lambda c, n, size: c < n - size))),
    Slip("groups-only-first", "of several groups only the first counts", LOOP,
        _channels("x", _only(lambda c, _, size: c < size))),
    *(Slip(f"groups-{key}{'-if-several' * several}",
        f"{'where there are several groups, ' * several}{words}", known,
        _channels(side, places, several=several), layers=layers)
        for key, words, known, side, places, layers in (
            ("of-one", "group number g sees channel in number g alone, as its first", _DEPTHWISE,
                "x", _of_number, LAYERS),
            ("first-in", "of each group's channels in only the first counts", _DEPTHWISE,
                "x", _only(lambda c, _, size: c % size == 0), LAYERS),
            ("first-out", "of each group's channels out only the first counts", _MULTIPLIER,
                "z", _only(lambda c, _, size: c % size == 0), LAYERS),
            ("first-for-out", "each group's first channel out has its filter used for all of them",
                _MULTIPLIER, "f", _first_of_group, NARROWS))
        for several in (False, True)),
)

_BIASES = (
    ("ignored", "the bias is ignored", _times(lambda _: 0)),
    ("twice", "the bias is added twice", _times(lambda _: 2)),
    ("subtracted", "the bias is subtracted", _times(lambda _: -1)),
    ("per-tap", "the bias is added for each filter tap", _times(_taps)),
    ("per-channel", "the bias is added for each channel in of a group", _times(_channels_in)),
    ("per-tap-and-channel", "the bias is added for each filter tap and channel in of a group",
        _times(lambda work: _taps(work) * _channels_in(work))),
    ("per-group", "the bias is added for each group", _times(lambda work: work.groups)),
    ("per-item", "the bias is added for each batch item", _times(lambda work: work.extents["b"])),
    ("per-meeting", "the bias is added for each filter tap that meets a number of x, not padding",
        _where_met(lambda met: met)),
    ("where-met", "the bias is added only where a filter tap meets a number of x",
        _where_met(lambda met: (met > 0).astype(float))),
    ("of-first", "all channels out are given the first one's bias",
        _of_others(lambda n, _: np.zeros(n, int))),
    ("of-first-group", "all groups are given the first group's bias", _of_others(_first_group)),
    ("of-group-number", "channels out are given the bias whose number is that of their group",
        _of_others(lambda n, size: np.arange(n) // size)),
    ("dealt", "the bias is dealt to groups one by one: c to group c % groups", _of_others(_dealt)),
    ("reversed", "the bias comes in reversed order", _of_others(lambda n, _: np.arange(n)[::-1])),
    ("only-first-group", "only the first group is given its bias",
        _of_others(_only(lambda c, _, size: c < size))),
    ("only-first-item", "only the first batch item is given the bias",
        Change(finish=_of_first_item)),
    ("of-all", "all channels out are given the sum of all biases",
        _with_bias(lambda _, bias: np.full(len(bias), bias.sum()))),
    ("behind-reshape",
        "sums in the order NHWC are reshaped to NCHW, not transposed, and the bias is added then",
        Change(finish=_behind_reshape)),
)

Sum = Callable[[Array], Array]
_SUM = "the gradient of a bias: what was broadcast is summed"
_SUMS: tuple[tuple[str, str, Sum], ...] = (
    ("of-batch", "delta is summed over the batch alone", lambda d: d.sum(0)),
    ("of-pixels", "delta is summed over rows and columns alone", lambda d: d.sum((1, 2))),
    ("keeps-axes", "the axes that delta is summed over are kept, with an extent of 1",
        lambda d: d.sum((0, 1, 2), keepdims=True)),
    ("of-all", "every channel is given the sum over all of them",
        lambda d: np.full(d.shape[3], d.sum())),
    ("of-first-item", "delta is summed over the first batch item alone",
        lambda d: d[:1].sum((0, 1, 2))),
    ("of-last-item", "only the last batch item's sum counts: the others are overwritten",
        lambda d: d[-1:].sum((0, 1, 2))),
    ("of-last-number", "only the last number of each channel counts: the others are overwritten",
        lambda d: d[-1:, -1:, -1:].sum((0, 1, 2))),
    ("from-nchw", "delta in the order NCHW is reshaped to NHWC, not transposed",
        lambda d: d.transpose(0, 3, 1, 2).reshape(d.shape).sum((0, 1, 2))),
    ("for-items", "delta is summed over rows, columns and channels, for each batch item",
        lambda d: d.sum((1, 2, 3))),
    ("for-rows", "delta is summed over batch, columns and channels, for each row",
        lambda d: d.sum((0, 2, 3))),
    ("for-columns", "delta is summed over batch, rows and channels, for each column",
        lambda d: d.sum((0, 1, 3))),
    ("for-windows", "delta is summed over channels, for each window",
        lambda d: d.sum(3).reshape(-1)),
    ("mean-of-batch", "the sum is divided by the number of batch items",
        lambda d: d.sum((0, 1, 2)) / np.float64(len(d))),
    ("mean-of-windows", "the sum is divided by the number of windows",
        lambda d: d.mean((1, 2)).sum(0)),
    ("mean", "the mean is taken in place of the sum",
        lambda d: d.sum((0, 1, 2)) / d[..., 0].size),
)
# fmt: on

GROUPS = (
    *_OF_GROUPS,
    *(Slip(f"bias-{key}", words, _BIAS, change, needs="bias") for key, words, change in _BIASES),
)


def _sum(delta: Array) -> Array:
    z: Array = delta.sum((0, 1, 2))
    return z


def summing(sums: Sum = _sum) -> Kernel:
    """Return the kernel of a bias's gradient that sums in this way."""

    def kernel(delta: Array) -> Array:
        with np.errstate(all="ignore"):
            z: Array = np.asarray(sums(np.asarray(delta, np.float64)))
            return z.astype(delta.dtype)

    return kernel


def of_bias_gradient(operation: Operation) -> Iterator[Mistake]:
    """Yield the mistakes of a bias's gradient."""
    for key, words, sums in _SUMS:
        make, quotient = partial(summing, sums), key.startswith("mean")
        yield Mistake(f"sum-{key}", operation.name, words, _SUM, make, quotient=quotient)

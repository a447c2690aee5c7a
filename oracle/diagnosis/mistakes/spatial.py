"""Slips in rows and columns: filter taps, strides, edges, overlap, extents."""

from collections.abc import Callable

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array

from .form import Index, windows
from .slips import on_axes

_NEVER = -(2**30)  # lies outside of every array


def moved(by: Callable[[Span], int]) -> Index:
    """Return the map that starts elsewhere."""
    return lambda span: windows(span) + by(span)


def _without(skipped: Callable[[Span, Array, Array], Array]) -> Index:
    """Return the map without what `skipped` says of step and tap."""

    def index(span: Span) -> Array:
        steps, taps = np.arange(span.steps)[:, None], np.arange(span.taps)
        return np.where(skipped(span, steps, taps), _NEVER, windows(span))

    return index


def _strided(step: Callable[[Span], int], tap: Callable[[Span], int] = lambda _: 1) -> Index:
    """Return the map with other distances between steps and between taps."""
    return lambda span: np.add.outer(
        np.arange(span.steps) * step(span), np.arange(span.taps) * tap(span)
    )


def _more(steps: Callable[[Span], int], by: Callable[[Span], int] = lambda _: 0) -> Index:
    """Return the map with more or fewer steps, moved."""
    return lambda span: windows(span._replace(steps=steps(span))) + by(span)


def _stepping(span: Span) -> Array:
    """Return the map of a loop over steps that advances by the stride, and reads where it is."""
    steps = np.arange(span.steps)[:, None]
    return np.where(steps % span.stride == 0, steps + np.arange(span.taps), _NEVER)


def _with_remainder(span: Span) -> Array:
    """Return the map with as many further taps as the stride leaves over."""
    return windows(span._replace(taps=span.taps + span.remainder))


def _rounded_up(span: Span) -> int:
    return -(-(span.wide - span.taps) // span.stride) + 1


def _same(span: Span) -> int:
    return -(-span.wide // span.stride)


def _same_padding(span: Span) -> int:
    return max((_same(span) - 1) * span.stride + span.taps - span.wide, 0)


def _last_fits(span: Span) -> Array:
    starts = np.minimum(np.arange(_rounded_up(span)) * span.stride, max(span.wide - span.taps, 0))
    return np.add.outer(starts, np.arange(span.taps))


def _exchanged_pairs(span: Span) -> Array:
    steps = np.arange(span.steps) ^ 1
    return windows(span)[np.where(steps < span.steps, steps, span.steps - 1)]


def _flipped(span: Span) -> Array:
    return windows(span)[:, ::-1]


NEGLECT = "strides that do not divide: FlagGems#1576, pytorch/xla#2333, candle#2337, tvm#6179"
_CONVOLVE = "cross-correlation and mathematical convolution confused"
_LOOP = "a loop bound off by one"

AXES = (
    *on_axes("filter-flipped", "the filter is flipped in its [axes]", _CONVOLVE, _flipped),
    *on_axes("stride-ignored", "the stride of [axes] is ignored", NEGLECT, _strided(lambda _: 1)),
    *on_axes(
        "stride-dilates",
        "the stride of [axes] spreads the filter's taps, too",
        "stride and dilation confused",
        _strided(lambda s: s.stride, lambda s: s.stride),
    ),
    *on_axes(
        "stride-is-dilation",
        "the stride of [axes] spreads the filter's taps instead of the windows",
        "stride and dilation confused",
        _strided(lambda _: 1, lambda s: s.stride),
    ),
    *on_axes(
        "stride-1x1",
        "the stride of [axes] is ignored where the filter has a single tap there",
        "stride 2 over a 1 x 1 filter: pytorch#63314",
        _strided(lambda s: 1 if s.taps == 1 else s.stride),
    ),
    *on_axes(
        "stride-at-most-2",
        "strides of [axes] above 2 are taken for 2",
        "kernels specialised for strides 1 and 2",
        _strided(lambda s: min(s.stride, 2)),
    ),
    *on_axes(
        "aligned-at-end",
        "windows are aligned with the last [row] of the {wide}, so that the remainder lies before "
        "them",
        NEGLECT,
        moved(lambda s: s.remainder),
        layers=("convolution",),
    ),
    *on_axes(
        "centred",
        "windows are centred in the [axes] of the {wide}, with half the remainder before them",
        '"same" padding of TensorFlow',
        moved(lambda s: s.remainder // 2),
        layers=("convolution",),
    ),
    *on_axes(
        "starts-late", "windows start one place late in the [axes]", _LOOP, moved(lambda _: 1)
    ),
    *on_axes(
        "starts-early",
        "windows start one place early in the [axes]",
        "a padding of 1 that was not asked for",
        moved(lambda _: -1),
    ),
    *on_axes(
        "last-window-skipped",
        "the last window along [axes] is skipped",
        _LOOP,
        _without(lambda s, p, _: p == s.steps - 1),
    ),
    *on_axes(
        "first-window-skipped",
        "the first window along [axes] is skipped",
        _LOOP,
        _without(lambda _, p, __: p == 0),
    ),
    *on_axes(
        "odd-windows-skipped",
        "every second window along [axes] is skipped",
        "a loop unrolled by two that does one step",
        _without(lambda _, p, __: p % 2 == 1),
    ),
    *on_axes(
        "loop-steps-by-stride",
        "the loop over windows along [axes] advances by the stride, and reads where it is",
        "the stride in the wrong loop",
        _stepping,
    ),
    *on_axes(
        "multiples-alone",
        "of windows along [axes], only those count whose number is a multiple of the stride",
        "the stride in the wrong loop",
        _without(lambda s, p, _: p % s.stride != 0),
    ),
    *on_axes(
        "bounded-by-filter",
        "windows along [axes] from the filter's extent on are left out",
        "an index compared with the wrong extent: nntrainer#4347",
        _without(lambda s, p, _: p >= s.taps),
    ),
    *on_axes(
        "taps-of-remainder",
        "the filter's gradient is not cut to the filter along [axes], where a remainder is left",
        "the filter's gradient as a dilated convolution: opacus#245",
        _with_remainder,
        returns="h",
        fore=False,
        layers=("convolution",),
    ),
    *on_axes(
        "windows-exchanged",
        "even and odd windows along [axes] are exchanged",
        "vector lanes exchanged",
        _exchanged_pairs,
    ),
    *on_axes(
        "windows-reversed",
        "windows along [axes] come in reversed order",
        "negative strides of an image",
        lambda s: windows(s)[::-1],
    ),
    *on_axes(
        "last-tap-skipped",
        "the filter's last tap along [axes] is left out",
        _LOOP,
        _without(lambda s, _, h: h == s.taps - 1),
    ),
    *on_axes(
        "first-tap-skipped",
        "the filter's first tap along [axes] is left out",
        _LOOP,
        _without(lambda _, __, h: h == 0),
    ),
    *on_axes(
        "edge-lost",
        "the last [row] of the {wide} is left out",
        _LOOP,
        lambda s: np.where(windows(s) == s.wide - 1, _NEVER, windows(s)),
    ),
    *on_axes(
        "edge-first-lost",
        "the first [row] of the {wide} is left out",
        _LOOP,
        lambda s: np.where(windows(s) == 0, _NEVER, windows(s)),
    ),
    *on_axes(
        "overlap-lost",
        "of windows that overlap along [axes], only the part before the next one counts",
        "tiling without a halo",
        _without(lambda s, _, h: h >= s.stride),
    ),
    *on_axes(
        "rounded-up",
        "the number of windows along [axes] is rounded up, zeros standing behind the {wide}",
        NEGLECT,
        _more(_rounded_up),
        returns="P",
        fore=False,
        layers=("convolution",),
    ),
    *on_axes(
        "last-window-moved",
        "a further window along [axes] covers the remainder, moved back until it fits",
        "tiling of images that do not divide",
        _last_fits,
        returns="P",
        fore=False,
        layers=("convolution",),
    ),
    *on_axes(
        "window-missing",
        "the result lacks its last [row]",
        _LOOP,
        _more(lambda s: s.steps - 1),
        returns="P",
        fore=False,
    ),
    *on_axes(
        "padded-same",
        'zeros are padded as for "same"',
        '"same" padding of TensorFlow',
        _more(_same, lambda s: -(_same_padding(s) // 2)),
        only="both",
        returns="P",
        fore=False,
    ),
    *on_axes(
        "padded-half",
        "half a filter of zeros is padded on every side",
        "padding = filter // 2 by default",
        _more(
            lambda s: (s.wide + 2 * (s.taps // 2) - s.taps) // s.stride + 1,
            lambda s: -(s.taps // 2),
        ),
        only="both",
        returns="P",
        fore=False,
    ),
    *on_axes(
        "padded-full",
        "the filter overhangs on every side by all but one tap",
        'mode "full" of scipy.signal.convolve2d',
        _more(
            lambda s: (s.wide + s.taps - 2) // s.stride + 1,
            lambda s: 1 - s.taps,
        ),
        only="both",
        returns="P",
        fore=False,
    ),
)

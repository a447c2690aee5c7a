"""Slips in rows and columns: filter taps, strides, edges, overlap, extents."""

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array

from .changes import NEVER, both, more, moved, sliced, strided, without
from .form import windows
from .slips import LOOP, NARROWS, NEGLECT, PADDING, SAME, Slip, on_axes


def _stepping(span: Span) -> Array:
    """Return the map of a loop over steps that advances by the stride, and reads where it is."""
    skipped = np.arange(span.steps)[:, None] % span.stride > 0
    return np.where(skipped, NEVER, windows(span._replace(stride=1)))


def _rounded_up(span: Span) -> int:
    return -(-(span.padded - span.reach) // span.stride) + 1


def _slices_rounded_up(span: Span) -> Array:
    rounded = span._replace(steps=_rounded_up(span))
    return sliced(rounded, span.padded, "P") - span.before


def _same(span: Span) -> int:
    return -(-span.padded // span.stride)


def _same_padding(span: Span) -> int:
    return max((_same(span) - 1) * span.stride + span.reach - span.padded, 0)


def _last_fits(span: Span) -> Array:
    starts = np.minimum(np.arange(_rounded_up(span)) * span.stride, span.padded - span.reach)
    return np.add.outer(starts, np.arange(span.taps) * span.dilation) - span.before


def _exchanged_pairs(span: Span) -> Array:
    steps = np.arange(span.steps) ^ 1
    return windows(span)[np.where(steps < span.steps, steps, span.steps - 1)]


_CONVOLVE = "cross-correlation and mathematical convolution confused"
_DILATES = "stride and dilation confused"
_WRONG_LOOP = "the stride in the wrong loop"

# fmt: off
# A table, laid out by hand.  Each slip is told of rows and columns, of rows, and of columns.

_EACH = (
    Slip("filter-flipped", "the filter is flipped in its [axes]", _CONVOLVE,
        both(lambda s: windows(s)[:, ::-1])),
    Slip("stride-ignored", "the stride of [axes] is ignored", NEGLECT, both(strided(lambda _: 1))),
    Slip("stride-dilates", "the stride of [axes] spreads the filter's taps, too", _DILATES,
        both(strided(lambda s: s.stride, lambda s: s.stride))),
    Slip("stride-is-dilation",
        "the stride of [axes] spreads the filter's taps instead of the windows", _DILATES,
        both(strided(lambda _: 1, lambda s: s.stride))),
    Slip("stride-1x1",
        "the stride of [axes] is ignored where the filter has a single tap there",
        "stride 2 over a 1 x 1 filter: pytorch#63314",
        both(strided(lambda s: 1 if s.taps == 1 else s.stride))),
    Slip("stride-at-most-2", "strides of [axes] above 2 are taken for 2",
        "kernels specialised for strides 1 and 2", both(strided(lambda s: min(s.stride, 2)))),
    Slip("aligned-at-end",
        "windows are aligned with the last [row] of the {wide}, so that the remainder lies before "
        "them", NEGLECT, both(moved(lambda s: s.remainder)), layers=NARROWS),
    Slip("centred",
        "windows are centred in the [axes] of the {wide}, with half the remainder before them",
        SAME, both(moved(lambda s: s.remainder // 2)), layers=NARROWS),
    Slip("starts-late", "windows start one place late in the [axes]", LOOP,
        both(moved(lambda _: 1))),
    Slip("starts-early", "windows start one place early in the [axes]",
        "a padding of 1 that was not asked for", both(moved(lambda _: -1))),
    Slip("last-window-skipped", "the last window along [axes] is skipped", LOOP,
        both(without(lambda s, p, _: p == s.steps - 1))),
    Slip("first-window-skipped", "the first window along [axes] is skipped", LOOP,
        both(without(lambda _, p, __: p == 0))),
    Slip("odd-windows-skipped", "every second window along [axes] is skipped",
        "a loop unrolled by two that does one step", both(without(lambda _, p, __: p % 2 == 1))),
    Slip("loop-steps-by-stride",
        "the loop over windows along [axes] advances by the stride, and reads where it is",
        _WRONG_LOOP, both(_stepping)),
    Slip("multiples-alone",
        "of windows along [axes], only those count whose number is a multiple of the stride",
        _WRONG_LOOP, both(without(lambda s, p, _: p % s.stride != 0))),
    Slip("bounded-by-filter",
        "windows along [axes] from the filter's extent on are left out",
        "an index compared with the wrong extent: nntrainer#4347",
        both(without(lambda s, p, _: p >= s.taps))),
    Slip("taps-of-remainder",
        "the filter's gradient is not cut to the filter along [axes], where a remainder is left",
        "the filter's gradient as a dilated convolution: opacus#245",
        both(lambda s: windows(s._replace(taps=s.taps + s.remainder))),
        returns="h", layers=NARROWS, fore=False),
    Slip("windows-exchanged", "even and odd windows along [axes] are exchanged",
        "vector lanes exchanged", both(_exchanged_pairs)),
    Slip("windows-reversed", "windows along [axes] come in reversed order",
        "negative strides of an image", both(lambda s: windows(s)[::-1])),
    Slip("last-tap-skipped", "the filter's last tap along [axes] is left out", LOOP,
        both(without(lambda s, _, h: h == s.taps - 1))),
    Slip("first-tap-skipped", "the filter's first tap along [axes] is left out", LOOP,
        both(without(lambda _, __, h: h == 0))),
    Slip("edge-lost", "the last [row] of the {wide} is left out", LOOP,
        both(lambda s: np.where(windows(s) == s.wide - 1, NEVER, windows(s)))),
    Slip("edge-first-lost", "the first [row] of the {wide} is left out", LOOP,
        both(lambda s: np.where(windows(s) == 0, NEVER, windows(s)))),
    Slip("overlap-lost",
        "of windows that overlap along [axes], only the part before the next one counts",
        "tiling without a halo", both(without(lambda s, _, h: h * s.dilation >= s.stride))),
    Slip("rounded-up",
        "the number of windows along [axes] is rounded up, zeros standing behind the {wide}",
        NEGLECT, both(more(_rounded_up)), returns="P", layers=NARROWS, fore=False),
    Slip("last-window-moved",
        "a further window along [axes] covers the remainder, moved back until it fits",
        "tiling of images that do not divide", both(_last_fits),
        returns="P", layers=NARROWS, fore=False),
    Slip("window-missing", "the result lacks its last [row]", LOOP,
        both(more(lambda s: s.steps - 1)), returns="P", fore=False),
)

_WHOLE = (
    Slip("rounded-up-slices",
        "the number of windows is rounded up, and the last one, a slice that ends early, raises "
        "where it does not fit", NEGLECT, both(_slices_rounded_up),
        returns="P", layers=NARROWS, fore=False),
    Slip("padded-same", 'zeros are padded as for "same"', SAME,
        both(more(_same, lambda s: -(_same_padding(s) // 2))), returns="P", fore=False),
    Slip("padded-half", "half a filter of zeros is padded on every side",
        PADDING,
        both(more(lambda s: (s.padded + 2 * (s.taps // 2) - s.reach) // s.stride + 1,
            lambda s: -(s.taps // 2))),
        returns="P", fore=False),
    Slip("padded-full", "the filter overhangs on every side by all but one tap",
        'mode "full" of scipy.signal.convolve2d',
        both(more(lambda s: (s.padded + s.reach - 2) // s.stride + 1, lambda s: 1 - s.reach)),
        returns="P", fore=False),
)
# fmt: on

AXES = (*(each for slip in _EACH for each in on_axes(slip)), *_WHOLE)

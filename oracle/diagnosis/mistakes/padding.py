"""Slips in padding, dilation and output padding: what a layer is given along an axis."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from convcheck.form.axis import Axis, Span
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation

from .changes import both, more, moved, sliced
from .form import Change, Spans, Work, biased, windows
from .slips import NARROWS, WIDENS, Slip, on_axes


def _taken(axis: Callable[[Axis], Axis]) -> Change:
    """Return the change that takes each axis for another."""
    return Change(of_rows=axis, of_columns=axis)


def _taken_together(axes: Callable[[Axis, Axis], tuple[Axis, Axis]]) -> Change:
    """Return the change that takes rows and columns for others, which depend on both."""
    return Change(arguments=lambda work: replace(work, axes=axes(*work.axes)))


def _padded(before: Callable[[Axis], int], after: Callable[[Axis], int]) -> Change:
    return _taken(lambda a: a._replace(before=before(a), after=after(a)))


def _dilated(dilation: Callable[[Axis], int]) -> Change:
    return _taken(lambda a: a._replace(dilation=dilation(a)))


def _exchanged(*fields: str) -> Change:
    """Return the change that exchanges what both axes have of these."""

    def axes(rows: Axis, columns: Axis) -> tuple[Axis, Axis]:
        down, across = ({name: getattr(a, name) for name in fields} for a in (rows, columns))
        return rows._replace(**across), columns._replace(**down)

    return _taken_together(axes)


def _by_corners(rows: Axis, columns: Axis) -> tuple[Axis, Axis]:
    """Take ((top, bottom), (left, right)) for ((top, left), (bottom, right))."""
    return rows._replace(after=columns.before), columns._replace(before=rows.after)


def _hanging_over(axis: Axis) -> Axis:
    if not axis.before and not axis.after:
        return axis
    most = axis.reach - 1
    return axis._replace(before=most - axis.before, after=most - axis.after)


def _filled(mode: str) -> Callable[[Span], Array]:
    """Return the map of a wide side that is padded with its own numbers, as `numpy.pad` does."""

    def index(span: Span) -> Array:
        if not span.wide:
            return windows(span)
        pads = span.before, max(span.after, span.reached - span.before - span.wide)
        places = np.pad(np.arange(span.wide), pads, mode)  # type: ignore[call-overload]
        return np.asarray(places[windows(span) + span.before])

    return index


def _whole(work: Work) -> Work:
    """Return a call whose wide side, which it returns, has its padding."""
    rows, columns = (axis._replace(before=0, after=0) for axis in work.axes)
    added = zip("HW", (axis.before + axis.after for axis in work.axes), strict=True)
    sizes = {axis: work.sizes[axis] + pads for axis, pads in added if axis in work.sizes}
    return replace(work, axes=(rows, columns), sizes={**work.sizes, **sizes})


def _cut_by_one(work: Work) -> Work:
    whole = _whole(work)
    sizes = {axis: whole.sizes[axis] - 2 for axis in "HW" if axis in whole.sizes}
    rows, columns = (axis._replace(before=1, after=1) for axis in whole.axes)
    return replace(whole, axes=(rows, columns), sizes={**whole.sizes, **sizes})


def _cut_by_one_if_any(work: Work) -> Work:
    padded = any(axis.before or axis.after for axis in work.axes)
    return _cut_by_one(work) if padded else work


def _cut_by_minus_zero(work: Work, z: Array) -> Array:
    for at, axis in enumerate(work.axes, 1):
        z = np.take(z, range(z.shape[at] if axis.after else 0), at)
    return z


def _cut_to_fit(work: Work, z: Array) -> Array:
    if not all(axis.after for axis in work.axes):
        raise IndexError("0 places: expected as many as there are")
    return z


def _cut_if_any(work: Work, z: Array) -> Array:
    padded = any(axis.before or axis.after for axis in work.axes)
    return _cut_by_minus_zero(work, z) if padded else z


def _without_padding(operation: Operation) -> Change:
    return both(lambda span: sliced(span, span.wide, operation.result[1]))


def _undilated_windows(span: Span) -> int:
    return max((span.padded - span.taps) // span.stride + 1, 0)


def _undilated_extent(span: Span) -> int:
    reached = (span.steps - 1) * span.stride + span.taps
    return span.wide - span.reached + reached


def _zeros_behind(work: Work, spans: Spans, z: Array) -> Array:
    """Return what is cut off first, and then extended by output padding."""
    rows, columns = (
        (max(span.wide - axis.output_padding, 0), axis.output_padding)
        for span, axis in zip(spans, work.axes, strict=True)
    )
    kept = z[:, : rows[0], : columns[0]]
    return np.pad(kept, ((0, 0), (0, rows[1]), (0, columns[1]), (0, 0)))


def _without_bias_behind(work: Work, spans: Spans, z: Array) -> Array:
    rows, columns = (max(span.reached - span.before, 0) for span in spans)
    z[:, :rows, :columns] = biased(work, spans, z[:, :rows, :columns])
    return z


_ORDER = "padding in the order of another framework"
_PAIR = "one number of padding for both sides: xla#48713"
_MODES = "padding_mode of torch.nn.Conv2d, mode of numpy.pad"
_CUT = "dx[:, p:-p, p:-p]"
_ONE = "one number for both axes"
_NAMES = "stride and dilation, both pairs of integers: candle#2337, mxnet#11203"
_IGNORED = "an argument that is ignored"
_OUTPUT = "output_padding: tvm#19524"

# fmt: off
# Tables, laid out by hand.  What is told of [axes] is told of both, of rows, and of columns.

_ALONG = (
    Slip("padding-ignored", "the padding of [axes] is ignored", _IGNORED,
        _padded(lambda _: 0, lambda _: 0)),
    Slip("padding-doubled", "the padding of [axes] counts twice", "padded by caller and kernel",
        _padded(lambda a: 2 * a.before, lambda a: 2 * a.after)),
    Slip("padding-reversed", "the padding before and behind the [axes] is exchanged", _ORDER,
        _padded(lambda a: a.after, lambda a: a.before)),
    Slip("padding-first", "the padding before the [axes] is taken for that behind them, too", _PAIR,
        _padded(lambda a: a.before, lambda a: a.before), told=False),
    Slip("padding-last", "the padding behind the [axes] is taken for that before them, too", _PAIR,
        _padded(lambda a: a.after, lambda a: a.after), told=False),
    Slip("padding-at-end", "all padding of [axes] lies behind them", _PAIR,
        _padded(lambda _: 0, lambda a: a.before + a.after), told=False),
    Slip("padding-at-start", "all padding of [axes] lies before them", _PAIR,
        _padded(lambda a: a.before + a.after, lambda _: 0), told=False),
    Slip("padding-one", "a padding of [axes] above 1 is taken for 1", "kernels for 3 x 3 filters",
        _padded(lambda a: min(a.before, 1), lambda a: min(a.after, 1))),
    Slip("padding-dilated", "the padding of [axes] is multiplied by the dilation",
        "padding = dilation * (k - 1) / 2, taken for given",
        _padded(lambda a: a.before * a.dilation, lambda a: a.after * a.dilation)),
    Slip("dilation-ignored", "the dilation of [axes] is ignored", _IGNORED, _dilated(lambda _: 1)),
    Slip("dilation-less-one", "a dilation of [axes] above 1 is taken for one less",
        "dilation - 1 zeros between taps", _dilated(lambda a: max(a.dilation - 1, 1))),
    Slip("dilation-ignored-strided",
        "the dilation of [axes] is ignored where the stride is above 1", _NAMES,
        _dilated(lambda a: a.dilation if a.stride == 1 else 1)),
    Slip("stride-ignored-dilated",
        "the stride of [axes] is ignored where the dilation is above 1", _NAMES,
        _taken(lambda a: a._replace(stride=a.stride if a.dilation == 1 else 1))),
    Slip("dilation-of-stride", "the stride is taken for the dilation of [axes], too", _NAMES,
        _dilated(lambda a: a.stride)),
    Slip("stride-of-dilation", "the dilation is taken for the stride of [axes], too", _NAMES,
        _taken(lambda a: a._replace(stride=a.dilation))),
    Slip("stride-and-dilation", "stride and dilation of [axes] are exchanged", _NAMES,
        _taken(lambda a: a._replace(stride=a.dilation, dilation=a.stride))),
    Slip("stride-times-dilation", "the stride of [axes] is multiplied by the dilation", _NAMES,
        _taken(lambda a: a._replace(stride=a.stride * a.dilation))),
)

_TOGETHER = (
    Slip("padding-exchanged", "the padding of rows and columns is exchanged", _ORDER,
        _exchanged("before", "after")),
    Slip("padding-by-corners",
        "padding is taken in the order (top, left), (bottom, right)", "the order of ONNX's pads",
        _taken_together(_by_corners)),
    Slip("padding-of-rows", "the padding of rows is used for columns, too", _ONE,
        _taken_together(lambda r, c: (r, c._replace(before=r.before, after=r.after)))),
    Slip("padding-of-columns", "the padding of columns is used for rows, too", _ONE,
        _taken_together(lambda r, c: (r._replace(before=c.before, after=c.after), c))),
    Slip("dilation-exchanged", "the two dilations are exchanged", _ORDER,
        _exchanged("dilation")),
    Slip("dilation-of-rows", "the dilation of rows is used for columns, too", _ONE,
        _taken_together(lambda r, c: (r, c._replace(dilation=r.dilation)))),
    Slip("dilation-of-columns", "the dilation of columns is used for rows, too", _ONE,
        _taken_together(lambda r, c: (r._replace(dilation=c.dilation), c))),
    Slip("windows-undilated",
        "windows are as many as those of a filter without dilation, zeros standing behind the "
        "{wide}", "the formula of the output's extent: mxnet#11203",
        both(more(_undilated_windows)), "P", NARROWS),
    Slip("extent-undilated", "the result ends where it would without dilation",
        "the formula of the output's extent: mxnet#11203",
        Change(extent=_undilated_extent), "H", WIDENS),
)

_FILL = (
    *(Slip(f"padding-{mode}", f"padding holds {words} of the {{wide}} instead of zeros", _MODES,
        both(_filled(mode)), "Ph")
        for mode, words in (
            ("edge", "the edges"), ("reflect", "a reflection"),
            ("symmetric", "a reflection, edges and all,"), ("wrap", "the other end"))),
    Slip("padding-added-to-edges", "what falls into padding is added to the edges", _MODES,
        both(_filled("edge")), "H"),
    Slip("padding-kept", "the result comes with its padding", "padding that is not cut off",
        Change(arguments=_whole), "H", NARROWS),
    Slip("padding-cut-by-one", "where there is padding, one of 1 is cut off", _CUT,
        Change(arguments=_cut_by_one_if_any), "H"),
    Slip("padding-cut-by-one-always", "padding of 1 is cut off, whatever there is", _CUT,
        Change(arguments=_cut_by_one), "H"),
    Slip("padding-cut-by-minus-zero",
        "the result is empty where an axis has no padding behind it: p:-p", _CUT,
        Change(result=_cut_by_minus_zero), "H"),
    Slip("padding-cut-by-minus-zero-if-any",
        "where there is padding, the result is empty where an axis has none behind it: p:-p", _CUT,
        Change(result=_cut_if_any), "H"),
    Slip("padding-cut-to-nothing",
        "the gradient of the input is cut by p:-p, which raises where an axis has no padding "
        "behind it", _CUT, Change(result=_cut_to_fit), "Hh", NARROWS),
    Slip("padding-forgotten",
        "windows are slices of the {wide} without its padding, and raise where they do not fit",
        "x taken for x_padded", Change(of=_without_padding), layers=NARROWS),
    Slip("padding-of-overhang",
        "where an axis has padding, it is taken for how far windows hang over the result",
        "k - 1 - p zeros around the input of a transposed convolution", _taken(_hanging_over), "H"),
)

_OUTPUT_PADDING = (
    *on_axes(Slip("output-padding-dropped", "the output padding of [axes] is dropped", _OUTPUT,
        _taken(lambda a: a._replace(output_padding=0)), "HP", WIDENS)),
    *on_axes(Slip("output-padding-before", "the output padding of [axes] lies before them",
        _OUTPUT, both(moved(lambda s: s.remainder)), layers=WIDENS)),
    Slip("output-padding-exchanged", "the output padding of rows and columns is exchanged",
        _ORDER, _exchanged("output_padding"), "HP", WIDENS),
    Slip("output-padding-doubled", "output padding counts twice",
        "output padding on both sides",
        _taken(lambda a: a._replace(output_padding=2 * a.output_padding)), "H", WIDENS),
    Slip("output-padding-zero", "what lies in output padding is zero, but for the bias",
        _OUTPUT, Change(finish=lambda w, s, z: biased(w, s, _zeros_behind(w, s, z))), "H", WIDENS),
    Slip("output-padding-empty", "what lies in output padding is zero, without a bias, too",
        _OUTPUT, Change(finish=lambda w, s, z: _zeros_behind(w, s, biased(w, s, z))), "H", WIDENS),
    Slip("output-padding-unbiased", "what lies behind all windows lacks the bias",
        _OUTPUT, Change(finish=_without_bias_behind), "H", WIDENS),
)
# fmt: on

PADDING = (
    *(each for slip in _ALONG for each in on_axes(slip)),
    *_TOGETHER,
    *_FILL,
    *_OUTPUT_PADDING,
)

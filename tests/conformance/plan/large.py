"""Whole layers of millions of products: sizes that fast kernels are made for.

Tiles, threads and long offsets begin where a loop in Python takes minutes.  So kernels that are
fast enough are judged on these, and others are not; which it was is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from time import perf_counter

from convcheck.cases.case import Case, exact_fills, nonfinite_fills
from convcheck.conformance.shapes.sizes import cost
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import Layer
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError
from convcheck.kernels.subjects import Call, Subject

from .simplest import simplest
from .step import Judged, Step, dtypes_of, fore_layers_of, until_decided

# Of a convolution; of a transposed one, those that have as many windows.
TEXTS = {
    "quick": (
        "b1.h9.w10.i64.o64.f3x3.s1x1",  # tiles of 32 x 32 channels, and 56 windows
        "b2.h15.w14.i64.o72.f1x1.s2x2",
        "b2.h17.w19.i24.o16.f3x3.s1x1",  # Winograd's tiles: 15 and 17 outputs, then 13 and 14
        "b5.h230.w231.i4.o4.f1x1.s1x1",  # 2^20 elements of input and output
        "b1.h30.w31.i32.o40.f3x3.s1x1",
        "b2.h3.w4.i345.o345.f3x3.s1x1",  # 2^20 elements of the filter
    ),
    "more": (
        "b1.h15.w16.i20.o24.f3x3.s1x1",
        "b1.h18.w19.i64.o32.f3x3.s2x2",
        "b1.h65.w67.i3.o64.f7x7.s2x2",
        "b4.h20.w22.i24.o24.f5x5.s1x1",
        "b1.h75.w80.i8.o8.f3x3.s1x1",
        "b40.h6.w7.i33.o20.f2x2.s1x1",
        "b1.h1.w4099.i17.o19.f1x5.s1x1",
        "b1.h4100.w1.i9.o33.f4x1.s3x1",
        "b2.h8.w8.i520.o34.f3x3.s1x1",
        "b1.h14.w15.i256.o130.f1x1.s1x1",
        "b2.h18.w20.i48.o40.f4x4.s2x2",
        "b1.h30.w28.i64.o64.f2x2.s2x2",
        "b1.h80.w88.i8.o8.f16x16.s8x8",
    ),
}

# A kernel is fast if it computes each of these in so many seconds: ten million products a second,
# and as many of them where there are many windows, or numbers of a filter, of few products each:
# loops over these, and matrices of every input by every result, would take too long or no end of
# memory.  Vectorised kernels take a tenth of that, whatever the dtype, the reference's loops four
# times it.
_TRIALS = (
    "b1.h10.w10.i8.o8.f3x3.s1x1",
    "b1.h32.w32.i4.o4.f1x1.s1x1",
    "b1.h3.w4.i24.o24.f3x3.s1x1",
)
_SECONDS = 0.0035
_RATE = 1e7
_AS_FAST = {Misbehaviour.DECLINED: True, Misbehaviour.HUNG: False}
_TRIES = 5
_FEWEST = 3

_MOST = 20_000_000
"""multiplications, beyond which those of a kernel with a domain have fewer batch items"""


@dataclass(frozen=True)
class Large(Step):
    """Layers of up to seventeen million products, on integers and by turns on other fills."""

    effort: str

    fills = ("exact", "bound", "nonfinite data", "nonfinite others")

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel, if it is fast, on one geometry after another."""
        # Of rank 1, none of these is one that it takes, which each verdict says: none is called.
        fast = subject.taken.rank == 1 or is_fast(subject)
        yield Judged([], fast=fast if subject.taken.rank == 2 else None)
        texts = (*TEXTS["quick"], *(() if self.effort == "quick" else TEXTS["more"]))
        geometries = (geometry_of(subject, text, turn) for turn, text in enumerate(texts))
        for turn, geometry in enumerate(dict.fromkeys(geometries) if fast else ()):
            for verdict in self._verdicts(subject, geometry, turn):
                yield Judged([simplest(verdict)])

    def _verdicts(self, subject: Subject, geometry: Geometry, turn: int) -> Iterator[Verdict]:
        """Judge one geometry on each fill in a dtype of its own, or in the next that decides."""
        _, *wide = exact_fills(self.operation)
        nonfinite, dtypes = nonfinite_fills(self.operation), dtypes_of(subject)
        fills = wide[turn % len(wide)], "uniform", nonfinite[turn % len(nonfinite)], "integers"
        share = 2 if self.effort == "quick" else 1
        for at, fill in enumerate(fills[turn % share :: share], start=turn):
            turned = (dtypes[(at + step) % len(dtypes)] for step in range(len(dtypes)))
            first, *others = (
                Case(self.operation.name, geometry, dtype, fill, seed=1) for dtype in turned
            )
            yield from until_decided(subject, judge(subject, first), others)


def geometry_of(subject: Subject, text: str, turn: int) -> Geometry:
    """Return a geometry of an operation, whose kinds of layer l+1 take turns.

    Where its kernel has a domain, it is one there if one is found, of fewer batch items where it
    would be much larger.
    """
    operation, geometry = subject.operation, Geometry.parse(text)
    rows, columns = map(operation.layer.plain_axis, map(Layer.CONVOLUTION.span, geometry.axes))
    geometry = replace(geometry, rows=rows, columns=columns)
    layers = fore_layers_of(subject)
    if layers:
        # Of some use only where layer l has as many channels.
        channels = 72 if geometry.channels_out >= 32 else 3
        height, width = (min(2, extent) for extent in operation.output_extents(geometry))
        fore = Fore(layers[turn % len(layers)], channels, height, width, 1, 1)
        geometry = replace(geometry, fore=fore)
    if subject.taken.domain is None:
        return geometry
    own = subject.taken.fit(operation, geometry)
    while own and geometry.batch > 1 and cost(operation, own) > _MOST:
        geometry = geometry.resized(batch=geometry.batch // 2)
        own = subject.taken.fit(operation, geometry)
    return own or geometry


def is_fast(subject: Subject) -> bool | None:
    """Return whether a kernel takes little time for each of `_TRIALS`; None if it fails there."""
    trials = dict.fromkeys(geometry_of(subject, text, 0) for text in _TRIALS)
    found = (_is_fast(subject, each) for each in trials)
    return next((each for each in found if not each), True)


def _is_fast(subject: Subject, geometry: Geometry) -> bool | None:
    """Return whether a kernel takes little time for a geometry; None if it fails.

    Another process may take its time: so one of several calls is enough.  The first may compile.
    """
    case = Case(subject.operation.name, geometry, dtypes_of(subject)[-1], "uniform", seed=1)
    call = Call(geometry, case.arrays(), None)
    least, seconds = inf, _SECONDS
    if subject.taken.domain is not None:  # what was moved there may take more products
        seconds = max(seconds, cost(subject.operation, geometry) / _RATE)
    for attempt in range(1, _TRIES + 1):
        begun = perf_counter()
        try:
            subject.call(call)
        except MisbehaviourError as problem:
            return _AS_FAST.get(problem.kind)  # others will tell
        least = min(least, perf_counter() - begun)
        if least <= seconds or (attempt >= _FEWEST and least > 10 * seconds):
            break
    return least <= seconds

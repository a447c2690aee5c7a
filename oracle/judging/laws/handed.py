"""Laws on what a kernel is handed: that nothing but the values of its arguments counts."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from typing import Any

from convcheck.cases.case import Case, nonfinite_fills
from convcheck.cases.numbers import turned
from convcheck.form.geometry import Geometry
from convcheck.form.operations import operation_named
from convcheck.judging.judge import not_judged, property_of
from convcheck.kernels.arguments.arrangements import (
    CONTIGUOUS,
    IN_MEMORY,
    PAIRS,
    REFUSABLE,
    valued,
)
from convcheck.kernels.misbehaviour import MisbehaviourError

from .trial import Equation, NotOfferedError, Trial

_OTHERS = 2
"""calls of other cases, after each of which a call must be what it was before"""
# After how many further calls an earlier result is looked at: it may lie in a ring of buffers.
_FURTHER = (1, 1, 1, 1, 1, 1, 1, 31)
# How many channels: as many as lanes of vector registers.
_VECTORS = (4, 8, 16)
_USUAL = [kind for family in IN_MEMORY.values() for kind in family if kind not in REFUSABLE]
_UNREFUSABLE = [
    unrefusable
    for family in IN_MEMORY.values()
    if (unrefusable := [kind for kind in family if kind not in REFUSABLE])
]


def repeatability(f: Trial) -> Iterator[Equation]:
    """A call depends on its arguments alone, and leaves results of earlier calls as they were."""
    g = f.geometry
    name = next(iter(f.operation.factors))
    negative = {**f.arrays, name: -f.arrays[name]}
    changed = {name: turned(array) for name, array in f.arrays.items()}
    held = "+".join(f"held:{name}" for name in changed)
    z = f.call(g, f.arrays)
    first = f.settled(z, g, f.arrays)
    in_place = f(g, changed, held)
    opposite = f(g, negative)
    further = _FURTHER[f.lot.below(len(_FURTHER))]
    for _ in range(further - 1):
        f(g, negative)
    then = "{negated}" if further == 1 else f"[{{negated}} for _ in range({further})]"
    yield Equation(f.settled(z, g, f.arrays), first, g, f.arrays, then=(then,))
    again = f(g, f.arrays)
    yield Equation(again, first, g, f.arrays, then=("{negated}", "z = {call}"))
    yield Equation(f(g, negative), opposite, g, negative, then=("{negated}", "z = {call}"))
    right = f(g, changed)
    yield Equation(in_place, right, g, changed, arrangement=held, before=f.case)
    tried = [other for _, other in others(f.case, f.subject.asked)]
    for _ in range(_OTHERS):
        other = tried[f.lot.below(len(tried))]
        if not_judged(f.subject, other, property_of(other)) is None:
            # Which is no matter of this law.
            with suppress(MisbehaviourError, NotOfferedError):
                f.call(other.geometry, other.arrays())
            yield Equation(f(g, f.arrays), first, g, f.arrays, before=other)


def others(case: Case, asked: Sequence[str]) -> Iterator[tuple[str, Case]]:
    """Yield cases that a kernel, asked for these dtypes, might take for another, and why."""
    yield "other numbers of these shapes", replace(case, seed=(case.seed + 1) % 2**64)
    g = case.geometry
    changes: list[tuple[str, dict[str, Any]]] = [
        ("another stride", {"stride_height": g.stride_height + 1}),
        ("another stride", {"stride_width": g.stride_width + 1}),
        ("another stride", {"stride_height": 1, "stride_width": 1}),
        ("more rows", {"height": g.height + g.stride_height}),
        ("more columns", {"width": g.width + g.stride_width}),
        ("more batch items", {"batch": g.batch + 1}),
        ("fewer rows", {"height": max(g.height - 1, 1)}),
        ("fewer columns", {"width": max(g.width - 1, 1)}),
        ("more channels in", {"channels_in": g.channels_in + 1}),
        ("more channels out", {"channels_out": g.channels_out + 1}),
    ]
    for words, sizes in changes:
        with suppress(ValueError):  # what layer l+1 does not fit
            yield words, replace(case, geometry=g.resized(**sizes))
    yield from ((dtype, case.in_dtype(dtype)) for dtype in asked)
    for fill in nonfinite_fills(operation_named(case.operation), g.bias):
        yield "NaN or infinity", replace(case, fill=fill)


def memory_layout(f: Trial) -> Iterator[Equation]:
    """The result does not depend on how the arguments are handed over: on their values alone."""
    g = f.geometry
    z = f(g, f.arrays)
    for arrangement in _arrangements(f):
        arrays = valued(f.arrays, arrangement, f.subject.axes_in_memory)
        right = z if arrays is f.arrays else f(g, arrays)
        arranged = f.unless_refused(g, arrays, arrangement)
        if arranged is not None:
            yield Equation(arranged, right, g, arrays, arrangement=arrangement)
    for geometry in _of_whole_vectors(f):
        arrays = replace(f.case, geometry=geometry).arrays()
        z = f(geometry, arrays)
        for arrangement in _each_alone(f):
            arranged = f(geometry, arrays, arrangement)
            yield Equation(arranged, z, geometry, arrays, arrangement=arrangement)
    for geometry, one, two in _twins(f):
        arrays = replace(f.case, geometry=geometry).arrays()
        arrays = {**arrays, two: arrays[one]}
        same = f"{one}:{two}"
        right = f(geometry, arrays)
        yield Equation(f(geometry, arrays, same), right, geometry, arrays, arrangement=same)


def _arrangements(f: Trial) -> Iterator[str]:
    """Draw an argument and a way to lay it out, of each kind of ways; and how strides come.

    The other arguments lie in C order, or as drawn for each.
    """
    names = [name for name, array in f.arrays.items() if array.ndim == 4]
    families = [CONTIGUOUS] if f.subject.dense else IN_MEMORY.values()
    for family in families:
        one, kind = f.lot.one_of(names), f.lot.one_of([*family])
        together = f.lot.below(2) and kind not in REFUSABLE and not f.subject.dense
        others = names if together else ()
        kinds = {name: f.lot.one_of(_USUAL) for name in others} | {one: kind}
        yield "+".join(f"{each}:{name}" for name, each in kinds.items())
    pairs = [name for name in f.operation.signature if name.endswith("strd")]
    if pairs:
        yield f"{f.lot.one_of([*PAIRS])}:{f.lot.one_of(pairs)}"
    for promised in f.subject.promise.arrays:
        yield f"{promised.replace(' ', '_')}:{f.lot.one_of(names)}"


def _offered(f: Trial, other: Geometry) -> bool:
    """Return whether the kernel is judged on a geometry beside its own."""
    return not_judged(f.subject, replace(f.case, geometry=other), "memory layout") is None


def _of_whole_vectors(f: Trial) -> Iterator[Geometry]:
    """Yield a geometry whose channels fill vector registers, where compiled code loads aligned."""
    channels = _VECTORS[f.lot.below(len(_VECTORS))]
    with suppress(ValueError):  # what groups or layer l+1 do not fit
        other = f.geometry.resized(channels_in=channels, channels_out=channels)
        if _offered(f, other):
            yield other


def _each_alone(f: Trial) -> Iterator[str]:
    """Draw a way to lay out each argument, of each kind of ways that no kernel may refuse."""
    for name, array in f.arrays.items():
        for kinds in _UNREFUSABLE if array.ndim == 4 else ():
            if not f.subject.dense or {*kinds} <= CONTIGUOUS.keys():
                yield f"{f.lot.one_of(kinds)}:{name}"


def _twins(f: Trial) -> Iterator[tuple[Geometry, str, str]]:
    """Yield a geometry on which two factors have one shape, and these, if there is one."""
    if f.geometry.batch == 0:
        return
    g, n = f.geometry, f.geometry.channels_in
    equal = {"batch": n, "channels_in": n, "channels_out": n}
    window = {"height": g.filter_height, "width": g.filter_width}
    filters = ("filter_height", "filter_width", "stride_height", "stride_width")
    for sizes in (window, dict.fromkeys((*window, *filters), 1)):
        with suppress(ValueError):  # what layer l+1 does not fit
            other = g.resized(**equal, **sizes)
            shapes = f.operation.array_shapes(other)
            offered = _offered(f, other)
            pairs = combinations(f.operation.factors, 2)
            equal_ones = [each for each in pairs if offered and shapes[each[0]] == shapes[each[1]]]
            if equal_ones:
                yield other, *equal_ones[f.lot.below(len(equal_ones))]
                return

"""Judging a sample of results, each on the part of the arguments that it is computed from.

A result of a one-layer operation depends on few elements of its factors: its receptive
field.  Cut out as views, these are the arguments of a call of their own, in whose result
it is again: for a kernel that treats all results alike, to the bit.  So a kernel that
is slow can be judged on layers of any size.  Results that lie in several channels are judged
in one call, since fast kernels have paths of their own for these.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle

import numpy as np

from convcheck.cases.case import Case
from convcheck.cases.numbers import Raw
from convcheck.form.axis import SIDES, reaching
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Kernel, Operation, operation_named
from convcheck.judging.judge import judge_against, limits_of, not_judged, property_of
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.promises import suited

Index = tuple[int, ...]

WIDEST = 17
"""channels of a patch at most: one more than a block"""
# How many channels the patches of a sample have, by turns.
_CHANNELS = (1, 1, WIDEST, 1, 2, 1, 8, 1)


@dataclass(frozen=True)
class Patch:
    """The receptive field of one result, or of several channels."""

    geometry: Geometry
    """of the call on the patch alone"""
    part: Mapping[str, tuple[slice, ...]]
    """where each factor is cut"""
    index: Index
    """of the result, among those of that call"""

    def of(self, arrays: Arrays) -> dict[str, Array]:
        """Return the patch as views of the whole arrays."""
        return {name: arrays[name][part] for name, part in self.part.items()}


def patch(
    operation: Operation, geometry: Geometry, index: Index, channels: int = 1
) -> Patch | None:
    """Return the receptive field of the result at `index`; None if no window reaches it.

    With `channels`, it is that of so many results along the last axis of channels, as far as
    there are, of which this is one.

    Raises:
        ValueError: the operation has a layer l+1.
    """
    if geometry.fore is not None:
        raise ValueError(f"operation={operation.name!r}: expected one with one layer")
    at = dict(zip(operation.result, index, strict=True))
    extents = operation.extents(geometry)
    cut = {axis: slice(0, extents[axis]) for axis in extents}
    inside = dict.fromkeys(operation.result, 0)
    sizes = {axis: 1 if axis in at else extents[axis] for axis in "bio"}
    last = operation.result[-1]
    sizes[last] = min(channels, extents[last])
    for axis in "bio":
        if axis in at:
            start = min(at[axis], extents[axis] - sizes[axis])
            cut[axis], inside[axis] = slice(start, start + sizes[axis]), at[axis] - start
    axes = []
    for (_, wide, narrow, tap), span in zip(SIDES, operation.spans(geometry), strict=True):
        steps = range(span.steps)  # that the result takes part in
        if narrow in at:
            steps = range(at[narrow], at[narrow] + 1)
        elif wide in at:
            steps = span.steps_over(at[wide])
            if not steps:
                return None
            inside[wide] = at[wide] - span.place(steps.start, 0)
        elif tap in at:
            inside[tap] = at[tap]
        smaller, start = reaching(len(steps), span.taps, span.stride), span.place(steps.start, 0)
        cut[wide], cut[narrow] = slice(start, start + smaller.wide), slice(steps.start, steps.stop)
        axes.append(operation.layer.axis(smaller))
    rows, columns = axes
    alone = Geometry(sizes["b"], rows, columns, sizes["i"], sizes["o"])
    part = {name: tuple(cut[axis] for axis in axes) for name, axes in operation.factors.items()}
    return Patch(alone, part, tuple(inside[axis] for axis in operation.result))


def sample(operation: Operation, geometry: Geometry, outputs: int, raw: Raw) -> list[Patch]:
    """Return the receptive fields of `outputs` random results, channels by turns, or of all.

    Results that no window reaches, which are zero, are left out.
    """
    shape = operation.shape(geometry, operation.result)
    total, channels = math.prod(shape), [1]
    while sum(channels) < outputs < total:
        channels.append(min(_CHANNELS[len(channels) % len(_CHANNELS)], outputs - sum(channels)))
    chosen = range(total) if total <= outputs else _distinct(total, len(channels), raw)
    indices = (tuple(map(int, np.unravel_index(flat, shape))) for flat in chosen)
    patches = map(partial(patch, operation, geometry), indices, cycle(channels))
    return [each for each in patches if each is not None]


def _distinct(total: int, count: int, raw: Raw) -> list[int]:
    found: dict[int, None] = {}
    while len(found) < count:
        found[raw.below(total)] = None
    return list(found)


def judge_sampled(kernel: Kernel, case: Case, outputs: int = 32) -> Verdict:
    """Judge `kernel` on the receptive fields of some results of `case`.

    Args:
        kernel: as for `judge.judge`; it is called on copies of parts of the case's arrays.
        case: of a one-layer operation, without NaN and infinities.
        outputs: how many results; their choice follows from the case.

    Returns:
        the verdict on them all: that of the first call that failed, if any.

    Raises:
        ValueError: the operation has a layer l+1, or the fill holds NaN.
    """
    operation = operation_named(case.operation)
    if case.mode == "nonfinite":
        raise ValueError(f"fill={case.fill!r}: expected one without NaN and infinities")
    subject = subject_of(kernel, operation)
    promise = subject.promise
    case = suited(promise, case)
    agrees = Verdict(case, subject, property_of(case), Outcome.AGREES)
    nothing = not_judged(subject, case, agrees.prop)
    if nothing is not None:
        return nothing
    arrays = case.arrays()
    verdicts = []
    for each in sample(operation, case.geometry, outputs, Raw(case.seed, stream=2)):
        part = each.of(arrays)
        alone = replace(agrees, case=replace(case, geometry=each.geometry))
        expected = operation.oracle(each.geometry, part)
        limits = limits_of(promise, alone.case, part)
        verdict = judge_against(alone, part, expected, limits)
        if verdict.failed and verdict.evidence is not None:
            evidence = replace(verdict.evidence, cut_from=case, cut_at=each.part)
            return replace(verdict, case=case, evidence=evidence)
        verdicts.append(verdict)
    return _together(agrees, verdicts)


def _together(agrees: Verdict, verdicts: list[Verdict]) -> Verdict:
    """Return one verdict for several of which none failed."""
    decided = [verdict for verdict in verdicts if verdict.outcome is Outcome.AGREES]
    if not decided:
        outcome = verdicts[0].outcome if verdicts else Outcome.VACUOUS
        return replace(agrees, outcome=outcome, reason="no sampled result was decided")
    return replace(
        agrees,
        error=max((each.error for each in decided if each.error is not None), default=None),
        relative=max(
            (each.relative for each in decided if each.relative is not None), default=None
        ),
        terms=max(each.terms for each in decided),
        suspicious=any(each.suspicious for each in decided),
    )

"""Judging some results of a call, each on its own receptive field.

So a kernel that is slow can be judged on layers of any size: it is called on the fields alone, of
which the numbers are drawn without the whole.  Results that lie in several channels are judged in
one call, since fast kernels have paths of their own for these.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle

import numpy as np

from convcheck.cases.case import Case
from convcheck.cases.numbers import Raw
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Arrays, Kernel, Operation, operation_named
from convcheck.judging.judge import (
    judge_against,
    limits_of,
    not_judged,
    property_of,
)
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.promises import suited

from .patches import Index, Patch, patch

OUTPUTS = 32
WIDEST = 17
"""channels of a patch at most: one more than a block"""
# How many channels the patches of a sample have, by turns.
_CHANNELS = (1, 1, WIDEST, 1, 2, 1, 8, 1)
_LARGEST_FIELD = 2**25
# Of so many results one lies at edges: first or last on most axes.
_EDGES = 4


def judge_sampled(kernel: Kernel, case: Case, outputs: int = OUTPUTS) -> Verdict:
    """Judge `kernel` on the receptive fields of some results of `case`, channels by turns.

    Args:
        kernel: as for `judge.judge`; it is called on parts of the case's arrays.
        case: of a one-layer operation, with a fill that has parts.
        outputs: how many results; their choice follows from the case.

    Returns:
        the verdict on them all: that of the first call that failed, if any.

    Raises:
        ValueError: the operation has a layer l+1, or the fill no parts.
    """
    operation = operation_named(case.operation)
    subject = subject_of(kernel, operation)
    case = suited(subject.promise, case)
    agrees = Verdict(case, subject, property_of(case), Outcome.AGREES)
    nothing = not_judged(subject, case, agrees.prop)
    if nothing is not None:
        return nothing
    verdicts, judged = [], 0
    even = subject.taken.symmetric
    for field, many in fields(operation, case.geometry, outputs, case.seed, symmetric=even):
        shapes = operation.array_shapes(field.geometry).values()
        if sum(map(math.prod, shapes)) > _LARGEST_FIELD:
            reason = f"receptive fields have more than {_LARGEST_FIELD:,} elements"
            return replace(agrees, outcome=Outcome.UNDECIDED, reason=reason)
        verdict = on_field(agrees, field, case.parts(field.part))
        if verdict.failed:
            return verdict
        verdicts.append(verdict)
        judged += many * (verdict.outcome is not Outcome.NOT_OFFERED)
    total = math.prod(operation.shape(case.geometry, operation.result))
    told = replace(agrees, sampled=f"on the receptive fields of {judged:,} of {total:,} results")
    return together(told, verdicts)


def fields(
    operation: Operation,
    geometry: Geometry,
    outputs: int = OUTPUTS,
    seed: int = 1,
    *,
    symmetric: bool = False,
) -> Iterator[tuple[Patch, int]]:
    """Yield the receptive fields of some results, as `patch` has them, each with of how many."""
    total, channels = math.prod(operation.shape(geometry, operation.result)), [1]
    sizes = {"i": geometry.channels_in, "o": geometry.channels_out}
    last = sizes[operation.result[-1]] // geometry.groups
    while sum(channels) < outputs < total:
        most = min(_CHANNELS[len(channels) % len(_CHANNELS)], last)
        channels.append(min(most, outputs - sum(channels)))
    count = total if total <= outputs else len(channels)
    for index, many in zip(sample(operation, geometry, count, seed), cycle(channels)):
        field = patch(operation, geometry, index, many, symmetric=symmetric)
        if field is not None:
            yield field, many


def sample(operation: Operation, geometry: Geometry, outputs: int, seed: int) -> list[Index]:
    """Return so many distinct results at random, some of them at edges; or all."""
    shape = operation.shape(geometry, operation.result)
    if math.prod(shape) <= outputs:
        return [*np.ndindex(shape)]
    raw, found = Raw(seed, stream=2), dict[Index, None]()
    while len(found) < outputs:
        index = tuple(map(raw.below, shape))
        if len(found) % _EDGES == _EDGES - 1:
            ends = ((place, 0, extent - 1) for place, extent in zip(index, shape, strict=True))
            index = tuple(each[raw.below(3)] for each in ends)
        found[index] = None
    return [*found]


def on_field(agrees: Verdict, field: Patch, part: Arrays) -> Verdict:
    """Return what comes of a call on a receptive field alone."""
    case, subject = agrees.case, agrees.subject
    alone = replace(agrees, case=replace(case, geometry=field.geometry))
    nothing = not_judged(subject, alone.case, agrees.prop)
    if nothing is not None:
        return nothing  # as where it is outside of what the kernel takes
    right = subject.operation.oracle(field.geometry, part)
    limits = limits_of(subject.promise, alone.case, part)
    verdict = judge_against(alone, part, right, limits)
    if verdict.failed and verdict.evidence is not None:
        evidence = replace(verdict.evidence, cut_from=case, cut_at=field.part)
        verdict = replace(verdict, evidence=evidence)
    return replace(verdict, case=case)


def together(agrees: Verdict, verdicts: list[Verdict]) -> Verdict:
    """Return one verdict for several of which none failed."""
    told = [verdict for verdict in verdicts if verdict.outcome is Outcome.AGREES]
    if not told:
        reasons = dict.fromkeys(each.reason for each in verdicts)
        outcome = verdicts[0].outcome if verdicts else Outcome.VACUOUS
        reason = f"no sampled result was decided: {'; '.join(reasons) or 'none has products'}"
        return replace(agrees, outcome=outcome, reason=reason)
    return replace(
        agrees,
        error=max((each.error for each in told if each.error is not None), default=None),
        relative=max((each.relative for each in told if each.relative is not None), default=None),
        terms=max(each.terms for each in told),
        suspicious=any(each.suspicious for each in told),
    )

"""Cases of any size: called on as much as memory and time allow, and judged on some results.

A fast kernel is called on the whole, or on as much of the batch as there is room for, and results
of this call are held, each against its own receptive field.  Where that cannot be, fields alone are
judged, of which the numbers are drawn without the whole.
"""

import math
from dataclasses import replace
from time import perf_counter

import numpy as np

from convcheck.cases.case import LARGEST_ARRAY, Case
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Kernel, Operation, operation_named
from convcheck.judging.judge import decided, judge, limits_of, misbehaved, not_judged, property_of
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import EXCESSES, Misbehaviour, MisbehaviourError
from convcheck.kernels.promises import suited
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.subjects import Call, Subject

from .patches import Index, patch
from .sampled import OUTPUTS, judge_sampled, on_field, sample, together

# What is judged whole, and with all laws: elements of an array, products.
_LARGEST, _MOST = 2**24, 2**32

# Of a whole call: bytes of its arrays and its result, of which judge and kernel have several copies
# each, and the seconds that it may be expected to take.
_BYTES, _SECONDS = 2**29, 10.0
# By how long calls of so many products take; of fewer, each takes up to so many times longer.
_TRIALS = (2**18, 100), (2**22, 10), (2**25, 1)
_TOO_MUCH = EXCESSES | {Misbehaviour.KILLED, Misbehaviour.NOT_CALLED}
_ALONE = 4
"""wrong results that are looked at alone"""


def products(operation: Operation, geometry: Geometry) -> int:
    """Return how many products a call sums, those with padding included."""
    return (
        math.prod(operation.shape(geometry, "bPQio"))
        * math.prod(axis.taps for axis in geometry.axes)
        // geometry.groups
    )


def is_huge(case: Case) -> bool:
    """Return whether a case is too large to be judged whole: then some results are."""
    operation, geometry = operation_named(case.operation), case.geometry
    largest = math.prod(operation.largest_array(geometry))
    if not _has_fields(case):
        return largest > LARGEST_ARRAY
    return largest > _LARGEST or products(operation, geometry) > _MOST


def judge_any(kernel: Kernel, case: Case) -> Verdict:
    """Judge `kernel` as `judge` does, or on some results of a case that is huge."""
    if not is_huge(case):
        return judge(kernel, case)
    subject = subject_of(kernel, operation_named(case.operation))
    if not _has_fields(case):
        reason = f"of arrays with more than {LARGEST_ARRAY:,} elements no part can be judged"
        return Verdict(case, subject, property_of(case), Outcome.UNDECIDED, reason)
    called = _judge_called(subject, suited(subject.promise, case))
    return judge_sampled(subject, case) if called is None else called


def _has_fields(case: Case) -> bool:
    return case.geometry.fore is None and case.has_parts


def _judge_called(subject: Subject, case: Case) -> Verdict | None:
    """Judge results of a call with as much of the batch as there is room for; None without such.

    Nor is there a verdict where the kernel took too much time or memory: it may be right, and
    nobody asked for a call of this size.
    """
    agrees = Verdict(case, subject, property_of(case), Outcome.AGREES)
    less = _within_reach(subject, case)
    if less is None:
        return None
    operation, arrays = subject.operation, less.shared_arrays()
    shape = operation.shape(less.geometry, operation.result)
    try:
        z = subject.call(Call(less.geometry, arrays, shape))
    except MisbehaviourError as problem:
        if problem.kind in _TOO_MUCH or (problem.kind is Misbehaviour.RAISED and _ran_out(problem)):
            subject.begin()
            return None
        return misbehaved(agrees, problem, Evidence(arrays, less, cut_from=less))
    chosen = sample(operation, less.geometry, OUTPUTS, less.seed)
    batch = f", called with {less.geometry.batch} of {case.geometry.batch} in the batch"
    told = f"on {len(chosen)} of {math.prod(shape):,} results, each against its receptive field"
    agrees = replace(agrees, sampled=told + (batch if less != case else ""))
    verdicts, wrong = [], []
    for index in chosen:
        verdict = _of_result(replace(agrees, case=less), arrays, z, index)
        if verdict is not None and verdict.failed:
            wrong.append((index, verdict))
        elif verdict is not None:
            verdicts.append(replace(verdict, case=case))
    if wrong:
        return _disagreeing(agrees, less, arrays, wrong, len(chosen))
    return together(agrees, verdicts)


def _ran_out(problem: MisbehaviourError) -> bool:
    """Return whether an exception tells of memory."""
    return any(word in problem.text.lower() for word in ("memory", "alloc"))


def _of_result(agrees: Verdict, arrays: Arrays, z: Array, index: Index) -> Verdict | None:
    """Return what is said of one result of a call; None where no product enters it."""
    operation, case = agrees.subject.operation, agrees.case
    field = patch(operation, case.geometry, index)
    if field is None:
        return None
    alone, part = replace(case, geometry=field.geometry), field.of(arrays)
    right = operation.oracle(field.geometry, part)
    answer = right.copy()
    answer[field.index] = z[index]
    limits = limits_of(agrees.subject.promise, alone, part)
    return decided(replace(agrees, case=alone), part, answer, right, limits)


def _disagreeing(
    agrees: Verdict, less: Case, arrays: Arrays, wrong: list[tuple[Index, Verdict]], total: int
) -> Verdict:
    """Return the verdict where some results are wrong: on a field alone if it shows there."""
    subject = agrees.subject
    even = subject.taken.symmetric
    for index, _ in wrong[:_ALONE]:
        field = patch(subject.operation, less.geometry, index, symmetric=even)
        if field is None:
            continue
        verdict = on_field(replace(agrees, case=less), field, field.of(arrays))
        if verdict.failed:
            return replace(verdict, case=agrees.case)
    index, verdict = max(wrong, key=lambda each: _severity(each[1]))
    shown = verdict.evidence
    assert shown is not None, "what disagrees has evidence"
    evidence = Evidence(
        arrays,
        less,
        cut_from=less,
        expression=f"z[{', '.join(map(str, index))}]",
        got=shown.got,
        expected=shown.expected,
        excess=shown.excess,
        wrong=len(wrong),
        total=total,
    )
    reason = f"{len(wrong)} of {total} elements are wrong"
    return agrees.but(Outcome.DISAGREES, reason, evidence)


def _severity(verdict: Verdict) -> float:
    excess = verdict.evidence.excess if verdict.evidence else None
    return 0.0 if excess is None else excess


def _within_reach(subject: Subject, case: Case) -> Case | None:
    """Return the case with as much of its batch as a call has room and time for; None if none."""
    if not_judged(subject, case, property_of(case)) is not None:
        return None
    operation, least = subject.operation, case.geometry.resized(batch=1)
    rate = 0.0
    for most, slower in _TRIALS:
        trial = replace(case, geometry=_shortened(operation, least, most))
        if not_judged(subject, trial, property_of(trial)) is not None:
            return None
        call = Call(trial.geometry, trial.shared_arrays(), None)
        try:
            seconds = min(_seconds(subject, call) for _ in range(2))  # the first may compile
        except MisbehaviourError:
            return None
        rate = products(operation, trial.geometry) / seconds
        if products(operation, least) > rate * _SECONDS * slower:
            return None
    size = case.format.dtype.itemsize
    batch = case.geometry.batch
    while batch:
        geometry = case.geometry.resized(batch=batch)
        result = operation.shape(geometry, operation.result)
        shapes = (result, *operation.array_shapes(geometry).values())
        room = sum(map(math.prod, shapes)) * size <= _BYTES
        if room and products(operation, geometry) <= rate * _SECONDS:
            less = replace(case, geometry=geometry)
            return less if not_judged(subject, less, property_of(less)) is None else None
        batch //= 2
    return None


def _seconds(subject: Subject, call: Call) -> float:
    begun = perf_counter()
    subject.call(call)
    return perf_counter() - begun


def _shortened(operation: Operation, geometry: Geometry, most: int) -> Geometry:
    """Return a geometry with fewer steps, so that there are `most` products where that can be."""
    axes = list(map(operation.layer.span, geometry.axes))
    while products(operation, geometry) > most:
        at = int(np.argmax([span.steps for span in axes]))
        span = axes[at]
        if span.steps == 1:
            break
        less = span._replace(steps=span.steps // 2)
        wide = less.reached - less.before - less.after
        if wide < 1:
            break
        axes[at] = less._replace(wide=wide)
        rows, columns = map(operation.layer.axis, axes)
        geometry = replace(geometry, rows=rows, columns=columns)
    return geometry

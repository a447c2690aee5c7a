"""Candidates beside the kernels that they replace: in sentences, and how fast they are."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from convcheck.diagnosis.beside.likeness import MANY, Likeness
from convcheck.reports.document import Speed
from convcheck.reports.rows import Record, Refactor, by

_SIZES = {"fewer": f"fewer than {MANY}", "more": f"{MANY} and more"}


def unlike_in_words(entry: Refactor) -> str:
    """Return what is wrong with a candidate that has not the bits that it was to have."""
    differ = f"bits differ in {entry.cases - entry.identical:,} of {entry.cases:,} cases"
    retyped = f", the dtype in {entry.retyped:,}" if entry.retyped else ""
    return f"{entry.operation} is not bit-identical with {entry.replaces}: {differ}{retyped}"


def speed(records: Iterable[Record]) -> list[Speed]:
    """Return how long candidates took for each second of what they replace, on the same cases.

    It is the median over geometries, each weighed by the time that what is replaced took: a
    sum would follow whatever else the machine was doing.
    """
    found = []
    timed = by((each for record in records for each in record.speed), lambda each: each.operation)
    for operation, parts in sorted(timed.items(), key=lambda item: f"{item[0]}-"):
        pairs = [
            (one, other) for part in parts for one, other in part.seconds if one > 0 and other > 0
        ]
        if pairs:
            cases = sum(part.cases for part in parts)
            found.append(Speed(operation, float(f"{_median(pairs):.3g}"), cases))
    return found


def _median(pairs: list[tuple[float, float]]) -> float:
    ratios = sorted((one / other, other) for one, other in pairs)
    passed = list(accumulate(weight for _, weight in ratios))
    return ratios[bisect_left(passed, passed[-1] / 2)][0]


def sentence(entry: Refactor, speeds: list[Speed]) -> str:
    """Return an entry in one sentence, with its speed where that was measured."""
    if entry.verdict == Likeness.NOTHING and entry.failed_replaced:
        return (
            f"{entry.operation}: nothing to compare with: {entry.replaces} is itself wrong "
            f"in {entry.failed_replaced:,} cases"
        )
    parts = [_likeness(entry)]
    if entry.verdict != Likeness.IDENTICAL and entry.cases:
        differing = entry.cases - entry.identical
        parts.append(f"bits differ in {differing:,} of {entry.cases:,} cases")
    if entry.retyped:
        parts.append(f"the dtype differs in {entry.retyped:,}")
    if entry.verdict == Likeness.LESS:
        parts.append(_loss(entry))
    if entry.failed_replaced:
        parts.append(f"{entry.replaces} is itself wrong in {entry.failed_replaced:,} cases")
    parts += [_speed(each.ratio) for each in speeds if each.operation == entry.operation]
    return f"{entry.operation}: {'; '.join(parts)}"


def _likeness(entry: Refactor) -> str:
    words = {
        Likeness.IDENTICAL: "bit-identical with {}",
        Likeness.SAME: "same within the bound as {}",
        Likeness.LESS: "less accurate than {}",
        Likeness.WRONG: "wrong, beside {}",
        Likeness.NOTHING: "nothing decided beside {}",
    }
    return words[Likeness(entry.verdict)].format(entry.replaces)


def _loss(entry: Refactor) -> str:
    """Return the loss that weighs most."""
    losses = (
        (key, each.dtype, loss.ratio, loss.limit)
        for each in entry.dtypes
        for key, loss in each.loss.items()
    )
    key, dtype, ratio, _ = max(losses, key=lambda loss: loss[2] / loss[3])
    return f"errors {ratio:g} times as large in {dtype}, in sums of {_SIZES[key]} products"


def _speed(ratio: float) -> str:
    if 0.8 <= ratio <= 1.25:
        return "about as fast"
    times, how = (1 / ratio, "faster") if ratio < 1 else (ratio, "slower")
    return f"{float(f'{times:.2g}'):g} times {how}"

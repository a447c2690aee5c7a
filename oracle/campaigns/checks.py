"""What a part of a campaign can be: what a file or a worker says of it is held against the plan.

Every geometry of a span was judged, unless one failed, and every count follows from that within
narrow limits.  What fits is believed; that a failure is one is judged again where it is told.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from convcheck.cases.case import Case
from convcheck.cases.parameters import ParameterRegion
from convcheck.form.formats import FORMATS
from convcheck.form.operations import operation_named
from convcheck.judging.enumeration import MOST_DRAWS
from convcheck.judging.verdicts import Outcome

from .plan import Failed, Part, Plan

_FAILED = (Outcome.DISAGREES, Outcome.MISBEHAVED)


class PartError(ValueError):
    """It is no part of the plan; the message is one line."""


def part_of(plan: Plan, plain: Any) -> Part:
    """Return the part that plain types hold; PartError where it cannot be one of `plan`."""
    try:
        part = msgspec.convert(plain, Part)
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at `$.")
        raise PartError(f"{place.strip('`') or 'part'}: {problem}") from None
    span = plan.span_at(part.start)
    if span is None:
        raise PartError("start: expected that of a span of the plan")
    _require(part.stop == span.stop, "stop", span.stop)
    failed = None if part.failure is None else _failed(plan, span, part.failure)
    judged, planned = part.certified + part.undecided, plan.region.count(span)
    if failed is None:
        _require(
            judged == planned,
            "certified and undecided",
            f"{planned} together, the span's geometries",
        )
    else:
        fewer = f"fewer than {planned} together, as one failed"
        _require(judged < planned, "certified and undecided", fewer)
    _require_judged(plan, part, failed)
    _require_choices(plan, part.choices, part.certified)
    _require_axes(plan, part)
    return part


def _require(holds: bool, what: str, expected: Any) -> None:  # noqa: FBT001  (what is required)
    if not holds:
        raise PartError(f"{what}: expected {expected}")


def _failed(plan: Plan, span: range, failure: Failed) -> tuple[str, Outcome]:
    """Return dtype and outcome of a failure; PartError where it is none of the span's."""
    try:
        case = Case.parse(failure.case)
    except ValueError as error:
        raise PartError(f"failure: {error}") from None
    judged = case.operation == plan.region.operation and case.fill == "integers"
    seeds = (case.seed - plan.seed) % 2**64 < plan.draws + MOST_DRAWS
    there = any(
        geometry == case.geometry and dtype == case.dtype
        for _, geometry, dtype in plan.region.geometries(span=span)
    )
    _require(judged and seeds and there, "failure", "a case of the span")
    return case.dtype, Outcome(failure.outcome)


def _require_judged(plan: Plan, part: Part, failed: tuple[str, Outcome] | None) -> None:
    known = {dtype for dtype, *_ in part.judged} <= set(plan.region.dtypes)
    _require(known, "judged", "dtypes of the plan")
    counts = {(dtype, outcome): count for dtype, outcome, count in part.judged}
    _require(len(counts) == len(part.judged), "judged", "one count of each dtype and outcome")
    failures = {key: n for key, n in counts.items() if key[1] in _FAILED}
    _require(failures == ({failed: 1} if failed else {}), "judged", "the failure and no other")
    draws, certified = plan.draws, part.certified
    others = part.undecided + bool(failed)
    agreed = sum(n for (_, outcome), n in counts.items() if outcome is Outcome.AGREES)
    most = certified * draws + others * (draws - 1)
    _require(certified * draws <= agreed <= most, "judged", f"{certified * draws} that agree")
    most = (certified + others) * (draws + MOST_DRAWS)
    total = sum(counts.values())
    _require(certified * draws + others <= total <= most, "judged", f"at most {most} cases")


def _require_choices(plan: Plan, choices: Mapping[str, int], certified: int) -> None:
    dtypes = set(choices) <= set(plan.region.dtypes)
    _require(dtypes and bool(choices) == bool(certified), "choices", "dtypes that agreed")
    for dtype, each in choices.items():
        largest = math.isqrt(2 ** FORMATS[dtype].precision)
        if operation_named(plan.region.operation).degree == 4:
            largest = math.isqrt(largest)
        possible = each in range(2, 2 * largest + 1, 2)
        _require(possible, f"choices of {dtype}", f"an even number up to {2 * largest}")


def _require_axes(plan: Plan, part: Part) -> None:
    axes, certified = part.axes, part.certified
    if isinstance(plan.region, ParameterRegion):  # its certificates tell of none
        _require(not axes, "axes", "none")
        return
    reach = plan.region.reach
    _require(len({row[:3] for row in axes}) == len(axes), "axes", "each once")
    within = all(max(row[0], row[1], row[4]) <= reach for row in axes)
    _require(within, "axes", f"extents up to {reach}")
    total = sum(row[3] for row in axes)  # a geometry has two axes, or twice the same
    _require(certified <= total <= 2 * certified, "axes", f"at most {2 * certified} in all")

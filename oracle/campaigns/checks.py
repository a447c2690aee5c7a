"""What a part of a campaign can be: what a file or a worker says of it is held against the plan.

Every geometry of a span was judged, unless one failed, and every count follows from that within
narrow limits.  What fits is believed; that a failure is one is judged again where it is told.
"""

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from convcheck.cases.case import Case
from convcheck.form.formats import FORMATS
from convcheck.form.operations import operation_named
from convcheck.judging.certificates import MOST_DRAWS
from convcheck.judging.verdicts import Outcome

from .plan import Part, Plan

_FIELDS = [each.name for each in fields(Part)]
_OUTCOMES = [each.value for each in Outcome]
_FAILED = (Outcome.DISAGREES.value, Outcome.MISBEHAVED.value)


class PartError(ValueError):
    """It is no part of the plan; the message is one line."""


def part_of(plan: Plan, plain: Any) -> Part:
    """Return the part that plain types hold; PartError where it cannot be one of `plan`."""
    _require(isinstance(plain, dict) and sorted(plain) == sorted(_FIELDS), "fields", _FIELDS)
    span = plan.span_at(plain["start"]) if _is_count(plain["start"]) else None
    if span is None:
        raise PartError("start: expected that of a span of the plan")
    _require(_is_count(plain["stop"]) and plain["stop"] == span.stop, "stop", span.stop)
    failure = plain["failure"]
    failed = None if failure is None else _failed(plan, span, failure)
    certified, undecided, planned = plain["certified"], plain["undecided"], plan.region.count(span)
    counts = _is_count(certified) and _is_count(undecided)
    if failed is None:
        fit = counts and certified + undecided == planned
        _require(fit, "certified and undecided", f"{planned} together, the span's geometries")
    else:
        fit = counts and certified + undecided < planned
        _require(fit, "certified and undecided", f"fewer than {planned} together, as one failed")
    _require_judged(plan, plain, failed)
    _require_choices(plan, plain["choices"], certified)
    _require_axes(plan, plain["axes"], certified)
    _require(isinstance(plain["rounded"], bool), "rounded", "true or false")
    return Part(**plain)


def _require(holds: bool, what: str, expected: Any) -> None:  # noqa: FBT001  (what is required)
    if not holds:
        raise PartError(f"{what}: expected {expected}")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _are_rows(value: Any, length: int) -> bool:
    """Return whether it is a list of lists of that length."""
    return isinstance(value, list) and all(isinstance(e, list) and len(e) == length for e in value)


def _failed(plan: Plan, span: range, failure: Any) -> tuple[str, str]:
    """Return dtype and outcome of a failure; PartError where it is none of the span's."""
    texts = isinstance(failure, dict) and all(isinstance(each, str) for each in failure.values())
    known = texts and sorted(failure) == ["case", "outcome", "reason"]
    _require(known, "failure", "null, or case, outcome and reason")
    _require(failure["outcome"] in _FAILED, "outcome of failure", " or ".join(_FAILED))
    try:
        case = Case.parse(failure["case"])
    except ValueError as error:
        raise PartError(f"failure: {error}") from None
    judged = case.operation == plan.region.operation and case.fill == "integers"
    seeds = (case.seed - plan.seed) % 2**64 < plan.draws + MOST_DRAWS
    there = any(
        geometry == case.geometry and dtype == case.dtype
        for _, geometry, dtype in plan.region.geometries(span=span)
    )
    _require(judged and seeds and there, "failure", "a case of the span")
    return case.dtype, str(failure["outcome"])


def _require_judged(plan: Plan, plain: dict[str, Any], failed: tuple[str, str] | None) -> None:
    rows = plain["judged"]
    known = _are_rows(rows, 3) and all(
        dtype in plan.region.dtypes and outcome in _OUTCOMES and _is_count(count) and count
        for dtype, outcome, count in rows
    )
    _require(known, "judged", "dtypes, outcomes and counts of the plan")
    counts = {(dtype, outcome): count for dtype, outcome, count in rows}
    _require(len(counts) == len(rows), "judged", "one count of each dtype and outcome")
    failures = {key: n for key, n in counts.items() if key[1] in _FAILED}
    _require(failures == ({failed: 1} if failed else {}), "judged", "the failure and no other")
    draws, certified = plan.draws, plain["certified"]
    others = plain["undecided"] + bool(failed)
    agreed = sum(n for (_, outcome), n in counts.items() if outcome == Outcome.AGREES.value)
    most = certified * draws + others * (draws - 1)
    _require(certified * draws <= agreed <= most, "judged", f"{certified * draws} that agree")
    most = (certified + others) * (draws + MOST_DRAWS)
    total = sum(counts.values())
    _require(certified * draws + others <= total <= most, "judged", f"at most {most} cases")


def _require_choices(plan: Plan, choices: Any, certified: int) -> None:
    dtypes = isinstance(choices, dict) and set(choices) <= set(plan.region.dtypes)
    _require(dtypes and bool(choices) == bool(certified), "choices", "dtypes that agreed")
    for dtype, each in choices.items():
        largest = math.isqrt(2 ** FORMATS[dtype].precision)
        if operation_named(plan.region.operation).degree == 4:
            largest = math.isqrt(largest)
        possible = _is_count(each) and each in range(2, 2 * largest + 1, 2)
        _require(possible, f"choices of {dtype}", f"an even number up to {2 * largest}")


def _require_axes(plan: Plan, axes: Any, certified: int) -> None:
    reach = plan.region.reach
    known = _are_rows(axes, 5) and all(_is_count(each) and each for row in axes for each in row)
    _require(known, "axes", "lists of five positive integers")
    _require(_distinct(tuple(row[:3]) for row in axes), "axes", "each once")
    within = all(max(row[0], row[1], row[4]) <= reach for row in axes)
    _require(within, "axes", f"extents up to {reach}")
    total = sum(row[3] for row in axes)  # a geometry has two axes, or twice the same
    _require(certified <= total <= 2 * certified, "axes", f"at most {2 * certified} in all")


def _distinct(keys: Iterable[Any]) -> bool:
    several = list(keys)
    return len(set(several)) == len(several)

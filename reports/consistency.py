"""Documents held against themselves.

What a report says in sum must follow from what it says in part, whoever wrote it.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec

from convcheck.judging.verdicts import FAILED, Outcome

from . import findings
from .document import BITS, LEFT_OUT, MISSING, Campaign, Findings
from .rows import Cell, Certificate, Sum
from .status import ContradictionError

# What follows from cells, counts and outcomes alone, and from no text of this version.
_FOLLOW = ("verdict", "totals", "decided", "missing", "full", "pairs", "unreached")


def fills_of(parts: Iterable[Findings]) -> dict[str, set[findings.Key]]:
    """Return the cells that tests without a result would have filled."""
    fills: dict[str, set[findings.Key]] = {}
    for part in parts:
        for cell in part.cells:
            for name in cell.lost:
                fills.setdefault(name, set()).add(cell.key)
    return fills


def require_consistent(found: Findings) -> None:
    """Raise ContradictionError unless what findings say in sum follows from what they say in part.

    They are as the schema says.
    """
    _require_cells(found.cells)
    _require_certificates(found.certificates)
    _require_pictures(found.cells)
    _require_outcomes(found)
    tests = found.tests
    for each in found.pairs:
        if len(each.counts) != each.pairs:
            _refuse(f"pairs of {each.operation}", each.pairs, f"{len(each.counts):,}")
    for name in ("cells", "boundaries"):
        rows, planned = len(getattr(found, name)), getattr(tests.planned, name)
        if planned > rows:
            _refuse(f"tests.planned.{name}", planned, f"at most {rows}")
    parts = tests.parts
    if parts and not (_ascend(parts.ran) and parts.ran[-1] <= parts.of):
        _refuse("tests.parts.ran", parts.ran, f"numbers up to {parts.of} in order")
    followed = findings.conclude(
        [found.sum()],
        findings.Planned.of(found),
        found.asked,
        tests,
        found.errors,
        fills_of([found]),
    )
    for name in _FOLLOW:
        ours, theirs = getattr(followed, name), getattr(found, name)
        if ours != theirs:
            _refuse(name, theirs, f"{ours!r}, as the rest says")
    _require_statuses(found.cells, followed.cells)


def require_consistent_campaign(document: Campaign) -> None:
    """Raise ContradictionError unless what a campaign left fits together, as the schema says."""
    _require_cells(document.cells)
    _require_certificates(document.certificates)
    operation, complete = document.kernel.operation, document.complete
    keys = [cell.key for cell in document.cells]
    for name in {key[0] for key in (*keys, *(each.key for each in document.certificates))}:
        if name != operation:
            _refuse("operation", name, repr(operation))
    if len(document.certificates) != 1:
        _refuse("certificates", len(document.certificates), "one of them")
    (certificate,) = document.certificates
    failed = any(cell.failure for cell in document.cells)
    if complete != certificate.complete or (complete and failed):
        _refuse("complete", complete, f"{not complete}, as the rest says")
    agreed = sum(cell.counts.get(Outcome.AGREES, 0) for cell in document.cells)
    if agreed < certificate.certified * certificate.draws:
        _refuse("certified", certificate.certified, f"at most the {agreed:,} cases that agree")
    followed = findings.add_cells([Sum(cells=document.cells)], keys, {}, ())
    _require_statuses(document.cells, followed)


def _require_cells(several: list[Cell]) -> None:
    if len({cell.key for cell in several}) < len(several):
        raise ContradictionError(
            "contradicts itself: cells: expected one of each operation, property and dtype"
        )
    for cell in several:
        failed = sum(cell.counts.get(each, 0) for each in FAILED)
        if failed and not cell.failure:
            _refuse(" ".join(cell.key), failed, "a failure, where so many cases failed")


def _require_statuses(several: list[Cell], followed: list[Cell]) -> None:
    for cell, other in zip(several, followed, strict=True):
        if cell.status != other.status:
            _refuse(" ".join(cell.key), cell.status, f"{other.status!r}, as its counts say")


def _require_certificates(several: list[Certificate]) -> None:
    for each in several:
        judged, planned = each.certified + each.undecided, each.geometries
        where = f"certificate of {each.operation}"
        if judged > planned:
            _refuse(where, judged, f"at most {planned:,} geometries judged")
        for name, ours in msgspec.structs.asdict(each.followed).items():
            if ours != getattr(each, name):
                _refuse(f"{name} of the {where}", getattr(each, name), f"{ours!r}, as follows")
        if bool(each.axes) != bool(each.certified):
            _refuse(where, each.axes, f"the axes of {each.certified:,} geometries")
        for extent, taps, *_ in each.axes:
            if taps > extent:
                _refuse(f"an axis of the {where}", taps, f"at most {extent} taps")
        on_axes = sum(axis[3] for axis in each.axes)
        if on_axes > 2 * each.certified:  # each geometry has two axes
            _refuse(where, on_axes, f"at most {2 * each.certified:,} axes")


def _require_pictures(cells: list[Cell]) -> None:
    for cell in cells:
        diagnosis = cell.failure.diagnosis if cell.failure else None
        if diagnosis is None:
            continue
        shown = diagnosis.picture, diagnosis.taps
        for planes in ([each.got, each.expected] for each in shown if each is not None):
            _require_one_shape(cell, planes)
        if diagnosis.picture is not None:
            _require_one_shape(cell, [diagnosis.picture.got, diagnosis.picture.wrong])


def _require_one_shape(cell: Cell, planes: list[list[list[Any]]]) -> None:
    one, other = ([len(row) for row in plane] for plane in planes)
    if one != other:
        _refuse(f"a picture of {' '.join(cell.key)}", other, f"rows of lengths {one}")


def _require_outcomes(found: Findings) -> None:
    """Every test that did not pass is told of, and as what it was."""
    outcomes = found.tests.outcomes
    told = {}
    for error in found.errors:
        told[error.test] = "failed" if error.outcome == BITS else error.outcome
        if outcomes.get(error.test) != told[error.test]:
            _refuse(f"outcome of {error.test}", outcomes.get(error.test), repr(told[error.test]))
    explained = any(cell.failure for cell in found.cells)
    for name, outcome in outcomes.items():
        if outcome in ("passed", LEFT_OUT, MISSING) or name in told:
            continue
        if not explained:
            _refuse(f"outcome of {name}", outcome, "an error that tells why")


def _ascend(numbers: list[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


def _refuse(what: str, value: Any, expected: str) -> None:
    raise ContradictionError(f"contradicts itself: {what} is {value!r}: expected {expected}")

"""Documents held against themselves.

What a report says in sum must follow from what it says in part, whoever wrote it.
"""

from typing import Any

from msgspec.structs import replace

from convcheck.judging.verdicts import FAILED, Outcome

from . import findings
from .document import BITS, LEFT_OUT, MISSING, Campaign, Findings, differences, plain
from .rows import TABLES, Cell, Certificate, Sum, by
from .status import ContradictionError


def require_consistent(found: Findings) -> None:
    """Raise ContradictionError unless what findings say in sum follows from what they say in part.

    They are as the schema says.
    """
    _require_rows(found.sum())
    _require_outcomes(found)
    tests, parts = found.tests, found.tests.parts
    for name in ("cells", "boundaries"):
        number, planned = len(getattr(found, name)), getattr(tests.planned, name)
        if planned > number:
            _refuse(f"tests.planned.{name}", planned, f"at most {number}")
    if parts and (parts.ran != sorted({*parts.ran}) or parts.ran[-1] > parts.of):
        _refuse("tests.parts.ran", parts.ran, f"numbers up to {parts.of} in order")
    followed = findings.together([found], tests)
    followed.ledger, followed.domain = found.ledger, found.domain
    followed.digests = found.digests  # of what was known then
    _require_same(followed, found)


def require_consistent_campaign(document: Campaign) -> None:
    """Raise ContradictionError unless what a campaign left fits together, as the schema says."""
    _require_rows(Sum(cells=document.cells, certificates=document.certificates))
    operation, complete = document.kernel.operation, document.complete
    for name in {row.key[0] for row in (*document.cells, *document.certificates)}:
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
    cells = [replace(cell) for cell in document.cells]
    _require_same(findings.settled(cells, ()), document.cells, "cells")


def _require_same(followed: Any, found: Any, *place: str) -> None:
    for where, ours, theirs in differences(plain(followed), plain(found), *place):
        _refuse(".".join(map(str, where)), theirs, f"{ours!r}, as the rest says")


def _require_rows(found: Sum) -> None:
    """Rows of a table are of one thing each, and what a row says in sum follows from the rest."""
    for table in TABLES:
        for key, rows in by(getattr(found, table), lambda row: row.key).items():
            if len(rows) > 1:
                _refuse(f"number of {table} of {' '.join(key)}", len(rows), "1")
    for each in found.pairs:
        _require_same(each.of(each.operation, each.kind, each.counts), each, "pairs", *each.key)
    for cell in found.cells:
        failed = sum(cell.counts.get(each, 0) for each in FAILED)
        if failed and not cell.failure:
            _refuse(" ".join(cell.key), failed, "a failure, where so many cases failed")
    _require_certificates(found.certificates)
    _require_pictures(found.cells)


def _require_certificates(several: list[Certificate]) -> None:
    for each in several:
        _require_same(each.followed, each, "certificates", each.operation)
        judged, planned = each.certified + each.undecided, each.geometries
        where = f"certificate of {each.operation}"
        if judged > planned:
            _refuse(where, judged, f"at most {planned:,} geometries judged")
        if each.axes and not each.certified:  # geometries with parameters are told without
            _refuse(where, each.axes, "the axes of no geometry")
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
        for grid in (each.grid for each in diagnosis.patterns if each.grid is not None):
            whole = [grid.columns for _ in grid.rows]
            _require_one_shape(cell, [whole, grid.tried])
            _require_one_shape(cell, [whole, grid.wrong])


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


def _refuse(what: str, value: Any, expected: str) -> None:
    raise ContradictionError(f"contradicts itself: {what} is {value!r}: expected {expected}")

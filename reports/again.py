"""Findings as records again: to put them together with others, and to hold them against themselves.

What a report says in sum must follow from what it says in part, whoever wrote it.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from convcheck.form.formats import FORMATS
from convcheck.judging.verdicts import Outcome

from . import cells, findings
from .cells import Cell, key_of

Json = dict[str, Any]

# What follows from cells, counts and outcomes alone, and from no text of this version.
_FOLLOW = ("verdict", "totals", "decided", "missing", "full", "pairs", "unreached")


class ContradictionError(ValueError):
    """A document contradicts itself; the message is one line."""


def record_of(part: Json) -> Json:
    """Return the findings of a part as the record of one test that found all of it."""
    return {
        "cells": part["cells"],
        "boundaries": [[e["operation"], e["class"], e["count"]] for e in part["boundaries"]],
        "pairs": [
            [e["operation"], e["kind"], [[at, n] for at, n in enumerate(e["counts"]) if n]]
            for e in part["pairs"]
        ],
        "draws": {each["operation"]: each["geometries"] for each in part["random"]},
        "accuracy": [[e["operation"], e["dtype"], _errors(e)] for e in part["accuracy"]],
        "certificates": part["certificates"],
        "zeros": [[e["operation"], e["spreads"], e["skips"]] for e in part.get("zeros", ())],
        "entries": {
            table: {
                entry["id"]: entry["status"] == "holds"
                for entry in part[table]
                if entry["status"] != "not run"
            }
            for table in ("ledger", "domain")
        },
    }


def _errors(accuracy: Json) -> Json:
    u = FORMATS[accuracy["dtype"]].u
    return {
        "distribution": accuracy["distribution"],
        "growth": [
            [point["products"].bit_length() - 1, point["error"] * u, point["products"]]
            for point in accuracy["growth"]
        ],
    }


def class_of(boundary: Json) -> tuple[str, str]:
    """Return operation and name of a boundary class."""
    return boundary["operation"], boundary["class"]


def pairs_of(part: Json) -> list[tuple[str, str, int]]:
    """Return operation, kind and number of the pairs of classes."""
    return [(each["operation"], each["kind"], each["pairs"]) for each in part["pairs"]]


def fills_of(parts: Iterable[Json]) -> dict[str, set[Cell]]:
    """Return the cells that tests without a result would have filled."""
    fills: dict[str, set[Cell]] = {}
    for part in parts:
        for cell in part["cells"]:
            for name in cell["lost"]:
                fills.setdefault(name, set()).add(key_of(cell))
    return fills


def require_consistent(found: Json) -> None:
    """Raise ContradictionError unless what findings say in sum follows from what they say in part.

    They are as the schema says.
    """
    _require_cells(found["cells"])
    _require_certificates(found["certificates"])
    _require_outcomes(found)
    tests = found["tests"]
    for each in found["pairs"]:
        if len(each["counts"]) != each["pairs"]:
            _refuse(f"pairs of {each['operation']}", each["pairs"], f"{len(each['counts']):,}")
    parts = tests["parts"]
    if parts and not (_ascend(parts["ran"]) and parts["ran"][-1] <= parts["of"]):
        _refuse("tests.parts.ran", parts["ran"], f"numbers up to {parts['of']} in order")
    try:
        followed = findings.conclude(
            {"": record_of(found)},
            findings.Planned(
                map(key_of, found["cells"]), map(class_of, found["boundaries"]), pairs_of(found)
            ),
            found["asked"],
            tests,
            found["errors"],
            fills_of([found]),
        )
    except OverflowError:  # of counts that are each within their limit
        raise ContradictionError("contradicts itself: the counts of pairs are too large") from None
    for name in _FOLLOW:
        if found[name] != followed[name]:
            _refuse(name, found[name], f"{followed[name]!r}, as the rest says")
    _require_statuses(found["cells"], followed["cells"])


def require_consistent_campaign(document: Json) -> None:
    """Raise ContradictionError unless what a campaign left fits together, as the schema says."""
    _require_cells(document["cells"])
    _require_certificates(document["certificates"])
    operation, complete = document["kernel"]["operation"], document["complete"]
    for kind in ("cells", "certificates"):
        for each in document[kind]:
            if each["operation"] != operation:
                _refuse(f"operation of {kind}", each["operation"], repr(operation))
    if len(document["certificates"]) != 1:
        _refuse("certificates", len(document["certificates"]), "one of them")
    (certificate,) = document["certificates"]
    failed = any(cell["failure"] for cell in document["cells"])
    if complete != certificate["complete"] or (complete and failed):
        _refuse("complete", complete, f"{not complete}, as the rest says")
    agreed = sum(cell["counts"].get(Outcome.AGREES.value, 0) for cell in document["cells"])
    if agreed < certificate["certified"] * certificate["draws"]:
        _refuse("certified", certificate["certified"], f"at most the {agreed:,} cases that agree")
    record = {"": {"cells": document["cells"]}}
    followed = cells.add_up(record, map(key_of, document["cells"]), {}, ())
    _require_statuses(document["cells"], followed)


def _require_cells(several: list[Json]) -> None:
    if len(set(map(key_of, several))) < len(several):
        raise ContradictionError(
            "contradicts itself: cells: expected one of each operation, property and dtype"
        )
    for cell in several:
        counts = cell["counts"]
        failed = sum(counts.get(each.value, 0) for each in (Outcome.DISAGREES, Outcome.MISBEHAVED))
        if failed and not cell["failure"]:
            _refuse(_name(cell), failed, "a failure, where so many cases failed")


def _require_statuses(several: list[Json], followed: list[Json]) -> None:
    for cell, other in zip(several, followed, strict=True):
        if cell["status"] != other["status"]:
            _refuse(_name(cell), cell["status"], f"{other['status']!r}, as its counts say")


def _require_certificates(several: list[Json]) -> None:
    for each in several:
        judged, planned = each["certified"] + each["undecided"], each["geometries"]
        where = f"certificate of {each['operation']}"
        if judged > planned:
            _refuse(where, judged, f"at most {planned:,} geometries judged")
        if each["complete"] != (each["certified"] == planned):
            _refuse(where, each["complete"], f"complete only with all of {planned:,} geometries")
        on_axes = sum(axis[3] for axis in each.get("axes", ()))
        if on_axes > 2 * each["certified"]:  # each geometry has two axes
            _refuse(where, on_axes, f"at most {2 * each['certified']:,} axes")


def _require_outcomes(found: Json) -> None:
    """Every test that did not pass is told of, and as what it was."""
    outcomes = found["tests"]["outcomes"]
    told = {}
    for error in found["errors"]:
        name, outcome = error["test"], error["outcome"]
        told[name] = "failed" if outcome == findings.BITS else outcome
        if outcomes.get(name) != told[name]:
            _refuse(f"outcome of {name}", outcomes.get(name), repr(told[name]))
    explained = any(cell["failure"] for cell in found["cells"])
    for name, outcome in outcomes.items():
        if outcome in ("passed", findings.LEFT_OUT, findings.MISSING) or name in told:
            continue
        if not explained:
            _refuse(f"outcome of {name}", outcome, "an error that tells why")


def _ascend(numbers: list[int]) -> bool:
    return all(one < other for one, other in pairwise(numbers))


def _name(cell: Json) -> str:
    return " ".join(key_of(cell))


def _refuse(what: str, value: Any, expected: str) -> None:
    raise ContradictionError(f"contradicts itself: {what} is {value!r}: expected {expected}")

"""The matrix of cells, one for each operation, property and dtype, added up from records."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from convcheck.judging.verdicts import Outcome

Json = dict[str, Any]
Cell = tuple[str, str, str]

CRASHED = "crashed"
NOT_RUN = "not run"
PARTLY = "incomplete"
SO_FAR = "agrees so far"
AGREEING = (Outcome.AGREES.value, SO_FAR)

# The status of a cell is the first of these that it has.
_WORST_FIRST = (
    Outcome.MISBEHAVED,
    Outcome.DISAGREES,
    Outcome.AGREES,
    Outcome.UNDECIDED,
    Outcome.VACUOUS,
    Outcome.NOT_OFFERED,
    Outcome.NOT_APPLICABLE,
)


def key_of(cell: Json) -> Cell:
    """Return operation, property and dtype of a cell."""
    return cell["operation"], cell["property"], cell["dtype"]


def add_up(
    records: Mapping[str, Json],
    planned: Iterable[Cell],
    lost: Mapping[str, Iterable[Cell]],
    crashed: Collection[str],
    *,
    entire: bool = True,
) -> list[Json]:
    """Add up the cells of all records, planned cells first and in their order.

    Args:
        records: each test's, by the test's name.
        planned: the cells of a full run.
        lost: tests that gave no result, and the cells that each would have filled.
        crashed: those of them that were lost in a crash.
        entire: whether no test was left out that may have filled any of the cells.
    """
    planned = list(planned)
    merged: dict[Cell, Json] = {key: _empty(key) for key in planned}
    for name in sorted(lost):
        for key in lost[name]:
            merged.setdefault(key, _empty(key))["lost"].append(name)
    for _, record in sorted(records.items()):
        for part in record.get("cells", ()):
            _add(merged.setdefault(key_of(part), _empty(key_of(part))), part)
    for cell in merged.values():
        cell["counts"] = dict(sorted(cell["counts"].items()))
        cell["status"] = _status(cell, not set(cell["lost"]).isdisjoint(crashed), entire)
    unplanned = sorted(set(merged) - set(planned))
    return [merged[key] for key in (*planned, *unplanned)]


def _empty(key: Cell) -> Json:
    operation, prop, dtype = key
    return {
        "operation": operation,
        "property": prop,
        "dtype": dtype,
        "status": NOT_RUN,
        "counts": {},
        "worst": None,
        "suspicious": 0,
        "stopped": 0,
        "lost": [],
        "failure": None,
    }


def _add(cell: Json, part: Json) -> None:
    for outcome, count in part["counts"].items():
        cell["counts"][outcome] = cell["counts"].get(outcome, 0) + count
    cell["suspicious"] += part["suspicious"]
    cell["stopped"] += part.get("stopped", 0)
    if part["worst"] is not None:
        worst = float(f"{part['worst']:.3g}")  # more digits would claim too much
        cell["worst"] = max(cell["worst"] or 0.0, worst)
    failures = [failure for failure in (cell["failure"], part["failure"]) if failure]
    cell["failure"] = min(failures, key=_simplicity, default=None)


def _simplicity(failure: Json) -> tuple[Any, ...]:
    """Return what puts the failure of the lowest rank first, then that with least to read."""
    return failure["rank"], len(failure["message"]), failure["case"], failure["message"]


def _status(cell: Json, crashed: bool, entire: bool) -> str:  # noqa: FBT001  (one caller)
    """Return the one word for a cell: the worst that happened, or that nothing did."""
    if cell["failure"]:  # also one found while looking for a smaller case of another
        return str(cell["failure"]["outcome"])
    if crashed:
        return CRASHED
    counts = cell["counts"]
    if not any(counts.values()):
        return NOT_RUN
    if cell["lost"]:
        return PARTLY
    status = next(outcome.value for outcome in _WORST_FIRST if counts.get(outcome.value))
    # A test that failed elsewhere judged less here than it would have; one left out, nothing.
    partly = cell["stopped"] or not entire
    return SO_FAR if partly and status == Outcome.AGREES.value else status

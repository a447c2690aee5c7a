"""Candidates beside the kernels that they replace: their entries in a report, and lines."""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from convcheck.diagnosis.beside.likeness import MANY, Likeness, likeness

Json = dict[str, Any]

_COUNTS = ("cases", "identical", "retyped", "failed_replaced")
_SIZES = {"fewer": f"fewer than {MANY}", "more": f"{MANY} and more"}
_BY_DTYPE = ("dtype", "cases", "identical", "retyped", "candidate", "replaced", "loss")


def entries(
    records: Mapping[str, Json],
    cells: list[Json],
    kernels: Mapping[str, str],
    others: Mapping[str, str],
) -> list[Json]:
    """Return one entry for each candidate that was compared.

    Args:
        records: what the tests left behind.
        cells: of the whole run; a candidate that failed anywhere is wrong.
        kernels: the candidates, as MODULE:FUNCTION by operation.
        others: what they replace, likewise.
    """
    wrong = {cell["operation"] for cell in cells if cell["failure"]}
    found = []
    for operation, parts in _by_operation(records).items():
        parts.sort(key=lambda part: part["dtype"])
        counts = {key: sum(part[key] for part in parts) for key in _COUNTS}
        verdict = likeness(
            cases=counts["cases"],
            identical=counts["identical"],
            retyped=counts["retyped"],
            failed=sum(part["failed"] for part in parts) + (operation in wrong),
            failed_replaced=counts["failed_replaced"],
            less=any(part["less"] for part in parts),
        )
        examples = [part["example"] for part in parts if part["example"]]
        found.append(
            {
                "operation": operation,
                "candidate": kernels.get(operation, ""),
                "replaces": others.get(operation, ""),
                "verdict": str(verdict),
                "bitwise": any(part["bitwise"] for part in parts),
                **counts,
                "dtypes": [{key: part[key] for key in _BY_DTYPE} for part in parts],
                "example": next(iter(examples), None),
            }
        )
    return found


def unlike(record: Json) -> bool:
    """Tell whether a test saw bits, or dtypes, differ that were to be the same."""
    return any(part["bitwise"] and _differing(part) for part in _parts(record))


def lacks_bits(entry: Json) -> bool:
    """Tell whether a candidate that is right was to have the bits of another, and has not."""
    return bool(entry["bitwise"] and _differing(entry) and entry["verdict"] != Likeness.WRONG)


def unlike_in_words(entry: Json) -> str:
    """Return what is wrong with such a candidate in a sentence."""
    differ = f"bits differ in {entry['cases'] - entry['identical']:,} of {entry['cases']:,} cases"
    retyped = f", the dtype in {entry['retyped']:,}" if entry.get("retyped") else ""
    return f"{entry['operation']} is not bit-identical with {entry['replaces']}: {differ}{retyped}"


def _differing(part: Json) -> int:
    """Return in how many cases bits differ, or at least the dtype."""
    return max(int(part["cases"] - part["identical"]), int(part.get("retyped", 0)))


def _parts(record: Json) -> list[Json]:
    found: list[Json] = record.get("refactor", [])
    return found


def speed(records: Mapping[str, Json]) -> list[Json]:
    """Return how long candidates took for each second of what they replace, on the same cases.

    It is the median over geometries, each weighed by the time that what is replaced took: a
    sum would follow whatever else the machine was doing.
    """
    found = []
    for operation, parts in _by_operation(records).items():
        pairs = [
            (one, other)
            for part in parts
            for one, other in part["seconds"]
            if one > 0 and other > 0
        ]
        if pairs:
            cases = sum(part["cases"] for part in parts)
            ratio = float(f"{_median(pairs):.3g}")
            found.append({"operation": operation, "ratio": ratio, "cases": cases})
    return found


def _median(pairs: list[tuple[float, float]]) -> float:
    ratios = sorted((one / other, other) for one, other in pairs)
    passed = list(accumulate(weight for _, weight in ratios))
    return ratios[bisect_left(passed, passed[-1] / 2)][0]


def _by_operation(records: Mapping[str, Json]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for _, record in sorted(records.items()):
        for part in _parts(record):
            found.setdefault(part["operation"], []).append(part)
    return found


def sentence(entry: Json, speeds: list[Json]) -> str:
    """Return an entry in one sentence, with its speed where that was measured."""
    if entry["verdict"] == Likeness.NOTHING and entry["failed_replaced"]:
        return (
            f"{entry['operation']}: nothing to compare with: {entry['replaces']} is itself wrong "
            f"in {entry['failed_replaced']:,} cases"
        )
    parts = [_likeness(entry)]
    if entry["verdict"] != Likeness.IDENTICAL and entry["cases"]:
        differing = entry["cases"] - entry["identical"]
        parts.append(f"bits differ in {differing:,} of {entry['cases']:,} cases")
    if entry["retyped"]:
        parts.append(f"the dtype differs in {entry['retyped']:,}")
    if entry["verdict"] == Likeness.LESS:
        parts.append(_loss(entry))
    if entry["failed_replaced"]:
        parts.append(f"{entry['replaces']} is itself wrong in {entry['failed_replaced']:,} cases")
    parts += [_speed(each["ratio"]) for each in speeds if each["operation"] == entry["operation"]]
    return f"{entry['operation']}: {'; '.join(parts)}"


def _likeness(entry: Json) -> str:
    words = {
        Likeness.IDENTICAL: "bit-identical with {}",
        Likeness.SAME: "same within the bound as {}",
        Likeness.LESS: "less accurate than {}",
        Likeness.WRONG: "wrong, beside {}",
        Likeness.NOTHING: "nothing decided beside {}",
    }
    return words[Likeness(entry["verdict"])].format(entry["replaces"])


def _loss(entry: Json) -> str:
    """Return the loss that weighs most."""
    losses = (
        (key, each["dtype"], loss["ratio"], loss["limit"])
        for each in entry["dtypes"]
        for key, loss in each["loss"].items()
    )
    key, dtype, ratio, _ = max(losses, key=lambda loss: loss[2] / loss[3])
    return f"errors {ratio:g} times as large in {dtype}, in sums of {_SIZES[key]} products"


def _speed(ratio: float) -> str:
    if 0.8 <= ratio <= 1.25:
        return "about as fast"
    return f"{1 / ratio:.2g} times faster" if ratio < 1 else f"{ratio:.2g} times slower"

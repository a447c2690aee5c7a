"""Adding up what the tests' records hold beside cells: certificates, coverage, accuracy."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from convcheck.form.formats import FORMATS
from convcheck.form.operations import OPERATIONS
from convcheck.judging.bounds import g
from convcheck.judging.certificates import false_acceptance

Json = dict[str, Any]
Records = Mapping[str, Json]


def certificates(records: Records) -> list[Json]:
    """Return what was certified of each operation, the shards of a region put together."""
    merged: dict[tuple[str, str], Json] = {}
    for part in _parts(records, "certificates"):
        total = merged.setdefault(
            (part["operation"], part["region"]),
            {**part, "certified": 0, "undecided": 0, "choices": {}, "axes": []},
        )
        total["certified"] += part["certified"]
        total["undecided"] += part["undecided"]
        for dtype, choices in part["choices"].items():
            total["choices"][dtype] = min(choices, total["choices"].get(dtype, choices))
        total["axes"] = _axes([*total["axes"], *part.get("axes", ())])
    return [_with_chances(each) for _, each in sorted(merged.items())]


def _axes(parts: Iterable[list[int]]) -> list[list[int]]:
    """Add up extent, taps, stride, geometries certified so, and the other axis' extent."""
    known: dict[tuple[int, ...], tuple[int, int]] = {}
    for *axis, count, other in parts:
        before, longest = known.get(tuple(axis), (0, 0))
        known[tuple(axis)] = (before + count, max(longest, other))
    return [[*axis, *both] for axis, both in sorted(known.items())]


def _with_chances(certificate: Json) -> Json:
    """Add the chance of a false acceptance, by dtype."""
    degree = OPERATIONS[certificate["operation"]].degree
    choices = dict(sorted(certificate["choices"].items()))
    return {
        **certificate,
        "choices": choices,
        "degree": degree,
        "complete": certificate["certified"] == certificate["geometries"],
        "chance": {
            dtype: float(f"{false_acceptance(degree, each, certificate['draws']):.3g}")
            for dtype, each in choices.items()
        },
    }


def boundaries(records: Records, planned: Iterable[tuple[str, str]]) -> list[Json]:
    """Return how many judged cases each boundary class had."""
    counts = Counter(dict.fromkeys(planned, 0))
    for operation, name, count in sorted(map(tuple, _parts(records, "boundaries"))):
        counts[operation, name] += count
    return [
        {"operation": operation, "class": name, "count": count}
        for (operation, name), count in counts.items()
    ]


def pairs(records: Records, planned: Iterable[tuple[str, str, int]]) -> list[Json]:
    """Return how many pairs of classes were reached, of how many, and how often each."""
    counts: dict[tuple[str, str], Counter[int]] = {}
    for operation, kind, found in _parts(records, "pairs"):
        counts.setdefault((operation, kind), Counter()).update(dict(found))
    return [
        {
            "operation": operation,
            "kind": kind,
            "pairs": number,
            "reached": len(reached),
            "least": min((reached[at] for at in range(number)), default=0),
            "counts": [reached[at] for at in range(number)],
        }
        for operation, kind, number in planned
        for reached in [counts.get((operation, kind), Counter())]
    ]


def random(records: Records) -> list[Json]:
    """Return how many random geometries were judged without a failure.

    By the rule of three, where n independent draws show no failure, the share of geometries
    that fail is below 3 / n with 95% confidence, as (1 - 3/n)**n < 0.05.
    """
    draws: Counter[str] = Counter()
    for record in records.values():
        draws.update(record.get("draws", {}))
    return [
        {"operation": name, "geometries": count, "below": float(f"{min(1, 3 / count):.3g}")}
        for name, count in sorted(draws.items())
    ]


def accuracy(records: Records) -> list[Json]:
    """Return the distribution of errors, and their growth, by operation and dtype."""
    distributions: dict[tuple[str, str], list[int]] = {}
    growth: dict[tuple[str, str], dict[int, tuple[float, int]]] = {}  # by log2 n
    for operation, dtype, part in _parts(records, "accuracy"):
        key = (operation, dtype)
        known = distributions.get(key, [0] * len(part["distribution"]))
        distributions[key] = [a + b for a, b in zip(known, part["distribution"], strict=True)]
        worst = growth.setdefault(key, {})
        for size, error, n in part["growth"]:
            rounded = float(f"{error / FORMATS[dtype].u:.3g}")
            worst[size] = max(worst.get(size, (0.0, 0)), (rounded, n))
    return [
        {
            "operation": operation,
            "dtype": dtype,
            "distribution": distributions[operation, dtype],
            "growth": [
                _grown(dtype, error, n)
                for _, (error, n) in sorted(growth[operation, dtype].items())
                if n * FORMATS[dtype].u < 1  # beyond, sums kept wider have no bound in it
            ],
        }
        for operation, dtype in sorted(distributions)
    ]


def _grown(dtype: str, error: float, n: int) -> Json:
    """Return an error beside what it may be and what is expected, all in unit roundoffs."""
    u = FORMATS[dtype].u
    figures = {"error": error, "bound": float(g(n, u)) / u, "expected": 8 * n**0.5}
    return {"products": n} | {name: float(f"{value:.3g}") for name, value in figures.items()}


def unreached(boundary_counts: list[Json], pair_counts: list[Json]) -> list[str]:
    """Return, in words, the classes of a full run that no judged case was in."""
    found = [
        f"{each['operation']}: {each['class']}" for each in boundary_counts if not each["count"]
    ]
    found += [
        f"{each['operation']}: {each['pairs'] - each['reached']:,} pairs of {each['kind']}"
        for each in pair_counts
        if each["reached"] < each["pairs"]
    ]
    return found


def _parts(records: Records, name: str) -> Iterable[Any]:
    """Yield the parts of that name of all records, in an order that no worker changes."""
    for _, record in sorted(records.items()):
        yield from record.get(name, ())

"""What changed from one report to another, and what of it is worse.

Accuracy is compared by the mean size of errors, in halvings of the bound, where what is
below 1/16 of it counts as 1/16: numbers so small are often exact by accident.  On the same
cases, other orders of summation moved that mean by up to 0.3 halvings where this was
measured, and sums in a narrower format by 0.5 and more; other draws of 100 geometries moved
it by up to 0.4, of 20 by 0.8.  The worst error hangs on one case: other draws changed it by
up to 3 times.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .cells import AGREEING, CRASHED, NOT_RUN, PARTLY, SO_FAR, key_of

Json = dict[str, Any]

FAILING, FIXED, STILL = "newly failing", "fixed", "still failing"
MISSING, RUN = "newly missing", "newly decided"
LESS, MORE = "less accurate", "more accurate"
LOST, GAINED = "less covered", "more covered"
CHANGED = "changed"

KINDS = (FAILING, MISSING, LESS, LOST, FIXED, RUN, MORE, GAINED, STILL, CHANGED)
WORSE = (FAILING, MISSING, LESS, LOST)

_HALVINGS = 0.45
_SMALLEST = 4  # halvings
_NOISE = 4.0  # halvings times the square root of the number of geometries drawn
_WORST = 4.0  # times
_COUNT = 2.0  # times: the rule of three's bound doubles with half the draws

_RAN_ON = ("packages", "python", "processor", "project", "checkout")

_LIKENESS = ("bit-identical", "same within the bound", "less accurate", "wrong")


@dataclass(frozen=True)
class Change:
    """One thing that changed."""

    kind: str
    what: str
    old: str = ""
    new: str = ""

    @property
    def worse(self) -> bool:
        """Whether it is for the worse."""
        return self.kind in WORSE


def compare(old: Json, new: Json) -> list[Change]:
    """Return what changed from one report to another, the worst first."""
    before, after = old["findings"], new["findings"]
    failing = {cell["operation"] for found in (before, after) for cell in _failed(found)}
    steps = (
        *_cells(before, after),
        *_tests(before, after),
        *_gone(before, after),
        *_entries(before, after),
        *_refactor(before, after),
        *_accuracy(before, after, failing),
        *_coverage(before, after, failing),
        *_strength(before, after),
        *_surroundings(old, new),
    )
    return sorted(steps, key=lambda change: KINDS.index(change.kind))


def _failed(findings: Json) -> list[Json]:
    return [cell for cell in findings["cells"] if cell["failure"]]


def _keyed(items: Iterable[Json], key: Callable[[Json], Any]) -> dict[Any, Json]:
    return {key(item): item for item in items}


def _pairs(old: list[Json], new: list[Json], *names: str) -> Iterator[tuple[Any, Json, Json]]:
    """Yield what both lists have, with its key, in the order of the newer."""
    before, after = _by(names, old), _by(names, new)
    yield from ((key, before[key], item) for key, item in after.items() if key in before)


def _by(names: tuple[str, ...], items: Iterable[Json]) -> dict[Any, Json]:
    return _keyed(items, lambda item: tuple(item[name] for name in names))


def _cells(before: Json, after: Json) -> Iterator[Change]:
    """Yield changes of cells, those of several dtypes that changed alike as one."""
    olds, news = (_keyed(found["cells"], key_of) for found in (before, after))
    alike: dict[tuple[str, ...], list[tuple[str, Json | None, Json | None]]] = {}
    for operation, prop, dtype in {**olds, **news}:
        key = operation, prop, dtype
        one, other = olds.get(key), news.get(key)
        if kind := _kind(one, other):
            told = kind, f"{operation}, {prop}", *_brief(one), "to", *_brief(other)
            alike.setdefault(told, []).append((dtype, one, other))
    for (kind, what, *_), (first, *others) in alike.items():
        dtypes = " and ".join([first[0], *(dtype for dtype, *_ in others)])
        yield Change(kind, f"{what}, {dtypes}", _word(first[1]), _word(first[2]))


def _word(cell: Json | None) -> str:
    outcome, *named = _brief(cell)
    failure = cell["failure"] if cell else None
    return f"{outcome}: {'; '.join([*named, failure['case']])}" if failure else outcome


def _brief(cell: Json | None) -> list[str]:
    """Return the outcome of a cell, and what is known of its failure in every case."""
    if cell is None:
        return [NOT_RUN]
    failure = cell["failure"]
    if failure is None:
        return [str(cell["status"])]
    named = [each["sentence"] for each in (failure.get("diagnosis") or {}).get("names", ())]
    return [str(failure["outcome"]), *named]


def _kind(old: Json | None, new: Json | None) -> str | None:
    """Return the kind of a cell's change, None where it did not change."""
    failed, fails = bool(old and old["failure"]), bool(new and new["failure"])
    agreed, agrees = (bool(cell and cell["status"] in AGREEING) for cell in (old, new))
    if fails:
        return FAILING if not failed else STILL if _word(old) != _word(new) else None
    if agreed and agrees:
        return None
    if failed and new and new["status"] == SO_FAR:
        return CHANGED
    if agreed != agrees:
        return MISSING if agreed else FIXED if failed else RUN
    if failed or (new and new["status"] in (CRASHED, PARTLY) and _word(old) == NOT_RUN):
        return MISSING
    return CHANGED if _word(old) != _word(new) else None


def _tests(before: Json, after: Json) -> Iterator[Change]:
    """Yield tests that fail, or left no result, for another reason than a kernel."""
    olds, news = (_keyed(found["errors"], lambda each: each["test"]) for found in (before, after))
    outcomes, earlier = after["tests"]["outcomes"], before["tests"]["outcomes"]
    for test, error in news.items():
        kind = MISSING if error["outcome"] == "skipped" else FAILING
        if test not in olds:
            yield Change(kind, test, earlier.get(test, NOT_RUN), _reason(error))
        elif _reason(olds[test]) != _reason(error):
            yield Change(STILL, test, _reason(olds[test]), _reason(error))
    for test, error in olds.items():
        if outcomes.get(test) == "passed":
            yield Change(FIXED, test, _reason(error), "passed")
    for name in after["unreached"]:
        if name not in before["unreached"]:
            yield Change(LOST, name, "", "never reached")


def _gone(before: Json, after: Json) -> Iterator[Change]:
    """Yield tests that ran, and now did not."""
    outcomes, earlier = after["tests"]["outcomes"], before["tests"]["outcomes"]
    for word in ("missing", "left out"):
        ran = [
            test
            for test, outcome in outcomes.items()
            if outcome == word and earlier.get(test, word) not in ("missing", "left out")
        ]
        if ran:
            yield Change(MISSING, f"tests ({len(ran):,})", "ran", f"{word}: {', '.join(ran[:3])}")
    gone = [
        test
        for test, outcome in earlier.items()
        if test not in outcomes and outcome not in ("missing", "left out")
    ]
    if gone and not after["tests"]["whole"]:
        yield Change(MISSING, f"tests ({len(gone):,})", "ran", f"not there: {min(gone)}")


def _reason(error: Json) -> str:
    return f"{error['outcome']}: {error['message'].partition(chr(10))[0]}"


def _entries(before: Json, after: Json) -> Iterator[Change]:
    for table in ("ledger", "domain"):
        for (name,), old, new in _pairs(before[table], after[table], "id"):
            was, now = old["status"], new["status"]
            if was != now:
                kind = FAILING if now == "does not hold" else MISSING if now == NOT_RUN else FIXED
                kind = RUN if (was, now) == (NOT_RUN, "holds") else kind
                yield Change(kind, f"{table}, {name}", was, now)


def _refactor(before: Json, after: Json) -> Iterator[Change]:
    lists = (found.get("refactor", []) for found in (before, after))
    for (operation,), old, new in _pairs(*lists, "operation"):
        was, now = old["verdict"], new["verdict"]
        if was == now:
            continue
        if not {was, now} <= set(_LIKENESS):
            kind = MISSING if was in _LIKENESS else RUN
        else:
            worse = _LIKENESS.index(now) > _LIKENESS.index(was)
            kind = (FAILING if now == "wrong" else LESS) if worse else MORE
        yield Change(kind, f"{operation}, beside {new['replaces']}", was, now)


def _accuracy(before: Json, after: Json, failing: set[str]) -> Iterator[Change]:
    """Yield changes of errors, but for operations that fail: their counts end early."""
    for key, old, new in _pairs(before["cells"], after["cells"], "operation", "property", "dtype"):
        what = ", ".join(key)
        if key[0] in failing:
            continue
        if old["worst"] and new["worst"]:
            ratio = new["worst"] / old["worst"]
            if not 1 / _WORST < ratio < _WORST:
                shown = (f"worst error {each['worst']:.3g} of the bound" for each in (old, new))
                yield Change(LESS if ratio > 1 else MORE, what, *shown)
        if bool(old["suspicious"]) != bool(new["suspicious"]):
            shown = (f"{each['suspicious']:,} suspiciously large errors" for each in (old, new))
            yield Change(LESS if new["suspicious"] else MORE, what, *shown)
    for key, old, new in _pairs(before["accuracy"], after["accuracy"], "operation", "dtype"):
        sizes = [_mean(each["distribution"]) for each in (old, new)]
        if key[0] in failing or None in sizes:
            continue
        was, now = (size for size in sizes if size is not None)
        if abs(now - was) > _threshold(before, after, key[0]):
            shown = (f"errors of {2**-size:.2g} of the bound on average" for size in (was, now))
            yield Change(LESS if now < was else MORE, ", ".join(key), *shown)


def _mean(distribution: list[int]) -> float | None:
    total = sum(distribution)
    halvings = sum(min(k, _SMALLEST) * count for k, count in enumerate(distribution))
    return halvings / total if total else None


def _threshold(before: Json, after: Json, operation: str) -> float:
    """Return by how many halvings errors differ at least where it is not by chance."""
    drawn = ("profile", "seed", "case")
    if all(before["asked"][name] == after["asked"][name] for name in drawn):
        return _HALVINGS
    counts = [
        each["geometries"]
        for found in (before, after)
        for each in found["random"]
        if each["operation"] == operation
    ]
    return max(_HALVINGS, _NOISE / math.sqrt(min(counts, default=1)))


def _coverage(before: Json, after: Json, failing: set[str]) -> Iterator[Change]:
    """Yield changes of what was covered, but for operations that fail."""
    for table, (names, count, shown) in _TABLES.items():
        olds, news = (
            _by(names, (each for each in found[table] if each[count])) for found in (before, after)
        )
        for key in {**olds, **news}:
            old, new = olds.get(key), news.get(key)
            was, now = (each[count] if each else 0 for each in (old, new))
            texts = [shown(each) if each else "none" for each in (old, new)]
            kind = LOST if now < was else GAINED if now > was else CHANGED
            little = table in _COUNTED and _alike(was, now)
            if key[0] not in failing and texts[0] != texts[1] and not little:
                yield Change(kind, ", ".join([table, *key]), *texts)
    for key, old, new in _pairs(before["cells"], after["cells"], "operation", "property", "dtype"):
        was, now = (each["counts"].get("agrees", 0) for each in (old, new))
        if key[0] not in failing and was and now and not _alike(was, now):
            texts = [f"{count:,} cases agree" for count in (was, now)]
            yield Change(LOST if now < was else GAINED, ", ".join(key), *texts)


def _alike(was: int, now: int) -> bool:
    return was < _COUNT * now and now < _COUNT * was


def _certified(each: Json) -> str:
    return f"{each['certified']:,} of {each['geometries']:,} geometries: {each['region']}"


# What is covered: by what it is known, what counts, and in words.
_TABLES: dict[str, tuple[tuple[str, ...], str, Callable[[Json], str]]] = {
    "certificates": (("operation",), "certified", _certified),
    "boundaries": (("operation", "class"), "count", lambda each: f"{each['count']:,} cases"),
    "pairs": (
        ("operation", "kind"),
        "reached",
        lambda each: f"{each['reached']:,} of {each['pairs']:,} pairs",
    ),
    "random": (
        ("operation",),
        "geometries",
        lambda each: f"{each['geometries']:,} random geometries",
    ),
}
_COUNTED = ("boundaries", "random")


def _strength(before: Json, after: Json) -> Iterator[Change]:
    """Yield mistakes that the suite misses in one report, and not in the other."""
    old, new = (found.get("strength") or {"missed": {}} for found in (before, after))
    for profile in old["missed"].keys() & new["missed"].keys():
        was, now = (set(each["missed"][profile]) for each in (old, new))
        for name in sorted(now - was):
            yield Change(LOST, f"{name}, {profile}", "", "missed")
        for name in sorted(was - now):
            yield Change(GAINED, f"{name}, {profile}", "missed", "")


def _surroundings(old: Json, new: Json) -> Iterator[Change]:
    """Yield what was asked for, or ran, that was not the same."""
    olds, news = (
        _flat(report["findings"]["asked"])
        | _flat({name: report["circumstances"][name] for name in _RAN_ON})
        for report in (old, new)
    )
    for key in {**olds, **news}:
        was, now = (str(each.get(key)) for each in (olds, news))
        if was != now:
            yield Change(CHANGED, key, was, now)


def _flat(values: Json) -> Json:
    return {
        f"{name}, {key}" if key else name: each
        for name, value in values.items()
        for key, each in (value.items() if isinstance(value, dict) else [("", value)])
    }

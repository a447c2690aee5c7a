"""What changed from one report to another, and what of it is worse.

Accuracy is compared by the mean size of errors, in halvings of the bound, where what is
below 1/16 of it counts as 1/16: numbers so small are often exact by accident.  On the same
cases, other orders of summation moved that mean by up to 0.3 halvings where this was
measured, and sums in a narrower format by 0.5 and more; other draws of 100 geometries moved
it by up to 0.4, of 20 by 0.8.  The worst error hangs on one case: other draws changed it by
up to 3 times.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from convcheck.reports.document import (
    FAILS_TO,
    LEFT_OUT,
    UNSEEN,
    Error,
    Findings,
    Report,
    differences,
    plain,
)
from convcheck.reports.document import MISSING as GONE
from convcheck.reports.rows import AGREEING, CRASHED, NOT_RUN, PARTLY, SO_FAR, Cell, Row, by

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

_NOT_THERE = "not there"

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


def compare(old: Report, new: Report) -> list[Change]:
    """Return what changed from one report to another, the worst first."""
    before, after = old.findings, new.findings
    failing = {each.operation for found in (before, after) for each in found.cells if each.failure}
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


R = TypeVar("R", bound=Row)


def _pairs(old: Iterable[R], new: Iterable[R]) -> Iterator[tuple[tuple[str, ...], R, R]]:
    """Yield the rows that both lists have, with their key, in the order of the newer."""
    before = {each.key: each for each in old}
    yield from ((each.key, before[each.key], each) for each in new if each.key in before)


def _cells(before: Findings, after: Findings) -> Iterator[Change]:
    """Yield changes of cells, those of several dtypes that changed alike as one."""
    olds, news = ({each.key: each for each in found.cells} for found in (before, after))
    alike: dict[tuple[str, ...], list[tuple[str, Cell | None, Cell | None]]] = {}
    for operation, prop, dtype in {**olds, **news}:
        key = operation, prop, dtype
        one, other = olds.get(key), news.get(key)
        if kind := _kind(one, other):
            told = kind, f"{operation}, {prop}", *_brief(one), "to", *_brief(other)
            alike.setdefault(told, []).append((dtype, one, other))
    for (kind, what, *_), (first, *others) in alike.items():
        dtypes = " and ".join([first[0], *(dtype for dtype, *_ in others)])
        yield Change(kind, f"{what}, {dtypes}", _word(first[1]), _word(first[2]))


def _word(cell: Cell | None) -> str:
    outcome, *named = _brief(cell)
    failure = cell.failure if cell else None
    return f"{outcome}: {'; '.join([*named, failure.case])}" if failure else outcome


def _brief(cell: Cell | None) -> list[str]:
    """Return the outcome of a cell, and what is known of its failure in every case."""
    if cell is None:
        return [NOT_RUN]
    failure = cell.failure
    if failure is None:
        return [cell.status]
    return [failure.outcome, *(each.sentence for each in failure.names)]


def _kind(old: Cell | None, new: Cell | None) -> str | None:
    """Return the kind of a cell's change, None where it did not change."""
    failed, fails = bool(old and old.failure), bool(new and new.failure)
    agreed, agrees = (bool(cell and cell.status in AGREEING) for cell in (old, new))
    if fails:
        return FAILING if not failed else STILL if _word(old) != _word(new) else None
    if agreed and agrees:
        return None
    if failed and new and new.status == SO_FAR:
        return CHANGED
    if agreed != agrees:
        return MISSING if agreed else FIXED if failed else RUN
    if failed or (new and new.status in (CRASHED, PARTLY) and _word(old) == NOT_RUN):
        return MISSING
    return CHANGED if _word(old) != _word(new) else None


def _tests(before: Findings, after: Findings) -> Iterator[Change]:
    """Yield tests that fail, or left no result, for another reason than a kernel."""
    olds, news = ({each.test: each for each in found.errors} for found in (before, after))
    outcomes, earlier = after.tests.outcomes, before.tests.outcomes
    for test, error in news.items():
        kind = MISSING if error.outcome == "skipped" else FAILING
        if test not in olds:
            yield Change(kind, test, earlier.get(test, NOT_RUN), _reason(error))
        elif _reason(olds[test]) != _reason(error):
            yield Change(STILL, test, _reason(olds[test]), _reason(error))
    for test, error in olds.items():
        if outcomes.get(test) == "passed":
            yield Change(FIXED, test, _reason(error), "passed")
    for name in after.unreached:
        if name not in before.unreached:
            yield Change(LOST, name, "", "never reached")


def _gone(before: Findings, after: Findings) -> Iterator[Change]:
    """Yield tests that ran, and now did not."""
    ran = [test for test, ended in before.tests.outcomes.items() if ended not in (GONE, LEFT_OUT)]
    now = by(ran, lambda test: after.tests.outcomes.get(test, _NOT_THERE))
    for word in (GONE, LEFT_OUT, *(() if after.tests.whole else (_NOT_THERE,))):
        if tests := now.get(word):
            shown = f"{word}: {', '.join(tests[:3])}"
            yield Change(MISSING, f"tests ({len(tests):,})", "ran", shown)


def _reason(error: Error) -> str:
    return f"{error.outcome}: {error.message.partition(chr(10))[0]}"


def _entries(before: Findings, after: Findings) -> Iterator[Change]:
    for table in ("ledger", "domain"):
        olds = {each.id: each.status for each in getattr(before, table)}
        for each in getattr(after, table):
            was, now = olds.get(each.id, each.status), each.status
            better = RUN if was == UNSEEN else FIXED
            if was != now:
                kind = {FAILS_TO: FAILING, UNSEEN: MISSING}.get(now, better)
                yield Change(kind, f"{table}, {each.id}", was, now)


def _refactor(before: Findings, after: Findings) -> Iterator[Change]:
    for _, old, new in _pairs(before.refactor, after.refactor):
        was, now = old.verdict, new.verdict
        if was == now:
            continue
        if not {was, now} <= set(_LIKENESS):
            kind = MISSING if was in _LIKENESS else RUN
        else:
            worse = _LIKENESS.index(now) > _LIKENESS.index(was)
            better = FIXED if was == "wrong" else MORE
            kind = (FAILING if now == "wrong" else LESS) if worse else better
        yield Change(kind, f"{new.operation}, beside {new.replaces}", was, now)


def _accuracy(before: Findings, after: Findings, failing: set[str]) -> Iterator[Change]:
    """Yield changes of errors, but for operations that fail: their counts end early."""
    for key, old, new in _pairs(before.cells, after.cells):
        what = ", ".join(key)
        if key[0] in failing:
            continue
        if old.worst and new.worst:
            ratio = new.worst / old.worst
            if not 1 / _WORST < ratio < _WORST:
                shown = (f"worst error {each.worst:.3g} of the bound" for each in (old, new))
                yield Change(LESS if ratio > 1 else MORE, what, *shown)
        if bool(old.suspicious) != bool(new.suspicious):
            shown = (f"{each.suspicious:,} suspiciously large errors" for each in (old, new))
            yield Change(LESS if new.suspicious else MORE, what, *shown)
    for key, one, other in _pairs(before.accuracy, after.accuracy):
        was, now = (_mean(each.distribution) for each in (one, other))
        if key[0] in failing or was is None or now is None:
            continue
        if abs(now - was) > _threshold(before, after, key[0]):
            shown = (f"errors of {2**-size:.2g} of the bound on average" for size in (was, now))
            yield Change(LESS if now < was else MORE, ", ".join(key), *shown)


def _mean(distribution: list[int]) -> float | None:
    total = sum(distribution)
    halvings = sum(min(k, _SMALLEST) * count for k, count in enumerate(distribution))
    return halvings / total if total else None


def _threshold(before: Findings, after: Findings, operation: str) -> float:
    """Return by how many halvings errors differ at least where it is not by chance."""
    drawn = ("profile", "seed", "case")
    if all(getattr(before.asked, name) == getattr(after.asked, name) for name in drawn):
        return _HALVINGS
    counts = [
        each.geometries
        for found in (before, after)
        for each in found.random
        if each.operation == operation
    ]
    return max(_HALVINGS, _NOISE / math.sqrt(min(counts, default=1)))


def _coverage(before: Findings, after: Findings, failing: set[str]) -> Iterator[Change]:
    """Yield changes of what was covered, but for operations that fail."""
    olds, news = (
        {key: covered for key, covered in _covered(found) if covered[0]}
        for found in (before, after)
    )
    for place in {**olds, **news}:
        (was, old), (now, new) = (each.get(place, (0, "none")) for each in (olds, news))
        kind = LOST if now < was else GAINED if now > was else CHANGED
        little = place[0] in _COUNTED and _alike(was, now)
        if place[1] not in failing and old != new and not little:
            yield Change(kind, ", ".join(place), old, new)
    for key, one, other in _pairs(before.cells, after.cells):
        was, now = (each.counts.get("agrees", 0) for each in (one, other))
        if key[0] not in failing and was and now and not _alike(was, now):
            texts = [f"{count:,} cases agree" for count in (was, now)]
            yield Change(LOST if now < was else GAINED, ", ".join(key), *texts)


def _covered(found: Findings) -> Iterator[tuple[tuple[str, ...], tuple[int, str]]]:
    """Yield table and key of what is covered, what counts of it, and that in words."""
    for each in found.certificates:
        told = f"{each.certified:,} of {each.geometries:,} geometries: {each.region}"
        yield ("certificates", each.operation), (each.certified, told)
    for row in found.boundaries:
        yield ("boundaries", *row.key), (row.count, f"{row.count:,} cases")
    for pair in found.pairs:
        told = f"{pair.reached:,} of {pair.pairs:,} pairs"
        yield ("pairs", *pair.key), (pair.reached, told)
    for drawn in found.random:
        told = f"{drawn.geometries:,} random geometries"
        yield ("random", *drawn.key), (drawn.geometries, told)


def _alike(was: int, now: int) -> bool:
    return was < _COUNT * now and now < _COUNT * was


_COUNTED = ("boundaries", "random")


def _strength(before: Findings, after: Findings) -> Iterator[Change]:
    """Yield mistakes that the suite misses in one report, and not in the other."""
    old, new = (found.strength.missed if found.strength else {} for found in (before, after))
    for profile in sorted(old.keys() & new.keys()):
        was, now = (set(each[profile]) for each in (old, new))
        for name in sorted(now - was):
            yield Change(LOST, f"{name}, {profile}", "", "missed")
        for name in sorted(was - now):
            yield Change(GAINED, f"{name}, {profile}", "missed", "")


def _surroundings(old: Report, new: Report) -> Iterator[Change]:
    """Yield what was asked for, or ran, that was not the same."""
    asked = (
        plain(each.findings.asked)
        | {name: plain(getattr(each.circumstances, name)) for name in _RAN_ON}
        for each in (old, new)
    )
    for place, was, now in differences(*asked):
        yield Change(CHANGED, ", ".join(place), str(was), str(now))

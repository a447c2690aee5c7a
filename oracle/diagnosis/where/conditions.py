"""Where a kernel is wrong: a statement about sizes that holds of every geometry that was tried.

A statement that parts wrong from right on what happened to be tried may do so by chance.  So each
one that is found is tried on further geometries, chosen to refute it: some on which it holds, and
some on which it just fails to.  What survives is told as exact, with the number of geometries.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array

from .claims import Backing, Claim, Link
from .grids import grid
from .parameters import of_parameters
from .scan import VARIED, Draw, Scan, changed, in_words, neighbours, numbers_in
from .statements import (
    Statement,
    at_threshold,
    both,
    columns_of,
    statements,
    word,
)

_GENERAL, _SMALL = 80, 160
"""geometries drawn at random, whatever failed, and small ones among them"""
_ROUNDS = 5
_PER_CLAUSE = 40
_FRESH = 4
"""geometries on which a condition must have come true, found before they were asked for"""
_POOL, _TIMES = 400, 3
_FEW = 3
"""geometries that must be wrong, and right, before anything is said"""
_MOST = 4
"""statements that together make a condition"""
_MUCH, _PLAIN = 0.6, 0.05
"""the share of right geometries that a further statement may leave, and what its cost counts"""


def condition(scan: Scan, geometry: Geometry, deed: str) -> Claim | None:
    """Return where the kernel does `deed`, as it does on `geometry`, if that can be said.

    The kernel is asked on geometries around that one, and on others, which `scan` keeps.
    """
    taken = scan.subject.taken
    draw = Draw(scan.operation, seed=1, taken=taken)
    scan.ask([geometry, *neighbours(scan.operation, geometry, taken)])
    scan.ask(draw.small() for _ in range(_SMALL))
    scan.ask(draw.geometry() for _ in range(_GENERAL))
    deeds = set(scan.deeds()) - {""}
    return (_found(scan, draw, "") if len(deeds) > 1 else None) or _found(scan, draw, deed)


def _found(scan: Scan, draw: Draw, deed: str) -> Claim | None:
    """Return where the kernel does `deed`, or anything wrong, once nothing refutes it any more."""
    for _ in range(_ROUNDS):
        parts = None if scan.lost else _parting(scan, deed)
        if parts is None:
            return None
        parts = _settled(scan, parts)
        before = len(scan.verdicts)
        _refute(scan, draw, parts)
        parts = _settled(scan, _telling(scan, parts, deed, 1))
        found = both(parts)
        numbers, wrong = _split(scan, deed)
        if (found.holds(numbers) == wrong).all():
            fresh = found.holds(scan.numbers())[before:].sum() >= _FRESH
            return _claim(scan, found, deed) if fresh else None
    return None


def _settled(scan: Scan, parts: Sequence[Statement]) -> list[Statement]:
    """Return statements with thresholds as near as further tries can tell."""
    return [
        _bounded(scan, [*parts[:at], *parts[at + 1 :]], _bisected(scan, each))
        for at, each in enumerate(parts)
    ]


def confined(scan: Scan) -> Claim | None:
    """Return where alone the kernel is wrong that is right on some of it, if that can be said.

    `scan` has asked the kernel already, and no condition parts wrong from right.
    """
    draw = Draw(scan.operation, seed=3, taken=scan.subject.taken)
    for _ in range(_ROUNDS):
        parts = [] if scan.lost else _settled(scan, _confining(scan))
        if not parts:
            return None
        before = len(scan.verdicts)
        _refute(scan, draw, parts)
        parts = _settled(scan, _telling(scan, parts, "", _FRESH))
        found = both(parts)
        numbers, wrong = _split(scan, "")
        inside = found.holds(numbers)
        if not scan.lost and inside[wrong].all():
            if found.holds(scan.numbers())[before:].sum() < _FRESH:
                return None
            return Claim(
                *in_words(*(set(scan.deeds()) - {""})),
                Link.ONLY,
                found.words,
                f"in {wrong.sum()} of {inside.sum()} geometries tried there",
                backing=Backing(numbers_in(scan.case), "", found, always=False),
                grid=grid(numbers, wrong, found),
            )
    return None


def _confining(scan: Scan) -> list[Statement]:
    """Return few plain statements that leave the kernel wrong on much of what they hold of."""
    numbers, wrong = _split(scan, "")
    candidates = _necessary(scan, "")
    left = [each.holds(numbers)[~wrong] for each in candidates]
    open_ = np.ones((~wrong).sum(), bool)
    chosen: list[Statement] = []
    while candidates and len(chosen) < _MOST - 1:
        shares = [(each & open_).sum() / max(open_.sum(), 1) for each in left]
        best = min(range(len(left)), key=lambda at: shares[at] + _PLAIN * candidates[at].cost)
        if shares[best] > _MUCH:
            break
        chosen.append(candidates[best])
        open_ &= left[best]
    return chosen if open_.sum() <= 2 * wrong.sum() else []


def _telling(scan: Scan, parts: Sequence[Statement], deed: str, least: int) -> Sequence[Statement]:
    """Return the statements without which so many more geometries would be right at least.

    Without more that are right where one statement alone does not hold, little speaks for it.
    """
    numbers, wrong = _split(scan, deed)
    for each in sorted(parts, key=lambda part: -part.cost):
        others = [other for other in parts if other is not each]
        if others and (both(others).holds(numbers) & ~each.holds(numbers) & ~wrong).sum() < least:
            parts = others
    return parts


def _claim(scan: Scan, found: Statement, deed: str) -> Claim:
    deeds = scan.deeds()
    does = sorted({deed} if deed else set(deeds) - {""})
    others = Counter(each for each in deeds if each not in ("", *does))
    # Where it holds, the kernel may be wrong in another way.
    mixed = bool(others) and any(np.isin(deeds, [*others]) & found.holds(scan.numbers()))
    share = f"in {len(deeds)} geometries tried"
    if others:
        share += f"; in {others.total()} of them it {' or '.join(sorted(others))}"
    return Claim(
        *in_words(*does),
        Link.ONLY if mixed else Link.EXACTLY,
        found.words,
        share,
        backing=Backing(numbers_in(scan.case), deed, found),
        grid=grid(*_split(scan, deed), found),
    )


def _split(scan: Scan, deed: str) -> tuple[dict[str, Array], Array]:
    """Return the numbers of geometries, and which of them are wrong in that way, or in any.

    Those that are wrong in another way say nothing.
    """
    deeds = np.array(scan.deeds())
    wrong = (deeds == deed) if deed else (deeds != "")
    told = wrong | (deeds == "")
    return {name: column[told] for name, column in scan.numbers().items()}, wrong[told]


def _parting(scan: Scan, deed: str) -> list[Statement] | None:
    """Return the plainest statement, or few together, that part wrong from right."""
    candidates = _necessary(scan, deed)
    if not candidates:
        return None
    numbers, wrong = _split(scan, deed)
    return _cover(candidates, np.array([each.holds(numbers)[~wrong] for each in candidates]))


def _necessary(scan: Scan, deed: str) -> list[Statement]:
    """Return statements that hold wherever the kernel is wrong, the plainest first."""
    if not scan.verdicts:
        return []
    numbers, wrong = _split(scan, deed)
    if wrong.sum() < _FEW or (~wrong).sum() < _FEW:
        return []
    known: dict[bytes, Statement] = {}
    for each in (*statements(numbers), *of_parameters(numbers)):
        truth = each.holds(numbers)
        if truth[wrong].all() and not truth.all():
            key = truth.tobytes()
            if key not in known or each.cost < known[key].cost:
                known[key] = each
    return sorted(known.values(), key=lambda each: each.cost)


def _cover(candidates: Sequence[Statement], left: Array) -> list[Statement] | None:
    """Return few plain statements that are never all true where the kernel is right.

    `left` has a row for each: where the kernel is right and the statement true all the same.
    """
    alone = ~left.any(axis=1)
    if alone.any():
        return [candidates[int(np.argmax(alone))]]
    costs = np.array([each.cost for each in candidates])
    chosen: list[int] = []
    open_ = np.ones(left.shape[1], bool)
    while len(chosen) <= _MOST - 2:
        now = left[:, open_].astype(np.float32)
        together = now @ now.T < 0.5
        if together.any():
            total = np.where(together, np.add.outer(costs, costs), np.inf)
            pair = np.unravel_index(int(np.argmin(total)), total.shape)
            return [candidates[at] for at in (*chosen, *map(int, pair))]
        best = int(np.argmin(now.sum(axis=1) + 1e-3 * costs))
        if now[best].sum() == open_.sum():
            return None
        chosen.append(best)
        open_ &= left[best]
    return None


def _bisected(scan: Scan, statement: Statement) -> Statement:
    """Return a statement about one size with a threshold as near as further tries can tell."""
    if statement.threshold is None or statement.threshold[0] not in VARIED:
        return statement
    name, compare, value = statement.threshold
    for verdict in scan.wrong:
        geometry = verdict.case.geometry
        right = [at for at in _right_along(scan, geometry, name) if not statement.holds({name: at})]
        if scan.number(geometry, name) != value or not right:
            continue
        known, beyond = value, min(right, key=lambda at: abs(at - value))
        while abs(known - beyond) > 1:
            middle = (known + beyond) // 2
            between = changed(geometry, {name: middle})
            scan.ask([between] if between else [])
            if between not in scan.verdicts:
                break
            if scan.verdicts[between].failed:
                known = middle
            else:
                beyond = middle
        return at_threshold(name, compare, known)
    return at_threshold(name, compare, value)


def _right_along(scan: Scan, geometry: Geometry, name: str) -> list[int]:
    """Return the values of one size with which the kernel is right, all others unchanged."""
    right = (
        (other, scan.number(other, name)) for other, v in scan.verdicts.items() if not v.failed
    )
    return [value for other, value in right if changed(geometry, {name: value}) == other]


def _bounded(scan: Scan, others: Sequence[Statement], statement: Statement) -> Statement:
    """Return a statement about one number, told with how little is known of where it begins.

    The others hold besides where the kernel is wrong.
    """
    if statement.threshold is None:
        return statement
    name, compare, value = statement.threshold
    numbers, holds = scan.numbers(), statement.holds(scan.numbers())
    failed = np.array([each.failed for each in scan.verdicts.values()])
    right = ~failed & ~holds
    for each in others:
        right &= each.holds(numbers)
    known, wrong = numbers[name][right].tolist(), numbers[name][failed & holds].tolist()
    if compare == ">=":
        limit, low, high = "above a limit", max(known, default=0), min(wrong) - 1
    else:
        most = max(wrong)
        limit, low, high = "at most a limit", most, min(known, default=most + 1) - 1
    if low == high:
        exact = low + (compare == ">=")
        return statement if exact == value else at_threshold(name, compare, exact)
    words = f"{word(name)} is {limit} from {low} to {high}"
    return replace(statement, words=words, doubts=((name, low + 1, high),))


def _refute(scan: Scan, draw: Draw, parts: Sequence[Statement]) -> None:
    """Ask where statements may come untrue: the more is said, the more often."""
    for _ in parts[:_TIMES]:
        scan.ask(_refuting(scan, draw, parts))


def _refuting(scan: Scan, draw: Draw, parts: Sequence[Statement]) -> list[Geometry]:
    """Return geometries on which all parts hold, or all but one, or few of them."""
    wrong = [each.case.geometry for each in scan.wrong]
    pool = [draw.geometry() for _ in range(_POOL // 4)]
    pool += [draw.small() for _ in range(_POOL // 4)]
    about = {name for each in parts for name in each.names}
    for names in ((), about):
        pool += filter(None, (draw.mutated(wrong[at % len(wrong)], names) for at in range(_POOL)))
    pool = [each for each in dict.fromkeys(pool) if each not in scan.verdicts]
    if not pool:
        return []
    numbers = columns_of(scan.operation, pool)
    truths = np.array([each.holds(numbers) for each in parts])
    failing = (~truths).sum(axis=0)
    groups = [failing == 0, failing > 1, *((failing == 1) & ~truth for truth in truths)]
    places = map(np.flatnonzero, groups)
    # Some of each kind of the pool.
    spread = (each[:: max(1, len(each) // _PER_CLAUSE)][:_PER_CLAUSE] for each in places)
    return [pool[at] for each in spread for at in each]

"""Every geometry of a region judged exactly, and what agreement on all of them is worth.

Each geometry of a region is judged in exact mode, on as many draws of random integers as
asked for.  The geometries come by rank, the simplest first, and the first disagreement
ends it: so it is on the simplest geometry that has one.

What agreement means (see `judge`): if a kernel that is a polynomial of degree at most d in
its inputs is wrong on a geometry, one draw from |S| integers an input hides that with a
chance of at most d / |S|, or 1 - (1 - 1/|S|)**d if it is multilinear.  A kernel that is
wrong somewhere in the region must be lucky there, so the largest of these over the region
bounds the chance that it is certified; independent draws multiply.  Of kernels that look at
their data before they compute, this says nothing.  Of kernels that round even integers (see
`promises`) it says nothing of polynomials whose coefficients are no integers, either.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from convcheck.cases.case import Case, require_seed
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.form.operations import Kernel

from .judge import judge, judge_all
from .verdicts import Outcome, Verdict

# Draws beyond the ones asked for, where right results happen to be zero everywhere.
MOST_DRAWS = 64

# Judged together, since that is faster.
_BATCH = 64


def false_acceptance(degree: int, choices: int, draws: int = 1) -> float:
    """Return a bound on the chance that a wrong kernel agrees on every draw.

    Schwartz and Zippel's degree / choices; where that says nothing, since choices <= degree,
    1 - (1 - 1 / choices)**degree, which supposes that the kernel is multilinear.

    Args:
        degree: of the polynomial that the kernel computes.
        choices: how many integers each input is drawn from.
        draws: how many independent draws agreed.
    """
    once = degree / choices if choices > degree else 1 - (1 - 1 / choices) ** degree
    return float(once**draws)


def enumerate_region(
    kernel: Kernel,
    region: Region | ParameterRegion,
    *,
    draws: int,
    seed: int,
    shard: int = 0,
    shards: int = 1,
    span: range | None = None,
) -> Iterator[tuple[int, list[Verdict]]]:
    """Yield rank and verdicts of each geometry by rank; after one that failed, stop.

    A draw on which every right result is zero does not count, and the next seed's is taken.
    Shards and span are as in `Region.geometries`.
    """
    if draws < 1:
        raise ValueError(f"draws={draws!r}: expected an integer of at least 1")
    require_seed(seed)
    geometries = region.geometries(shard, shards, span=span)
    while batch := list(islice(geometries, _BATCH)):
        cases = [
            Case(region.operation, geometry, dtype, "integers", seed)
            for _, geometry, dtype in batch
        ]
        for (rank, _, _), first in zip(batch, judge_all(kernel, cases), strict=True):
            verdicts = _all_draws(first, draws)
            yield rank, verdicts
            if verdicts[-1].failed:
                return


def _all_draws(first: Verdict, draws: int) -> list[Verdict]:
    """Return verdicts on all draws: until enough agree, or one decides otherwise."""
    verdicts, agreed = [first], int(first.outcome is Outcome.AGREES)
    while agreed < draws and verdicts[-1].outcome in (Outcome.AGREES, Outcome.VACUOUS):
        if len(verdicts) == draws + MOST_DRAWS:
            break
        seed = (first.case.seed + len(verdicts)) % 2**64
        verdicts.append(judge(first.subject, replace(first.case, seed=seed)))
        agreed += verdicts[-1].outcome is Outcome.AGREES
    return verdicts

"""Certificates: exact agreement over a whole region, and what that is worth.

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

import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Self

from convcheck.cases.case import Case, require_seed
from convcheck.cases.regions import Region
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Kernel, operation_named
from convcheck.form.pytorch import one_thread
from convcheck.kernels.promises import DIRECT
from convcheck.kernels.shown.progress import ProgressLine

from .cross_check import cross_check
from .judge import judge, judge_all
from .oracles import ORACLES
from .verdicts import Outcome, Verdict

# Draws beyond the ones asked for, where right results happen to be zero everywhere.
MOST_DRAWS = 64

# Judged together, since that is faster.
_BATCH = 64


@dataclass(kw_only=True)
class Counted:
    """What was found on some geometries of a region; with what was found on others it adds up."""

    agreed: int = 0
    """geometries on which the kernel agreed on every draw"""
    undecided: int = 0
    """geometries on which exact mode has no integers, or no right result but zero"""
    judged: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    """judged cases by dtype and outcome"""
    choices: dict[str, int] = field(default_factory=dict)
    """the smallest |S| that was drawn from, by dtype"""
    rounded: bool = False
    """whether results were rounded to integers before they were compared"""
    axes: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    """by extent (of the wide side), taps and stride: certified geometries with such an axis,
    and the largest extent that their other axis had"""

    def __iadd__(self, other: "Counted") -> Self:
        """Add what was found on other geometries."""
        self.agreed += other.agreed
        self.undecided += other.undecided
        self.judged += other.judged
        self.rounded |= other.rounded
        for dtype, choices in other.choices.items():
            self.choices[dtype] = min(choices, self.choices.get(dtype, choices))
        for axis, (more, longest) in other.axes.items():
            count, known = self.axes.get(axis, (0, 0))
            self.axes[axis] = count + more, max(known, longest)
        return self


@dataclass
class Certificate(Counted):
    """What is known of a kernel on a region so far."""

    region: Region
    draws: int
    planned: int
    """geometries of the region"""
    failure: Verdict | None = None
    """the first disagreement: none is on a simpler geometry"""
    interrupted: bool = False

    def add(self, verdicts: list[Verdict]) -> None:
        """Add the verdicts on one geometry, of which only the last may have failed."""
        agreed = 0
        for verdict in verdicts:
            self.judged[verdict.case.dtype, verdict.outcome] += 1
            agreed += verdict.outcome is Outcome.AGREES
        last, case = verdicts[-1], verdicts[0].case
        if last.failed:
            if self.failure is None:
                self.failure = last
        elif agreed < self.draws:
            self.undecided += 1
        else:
            promise, choices = last.subject.promise, 2 * (case.largest or 0)
            rounded = promise is not DIRECT and promise.rounds(case)
            axes = self._axes(case.geometry)
            self += Counted(agreed=1, choices={case.dtype: choices}, rounded=rounded, axes=axes)

    def _axes(self, geometry: Geometry) -> dict[tuple[int, int, int], tuple[int, int]]:
        rows, columns = operation_named(self.region.operation).spans(geometry)
        # Equal ones count once.
        both = {rows: columns, columns: rows}
        return {(one.wide, one.taps, one.stride): (1, other.wide) for one, other in both.items()}

    @property
    def complete(self) -> bool:
        """Whether the kernel agreed on all of the region, and nothing interrupted it."""
        return 0 < self.planned == self.agreed and self.failure is None and not self.interrupted

    def __bool__(self) -> bool:
        """Whether the region is certified: as `complete`, of a region that is not empty."""
        return self.complete

    def chance(self, dtype: str) -> float:
        """Return a bound on the chance that a wrong kernel got here; 1 if nothing is known."""
        if dtype not in self.choices:
            return 1.0
        degree = operation_named(self.region.operation).degree
        return false_acceptance(degree, self.choices[dtype], self.draws)

    @property
    def _state(self) -> str:
        if self.failure is not None:
            return "not certified"
        if self.complete:
            return "certified"
        if self.interrupted:
            return "interrupted"
        return "certified in part" if self.agreed else "nothing certified"

    def __repr__(self) -> str:
        """Return one short line, which pytest shows where a certificate is not true."""
        found = f"agreed on {self.agreed:,} of {self.planned:,} geometries"
        if self.failure is not None:
            found = f"{self.failure.outcome} on {self.failure.case}"
        return f"<Certificate {self.region.operation}: {self._state}; {found}>"

    def __str__(self) -> str:
        """Return what is certified, in words."""
        lines = {}
        if self.failure is not None:
            lines["failed"] = f"{self.failure.outcome} on {self.failure.case}"
        lines["agreed"] = f"on {self.agreed:,} of {self.planned:,} geometries"
        declined = sum(n for (_, each), n in self.judged.items() if each is Outcome.NOT_OFFERED)
        for count, word in ((self.undecided - declined, "undecided"), (declined, "not offered")):
            if count:
                lines["agreed"] += f"; {count:,} {word}"
        lines["region"] = str(self.region)
        dtypes = [dtype for dtype in self.region.dtypes if dtype in self.choices]
        chances = ", ".join(f"{self.chance(dtype):.2g} in {dtype}" for dtype in dtypes)
        degree = operation_named(self.region.operation).degree
        integers = " with integer coefficients" if self.rounded else ""
        lines["chance"] = (
            f"that a wrong kernel, a polynomial of degree {degree}{integers}, got so far: at most "
            f"{chances or 1} ({self.draws} draw{'s' * (self.draws > 1)} on each)"
        )
        text = [f"{self.region.operation}: {self._state}"]
        for name, line in lines.items():
            text += textwrap.wrap(
                line, 96, initial_indent=f"  {name}  ", subsequent_indent=" " * 10
            )
        return "\n".join(text)


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
    region: Region,
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


def certify(
    kernel: Kernel,
    region: Region,
    *,
    draws: int = 1,
    seed: int = 0,
    progress: Callable[[Certificate], None] | None = None,
) -> Certificate:
    """Judge `kernel` on every geometry of `region`, the simplest first.

    Args:
        kernel: as for `judge.judge`.
        region: which geometries, batches, channels and dtypes.
        draws: how many draws of integers on each.
        seed: of the first draw.
        progress: called after each geometry with the certificate so far.  By default,
            where standard error is a terminal, a line there tells of runs that take seconds.

    Returns:
        the certificate: of the whole region, or of what came before the first
        disagreement, or before Ctrl-C; then it is marked as interrupted.

    Raises:
        OracleError: the oracles contradict one another on a small fixed set, which is
            tried first.
        ValueError: `draws` is not positive.
    """
    cross_check(ORACLES, [operation_named(region.operation)])
    certificate = Certificate(region, draws, region.count())
    line = ProgressLine()
    try:
        with one_thread():
            for _, verdicts in enumerate_region(kernel, region, draws=draws, seed=seed):
                certificate.add(verdicts)
                if progress is not None:
                    progress(certificate)
                elif line.due:
                    done = certificate.agreed + certificate.undecided
                    line.write(f"{region.operation}: ", done, certificate.planned)
    except KeyboardInterrupt:
        certificate.interrupted = True
    finally:
        line.clear()
    return certificate

"""Certificates: what a region's enumeration found, added up and told.

What agreement on a whole region is worth stands in `judging.enumeration`, which judges it.
"""

import textwrap
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Kernel, operation_named
from convcheck.form.pytorch import one_thread
from convcheck.judging.cross_check import cross_check
from convcheck.judging.enumeration import enumerate_region, false_acceptance
from convcheck.judging.oracles import ORACLES
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.promises import DIRECT
from convcheck.kernels.shown.progress import ProgressLine

_MOST_CHOICES = 2**53
"""that are counted, since larger integers are not exact everywhere; fewer claim less"""


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

    region: Region | ParameterRegion
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
            # Of numbers that are returned as they are, there may be more than JSON has integers.
            choices = min(2 * (case.largest or 0), _MOST_CHOICES)
            promise = last.subject.promise
            rounded = promise is not DIRECT and promise.rounds(case)
            axes = self._axes(case.geometry)
            self += Counted(agreed=1, choices={case.dtype: choices}, rounded=rounded, axes=axes)

    def _axes(self, geometry: Geometry) -> dict[tuple[int, int, int], tuple[int, int]]:
        if isinstance(self.region, ParameterRegion):  # they are told by extent, taps and stride
            return {}
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


def certify(
    kernel: Kernel,
    region: Region | ParameterRegion,
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

"""Geometries drawn at random from a seed: what the Hypothesis suites look for, without a search."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.case import Case, nonfinite_fills
from convcheck.cases.numbers import Raw
from convcheck.conformance.references import laws_of, partners
from convcheck.conformance.shapes import draws
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, drawn_fills, judge_fills

# How many geometries agreement is judged on, as many as Hypothesis tries; of the others a quarter.
EXAMPLES = {"quick": 20, "default": 100, "thorough": 1000}
_SEEDS = 2**16
_STREAM = 3


@dataclass(frozen=True)
class _Drawn(Step):
    """Some geometries."""

    count: int
    seed: int

    def cases(self, subject: Subject) -> Iterator[tuple[Geometry, int]]:
        """Yield geometries, with what a kernel takes, and a seed for the numbers of each."""
        raw = Raw(self.seed, stream=_STREAM)
        for _ in range(self.count):
            drawn = draws.geometry(draws.Seeded(raw), self.operation, subject.taken)
            yield drawn, raw.below(_SEEDS)


@dataclass(frozen=True)
class DrawnAgreement(_Drawn):
    """Geometries on which results are equal on integers, and within the bound on real numbers."""

    fills = ("exact", "bound")

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another."""
        for geometry, seed in self.cases(subject):
            kinds = drawn_fills(self.operation, seed, geometry.bias)
            yield Judged(judge_fills(subject, kinds, geometry, seed), random=True)


@dataclass(frozen=True)
class DrawnNonfinite(_Drawn):
    """Geometries on which NaN and infinities reach the results that they enter, and no others."""

    fills = ("nonfinite data", "nonfinite others")

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another."""
        for geometry, seed in self.cases(subject):
            kinds = nonfinite_fills(self.operation, geometry.bias)
            yield Judged(judge_fills(subject, kinds, geometry, seed))


@dataclass(frozen=True)
class DrawnLaws(_Drawn):
    """Geometries on which the kernel agrees with itself as the laws demand."""

    fills = tuple(LAWS)

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another."""
        for geometry, seed in self.cases(subject):
            yield Judged(judge_laws(subject, geometry, seed))


def judge_laws(subject: Subject, geometry: Geometry, seed: int) -> list[Verdict]:
    """Judge a kernel by every law, on exact integers of every dtype."""
    name, others = subject.operation.name, partners()
    laws = laws_of(name, parameters=not geometry.is_plain)
    cases = [Case(name, geometry, dtype, "integers", seed) for dtype in subject.asked]
    return [judge_law(law, subject, case, others) for case in cases for law in laws]


def drawn(operation: Operation, effort: str, seed: int) -> Iterator[Step]:
    """Yield the steps of an operation: those whose geometries cost more have fewer."""
    count = EXAMPLES[effort]
    yield DrawnAgreement(operation, count, seed)
    yield DrawnNonfinite(operation, count // 4, seed)
    yield DrawnLaws(operation, count // 4, seed)

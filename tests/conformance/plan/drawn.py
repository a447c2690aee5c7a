"""Geometries drawn at random from a seed: what the Hypothesis suites look for, without a search."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.case import Case, Raw, agreement_fills, nonfinite_fills
from convcheck.conformance.references import laws_of, partners
from convcheck.conformance.shapes import draws
from convcheck.form.formats import DTYPES
from convcheck.form.operations import Operation
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, judge_fills

# How many geometries agreement is judged on, as many as Hypothesis tries; of the others a quarter.
EXAMPLES = {"quick": 20, "default": 100, "thorough": 1000}
_SEEDS = 2**16
_STREAM = 3


@dataclass(frozen=True)
class Drawn(Step):
    """Some geometries: exactly, within the bound, on NaN, and by the laws that need no oracle."""

    count: int
    seed: int

    fills = ("exact", "bound", "nonfinite data", "nonfinite others", *LAWS)

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another."""
        operation, raw = self.operation, Raw(self.seed, stream=_STREAM)
        for at in range(self.count):
            geometry = draws.geometry(draws.Seeded(raw), operation)
            seed = raw.below(_SEEDS)
            verdicts = judge_fills(subject, agreement_fills(operation), geometry, seed)
            yield Judged(verdicts, random=True)
            if at % 4 == 0:
                fills = nonfinite_fills(operation)
                yield Judged(judge_fills(subject, fills, geometry, seed))
                cases = [Case(operation.name, geometry, each, "integers", seed) for each in DTYPES]
                yield Judged(judge_laws(subject, cases))


def judge_laws(subject: Subject, cases: list[Case]) -> list[Verdict]:
    """Judge a kernel by every law, on cases with exact integers."""
    laws, others = laws_of(subject.operation.name), partners()
    return [judge_law(law, subject, case, others) for case in cases for law in laws]


def drawn(operation: Operation, effort: str, seed: int) -> Drawn:
    """Return the step of an operation."""
    return Drawn(operation, EXAMPLES[effort], seed)

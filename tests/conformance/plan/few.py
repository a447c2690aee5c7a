"""A kernel that compiles for each shape is judged on few of them, and in all ways on these."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.case import Case, agreement_fills, nonfinite_fills, value_fills
from convcheck.conformance.references import laws_of, partners
from convcheck.conformance.shapes.few import representative
from convcheck.form.geometry import Geometry
from convcheck.judging.judge import judge_all, not_offered
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, dtypes_of, fore_layers_of, promised, roomy

_SAID = (
    "compiles for each shape, and was judged on {} pairs of a shape and a dtype alone: nothing is "
    "certified, and threads, layers of networks, and laws about other shapes were not judged"
)


@dataclass(frozen=True)
class Few(Step):
    """One geometry in one dtype: numbers of every kind, and the laws that need no other shape."""

    geometry: Geometry
    dtype: str
    count: int
    """how many of them there are"""

    fills = ("exact", "bound", "nonfinite data", "nonfinite others", *LAWS)

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.operation.name}-{self.dtype}-{self.geometry}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on all fills at once, then by one law after another.

        What it does not declare is counted; of other dtypes other steps judge.
        """
        operation, bias = self.operation, self.geometry.bias
        yield Judged([], remarks={operation.name: _SAID.format(self.count)})
        fills = (
            *agreement_fills(operation, bias),
            "sparse",
            *value_fills(operation),
            *nonfinite_fills(operation, bias),
        )
        offered = dtypes_of(subject)
        for dtype in (self.dtype, *(each for each in subject.asked if each not in offered)):
            cases = [
                Case(operation.name, self.geometry, dtype, fill, seed=1)
                for fill in promised(subject, dtype, fills)
            ]
            yield Judged(judge_all(subject, cases))
            for law in laws_of(operation.name, parameters=bool(subject.taken.parameters)):
                yield Judged([judge_law(law, subject, cases[0], partners())])


def few(subject: Subject) -> tuple[Few, ...]:
    """Return a step for each shape and dtype, and have the kernel refuse all others from now on."""
    assert subject.shapes is not None, "declared"
    pairs = dict.fromkeys(_pairs(subject))
    chosen = [*pairs][: subject.shapes]
    subject.chosen = frozenset(chosen)
    return tuple(Few(subject.operation, *pair, len(chosen)) for pair in chosen)


def _pairs(subject: Subject) -> Iterator[tuple[Geometry, str]]:
    """Yield all pairs, those first that hold most: every geometry in one dtype, then in another."""
    operation, dtypes = subject.operation, dtypes_of(subject)
    geometries = representative(operation, fore_layers_of(subject), subject.taken)
    for turn in range(len(dtypes)):
        for at, geometry in enumerate(geometries, start=turn):
            first = at % len(dtypes)
            turned = dtypes[first:] + dtypes[:first]
            case = roomy([Case(operation.name, geometry, each, "integers", 1) for each in turned])[
                0
            ]
            if not_offered(subject, case, "exact") is None:
                yield geometry, case.dtype

"""Every boundary class is judged in every run."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.case import Case
from convcheck.conformance.shapes.boundaries import boundary_geometries, reachable
from convcheck.form.formats import DTYPES
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge_all
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, class_fills


@dataclass(frozen=True)
class Boundary(Step):
    """The fixed geometries of a class: exactly, within the bound, on zeros and on NaN."""

    kind: str
    """the class"""

    fills = ("exact", "bound", "nonfinite data", "nonfinite others")

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.operation.name}-{self.kind}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another."""
        operation, turn = self.operation, reachable(self.operation).index(self.kind)
        for geometry in boundary_geometries(operation, self.kind):
            cases = [
                Case(operation.name, geometry, dtype, fill, seed=1)
                for later, dtype in enumerate(DTYPES)
                for fill in class_fills(operation, turn + later)
            ]
            yield Judged(judge_all(subject, cases))


def boundaries(operation: Operation) -> Iterator[Boundary]:
    """Yield a step for each class that the operation has."""
    return (Boundary(operation, name) for name in reachable(operation))

"""Every boundary class is judged in every run."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.conformance.shapes.boundaries import boundary_geometries, of_class, reachable
from convcheck.form.operations import Operation
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, judge_class


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
        operation, taken = self.operation, subject.taken
        turn = reachable(operation).index(self.kind)
        for geometry in boundary_geometries(operation, self.kind):
            own = of_class(operation, self.kind, geometry, taken)
            if own is None and taken.domain is None:  # of another class, which is judged as well
                own = taken.fit(operation, geometry)
            yield Judged(judge_class(subject, own or geometry, turn))


def boundaries(operation: Operation) -> Iterator[Boundary]:
    """Yield a step for each class that the operation has."""
    return (Boundary(operation, name) for name in reachable(operation))

"""Geometries are judged that hold all combinations of a few sizes, or of classes of shapes."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from convcheck.conformance.shapes.coverage import shape_geometries
from convcheck.conformance.shapes.sizes import Sizes, covering
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, fore_layers_of, judge_by_turns

# What a kernel is judged on, by effort: a loop in Python takes 10 microseconds a multiplication.
_BESIDE = ("filter", "stride")
TIERS = {
    "quick": (Sizes("few", 2, 2**13), Sizes("between-8", 3, 2**12, _BESIDE)),
    "default": (
        Sizes("extreme"),
        Sizes("all", 2, 2**12),
        Sizes("few", 3, 2**12),
        Sizes("between-16", 3, 2**12, _BESIDE),
    ),
    "thorough": (
        Sizes("extreme"),
        Sizes("all", 2, 2**14),
        Sizes("few", 3, 2**17),
        Sizes("between-16", 3, 2**14, _BESIDE),
    ),
}
# The reference is all loops.
OF_THE_REFERENCE = (Sizes("all", 2, 2**11),)
# Of the many triples, geometries are shared by so many steps.
_PARTS = 6


@dataclass(frozen=True)
class Combined(Step):
    """Sizes of every kind, in every combination of two or three, or a part of these."""

    sizes: Sizes
    part: int = 0

    fills = ("exact", "bound", "nonfinite data", "nonfinite others")

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.operation.name}-{self.sizes.values}-{self.part}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, the cheapest first."""
        layers = fore_layers_of(subject)
        geometries = covering(self.operation, layers, self.sizes, subject.taken)
        return judge_by_turns(subject, geometries[self.part :: parts(self.sizes)])


@dataclass(frozen=True)
class Shapes(Step):
    """Geometries that hold every pair of classes of two parameters."""

    fills = ("exact", "bound", "nonfinite data", "nonfinite others")

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, the smallest first."""
        layers = fore_layers_of(subject)
        geometries = shape_geometries(self.operation.name, layers)
        return judge_by_turns(subject, sorted(geometries, key=_elements))


def combined(operation: Operation, plans: Iterable[Sizes]) -> Iterator[Combined]:
    """Yield a step for each part of each of `plans`."""
    return (Combined(operation, sizes, part) for sizes in plans for part in range(parts(sizes)))


def parts(sizes: Sizes) -> int:
    """Return how many steps share the geometries of a plan."""
    return _PARTS if sizes.values == "few" and sizes.of == 3 else 1


def _elements(geometry: Geometry) -> int:
    g = geometry
    sizes = (g.batch, g.height, g.width, g.filter_height, g.filter_width)
    return math.prod((*sizes, g.channels_in, g.channels_out))

"""Geometries are judged that hold all combinations of a few sizes, or of classes of shapes."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from convcheck.cases.case import Case
from convcheck.conformance.shapes.coverage import shape_geometries
from convcheck.conformance.shapes.sizes import Sizes, covering
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import DECIDED, Verdict
from convcheck.kernels.subjects import Subject

from .simplest import simplest
from .step import Judged, Step, dtypes_of, fore_layers_of

# What a kernel is judged on, by effort: a loop in Python takes 10 microseconds a multiplication.
TIERS = {
    "quick": (Sizes("few", 2, 2**13),),
    "default": (Sizes("extreme"), Sizes("all", 2, 2**12), Sizes("few", 3, 2**12)),
    "thorough": (Sizes("extreme"), Sizes("all", 2, 2**14), Sizes("few", 3, 2**17)),
}
# The reference is all loops.
OF_THE_REFERENCE = (Sizes("all", 2, 2**11),)
# Geometries are shared by so many steps.
PARTS = {1: 1, 2: 1, 3: 6}

# With integers of +-1 alone, a result is too often zero everywhere.
_CHOICE = 4

# Judged together, since that is faster.
_BATCH = 16


@dataclass(frozen=True)
class Combined(Step):
    """Sizes of every kind, in every combination of two or three, or a part of these."""

    sizes: Sizes
    part: int = 0

    fills = ("exact",)

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.operation.name}-{self.sizes.values}-{self.part}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, the cheapest first."""
        layers = fore_layers_of(subject)
        geometries = covering(self.operation, layers, self.sizes)
        return _each(subject, geometries[self.part :: PARTS[self.sizes.of]])


@dataclass(frozen=True)
class Shapes(Step):
    """Geometries that hold every pair of classes of two parameters."""

    fills = ("exact",)

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, the smallest first."""
        layers = fore_layers_of(subject)
        geometries = shape_geometries(self.operation.name, layers)
        return _each(subject, sorted(geometries, key=_elements))


def combined(operation: Operation, plans: Iterable[Sizes]) -> Iterator[Combined]:
    """Yield a step for each part of each of `plans`."""
    return (Combined(operation, sizes, part) for sizes in plans for part in range(PARTS[sizes.of]))


def cases_of(subject: Subject, geometry: Geometry, turn: int) -> list[Case]:
    """Return the cases that leave integers to choose from, by turns of dtypes, or the roomiest."""
    dtypes = dtypes_of(subject)
    cases = [
        Case(
            subject.operation.name,
            geometry,
            dtypes[(turn + step) % len(dtypes)],
            "integers",
            seed=1,
        )
        for step in range(len(dtypes))
    ]
    roomy = [case for case in cases if (case.largest or 0) >= _CHOICE]
    return roomy or [max(cases, key=lambda case: case.largest or 0)]


def _each(subject: Subject, geometries: Iterable[Geometry]) -> Iterator[Judged]:
    """Judge the kernel on each geometry, in the first dtype that decides."""
    cases = (cases_of(subject, geometry, turn) for turn, geometry in enumerate(geometries))
    while batch := list(islice(cases, _BATCH)):
        firsts = judge_all(subject, [first for first, *_ in batch])
        for first, (_, *others) in zip(firsts, batch, strict=True):
            for verdict in _until_decided(subject, first, others):
                yield Judged([simplest(verdict)])


def _until_decided(subject: Subject, first: Verdict, others: Iterable[Case]) -> Iterator[Verdict]:
    """Yield verdicts until one decides."""
    yield first
    verdict, left = first, iter(others)
    while verdict.outcome not in DECIDED and (case := next(left, None)):
        verdict = judge(subject, case)
        yield verdict


def _elements(geometry: Geometry) -> int:
    g = geometry
    sizes = (g.batch, g.height, g.width, g.filter_height, g.filter_width)
    return math.prod((*sizes, g.channels_in, g.channels_out))

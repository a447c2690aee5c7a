"""What is judged of a kernel that takes parameters, beside what is drawn of it at random."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from convcheck.cases.inside import parameters_inside
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.taken import Taken
from convcheck.conformance.shapes.parameters import covering, special, usual
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation
from convcheck.kernels.subjects import Subject

from .certified import Certified
from .step import Judged, Step, dtypes_of, judge_by_turns, judge_class


class ParametersTier(NamedTuple):
    """How far the certificate reaches along an axis, and in how many steps."""

    extent: int
    shards: int


TIERS = {
    "quick": ParametersTier(2, 1),
    "default": ParametersTier(4, 4),
    "thorough": ParametersTier(6, 24),
}


@dataclass(frozen=True)
class Special(Step):
    """A class of geometries: exactly, within the bound, on zeros and on NaN."""

    kind: str
    geometry: Geometry
    turn: int
    """how many came before"""

    fills = ("exact", "bound", "nonfinite data", "nonfinite others")

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.operation.name}-{self.kind}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on the class's geometry."""
        yield Judged(judge_class(subject, self.geometry, self.turn))


@dataclass(frozen=True)
class ParametersCombined(Step):
    """Usual layers, and geometries in which every two values of parameters and sizes meet."""

    fills = ("exact", "bound", "nonfinite data", "nonfinite others")

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another."""
        operation, taken = self.operation, subject.taken
        geometries = (*usual(operation, taken), *covering(operation, taken))
        return judge_by_turns(subject, geometries)


@dataclass(frozen=True)
class ParametersCertified(Certified):
    """A shard of a region of parameters: equality with the oracle on integers."""

    effort: ParametersTier

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{super().name}-parameters"

    def within(self, subject: Subject) -> ParameterRegion:
        """Return the region that is certified, of what the kernel takes."""
        dtypes, taken = dtypes_of(subject)[::-1], subject.taken
        extent = self.effort.extent
        own = ParameterRegion(self.operation.name, extent, *taken[:3], dtypes=dtypes)
        return parameters_inside(own, taken)


def with_parameters(operation: Operation, taken: Taken, effort: str, seed: int) -> Iterator[Step]:
    """Yield the steps of a kernel's parameters, if it takes any."""
    if not taken.parameters:
        return
    for turn, (kind, geometry) in enumerate(special(operation, taken)):
        yield Special(operation, kind, geometry, turn)
    tier = TIERS[effort]
    for shard in range(tier.shards):
        yield ParametersCertified(operation, tier, shard, seed)
    yield ParametersCombined(operation)

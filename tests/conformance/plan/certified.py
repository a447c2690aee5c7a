"""Every geometry up to a size is judged exactly, the simplest first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from convcheck.campaigns.certificates import Certificate
from convcheck.cases.case import Case
from convcheck.cases.inside import inside, parameters_inside
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.form.operations import Operation
from convcheck.judging.enumeration import enumerate_region
from convcheck.judging.judge import judge_all
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, dtypes_of, fore_layers_of


@dataclass(frozen=True)
class Tier:
    """How far regions reach, and in how many steps each is certified."""

    one_layer: Region
    """of an operation with one layer, whichever it is"""
    two_layers: Region
    """of one with two, which has many more geometries of the same extents"""
    shards: int


# One axis, the other being at its smallest, is what long loops and blocks go wrong along.
# Batch and channels, small ones, go wrong on any geometry or on none.
_TWO = Region("conv_back_prop", 3, reach=6, narrow=1, full_to=1, pairs_to=2)
TIERS = {
    "quick": Tier(
        Region("convolution", 4, reach=16, narrow=1, full_to=1, pairs_to=2),
        replace(_TWO, extent=2),
        shards=1,
    ),
    "default": Tier(
        Region("convolution", 6, reach=24, narrow=1, full_to=2, pairs_to=3), _TWO, shards=6
    ),
    "thorough": Tier(
        Region("convolution", 8, reach=32, narrow=1, full_to=4),
        Region("conv_back_prop", 4, reach=8, narrow=2, full_to=4),
        shards=48,
    ),
}


def region(subject: Subject, effort: Tier) -> Region | ParameterRegion:
    """Return the region that is certified, of what the kernel takes."""
    operation, dtypes = subject.operation, dtypes_of(subject)[::-1]
    if subject.taken.rank == 1:
        reach = effort.one_layer.reach
        plain = ParameterRegion(operation.name, reach, (), rank=1, dtypes=dtypes)
        return parameters_inside(plain, subject.taken)
    if operation.default_fore is None:
        own = replace(effort.one_layer, operation=operation.name, dtypes=dtypes)
    else:
        own = replace(effort.two_layers, operation=operation.name, dtypes=dtypes)
        own = replace(own, fore_layers=fore_layers_of(subject))
    return inside(own, subject.taken)


@dataclass(frozen=True)
class Certified(Step):
    """A shard of the region: equality with the oracle on integers, on every geometry."""

    effort: Any
    shard: int = 0
    seed: int = 0

    fills = ("certified",)
    filed = "certified"

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.shard}-{self.operation.name}"

    def within(self, subject: Subject) -> Region | ParameterRegion:
        """Return the region that is certified, of what the kernel takes."""
        return region(subject, self.effort)

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, by rank."""
        within = self.within(subject)
        certificate = Certificate(within, 1, within.count())
        yield Judged([], certificate=certificate)
        # What it does not offer is counted, as it is of other properties.
        simplest = subject.taken.simplest(subject.operation)
        beyond = [each for each in subject.asked if each not in within.dtypes]
        cases = [Case(subject.operation.name, simplest, each, "integers", 1) for each in beyond]
        yield Judged(judge_all(subject, cases if self.shard == 0 else []))
        for rank, verdicts in enumerate_region(
            subject,
            within,
            draws=1,
            seed=self.seed,
            shard=self.shard,
            shards=self.effort.shards,
        ):
            certificate.add(verdicts)
            yield Judged(verdicts, rank)


def certified(operation: Operation, effort: str, seed: int) -> Iterator[Certified]:
    """Yield a step for each shard, so that workers share a region evenly."""
    tier = TIERS[effort]
    return (Certified(operation, tier, shard, seed) for shard in range(tier.shards))

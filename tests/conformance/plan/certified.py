"""Every geometry up to a size is judged exactly, the simplest first."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.regions import Region
from convcheck.form.operations import Operation
from convcheck.judging.certificates import Certificate, enumerate_region
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, dtypes_of, fore_layers_of


@dataclass(frozen=True)
class Tier:
    """How far regions reach, and in how many steps each is certified."""

    extent: int
    """of one-layer operations"""
    full_to: int
    """of one-layer operations, up to where batch and channels come in every combination"""
    two_layers: int
    """of backward kernels, both axes"""
    reach: int
    """of backward kernels, one axis"""
    narrow: int
    """of backward kernels, the other axis then"""
    two_layers_full_to: int
    """of backward kernels, likewise"""
    shards: int


TIERS = {
    "quick": Tier(4, 2, two_layers=2, reach=6, narrow=1, two_layers_full_to=2, shards=1),
    "default": Tier(6, 4, two_layers=3, reach=6, narrow=1, two_layers_full_to=2, shards=6),
    "thorough": Tier(8, 4, two_layers=4, reach=8, narrow=2, two_layers_full_to=4, shards=48),
}


def region(subject: Subject, effort: Tier) -> Region:
    """Return the region that is certified, of what the kernel takes."""
    operation = subject.operation
    dtypes = dtypes_of(subject)[::-1]
    if operation.default_fore is None:
        return Region(operation.name, effort.extent, full_to=effort.full_to, dtypes=dtypes)
    return Region(
        operation.name,
        effort.two_layers,
        effort.reach,
        effort.narrow,
        full_to=effort.two_layers_full_to,
        dtypes=dtypes,
        fore_layers=fore_layers_of(subject),
    )


@dataclass(frozen=True)
class Certified(Step):
    """A shard of the region: equality with the oracle on integers, on every geometry."""

    effort: Tier
    shard: int = 0
    seed: int = 0

    fills = ("certified",)
    filed = "certified"

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.shard}-{self.operation.name}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry after another, by rank."""
        within = region(subject, self.effort)
        certificate = Certificate(within, 1, within.count())
        yield Judged([], certificate=certificate)
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

"""Every geometry up to a size is judged exactly, the simplest first."""

from dataclasses import dataclass

import pytest

from convcheck.cases.regions import Region
from convcheck.conformance.plugin.effort import seed_number, tier
from convcheck.conformance.plugin.fills import fills
from convcheck.conformance.plugin.kernels import dtypes_of, fore_layers_of, kernel_for, operations
from convcheck.conformance.plugin.recording import Record
from convcheck.form.operations import Operation
from convcheck.judging.certificates import Certificate, enumerate_region
from convcheck.judging.verdicts import UNPROMISED

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass(frozen=True)
class Tier:
    """How far regions reach, and in how many tests each is certified."""

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


def region(operation: Operation, effort: Tier) -> Region:
    """Return the region that is certified for `operation`, of what its kernel takes."""
    dtypes = dtypes_of(operation)[::-1]
    if operation.default_fore is None:
        return Region(operation.name, effort.extent, full_to=effort.full_to, dtypes=dtypes)
    return Region(
        operation.name,
        effort.two_layers,
        effort.reach,
        effort.narrow,
        full_to=effort.two_layers_full_to,
        dtypes=dtypes,
        fore_layers=fore_layers_of(operation),
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cut each region into shards, so that workers share it evenly."""
    if "shard" in metafunc.fixturenames:
        metafunc.parametrize("shard", range(TIERS[tier()].shards))


@fills("certified")
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_certificate(
    record: Record, operation: Operation, shard: int, request: pytest.FixtureRequest
) -> None:
    """The kernel equals the oracle on integers, on every geometry of a shard of the region."""
    effort = TIERS[tier()]
    within = region(operation, effort)
    certificate = Certificate(within, 1, within.count())
    record.certificate(certificate)
    kernel = kernel_for(operation.name)
    seed = seed_number(request.config)
    for rank, verdicts in enumerate_region(
        kernel, within, draws=1, seed=seed, shard=shard, shards=effort.shards
    ):
        certificate.add(verdicts)
        record.judged(verdicts, "certified", rank=rank)
    unpromised = {outcome for _, outcome in certificate.judged} <= set(UNPROMISED)
    assert certificate.agreed or unpromised, "nothing was decided"

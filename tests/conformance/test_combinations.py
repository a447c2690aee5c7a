"""Geometries are judged that hold all combinations of a few sizes, or of classes of shapes."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.fills import fills
from convcheck.conformance.plugin.kernels import (
    CHOSEN,
    dtypes_of,
    fore_layers_of,
    kernel_for,
    operations,
)
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.shapes.coverage import Pair, block_pairs, shape_geometries, shape_pairs
from convcheck.conformance.shapes.sizes import NAMES, Plan, covering, smaller
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict
from convcheck.kernels.promises import DIRECT
from convcheck.kernels.subjects import Subject

pytestmark = pytest.mark.usefixtures("one_thread")


# What a kernel is judged on, by effort: a loop in Python takes 10 microseconds a multiplication.
TIERS = {
    "quick": (Plan("few", 2, 2**13),),
    "default": (Plan("extreme"), Plan("all", 2, 2**12), Plan("few", 3, 2**12)),
    "thorough": (Plan("extreme"), Plan("all", 2, 2**14), Plan("few", 3, 2**17)),
}
# The reference is all loops.
_REFERENCE = (Plan("all", 2, 2**11),)
# Geometries are shared by so many tests.
PARTS = {1: 1, 2: 1, 3: 6}

# With integers of +-1 alone, a result is too often zero everywhere.
_CHOICE = 4

# Judged together, since that is faster.
_BATCH = 16


def cases_of(operation: Operation, geometry: Geometry, turn: int) -> list[Case]:
    """Return the cases that leave integers to choose from, by turns of dtypes, or the roomiest."""
    dtypes = dtypes_of(operation)
    cases = [
        Case(operation.name, geometry, dtypes[(turn + step) % len(dtypes)], "integers", seed=1)
        for step in range(len(dtypes))
    ]
    roomy = [case for case in cases if (case.largest or 0) >= _CHOICE]
    return roomy or [max(cases, key=lambda case: case.largest or 0)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test of sizes its plans, each in parts."""
    if "part" in metafunc.fixturenames:
        metafunc.parametrize(
            ("operation", "plan", "part"),
            [
                pytest.param(operation, plan, part, id=f"{operation.name}-{plan.values}-{part}")
                for operation in operations()
                for plan in plans(operation)
                for part in range(PARTS[plan.of])
            ],
        )


def plans(operation: Operation) -> tuple[Plan, ...]:
    """Return which combinations of sizes an operation's kernel is judged on."""
    return TIERS[tier()] if operation.name in CHOSEN else _REFERENCE


@fills("exact")
def test_sizes(record: Record, operation: Operation, plan: Plan, part: int) -> None:
    """The kernel agrees on sizes of every kind, in every combination of two or three."""
    geometries = covering(operation, fore_layers_of(operation), plan)
    _judge_all(record, operation, geometries[part :: PARTS[plan.of]])
    if plan.values == "all":
        _check_reached(record, operation, "blocks", block_pairs(operation.name))


@fills("exact")
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_shapes(record: Record, operation: Operation) -> None:
    """The kernel agrees on geometries that hold every pair of classes of two parameters."""
    _judge_all(record, operation, sorted(shape_geometries(operation.name), key=_elements))
    _check_reached(record, operation, "shapes", shape_pairs(operation.name))


def _judge_all(record: Record, operation: Operation, geometries: Iterable[Geometry]) -> None:
    """Judge the kernel on each geometry, in the first dtype that decides."""
    kernel = kernel_for(operation.name)
    cases = (cases_of(operation, geometry, turn) for turn, geometry in enumerate(geometries))
    while batch := list(islice(cases, _BATCH)):
        firsts = judge_all(kernel, [first for first, *_ in batch])
        for first, (_, *others) in zip(firsts, batch, strict=True):
            for verdict in _until_decided(kernel, first, others):
                record.judged([_simplest(verdict)])


def _until_decided(kernel: Subject, first: Verdict, others: Iterable[Case]) -> Iterator[Verdict]:
    """Yield verdicts until one decides."""
    yield first
    verdict, left = first, iter(others)
    while verdict.outcome not in DECIDED and (case := next(left, None)):
        verdict = judge(kernel, case)
        yield verdict


def _simplest(verdict: Verdict) -> Verdict:
    """Return a disagreement like `verdict`, if that is one, on the simplest geometry found."""
    if verdict.outcome is not Outcome.DISAGREES:
        return verdict
    for name in NAMES:
        for geometry in smaller(
            operation_named(verdict.case.operation), verdict.case.geometry, name
        ):
            found = judge(verdict.subject, replace(verdict.case, geometry=geometry))
            if found.outcome is verdict.outcome:
                verdict = found
                break
    return verdict


def _check_reached(
    record: Record, operation: Operation, kind: str, planned: Iterable[Pair]
) -> None:
    """Check that each pair was decided, unless the kernel promises less than exact sums."""
    missed = set(planned) - set(record.reached(operation.name, kind))
    exact = replace(kernel_for(operation.name).promise, zeros=()) == DIRECT
    assert not (missed and exact), f"never decided: {sorted(missed)}"


def _elements(geometry: Geometry) -> int:
    g = geometry
    sizes = (g.batch, g.height, g.width, g.filter_height, g.filter_width)
    return math.prod((*sizes, g.channels_in, g.channels_out))

"""Classes of geometries are judged in pairs.

Sizes around those at which fast kernels change their path are classes too, so that every pair
of classes that `coverage` counts is reached, whatever Hypothesis draws.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, product
from math import prod
from typing import Any

import pytest

from convcheck.conformance.coverage import (
    BLOCKS,
    Pair,
    block_pairs,
    shape_geometries,
    shape_pairs,
    size_parameters,
)
from convcheck.conformance.effort import tier
from convcheck.conformance.fills import fills
from convcheck.conformance.kernels import dtypes_of, fore_layers_of, kernel_for, operations
from convcheck.conformance.recording import Record
from convcheck.oracle.cases import Case
from convcheck.oracle.geometry import LAYERS, Fore, Geometry
from convcheck.oracle.judge import judge
from convcheck.oracle.operations import Operation
from convcheck.oracle.promises import DIRECT, promise_of
from convcheck.oracle.verdicts import DECIDED

pytestmark = pytest.mark.usefixtures("one_thread")

# What the rest is: small, but with overlap, and with a remainder where there can be one.
_SMALL = Geometry.parse("b1.h3.w1.i1.o1.f2x1.s1x1")
_SMALL_FORE = {layer: Fore(layer, 1, 2, 1, 1, 1) for layer in LAYERS}


# With integers of +-1 alone, a result is too often zero everywhere.
_CHOICE = 4


def geometry_of(operation: Operation, pair: Pair, turn: int) -> Geometry:
    """Return the geometry of a pair such as ("batch 8", "channels_in 33"), the rest small."""
    geometry, layers = _SMALL, fore_layers_of(operation)
    if operation.default_fore is not None:
        geometry = replace(geometry, fore=_SMALL_FORE[layers[turn % len(layers)]])
    for each in pair:
        name, _, size = each.rpartition(" ")
        if name.startswith("fore "):
            assert geometry.fore is not None
            geometry = replace(geometry, fore=replace(geometry.fore, channels_out=int(size)))
        else:
            changed: dict[str, Any] = {name: int(size)}
            geometry = replace(geometry, **changed)
    return geometry


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
    """Give the test all pairs of parameters; at the least effort, those of channels alone."""
    if "parameters" not in metafunc.fixturenames:
        return
    metafunc.parametrize(
        ("operation", "parameters"),
        [
            pytest.param(operation, pair, id=f"{operation.name}-{'-'.join(pair)}")
            for operation in operations()
            for pair in combinations(size_parameters(operation), 2)
            if tier() != "quick" or all("channels" in name for name in pair)
        ],
    )


@fills("exact")
def test_blocks(record: Record, operation: Operation, parameters: tuple[str, str]) -> None:
    """The kernel agrees on two sizes at, below or above a block size, in every combination."""
    one, other = parameters
    pairs = [(f"{one} {a}", f"{other} {b}") for a, b in sorted(product(BLOCKS, BLOCKS), key=prod)]
    assert set(pairs) <= set(block_pairs(operation.name))
    geometries = (geometry_of(operation, pair, turn) for turn, pair in enumerate(pairs))
    _judge_all(record, operation, geometries)
    _check_reached(record, operation, "blocks", pairs)


@fills("exact")
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_shapes(record: Record, operation: Operation) -> None:
    """The kernel agrees on geometries that hold every pair of classes of two parameters."""
    _judge_all(record, operation, sorted(shape_geometries(operation.name), key=_elements))
    _check_reached(record, operation, "shapes", shape_pairs(operation.name))


def _judge_all(record: Record, operation: Operation, geometries: Iterable[Geometry]) -> None:
    """Judge the kernel on each geometry, in the first dtype that decides."""
    kernel = kernel_for(operation.name)
    for turn, geometry in enumerate(geometries):
        for case in cases_of(operation, geometry, turn):
            verdict = judge(kernel, case)
            record.judged([verdict])
            if verdict.outcome in DECIDED:
                break


def _check_reached(
    record: Record, operation: Operation, kind: str, planned: Iterable[Pair]
) -> None:
    """Check that each pair was decided, unless the kernel promises less than exact sums."""
    missed = set(planned) - set(record.reached(operation.name, kind))
    exact = promise_of(kernel_for(operation.name)) == DIRECT
    assert not (missed and exact), f"never decided: {sorted(missed)}"


def _elements(geometry: Geometry) -> int:
    operands = (geometry.batch, geometry.height, geometry.width, geometry.filter_height)
    return prod((*operands, geometry.filter_width, geometry.channels_in, geometry.channels_out))

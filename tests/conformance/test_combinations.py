"""Geometries are judged that hold all combinations of a few sizes, or of classes of shapes."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from convcheck.conformance.plan.combined import (
    OF_THE_REFERENCE,
    TIERS,
    Combined,
    Shapes,
    combined,
)
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.kernels import CHOSEN, fore_layers_of, kernel_for
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize
from convcheck.conformance.shapes.coverage import Pair, block_pairs, shape_pairs
from convcheck.form.operations import Operation
from convcheck.kernels.promises import DIRECT

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test its steps."""
    of_sizes = metafunc.function is test_sizes
    parametrize(metafunc, _sizes if of_sizes else lambda operation: [Shapes(operation)])


def _sizes(operation: Operation) -> Iterator[Combined]:
    chosen = operation.name in CHOSEN
    return combined(operation, TIERS[tier()] if chosen else OF_THE_REFERENCE)


def test_sizes(record: Record, step: Combined) -> None:
    """The kernel agrees on sizes of every kind, in every combination of two or three."""
    record.walk(step)
    if step.sizes.values == "all":
        _check_reached(record, step.operation, "blocks", block_pairs(step.operation.name))


def test_shapes(record: Record, step: Shapes) -> None:
    """The kernel agrees on geometries that hold every pair of classes of two parameters."""
    record.walk(step)
    planned = shape_pairs(step.operation.name, fore_layers_of(step.operation))
    _check_reached(record, step.operation, "shapes", planned)


def _check_reached(
    record: Record, operation: Operation, kind: str, planned: Iterable[Pair]
) -> None:
    """Check that each pair was decided, unless the kernel promises less than exact sums."""
    missed = set(planned) - set(record.reached(operation.name, kind))
    exact = replace(kernel_for(operation.name).promise, zeros=()) == DIRECT
    assert not (missed and exact), f"never decided: {sorted(missed)}"

"""Geometries are judged that hold all combinations of a few sizes, or of classes of shapes."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from convcheck.conformance.plan.combined import (
    OF_THE_REFERENCE,
    TIERS,
    Combined,
    Shapes,
    combined,
)
from convcheck.conformance.plan.step import Step, fore_layers_of
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize
from convcheck.conformance.plugin.subjects import subjects_of
from convcheck.conformance.shapes.coverage import Pair, block_pairs, shape_pairs
from convcheck.kernels.promises import DIRECT

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test its steps."""
    if metafunc.function is test_shapes:
        parametrize(metafunc, lambda operation: [Shapes(operation)])
    else:
        candidates = subjects_of(metafunc.config).candidates
        sizes = TIERS[tier()] if candidates else OF_THE_REFERENCE
        parametrize(metafunc, lambda operation: combined(operation, sizes))


def test_sizes(record: Record, step: Combined) -> None:
    """The kernel agrees on sizes of every kind, in every combination of two or three."""
    record.walk(step)
    if step.sizes.values == "all":
        _check_reached(record, step, "blocks", block_pairs(step.operation.name))


def test_shapes(record: Record, step: Shapes) -> None:
    """The kernel agrees on geometries that hold every pair of classes of two parameters."""
    record.walk(step)
    layers = fore_layers_of(record.subject(step.operation))
    _check_reached(record, step, "shapes", shape_pairs(step.operation.name, layers))


def _check_reached(record: Record, step: Step, kind: str, planned: Iterable[Pair]) -> None:
    """Check that each pair was decided, unless the kernel takes fewer or promises less."""
    missed = set(planned) - set(record.reached(step.operation.name, kind))
    subject = record.subject(step.operation)
    exact = replace(subject.promise, zeros=()) == DIRECT
    every = subject.taken.rank == 2 and subject.taken.domain is None and not subject.partial
    assert not (missed and exact and every), f"never decided: {sorted(missed)}"

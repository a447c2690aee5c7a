"""Coverage and accuracy are counted as judged, and what a full run misses fails it."""

import json
from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.conformance import test_combinations
from convcheck.conformance.plan.certified import TIERS, region
from convcheck.conformance.plan.combined import Combined, Shapes
from convcheck.conformance.plugin.accuracy import HALVINGS, Accuracy
from convcheck.conformance.plugin.kernels import CHOSEN, fore_layers_of, kernel_for
from convcheck.conformance.plugin.recording import Record, planned_boundaries, planned_pairs
from convcheck.conformance.shapes.coverage import (
    PLANNED,
    PairCounts,
    block_classes,
    block_pairs,
    pairs_of,
    shape_classes,
    shape_pairs,
)
from convcheck.conformance.shapes.sizes import BLOCKS, Sizes, covering
from convcheck.form.geometry import LAYERS, Geometry
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.bounds import g, unit_roundoff
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.subjects import Wrapped
from convcheck.reports import summary
from convcheck.reports.findings import Planned, Results, build, sentence

CONVOLUTION = OPERATIONS["convolution"]
each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda o: o.name)


def test_classes_of_a_shape() -> None:
    """Every parameter of a geometry has its class."""
    classes = shape_classes(CONVOLUTION, Geometry.parse("b2.h7.w3.i1.o3.f2x3.s3x1"))
    assert classes == (
        "batch: several",
        "channels in: 1",
        "channels out: several",
        "filter rows: some",
        "stride rows: beyond the filter",
        "steps rows: several",
        "remainder rows: some",
        "filter columns: whole",
        "stride columns: 1",
        "steps columns: 1",
        "remainder columns: none",
    )


def test_classes_of_layer_l1() -> None:
    """A backward kernel's classes are those of both layers."""
    geometry = Geometry.parse("b1.h5.w5.i1.o1.f2x2.s1x1+convolution.k2.f2x1.s3x2")
    classes = shape_classes(OPERATIONS["conv_back_prop"], geometry)
    assert "layer l+1: convolution" in classes
    assert "channels out of l+1: several" in classes
    assert "remainder rows of l+1: some" in classes
    assert "stride columns of l+1: beyond the filter" in classes
    transposed = Geometry.parse(str(geometry).replace("+convolution", "+convolution_transpose"))
    classes = shape_classes(OPERATIONS["conv_back_prop"], transposed)
    assert "steps rows of l+1: several" in classes
    assert not any(each.startswith("remainder rows of l+1") for each in classes)


def test_classes_of_block_sizes() -> None:
    """Sizes next to a block size are classes of their own; others are none."""
    geometry = Geometry.parse("b4.h33.w6.i15.o2.f1x1.s1x1")
    assert block_classes(CONVOLUTION, geometry) == ("batch 4", "height 33", "channels_in 15")
    assert BLOCKS == (3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33)


@each_operation
def test_pairs_are_counted_by_index(operation: Operation) -> None:
    """A case counts for each pair of its classes that is planned, and the dump says which."""
    counts = PairCounts(fore_layers_of)
    pair = block_pairs(operation.name)[0]
    layers = fore_layers_of(operation)
    geometry = next(
        each
        for each in covering(operation, layers, Sizes("all", 2, 2**11))
        if set(pair) <= set(block_classes(operation, each))
    )
    counts.add(operation, geometry)
    counts.add(operation, geometry)
    assert counts.reached(operation.name, "blocks")[pair] == 2
    dumped = json.loads(json.dumps(counts.dump()))
    assert [part[:2] for part in dumped] == [[operation.name, kind] for kind in sorted(PLANNED)]
    for _, kind, found in dumped:
        planned = PLANNED[kind](operation.name, layers)
        reached = counts.reached(operation.name, kind)
        assert {planned[at]: count for at, count in found} == reached


@each_operation
def test_plan_holds_every_pair_of_shapes(operation: Operation) -> None:
    """Whatever pair of shape classes a geometry has is planned."""
    extent = 4 if operation.default_fore else 6
    region = Region(operation.name, extent, full_to=0, batches=(1,), channels=(1,))
    shapes = {shape_classes(operation, geometry) for _, geometry, _ in region.geometries()}
    pairs = {pair for shape in shapes for pair in pairs_of(shape)}
    assert pairs <= set(shape_pairs(operation.name, LAYERS))


class Partial(Wrapped):
    """A right kernel that takes one dtype, and layer l+1 of one kind."""

    def refuses(self, case: Case, prop: str) -> str | None:  # noqa: ARG002  (none is refused)
        """Return why it is not to be judged on a case."""
        fore = case.geometry.fore
        if fore is not None and fore.layer != self.operation.default_fore:
            return "another layer l+1"
        return None if case.dtype == "float32" else "another dtype"


@pytest.mark.parametrize("name", ["convolution", "conv_back_prop"])
def test_what_a_kernel_does_not_take_is_no_class(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A kernel that takes less is judged on all of that, and certified on just that."""
    operation = OPERATIONS[name]
    everything = set(shape_pairs(name, LAYERS))
    monkeypatch.setitem(CHOSEN, name, Partial(kernel_for(name)))
    test_combinations.test_shapes(Record(), Shapes(operation))
    test_combinations.test_sizes(Record(), Combined(operation, Sizes("few", 2, 2**9)))
    pairs = set(shape_pairs(name, fore_layers_of(operation)))
    assert (pairs < everything) == (operation.default_fore is not None)
    within = region(kernel_for(name), TIERS["quick"])
    assert within.dtypes == ("float32",)
    assert all(
        g.fore is None or g.fore.layer == operation.default_fore for _, g, _ in within.geometries()
    )


def test_no_remainder_without_a_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    """A boundary class that only the layer l+1 has which a kernel does not take is not planned."""
    operation = OPERATIONS["conv_transpose_back_prop"]
    remainder = operation.name, "remainder"
    assert remainder in planned_boundaries()
    monkeypatch.setitem(CHOSEN, operation.name, Partial(kernel_for(operation.name)))
    assert remainder not in planned_boundaries()
    assert (operation.name, "unequal strides") in planned_boundaries()


def test_plan_of_pairs() -> None:
    """Of both kinds, every pair of two different parameters' classes is planned once."""
    assert len(block_pairs("convolution")) == 10 * len(BLOCKS) ** 2
    pairs = shape_pairs("convolution", ())
    assert len(set(pairs)) == len(pairs)
    assert ("batch: 1", "stride rows: beyond the filter") in pairs
    assert ("filter rows: whole", "steps rows: several") not in pairs
    assert {(name, kind) for name, kind, _ in planned_pairs()} == set(product(OPERATIONS, PLANNED))


def agreed(error: float, relative: float = 0.0, terms: int = 4, fill: str = "uniform") -> Verdict:
    """Return the verdict on a case with real numbers."""
    geometry = Geometry.parse("b1.h1.w1.i1.o1.f1x1.s1x1")
    case = Case("convolution", geometry, "float32", fill, 0)
    return Verdict(
        case,
        kernel_for("convolution"),
        "bound",
        Outcome.AGREES,
        error=error,
        relative=relative,
        terms=terms,
    )


@pytest.mark.parametrize(
    ("fraction", "halvings"),
    [(1.0, 0), (0.51, 0), (0.5, 1), (0.26, 1), (0.25, 2), (2.0**-9, 9), (1e-30, 10), (0.0, 10)],
)
def test_distribution_has_a_bin_for_each_halving(fraction: float, halvings: int) -> None:
    """An error is counted by how often the bound must be halved to reach it."""
    accuracy = Accuracy()
    accuracy.add(agreed(fraction))
    distribution = accuracy.dump()["distribution"]
    assert len(distribution) == HALVINGS + 1
    assert [at for at, count in enumerate(distribution) if count] == [halvings]


def test_growth_keeps_the_worst_error_of_each_size() -> None:
    """Errors are kept by the power of two below n, and not of fills that scale the numbers."""
    accuracy = Accuracy()
    for relative, terms in [(1e-8, 4), (3e-8, 7), (2e-8, 5), (1e-7, 8)]:
        accuracy.add(agreed(0.1, relative, terms))
    accuracy.add(agreed(0.1, 1.0, 4, fill="tiny"))
    accuracy.add(replace(agreed(0.1), error=None))
    assert accuracy.dump()["growth"] == [[2, 3e-8, 7], [3, 1e-7, 8]]


def test_accuracy_adds_up() -> None:
    """Distributions of several tests are added; of growth the worst is told in roundoffs."""
    u = unit_roundoff("float32")
    parts = [
        ["convolution", "float32", {"distribution": [0, 2, 1], "growth": [[2, 3 * u, 7]]}],
        ["convolution", "float32", {"distribution": [1, 1, 0], "growth": [[2, 2 * u, 5]]}],
    ]
    (found,) = summary.accuracy({str(at): {"accuracy": [each]} for at, each in enumerate(parts)})
    assert found["distribution"] == [1, 3, 1]
    assert found["growth"] == [{"products": 7, "error": 3.0, "bound": 7.0, "expected": 21.2}]
    assert float(g(7, u)) / u == pytest.approx(7)


def shard(certified: int, choices: dict[str, int]) -> dict[str, Any]:
    """Return a shard's record of a certificate."""
    return {
        "certificates": [
            {
                "operation": "convolution",
                "region": "all of it",
                "geometries": 10,
                "certified": certified,
                "undecided": 0,
                "draws": 2,
                "choices": choices,
                "axes": [[2, 1, 1, certified, certified]],
            }
        ]
    }


@pytest.mark.parametrize(("second", "complete"), [(6, True), (5, False)])
def test_shards_of_a_certificate_add_up(second: int, complete: bool) -> None:  # noqa: FBT001
    """A region is certified when its shards together certified all of it."""
    records = {"a": shard(4, {"float32": 40}), "b": shard(second, {"float32": 20, "float64": 200})}
    (found,) = summary.certificates(records)
    assert found["certified"] == 4 + second
    assert found["complete"] is complete
    assert found["choices"] == {"float32": 20, "float64": 200}
    assert found["axes"] == [[2, 1, 1, 4 + second, second]]
    assert found["chance"] == {"float32": 0.01, "float64": 0.0001}


def test_rule_of_three() -> None:
    """Random geometries of several tests add up, and bound the rate by three in their number."""
    records = {"a": {"draws": {"convolution": 100}}, "b": {"draws": {"convolution": 200}}}
    (found,) = summary.random(records)
    assert found == {"operation": "convolution", "geometries": 300, "below": 0.01}
    assert prod([1 - 3 / 300] * 300) < 0.05


def run(count: int, *, full: bool) -> dict[str, Any]:
    """Return the findings of a run that met one of two boundary classes and `count` pairs."""
    record = {
        "cells": [
            {
                "operation": "convolution",
                "property": "exact",
                "dtype": "float32",
                "counts": {"agrees": 3},
                "worst": None,
                "suspicious": 0,
                "failure": None,
            }
        ],
        "boundaries": [["convolution", "remainder", 3]],
        "pairs": [["convolution", "blocks", [[at, 2] for at in range(count)]]],
    }
    results = Results({"a": record}, {"a": "passed"}, {}, ["a"], whole=full, covering=True)
    planned = Planned(
        [("convolution", "exact", "float32")],
        [("convolution", "remainder")],
        [("convolution", "blocks", 5)],
    )
    return build(results, planned, {})


def test_a_full_run_reaches_every_class() -> None:
    """What a full run never reached fails it, by name; a restricted run is not to blame."""
    assert run(5, full=True)["verdict"] == "conforms"
    assert run(4, full=False)["verdict"] == "conforms so far"
    missed = run(4, full=True)
    assert missed["verdict"] == "does not conform"
    assert "never reached: convolution: 1 pairs of blocks" in sentence(missed)
    (pairs,) = missed["pairs"]
    assert (pairs["reached"], pairs["pairs"], pairs["least"]) == (4, 5, 0)

"""Coverage and accuracy are counted as judged, and what a full run misses fails it."""

from itertools import product
from math import prod
from typing import Any

import pytest
from each import each_kind_of_layers
from msgspec.structs import replace
from sample import ASKED, record

from convcheck.campaigns.certificates import Certificate
from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.conformance import test_combinations
from convcheck.conformance.plan.certified import TIERS, region
from convcheck.conformance.plan.combined import Combined, Shapes
from convcheck.conformance.plan.step import fore_layers_of
from convcheck.conformance.plugin.accuracy import HALVINGS, Accuracy
from convcheck.conformance.plugin.planned import planned_boundaries, planned_pairs
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.boundaries import classes_of
from convcheck.conformance.shapes.coverage import (
    PLANNED,
    PairCounts,
    block_classes,
    block_pairs,
    pairs_of,
    shape_classes,
    shape_pairs,
)
from convcheck.conformance.shapes.sizes import BLOCKS, Sizes
from convcheck.form.formats import FORMATS
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.bounds import g
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import Function
from convcheck.kernels.subjects import Wrapped
from convcheck.reports import rows
from convcheck.reports.findings import Results, build, planned_rows
from convcheck.reports.rows import Growth
from convcheck.reports.told.words import sentence

CONVOLUTION = OPERATIONS["convolution"]


def test_classes_of_a_shape() -> None:
    """Every parameter of a geometry has its class."""
    classes = shape_classes(CONVOLUTION, Geometry.parse("b2.h7.w3.i1.o3.f2x3.s3x1"))
    assert "; ".join(classes) == (
        "batch: several; channels in: 1; channels out: several; "
        "filter rows: some; stride rows: beyond the filter; steps rows: several; "
        "remainder rows: some; filter columns: whole; stride columns: 1; steps columns: 1; "
        "remainder columns: none"
    )


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("convolution", "steps rows of l+1: 1; remainder rows of l+1: some"),
        ("convolution_transpose", "steps rows of l+1: several"),
    ],
)
def test_classes_of_layer_l1(layer: str, expected: str) -> None:
    """A backward kernel's classes are those of both layers; a transposed one has no remainder."""
    geometry = Geometry.parse(f"b1.h5.w5.i1.o1.f2x2.s1x1+{layer}.k2.f2x1.s3x2")
    told = "; ".join(shape_classes(OPERATIONS["conv_back_prop"], geometry))
    assert f"remainder columns: none; layer l+1: {layer}; channels out of l+1: several" in told
    assert f"stride rows of l+1: beyond the filter; {expected}; filter columns of l+1: 1" in told


def test_classes_of_block_sizes() -> None:
    """Sizes next to a block size are classes of their own; others are none."""
    geometry = Geometry.parse("b4.h33.w6.i15.o2.f1x1.s1x1")
    assert block_classes(CONVOLUTION, geometry) == ("batch 4", "height 33", "channels_in 15")
    assert BLOCKS == (3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33)


@each_kind_of_layers
def test_pairs_are_counted_by_index(operation: Operation) -> None:
    """A case counts for each pair of its classes that is planned, and the dump says which."""
    counts = PairCounts(lambda operation: fore_layers_of(reference_for(operation.name)))
    layers = fore_layers_of(reference_for(operation.name))
    fore = "+convolution.k1.f1x1.s1x1" if layers else ""
    for _ in range(2):
        counts.add(operation, Geometry.parse(f"b3.h33.w1.i1.o1.f1x1.s1x1{fore}"))
    assert counts.reached(operation.name, "blocks") == {("batch 3", "height 33"): 2}
    told = counts.counts()
    assert [part[:2] for part in told] == [(operation.name, kind) for kind in sorted(PLANNED)]
    for _, kind, found in told:
        planned = PLANNED[kind](operation.name, layers)
        reached = counts.reached(operation.name, kind)
        assert found == [reached.get(pair, 0) for pair in planned]


@each_kind_of_layers
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


@pytest.mark.parametrize("name", ["convolution", "conv_back_prop", "conv_transpose_back_prop"])
def test_what_a_kernel_does_not_take_is_no_class(name: str) -> None:
    """A kernel that takes less is judged on all of that, and certified on just that."""
    operation, everything = OPERATIONS[name], set(shape_pairs(name, LAYERS))
    remainder = name, "remainder"
    assert remainder in planned_boundaries(Subjects())
    kernel = Partial(reference_for(name))
    record = Record(lambda _: kernel)
    test_combinations.test_shapes(record, Shapes(operation))
    test_combinations.test_sizes(record, Combined(operation, Sizes("few", 2, 2**9)))
    pairs = set(shape_pairs(name, fore_layers_of(kernel)))
    assert (pairs < everything) == (operation.default_fore is not None)
    within = region(kernel, TIERS["quick"])
    assert within.dtypes == ("float32",)
    fores = {g.fore and g.fore.layer for _, g, _ in within.geometries()}
    assert fores == {operation.default_fore}
    # Without a convolution among the layers nothing is left over.
    planned = planned_boundaries([kernel])
    assert (remainder in planned) == (name != "conv_transpose_back_prop")
    assert (name, "unequal strides") in planned


def test_parameters_are_classes_of_kernels_that_take_them() -> None:
    """Cases with padding are counted of a kernel that takes it, and missed where there are none."""
    operation = OPERATIONS["convolution_transpose"]
    geometry = Geometry.parse("b1.h2.w2.i1.o1.f2x2.s2x2.p1x0.q1x0.bias")
    kinds = {"padding", "output padding", "bias"}
    assert kinds < {*classes_of(operation, geometry)}
    planned = {name for _, name in planned_boundaries([reference_for(operation.name)])}
    assert kinds | {"dilation", "groups"} < planned
    plain = Function(lambda *arguments: arguments[0], operation)
    assert kinds.isdisjoint(name for _, name in planned_boundaries([plain]))


def test_plan_of_pairs() -> None:
    """Of both kinds, every pair of two different parameters' classes is planned once."""
    assert len(block_pairs("convolution")) == 10 * len(BLOCKS) ** 2
    pairs = shape_pairs("convolution", ())
    assert len(set(pairs)) == len(pairs)
    assert ("batch: 1", "stride rows: beyond the filter") in pairs
    assert ("filter rows: whole", "steps rows: several") not in pairs
    planned = {(name, kind) for name, kind, _ in planned_pairs(Subjects())}
    assert planned == set(product(OPERATIONS, PLANNED))


def accuracy_of(*errors: tuple[Any, ...]) -> rows.Accuracy:
    """Return what is known of verdicts with these errors, relative ones, terms and fills."""
    geometry, accuracy = Geometry.parse("b1.h1.w1.i1.o1.f1x1.s1x1"), Accuracy()
    for error, relative, terms, fill in errors:
        case = Case("convolution", geometry, "float32", fill, 0)
        kept = {"error": error, "relative": relative, "terms": terms}
        accuracy.add(Verdict(case, reference_for(case.operation), "bound", Outcome.AGREES, **kept))
    return accuracy.row("convolution", "float32")


def test_distribution_has_a_bin_for_each_halving() -> None:
    """An error is counted by how often the bound must be halved to reach it."""
    fractions = (1.0, 0.51, 0.5, 0.26, 0.25, 2.0**-9, 1e-30, 0.0)
    found = accuracy_of(*((each, 0.0, 4, "uniform") for each in fractions)).distribution
    assert found == [2, 2, 1, *[0] * 6, 1, 2]
    assert len(found) == HALVINGS + 1


def test_growth_keeps_the_worst_error_of_each_size() -> None:
    """Errors are kept by the power of two below n, and not of fills that scale the numbers.

    Of sums so long that the dtype bounds nothing, as of wider ones, none is told.
    """
    sums = [(1e-8, 4), (3e-8, 7), (2e-8, 5), (1e-7, 8), (1e-7, 2**24)]
    errors = [(0.1, *each, "uniform") for each in sums]
    others = (0.1, 1.0, 4, "tiny"), (None, 1.0, 4, "uniform")
    growth = [Growth.of("float32", n, error) for error, n in ((3e-8, 7), (1e-7, 8))]
    assert accuracy_of(*errors, *others).growth == growth


def test_accuracy_adds_up() -> None:
    """Distributions of several tests are added; of growth the worst is told in roundoffs."""
    u = FORMATS["float32"].u
    parts = [
        rows.Accuracy("convolution", "float32", bins, [Growth.of("float32", n, error * u)])
        for bins, n, error in (([0, 2, 1], 7, 3), ([1, 1, 0], 5, 2))
    ]
    (found,) = rows.added(parts)
    assert found.distribution == [1, 3, 1]
    assert found.growth == [Growth(products=7, error=3.0, bound=7.0, expected=21.2)]
    assert float(g(7, u)) / u == pytest.approx(7)


@pytest.mark.parametrize(("second", "complete"), [(6, True), (5, False)])
def test_shards_of_a_certificate_add_up(second: int, complete: bool) -> None:  # noqa: FBT001
    """A region is certified when its shards together certified all of it."""
    shards = []
    for certified, choices in ((4, {"float32": 40}), (second, {"float32": 20, "float64": 200})):
        shard = Certificate(Region("convolution", 2), 2, 10, agreed=certified, choices=choices)
        shard.axes[2, 1, 1] = certified, certified
        shards.append(rows.Certificate.of(shard))
    (found,) = rows.added(shards)
    assert found.certified == 4 + second
    assert found.complete is complete
    assert found.choices == {"float32": 20, "float64": 200}
    assert found.axes == [(2, 1, 1, 4 + second, second)]
    assert found.chance == {"float32": 0.01, "float64": 0.0001}


def test_rule_of_three() -> None:
    """Random geometries of several tests add up, and bound the rate by three in their number."""
    (found,) = rows.added([rows.Random.of("convolution", count) for count in (100, 200)])
    assert found == rows.Random("convolution", 300, 0.01)
    assert prod([1 - 3 / 300] * 300) < 0.05


@pytest.mark.parametrize(
    ("count", "full", "verdict"),
    [(5, True, "conforms"), (4, False, "conforms so far"), (4, True, "does not conform")],
)
def test_a_full_run_reaches_every_class(count: int, full: bool, verdict: str) -> None:  # noqa: FBT001
    """What a full run never reached fails it, by name; a restricted run is not to blame."""
    classes = [rows.Boundary("convolution", "remainder", 3)]
    pairs = [rows.Pairs.of("convolution", "blocks", [2] * count + [0] * (5 - count))]
    records = {"a": replace(record(0), boundaries=classes, pairs=pairs)}
    results = Results(records, {"a": "passed"}, {}, ["a"], whole=full, covering=True)
    boundaries, planned = [("convolution", "remainder")], [("convolution", "blocks", 5)]
    found = build(results, planned_rows([], boundaries, planned), ASKED)
    assert found.verdict == verdict
    missed = "never reached: convolution: 1 pairs of blocks" in sentence(found)
    assert missed == (verdict == "does not conform")

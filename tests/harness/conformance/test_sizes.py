"""Covering arrays hold what they plan, cheaply, and failures on them are made simple."""

import subprocess
import sys
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from each import TWO_LAYERS, each_kind_of_layers

from convcheck.conformance import test_combinations
from convcheck.conformance.plan.combined import TIERS, Combined
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.coverage import block_classes, block_pairs, pairs_of
from convcheck.conformance.shapes.sizes import ALL, TABLES, Sizes, covering
from convcheck.conformance.shapes.smaller import NAMES, smaller
from convcheck.form.counts import most_terms
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.kernels.functions import subject_of

CONVOLUTION = OPERATIONS["convolution"]


def covered(operation: Operation, plan: Sizes) -> tuple[Geometry, ...]:
    """Return the geometries of a plan, with either kind of layer l+1."""
    return covering(operation, LAYERS if operation.default_fore else (), plan)


def value(geometry: Geometry, name: str) -> Any:
    """Return the value that a geometry has of a parameter."""
    holder: Any = geometry.fore if name.startswith("fore") else geometry
    field = name.removeprefix("fore ")
    if field in ("filter", "stride"):
        return getattr(holder, f"{field}_height"), getattr(holder, f"{field}_width")
    return getattr(holder, field)


@each_kind_of_layers
@pytest.mark.parametrize("most", [2**11, 2**12])
def test_every_pair_is_there(operation: Operation, most: int) -> None:
    """Channels, batch and filters that cost little are together, and all pairs of block sizes.

    That is what a full run plans to reach, with the reference's budget and a candidate's.
    """
    found = covered(operation, Sizes("all", 2, most))
    for one, other in combinations(("batch", "channels_in", "channels_out", "filter"), 2):
        held = {(value(each, one), value(each, other)) for each in found}
        costs = [{each: 4 * int(np.prod(each)) for each in ALL[name]} for name in (one, other)]
        wanted = {(a, b) for a, b in product(*costs) if costs[0][a] * costs[1][b] <= most}
        assert wanted <= held
    blocks = {pair for each in found for pair in pairs_of(block_classes(operation, each))}
    assert set(block_pairs(operation.name)) <= blocks


def test_every_affordable_triple_is_there() -> None:
    """Three sizes that kernels are made for come together."""
    found = covered(CONVOLUTION, Sizes("few", 3, 2**13))
    held = {(each.channels_in, each.channels_out, value(each, "filter")) for each in found}
    wanted = product((1, 3, 8, 16, 17), (1, 3, 8, 16, 17), ((1, 1), (3, 3), (1, 7)))
    assert set(wanted) <= held


@pytest.mark.parametrize(
    ("name", "plan"),
    [
        *product(("convolution", "convolution_transpose"), [Sizes("few", 3, 2**12)]),
        *product(("convolution", *(each.name for each in TWO_LAYERS)), [Sizes("all", 2, 2**12)]),
        *product(("convolution", "conv_back_prop"), TIERS["default"][-1:]),
    ],
)
def test_geometries_are_valid_and_cheap(name: str, plan: Sizes) -> None:
    """Each is one that the operation has a meaning on, within the budget; each comes once."""
    operation = OPERATIONS[name]
    found = covered(operation, plan)
    assert len(set(found)) == len(found)
    values = TABLES[plan.values]
    for geometry in found:
        operation.check(geometry)
        extents = operation.extents(geometry)
        assert np.prod([extents[axis] for axis in "bPQihwo"]) <= plan.most
        shapes = operation.array_shapes(geometry).values()
        assert max(np.prod(shape) for shape in shapes) <= plan.most
        for size in ("batch", "channels_in", "filter", "stride"):
            assert value(geometry, size) in values[size]


@each_kind_of_layers
@pytest.mark.parametrize(("effort", "block"), [("quick", 8), ("default", 16)])
def test_every_remainder_is_there(operation: Operation, effort: str, block: int) -> None:
    """Behind a full block every remainder is left, of all sizes, with each usual window."""
    plan = TIERS[effort][-1]
    found = covered(operation, plan)
    windows = set(product(TABLES[plan.values]["filter"][:2], ((1, 1), (2, 2))))
    names = ["batch", "channels_in", "channels_out", "height", "width"]
    names += ["fore channels_out"] if operation.default_fore else []
    for name in names:
        held: dict[int, set[Any]] = {}
        for each in found:
            if block < (size := value(each, name)) < 2 * block:
                window = value(each, "filter"), value(each, "stride")
                held.setdefault(size % block, set()).add(window)
        assert [left for left in range(1, block) if held[left] >= windows] == [*range(1, block)]


@each_kind_of_layers
def test_extremes(operation: Operation) -> None:
    """Some are large in each respect, and an operation has a meaning on all."""
    found = covered(operation, Sizes("extreme"))
    for geometry in found:
        operation.check(geometry)
    shapes = [operation.shape(geometry, operation.result) for geometry in found]
    assert max(map(np.prod, shapes)) > 2**16
    assert max(most_terms(operation, geometry) for geometry in found) > 4096
    assert max(geometry.stride_width for geometry in found) == 16


def test_geometries_are_the_same_in_every_process() -> None:
    """Another seed of Python's hashes changes nothing."""
    code = (
        "from convcheck.conformance.shapes.sizes import *; "
        "from convcheck.form.operations import *; "
        "print(*covering(OPERATIONS['convolution'], (), Sizes('few', 2, 2**11)))"
    )
    command = [sys.executable, "-c", code]
    found = {
        subprocess.check_output(command, env={"PYTHONHASHSEED": seed})  # noqa: S603  (our code)
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop().split()) > 100


def test_smaller() -> None:
    """One size is made smaller at a time, the least first, while filters fit."""
    geometry = Geometry.parse("b1.h4.w5.i4.o1.f3x1.s1x1")
    subject = subject_of(reference_for("convolution"), CONVOLUTION)
    found = {name: [*smaller(subject, geometry, name)] for name in NAMES}
    assert [each.channels_in for each in found["channels_in"]] == [1, 2, 3]
    assert [each.height for each in found["height"]] == [3]
    assert [each.filter_height for each in found["filter_height"]] == [1, 2]
    assert not found["batch"]
    assert not found["fore filter_height"]


def test_a_failure_is_told_on_a_simple_geometry() -> None:
    """What a kernel does wrong from 16 channels on is told on 16, all else being one."""
    right = reference_for("convolution")

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = right(x, ftr, strd)
        return z if ftr.shape[0] < 16 or ftr.shape[1] < 3 else 0 * z

    record = Record(lambda _: subject_of(kernel, CONVOLUTION))
    with pytest.raises(ConformanceError) as error:
        test_combinations.test_sizes(record, Combined(CONVOLUTION, Sizes("few", 2, 2**11)))
    assert error.value.verdict is not None
    assert str(error.value.verdict.case.geometry) == "b1.h3.w1.i16.o1.f3x1.s1x1"

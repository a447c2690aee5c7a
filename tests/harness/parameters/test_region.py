"""Regions of parameters hold every distinct axis up to a size, once, the simplest first."""

from itertools import product
from typing import Any

import pytest
from each import ONE_LAYER, each

from convcheck.cases.parameters import ParameterRegion
from convcheck.form.axis import Axis
from convcheck.form.layers import LAYERS, Layer
from convcheck.form.operations import OPERATIONS, Operation

each_that_takes = each(operation for operation in ONE_LAYER if operation.parameters)
ALONG = ("padding", "dilation", "output_padding")


def region(operation: str, extent: int, **changed: Any) -> ParameterRegion:
    """Return the region of all parameters, unless something is changed."""
    takes = OPERATIONS[operation].parameters
    return ParameterRegion(operation, extent, **{"takes": takes, **changed})


def met(layer: Layer, axis: Axis) -> frozenset[tuple[int, int, int]]:
    """Return which place of the wide side each step and tap meet, in the padding or not."""
    taps = range(axis.taps)
    steps = range(axis.extent)
    if layer.narrows:
        room = axis.extent + axis.before + axis.after - (axis.taps - 1) * axis.dilation
        steps = range(len(range(0, room, axis.stride)))
    places = product(steps, taps)
    return frozenset(
        (n, tap, n * axis.stride + tap * axis.dilation - axis.before) for n, tap in places
    )


def wide(layer: Layer, axis: Axis) -> int:
    """Return the extent of the wide side."""
    if layer.narrows:
        return axis.extent
    reach = (axis.taps - 1) * axis.dilation + 1
    pads = axis.before + axis.after
    return (axis.extent - 1) * axis.stride + reach + axis.output_padding - pads


@pytest.mark.parametrize("layer", LAYERS)
def test_distinct_axes_are_all_there_are(layer: Layer) -> None:
    """Whatever an axis is, within the sizes, exactly one of the region's meets the same places."""
    n = 3
    found = [
        axis
        for _, geometry, _ in region(str(layer), n, rank=1).geometries()
        for axis in [geometry.columns]
    ]
    kinds = [(wide(layer, axis), axis[3:5], met(layer, axis)) for axis in found]
    assert len(set(kinds)) == len(found)
    sizes = (
        range(1, n + 1),
        range(1, n + 1),
        range(1, 8),
        range(n + 1),
        range(n + 1),
        range(1, n + 1),
    )
    for extent, taps, stride, before, after, dilation in product(*sizes):
        for output_padding in (0,) if layer.narrows else range(max(stride, dilation)):
            axis = Axis(extent, taps, stride, before, after, dilation, output_padding)
            fits = (taps - 1) * dilation < n and max(before, after) <= taps
            if fits and not axis.misfit("height", narrows=layer.narrows):
                own = wide(layer, axis), axis[3:5], met(layer, axis)
                assert (own in kinds) is (own[0] <= n), axis


def test_number_of_axes() -> None:
    """A convolution has eight distinct axes up to 1, counted by hand, and 912 up to 4."""
    counts = {n: region("convolution", n, rank=1).count() for n in (1, 4)}
    assert counts == {1: 8, 4: 912}


@each_that_takes
def test_geometries_come_once_and_have_a_meaning(operation: Operation) -> None:
    """The operation has a meaning on each; together they have all parameters; one comes first."""
    whole = region(operation.name, 3)
    found = list(whole.geometries())
    assert [rank for rank, _, _ in found] == list(range(whole.count()))
    geometries = [geometry for _, geometry, _ in found]
    assert len(set(geometries)) == len(geometries)
    for geometry in geometries:
        operation.check(geometry)
    for name in operation.parameters:
        values = {getattr(geometry, name) for geometry in geometries}
        assert len(values) > 1, name
    assert {geometry.groups for geometry in geometries} >= {1, 2, 3}
    first = geometries[0]
    assert (first.rows, first.columns) == (Axis(1), Axis(1))
    sides = [(geometry.rows, geometry.columns) for geometry in geometries]
    assert {(columns, rows) for rows, columns in sides} == set(sides)


@pytest.mark.parametrize("left_out", [*ALONG, "groups", "bias"])
@each_that_takes
def test_what_is_not_taken_does_not_vary(operation: Operation, left_out: str) -> None:
    """A region of fewer parameters has none of the others, and something is summed everywhere."""
    takes = tuple(name for name in operation.parameters if name != left_out)
    for _, geometry, _ in region(operation.name, 2, takes=takes).geometries():
        assert left_out not in operation.keywords(geometry)
        meets = all(operation.layer.span(axis).meets() for axis in geometry.axes)
        assert meets or geometry.bias


@each_that_takes
def test_symmetric_and_of_rank_1(operation: Operation) -> None:
    """So padding is alike on both sides, and the height is one."""
    for _, geometry, _ in region(operation.name, 3, symmetric=True).geometries():
        assert all(axis.before == axis.after for axis in geometry.axes)
    for _, geometry, _ in region(operation.name, 3, rank=1).geometries():
        assert geometry.rows == Axis(1)


@each_that_takes
def test_shards_and_spans_part_the_region(operation: Operation) -> None:
    """Shards hold every geometry once, and so do spans."""
    whole = region(operation.name, 2, dtypes=("float32", "float64"))
    every = list(whole.geometries())
    parts = [each for shard in range(3) for each in whole.geometries(shard, 3)]
    assert sorted(parts, key=lambda each: each[0]) == every
    spans = range(5), range(5, whole.count())
    assert [each for span in spans for each in whole.geometries(span=span)] == every
    assert sum(map(whole.count, spans)) == len(every)
    assert {dtype for *_, dtype in every} == {"float32", "float64"}


REFUSED: dict[str, dict[str, Any]] = {
    "extent=0: expected an integer of at least 1": {"extent": 0},
    r"takes=\('stride',\): expected a tuple of some of padding": {"takes": ("stride",)},
    "rank=3: expected 1 or 2": {"rank": 3},
    r"dtypes=\(\): expected a tuple of some of float16": {"dtypes": ()},
}


@pytest.mark.parametrize("said", REFUSED)
def test_bad_regions_are_refused(said: str) -> None:
    """Each field that is not what it should be is named."""
    with pytest.raises(ValueError, match=f"^{said}"):
        region("convolution", **{"extent": 2, **REFUSED[said]})

"""Regions hold every distinct geometry up to a size, once, the simplest first."""

import tracemalloc
from itertools import combinations, product
from typing import Any

import pytest
from each import TWO_LAYERS, each_kind_of_layers, each_operation

from convcheck.cases.axes import axes
from convcheck.cases.regions import Region, pairwise_rows
from convcheck.form.axis import Axis
from convcheck.form.formats import USUAL
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation


def selection(layer: str, axis: Axis) -> frozenset[tuple[int, int, int]]:
    """Return which element of the wide side each step and tap meet."""
    steps = axis.extent
    if layer == "convolution":
        steps = (axis.extent - axis.taps) // axis.stride + 1
    return frozenset(
        (step, tap, step * axis.stride + tap) for step in range(steps) for tap in range(axis.taps)
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_distinct_axes_are_all_there_are(layer: str) -> None:
    """Whatever its stride, an axis selects what exactly one distinct axis of its size does."""
    for extent in range(1, 6):
        distinct = axes(layer, None, extent)
        selections = [(each.axis.extent, selection(layer, each.axis)) for each in distinct]
        assert len(set(selections)) == len(distinct)
        for size, taps, stride in product(range(1, extent + 1), repeat=3):
            fits = taps <= size == extent
            if layer == "convolution_transpose":
                fits = (size - 1) * stride + taps == extent
            if fits:
                assert (size, selection(layer, Axis(size, taps, stride))) in selections


def test_number_of_axes() -> None:
    """A convolution has N(N+1)(N+2)/6 distinct axes up to N."""
    for n in (1, 4, 6, 8):
        found = sum(len(axes("convolution", None, extent)) for extent in range(1, n + 1))
        assert found == n * (n + 1) * (n + 2) // 6


@pytest.mark.parametrize(("extent", "expected"), [(2, 150), (3, 2355), (4, 19559)])
def test_number_of_two_layer_geometries(extent: int, expected: int) -> None:
    """Up to 4, the four pairings of layers have as many distinct geometries as counted by hand."""
    total = 0
    for operation, layer in product(TWO_LAYERS, LAYERS):
        total += sum(len(axes(operation.name, layer, e)) for e in range(1, extent + 1)) ** 2
    assert total == expected


@each_kind_of_layers
def test_beyond_is_one_stride_more(operation: Operation) -> None:
    """An axis one stride beyond has a stride that would be distinct if it were one less."""
    fore_layers = LAYERS if operation.default_fore else (None,)
    for fore_layer, extent in product(fore_layers, range(1, 5)):
        distinct = set(axes(operation.name, fore_layer, extent))
        beyond = axes(operation.name, fore_layer, extent, beyond=True)
        assert beyond
        for each in beyond:
            less = {each._replace(axis=each.axis._replace(stride=each.axis.stride - 1))}
            less.add(each._replace(fore_stride=each.fore_stride - 1))
            assert each not in distinct
            assert less & distinct


def small(operation: Operation, **more: Any) -> Region:
    """Return a region of some thousand geometries at most."""
    two = operation.default_fore is not None
    sizes: dict[str, Any] = {"extent": 2 if two else 4, "narrow": 1, "full_to": 1 if two else 2}
    return Region(operation.name, **(sizes | {"dtypes": USUAL} | more))


@each_operation
def test_geometries_are_valid_distinct_and_ranked(operation: Operation) -> None:
    """No geometry comes twice, each has a meaning, ranks rise, and so does the larger extent."""
    region = small(operation, reach=5)
    found = list(region.geometries())
    assert len({(geometry, dtype) for _, geometry, dtype in found}) == len(found) == region.count()
    ranks = [rank for rank, _, _ in found]
    assert ranks == sorted(set(ranks))
    largest = []
    for _, geometry, _ in found:
        operation.check(geometry)
        extents = operation.extents(geometry)
        largest.append(max(extents[axis] for axis in "HWRS" if axis in extents))
    assert largest == sorted(largest)
    assert largest[-1] == region.reach


@each_kind_of_layers
def test_shards_are_the_region(operation: Operation) -> None:
    """The shards of a region hold each of its geometries once, at the same rank."""
    region = small(operation)
    parts = [part for shard in range(3) for part in region.geometries(shard, 3)]
    assert sorted(parts, key=lambda part: part[0]) == list(region.geometries())


@each_kind_of_layers
def test_batch_channels_and_dtypes(operation: Operation) -> None:
    """In full, all batches and channels are combined; every dtype meets each of them."""
    region = small(operation)
    numbers = 4 if operation.default_fore else 3
    assert len({sizes[:-1] for sizes in region.full}) == 2 * 3 ** (numbers - 1)
    for rows in (region.full, region.pairwise):
        for at, values in enumerate([(1, 2), *[(1, 2, 3)] * (numbers - 1)]):
            assert {(row[at], row.dtype) for row in rows} == set(product(values, USUAL))
    assert region.full[0][:numbers] == (1,) * numbers


@pytest.mark.parametrize(
    ("values", "most"),
    [
        (((1, 2), (1, 2, 3), (1, 2, 3), (0,), USUAL), 9),
        (((1, 2), (1, 2, 3), (1, 2, 3), (1, 2, 3), USUAL), 13),
        (((1,), (2, 5)), 2),
        (((1, 2, 3, 4), (1, 2), ("a", "b", "c", "d", "e")), 20),
    ],
)
def test_pairwise_rows_hold_every_pair(values: tuple[tuple[Any, ...], ...], most: int) -> None:
    """Few combinations hold every pair of two values."""
    rows = pairwise_rows(values)
    assert len(rows) <= most
    for (i, a), (j, b) in combinations(enumerate(values), 2):
        assert {(row[i], row[j]) for row in rows} == set(product(a, b))


def test_fringe_is_thin() -> None:
    """Outside of `extent` one axis is narrow, and each geometry comes in one combination."""
    region = Region("convolution", 3, reach=6, narrow=2)
    outside = [g for _, g, _ in region.geometries() if max(g.height, g.width) > region.extent]
    assert {min(g.height, g.width) for g in outside} == {1, 2}
    spatial = [(g.height, g.width, *str(g).split(".")[-2:]) for g in outside]
    assert len(spatial) == len(set(spatial)) > 0


def test_beyond_pairs_combinations_take_turns() -> None:
    """Every axis meets every combination of batch and channels, though each geometry has one."""
    region = Region("convolution", 5, narrow=0, full_to=1, pairs_to=3)
    found: dict[Any, set[Any]] = {}
    spatial = set()
    for _, g, dtype in region.geometries():
        if max(g.height, g.width) > region.pairs_to:
            spatial.add(g.axes)
            for name, axis in zip(("rows", "columns"), g.axes, strict=True):
                sizes = g.batch, g.channels_in, g.channels_out, 0, dtype
                found.setdefault((name, axis), set()).add(sizes)
    assert all(each == set(region.pairwise) for each in found.values())
    assert region.count() == 18 + 9 * (10**2 - 1) + len(spatial) == 18 + 9 * 99 + 35**2 - 10**2
    assert "up to 3 in 9 combinations" in str(region)
    assert "beyond, in one of these each, by turns" in str(region)


def test_memory_stays_flat() -> None:
    """Enumerating a region fifty times larger takes no ten times the memory."""
    peaks = []
    for extent in (3, 7):
        tracemalloc.start()
        count = sum(1 for _ in Region("convolution", extent, full_to=0).geometries())
        peaks.append((tracemalloc.get_traced_memory()[1], count))
        tracemalloc.stop()
    (small_peak, few), (large_peak, many) = peaks
    assert many > 50 * few
    assert large_peak < 10 * small_peak + 100_000


ONE = {"batches": (1,), "channels": (1,)}
TOO_LARGE = f"at most {2**28} elements, not of "
BAD: tuple[tuple[dict[str, Any], str], ...] = (
    ({"operation": "conv"}, "operation='conv'"),
    ({"extent": 0}, "extent=0: expected an integer of at least 1"),
    ({"extent": True}, "extent=True"),
    ({"reach": 2}, "reach=2: expected an integer of at least 3"),
    ({"narrow": -1}, "narrow=-1"),
    ({"pairs_to": -1}, "pairs_to=-1"),
    ({"batches": ()}, r"batches=\(\)"),
    ({"channels": (1, 1)}, r"channels=\(1, 1\)"),
    ({"channels": (0,)}, "channels=0"),
    ({"fore_layers": ("dense",)}, "fore_layers=.*convolution, convolution_transpose"),
    ({"dtypes": ("int8",)}, "dtypes=.*float16, float32, float64"),
    (ONE | {"extent": 2**14 + 1, "narrow": 0}, f"{TOO_LARGE}{(2**14 + 1) ** 2}"),
    (ONE | {"extent": 1, "narrow": 2, "reach": 2**27 + 1}, f"{TOO_LARGE}{2**28 + 2}"),
    (ONE | {"extent": 4, "batches": (1, 2**24 + 1)}, f"{TOO_LARGE}{2**28 + 16}"),
    (ONE | {"extent": 1, "narrow": 0, "channels": (2**14 + 1, 1)}, f"{(2**14 + 1) ** 2}"),
)


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_bad_regions_are_refused(changed: dict[str, Any], message: str) -> None:
    """A bad argument is named with its value and what was expected, a too large region at once."""
    with pytest.raises(ValueError, match=message):
        Region(**{"operation": "convolution", "extent": 3, **changed})
    Region("convolution", 1, reach=2**14, narrow=0, channels=(2**14,))


def test_words_say_what_is_held() -> None:
    """A region in words names extents, fringe, batches, channels and dtypes."""
    text = str(Region("convolution_transpose", 6, dtypes=("float32", "float64")))
    for part in ("output extents up to 6", "up to 4 in every", "batch 1, 2", "channels 1, 2, 3"):
        assert part in text
    assert "float32 and float64" in text
    assert "both layers" in str(Region("conv_back_prop", 2, reach=5))
    assert "one axis longer, up to 5" in str(Region("conv_back_prop", 2, reach=5))
    one = Region("conv_back_prop", 2, narrow=0, fore_layers=("convolution_transpose",))
    assert "l+1 being a convolution transpose" in str(one)
    assert {g.fore and g.fore.layer for _, g, _ in one.geometries()} == {"convolution_transpose"}

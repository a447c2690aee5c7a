"""How time and memory grow: with geometries, extents, and products up to ResNet-50's."""

import time
import tracemalloc

import zoo

from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.conformance.shapes.networks import distinct_layers
from convcheck.conformance.shapes.sampled import judge_sampled
from convcheck.judging.enumeration import enumerate_region
from convcheck.reference import convolution

KERNEL = zoo.kernels(zoo.STYLES["fused"])["convolution"]


# Memory is traced on so many places at a region's end, where arrays are largest: it takes long.
_TRACED = 300


def enumeration(largest: int = 7) -> list[dict[str, float]]:
    """Return, by extent, geometries, seconds for each as a multiple of the first's, and memory."""
    rows: list[dict[str, float]] = []
    for extent in range(3, largest + 1):
        region = Region("convolution", extent, full_to=0)
        tracemalloc.start()
        last = range(max(region.places - _TRACED, 0), region.places)
        for _ in enumerate_region(KERNEL, region, draws=1, seed=0, span=last):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        started = time.perf_counter()
        for _ in enumerate_region(KERNEL, region, draws=1, seed=0):
            pass
        each = (time.perf_counter() - started) / region.count()
        rows.append(
            {
                "extent": extent,
                "geometries": region.count(),
                "time a geometry": each,
                "peak memory in MB": peak / 1e6,
            }
        )
    first = rows[0]["time a geometry"]
    return [{**row, "time a geometry": row["time a geometry"] / first} for row in rows]


def layers(outputs: int = 32) -> list[dict[str, float | str]]:
    """Return, for ResNet-50, the time to judge sampled outputs as multiples of the first layer's.

    The kernel is the literal one, on each output's own receptive field.
    """
    rows: list[dict[str, float | str]] = []
    first = 0.0
    for layer in distinct_layers():
        if layer.network != "ResNet-50":
            continue
        case = Case("convolution", layer.geometry, "float32", "integers", seed=1)
        started = time.perf_counter()
        judge_sampled(convolution, case, outputs)
        seconds = time.perf_counter() - started
        first = first or seconds
        g = layer.geometry
        rows.append(
            {
                "layer": str(layer),
                "products": g.channels_in * g.filter_height * g.filter_width,
                "time": seconds / first,
            }
        )
    return rows

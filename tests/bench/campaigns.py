"""What a campaign too large to be run here would cost, on one worker and on many."""

import tempfile
import time
from pathlib import Path

import numpy as np
from scaling import makespan

from convcheck.campaigns.campaign import certify_span, process_pool
from convcheck.campaigns.plan import Part, Plan
from convcheck.campaigns.results import Results
from convcheck.cases.regions import Region
from convcheck.kernels.loading import source_digest

REGION = Region("convolution", 16, channels=(1, 2, 3, 4))
WORKERS = (1, 64, 1024)

# A vectorised kernel, as a user would write it.
_KERNEL = """
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""
# A sample is so many places.
_PLACES = 4


def cost(samples: int = 150) -> dict[str, float]:
    """Return what the region costs, from places sampled at even distances.

    Each is judged as a worker judges a span, the kernel in a process of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kernel.py")
        file.write_text(_KERNEL, encoding="utf-8")
        plan = Plan(REGION, f"convolution={file}:convolution", source_digest(str(file)))
        started = time.perf_counter()
        with process_pool(1) as pool:
            pool.submit(certify_span, plan.plain(), 0, 1).result()
        start_up = time.perf_counter() - started
        at = (np.arange(samples) + 0.5) * REGION.places / samples
        seconds, parts = _sampled(plan, [int(place) for place in at])
        keeping = _keeping(plan, parts, Path(folder, "results"))
    spans = [(span.start, len(span)) for span in plan.spans()]
    starts, lengths = np.array(spans).T
    durations = np.interp(starts + lengths / 2, at, seconds) * lengths
    whole = float(durations.sum())
    # The costs rise along the region: their spread around that is what neighbours differ by.
    spread = np.sqrt(np.mean(np.diff(seconds) ** 2) / 2 / samples) / np.mean(seconds)
    costs = {
        "geometries": REGION.count(),
        "spans": len(spans),
        "geometries a second on a worker": REGION.count() / whole,
        "worker hours": whole / 3600,
        "worker hours, standard error in %": 100 * float(spread),
        "longest span, seconds": float(durations.max()),
        "start-up of a worker, seconds": start_up,
        "keeping the results of all spans, seconds": keeping * len(spans),
    }
    for workers in WORKERS:
        ends = start_up + makespan(durations, workers)
        costs[f"minutes on {workers} workers"] = ends / 60
        costs[f"share of that which {workers} workers work"] = whole / workers / ends
    return costs


def _sampled(plan: Plan, places: list[int]) -> tuple[list[float], list[Part]]:
    """Return seconds a place, and what they gave, of samples that start at these places."""
    plain, seconds, parts = plan.plain(), [], []
    certify_span(plain, 0, 1)  # starts the kernel
    for start in places:
        stop = min(start + _PLACES, plan.region.places)
        started = time.perf_counter()
        parts.append(Part(**certify_span(plain, start, stop)))
        seconds.append((time.perf_counter() - started) / (stop - start))
    assert not any(part.failure for part in parts)
    return seconds, parts


def _keeping(plan: Plan, parts: list[Part], path: Path) -> float:
    """Return the seconds that the coordinator takes to append a part."""
    with Results(path, plan) as results:
        started = time.perf_counter()
        for part in parts:
            results.append(part)
        return (time.perf_counter() - started) / len(parts)

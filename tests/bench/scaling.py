"""How the conformance tests share out: over two processes, and over more by computation."""

import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from convcheck.form.operations import OPERATIONS

HERE = Path(__file__).parent
TESTS = "convcheck.conformance.test_certificates"
WORKERS = (4, 8, 16, 32, 64)
# Where all operations would take long: of many tests none is long beside the whole.
SOME = tuple(name for name in OPERATIONS if name.startswith("convolution_transpose"))

# What a process does without pytest: its half of the same regions, timed once it has started.
_BARE = """
import sys, time
from convcheck.conformance.references import reference_for
from convcheck.conformance.plan.certified import TIERS, region
from convcheck.judging.enumeration import enumerate_region
from convcheck.form.operations import OPERATIONS
from convcheck.form.pytorch import one_thread

share, of = map(int, sys.argv[1:3])
with one_thread():
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for operation in map(OPERATIONS.get, sys.argv[3:]):
        kernel = reference_for(operation.name)
        within = region(kernel, TIERS["default"])
        for _ in enumerate_region(kernel, within, draws=1, seed=0, shard=share, shards=of):
            pass
    print(time.perf_counter() - started)
"""


def _pytest(workers: int, operations: Iterable[str] = ("test",)) -> dict[str, Any]:
    """Run certificates under pytest; return seconds past start-up, and each test's."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Path(folder, "clock.json")
        path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
        subprocess.run(  # noqa: S603  (arguments of this module's own)
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "clock", "-n", str(workers)),
                *("--pyargs", TESTS, "-k", " or ".join(operations)),
            ],
            env={**os.environ, "CONVCHECK_CLOCK": str(clock), "PYTHONPATH": path},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        found: dict[str, Any] = json.loads(clock.read_text(encoding="utf-8"))
    return found


def _bare(processes: int) -> float:
    """Return the seconds that bare processes side by side take for the same."""
    running = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _BARE, str(share), str(processes), *SOME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for share in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    started = time.perf_counter()
    outputs = []
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    outputs = [process.communicate()[0] for process in running]
    assert all(float(output) > 0 for output in outputs)
    return time.perf_counter() - started


def workers() -> dict[str, float]:
    """Return times for some operations, as multiples of one bare process's."""
    one = _bare(1)
    return {
        "one bare process": 1.0,
        "two bare processes": _bare(2) / one,
        "pytest -n 1": _pytest(1, SOME)["seconds"] / one,
        "pytest -n 2": _pytest(2, SOME)["seconds"] / one,
    }


def balance() -> dict[str, float]:
    """Return, for more workers, which part of their time they would work, by times measured."""
    durations = _pytest(1)["durations"].values()
    return {
        f"{count} workers": sum(durations) / (count * makespan(durations, count))
        for count in WORKERS
    }


def makespan(durations: Iterable[float], workers: int) -> float:
    """Return when the last worker ends, each taking what is next when it is free."""
    free = [0.0] * workers
    for duration in durations:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)

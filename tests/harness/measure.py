"""Measures the enumeration: `python tests/harness/measure.py share`, or another word.

share   of the time of enumeration, what kernel, oracle and the rest take, by operation
alarms  judges that many exact cases of right kernels, written in five ways, and tells every
        one that is rejected
campaign  what certifying convolutions up to extent 16 with up to 4 channels would cost, from
        a sample of its spans
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import zoo

from convcheck.conformance.kernels import kernel_for
from convcheck.oracle.campaign_plan import Plan
from convcheck.oracle.cases import DTYPES
from convcheck.oracle.certificates import enumerate_region
from convcheck.oracle.operations import OPERATIONS, Operation
from convcheck.oracle.pytorch import one_thread
from convcheck.oracle.regions import Region


def region(operation: Operation, extent: int = 6) -> Region:
    """Return a region like the one that is certified by default."""
    if operation.default_fore is None:
        return Region(operation.name, extent, dtypes=DTYPES[::-1])
    return Region(operation.name, extent // 2, extent, 1, full_to=2, dtypes=DTYPES[::-1])


class Watch:
    """Adds up the time inside functions; calls from one into another count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, timed."""

        def timed(*args: Any, **keywords: Any) -> Any:
            if self._inside:
                return function(*args, **keywords)
            self._inside, started = True, time.perf_counter()
            try:
                return function(*args, **keywords)
            finally:
                self.seconds += time.perf_counter() - started
                self._inside = False

        return timed


@contextmanager
def watched_oracle(watch: Watch) -> Iterator[None]:
    """Time every call of the PyTorch oracle."""
    names = ("oracle", "error", "gradient")
    originals = {name: getattr(Operation, name) for name in names}
    try:
        for name, function in originals.items():
            setattr(Operation, name, watch(function))
        yield
    finally:
        for name, function in originals.items():
            setattr(Operation, name, function)


def share() -> None:
    """Print the share of the time that is neither kernel nor oracle."""
    total = rest = 0.0
    for operation in OPERATIONS.values():
        kernel, oracle = Watch(), Watch()
        started = time.perf_counter()
        with watched_oracle(oracle):
            judged = sum(
                len(verdicts)
                for _, verdicts in enumerate_region(
                    kernel(kernel_for(operation.name)), region(operation), draws=1, seed=0, shards=4
                )
            )
        seconds = time.perf_counter() - started
        own = seconds - kernel.seconds - oracle.seconds
        total, rest = total + seconds, rest + own
        print(
            f"{operation.name:38} {judged:6,} cases  kernel {kernel.seconds / seconds:.0%}  "
            f"oracle {oracle.seconds / seconds:.0%}  rest {own / seconds:.0%}"
        )
    print(f"{'all':38} rest {rest / total:.0%}")


def alarms(wanted: int) -> None:
    """Judge `wanted` cases of right kernels, and tell the rejected ones."""
    judged = rejected = seed = 0
    while judged < wanted:
        for style in ("loop", *zoo.STYLES):
            for operation in OPERATIONS.values():
                kernels = zoo.kernels(zoo.STYLES[style]) if style != "loop" else None
                kernel = kernels[operation.name] if kernels else kernel_for(operation.name)
                for _, verdicts in enumerate_region(kernel, region(operation), draws=1, seed=seed):
                    judged += len(verdicts)
                    for verdict in verdicts:
                        if verdict.failed:
                            rejected += 1
                            print(f"rejected: {style}, {verdict.case}: {verdict.reason}")
                    if judged >= wanted:
                        print(f"{judged:,} cases judged, {rejected} rejected")
                        return
                print(f"{judged:,} {style} {operation.name}", file=sys.stderr)
        seed += 1


def campaign(samples: int = 40) -> None:
    """Print what a campaign too large to be run here would cost, judging a sample of spans."""
    large = Region("convolution", 16, channels=(1, 2, 3, 4))
    kernel = zoo.kernels(zoo.STYLES["fused"])["convolution"]
    spans = list(Plan(large, "", "").spans())
    seconds = []
    for at in range(samples):
        span = spans[int((at + 0.5) * len(spans) / samples)]
        started = time.perf_counter()
        for _ in enumerate_region(kernel, large, draws=1, seed=0, span=span):
            pass
        seconds.append(time.perf_counter() - started)
    hours = sum(seconds) / samples * len(spans) / 3600
    print(f"{large.count():,} geometries in {len(spans):,} spans; about {hours:.2g} core hours")
    for workers in (1, 64, 1024):
        # No worker idles but at the end, for at most the longest span.
        longest = hours * 3600 / workers + max(seconds)
        print(f"{workers:5} workers: {longest / 60:,.1f} minutes")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("share", "alarms", "campaign"))
    parser.add_argument("cases", type=int, nargs="?", default=1_000_000)
    arguments = parser.parse_args()
    with one_thread():
        if arguments.what == "alarms":
            alarms(arguments.cases)
        else:
            {"share": share, "campaign": campaign}[arguments.what]()


if __name__ == "__main__":
    main()

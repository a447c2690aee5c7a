"""What an enumeration's time goes to, and whether right kernels are ever rejected."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any

import zoo

from convcheck.campaigns.certificates import Certificate
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.conformance.references import HOMES, reference_for
from convcheck.form.formats import USUAL
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.enumeration import enumerate_region


def region(operation: Operation, extent: int = 6) -> Region:
    """Return a region like the one that is certified by default."""
    if operation.default_fore is None:
        return Region(operation.name, extent, dtypes=USUAL[::-1])
    return Region(operation.name, extent // 2, extent, 1, full_to=2, dtypes=USUAL[::-1])


class Watch:
    """Adds up the time inside functions; calls from one into another count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._calls = 0
        self._inside = False

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, timed."""
        clock = time.perf_counter

        @wraps(function)  # it says which parameters it takes
        def timed(*args: Any, **keywords: Any) -> Any:
            started = clock()
            if self._inside:
                return function(*args, **keywords)
            self._inside = True
            try:
                return function(*args, **keywords)
            finally:
                self._inside = False
                self._calls += 1
                self.seconds += clock() - started

        return timed

    @property
    def own_seconds(self) -> float:
        """What watching itself has taken, outside of what was watched; rather less than more."""
        return self._calls * _watching()


@lru_cache
def _watching(calls: int = 20_000) -> float:
    """Return the seconds that watching a call takes where it is in the processor's caches."""
    watch = Watch()
    nothing = watch(lambda: None)
    started = time.perf_counter()
    for _ in range(calls):
        nothing()
    return (time.perf_counter() - started - watch.seconds) / calls


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


def share() -> dict[str, dict[str, float]]:
    """Return, by operation, which shares of the time kernel, oracle and the rest take.

    Regions of parameters are told apart, and what all of either take together.
    """
    regions: dict[str, list[Region | ParameterRegion]] = {
        "": [region(each) for each in OPERATIONS.values()],
        " with parameters": [
            ParameterRegion(each.name, 4, each.parameters, dtypes=USUAL[::-1])
            for each in OPERATIONS.values()
            if each.parameters
        ],
    }
    shares = {}
    for kind, several in regions.items():
        spent = {f"{each.operation}{kind}": _spent(each) for each in several}
        spent[f"all{kind}"] = sum(spent.values(), Counter())
        shares |= {
            name: {part: seconds / parts.total() for part, seconds in parts.items()}
            for name, parts in spent.items()
        }
    return shares


def _spent(within: Region | ParameterRegion) -> Counter[str]:
    """Return the seconds that go into enumerating a quarter of a region."""
    kernel, oracle = Watch(), Watch()
    timed = kernel(getattr(HOMES[within.operation], within.operation))
    certificate = Certificate(within, 1, within.count())
    started = time.perf_counter()
    with watched_oracle(oracle):
        for _, verdicts in enumerate_region(timed, within, draws=1, seed=0, shards=4):
            certificate.add(verdicts)
    seconds = time.perf_counter() - started - kernel.own_seconds - oracle.own_seconds
    parts = {"kernel": kernel.seconds, "oracle": oracle.seconds}
    found: Counter[str] = Counter()
    found.update(parts | {"rest": seconds - sum(parts.values())})
    return found


def alarms(wanted: int) -> dict[str, int]:
    """Judge `wanted` exact cases of right kernels, written in five ways; count the rejected."""
    judged = rejected = seed = 0
    while judged < wanted:
        for style in ("loop", *zoo.STYLES):
            for operation in OPERATIONS.values():
                kernels = zoo.kernels(zoo.STYLES[style]) if style != "loop" else None
                kernel = kernels[operation.name] if kernels else reference_for(operation.name)
                for _, verdicts in enumerate_region(kernel, region(operation), draws=1, seed=seed):
                    judged += len(verdicts)
                    for verdict in verdicts:
                        if verdict.failed:
                            rejected += 1
                            sys.stderr.write(f"rejected: {style}, {verdict.case}\n")
                    if judged >= wanted:
                        return {"judged": judged, "rejected": rejected}
        seed += 1
    return {"judged": judged, "rejected": rejected}

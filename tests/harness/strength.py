"""Measure how strong the conformance suite is: run as a script, it writes strength.json.

Every mistake of the catalogue is judged on the cases of the suite, in the order of its tests,
until the first failure.  What Hypothesis draws is drawn once for each operation, by the suite's
own strategies and seeds.
"""

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import convcheck.conformance
from convcheck.conformance.boundaries import boundary_geometries, reachable
from convcheck.conformance.kernels import partners
from convcheck.conformance.plugin import EXAMPLES
from convcheck.conformance.recording import laws_of
from convcheck.conformance.strategies import geometries, seeds
from convcheck.conformance.test_certificates import TIERS, region
from convcheck.oracle import pytorch
from convcheck.oracle.bounds import Bound, bound
from convcheck.oracle.cases import DTYPES, Case, agreement_fills, nonfinite_fills
from convcheck.oracle.certificates import enumerate_region
from convcheck.oracle.geometry import Geometry
from convcheck.oracle.judge import judge_against, property_of
from convcheck.oracle.judge_law import judge_law
from convcheck.oracle.layouts import Array
from convcheck.oracle.mistakes import Mistake, catalogue
from convcheck.oracle.operations import OPERATIONS, Arrays, Kernel, operation_named
from convcheck.oracle.verdicts import Outcome, Verdict

DATA = Path(convcheck.conformance.__path__[0]) / "strength.json"
PROFILES = ("quick", "default", "thorough")
LAWS_SHARE = 0.25
SHRUNK_EVERY = 40  # of the mistakes, those that are shrunk


@dataclass(frozen=True)
class Prepared:
    """A case with what the oracle says of it, for many kernels."""

    case: Case
    arrays: Arrays
    expected: Array
    limits: Bound | None

    def judge(self, kernel: Kernel) -> Verdict:
        """Return the verdict on a kernel."""
        agrees = Verdict(self.case, kernel, property_of(self.case), Outcome.AGREES)
        return judge_against(agrees, self.arrays, self.expected, self.limits)


def _settings(examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=examples,
        phases=phases,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@lru_cache(maxsize=256)
def drawn(operation: str, test: str, examples: int) -> tuple[tuple[Geometry, int], ...]:
    """Return the geometries and seeds that a test of the suite draws."""
    found: list[tuple[Geometry, int]] = []

    @hypothesis.seed(f"0 {test} {test}[{operation}]")
    @_settings(examples, Phase.generate)
    @given(data=st.data())
    def collect(data: st.DataObject) -> None:
        found.append((data.draw(geometries(OPERATIONS[operation])), data.draw(seeds)))

    collect()
    return tuple(found)


@lru_cache(maxsize=4096)
def prepared(operation: str, fills: tuple[str, ...], geometry: Geometry, seed: int) -> Any:
    """Return the cases that a drawn geometry stands for, as far as they can be judged."""
    found = []
    for case in (Case(operation, geometry, d, fill, seed) for d in DTYPES for fill in fills):
        if case.mode != "bound" and case.largest is None:
            continue
        arrays, which = case.arrays(), operation_named(operation)
        limits = bound(which, geometry, arrays, case.dtype) if case.mode == "bound" else None
        found.append(Prepared(case, arrays, which.oracle(geometry, arrays), limits))
    return found


def verdicts(mistake: Mistake, profile: str) -> Iterator[Verdict]:
    """Yield the verdicts of the suite on a mistake, in the order of its tests."""
    kernel, name = mistake.make(), mistake.operation
    operation = OPERATIONS[name]
    examples = EXAMPLES.get(profile, 100)
    few = max(1, round(examples * LAWS_SHARE))
    for geometry, seed in drawn(name, "test_agreement", examples):
        yield from (
            p.judge(kernel) for p in prepared(name, agreement_fills(operation), geometry, seed)
        )
    for boundary in reachable(operation):
        for geometry in boundary_geometries(operation, boundary):
            yield from (
                p.judge(kernel) for p in prepared(name, agreement_fills(operation), geometry, 1)
            )
    for geometry, seed in drawn(name, "test_nonfinite", few):
        yield from (
            p.judge(kernel) for p in prepared(name, nonfinite_fills(operation), geometry, seed)
        )
    for geometry, seed in drawn(name, "test_laws", few):
        for dtype in DTYPES:
            case = Case(name, geometry, dtype, "integers", seed)
            yield from (judge_law(law, kernel, case, partners()) for law in laws_of(name))
    within = region(operation, TIERS[profile])
    for _, some in enumerate_region(kernel, within, draws=1, seed=0, shard=0, shards=1):
        yield from some


def caught(mistake: Mistake, profile: str) -> int | None:
    """Return after how many judged cases a mistake is caught; None if it never is."""
    for count, verdict in enumerate(verdicts(mistake, profile), start=1):
        if verdict.failed:
            return count
    return None


def shrunk(mistake: Mistake) -> int | None:
    """Return how many input elements a failure shrinks to; None if none is drawn."""
    kernel, operation = mistake.make(), OPERATIONS[mistake.operation]
    smallest: list[int] = []

    @hypothesis.seed(f"0 {mistake.id}")
    @_settings(100, Phase.generate, Phase.shrink)
    @given(data=st.data())
    def search(data: st.DataObject) -> None:
        geometry, seed = data.draw(geometries(operation)), data.draw(seeds)
        for each in prepared(operation.name, agreement_fills(operation), geometry, seed):
            if each.judge(kernel).failed:
                smallest.append(sum(prod(a.shape) for a in each.arrays.values()))
                raise AssertionError

    try:
        search()
    except AssertionError:
        return smallest[-1]
    return None


def measure(operations: list[str], show: Callable[[str], Any]) -> dict[str, Any]:
    """Return the content of the data file."""
    rows, sizes = [], []
    for name in operations:
        for number, mistake in enumerate(catalogue(name)):
            rows.append(
                {
                    "id": mistake.id,
                    "sentence": mistake.sentence,
                    "known_from": mistake.known_from,
                    "operation": name,
                    "caught": {profile: caught(mistake, profile) for profile in PROFILES},
                }
            )
            if number % SHRUNK_EVERY == 0:
                sizes.append(shrunk(mistake))
        show(f"{name}: {sum(row['operation'] == name for row in rows)} mistakes")
    found = [size for size in sizes if size is not None]
    median = statistics.median(found) if found else None
    return {"mistakes": rows, "mutants": None, "shrunk": median and {"median_elements": median}}


if __name__ == "__main__":
    with pytorch.one_thread():
        content = measure(sys.argv[1:] or list(OPERATIONS), print)
    if not sys.argv[1:]:
        kept = json.loads(DATA.read_text()) if DATA.exists() else {}
        content["mutants"] = kept.get("mutants")
        DATA.write_text(json.dumps(content, indent=1) + "\n")
    missed = [(row["operation"], row["id"], row["caught"]) for row in content["mistakes"]]
    for operation_name, id_, counts in missed:
        if None in counts.values():
            print(operation_name, id_, counts)
    print(content["shrunk"])

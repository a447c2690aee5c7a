"""Measure how strong the conformance suite is: run as a script, it writes strength.json.

Every mistake of the catalogue is judged by the tests of the suite, in their order, until the
first failure, at each effort.
"""

import json
import multiprocessing
import os
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import settings

import convcheck.conformance
from convcheck.conformance.plugin import EXAMPLES
from convcheck.oracle import pytorch
from convcheck.oracle.mistakes import catalogue
from convcheck.oracle.operations import OPERATIONS

DATA = Path(convcheck.conformance.__path__[0]) / "strength.json"
PROFILES = ("quick", "default", "thorough")
SHRUNK_EVERY = 40  # of the mistakes, those that are shrunk

Counts = dict[str, int | None]


def _load(profile: str) -> None:
    """Load a profile; the conformance tests, imported later, have its number of examples."""
    if profile in EXAMPLES:
        settings.register_profile(profile, max_examples=EXAMPLES[profile])
    settings.load_profile(profile)


def counts(profile: str, operation: str) -> Counts:
    """Return by id the number of judged cases until a mistake is caught."""
    _load(profile)
    from suite import caught  # noqa: PLC0415

    with pytorch.one_thread():
        return {each.id: caught(each.make(), operation) for each in catalogue(operation)}


def sizes(operation: str) -> list[int | None]:
    """Return how many input elements failures shrink to."""
    _load("default")
    from suite import shrunk  # noqa: PLC0415

    with pytorch.one_thread():
        return [shrunk(each) for each in catalogue(operation)[::SHRUNK_EVERY]]


def rows(operation: str, found: dict[str, Counts]) -> list[dict[str, Any]]:
    """Return what is published of an operation's mistakes, from counts by profile."""
    return [
        {
            "id": each.id,
            "sentence": each.sentence,
            "known_from": each.known_from,
            "operation": operation,
            "caught": {profile: found[profile][each.id] for profile in PROFILES},
        }
        for each in catalogue(operation)
    ]


def measure(operations: list[str]) -> dict[str, Any]:
    """Return the content of the data file but for the mutants."""
    tasks = list(product(operations, PROFILES[::-1]))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, max_tasks_per_child=1) as pool:
        shrinking = [pool.submit(sizes, name) for name in operations]
        counting = {task: pool.submit(counts, task[1], task[0]) for task in tasks}
        found = {name: {p: counting[name, p].result() for p in PROFILES} for name in operations}
        shrunk = [size for each in shrinking for size in each.result() if size is not None]
    for name, by_profile in found.items():
        for profile, each in by_profile.items():
            missed = [id_ for id_, count in each.items() if count is None]
            print(f"{name}, {profile}: {len(each)} mistakes, missed: {', '.join(missed) or 'none'}")
    return {
        "mistakes": [row for each in found.items() for row in rows(*each)],
        "shrunk": {"median_elements": statistics.median(shrunk)},
    }


def publish(part: dict[str, Any]) -> None:
    """Write what was measured, and leave the rest of the data file as it is."""
    kept: dict[str, Any] = {"mistakes": [], "mutants": None, "shrunk": None}
    if DATA.is_file():
        kept |= json.loads(DATA.read_text(encoding="utf-8"))
    DATA.write_text(json.dumps(kept | part, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    measured = measure(sys.argv[1:] or list(OPERATIONS))
    print(measured["shrunk"])
    if not sys.argv[1:]:
        publish(measured)

"""Measure how strong the conformance suite is: run as a script, it writes strength.json.

Arguments name the operations to measure; those that are not named keep what is known of them.

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
from typing import Any

from hypothesis import settings

from convcheck.conformance.plugin.hooks import EXAMPLES
from convcheck.diagnosis.mistakes import catalogue
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.reports.told.strength import DATA

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


def measure(operations: list[str]) -> None:
    """Publish what is found of each operation as soon as it is known, and print what is missed."""
    tasks = list(product(operations, PROFILES[::-1]))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn, max_tasks_per_child=1) as pool:
        counting = {task: pool.submit(counts, task[1], task[0]) for task in tasks}
        shrinking = [pool.submit(sizes, name) for name in operations]
        for name in operations:
            found = {profile: counting[name, profile].result() for profile in PROFILES}
            for profile, each in found.items():
                missed = [id_ for id_, count in each.items() if count is None]
                told = ", ".join(missed) or "none"
                print(f"{name}, {profile}: {len(each)} mistakes, missed: {told}", flush=True)
            mistakes = {**_published(), name: rows(name, found)}
            publish({"mistakes": [row for name in OPERATIONS for row in mistakes.get(name, [])]})
        if operations == list(OPERATIONS):
            shrunk_to = [size for each in shrinking for size in each.result() if size is not None]
            publish({"shrunk": {"median_elements": statistics.median(shrunk_to)}})


def _published() -> dict[str, list[dict[str, Any]]]:
    content = json.loads(DATA.read_text(encoding="utf-8")) if DATA.is_file() else {"mistakes": []}
    return {
        name: [row for row in content["mistakes"] if row["operation"] == name]
        for name in OPERATIONS
    }


def publish(part: dict[str, Any]) -> None:
    """Write what was measured, and leave the rest of the data file as it is."""
    kept: dict[str, Any] = {"mistakes": [], "mutants": None, "shrunk": None}
    if DATA.is_file():
        kept |= json.loads(DATA.read_text(encoding="utf-8"))
    DATA.write_text(json.dumps(kept | part, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure(sys.argv[1:] or list(OPERATIONS))

"""Measure how strong the conformance suite is: run as a script, it writes strength.json.

Arguments name the operations to measure; those that are not named keep what is known of them.

Every mistake of the catalogue is judged by the tests of the suite, in their order, until the
first failure, at each effort; every subtle wrong kernel by all of them.
"""

import json
import multiprocessing
import os
import statistics
import sys
from itertools import chain, islice, product
from typing import Any

from hypothesis import settings
from subtle import SUBTLE

from convcheck.conformance.plugin.options import EXAMPLES
from convcheck.diagnosis.mistakes import catalogue
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.reports.told.strength import DATA

PROFILES = ("quick", "default", "thorough")
SHRUNK_EVERY = 40  # of the mistakes, those that are shrunk

Counts = dict[str, int | None]
Kinds = dict[str, list[str]]


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


def kinds(profile: str, operation: str) -> Kinds:
    """Return by name which kinds of steps catch a subtle kernel.

    Beyond the first profile only one kind is looked for, since their steps cost more: at first
    among those that are known to catch the kernel.
    """
    os.environ["OMP_NUM_THREADS"] = "2"  # for kernels that only several threads show
    _load(profile)
    from suite import catching  # noqa: PLC0415

    most = None if profile == PROFILES[0] else 1
    known = {row["name"]: [*chain(*row["caught"].values())] for row in _published()["subtle"]}
    found: Kinds = {}
    own = [each for each in SUBTLE.values() if each.operation == operation]
    for each in own:
        line = f"{operation}=subtle:{each.name}"
        with pytorch.one_thread(), Isolated(Candidate.parse(line)) as isolated:
            first = known.get(each.name, ()) if most else ()
            found[each.name] = list(islice(catching(each.make(), operation, first), most))
            if not found[each.name]:  # as what changes large results later, seen in a process alone
                found[each.name] = list(islice(catching(isolated, operation), most))
    return found


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


def subtle_rows(operation: str, found: dict[str, Kinds]) -> list[dict[str, Any]]:
    """Return what is published of an operation's subtle kernels, from kinds of steps by profile."""
    return [
        {
            "name": each.name,
            "family": each.family,
            "sentence": each.sentence,
            "operation": operation,
            "caught": {profile: found[profile][each.name] for profile in PROFILES},
        }
        for each in SUBTLE.values()
        if each.operation == operation
    ]


def measure(operations: list[str]) -> None:
    """Publish what is found of each operation as soon as it is known, and print what is missed."""
    tasks = list(product(operations, PROFILES[::-1]))
    # Not ProcessPoolExecutor, which may wait for ever where its processes end after some tasks
    # (CPython's issue 115634).
    with multiprocessing.get_context("spawn").Pool(maxtasksperchild=1) as pool:
        counting = {task: pool.apply_async(counts, task[::-1]) for task in tasks}
        looking = {task: pool.apply_async(kinds, task[::-1]) for task in tasks}
        shrinking = [pool.apply_async(sizes, (name,)) for name in operations]
        for name in operations:
            found = {profile: counting[name, profile].get() for profile in PROFILES}
            for profile, each in found.items():
                missed = [id_ for id_, count in each.items() if count is None]
                told = ", ".join(missed) or "none"
                print(f"{name}, {profile}: {len(each)} mistakes, missed: {told}", flush=True)
            _replace("mistakes", name, rows(name, found))
        for name in operations:
            steps = {profile: looking[name, profile].get() for profile in PROFILES}
            for profile, by_name in steps.items():
                missed = [each for each, caught in by_name.items() if not caught]
                told = ", ".join(missed) or "none"
                print(f"{name}, {profile}: {len(by_name)} subtle kernels, missed: {told}")
            _replace("subtle", name, subtle_rows(name, steps))
        if operations == list(OPERATIONS):
            shrunk_to = [size for each in shrinking for size in each.get() if size is not None]
            publish({"shrunk": {"median_elements": statistics.median(shrunk_to)}})


def _replace(part: str, operation: str, found: list[dict[str, Any]]) -> None:
    """Publish what was found of an operation, and keep what is known of the others."""
    known = _published().get(part, [])
    of = {name: [row for row in known if row["operation"] == name] for name in OPERATIONS}
    of[operation] = found
    publish({part: [row for each in of.values() for row in each]})


def _published() -> dict[str, Any]:
    known: dict[str, Any] = {"mistakes": [], "subtle": [], "mutants": None, "shrunk": None}
    return known | (json.loads(DATA.read_text(encoding="utf-8")) if DATA.is_file() else {})


def publish(part: dict[str, Any]) -> None:
    """Write what was measured, and leave the rest of the data file as it is."""
    DATA.write_text(json.dumps(_published() | part, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    measure(sys.argv[1:] or list(OPERATIONS))

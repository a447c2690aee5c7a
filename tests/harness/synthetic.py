"""Reports made up in this process, for tests of what is done with reports."""

import copy
from typing import Any

from convcheck.conformance.plugin.recording import planned_boundaries, planned_cells, planned_pairs
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.reports import circumstances, files, findings
from convcheck.reports.findings import Planned, Results

Json = dict[str, Any]

CASE = "v1:convolution:float32:integers:b1.h2.w1.i1.o1.f2x1.s1x1:0"
KERNELS = {"convolution": "mine:conv2d"}
PLANNED = Planned(
    [cell for cell in planned_cells(Subjects()) if cell[0] in KERNELS],
    [each for each in planned_boundaries(Subjects()) if each[0] in KERNELS],
    [each for each in planned_pairs(Subjects()) if each[0] in KERNELS],
)
CELLS = list(PLANNED.cells)
TESTS = [f"test_some::test_it[{prop}-{which}]" for _, prop, _ in CELLS[::3] for which in "ab"]


def failure(message: str = "it is wrong", case: str = CASE, **more: Any) -> Json:
    """Return a failure as a record's cell has it."""
    rerun = f"pytest --case {case}"
    told = {"case": case, "outcome": "disagrees", "rank": 0, "rerun": rerun, "message": message}
    return told | more


def record(at: int, **changes: Any) -> Json:
    """Return what the test of that number left: its property's cells, and a part of the rest."""
    cells = [
        {
            "operation": operation,
            "property": prop,
            "dtype": dtype,
            "counts": {"agrees": 10 + at, "vacuous": at % 2},
            "worst": 0.123456 / (at + 1) if prop == "bound" else None,
            "suspicious": 0,
            "failure": None,
        }
        | changes
        for operation, prop, dtype in CELLS[at // 2 * 3 : at // 2 * 3 + 3]
    ]
    growth = [[size, (at + 1) * 2.0**-27, 2**size + at % 2] for size in range(1, 5)]
    return {
        "cells": cells,
        "boundaries": [[*each, 1 + at] for each in list(PLANNED.boundaries)[at % 2 :: 2]],
        "pairs": [[*each[:2], [[k, 1 + at] for k in range(each[2])]] for each in PLANNED.pairs],
        "draws": {"convolution": 20},
        "accuracy": [["convolution", "float32", {"distribution": [at] * 11, "growth": growth}]],
        "zeros": [["convolution", ["x", "ftr"][at % 3 : at % 3 + 1], at == 5]] if at > 2 else [],
        "certificates": [_certificate(at)] if at < 2 else [],
        "entries": {"ledger": {"convolution-too-few-channels": True}} if at == 3 else {},
    }


def _certificate(at: int) -> Json:
    counts = {"geometries": 100, "certified": 50, "undecided": 0, "draws": 1}
    return {
        "operation": "convolution",
        "region": "every geometry up to 3",
        **counts,
        "choices": {"float32": 40 + at, "float64": 900 - at},
    }


ASKED: Json = {
    "kernels": KERNELS,
    "sources": {"convolution": "ab" * 32},
    "oracles": {"PyTorch": "in float64"},
    "profile": "default",
    "seed": "0",
    "case": None,
}
CIRCUMSTANCES = circumstances.gather(
    started=0.0,
    workers=2,
    exit_status=0,
    seed="0",
    project=circumstances.HERE,
    phases={"kernel": 1.0, "oracle": 2.0, "bounds": 0.5},
    modules={"test_some": 4.0},
)


def report(
    records: dict[str, Json] | None = None,
    *,
    outcomes: dict[str, str] | None = None,
    messages: dict[str, str] | None = None,
    run: list[str] = TESTS,
    asked: Json | None = None,
    part: tuple[int, int] = (1, 1),
) -> Json:
    """Return the report of a run of some tests, which passed unless it is said otherwise.

    Args:
        records: what tests left that differs from `record`'s.
        outcomes: of tests that did not pass; None for one that has no outcome.
        messages: why they did not.
        run: the tests that were to run; the others are left out.
        asked: what was asked for beside the usual.
        part: which of how many parts of all tests it was.
    """
    ended = dict.fromkeys(run, "passed") | (outcomes or {})
    ended = {name: outcome for name, outcome in ended.items() if outcome != "missing"}
    left = {n: record(TESTS.index(n)) for n in run if ended.get(n) == "passed"} | (records or {})
    results = Results(
        left,
        ended,
        messages or {},
        run,
        [name for name in TESTS if name not in run],
        {name: CELLS[at // 2 * 3 : at // 2 * 3 + 3] for at, name in enumerate(TESTS)},
        whole=True,
        covering=True,
        part=part,
    )
    found = findings.build(results, PLANNED, ASKED | (asked or {}))
    return copy.deepcopy(files.assemble(found, CIRCUMSTANCES))

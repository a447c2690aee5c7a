"""Reports made up in this process, for tests of what is done with reports."""

import copy
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace
from sample import CASE, NO_ASKED, RAN, failed

from convcheck.conformance.plugin.recording import planned_boundaries, planned_cells, planned_pairs
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.reports import files, findings, rows
from convcheck.reports.document import Report
from convcheck.reports.findings import Planned, Results
from convcheck.reports.rows import Accuracy, Boundary, Cell, Certificate, Failure, Pairs, Record

KERNELS = {"convolution": "mine:conv2d"}
PLANNED = Planned(
    [cell for cell in planned_cells(Subjects()) if cell[0] in KERNELS],
    [each for each in planned_boundaries(Subjects()) if each[0] in KERNELS],
    [each for each in planned_pairs(Subjects()) if each[0] in KERNELS],
)
CELLS = list(PLANNED.cells)
TESTS = [f"test_some::test_it[{prop}-{which}]" for _, prop, _ in CELLS[::3] for which in "ab"]


def failure(message: str = "it is wrong", case: str = CASE, **more: Any) -> Failure:
    """Return a failure as a record's cell has it."""
    return failed(message, case, **more)


def record(at: int, **changes: Any) -> Record:
    """Return what the test of that number left: its property's cells, and a part of the rest."""
    cells = [
        replace(
            Cell(
                *key,
                counts={"agrees": 10 + at, "vacuous": at % 2},
                worst=0.123456 / (at + 1) if key[1] == "bound" else None,
            ),
            **changes,
        )
        for key in CELLS[at // 2 * 3 : at // 2 * 3 + 3]
    ]
    growth = [
        rows.Growth.of("float32", 2**size + at % 2, (at + 1) * 2.0**-27) for size in range(1, 5)
    ]
    return Record(
        cells=cells,
        boundaries=[Boundary(*each, 1 + at) for each in list(PLANNED.boundaries)[at % 2 :: 2]],
        pairs=[Pairs.of(name, kind, [1 + at] * count) for name, kind, count in PLANNED.pairs],
        random=[rows.Random.of("convolution", 20)],
        accuracy=[Accuracy("convolution", "float32", [at] * 11, growth)],
        zeros=[rows.Zeros("convolution", ["x", "ftr"][at % 3 : at % 3 + 1], at == 5)]
        if at > 2
        else [],
        certificates=[_certificate(at)] if at < 2 else [],
        entries={"ledger": {"convolution-too-few-channels": True}} if at == 3 else {},
    )


def _certificate(at: int) -> Certificate:
    choices = {"float32": 40 + at, "float64": 900 - at}
    chances = {dtype: float(f"{2 / each:.3g}") for dtype, each in choices.items()}
    region = "every geometry up to 3"
    counts, complete = (100, 50, 0, 1), False
    return Certificate("convolution", region, *counts, choices, [], 2, complete, chances)


ASKED = replace(NO_ASKED, kernels=KERNELS, sources={"convolution": "ab" * 32})
CIRCUMSTANCES = RAN


def report(
    records: Mapping[str, Record] | None = None,
    *,
    outcomes: dict[str, str] | None = None,
    messages: dict[str, str] | None = None,
    run: list[str] = TESTS,
    asked: dict[str, Any] | None = None,
    part: tuple[int, int] = (1, 1),
) -> Report:
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
    left = {n: record(TESTS.index(n)) for n in run if ended.get(n) == "passed"}
    results = Results(
        {**left, **(records or {})},
        ended,
        messages or {},
        run,
        [name for name in TESTS if name not in run],
        {name: CELLS[at // 2 * 3 : at // 2 * 3 + 3] for at, name in enumerate(TESTS)},
        whole=True,
        covering=True,
        part=part,
    )
    found = findings.build(results, PLANNED, replace(ASKED, **(asked or {})))
    return copy.deepcopy(files.assemble(found, CIRCUMSTANCES))

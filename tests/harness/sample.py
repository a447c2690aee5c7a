"""Reports made up: of a single test, of a whole run in parts, and with everything in it."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from convcheck.conformance.plugin.planned import planned_boundaries, planned_cells, planned_pairs
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.form.operations import OPERATIONS
from convcheck.reference.defects import LEDGER
from convcheck.reports import circumstances, failures, files, findings, rows
from convcheck.reports.document import Asked, Cost, Phases, Report, Repository, Speed
from convcheck.reports.failures import Diagnosis, Failure
from convcheck.reports.rows import Accuracy, Boundary, Certificate, Pairs, Random, Record
from convcheck.reports.since.history import Run
from convcheck.reports.told import strength

Cell = tuple[str, str, str]

CASE = "v1:convolution:float32:integers:b1.h2.w1.i1.o1.f2x1.s1x1:0"
KERNELS = {"convolution": "mine:conv2d", "convolution_transpose": "mine:convolution_transpose"}
PLANNED = [
    (operation, prop, dtype)
    for operation in KERNELS
    for prop in ("exact", "bound")
    for dtype in ("float16", "float32")
]
NONE = Subjects()
NO_ASKED = Asked({}, {}, {"PyTorch": "in float64"}, "default", "0", None)
RAN = circumstances.gather(
    started=0.0,
    workers=2,
    exit_status=0,
    seed="0",
    kernel_threads="2, OMP_NUM_THREADS",
    project=circumstances.HERE,
    phases={"kernel": 1.0, "oracle": 2.0, "bounds": 0.5},
    modules={"test_some": 4.0},
)


def part(
    cell: Cell, counts: dict[str, int], failure: Failure | None = None, **more: Any
) -> rows.Cell:
    """Return a cell as a test's record has it."""
    return rows.Cell(*cell, counts=counts, failure=failure, **more)


ELEMENT = failures.Element("z[0]", 1.0, 2.0, None, 1, 4)


def pattern(
    gist: str,
    verb: str = "is wrong:",
    *,
    leads: bool = False,
    placed: bool = False,
    share: str = "",
    dtypes: Sequence[str] = (),
) -> failures.Pattern:
    """Return something that is said of a wrong kernel."""
    text = f"{gist}, {share}" if share else gist
    return failures.Pattern(
        text, f" {verb} {text}", leads or placed, placed, [*dtypes], share=share
    )


def failed(
    message: str = "it is wrong", case: str = CASE, outcome: Any = "disagrees", **more: Any
) -> Failure:
    """Return a failure as a cell has it."""
    rerun, described = f"pytest --case {case}", "batch 1; fill integers"
    found = Failure(case, outcome, 0, rerun, message, [], None, described, None, [], None)
    return replace(found, **more)


def make(
    parts: Iterable[rows.Cell] = (),
    planned: Iterable[Cell] = PLANNED,
    messages: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
    kernels: dict[str, str] = KERNELS,
) -> Report:
    """Return the report of a run whose one passed test left `parts`."""
    messages = messages or {}
    left = Record(cells=[*parts], boundaries=[Boundary("convolution", "square", 3)])
    results = findings.Results(
        records={"a test": left},
        outcomes={"a test": "passed", **dict.fromkeys(messages, "failed")},
        messages=messages,
        collected=["a test", *messages, *missing],
        whole=True,
    )
    found = findings.build(
        results, findings.planned_rows(planned, [], []), replace(NO_ASKED, kernels=kernels)
    )
    return files.assemble(found, replace(RAN, exit_status=1, packages={"numpy": "2.0"}))


def diagnosis(size: int = 6, **changes: Any) -> Diagnosis:
    """Return a diagnosis of a kernel that flips its filter, with pictures."""
    taps = [[1.0, 2.0, -3.0], [0.0, 5.0, 4.0], [7.0, -8.0, 9.0]]
    got = [[float(r * c % 11 - 5) for c in range(size)] for r in range(size)]
    wrong = [[r > size // 2 for _ in range(size)] for r in range(size)]
    off: list[list[failures.Value]] = [
        [v + 3 * w for v, w in zip(*each, strict=True)] for each in zip(got, wrong, strict=True)
    ]
    found = Diagnosis(
        names=[
            failures.Named(
                "filter-flipped",
                "the filter is flipped in both axes",
                "convolution in signal processing",
            )
        ],
        patterns=[pattern(f"only rows from {size // 2 + 1} on are wrong")],
        advice=["strides=int"],
        picture=failures.Picture(
            title="Part of the result",
            axes=("row", "column"),
            at={"batch item": 0, "channel": 1},
            origin=(3, 0),
            got=[["nan", *off[0][1:]], *off[1:]],
            expected=[[*row] for row in got],
            wrong=wrong,
        ),
        taps=failures.Taps(
            title="Filter",
            axes=("filter row", "filter column"),
            got=[[*row[::-1]] for row in taps[::-1]],
            expected=[[*row] for row in taps],
        ),
        text=["a picture in text"],
        calls=[failures.Calls("the same call", [True, False] * 2)],
    )
    return replace(found, **changes)


def certificate(operation: str, *, complete: bool = True) -> Certificate:
    """Return a certificate as the findings have it."""
    axes = [
        (e, t, s, 9, 4) for e in range(1, 5) for t in range(1, e + 1) for s in range(1, e - t + 2)
    ]
    return Certificate(
        operation=operation,
        region="every distinct geometry with input extents up to 4",
        geometries=7_280,
        certified=7_280 if complete else 57,
        undecided=0,
        draws=1,
        choices={"float64": 7_954},
        axes=axes if complete else axes[:5],
        degree=2,
        complete=complete,
        chance={"float64": 0.0005},
    )


# A run of two tests for each property of one operation.
MINE = {"convolution": KERNELS["convolution"]}
_SUBJECTS = [NONE[name] for name in MINE]
CELLS = list(planned_cells(_SUBJECTS))
FULL = findings.planned_rows(CELLS, planned_boundaries(_SUBJECTS), planned_pairs(_SUBJECTS))
TESTS = [f"test_some::test_it[{prop}-{which}]" for _, prop, _ in CELLS[::3] for which in "ab"]
ASKED = replace(NO_ASKED, kernels=MINE, sources={"convolution": "ab" * 32})


def record(at: int, **changes: Any) -> Record:
    """Return what the test of that number left: its property's cells, and a part of the rest."""
    cells = [
        replace(
            rows.Cell(
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
        boundaries=[replace(each, count=1 + at) for each in FULL.boundaries[at % 2 :: 2]],
        pairs=[Pairs.of(each.operation, each.kind, [1 + at] * each.pairs) for each in FULL.pairs],
        random=[Random.of("convolution", 20)],
        accuracy=[Accuracy("convolution", "float32", [at] * 11, growth)],
        zeros=[rows.Zeros("convolution", ["x", "ftr"][at % 3 : at % 3 + 1], at == 5)][: at > 2],
        certificates=[_certificate(at)] if at < 2 else [],
        entries={"ledger": {"convolution-too-few-channels": True}} if at == 3 else {},
    )


def _certificate(at: int) -> Certificate:
    choices = {"float32": 40 + at, "float64": 900 - at}
    chance = {dtype: float(f"{2 / each:.3g}") for dtype, each in choices.items()}
    found = certificate("convolution", complete=False)
    counts = {"geometries": 100, "certified": 50}
    return replace(found, **counts, choices=choices, axes=[(2, 1, 1, 50, 2)], chance=chance)


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
        records: what tests left that differs from `record`'s, whether or not they were to run.
        outcomes: of tests that did not pass; "missing" for one that has none.
        messages: why they did not.
        run: the tests that were to run; the others are left out.
        asked: what was asked for beside the usual.
        part: which of how many parts of all tests it was.
    """
    chosen = {*run}
    ended = {name: (outcomes or {}).get(name, "passed") for name in run}
    ended = {name: outcome for name, outcome in ended.items() if outcome != "missing"}
    left = {name: each for name, each in (records or {}).items() if name in chosen}
    for name, outcome in ended.items():
        if outcome == "passed" and name not in left:
            left[name] = record(TESTS.index(name))
    results = findings.Results(
        left,
        ended,
        {name: message for name, message in (messages or {}).items() if name in chosen},
        run,
        [name for name in TESTS if name not in chosen],
        {name: CELLS[at // 2 * 3 : at // 2 * 3 + 3] for at, name in enumerate(TESTS)},
        whole=True,
        covering=True,
        part=part,
    )
    found = findings.build(results, FULL, replace(ASKED, **(asked or {})))
    return copy.deepcopy(files.assemble(found, RAN))


BINS = [3, 5, 40, 30, 20, 9, 4, 1, 0, 0, 1]
REFACTOR = rows.Refactor(
    operation="convolution",
    candidate="mine:convolution",
    replaces="old:convolution",
    verdict="less accurate",
    bitwise=False,
    cases=500,
    identical=420,
    retyped=0,
    failed_replaced=0,
    dtypes=[rows.Compared("float32", 500, 420, 0, BINS, BINS, {"fewer": rows.Loss(3.2, 2.0)})],
    example=CASE,
)


def everything() -> Report:
    """Return the report of a run in which one operation of eight failed, with all its parts."""
    cells = planned_cells(NONE)
    bad = ("convolution", "exact", "float32")
    told = failed(
        "the kernel disagrees",
        element=ELEMENT,
        snippet=["import numpy as np", "x = 1"],
        diagnosis=diagnosis(),
    )
    parts = [
        part(cell, {"disagrees": 3, "agrees": 1}, told)
        if cell == bad
        else part(cell, {"agrees": 12}, worst=0.3 if cell[1] == "bound" else None)
        for cell in cells
    ]
    report = make(parts, planned=cells, kernels={name: f"mine:{name}" for name in OPERATIONS})
    found = report.findings
    for cell in found.cells:
        if (cell.operation, cell.dtype) == ("conv_back_prop", "float16"):
            cell.status, cell.counts, cell.worst = rows.NOT_RUN, {}, None
    found.cells[-1].status, found.cells[-1].counts = rows.CRASHED, {}
    found.certificates = [certificate(name, complete=name != "convolution") for name in OPERATIONS]
    found.random = [Random.of(name, 100) for name in OPERATIONS]
    found.boundaries = [
        Boundary(*each, n % 7 * 1_000) for n, each in enumerate(planned_boundaries(NONE))
    ]
    growth = [rows.Growth(4**k, 0.7 * 1.6**k, 4.0**k, 8 * 2.0**k) for k in range(6)]
    found.accuracy = [
        Accuracy(name, dtype, BINS, growth)
        for name in OPERATIONS
        for dtype in ("float16", "float32", "float64")
    ]
    found.refactor = [REFACTOR]
    found.strength = strength.named()
    found.ledger = findings.ledger_of(dict.fromkeys((each.id for each in LEDGER), True))
    found.domain = findings.domain_of({})
    report.circumstances = replace(
        report.circumstances,
        project=Repository("8582a7e", clean=True),
        checkout=None,
        cost=Cost(40.0, Phases(21.5, 12.0, 3.5, 3.0), {"test_agreement": 30.0, "test_laws": 10.0}),
        speed=[Speed("convolution", 0.31, 500)],
        kept=[rows.Kept("convolution", CASE, "agrees")],
    )
    return report


def candidate(*, wrong: bool) -> Report:
    """Return the report of a default run on one kernel, right or wrong by one mistake."""
    told = failed(
        "the kernel disagrees with the oracle, on integers that leave no room for rounding",
        element=failures.Element("z[0, 0, 0, 0]", 53.0, -31.0, 2771.9, 1, 36),
        snippet=[f"line_{n} = np.array([{', '.join('123456')}], np.float16)" for n in range(6)],
        diagnosis=diagnosis(patterns=[], advice=[]),
    )
    cells = [
        part(cell, {"disagrees": 211, "agrees": 67}, told)
        if wrong and cell[1] not in ("linearity", "splitting")
        else part(cell, {"agrees": 381}, stopped=int(wrong))
        for cell in CELLS
    ]
    report = make(cells, planned=CELLS, kernels=MINE)
    full, found = everything().findings, report.findings
    for name in ("boundaries", "random", "accuracy", "refactor"):
        rows_of = [each for each in getattr(full, name) if each.operation == "convolution"]
        setattr(found, name, rows_of)
    axes = [
        (e, t, s, 9, 4) for e in range(1, 15) for t in range(1, e + 1) for s in range(1, e - t + 2)
    ]
    found.certificates = [replace(certificate("convolution", complete=not wrong), axes=axes)]
    return report


def one_of_each() -> Report:
    """Return that report with few entries of each table: every kind of element, few of them."""
    report = everything()
    found = report.findings
    kept = ("convolution", "conv_back_prop", "convolution_transpose_filter_gradient")
    found.cells = [cell for cell in found.cells if cell.operation in kept]
    for name in ("ledger", "domain", "certificates", "random", "boundaries", "pairs", "accuracy"):
        setattr(found, name, getattr(found, name)[:3])
    found.strength = None
    return report


def spoken(text: str) -> Report:
    """Return a report in which `text` is part of all that a candidate, or a file, may say."""
    picture = diagnosis(2).picture
    assert picture is not None
    told = Diagnosis(
        names=[failures.Named(text, f"like {text}", text)],
        patterns=[pattern(f"wrong {text}")],
        advice=[text],
        picture=replace(picture, title=text, axes=(text, text)),
        taps=None,
        text=[text],
    )
    failure = failed(f"said {text}", f"v1{text}", snippet=[text], diagnosis=told)
    report = make(
        [
            part((f"convolution{text}", f"exact{text}", f"float32{text}"), {"agrees": 1}),
            part(PLANNED[0], {"disagrees": 1}, failure),
        ],
        messages={f"test{text}": f"raised {text}"},
        missing=[f"gone{text}"],
        kernels={"convolution": f"module{text}:function{text}"},
    )
    report.findings.refactor = [replace(REFACTOR, candidate=text, replaces=text)]
    report.circumstances = replace(
        report.circumstances,
        command=text,
        packages={"numpy": text},
        kept=[rows.Kept("convolution", text, text)],
    )
    return report


def runs(whole: Report) -> list[Run]:
    """Return how the runs before a report's went, and it: one failed, of one little is known."""
    last = replace(Run.of(whole), whole=True)
    worst = {name: dict.fromkeys(errors, 1e-4) for name, errors in last.worst.items()}
    failing = {"convolution": ["exact", "bound"]}
    return [
        replace(last, verdict="conforms", judged=10, worst=worst),
        replace(last, verdict="does not conform", failing=failing, commit=None),
        replace(last, verdict="incomplete", judged=0, decided=0, worst={}),
        last,
    ]

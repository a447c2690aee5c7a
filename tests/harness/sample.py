"""Reports made up for the tests of the page, the smallest and one with everything in it."""

from collections.abc import Iterable
from typing import Any

from convcheck.conformance.plugin.recording import planned_boundaries, planned_cells
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.form.operations import OPERATIONS
from convcheck.reports import files, findings, strength

Json = dict[str, Any]
Cell = tuple[str, str, str]

CASE = "v1:convolution:float32:integers:b1.h2.w1.i1.o1.f2x1.s1x1:0"
KERNELS = {"convolution": "mine:conv2d", "convolution_transpose": "mine:convolution_transpose"}
PLANNED = [
    (operation, prop, dtype)
    for operation in KERNELS
    for prop in ("exact", "bound")
    for dtype in ("float16", "float32")
]


def part(cell: Cell, counts: Json, failure: Json | None = None, **more: Any) -> Json:
    """Return a cell as a test's record has it."""
    operation, prop, dtype = cell
    part = {"operation": operation, "property": prop, "dtype": dtype, "counts": counts}
    return {**part, "worst": None, "suspicious": 0, "failure": failure, **more}


def failed(message: str, case: str = CASE, outcome: str = "disagrees") -> Json:
    """Return a failure as a cell has it."""
    rerun = f"pytest --case {case}"
    return {"case": case, "outcome": outcome, "rank": 0, "rerun": rerun, "message": message}


def make(
    parts: Iterable[Json] = (),
    planned: Iterable[Cell] = PLANNED,
    messages: Json | None = None,
    missing: Iterable[str] = (),
    kernels: Json = KERNELS,
) -> Json:
    """Return the report of a run whose one passed test left `parts`."""
    messages = messages or {}
    results = findings.Results(
        records={"a test": {"cells": list(parts), "boundaries": [["convolution", "square", 3]]}},
        outcomes={"a test": "passed", **dict.fromkeys(messages, "failed")},
        messages=messages,
        collected=["a test", *messages, *missing],
        whole=True,
    )
    asked = {
        "kernels": kernels,
        "oracles": {"PyTorch": "in float64"},
        "profile": "default",
        "seed": "0",
        "case": None,
    }
    found = findings.build(results, findings.Planned(planned, [], []), asked)
    return files.assemble(found, {"exit_status": 1, "packages": {"numpy": "2.0"}})


def diagnosis(size: int = 6) -> Json:
    """Return a diagnosis of a kernel that flips its filter, with pictures."""
    taps = [[1.0, 2.0, -3.0], [0.0, 5.0, 4.0], [7.0, -8.0, 9.0]]
    got = [[float(r * c % 11 - 5) for c in range(size)] for r in range(size)]
    wrong = [[r > size // 2 for _ in range(size)] for r in range(size)]
    off = [[v + 3 * w for v, w in zip(*rows, strict=True)] for rows in zip(got, wrong, strict=True)]
    return {
        "names": [
            {
                "id": "filter-flipped",
                "sentence": "the filter is flipped in both axes",
                "known_from": "convolution in signal processing",
            }
        ],
        "patterns": [f"only rows from {size // 2 + 1} on are wrong"],
        "picture": {
            "title": "Part of the result",
            "axes": ["row", "column"],
            "at": {"batch item": 0, "channel": 1},
            "origin": [3, 0],
            "got": [["nan", *off[0][1:]], *off[1:]],
            "expected": got,
            "wrong": wrong,
        },
        "taps": {
            "title": "Filter",
            "axes": ["filter row", "filter column"],
            "got": [row[::-1] for row in taps[::-1]],
            "expected": taps,
        },
        "text": ["a picture in text"],
    }


def certificate(operation: str, *, complete: bool = True) -> Json:
    """Return a certificate as the findings have it."""
    axes = [
        [e, t, s, 9, 4] for e in range(1, 5) for t in range(1, e + 1) for s in range(1, e - t + 2)
    ]
    return {
        "operation": operation,
        "region": "every distinct geometry with input extents up to 4",
        "geometries": 7_280,
        "certified": 7_280 if complete else 57,
        "undecided": 0,
        "draws": 1,
        "choices": {"float64": 7_954},
        "axes": axes if complete else axes[:5],
        "degree": 2,
        "complete": complete,
        "chance": {"float64": 0.0005},
    }


def everything() -> Json:
    """Return the report of a run in which one operation of eight failed, with all its parts."""
    cells = planned_cells(Subjects())
    bad = ("convolution", "exact", "float32")
    parts = [
        part(
            cell,
            {"disagrees": 3, "agrees": 1},
            failed("disagrees\n  element  z[0] is 1, expected 2"),
        )
        if cell == bad
        else part(cell, {"agrees": 12}, worst=0.3 if cell[1] == "bound" else None)
        for cell in cells
    ]
    kernels = {name: f"mine:{name}" for name in OPERATIONS}
    report = make(parts, planned=cells, kernels=kernels)
    found = report["findings"]
    for cell in found["cells"]:
        if cell["failure"]:
            cell["failure"] |= {
                "snippet": ["import numpy as np", "x = 1"],
                "diagnosis": diagnosis(),
            }
        if (cell["operation"], cell["dtype"]) == ("conv_back_prop", "float16"):
            cell |= {"status": "not run", "counts": {}, "worst": None}
    found["cells"][-1] |= {"status": "crashed", "counts": {}}
    found["certificates"] = [
        certificate(name, complete=name != "convolution") for name in OPERATIONS
    ]
    found["random"] = [{"operation": name, "geometries": 100, "below": 0.03} for name in OPERATIONS]
    found["boundaries"] = [
        {"operation": name, "class": kind, "count": n % 7 * 1_000}
        for n, (name, kind) in enumerate(planned_boundaries(Subjects()))
    ]
    growth = [
        {"products": 4**k, "error": 0.7 * 1.6**k, "bound": 4.0**k, "expected": 8 * 2.0**k}
        for k in range(6)
    ]
    bins = [3, 5, 40, 30, 20, 9, 4, 1, 0, 0, 1]
    found["accuracy"] = [
        {"operation": name, "dtype": dtype, "distribution": bins, "growth": growth}
        for name in OPERATIONS
        for dtype in ("float16", "float32", "float64")
    ]
    compared = {"operation": "convolution", "candidate": "mine:convolution"}
    found["refactor"] = [
        {
            **compared,
            "replaces": "old:convolution",
            "verdict": "less accurate",
            "bitwise": False,
            "cases": 500,
            "identical": 420,
            "retyped": 0,
            "failed_replaced": 0,
            "dtypes": [
                {
                    "dtype": "float32",
                    "cases": 500,
                    "identical": 420,
                    "retyped": 0,
                    "candidate": bins,
                    "replaced": bins,
                    "loss": {"fewer": {"ratio": 3.2, "limit": 2.0}},
                }
            ],
            "example": CASE,
        }
    ]
    found["strength"] = strength.named()
    report["circumstances"] |= {
        "project": {"commit": "8582a7e", "clean": True},
        "checkout": None,
        "cost": {
            "seconds": 40.0,
            "phases": {"kernel": 21.5, "oracle": 12.0, "bounds": 3.5, "rest": 3.0},
            "modules": {"test_agreement": 30.0, "test_laws": 10.0},
        },
        "speed": [{"operation": "convolution", "ratio": 0.31, "cases": 500}],
        "kept": [{"operation": "convolution", "case": CASE, "outcome": "agrees"}],
    }
    return report


def one_of_each() -> Json:
    """Return that report with few entries of each table: every kind of element, few of them."""
    report = everything()
    found = report["findings"]
    kept = ("convolution", "conv_back_prop", "convolution_transpose_filter_gradient")
    found["cells"] = [cell for cell in found["cells"] if cell["operation"] in kept]
    for name in ("ledger", "domain", "certificates", "random", "boundaries", "pairs", "accuracy"):
        found[name] = found[name][:3]
    found["strength"] = None
    return report


def spoken(text: str) -> Json:
    """Return a report in which `text` is part of all that a candidate, or a file, may say."""
    told = {
        "names": [{"id": text, "sentence": f"like {text}", "known_from": text}],
        "patterns": [f"wrong {text}"],
        "picture": {**diagnosis(2)["picture"], "title": text, "axes": [text, text]},
        "taps": None,
        "text": [text],
    }
    failure = failed(f"said {text}", f"v1{text}") | {"snippet": [text], "diagnosis": told}
    report = make(
        [
            part((f"convolution{text}", f"exact{text}", f"float32{text}"), {"agrees": 1}),
            part(PLANNED[0], {"disagrees": 1}, failure),
        ],
        messages={f"test{text}": f"raised {text}"},
        missing=[f"gone{text}"],
        kernels={"convolution": f"module{text}:function{text}"},
    )
    compared = everything()["findings"]["refactor"][0]
    report["findings"]["refactor"] = [{**compared, "candidate": text, "replaces": text}]
    report["circumstances"] |= {
        "command": text,
        "packages": {"numpy": text},
        "kept": [{"operation": "convolution", "case": text, "outcome": text}],
    }
    return report

"""Reports that were changed by anybody end in a result or in a line, never in a traceback."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pytest_runs import Command
from sample import TESTS, diagnosis, failed, pattern, record, report

from convcheck import __version__
from convcheck.reports import campaigns, files
from convcheck.reports.document import CERTIFICATE, Campaign, Kernel, Report
from convcheck.reports.failures import Grid
from convcheck.reports.rows import Cell, Certificate, Record

Json = dict[str, Any]


def read(document: Report | Campaign) -> Json:
    """Return a document as another program reads it."""
    found: Json = json.loads(files.text_of(document))
    return found


def certificate() -> Json:
    """Return what a small campaign leaves."""
    axes, chance = [(2, 1, 1, 15, 2)], {"float64": 0.00222}
    told = Certificate(
        *("convolution", "every geometry up to 2", 10, 10, 0, 1, {"float64": 900}),
        *(axes, 2, True, chance),
    )
    cell = Cell("convolution", "certified", "float64", counts={"agrees": 10})
    kernel = Kernel("convolution", "mine:conv2d", "ab" * 32)
    record = Record(cells=[cell], certificates=[told])
    return read(campaigns.assemble(record, kernel, __version__, complete=True))


def write(document: Json, path: Path) -> None:
    """Write a document, whatever stands in it."""
    files.write_text(json.dumps(document), path)


PARTS = [read(report(run=TESTS[at::3], part=(at + 1, 3))) for at in range(3)]
WRONG = read(report({TESTS[2]: record(2, failure=failed())}, outcomes={TESTS[9]: "missing"}))
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 3, 2**53, 2**53 + 1, 10**40, 0.5, 1e308, float("nan")),
    *("", "\x1b[31m", "x" * 9999, "convolution", "float64", "agrees", "passed", [], {}, [[]]),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container and key within."""
    for key, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(each, (dict, list)):
            yield from places(each)


def mutated(document: Json, draw: random.Random) -> str:
    """Return a document as JSON, with one to three things in it changed."""
    changed = copy.deepcopy(document)
    for _ in range(draw.randint(1, 3)):
        container, key = draw.choice(list(places(changed)))
        match draw.randrange(5):
            case 0:
                del container[key]
            case 1 if isinstance(container, list):
                container.append(copy.deepcopy(container[key]))
            case 2:
                other, there = draw.choice(list(places(changed)))
                container[key] = copy.deepcopy(other[there])
            case 3 if isinstance(container[key], int):
                container[key] += draw.choice((-1, 1, 100))
            case _:
                container[key] = draw.choice(VALUES)
    text = json.dumps(changed)
    return text[: draw.randrange(len(text))] if draw.random() < 0.05 else text


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_report_is_a_line_or_a_result(
    seed: int, tmp_path: Path, command: Command
) -> None:
    """Whatever is changed, commands end with a verdict, or with 4 and one line that says why."""
    draw = random.Random(seed)  # noqa: S311  (no secret)
    parts = [tmp_path / f"{at}.json" for at in range(3)]
    for path, each in zip(parts, PARTS, strict=True):
        write(each, path)
    bad, ends = tmp_path / "bad.json", set()
    for _ in range(60):
        of_campaign = draw.random() < 0.4
        document = certificate() if of_campaign else draw.choice([PARTS[0], WRONG])
        bad.write_text(mutated(document, draw), encoding="utf-8")
        for words in (
            ("merge", bad, *(parts if of_campaign else parts[1:]), "-o", "out"),
            ("render", bad, "-o", "out"),
            ("diff", parts[0], bad),
            ("diff", bad, parts[0], "--html", "out"),
        ):
            said = command(*words)
            ends.add((words[0], said.status))
            assert said.status in {0, 1, 4}, (said.err, bad.read_text(encoding="utf-8"))
            lines = said.err.splitlines()
            assert len(lines) == (said.status == 4) or words[0] == "merge", said.err
            assert all(line.startswith("ERROR: convcheck: ") for line in lines)
    assert {("merge", 4), ("render", 0), ("render", 4), ("diff", 4)} <= ends


FIRST = ("cells", 0)
OWN = ("certificates", 0)
Change = dict[tuple[str | int, ...], Any]
_PAIRS = PARTS[0]["findings"]["pairs"][0]
_ONE = {"counts": [7], "reached": 1, "least": 7}
LIES: dict[str, tuple[Json, Change]] = {
    "verdict": (PARTS[0], {("verdict",): "conforms"}),
    "totals": (PARTS[0], {("totals", "agrees"): 1}),
    "decided": (PARTS[0], {("decided",): 1}),
    "full": (PARTS[0], {("full",): True}),
    "status": (PARTS[0], {(*FIRST, "status"): "agrees"}),
    "failed without failure": (PARTS[0], {(*FIRST, "counts", "disagrees"): 1}),
    "a cell twice": (PARTS[0], {("cells", 1): PARTS[0]["findings"]["cells"][0]}),
    "pairs twice": (PARTS[0], {("pairs", 0): _PAIRS, ("pairs", 1): _PAIRS | {"pairs": 1} | _ONE}),
    "pairs miscounted": (PARTS[0], {("pairs", 0, "reached"): 1}),
    "a class twice": (PARTS[0], {("boundaries", 1): PARTS[0]["findings"]["boundaries"][0]}),
    "a test that failed": (PARTS[0], {("tests", "outcomes", TESTS[0]): "failed"}),
    "no such part": (PARTS[0], {("tests", "parts", "ran"): [4]}),
    "all parts": (PARTS[0], {("tests", "outcomes"): dict.fromkeys(TESTS, "passed")}),
    "too many": (certificate(), {(*OWN, "geometries"): 9, (*OWN, "complete"): False}),
    "complete in part": (certificate(), {(*OWN, "certified"): 9}),
    "complete by word": (certificate(), {(*OWN, "certified"): 9, (*OWN, "complete"): False}),
    "nothing judged": (certificate(), {(*FIRST, "counts"): {}, (*FIRST, "status"): "not run"}),
    "another operation": (certificate(), {(*OWN, "operation"): "convolution_transpose"}),
    "too many axes": (certificate(), {(*OWN, "axes", 0, 3): 21}),
    "taps that do not fit": (certificate(), {(*OWN, "axes", 0, 1): 9}),
    "another chance": (certificate(), {(*OWN, "chance", "float64"): 1e29}),
    "other draws": (certificate(), {(*OWN, "draws"): 2}),
    "another degree": (certificate(), {(*OWN, "degree"): 3}),
}


def forged(document: Json, changes: Change) -> Json:
    """Return a document with something changed."""
    changed = copy.deepcopy(document)
    for (*path, last), value in changes.items():
        place = changed.get("findings", changed)
        for key in path:
            place = place[key]
        place[last] = value
    return changed


@pytest.mark.parametrize("name", LIES)
def test_what_contradicts_itself_is_refused(name: str, tmp_path: Path, command: Command) -> None:
    """What a document says in sum must follow from what it says in part."""
    lie = forged(*LIES[name])
    others = PARTS if lie["format"] == CERTIFICATE else PARTS[1:]
    paths = [tmp_path / f"{at}.json" for at in range(len(others) + 1)]
    for path, each in zip(paths, [lie, *others], strict=True):
        write(each, path)
    said = command("merge", *paths, "-o", "out.json")
    assert said.status == 4
    (line,) = said.err.splitlines()
    assert line.startswith(f"ERROR: convcheck: merge: {paths[0]}: ")
    assert "contradicts itself: " in line
    assert not (tmp_path / "out.json").exists()


def test_geometries_with_parameters_have_no_axes(tmp_path: Path, command: Command) -> None:
    """What was certified with parameters is told without extents and strides, and can be read."""
    write(forged(certificate(), {(*OWN, "axes"): []}), tmp_path / "c.json")
    write(read(report()), tmp_path / "r.json")
    paths = [tmp_path / "r.json", tmp_path / "c.json"]
    assert command("merge", *paths, "-o", tmp_path / "out.json").status in (0, 1)


@pytest.mark.parametrize("counts", ["tried", "wrong"])
def test_a_grid_that_does_not_fit_is_refused(counts: str, tmp_path: Path, command: Command) -> None:
    """A grid has as many rows and columns as it has names for them."""
    known = replace(pattern("wrong where it rains"), grid=Grid(("a", "b"), [1], [2], [[3]], [[1]]))
    failure = failed(diagnosis=diagnosis(2, patterns=[known]))
    document = read(report({TESTS[2]: record(2, failure=failure, counts={"disagrees": 1})}))
    write(document, tmp_path / "r.json")
    assert command("render", tmp_path / "r.json", "-o", tmp_path / "r.html").status == 0
    cell = next(each for each in document["findings"]["cells"] if each["failure"])
    cell["failure"]["diagnosis"]["patterns"][0]["grid"][counts] = [[1, 2]]
    write(document, tmp_path / "r.json")
    said = command("render", tmp_path / "r.json", "-o", tmp_path / "r.html")
    assert said.status == 4
    assert "contradicts itself: a picture of " in said.err


@pytest.mark.parametrize("plane", ["got", "expected", "wrong"])
def test_a_picture_of_planes_that_do_not_fit_is_refused(
    plane: str, tmp_path: Path, command: Command
) -> None:
    """What a picture shows side by side has one shape."""
    failure = failed(diagnosis=diagnosis(2))
    document = read(report({TESTS[2]: record(2, failure=failure, counts={"disagrees": 1})}))
    write(document, tmp_path / "r.json")
    assert command("render", tmp_path / "r.json", "-o", tmp_path / "r.html").status == 0
    cell = next(each for each in document["findings"]["cells"] if each["failure"])
    cell["failure"]["diagnosis"]["picture"][plane].pop()
    write(document, tmp_path / "r.json")
    said = command("render", tmp_path / "r.json", "-o", tmp_path / "r.html")
    assert said.status == 4
    assert "contradicts itself: a picture of " in said.err

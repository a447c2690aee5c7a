"""A history grows by a line a run, whoever else writes to it, and loses none."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from parsed import Page
from pytest_runs import LEDGER, Command, Folder, run
from sample import candidate, everything, make, runs, spoken

from convcheck.reports.since import history
from convcheck.reports.since.history import History, Run
from convcheck.reports.told.pictures.sparks import spark

REPORT = candidate(wrong=True)
LINE = Run.of(REPORT)
FIRST = len(json.dumps(msgspec.to_builtins(LINE))) + 1
"""bytes of a line"""
ONE = (*LEDGER[:-1], "shows_the_defect and unbound-filters")


def test_a_line_tells_the_run(tmp_path: Path) -> None:
    """It reads back as it was, is small, and says what failed and how large errors were."""
    path = tmp_path / "h.jsonl"
    whole = everything()
    for report in (REPORT, whole):
        history.append(Run.of(report), path)
    assert history.read(path) == ([LINE, Run.of(whole)], [])
    assert max(map(len, path.read_bytes().splitlines())) < 2_000
    assert (LINE.verdict, LINE.kernels) == ("does not conform", REPORT.findings.asked.kernels)
    assert (LINE.date, LINE.judged) == (
        "1970-01-01T00:00:00Z",
        sum(REPORT.findings.totals.values()),
    )
    assert LINE.failing["convolution"][:2] == ["certified", "exact"]
    assert "linearity" not in LINE.failing["convolution"]
    assert Run.of(whole).worst["conv_back_prop"] == {"float32": 0.3, "float64": 0.3}
    assert Run.of(whole).commit == "8582a7e"


def test_a_part_of_the_tests_is_no_whole() -> None:
    """Runs of which tests were left out, of others and in other profiles are not drawn beside."""
    few = make()
    few.findings.tests.outcomes["another"] = "left out"
    assert not Run.of(few).whole
    others = [replace(LINE, profile="quick"), replace(LINE, kernels={}), replace(LINE, whole=False)]
    assert History([LINE, *others], []).like(LINE) == [LINE]
    assert History([LINE], []).like(others[2]) == [LINE]


APPEND = """
import sys
from pathlib import Path
import msgspec
from convcheck.reports.since import history
run = msgspec.json.decode(sys.argv[2], type=history.Run)
for _ in range(50):
    history.append(run, Path(sys.argv[1]))
"""


def test_runs_may_end_at_once(tmp_path: Path) -> None:
    """Lines that several processes write at the same time are whole, and all there."""
    path = tmp_path / "h.jsonl"
    lines = [replace(LINE, judged=n, kernels={"convolution": "x" * 20_000}) for n in range(3)]
    texts = [msgspec.json.encode(each).decode() for each in lines]
    command = [sys.executable, "-c", APPEND, str(path)]
    writers = [subprocess.Popen([*command, text]) for text in texts]  # noqa: S603  (our own text)
    assert [each.wait() for each in writers] == [0, 0, 0]
    found = history.read(path)
    assert found.damaged == []
    assert sorted(each.judged for each in found.runs) == [n for n in range(3) for _ in range(50)]


DAMAGED = {
    "torn": json.dumps(msgspec.to_builtins(LINE))[:99],
    "later": json.dumps(msgspec.to_builtins(LINE) | {"version": 2}),
    "more": json.dumps(msgspec.to_builtins(LINE) | {"more": 2}),
    "deep": "[" * 99_999,
    "huge": json.dumps(
        msgspec.to_builtins(LINE) | {"worst": {"convolution": {"float16": 1e308}}}
    ).replace("1e+308", "1e999"),
    "long": json.dumps(msgspec.to_builtins(LINE) | {"worst": {"convolution": {"x": 10**400}}}),
    "no text": "\udcff\udcfe",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_line_is_told_and_kept(tmp_path: Path, name: str) -> None:
    """Nor does it harm the next, which begins on a line of its own."""
    path = tmp_path / "h.jsonl"
    damaged = DAMAGED[name].encode("utf-8", "surrogateescape")
    history.append(LINE, path)
    path.write_bytes(path.read_bytes() + damaged)
    history.append(LINE, path)
    assert history.read(path) == ([LINE, LINE], [2])
    assert path.read_bytes().split(b"\n")[1] == damaged


def test_a_line_that_has_no_room_is_an_error(tmp_path: Path) -> None:
    """Also where the system takes a part of it without complaint, which the next run tells of."""
    path = tmp_path / "h.jsonl"
    history.append(LINE, path)
    text = msgspec.json.encode(LINE).decode()
    little = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({FIRST + 99},) * 2)\n"
    command = [sys.executable, "-c", little + APPEND, str(path), text]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert "No space left on device" in done.stderr
    assert history.read(path) == ([LINE], [2])


def test_the_page_draws_it() -> None:
    """A line for each number, named for those who do not see it, and all of them as a table."""
    report = everything()
    told = Page(report, History(runs(report), [2, 3]))
    names = told.values("aria-label", "svg")
    assert "judged cases in 4 runs: from 0 to " in " ".join(names)
    of_error = "worst error of convolution in float32 in 4 runs: from 0.0001 to 0.3, last 0.3; "
    assert f"{of_error}2 of the runs did not conform" in names
    few = "History the last 4 whole runs of the same kernels in this profile, 1 of them conforming"
    assert few in told.words
    alone = History(runs(report)[-1:], [])
    assert "History one whole run of the same kernels in this profile" in Page(report, alone).words
    none = "History no whole run of the same kernels in this profile"
    assert none in Page(report, History([LINE], [])).words
    assert "2 lines of the file cannot be read." in told.words
    assert 'id="history"' not in Page(report).source


def test_hostile_lines_cannot_break_the_page() -> None:
    """What stands in the file comes out as text."""
    plain, hurt = (spoken(text) for text in ("x", "</table><script>'\"><img src=x onerror=y>"))
    tags = []
    for report in (plain, hurt):
        text = report.circumstances.command
        (line,) = runs(report)[-1:]
        bad = replace(line, date=text, commit=text, failing={text: [text]}, worst={text: {text: 1}})
        tags.append([tag for tag, _ in Page(report, History([bad, bad], [])).tags])
    assert tags[0] == tags[1]


@pytest.mark.parametrize(
    ("values", "path", "said"),
    [
        ([1.0, 2.0, 3.0], "M6 26L80 16L154 6", "from 1 to 3, last 3; none of the runs"),
        ([1e-3, 1.0], "M6 26L154 6", "from 0.001 to 1, last 1"),
        ([1e-3, 1.0, 1e3], "M6 26L80 16L154 6", "last 1e+03; "),
        ([0.0, None, 0.0], "M6 26L154 26", "from 0 to 0"),
        ([5.0], "M6 26h.1", "in 1 run: from 5"),
        ([None], "", "not known in 1 run"),
        ([0.0, 1e308], "M6 26L154 6", "last 1e+308"),
    ],
)
def test_lines_are_to_scale(values: list[float | None], path: str, said: str) -> None:
    """The oldest stands left, the largest high up; large ratios are logarithms."""
    picture = spark("x", values, [False] * len(values))
    assert dict(picture.paths).get("spark", "") == path
    assert said in picture.said


def test_what_failed_is_crossed() -> None:
    """A cross for each run that did not conform."""
    picture = spark("x", [1.0, 2.0], [False, True])
    assert dict(picture.paths)["cross"] == "M151 26l6 6m0 -6l-6 6"


def test_every_run_adds_a_line(folder: Folder) -> None:
    """With workers, too; without the option nothing is written."""
    where = folder()
    for words in (("--history", "h.jsonl"), (), ("--history", "h.jsonl", "-n", "2")):
        done = run(where, *ONE, *words)
        assert done.returncode == 0, done.stdout
    assert "History: h.jsonl, 2 runs\n" in done.stdout
    first, second = history.read(where / "h.jsonl").runs
    assert first.verdict == second.verdict
    assert [each.name for each in where.iterdir() if each.suffix != ".ini"] == ["h.jsonl"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--history", "no/h.jsonl"], "--history='no/h.jsonl': expected a regular file in"),
        (["--history", "."], "--history='.': expected a regular file"),
        (
            ["--history", "r", "--conformance-json", "./r"],
            "--conformance-json='./r': expected another file than --history's",
        ),
        (
            ["--conformance-json", "r", "--conformance-html", "./r"],
            "--conformance-html='./r': expected another file than --conformance-json's",
        ),
    ],
)
def test_a_bad_path_is_told_before_any_test(
    folder: Folder, called: Command, words: list[str], problem: str
) -> None:
    """In one line, with exit status 4."""
    told = called(folder(), *words)
    assert told.status == 4
    assert problem in told.problem


def test_a_line_that_cannot_be_written_costs_nothing_else(folder: Folder) -> None:
    """Where the folder vanished meanwhile, a line says so; verdict and reports are there."""
    vanish = "import os\ndef pytest_collection_finish():\n    os.rmdir('kept')\n"
    where = folder(vanish=vanish)
    (where / "kept").mkdir()
    reports = ("--conformance-json", "r.json", "--conformance-html", "r.html")
    done = run(where, "-p", "vanish", *ONE, "--history", "kept/h.jsonl", *reports)
    assert done.returncode == 3
    assert "History not written to kept/h.jsonl: No such file or directory\n" in done.stdout
    assert "No kernel judged" in done.stdout
    assert (where / "r.json").exists()
    assert (where / "r.html").exists()

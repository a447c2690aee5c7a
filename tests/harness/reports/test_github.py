"""What GitHub is told: annotations and summaries that no kernel can make anything else of."""

import re
from html import unescape
from pathlib import Path

import pytest
from pytest_runs import Folder, run
from sample import PLANNED, candidate, certificate, diagnosis, failed, make, part, spoken

from convcheck.kernels.shown.source import Place
from convcheck.kernels.shown.text import one_line
from convcheck.reports.document import Report
from convcheck.reports.status import CONFORMS
from convcheck.reports.told import github
from convcheck.reports.told.causes import causes

HOSTILE = (
    "x\n::warning::y\r\n::add-mask::z%0A::notice file=a,line=1::b",
    "::error file=a::b",
    "##[error]x\n##[add-mask]y",
    "| a | ` ``` <b>&lt;</details>](http://x) ![x](y) @you $x$ **x** \\|",
    "\x1b[31m\u202e\ud800\u2028\x85\x0b" + "y" * 90_000,
)


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Return the commands that GitHub's runner finds in what a step prints."""
    found, word = [], ""
    for line in map(str.strip, re.split("\r\n|\r|\n", text)):
        told = re.match("::(.+?)(?: (.*?))?::(.*)", line)
        if word:
            word = "" if line == f"::{word}::" else word
        elif told and told[1] == "stop-commands":
            word = told[3]
        elif told:
            given = dict(each.split("=", 1) for each in told[2].split(",")) if told[2] else {}
            found.append((told[1], given, told[3]))
        elif "##[" in line:
            found.append((line, {}, ""))
    assert not word
    return found


def annotated(report: Report, root: Path = Path("/r"), **places: Place) -> list[str]:
    """Return the annotations of a report, as the runner takes them."""
    lines = [*github.annotations(report, places, root)]
    found = commands("\n".join(lines))
    assert len(found) == len(lines)
    assert {name for name, _, _ in found} <= {"error"}
    return [" ".join((str(given), data)) for _, given, data in found]


def test_each_cause_is_told_once_at_its_line() -> None:
    """With what came out, and the command that judges it again; files are the repository's."""
    report = candidate(wrong=True)
    (told,) = annotated(report, convolution=Place(Path("/r/src/mine.py"), 7))
    assert told.startswith(
        "{'file': 'src/mine.py', 'line': '7', 'title': 'convolution behaves exactly like%3A the"
    )
    assert "expected -31.0, off by 84, " in told
    assert "%0Arerun: pytest --case v1:" in told
    for place in (Place(Path("/elsewhere/mine.py"), 7), Place(Path("/r/../mine.py"), 7)):
        assert "file" not in annotated(report, convolution=place)[0].partition("title")[0]
    assert (
        "line" not in annotated(report, convolution=Place(Path("/r/p"), None))[0].partition("ti")[0]
    )


def test_whatever_does_not_conform_is_told() -> None:
    """Two causes, two annotations; a run that gave no result has one; one that conforms none."""
    mistaken = failed(diagnosis=diagnosis(patterns=[]))
    both = [part(PLANNED[0], {}, mistaken), part(PLANNED[1], {}, failed("of no cause"))]
    assert len(annotated(make(both))) == 2
    lost = make(missing=["test"])
    (told,) = annotated(lost)
    assert told.endswith("} Incomplete: 1 test gave no result; 8 of 8 cells not run.")
    assert annotated(candidate(wrong=False)) == []
    assert len(annotated(make())) == 1  # nothing was decided


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_data(hostile: str) -> None:
    """In annotations it gives no command and no property; in a summary it makes no markup."""
    report = spoken(hostile)
    name = hostile[:80].replace("\ud800", "").replace("\0", "")
    told = annotated(report, convolution=Place(Path("/r", name), 7))
    assert len(told) == 1
    line = next(github.annotations(report, {}, Path("/r")))
    assert len(line) < 70_000
    title = commands(line)[0][1]["title"]
    for written, meant in {"%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        title = title.replace(written, meant)
    assert title == one_line(causes(report.findings)[0].title)
    lines = github.summary(report, report).splitlines()
    assert len(lines) <= github.MOST_LINES
    plain = github.summary(spoken("x"), spoken("x")).splitlines()
    assert [re.sub("<code>[^<>|`*_~$@!\\\\:\\[\\]]*?</code>", "", each) for each in lines] == [
        re.sub("<code>.*?</code>", "", each) for each in plain
    ]
    if hostile.isprintable():
        assert hostile in unescape("".join(lines))


def test_a_summary_is_short_and_folds_what_is_less_covered() -> None:
    """At most twenty lines of the worst; what is covered less is there for those who look."""
    cells = [(f"op{n}", "exact", "float32") for n in range(30)]
    before = make([part(cell, {"agrees": 1}) for cell in cells], planned=cells)
    after = make([part(cell, {"disagrees": 1}, failed(cell[0])) for cell in cells], planned=cells)
    before.findings.certificates = [certificate(name) for name in ("right", "righter")]
    lines = github.summary(after, before).splitlines()
    assert len(lines) <= github.MOST_LINES
    assert lines[0] == "### ✗ convcheck: Does not conform"
    assert sum(line.startswith("| <code>") for line in lines) == 5
    assert "| and 25 more | |" in lines
    assert sum(line.startswith("- newly failing: ") for line in lines) == 3
    (folded,) = [line for line in lines if line.startswith("<details>")]
    assert folded.startswith(
        "<details><summary>2 less covered</summary><ul><li><code>certificates, "
    )
    assert lines[lines.index(folded) - 1] == ""  # or else it is no HTML to Markdown
    assert folded.endswith("</li></ul></details>")


def test_a_summary_without_a_baseline_tells_no_change() -> None:
    """A run that conforms takes one line."""
    report = candidate(wrong=False)
    assert report.findings.verdict == CONFORMS
    number = f"{report.findings.decided:,}"
    judged = f"no disagreement in {number} judged cases, {number} of them decided"
    assert github.summary(report) == f"### ✓ convcheck: Conforms&#58; {judged}&#46;\n"
    assert "Since 1970-01-01T00&#58;00&#58;00Z: Nothing changed." in github.summary(report, report)


SAYS = """
import numpy as np

def convolution(x, ftr, strd):
    print("::add-mask::printed")
    print("##[error]printed")
    raise ValueError("::warning::said\\n::notice::said again ##[error]x")
"""
OWN = "def test_own(capsys):\n    with capsys.disabled():\n        print('\\n::notice::mine')\n"
JUDGED = ("--kernel", "convolution=mine.py:convolution", "-k", "own or test_boundary and remainder")


@pytest.mark.parametrize("words", [(), ("-n", "1"), (".",)], ids=["alone", "xdist", "own"])
def test_a_run_gives_its_own_commands_alone(folder: Folder, words: tuple[str, ...]) -> None:
    """What a kernel prints and raises is none; a user's own tests' are theirs."""
    where = folder(mine=SAYS, **{"test_own": OWN} if words == (".",) else {})
    done = run(where, *words, *JUDGED, "--github", GITHUB_STEP_SUMMARY="s.md")
    assert "::warning::said" in done.stdout
    assert done.returncode == 1
    found = commands(done.stdout)
    assert [name for name, _, _ in found] == ["notice"] * (words == (".",)) + ["error"]
    _, given, data = found[-1]
    assert (given["file"], given["line"]) == ("mine.py", "4")
    assert "::warning::said" in data
    lines = (where / "s.md").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("### ✗ convcheck: Does not conform")
    assert "Job summary: s.md" in done.stdout


def test_a_summary_is_added_to_others(folder: Folder) -> None:
    """What other steps wrote stays; where it cannot be written, the run has failed, as said."""
    where = folder(mine="from convcheck.reference.notebook import convolution\n")
    (where / "s.md").write_text("older\n", encoding="utf-8")
    for place, status in (("s.md", 0), ("no/s.md", 3)):
        done = run(where, *JUDGED, "--github", GITHUB_STEP_SUMMARY=place)
        assert done.returncode == status, done.stdout
        assert commands(done.stdout) == []
    text = (where / "s.md").read_text(encoding="utf-8")
    assert text.startswith("older\n### ◔ convcheck: Conforms in what was run")
    assert "Job summary not written to no/s.md: No such file or directory" in done.stdout

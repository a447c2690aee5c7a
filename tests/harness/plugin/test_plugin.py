"""The plugin as users meet it: pytest called in a folder of theirs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_runs import (
    AGREEMENT,
    CASE,
    CONTROLLER,
    LEDGER,
    PATCH,
    WRONG,
    Command,
    Folder,
    findings,
    run,
    written,
)

import convcheck
from convcheck import conformance, reference, reports
from convcheck.reports import files
from convcheck.reports.merge import merge


def test_help_tells_the_options(folder: Folder, called: Command) -> None:
    """The options are in pytest's help, with a sentence each."""
    text = called(folder(), "--help").out
    for option in ("--case=CASEID", "--conformance-json=FILE", "--conformance-html=FILE"):
        assert re.search(rf"^  {option}\s+\w+ ", text, re.MULTILINE), option


OWN = """
import sys

def test_light(request):
    print([name for name in ("torch", "numpy", "hypothesis") if name in sys.modules])
    print(sys.path, request.config.args, request.config.getini("filterwarnings"))

def test_bad():
    assert 1 == 2

"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_own_tests_do_not_notice(folder: Folder, workers: tuple[str, ...]) -> None:
    """A user's own tests print the same with the plugin, which imports nothing heavy."""
    where = folder(test_a=OWN, test_agreement="def test_exact():\n    assert False\n")
    with_plugin = run(where, *workers, "-rA")
    without = run(where, *workers, "-rA", "-p", "no:convcheck")
    assert (with_plugin.returncode, with_plugin.stderr) == (1, "")

    def normal(text: str) -> str:
        # pytest's own header names every plugin, and times vary.
        return re.sub(r"in [\d.]+s|convcheck-[\d.]+(, )?", "", text)

    assert normal(with_plugin.stdout) == normal(without.stdout)
    assert "\n[]\n" in with_plugin.stdout


HUGE = "v1:convolution:float32:integers:b9.h99999.w99999.i3.o4.f3x2.s2x1:1"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--case", "v1:convolution"), "--case: case id 'v1:convolution': expected the form v1:"),
        (("--case", CASE, CASE), f"--case: '{CASE}': expected --case before each case id"),
        (("--conformance-json", "missing/r.json"), "--conformance-json='missing/r.json': expected"),
        (("--conformance-html", "."), "--conformance-html='.': expected a regular file"),
        (("--bitwise",), "--bitwise: expected a candidate, named by --kernel"),
        (
            ("--kernel", "convolution=math:dist", "--replaces", "no.such:kernel"),
            "math:dist cannot be called with the 3 arguments of convolution",
        ),
        (
            ("--hypothesis-profile", "quik"),
            "--hypothesis-profile='quik': expected quick, default, thorough or one that your",
        ),
        (("--layers", "no.txt"), "--layers: no.txt: No such file or directory"),
        (("--vectors", "test_own.py"), "--vectors: test_own.py: expected tests of WebNN in JSON"),
        (("--bitwise", "--case", HUGE), "--bitwise: expected cases that are judged whole"),
        (("--baseline", "none.json"), "--baseline: none.json: No such file or directory"),
        (("--shard", "3/2"), "--shard='3/2': expected I/N with 1 <= I <= N"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_wrong_command_is_one_line(
    folder: Folder, called: Command, arguments: tuple[str, ...], problem: str
) -> None:
    """What cannot be done is said in one line before any test runs, with exit status 4."""
    told = called(folder(test_own="raise AssertionError('collected')"), *arguments)
    assert told.status == 4
    assert problem in told.problem


def test_remarks_are_told(folder: Folder) -> None:
    """Which results of a huge case were judged is told by the terminal and by both reports."""
    where = folder()
    said = "judged on the receptive fields of 32 of 179,992,800,072 results"
    done = run(
        where, "--case", HUGE, "--conformance-json", "r.json", "--conformance-html", "r.html"
    )
    assert done.returncode == 0
    assert f"{HUGE}: {said}" in done.stdout
    told = json.loads((where / "r.json").read_text(encoding="utf-8"))
    assert told["circumstances"]["remarks"] == {HUGE: said}
    assert said in (where / "r.html").read_text(encoding="utf-8")


PROFILES = "from hypothesis import settings\ndef test_own():\n    print(settings().max_examples)\n"


@pytest.mark.parametrize(
    ("profile", "own", "ci", "examples"), [("quick", 7, "", 7), ("thorough", 0, "true", 1000)]
)
def test_profiles(folder: Folder, profile: str, own: int, ci: str, examples: int) -> None:
    """Profiles set the number of examples, CI or not; a user's own of the same name is kept."""
    registered = f"import hypothesis as h\nh.settings.register_profile('quick', max_examples={own})"
    where = folder(test_own=PROFILES, conftest=registered if own else "")
    variables = {"CI": ci} if ci else {}
    done = run(where, "-q", "-s", "--hypothesis-profile", profile, **variables)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"{examples}")


def rerun(message: str) -> list[str]:
    """Return pytest's arguments in the command that a message offers."""
    (line,) = re.findall(r"^  rerun    pytest (.*)$", message, re.MULTILINE)
    return str(line).split()


def snippet(message: str) -> str:
    """Return the code that a message offers."""
    code = re.search(r"^  alone\n((?:    .*\n)+)", message, re.MULTILINE)
    assert code is not None
    return re.sub(r"^    ", "", code[1], flags=re.MULTILINE)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder and what pytest printed there when it judged a wrong kernel."""
    where = written(tmp_path_factory.mktemp("wrong"), wrong=WRONG, patch=PATCH)
    done = run(where, *AGREEMENT, "--conformance-json", "report.json")
    assert done.returncode == 1, done.stdout + done.stderr
    return where, done.stdout


def test_a_wrong_kernel_is_told(told: tuple[Path, str]) -> None:
    """It is said once and last what is wrong, and the command and the code show it again."""
    where, text = told
    case = rerun(text)[1]
    dtype = case.split(":")[2]
    assert text.count(f"convolution, {dtype}: the kernel disagrees with the oracle") == 1
    assert "= FAILURES =" not in text
    assert "FAILED" not in text.partition("= conformance =")[2]
    number = r"(-?[\d.]+)"
    element = re.search(
        rf"  element  z\[[\d, ]+\] is {number}, expected {number}, off by \S+, "
        r"\S+ times the bound\n",
        text,
    )
    assert element is not None, text
    assert element[1] != element[2]
    assert "Does not conform: convolution behaves exactly like: " in text
    report = findings(where / "report.json")
    assert report["verdict"] == "does not conform"
    failed = [cell for cell in report["cells"] if cell["failure"]]
    assert {cell["operation"] for cell in failed} == {"convolution"}
    (shown,) = (cell["failure"] for cell in failed if cell["failure"]["case"] == case)
    assert all(f"{line}\n" in text for line in (shown["said"], f"  case     {shown['described']}"))
    assert f" is {shown['element']['got']}, expected {shown['element']['expected']}, " in text
    (named,) = shown["diagnosis"]["names"]
    assert named["id"] == "filter-flipped-rows"
    assert f"\nconvolution behaves exactly like: {named['sentence']}\n" in text
    for prop in ("exact", "bound"):
        assert re.search(rf"\n  fails    {prop} \(.*float64\): v1:convolution:", text)

    again = run(where, "-p", "patch", *rerun(text), "--tb=short")
    assert again.returncode == 1
    assert element[0] in again.stdout.partition("= conformance =")[0]  # as --tb asks for
    assert element[0] in again.stdout.partition("= conformance =")[2]

    python = [sys.executable, "-c", snippet(text)]
    alone = subprocess.run(python, cwd=where, capture_output=True, text=True, check=True)  # noqa: S603
    assert alone.stdout == f"{element[1]}\n"


def test_a_case_is_judged_alone(told: tuple[Path, str]) -> None:
    """The case that a wrong kernel failed passes with the right one, and nothing else runs."""
    where, text = told
    (where / "test_own.py").write_text("raise AssertionError('collected')", encoding="utf-8")
    done = run(where, *rerun(text), "--conformance-json", "right.json")
    assert done.returncode == 0, done.stdout
    report = findings(where / "right.json")
    case = rerun(text)[1]
    assert (report["verdict"], report["asked"]["case"]) == ("conforms so far", case)
    filled = [cell for cell in report["cells"] if cell["counts"]]
    assert {(c["operation"], c["dtype"]) for c in filled} == {("convolution", case.split(":")[2])}
    assert all(sum(cell["counts"].values()) == 1 for cell in filled)


def test_findings_do_not_depend_on_workers(told: tuple[Path, str]) -> None:
    """A seed gives the same findings to the byte on two workers and in CI; another does not.

    Nor does the controlling process import torch then: it waits for no oracle.
    """
    where, _ = told
    (where / "controller.py").write_text(CONTROLLER, encoding="utf-8")
    reports = ("--conformance-json", "spread.json", "--conformance-html", "spread.html")
    spread = run(where, *AGREEMENT, "-n", "2", "-p", "controller", *reports, CI="true")
    assert (where / "torch").read_text(encoding="utf-8") == "False"
    right = ("-k", "convolution_transpose and not gradient", "--hypothesis-seed", "1")
    other = run(where, *AGREEMENT, *right, "--conformance-json", "other.json")
    assert (spread.returncode, other.returncode) == (1, 0), spread.stdout + other.stdout
    one, two, three = (findings(where / f"{name}.json") for name in ("report", "spread", "other"))
    assert json.dumps(one) == json.dumps(two)
    assert (one["asked"]["seed"], three["asked"]["seed"]) == ("0", "1")
    # What is told of the right kernel depends on the draws alone.  There are twenty, as the
    # profile says, each judged with four exact fills in three dtypes, and five where it has a bias.
    for report in (one, three):
        counts = {
            sum(cell["counts"].values())
            for cell in report["cells"]
            if (cell["operation"], cell["property"]) == ("convolution_transpose", "exact")
        }
        assert 80 < min(counts) == max(counts) < 100
    met, met_elsewhere = (
        [each for each in report["boundaries"] if each["operation"] == "convolution_transpose"]
        for report in (one, three)
    )
    assert met != met_elsewhere


def test_shards_make_the_whole(folder: Folder) -> None:
    """Every test is in one shard, and merged reports of shards find what one run finds."""
    where = folder()
    for name, arguments in {"1": ("--shard", "1/2"), "2": ("--shard", "2/2"), "0": ()}.items():
        done = run(where, *LEDGER, *arguments, "--conformance-json", f"{name}.json")
        assert "conformance" in done.stdout, done.stdout + done.stderr
    parts = {name: files.read(where / f"{name}.json") for name in ("2", "1")}
    whole = files.read(where / "0.json").findings
    assert files.text_of(merge(parts).findings) == files.text_of(whole)
    ran = [
        {test for test, outcome in part.findings.tests.outcomes.items() if outcome == "passed"}
        for part in parts.values()
    ]
    assert abs(len(ran[0]) - len(ran[1])) <= 1
    assert not ran[0] & ran[1]


def test_nothing_decided_is_no_success(folder: Folder) -> None:
    """A case with an empty batch passes its tests, yet the run says so and does not exit with 0."""
    done = run(folder(), "--case", CASE.replace(":b1.", ":b0."))
    assert done.returncode == 4
    assert "Nothing decided in " in done.stdout
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def test_the_package_may_lie_behind_a_link(folder: Folder, tmp_path: Path) -> None:
    """Reached through symbolic links, the conformance tests are known for what they are."""
    package = tmp_path / "real" / "convcheck"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for home in [
        *(each for each in Path(convcheck.__path__[0]).iterdir() if each.is_dir()),
        *(Path(room.__path__[0]) for room in (conformance, reference, reports)),
    ]:
        (package / home.name).symlink_to(home)
    (tmp_path / "link").symlink_to(package.parent)
    where = folder(mine="from convcheck.reference import convolution")
    link = str(tmp_path / "link")
    result = run(where, "--kernel=convolution=mine:convolution", "--case", CASE, PYTHONPATH=link)
    assert "link/convcheck/conformance/replay.py" in result.stdout
    assert re.search(r"\b10 passed in ", result.stdout), result.stdout + result.stderr

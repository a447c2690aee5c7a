"""The console script: wrong commands and unreadable reports are one line and exit status 4."""

import errno
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from pytest_runs import Called, Command, call
from sample import RAN, TESTS, failed, record, report

import convcheck
from convcheck.conformance.commands.command import COMMANDS
from convcheck.conformance.plugin import asked
from convcheck.form.operations import OPERATIONS
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.declared.line import KEYS
from convcheck.kernels.isolation.isolated import Isolated, StartError
from convcheck.reports import files
from convcheck.reports.document import FORMAT, VERSION, plain
from convcheck.reports.rows import Record
from convcheck.reports.told import page

Json = dict[str, Any]

BASE = report()
TEXT = files.text_of(BASE)


def old(version: Any) -> str:
    """Return a report of another version of the format."""
    return json.dumps(plain(BASE) | {"version": version})


DEEP = "[" * 200_000
BAD = {
    "nothing": ("", "expected a JSON report"),
    "truncated": (TEXT[: len(TEXT) // 2], "expected a JSON report"),
    "no text": ("\udcff\udcfe", "expected a JSON report"),
    "deep": (DEEP, "expected a JSON report"),
    "a list": ("[]", "expected a JSON report, with format 'convcheck-report'"),
    "foreign": ('{"format": "other", "version": 2}', "with format 'convcheck-report'"),
    "older": (old(VERSION - 2), f"of the format, this convcheck reads {VERSION} and 4"),
    "newer": (old(VERSION + 1), f"of the format, this convcheck reads {VERSION} and 4"),
    "no version": (old("\x1b[31m" + "x" * 9999), "version "),
    "empty": (
        json.dumps({"format": FORMAT, "version": VERSION}),
        "object missing required field `findings`",
    ),
    "NaN": (TEXT.replace('"decided": ', '"decided": NaN, "x": ', 1), "NaN is no number of JSON"),
    "infinity": (TEXT.replace('"decided": ', '"decided": 1e999, "x": ', 1), "1e999 is no number"),
    "long number": (TEXT.replace('"decided": ', f'"decided": {"9" * 9999}, "x": ', 1), "expected"),
    "large number": (
        TEXT.replace('"decided": ', f'"decided": {"9" * 99}, "x": ', 1),
        "expected `int` ",
    ),
    "operation": (
        TEXT.replace('"operation": "convolution"', '"operation": "\\u001b[1m"', 1),
        "expected one of convolution, ",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("verb", ["merge", "diff", "render"])
def test_an_unreadable_report_is_one_line(name: str, verb: str, command: Command) -> None:
    """Whatever a file holds that is no report, a line says so, and nothing is written."""
    text, problem = BAD[name]
    Path("good").write_text(TEXT, encoding="utf-8")
    Path("bad").write_bytes(text.encode("utf-8", "surrogateescape"))
    inputs = ["bad"] if verb == "render" else ["good", "bad"]
    told = command(verb, *inputs, "--html" if verb == "diff" else "-o", "out")
    assert told.status == 4
    assert told.problem.startswith(f"ERROR: convcheck: {verb}: bad: ")
    assert problem in told.problem
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "no command is given (see convcheck --help): expected one of check, watch, "),
        (["frobnicate\x1b"], "'frobnicate\\x1b': expected one of"),
        (["merge"], "merge: the following arguments are required: REPORT.json, -o/--json"),
        (["merge", "a.json", "-o", "b.json"], "merge: a.json: No such file or directory"),
        (["merge", "r.json", "-o", "b.json"], "merge: expected at least two different reports"),
        (
            ["merge", "r.json", "s.json", "r.json", "-o", "b.json"],
            "r.json: given 2 times, expected different reports",
        ),
        (["merge", "r.json", "-o", "b", "--html", "./b"], "merge: b: expected another file"),
        (["render", "r.json", "-o", "missing/r.html"], "not written to missing/r.html: No such"),
        (["render", "r.json", "-o", "."], "render: not written to .: "),
        (["render", ".", "-o", "r.html"], "render: .: Is a directory"),
        (["diff", "r.json"], "diff: the following arguments are required: NEW.json"),
        (["diff", "r.json", "r.json", "--frobnicate"], "unrecognized arguments: --frobnicate"),
        (["diff", "r.json", "r.json", "--html", "missing/d.html"], "not written to missing/d.html"),
    ],
)
def test_a_wrong_command_is_one_line(words: list[str], problem: str, command: Command) -> None:
    """What cannot be done is said in one line, with exit status 4, and leaves no file."""
    Path("r.json").write_text(TEXT, encoding="utf-8")
    told = command(*words)
    assert told.status == 4
    assert problem in told.problem
    assert [path.name for path in Path().iterdir()] == ["r.json"]


def failing(error: OSError) -> Callable[..., NoReturn]:
    """Return a function that raises."""

    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    return fail


UNFIT = {
    "ulimit -n 20": ("ulimit -n is 20", "at least 64 files"),
    "rmdir $PWD": ("the working directory cannot be used",),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_keeps_it_from_starting_is_one_line(name: str, tmp_path: Path) -> None:
    """Where files or folders are wanting, a line says so, with exit status 4."""
    check = shlex.join([sys.executable, "-m", "convcheck", "check", "k.py"])
    done = call(tmp_path, ["sh", "-c", f"{name}; exec {check}"])
    told = Called(done.returncode, done.stdout, done.stderr)
    assert told.status == 4
    assert all(text in told.problem for text in ("convcheck: check: ", *UNFIT[name]))


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    """That is said before pytest needs one."""
    monkeypatch.setattr(tempfile, "gettempdir", failing(FileNotFoundError(errno.ENOENT, "none")))
    told = command("check", "k.py")
    assert told.status == 4
    assert told.problem == (
        "ERROR: convcheck: check: no folder for temporary files can be written to: expected one, "
        "named by TMPDIR"
    )


def test_a_process_that_cannot_start_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system starts none for a kernel, that is said, and the kernel is not blamed."""
    (tmp_path / "k.py").write_text("def convolution(x, ftr, strd): ...", encoding="utf-8")
    kernel = Isolated(Candidate("convolution", str(tmp_path / "k.py"), "convolution"))
    files = Path("/proc/self/fd")
    before = len(list(files.glob("*")))
    full = failing(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    monkeypatch.setattr(subprocess, "Popen", full)
    with pytest.raises(StartError, match="its process cannot be started: Too many open files"):
        kernel.start()
    with pytest.raises(StartError):
        kernel(*[0] * 3)
    assert len(list(files.glob("*"))) == before, "none stays open"
    option = SimpleNamespace(convcheck_kernel=None, convcheck_kernels=["k.py"], convcheck_case=None)
    config: Any = SimpleNamespace(rootpath=tmp_path, option=option)
    with pytest.raises(pytest.UsageError, match="no process can be started"):
        asked.settle(config)


def test_help_is_quick_and_names_all(command: Command, tmp_path: Path) -> None:
    """Help tells of every command, and imports none of what they need."""
    told = command("--help")
    assert told.status == 0
    assert all(f"convcheck {name}" in told.out for name in ("check", *COMMANDS))
    code = (
        "import sys; from convcheck.conformance.commands.command import main; main(['--help']);"
        "print({'numpy', 'torch', 'pytest', 'jinja2', 'json'} & set(sys.modules))"
    )
    assert call(tmp_path, [sys.executable, "-c", code]).stdout.endswith("set()\n")


def test_render_makes_the_same_page(command: Command) -> None:
    """A page made from the JSON is that of the run, to the byte."""
    first, again, source = map(Path, ("1.html", "2.html", "r.json"))
    page.write_html(BASE, first)
    files.write_json(BASE, source)
    assert command("render", source, "-o", again).status == 0
    assert first.read_bytes() == again.read_bytes()


def test_render_tells_what_changed(command: Command) -> None:
    """Beside an earlier report the page says what changed, as `diff` does."""
    again, old, new = map(Path, ("2.html", "old.json", "new.json"))
    files.write_json(BASE, old)
    files.write_json(report({TESTS[2]: record(2, failure=failed())}), new)
    assert command("render", new, "-o", again, "--baseline", old).status == 0
    said, _, _ = command("diff", old, new).out.partition("\n")
    assert said.startswith("Worse: 1 newly failing")
    assert said in again.read_text(encoding="utf-8")
    assert command("render", new, "-o", again, "--baseline", "missing").status == 4


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    """Where the disk is full, the line says that what is there is older, with exit status 3."""
    Path("r.json").write_text(TEXT, encoding="utf-8")
    Path("r.html").write_text("older", encoding="utf-8")
    full = failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    monkeypatch.setattr(os, "fdopen", full)
    told = command("render", "r.json", "-o", "r.html")
    assert told.status == 3
    assert told.problem == (
        "ERROR: convcheck: render: not written to r.html: No space left on device; what is there "
        "is older"
    )


def test_much_and_nothing() -> None:
    """A hundred thousand results cost per result no more than ten of a thousand; none is fine."""
    sizes, cell = [], record(0).cells[0]
    for number in (1_000, 100_000):
        names = [f"test_some::test_it[{at}]" for at in range(number)]
        started = time.process_time()
        big = report({name: Record(cells=[cell]) for name in names}, run=names)
        text = files.text_of(big)
        sizes.append((time.process_time() - started, len(text)))
        assert big.findings.cells[0].counts["agrees"] >= 10 * number
    assert sizes[1][0] < 1_000 * sizes[0][0]  # a square would be 10,000
    assert sizes[1][1] < 100 * sizes[0][1]
    assert report(run=[]).findings.verdict == "nothing decided"


LONG = "\x1b[31m</script>\u202e\ud800" + "x" * 2_000_000


def test_long_messages_are_cut(tmp_path: Path) -> None:
    """A message of megabytes, with controls and half characters, is kept short and harmless."""
    told = report(outcomes={TESTS[0]: "failed"}, messages={TESTS[0]: LONG})
    files.write_json(told, tmp_path / "r.json")
    (error,) = files.read(tmp_path / "r.json").findings.errors
    assert error.message.startswith("\\x1b[31m</script>\\u202e\\ud800xxx")
    assert error.message.endswith("\n... and 1,960,016 more characters")
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    assert len(text) < len(TEXT) + 50_000
    assert RAN.cost.phases.rest == 0.5


def test_lines_of_the_report_are_printable(command: Command) -> None:
    """Paths and messages do not reach a terminal as commands to it."""
    source = "\x1b[31mr.json"
    files.write_json(report({TESTS[0]: record(0, failure=failed(LONG))}), Path(source))
    for words, status in (
        (("diff", source, source), 0),
        (("render", source, "-o", "\x1b[31mr.html"), 0),
        (("render", f"{source}\n", "-o", "r.html"), 4),
    ):
        told = command(*words)
        assert told.status == status
        assert all(c.isprintable() or c == "\n" for c in told.out + told.err)


PROFILE, SEED = "--hypothesis-profile=quick", "--hypothesis-seed"
HTML, JSON = ["--conformance-html", "r.html"], "--conformance-json=r.json"
TABLE = ["--convcheck-kernels", "pyproject.toml"]
KEPT = ["--convcheck-history", "h"]
MINE = ["--convcheck-kernels", "mine.py"]


@pytest.mark.parametrize(
    ("words", "pytests"),
    [
        # Kernels may be named by pytest's options alone; the table is for where none is named.
        ("--kernels mine.py", ["-qq", "--kernels", "mine.py"]),
        ("--convcheck-kernel=x -q", ["--convcheck-kernel=x", "-q"]),
        ("-q", [*TABLE, "-q"]),
        ("mine.py --quick --seed 3 -j2", [*MINE, "-qq", PROFILE, SEED, "3", "--numprocesses", "2"]),
        ("--profile=quick mine.py -j 2 --all", [*MINE, "-qq", PROFILE, "--numprocesses", "2"]),
        ("mine.py --html r.html -k x --json=r.json", [*MINE, "-qq", *HTML, "-k", "x", JSON]),
        ("--github --history h mine.py", [*MINE, "-qq", "--convcheck-github", *KEPT]),
        ("mine.py -v -- --quick", [*MINE, "-v", "--quick"]),
    ],
)
def test_check_has_short_words_for_pytests_options(
    words: str, pytests: list[str], monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    """Those of pytest's that it does not know are pytest's, with what stands behind them."""
    called: list[list[str]] = []

    def keep(given: list[str], _: object) -> int:
        called.append(given)
        return 0

    monkeypatch.setattr(pytest, "main", keep)
    assert command("check", *words.split()).status == 0
    assert called == [pytests]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--quik", "--quik: did you mean --quick?"),
        ("--confromance-html=x", "--confromance-html: did you mean --conformance-html?"),
        ("--case", ""),
    ],
)
def test_an_option_that_was_meant_is_named(words: str, said: str, command: Command) -> None:
    """Where pytest has refused a command; it has said why itself."""
    told = command("check", "mine.py", words)
    assert told.status == 4
    assert ("did you mean" in told.err) == bool(said)
    assert said in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("chekc mine.py", "campaign; did you mean check?"),
        ("frobnicate", "campaign"),
        ("check mine.py --profile defualt", "conftest.py registers; did you mean default?"),
        ("check mine.py --profile mine", "conftest.py registers"),
        ("check convolutoin=mine.py:f", "_bias_gradient; did you mean convolution?"),
        ("check mine.py:conv_backprop", "; did you mean conv_back_prop?"),
        ("check convolution=mine.py:f,tensor=NCHW", "promises=; did you mean tensors?"),
        ("campaign convolutoin --extent 2 --results r", "; did you mean convolution?"),
        ("check convolution=mine.py:f,takes=dilations", "groups, bias; did you mean dilation?"),
        ("check mine.py --seed abc", "check: --seed 'abc': expected an integer, 0 or more"),
        ("check mine.py -j abc", "check: -j 'abc': expected a number of processes, or auto"),
        ("check mine.py -jabc", "check: -j 'abc': expected a number of processes, or auto"),
        ("watch mine.py --seed=-1", "watch: --seed '-1': expected an integer, 0 or more"),
    ],
)
def test_a_name_that_was_meant_is_told(words: str, said: str, command: Command) -> None:
    """At the end of the line that says which there are; where none is like it, none is told."""
    told = command(*words.split())
    assert told.status == 4
    assert told.problem.endswith(said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--htm=x", "unrecognized arguments: --htm=x"),
        ("--threads 0", "argument --threads: '0': expected a positive integer"),
        ("--html=no/x", "--html='no/x': expected a regular file in a folder that exists"),
        ("--json x --html x", "--html='x': expected another file than --json's"),
        ("--profile mine", "--profile='mine': expected quick, default, thorough"),
    ],
)
def test_errors_name_options_as_the_command_does(words: str, said: str, command: Command) -> None:
    """Whatever pytest calls them; it tells neither its own usage nor its folder."""
    Path("mine.py").write_text("def convolution(x, ftr, strd):\n    pass\n", encoding="utf-8")
    told = command("check", "mine.py", *words.split())
    assert (told.status, told.out) == (4, "")
    line, *more = told.err.splitlines()
    assert line.startswith(f"ERROR: {said}")
    assert more == ["--htm: did you mean --html?"] * words.startswith("--htm=")


def test_versions_and_help_are_told(command: Command) -> None:
    """Help names every operation and everything that a kernel may declare, on one screen."""
    assert command("--version") == (0, f"convcheck {convcheck.__version__}\n", "")
    told = command("check", "--help").out
    assert all(f"{name}" in told for name in (*OPERATIONS, *KEYS))
    assert "Exit status: 0 it conforms; 1 it does not;" in told
    assert told.count("\n") <= 40
    assert max(map(len, told.splitlines())) <= 98

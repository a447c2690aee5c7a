"""Whatever a kernel does, it has a verdict that says so, and nothing else is lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pytest
from hostile import FORGERIES, GARBLED, HARMLESS, MISBEHAVE, WRONG
from pytest_runs import Folder, findings, run, start

from convcheck.cases.case import Case
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.isolation.messages import GarbledError, Message, message_bytes, take_message
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.misbehaviour import KernelWarning, MisbehaviourError

KERNELS = hostile.__file__
CASES = [
    Case.parse(f"v1:convolution:{dtype}:{fill}:b1.h3.w4.i2.o2.f2x2.s1x{stride}:1")
    for dtype in ("float32", "float64")
    for fill in ("integers", "uniform", "nonfinite-x")
    for stride in (1, 2)
]


@pytest.fixture
def isolated(kernel_of: Callable[..., Any]) -> Callable[[str], Isolated]:
    """Return a function that isolates a hostile kernel."""

    def make(name: str) -> Isolated:
        seconds = 0.5 if name.startswith("hangs") else 10.0
        limits = {"seconds": seconds, "first_seconds": seconds}
        kernel: Isolated = kernel_of(f"convolution={KERNELS}:{name}", **limits, megabytes=400)
        return kernel

    return make


Isolate = Callable[[str], Isolated]


def told(verdicts: list[Verdict]) -> list[str]:
    """Return the reasons of those that misbehaved."""
    return [each.reason for each in verdicts if each.outcome is Outcome.MISBEHAVED]


@pytest.mark.parametrize("name", MISBEHAVE)
def test_misbehaviour_says_what_happened(isolated: Isolate, name: str) -> None:
    """What a kernel did is said in words; every case has a verdict."""
    cases = CASES[:1] if "parent" in name or "group" in name else CASES  # they are called again
    verdicts = judge_all(isolated(name), cases)
    assert len(verdicts) == len(cases)
    assert set(told(verdicts)) == {MISBEHAVE[name][1]}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_answer_is_misbehaviour(
    isolated: Isolate, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a kernel writes where its answers go, it is told in one sentence."""
    monkeypatch.setenv("FORGERY", name)
    verdicts = judge_all(isolated("forges"), CASES[:2])
    assert told(verdicts) == [MISBEHAVE["writes_to_descriptors"][1]] * 2


@pytest.mark.parametrize("name", WRONG)
def test_results_that_depend_on_more_than_arguments_are_wrong(isolated: Isolate, name: str) -> None:
    """A kernel that remembers fails sooner or later, or by the law on that."""
    kernel = isolated(name)
    law = judge_law("repeatability", kernel, CASES[0], {})
    assert law.failed or any(each.failed for each in judge_all(kernel, CASES * 4))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", HARMLESS)
def test_what_harms_nobody_is_no_fault(isolated: Isolate, name: str) -> None:
    """A kernel may print, warn, and keep processes: they end with it."""
    assert {each.outcome for each in judge_all(isolated(name), CASES)} == {Outcome.AGREES}


def test_a_warning_is_told_once(isolated: Isolate) -> None:
    """A kernel's own warning reaches the user, and is no fault even where warnings are errors."""
    kernel = isolated("warns")
    with pytest.warns(KernelWarning, match="warned: UserWarning: this kernel is old") as caught:
        judge_all(kernel, CASES)
    assert len(caught) == 1
    judge_all(kernel, CASES)


@pytest.mark.parametrize("name", GARBLED)
def test_what_is_no_answer_is_refused(name: str) -> None:
    """Bytes that a kernel wrote to the pipe itself are not taken for an answer."""
    with pytest.raises(GarbledError):
        take_message(bytearray(GARBLED[name]))


@pytest.mark.parametrize("name", ["another shape", "another number", "another kind"])
def test_what_could_be_one_is_read(name: str) -> None:
    """These are refused by what they say: so what is garbled is refused for what is wrong in it."""
    assert take_message(bytearray(FORGERIES[name])) is not None


def test_answers_cross_whole() -> None:
    """An answer is taken when it is there to the last byte, and what follows is left."""
    z = np.arange(6.0).reshape(1, 2, 3, 1)
    data = message_bytes(Message("result", result=z)) + message_bytes(Message("raised", "why"))
    buffer = bytearray()
    answers = []
    for byte in data:
        buffer.append(byte)
        answer = take_message(buffer)
        answers += [answer] if answer else []
    first, second = answers
    assert first.result is not None
    assert np.array_equal(first.result, z)
    assert (second.kind, second.text, second.result) == ("raised", "why", None)


def test_what_came_before_and_after_a_crash_is_kept(isolated: Isolate) -> None:
    """Only the cases that crash have misbehaved; the others of the batch are judged."""
    verdicts = judge_all(isolated("crashes_on_stride_two"), CASES[:6])
    outcomes = [Outcome.AGREES, Outcome.MISBEHAVED] * 3
    assert [each.outcome for each in verdicts] == outcomes


def test_a_kernel_that_hangs_is_given_up_until_the_next_test(isolated: Isolate) -> None:
    """Cases that were not called are undecided, and say why; a new test calls again."""
    kernel = isolated("hangs")
    started = time.monotonic()
    first, *rest = judge_all(kernel, CASES)
    assert (first.outcome, first.reason) == (Outcome.MISBEHAVED, MISBEHAVE["hangs"][1])
    assert {each.outcome for each in rest} == {Outcome.UNDECIDED}
    assert rest[0].reason == f"not called any more: a call before it in this test {first.reason}"
    law = judge_law("impulse", kernel, CASES[0], {})
    assert law.outcome is Outcome.UNDECIDED
    again = judge(kernel, CASES[0])
    assert again.reason == first.reason, "the same case has the same verdict"
    assert time.monotonic() - started < 5
    kernel.begin()
    assert judge(kernel, CASES[1]).reason == first.reason


def test_an_isolated_kernel_can_be_called_like_any_other(isolated: Isolate) -> None:
    """It takes the operation's arguments and returns the result, or says why not."""
    x, ftr = np.ones((1, 3, 3, 1)), np.ones((1, 2, 2, 1))
    assert (isolated("prints")(x, ftr, (1, 1)) == 4).all()
    with pytest.raises(MisbehaviourError, match="SIGABRT"):
        isolated("aborts")(x, ftr, (1, 1))


MODULES = {
    "raise KeyboardInterrupt": "importing it raised KeyboardInterrupt",
    "import os; os._exit(0)": "importing it ended its process, with exit status 0",
    "import os; os.abort()": "importing it crashed its process",
    "import sys; sys.exit('no')": "SystemExit: no",
    "import time; time.sleep(100)": "importing it did not return within 0.5 s",
}


@pytest.mark.parametrize("text", MODULES)
def test_a_module_may_do_anything_when_imported(
    kernel_of: Callable[..., Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong there is told in one line."""
    if "sleep" in text:
        monkeypatch.setattr("convcheck.kernels.isolation.isolated._START_SECONDS", 0.5)
    with pytest.raises(CandidateError, match=MODULES[text]):
        kernel_of(f"{text}\n").start()


def processes(mark: str) -> list[int]:
    """Return the processes whose command line or environment holds a mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in text and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def gone(mark: str) -> bool:
    """Return whether no process with a mark is left after a moment."""
    deadline = time.monotonic() + 10
    while processes(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not processes(mark)


def test_nothing_outlives_the_judge(isolated: Isolate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that a kernel has let go of end with it."""
    mark = f"hostile-{os.getpid()}-{time.monotonic()}"
    monkeypatch.setenv(MARK, mark)
    kernel = isolated("leaves_processes")
    judge_all(kernel, CASES)
    assert len(processes(mark)) > len(CASES)
    kernel.stop()
    assert gone(mark)


MARK = "HOSTILE_MARK"
SEVERAL = (
    *("--pyargs", "convcheck.conformance.test_agreement::test_nonfinite"),
    *("--call-seconds", "1", "--first-call-seconds", "1"),
    *("--hypothesis-profile", "quick", "--conformance-json", "r.json"),
    *("--kernel", f"convolution={KERNELS}:crashes_on_stride_two"),
    *("--kernel", f"convolution_transpose={KERNELS}:hangs_in_a_run"),
    *("--kernel", f"convolution_transpose_input_gradient={KERNELS}:prints_megabytes"),
)


def test_a_run_with_hostile_kernels_loses_nothing(folder: Folder) -> None:
    """Each is found out, every test has a result, no process is left, whatever -n."""
    where, mark = folder(), f"hostile-{os.getpid()}-{time.monotonic()}"
    reports = []
    for workers in ("0", "2"):
        done = run(where, *SEVERAL, "-n", workers, **{MARK: mark})
        report = findings(where / "r.json")
        assert done.returncode == 1
        assert (report["verdict"], report["errors"], report["missing"]) == (
            "does not conform",
            [],
            [],
        )
        assert "Traceback" not in done.stdout + done.stderr
        assert len(done.stdout + done.stderr) < 50_000
        assert gone(mark)
        reports.append(report)
    assert reports[0] == reports[1]
    failures = {
        cell["operation"]: cell["failure"] for cell in reports[0]["cells"] if cell["failure"]
    }
    assert len(failures) == 3
    assert {failure["outcome"] for failure in failures.values()} == {"misbehaved"}
    frame = failures["convolution"]["details"][0]
    assert "in crashes_on_stride_two: return ctypes." in frame


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(folder: Folder, number: int) -> None:
    """However pytest ends, its kernels' processes end too; Ctrl-C leaves a report."""
    where, mark = folder(), f"hostile-{os.getpid()}-{time.monotonic()}"
    one = ("--pyargs", "convcheck.conformance.test_agreement::test_nonfinite")
    kernel = ("--kernel", f"convolution={KERNELS}:hangs_in_a_run", "--conformance-json", "r.json")
    process = start(where, *one, *kernel, **{MARK: mark})
    assert processes(mark)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert gone(mark)
    if number == signal.SIGINT:
        assert process.returncode == 2
        assert findings(where / "r.json")["verdict"] == "incomplete"

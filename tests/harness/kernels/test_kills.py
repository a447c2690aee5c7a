"""A kernel's processes may be ended by somebody else at any moment: nothing is blamed on it."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pages import TEXT

from convcheck.cases.case import Case
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.isolation import patience
from convcheck.kernels.isolation.descendants import children
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.misbehaviour import KernelWarning

pytestmark = pytest.mark.filterwarnings("default::convcheck.kernels.misbehaviour.KernelWarning")

RIGHT = "convolution=convcheck.reference.notebook:convolution"
CASES = [
    Case.parse(f"v1:convolution:{dtype}:uniform:b2.h9.w{width}.i3.o4.f2x3.s1x2:{width}")
    for dtype in ("float32", "float64")
    for width in range(3, 23)
]
# A process that waits is one of these to the process before; the judge's child is the first.
ROLES = ("supervisor", "loader", "kernel")
Isolate = Callable[[str], Isolated]


def of(process: int) -> list[int]:
    """Return the processes that one is the parent of."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{process}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def processes(before: list[int]) -> dict[str, list[int]]:
    """Return what was started since, by role: each is the parent of the next."""
    found = {"supervisor": [each for each in children() if each not in before]}
    for role, parent in zip(ROLES[1:], ROLES, strict=False):
        found[role] = [each for process in found[parent] for each in of(process)]
    return found


def end(process: int, number: int) -> bool:
    """Send a signal to a process; return whether it was still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("role", ROLES)
def test_a_kill_between_calls_costs_nothing(kernel_of: Isolate, role: str, number: int) -> None:
    """Whichever process is ended while it waits, the next calls are answered as ever."""
    before, kernel = children(), kernel_of(RIGHT)
    for case in CASES[:3]:
        assert judge(kernel, case).outcome is Outcome.AGREES
        assert end(processes(before)[role][0], number)
        assert {each.outcome for each in judge_all(kernel, CASES[:9])} == {Outcome.AGREES}


@pytest.mark.parametrize("role", ROLES)
def test_kills_at_any_moment_cost_nothing(kernel_of: Isolate, role: str) -> None:
    """Ended twenty times, at random moments, a right kernel is right on every case."""
    before, kernel = children(), kernel_of(RIGHT)
    moments = random.Random(1)  # noqa: S311
    over, ended = threading.Event(), list[int]()

    def kill() -> None:
        while len(ended) < 20 and not over.wait(moments.uniform(0.01, 0.3)):
            ended.extend(each for each in processes(before)[role] if end(each, signal.SIGKILL))

    killer = threading.Thread(target=kill)
    killer.start()
    outcomes = set()
    try:
        while killer.is_alive():
            outcomes |= {(each.outcome, each.reason) for each in judge_all(kernel, CASES)}
    finally:
        over.set()
        killer.join()
    assert outcomes == {(Outcome.AGREES, "")}
    assert len(ended) >= 20


# A kernel that notes every call, and ends a process in some.
ENDS = """
import os, signal, time
from pathlib import Path
from convcheck.reference import notebook

CALLS = Path(__file__).with_name("calls")

def convolution(x, ftr, strd):
    with CALLS.open("a") as file:
        file.write("x")
    if {condition}:
        os.kill({process}, {number})
        time.sleep(60)
    return notebook.convolution(x, ftr, strd)
"""
VICTIMS = {"kernel": "os.getpid()", "loader": "os.getppid()"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("role", VICTIMS)
def test_a_kill_in_a_call_has_it_made_again(
    kernel_of: Isolate, tmp_path: Path, role: str, number: signal.Signals
) -> None:
    """It is told, and what comes of the last call counts: the kernel is right."""
    text = ENDS.format(
        condition="CALLS.stat().st_size in (3, 4)", process=VICTIMS[role], number=int(number)
    )
    with pytest.warns(KernelWarning, match=f"{number.name}.*called again"):
        verdicts = judge_all(kernel_of(text), CASES[:6])
    assert {each.outcome for each in verdicts} == {Outcome.AGREES}
    assert (tmp_path / "calls").stat().st_size == 8


def test_what_recurs_is_the_kernels_doing(kernel_of: Isolate, tmp_path: Path) -> None:
    """A kernel that ends its process each time has misbehaved, on that case alone."""
    text = ENDS.format(condition="x.shape[2] == 5", process="os.getpid()", number=9)
    verdicts = judge_all(kernel_of(text), CASES[:6])
    reasons = [each.reason for each in verdicts]
    assert reasons == ["", "", "killed its process (SIGKILL)", "", "", ""]
    assert (tmp_path / "calls").stat().st_size == 13


KILLED_AT_IMPORT = """
import os
from pathlib import Path
from convcheck.reference.notebook import convolution

CALLS = Path(__file__).with_name("imports")
with CALLS.open("a") as file:
    file.write("x")
if {condition}:
    os.kill(os.getpid(), 9)
"""


def test_a_kill_during_import_has_it_imported_again(kernel_of: Isolate, tmp_path: Path) -> None:
    """It is loaded in another process, which is no fault of the kernel's."""
    kernel = kernel_of(KILLED_AT_IMPORT.format(condition="CALLS.stat().st_size < 4"))
    assert judge(kernel, CASES[0]).outcome is Outcome.AGREES
    assert (tmp_path / "imports").stat().st_size == 4


def test_a_kernel_that_cannot_be_loaded_again_is_not_wrong(
    kernel_of: Isolate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where every later import is ended by a kill, its cases are undecided, and say so."""
    monkeypatch.setattr("convcheck.kernels.isolation.isolated._LOADS", 3)
    kernel = kernel_of(KILLED_AT_IMPORT.format(condition="CALLS.stat().st_size > 1"))
    kernel.start()
    kernel.stop()
    verdicts = judge_all(kernel, CASES[:3])
    assert {each.outcome for each in verdicts} == {Outcome.UNDECIDED}
    assert "3 times" in verdicts[0].reason


# A module that tells of another process than its own, and does not come to an end.
TELLS_ANOTHER = """
import os, socket, stat, time
from convcheck.kernels.isolation.messages import Message, message_bytes

for name in os.listdir("/proc/self/fd"):
    if int(name) > 2 and os.path.exists(f"/proc/self/fd/{{name}}"):
        if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
            os.write(int(name), message_bytes({answer}))
time.sleep(60)
"""
FORGED = {
    "another process": "Message('started', number={other})",
    "all processes": "Message('started', number=-1)",
    "no pipes": "Message('loaded', number=os.getpid())",
    "no status": "Message('next', 'x', os.getpid())",
    "another kind": "Message('progress', '50%')",
    "not JSON": "Message('started')) + bytes(100) + bytes(b''",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_process_is_not_ended(
    kernel_of: Isolate, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a module tells of other processes is not believed, and told in one sentence."""
    monkeypatch.setattr("convcheck.kernels.isolation.isolated._START_SECONDS", 1.0)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, start_new_session=True) as other:  # noqa: S603
        text = TELLS_ANOTHER.format(answer=FORGED[name].format(other=other.pid))
        started = time.monotonic()
        with pytest.raises(ValueError, match=r"importing it (did not return|wrote to the pipe)"):
            kernel_of(text).start()
        assert time.monotonic() - started < 20
        assert other.poll() is None
        other.kill()


def test_the_pages_say_how_many_kills_are_a_kernels_own() -> None:
    """The number of kills in a row that count against a kernel is the one that is told."""
    told = f"ends in a kill {patience.CALLS} times in a row"
    assert told in " ".join(TEXT.split())

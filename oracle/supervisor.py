"""Keeps watch over a candidate's process: `python -m convcheck.oracle.supervisor`.

Judge, supervisor, candidate: each is the parent of the next, and a session of its own.
When the candidate's process ends, or the judge does, the supervisor ends all that is left
of the candidate: also what it started and let go of.  It imports nothing heavy and never
runs the candidate's code.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ENDED_BY = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Run the candidate's process until it ends or the judge hangs up."""
    candidate, path = sys.argv[1], sys.argv[4:]
    control, lifeline = map(int, sys.argv[2:4])
    adopt_orphans()
    with contextlib.suppress(ValueError, OSError):  # no core files in the user's folder
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel = os.fork()
    if kernel == 0:
        os.close(lifeline)
        become_kernel()
        from .kernel_process import serve  # noqa: PLC0415  (NumPy: not in the supervisor)

        serve(candidate, path, control)
        os._exit(0)
    os.close(control)
    status = _wait(kernel, lifeline)
    end_all(kernel)
    end_like(status)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def become_kernel() -> None:
    """Lead a session of one's own, end with one's parent, and be the first to go without memory."""
    os.setsid()
    parent = os.getppid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended in between
        os._exit(1)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _wait(kernel: int, lifeline: int) -> int:
    """Return the wait status of `kernel` when it ends; SIGKILL's when someone wants the end."""
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    received: list[int] = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in _ENDED_BY:
        signal.signal(number, lambda number, _: received.append(number))
    while True:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == kernel:
                return ended[1]
        if received:
            return received[0]
        ready, _, _ = select.select([awake, lifeline], [], [])
        if lifeline in ready:
            return signal.SIGKILL
        with contextlib.suppress(BlockingIOError):
            os.read(awake, 512)


def children() -> list[int]:
    """Return the processes that this one is the parent of, where the system tells."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def end_all(kernel: int) -> None:
    """Kill `kernel`, its process group and, where orphans are adopted, its descendants."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(kernel, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):  # none is left
        while True:
            for child in children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)


def end_like(status: int) -> NoReturn:
    """End as the process did that had this wait status."""
    if os.WIFSIGNALED(status):
        with contextlib.suppress(OSError):  # SIGKILL has no other handler
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


if __name__ == "__main__":
    main()

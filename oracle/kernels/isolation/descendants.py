"""Processes that a process has started, and what becomes of them when it ends.

Nothing heavy is imported here: the supervisor needs it.
"""

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

# Processes between the supervisor and the one that calls run in, and that one.
_GENERATIONS = 2
# Links to a folder with one folder in it.
_ALONE = 3
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


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


def children(pid: int | str = "self") -> list[int]:
    """Return the processes that one, or this one, is the parent of, where the system tells."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it, and they, have started and not let go of."""
    yield pid
    for child in children(pid):
        yield from family(child)


def spent(pid: int) -> int:
    """Return the CPU time that a process and its family have taken, in ticks; 0 if untold."""
    ticks = 0
    for each in family(pid):
        with contextlib.suppress(OSError, IndexError):
            stat = Path(f"/proc/{each}/stat").read_text(encoding="ascii", errors="replace")
            ticks += sum(map(int, stat.rpartition(")")[2].split()[11:13]))
    return ticks


def in_threads(pid: int) -> bool:
    """Return whether a process has several threads, where the system tells."""
    try:
        return Path(f"/proc/{pid}/task").stat().st_nlink > _ALONE
    except OSError:
        return False


def descends(pid: int, ancestor: int) -> bool:
    """Return whether a process was started by another, or by one that it started."""
    try:
        for _ in range(_GENERATIONS):
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            pid = int(stat.rpartition(")")[2].split()[1])
            if pid == ancestor:
                return True
    except OSError:  # it has ended, or this is another system
        pass
    return False


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
    """End with this exit status, or by the signal that a negative one stands for."""
    if status < 0:
        with contextlib.suppress(OSError):  # SIGKILL has no other handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status if status >= 0 else 1)

"""Keeps watch over a candidate's process: `python -m convcheck.kernels.isolation.supervisor`.

Judge, supervisor, candidate: each is the parent of the next, and a session of its own.
When the candidate's process ends, or the judge does, the supervisor ends all that is left
of the candidate: also what it started and let go of.  It imports nothing heavy and never
runs the candidate's code.
"""

import contextlib
import os
import resource
import select
import signal
import sys

from .descendants import adopt_orphans, become_kernel, end_all, end_like

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
        from .serving import serve  # noqa: PLC0415  (NumPy: not in the supervisor)

        serve(candidate, path, control)
        os._exit(0)
    os.close(control)
    status = _wait(kernel, lifeline)
    end_all(kernel)
    end_like(os.waitstatus_to_exitcode(status))


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


if __name__ == "__main__":
    main()

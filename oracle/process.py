"""A candidate's process, as the judge sees it: what goes in, what comes out, how it ends."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from . import traces
from .calls import MisbehaviourError
from .loading import SAFE_PATH
from .messages import CUT_OFF, END, Answer, GarbledError, take_answer

_STOP_SECONDS = 5.0
# How often time and memory are looked at, in milliseconds.
_LOOK = 50
_OUTPUT_MEGABYTES = 100
# Bytes at the end of a call's output that are looked at when it fails.
_SHOWN = 10_000
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


class EndedError(MisbehaviourError):
    """A call that left no process."""


class ExcessError(EndedError):
    """A call that took too much, which takes its time."""


class HangError(ExcessError):
    """A call that did not return in time."""


class Process:
    """The supervisor's process, and its child and grandchild that the candidate runs in."""

    def __init__(self, candidate: str, megabytes: int, tell: Callable[[str], None]) -> None:
        """Start them; OSError where the system does not let them start."""
        self.gone = False
        """whether a new one is needed"""
        self._megabytes, self._tell = megabytes, tell
        self._pid: int | None = None  # of the process that the candidate runs in
        self._status: int | None = None  # how that has ended, if it has
        self._buffer = bytearray()
        with contextlib.ExitStack() as opened:  # what is open is closed, should something fail
            self._output = opened.enter_context(tempfile.TemporaryFile())
            pipes = [_pipe(opened) for _ in range(4)]
            (theirs_in, self._requests), (lifeline, self._lifeline) = pipes[:2]
            (self._answers, theirs_out), (self._ends, theirs_ends) = pipes[2:]
            theirs = (theirs_in, theirs_out, theirs_ends, lifeline)
            self._supervisor = subprocess.Popen(  # noqa: S603  (our own module)
                [
                    *(sys.executable, "-u", "-P", "-m", "convcheck.oracle.supervisor"),
                    *(candidate, *map(str, theirs), *sys.path),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=theirs,
                start_new_session=True,
                env=_environment() | {"OMP_NUM_THREADS": "1"},
            )
            opened.pop_all()
        for pipe in theirs:
            os.close(pipe)
        for pipe in (self._requests, self._answers, self._ends):
            os.set_blocking(pipe, False)
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)
        self._poll.register(self._ends, select.POLLIN)

    def send(self, data: bytes, seconds: float) -> None:
        """Send a batch of calls; what goes wrong, `next` will tell."""
        left, deadline = memoryview(data), time.monotonic() + seconds
        while left:
            try:
                left = left[os.write(self._requests, left) :]
            except BrokenPipeError:
                return
            except BlockingIOError:
                select.select([self._ends], [self._requests], [], _LOOK / 1000)
                if time.monotonic() > deadline:
                    self.stop()
                    raise HangError(f"took no call within {seconds:g} s") from None

    def next(self, seconds: float) -> Answer:
        """Return the next answer to a call, or to the start; EndedError if none comes."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = take_answer(self._buffer)
            except GarbledError:
                self.stop()
                raise EndedError("wrote to the pipe that its results are sent by") from None
            if answer is None:
                self._wait(seconds, deadline)
            elif answer.kind == "started":
                self._pid = int(answer.text)
            elif answer.kind == "told":
                self._tell(answer.text)
            else:
                return answer

    def _wait(self, seconds: float, deadline: float) -> None:
        """Wait for more of an answer; EndedError if it will not come."""
        if self._status is not None:
            status, self._status = self._status, None
            self._buffer.clear()
            raise EndedError(_ended(status), self._printed())
        with contextlib.suppress(BlockingIOError):
            self._read()
            return
        ready = self._poll.poll(_LOOK)
        if any(pipe == self._ends for pipe, _ in ready) and self._note_end():
            return
        problem = self._excess()
        if problem or (not ready and time.monotonic() > deadline):
            printed = self._printed()
            self._kill()
            if problem:
                raise ExcessError(problem, printed)
            raise HangError(f"did not return within {seconds:g} s", printed)

    def _read(self) -> None:
        data = os.read(self._answers, 1 << 20)
        self._buffer += data
        if not data:  # the supervisor has ended, and so has all else
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(_STOP_SECONDS)
            status, printed = self._supervisor.returncode, self._printed()
            self.stop()
            raise EndedError(_ended(status), printed)

    def _note_end(self) -> bool:
        """Take note of how the candidate's process ended; False if all else ended too."""
        data = os.read(self._ends, END.size)
        if data:
            status, self._pid = END.unpack(data)
            self._status = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(BlockingIOError):  # what it answered before
                while data := os.read(self._answers, 1 << 20):
                    self._buffer += data
        return bool(data)

    def _printed(self) -> tuple[str, ...]:
        """Return what the call that is over has left in the output, and empty it for the next."""
        output = self._output.fileno()
        size = os.fstat(output).st_size
        data = os.pread(output, _SHOWN, max(0, size - _SHOWN))
        os.ftruncate(output, 0)
        os.lseek(output, 0, os.SEEK_SET)
        return traces.of_output(data)

    def _excess(self) -> str | None:
        """Return what the candidate's process has too much of, if anything."""
        if os.fstat(self._output.fileno()).st_size > _OUTPUT_MEGABYTES * 1e6:
            return f"printed more than {_OUTPUT_MEGABYTES} MB"
        try:
            statm = Path(f"/proc/{self._pid}/statm").read_text(encoding="ascii")
        except OSError:  # another system
            return None
        resident = int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        if resident > self._megabytes:
            return f"took more than {self._megabytes} MB of memory"
        return None

    def _kill(self) -> None:
        """End the candidate's process; the next one may be there already."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._pid, signal.SIGKILL)
        ready, _, _ = select.select([self._ends], [], [], _STOP_SECONDS)
        if not (ready and self._note_end()):
            self.stop()
        self._buffer.clear()
        self._status = None

    def stop(self) -> None:
        """End all processes."""
        if self.gone:
            return
        self.gone = True
        os.close(self._lifeline)
        try:
            self._supervisor.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._supervisor.pid, signal.SIGKILL)
            self._supervisor.wait()
        for pipe in (self._requests, self._answers, self._ends):
            os.close(pipe)
        self._output.close()


def _pipe(opened: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if (name, value) != SAFE_PATH}


def _ended(status: int | None) -> str:
    """Say how a process ended whose exit status, or negative signal, this is."""
    if status == CUT_OFF:
        return "closed the pipes to the judge"
    if status is not None and status < 0:
        number = signal.Signals(-status)
        return f"{'crashed' if number in _CRASHES else 'killed'} its process ({number.name})"
    return f"ended its process, with exit status {status}"

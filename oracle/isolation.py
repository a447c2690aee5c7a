"""Candidates in a process of their own, in time and memory that are limited.

Whatever a kernel does there, the judge goes on: a kernel that does not return, that
crashes or ends its process, or takes all memory, has misbehaved on the case it was called
for.  This is for accidents.  It is no sandbox: the kernel can still do what its user can.
"""

import atexit
import contextlib
import hashlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from .calls import Call, MisbehaviourError, NotCalledError, Remote
from .candidates import Candidate, CandidateError
from .cases import Case
from .layouts import Array
from .messages import CUT_OFF, END, Answer, GarbledError, Request, request_bytes, take_answer
from .operations import operation_named

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
# How often time and memory are looked at, in milliseconds.
_LOOK = 50
_OUTPUT_MEGABYTES = 100
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)

# In one test, a kernel is not called again after so many calls that ended its process, or one
# that took too much time or memory.
_PATIENCE = 5
# Once a kernel has hung, no call waits longer than this.
_SHORT_SECONDS = 1.0


class KernelWarning(UserWarning):
    """Something that a candidate did and that is no fault, such as a warning of its own."""


class _EndedError(MisbehaviourError):
    """A call that left no process."""


class _ExcessError(_EndedError):
    """A call that took too much, which takes its time."""


class _HangError(_ExcessError):
    """A call that did not return in time."""


class Isolated(Remote):
    """A candidate that runs in a process of its own, started when it is first needed."""

    def __init__(
        self, candidate: Candidate, *, seconds: float = 10.0, megabytes: int = 4096
    ) -> None:
        """Limit each call to so much time, and the process to so much memory."""
        self.candidate = candidate
        self.__name__ = candidate.operation
        self._operation = operation_named(candidate.operation)
        self._seconds, self._megabytes = seconds, megabytes
        self._process: _Process | None = None
        self._takes_fore_layer: bool | None = None
        self._ended: dict[bytes, _EndedError] = {}
        self._excesses = 0
        self._hung = False
        self._told: set[str] = set()

    def start(self) -> None:
        """Start the process and load the candidate; CandidateError if that fails."""
        if self._process is not None:
            return
        self._process = _Process(str(self.candidate), self._megabytes, self._tell)
        atexit.register(self.stop)
        try:
            answer = self._process.next(_START_SECONDS)
        except KeyboardInterrupt:
            self.stop()
            raise
        except MisbehaviourError as problem:
            self._refuse(f"module {self.candidate.module!r}: importing it {problem}")
        if answer.kind == "refused":
            self._refuse(answer.text)
        self._takes_fore_layer = answer.text == "fore_layer"

    def _refuse(self, reason: str) -> NoReturn:
        self.stop()
        raise CandidateError(reason)

    def stop(self) -> None:
        """End the process, and all that it started."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            process.stop()

    def begin(self) -> None:
        """Call it again in a new test, also where it was given up in the one before."""
        self._ended.clear()
        self._excesses = 0

    def _tell(self, text: str) -> None:
        if text in self._told:
            return
        self._told.add(text)
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # also where the user's are errors: it is no fault
            warnings.warn(f"{self.candidate}: {text}", KernelWarning, stacklevel=2)

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        if self._takes_fore_layer is None:
            self.start()
        takes = bool(self._takes_fore_layer)
        return self.candidate.refuses(case, prop, takes_fore_layer=takes)

    def __call__(self, *positional: Any, **keywords: Any) -> Array:
        """Call it as any kernel; MisbehaviourError if it gives no result."""
        (answer,) = self._ask([(self._operation.signature, positional, keywords, None, "copy")])
        if isinstance(answer, MisbehaviourError):
            raise answer
        return answer

    def call_all(self, calls: Sequence[Call]) -> list[Array | MisbehaviourError]:
        """Return a result, or why there is none, for each call."""
        names = self._operation.signature
        return self._ask(
            [
                (names, *self._operation.arguments(c.geometry, c.arrays), c.shape, c.arrangement)
                for c in calls
            ]
        )

    def _ask(self, requests: Sequence[Request]) -> list[Array | MisbehaviourError]:
        """Have all requests answered, whatever happens to the process meanwhile."""
        answers: list[Array | MisbehaviourError] = []
        try:
            while len(answers) < len(requests):
                left = requests[len(answers) :]
                known = self._known(left[0])
                if known is not None:
                    answers.append(known)
                    continue
                try:
                    self._run(left if not self._ended else left[:1], answers)
                except _EndedError as problem:
                    self._ended[_digest(requests[len(answers)])] = problem
                    self._excesses += isinstance(problem, _ExcessError)
                    self._hung = self._hung or isinstance(problem, _HangError)
                    answers.append(problem)
        except BaseException:  # such as Ctrl-C: answers to come would be taken for others
            self.stop()
            raise
        return answers

    def _known(self, request: Request) -> MisbehaviourError | None:
        """Return what is to be said of a call without making it."""
        if not self._ended:
            return None
        if _digest(request) in self._ended:
            return self._ended[_digest(request)]
        if len(self._ended) < _PATIENCE and self._excesses == 0:
            return None
        last = list(self._ended.values())[-1]
        return NotCalledError(f"not called any more: a call before it in this test {last}")

    def _run(self, requests: Sequence[Request], answers: list[Array | MisbehaviourError]) -> None:
        """Have requests answered in the process, adding to `answers` as they come."""
        try:
            self.start()
        except CandidateError as problem:  # it was loaded before
            raise _EndedError(f"could not be loaded again: {problem}") from None
        assert self._process is not None, "started"  # noqa: S101
        seconds = min(self._seconds, _SHORT_SECONDS) if self._hung else self._seconds
        try:
            self._process.send(request_bytes(requests), seconds)
            for _ in requests:
                answer = self._process.next(seconds)
                answers.append(
                    MisbehaviourError(answer.text) if answer.result is None else answer.result
                )
        except _HangError:
            raise _HangError(_in_time(self._seconds)) from None
        finally:
            if self._process.gone:
                self.stop()


def _in_time(seconds: float) -> str:
    """Say that a call did not return; of the first in a run and of later ones alike."""
    text = f"did not return within {seconds:g} s"
    if seconds > _SHORT_SECONDS:
        text += f", or {_SHORT_SECONDS:g} s once it had hung before"
    return text


def _digest(request: Request) -> bytes:
    return hashlib.sha256(request_bytes([request])).digest()


class _Process:
    """The supervisor's process, and its child and grandchild that the candidate runs in."""

    def __init__(self, candidate: str, megabytes: int, tell: Callable[[str], None]) -> None:
        self.gone = False
        """whether a new one is needed"""
        self._megabytes, self._tell = megabytes, tell
        self._pid: int | None = None  # of the process that the candidate runs in
        self._status: int | None = None  # how that has ended, if it has
        self._buffer = bytearray()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        theirs_in, self._requests = os.pipe()
        self._answers, theirs_out = os.pipe()
        self._ends, theirs_ends = os.pipe()
        lifeline, self._lifeline = os.pipe()
        theirs = (theirs_in, theirs_out, theirs_ends, lifeline)
        self._supervisor = subprocess.Popen(  # noqa: S603  (our own module)
            [
                *(sys.executable, "-u", "-m", "convcheck.oracle.supervisor"),
                *(candidate, *map(str, theirs)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            pass_fds=theirs,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
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
                    raise _HangError(f"took no call within {seconds:g} s") from None

    def next(self, seconds: float) -> Answer:
        """Return the next answer to a call, or to the start; _EndedError if none comes."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = take_answer(self._buffer)
            except GarbledError:
                self.stop()
                raise _EndedError("wrote to the pipe that its results are sent by") from None
            if answer is None:
                self._wait(seconds, deadline)
            elif answer.kind == "started":
                self._pid = int(answer.text)
            elif answer.kind == "told":
                self._tell(answer.text)
            else:
                return answer

    def _wait(self, seconds: float, deadline: float) -> None:
        """Wait for more of an answer; _EndedError if it will not come."""
        if self._status is not None:
            status, self._status = self._status, None
            self._buffer.clear()
            raise _EndedError(_ended(status))
        with contextlib.suppress(BlockingIOError):
            self._read()
            return
        ready = self._poll.poll(_LOOK)
        if any(pipe == self._ends for pipe, _ in ready) and self._note_end():
            return
        problem = self._excess()
        if problem or (not ready and time.monotonic() > deadline):
            self._kill()
            if problem:
                raise _ExcessError(problem)
            raise _HangError(f"did not return within {seconds:g} s")

    def _read(self) -> None:
        data = os.read(self._answers, 1 << 20)
        self._buffer += data
        if not data:  # the supervisor has ended, and so has all else
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(_STOP_SECONDS)
            status = self._supervisor.returncode
            self.stop()
            raise _EndedError(_ended(status))

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


def _ended(status: int | None) -> str:
    """Say how a process ended whose exit status, or negative signal, this is."""
    if status == CUT_OFF:
        return "closed the pipes to the judge"
    if status is not None and status < 0:
        number = signal.Signals(-status)
        return f"{'crashed' if number in _CRASHES else 'killed'} its process ({number.name})"
    return f"ended its process, with exit status {status}"

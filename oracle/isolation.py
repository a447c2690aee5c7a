"""Candidates in a process of their own, in time and memory that are limited.

Whatever a kernel does there, the judge goes on: a kernel that does not return, that
crashes or ends its process, or takes all memory, has misbehaved on the case it was called
for.  This is for accidents.  It is no sandbox: the kernel can still do what its user can.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from .calls import Call, MisbehaviourError
from .candidates import Candidate, CandidateError
from .cases import Case
from .layouts import Array
from .operations import operation_named

# After so many hangs and crashes a kernel is not called again.
_PATIENCE = 3
_START_SECONDS = 60.0


class Isolated:
    """A candidate that runs in a process of its own, started when it is first needed."""

    def __init__(
        self, candidate: Candidate, *, seconds: float = 10.0, megabytes: int = 4096
    ) -> None:
        """Limit each call to so much time, and the process to so much memory."""
        self.candidate = candidate
        self.__name__ = candidate.operation
        self._operation = operation_named(candidate.operation)
        self._seconds, self._megabytes = seconds, megabytes
        self._process: subprocess.Popen[bytes] | None = None
        self._failures: list[str] = []
        self._takes_fore_layer = False
        self._loaded = False
        self._requests: Connection
        self._answers: Connection

    def start(self) -> None:
        """Start the process and load the candidate; CandidateError if that fails."""
        if self._process is not None:
            return
        child_in, ours_out = os.pipe()
        ours_in, child_out = os.pipe()
        self._process = subprocess.Popen(  # noqa: S603  (our own module)
            [
                *(sys.executable, "-m", "convcheck.oracle.kernel_process"),
                *(str(self.candidate), str(child_in), str(child_out)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(child_in, child_out),
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        os.close(child_in)
        os.close(child_out)
        self._requests = Connection(ours_out, readable=False)
        self._answers = Connection(ours_in, writable=False)
        atexit.register(self.stop)
        try:
            kind, value = self._receive(_START_SECONDS)
        except MisbehaviourError as problem:
            self._refuse(f"module {self.candidate.module!r}: importing it {problem}")
        if kind == "refused":
            self._refuse(str(value))
        self._takes_fore_layer, self._loaded = bool(value), True

    def _refuse(self, reason: str) -> NoReturn:
        self.stop()
        raise CandidateError(reason)

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why it is not to be judged on `case` for a property, if it is not."""
        if not self._loaded:
            self.start()
        return self.candidate.refuses(case, prop, takes_fore_layer=self._takes_fore_layer)

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what crosses to the process are `Call`s, several at once."""
        raise TypeError(f"{self.candidate}: expected to be called by call_all")

    def call_all(self, calls: Sequence[Call]) -> list[Array | MisbehaviourError]:
        """Return a result, or why there is none, for each call."""
        answers: list[Array | MisbehaviourError] = []
        while len(answers) < len(calls):
            left = calls[len(answers) :]
            if len(self._failures) >= _PATIENCE:
                problem = f"was not called again: {_PATIENCE} times it {self._failures[-1]}"
                return [*answers, *(MisbehaviourError(problem) for _ in left)]
            try:
                self.start()
                self._send(left)
                for _ in left:
                    kind, value = self._receive(self._seconds)
                    answers.append(value if kind == "result" else MisbehaviourError(value))
            except MisbehaviourError as problem:
                self._failures.append(str(problem))
                answers.append(problem)
            except CandidateError as problem:  # it was loaded before
                answers.append(MisbehaviourError(f"could not be loaded again: {problem}"))
                self._failures.append("could not be loaded again")
        return answers

    def _send(self, calls: Sequence[Call]) -> None:
        batch = [
            (self.candidate.operation, c.geometry, dict(c.arrays), c.shape, c.arrangement)
            for c in calls
        ]
        with contextlib.suppress(BrokenPipeError):  # then there will be no answer either
            self._requests.send(batch)

    def _receive(self, seconds: float) -> Any:
        """Return the next answer; MisbehaviourError, and no process left, if none comes."""
        process = self._process
        assert process is not None, "started"  # noqa: S101
        deadline = time.monotonic() + seconds
        try:
            while not self._answers.poll(0.05):
                if self._memory() > self._megabytes:
                    self.stop()
                    raise MisbehaviourError(f"took more than {self._megabytes} MB of memory")
                if time.monotonic() > deadline:
                    self.stop()
                    raise MisbehaviourError(f"did not return within {seconds:g} s")
            return self._answers.recv()
        except (EOFError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            status = process.returncode
            self.stop()
            raise MisbehaviourError(_ended(status)) from None

    def _memory(self) -> float:
        """Return the resident memory of the process, in megabytes; 0 where that is unknown."""
        assert self._process is not None, "started"  # noqa: S101
        try:
            statm = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="ascii")
        except OSError:
            return 0.0
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        """End the process, and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self.stop)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._requests.close()
        self._answers.close()


def _ended(status: int | None) -> str:
    if status is not None and status < 0:
        return f"crashed its process ({signal.Signals(-status).name})"
    return f"ended its process, with exit status {status}"

"""A kernel in whatever language: a program that is started once and asked many times.

A request on its standard input is one line of JSON and the arrays that it names, each as a .npy
file, one after another; its answer on standard output is one .npy file, flushed.  A line that
begins with NotImplementedError is an answer, too, as that exception is of other kernels.  Its input
ends when no more is asked.  What it writes to standard error goes where other kernels print to.
"""

import math
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.form.operations import operation_named
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.isolation.descendants import in_threads, spent
from convcheck.kernels.isolation.messages import CUT_OFF
from convcheck.kernels.isolation.process import ended
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError

from .npy import answer_of, garbled, request_bytes, too_little, too_much

FORMAT = 1
"""of requests"""
_ENDS = 1.0
"""seconds until a program that has closed its end of a pipe has to have ended"""
_PIECE = 1 << 16
"""bytes that are read at once"""
_IDLE = 1.0
"""seconds without an answer after which it is looked whether a program does anything"""
_KNOWN = 0.1
"""the same for one that has kept an answer back before"""
_AT_ONCE = 0.2
"""seconds in which an answer comes that waited for the end of the input alone"""
_UNSURE = 5.0
"""the same where a part of an answer has come: that may be on its way while others work for it"""
_KEPT = "gave its answer only when its input had ended: is its standard output flushed?"


_Answer = Array | NotImplementedError
"""of a program: a result, or that it does not take such a call"""


class EndedError(MisbehaviourError):
    """A program has ended, or cut itself off."""

    def __init__(self, status: int) -> None:
        """Say how; `status` is its exit status, or negative signal, or `CUT_OFF`."""
        problem = ended(status, ())
        super().__init__(problem.kind, problem.text)
        self.status = status


class Program:
    """A program, called as a function of arrays and of what JSON has."""

    def __init__(self, candidate: Candidate) -> None:
        """Find it, and try whether it can be started; CandidateError if it cannot."""
        self._process: subprocess.Popen[bytes] | None = None
        self._left = b""  # of the request that was answered last
        self._closed = False  # it has closed its input
        self._ended_input: float | None = None  # when that was ended here
        self._idle = _IDLE
        self._data = bytearray()  # of the answer that is awaited
        self._operation, program = candidate.operation, candidate.function
        signature, renamed = operation_named(self._operation).signature, dict(candidate.names)
        self._positional = [name for name in signature if name not in renamed]
        self._command = [_found(program), *candidate.arguments]
        self.result: tuple[int, ...] = ()
        """the shape of the next result"""
        try:
            self._start()
        except OSError as error:
            reason = error.strerror
            if isinstance(error, FileNotFoundError):
                reason = "there is no such interpreter as its first line names"
            raise CandidateError(f"program {program!r}: it cannot be started: {reason}") from None
        self.stop()

    def __call__(self, *positional: Any, **keywords: Any) -> Array:
        """Return its result for arguments by name, some of them by position.

        Raises:
            MisbehaviourError: there is none; the next call starts it anew.
        """
        named = dict(zip(self._positional, positional, strict=True), **keywords)
        arrays = {name: each for name, each in named.items() if isinstance(each, np.ndarray)}
        about: dict[str, Any] = {"format": FORMAT, "operation": self._operation}
        about |= {name: each for name, each in named.items() if name not in arrays}
        request = request_bytes({**about, "result": self.result}, arrays)
        try:
            answer = self._whole(request, arrays)
        except BaseException:  # what is to come yet would be taken for the next answer
            self.stop()
            raise
        if isinstance(answer, NotImplementedError):
            raise answer
        return answer

    def _whole(self, request: bytes, arrays: dict[str, Array]) -> _Answer:
        """Return the answer to a request; MisbehaviourError if it waits for more without one.

        A program that does nothing at all may wait for the next request, while its answer lies in
        a buffer or is shorter than it said: the end of its input brings that out.  So that none is
        blamed which was slow by itself, this is seen twice before it is believed.
        """
        answer, problem = self._attempt(request, arrays, self._idle)
        if problem and self._idle == _IDLE:
            seen, again = problem, _IDLE / 4 if problem == _KEPT else _UNSURE
            answer, problem = self._attempt(request, arrays, again)
            problem = problem if problem == seen else ""
        if problem:
            self._idle = _KNOWN
            raise garbled(problem)
        if answer is None:  # it may have left its work at the end of its input
            self._idle = math.inf
            return self._answer(request, arrays, math.inf)
        return answer

    def _attempt(
        self, request: bytes, arrays: dict[str, Array], idle: float
    ) -> tuple[_Answer | None, str]:
        """Return the answer to a request, if there is one, and what is wrong where it waited.

        Args:
            request: what it is sent.
            arrays: those of the request.
            idle: seconds in which it does nothing until its input is ended.
        """
        try:
            answer = self._answer(request, arrays, idle)
        except EndedError:
            if self._ended_input is None:
                raise
            answer = None
        if self._ended_input is None:
            return answer, ""
        soon = time.monotonic() - self._ended_input < _AT_ONCE or idle == _KNOWN
        self.stop()
        if answer is None:
            return None, too_little(self._data) if self._data else ""
        return answer, _KEPT if soon else ""

    def in_threads(self) -> bool:
        """Return whether it has threads beside its first, where the system tells."""
        return self._process is not None and in_threads(self._process.pid)

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()

    def __del__(self) -> None:
        self.stop()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  (the user's own)
            self._command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._left, self._closed, self._ended_input = b"", False, None
        for pipe in self._pipes():
            os.set_blocking(pipe, False)

    def _pipes(self) -> tuple[int, int]:
        """Return where its input is written, and its output read."""
        assert self._process is not None, "started"  # noqa: S101
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin and stdout, "pipes"  # noqa: S101, PT018
        return stdin.fileno(), stdout.fileno()

    def _answer(self, request: bytes, arrays: dict[str, Array], idle: float) -> _Answer:
        """Return the answer to a request; one that does nothing for so long has its input ended."""
        if self._process is None:
            try:
                self._start()
            except OSError as error:  # it could be started before
                text = f"could not be started again: {error.strerror}"
                raise MisbehaviourError(Misbehaviour.NOT_LOADED, text) from None
        asked, answers = self._pipes()
        if select.select([answers], [], [], 0)[0]:
            raise self._beyond()
        # It may answer before it has read all of a request; neither waits for the other.
        left, data, used = memoryview(self._left + request), bytearray(), -1
        self._data, answer = data, None
        while answer is None:
            left = self._send(asked, left)
            wait = self._wait(idle)
            readable, writable, _ = select.select([answers], [asked] if left else [], [], wait)
            if readable:
                piece = os.read(answers, _PIECE)
                if not piece:
                    raise self._ended()
                data += piece
                answer = answer_of(data, self.result, arrays)
            elif self._closed:
                raise self._ended()
            elif not writable:
                used = self._unless_idle(used, request_is_read=not left)
        self._left = bytes(left)
        return answer

    def _send(self, pipe: int, left: memoryview) -> memoryview:
        """Send what is left of a request; return what is left then."""
        try:
            return left[os.write(pipe, left) :] if left else left
        except BlockingIOError:
            return left
        except BrokenPipeError:  # it may have answered all the same
            self._closed = True
            return left[:0]

    def _wait(self, idle: float) -> float | None:
        """Return how many seconds to wait for an answer, if not for ever."""
        if self._closed:
            return _ENDS
        return None if self._ended_input is not None or idle == math.inf else idle

    def _unless_idle(self, before: int, *, request_is_read: bool) -> int:
        """Return the CPU time it has taken; end its input where that is what it was `before`."""
        assert self._process is not None, "started"  # noqa: S101
        used = spent(self._process.pid)
        if used == before and request_is_read and self._process.stdin is not None:
            self._process.stdin.close()
            self._ended_input = time.monotonic()
        return used

    def _beyond(self) -> MisbehaviourError:
        """Return what it did since it answered."""
        data = os.read(self._pipes()[1], _PIECE)
        return too_much(data) if data else self._ended()

    def _ended(self) -> EndedError:
        """Return how it has ended, or that it has closed its pipes if it has not."""
        assert self._process is not None, "started"  # noqa: S101
        try:
            return EndedError(self._process.wait(_ENDS))
        except subprocess.TimeoutExpired:
            return EndedError(CUT_OFF)


def _found(program: str) -> str:
    """Return the path of a program, from wherever it is looked at; CandidateError if none."""
    path = shutil.which(program)
    if path is not None:
        return str(Path(path).absolute())
    problem = "there is no such file"
    if "/" not in program:
        problem = "there is none of this name on PATH"
        problem += f"; that of this folder is ./{program}" if Path(program).is_file() else ""
    elif Path(program).exists():
        problem = "it is not executable; an interpreter's script may go by arguments=SCRIPT"
    raise CandidateError(f"program {program!r}: {problem}")

"""The process that a candidate runs in; `supervisor` starts it.

It loads the candidate and answers batches of calls one by one.  Calls run in a fork of
it, so that when one ends its process, the next is there in milliseconds.
"""

import ctypes
import faulthandler
import os
import signal
import socket
import threading
import warnings
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels import traces
from convcheck.kernels.calls import invoke, raised
from convcheck.kernels.candidates import CandidateError, load
from convcheck.kernels.loading import look_in
from convcheck.kernels.misbehaviour import KernelWarning, Misbehaviour, MisbehaviourError, words
from convcheck.kernels.settings import QUICK, SLOW, Settings
from convcheck.kernels.subjects import Request, Subject

from .descendants import adopt_orphans, become_kernel, children, end_all, end_like
from .messages import CUT_OFF, HUNG_UP, Message, message_bytes, read_requests

# Processes and threads that a kernel may keep, as a pool.
_HELPERS = 64
# Results and arguments of so many calls are looked at again, if they are no larger.
_REMEMBERED = 4
_SMALL = 1_000_000
# Bytes of output that a call may write.
_OUTPUT = 100_000
# Bytes at the end of it that are looked at when the call fails.
_SHOWN = 10_000
# Different things that are told, at most.
_TOLD = 20
_LIBRARY = ctypes.CDLL(None)  # the C library


def serve(candidate: str, path: list[str], control: int) -> None:
    """Load the candidate, from where the judge finds it, and answer calls until it hangs up."""
    faulthandler.enable(os.dup(1), all_threads=False)  # `traces` reads what it says of a crash
    news = socket.socket(fileno=control)
    news.sendall(message_bytes(Message("started", number=os.getpid())))
    look_in(path)
    try:
        kernel = load(candidate)
    except CandidateError as error:
        news.sendall(message_bytes(Message("refused", str(error))))
        return
    except BaseException as error:  # noqa: BLE001  (its module may raise anything)
        problem = f"importing it raised {words(error)}"
        news.sendall(message_bytes(Message("refused", problem)))
        return
    judge = _fork(news, "fore_layer" if kernel.takes_fore_layer else "")
    session = _Session(kernel, judge)
    try:
        while True:
            session.answer_all(*judge.listen())
    except (EOFError, BrokenPipeError):
        os._exit(HUNG_UP)
    except (OSError, ValueError):
        os._exit(CUT_OFF)
    except KeyboardInterrupt:  # in no call of the kernel: somebody else sent it
        end_like(signal.SIGINT)


def _fork(news: socket.socket, text: str) -> "_Judge":
    """Return in a fork, and in another whenever that one has ended; have the judge told.

    Each has pipes of its own, for the reason that `process` gives.  Other threads do not
    survive a fork: where loading the candidate has started some, there is none, and the next
    process has to load it anew.
    """
    adopt_orphans()
    kind = "loaded"
    while True:
        (requests, theirs_in), (theirs_out, answers) = os.pipe(), os.pipe()
        alone = _alone()
        kernel = os.fork() if alone else os.getpid()
        if kernel == 0:
            news.close()
            become_kernel()
        else:
            data = message_bytes(Message(kind, text, kernel))
            socket.send_fds(news, [data], [theirs_in, theirs_out])
        os.close(theirs_in)
        os.close(theirs_out)
        if kernel == 0 or not alone:
            return _Judge(requests, answers)
        os.close(requests)
        os.close(answers)
        try:
            status = _wait(kernel)
        except KeyboardInterrupt:
            end_like(signal.SIGINT)
        end_all(kernel)
        ended = os.waitstatus_to_exitcode(status)
        if ended == HUNG_UP:
            os._exit(0)
        kind, text = "next", str(ended)


def _wait(kernel: int) -> int:
    """Return the wait status of `kernel` when it ends."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == kernel:
            return status


def _alone() -> bool:
    try:
        return len(list(Path("/proc/self/task").iterdir())) == 1
    except OSError:
        return False


class _Judge:
    """The judge, at the other end of two pipes; OSError where the kernel has closed them."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = os.fdopen(requests, "rb", closefd=False)
        self._answers = answers

    def say(self, message: Message) -> None:
        """Send a message."""
        left = memoryview(message_bytes(message))
        while left:
            left = left[os.write(self._answers, left) :]

    def listen(self) -> tuple[int, list[Request]]:
        """Wait for the next calls, as `read_requests` does."""
        return read_requests(self._requests)


@dataclass
class _Past:
    """A call that is over: its arrays must not change any more."""

    result: Array
    handed: list[Array]
    bytes: list[bytes] = field(default_factory=list)

    def changed(self) -> str | None:
        """Return what has changed since this was last asked."""
        now = [each.tobytes() for each in (self.result, *self.handed)]
        before, self.bytes = self.bytes, now
        if not before or before == now:
            return None
        return "the result" if before[0] != now[0] else "an argument"


class _Session:
    """Calls of one kernel in one process, and what it does there beside returning results."""

    def __init__(self, kernel: Subject, judge: _Judge) -> None:
        self._kernel, self._judge = kernel, judge
        self._past: deque[_Past] = deque(maxlen=_REMEMBERED)
        self._told: set[str] = set()
        self._process = os.getpid()
        self._output = os.dup(1)
        warnings.showwarning = self._note_warning  # type: ignore[assignment]
        self._quick, self._slow = Settings(QUICK), Settings(SLOW)

    def _note_warning(self, message: Warning | str, category: type[Warning], *_: Any) -> None:
        if category is KernelWarning:  # of ours
            self._tell(str(message).partition(": ")[2])
            return
        self._tell(f"warned: {category.__name__}: {words(Warning(message))[9:]}")

    def _tell(self, text: str) -> None:
        """Tell of something that is no misbehaviour, once."""
        if os.getpid() == self._process and text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            self._judge.say(Message("told", text))

    def answer_all(self, first: int, requests: list[Request]) -> None:
        """Answer a batch of calls, whose numbers go on from `first`."""
        for number, request in enumerate(requests, first):
            before = self._kernel.spent
            result, problem = self._call(request)
            seconds = self._kernel.spent - before
            if number == first + len(requests) - 1:
                problem = problem or self._left_behind(request)
            printed = self._printed()
            if problem:
                details = (*problem.details, *printed)
                self._judge.say(Message(problem.kind, problem.text, number, details=details))
            else:
                self._judge.say(Message("result", "", number, result, seconds=seconds))

    def _call(self, request: Request) -> tuple[Array | None, MisbehaviourError | None]:
        """Return the result of a call, and what was wrong with it."""
        try:
            z, handed = invoke(self._kernel, request, self._quick)
        except MisbehaviourError as problem:
            return None, problem
        except KeyboardInterrupt as error:  # not the user's: Ctrl-C does not get here
            return None, raised(error)
        finally:
            if os.getpid() != self._process:  # a fork that the kernel made came back, too
                os._exit(0)
        return z, self._too_much_output() or self._shared(z, handed)

    def _too_much_output(self) -> MisbehaviourError | None:
        if os.fstat(self._output).st_size <= _OUTPUT:
            return None
        return MisbehaviourError(Misbehaviour.PRINTED, f"printed more than {_OUTPUT:,} bytes")

    def _printed(self) -> tuple[str, ...]:
        """Return the end of what a call has printed, in lines, and forget it."""
        _LIBRARY.fflush(None)  # C keeps back what it is to write to a file
        size = os.fstat(self._output).st_size
        if not size:
            return ()
        data = os.pread(self._output, _SHOWN, max(0, size - _SHOWN))
        os.lseek(self._output, 0, os.SEEK_SET)
        os.ftruncate(self._output, 0)
        self._tell("printed to its output")
        return traces.of_output(data)

    def _shared(self, z: Array, handed: list[Any]) -> MisbehaviourError | None:
        """Return how this call and earlier ones share memory that they should not."""
        problem = None
        for past in self._past:
            changed = past.changed()
            if z.size and np.may_share_memory(past.result, z):
                text = "returned the memory of an earlier result again"
                problem = MisbehaviourError(Misbehaviour.RETURNED_MEMORY, text)
            elif changed:
                text = f"changed {changed} of an earlier call"
                problem = problem or MisbehaviourError(Misbehaviour.CHANGED, text)
        arrays = [each for each in handed if isinstance(each, np.ndarray)]
        if z.nbytes + sum(each.nbytes for each in arrays) < _SMALL:
            self._past.append(_Past(z, arrays))
            self._past[-1].changed()
        return problem

    def _left_behind(self, request: Request) -> MisbehaviourError | None:
        """Return what the calls until `request`'s have left changed or running."""
        setting = self._slow.restore()
        if setting and self._slow.imported:  # what importing changes is no misuse, as in `calls`
            undone = self._slow.undone
            self._call(request)
            setting = self._slow.restore()
            if setting is None:
                self._slow.accept(undone)
        if setting:
            return MisbehaviourError(Misbehaviour.CHANGED, f"changed {setting}")
        what = self._left_running()
        text = f"left more than {_HELPERS} {what} running"
        return MisbehaviourError(Misbehaviour.LEFT_RUNNING, text) if what else None

    def _left_running(self) -> str | None:
        if len(left := children()) > _HELPERS:
            for child in left:
                os.kill(child, signal.SIGKILL)
            return "processes"
        return "threads" if threading.active_count() > _HELPERS else None

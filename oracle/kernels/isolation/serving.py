"""The process that a candidate runs in; `supervisor` starts it.

It loads the candidate and answers batches of calls one by one.  Calls run in a fork of
it, so that when one ends its process, the next is there in milliseconds.
"""

import faulthandler
import os
import signal
import socket
from pathlib import Path

from convcheck.kernels.functions import load
from convcheck.kernels.loading import CandidateError, look_in
from convcheck.kernels.misbehaviour import words
from convcheck.kernels.subjects import Request

from .descendants import adopt_orphans, become_kernel, end_all, end_like
from .messages import CUT_OFF, HUNG_UP, Message, message_bytes, read_requests
from .session import Session


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
    judge = _fork(news, " ".join(kernel.takes))
    session = Session(kernel, judge.say)
    try:
        while True:
            session.answer_all(*judge.listen())
    except (EOFError, BrokenPipeError):
        os._exit(HUNG_UP)
    except (OSError, ValueError):
        os._exit(CUT_OFF)
    except KeyboardInterrupt:  # in no call of the kernel: somebody else sent it
        end_like(-signal.SIGINT)


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
            end_like(-signal.SIGINT)
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

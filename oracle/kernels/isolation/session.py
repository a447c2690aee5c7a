"""Calls of one kernel in its process, and what it does there beside returning results."""

import contextlib
import ctypes
import os
import signal
import threading
import warnings
from collections.abc import Callable
from typing import Any

from convcheck.form.layouts import Array
from convcheck.kernels import traces
from convcheck.kernels.calls import Local, invoke, raised
from convcheck.kernels.misbehaviour import KernelWarning, Misbehaviour, MisbehaviourError, words
from convcheck.kernels.programs.program import EndedError
from convcheck.kernels.settings import QUICK, SLOW, Settings
from convcheck.kernels.shown.clock import Threads
from convcheck.kernels.subjects import Request

from .descendants import children, end_like
from .earlier import Earlier
from .messages import Message
from .patience import not_called_after

# Processes and threads that a kernel may keep, as a pool.
_HELPERS = 64
# Bytes of output that a call may write.
_OUTPUT = 100_000
# Different things that are told, at most.
_TOLD = 20
_LIBRARY = ctypes.CDLL(None)  # the C library


class Session:
    """Calls of one kernel in one process."""

    def __init__(self, kernel: Local, say: Callable[[Message], None]) -> None:
        """Answer by `say`."""
        self._kernel, self._say = kernel, say
        self._earlier = Earlier()
        self._told: set[str] = set()
        self._process = os.getpid()
        self._output = os.dup(1)
        warnings.showwarning = self._note_warning  # type: ignore[assignment]
        self._quick, self._slow = Settings(QUICK), Settings(SLOW)
        self._threads = Threads()
        for note in kernel.notes():
            self._tell(note)

    def _note_warning(self, message: Warning | str, category: type[Warning], *_: Any) -> None:
        if category is KernelWarning:  # of ours
            self._tell(str(message).partition(": ")[2])
            return
        self._tell(f"warned: {category.__name__}: {words(Warning(message))[9:]}")

    def _tell(self, text: str) -> None:
        """Tell of something that is no misbehaviour, once."""
        if os.getpid() == self._process and text not in self._told and len(self._told) < _TOLD:
            self._told.add(text)
            self._say(Message("told", text))

    def answer_all(self, first: int, requests: list[Request]) -> None:
        """Answer a batch of calls, whose numbers go on from `first`."""
        given_up: MisbehaviourError | None = None
        for number, request in enumerate(requests, first):
            if given_up is not None:
                self._say(Message(given_up.kind, given_up.text, number))
                continue
            before = self._kernel.spent
            try:
                z = self._call(request)
                seconds = self._kernel.spent - before
                if request is requests[-1]:
                    self._look_behind(request)
                threaded = request is requests[-1] and self._in_threads()
                answer = Message("result", "", number, z, (), seconds, threaded)
                self._printed()
            except EndedError as problem:  # so does this process, for the judge to see
                end_like(problem.status)
            except MisbehaviourError as problem:
                details = (*problem.details, *self._printed())
                answer = Message(problem.kind, problem.text, number, details=details)
                if problem.kind is Misbehaviour.GARBLED:
                    given_up = not_called_after(problem)
            self._say(answer)

    def _call(self, request: Request) -> Array:
        """Return the result of a call; MisbehaviourError if anything was wrong with it."""
        try:
            z, handed = invoke(self._kernel, request, self._quick)
        except KeyboardInterrupt as error:  # not the user's: Ctrl-C does not get here
            raise raised(error) from None
        finally:
            if os.getpid() != self._process:  # a fork that the kernel made came back, too
                os._exit(0)
        if os.fstat(self._output).st_size > _OUTPUT:
            text = f"printed more than {_OUTPUT:,} bytes"
            raise MisbehaviourError(Misbehaviour.PRINTED, text)
        problem = self._earlier.look(z, handed, again="held" in request.arrangement)
        if problem:
            raise problem
        return z

    def _in_threads(self) -> bool:
        return self._threads.there() or self._kernel.in_threads()

    def _printed(self) -> tuple[str, ...]:
        """Return the end of what a call has printed, in lines, and forget it."""
        _LIBRARY.fflush(None)  # C keeps back what it is to write to a file
        if not os.fstat(self._output).st_size:
            return ()
        data = traces.taken(self._output)
        self._tell("printed something")
        return traces.of_output(data)

    def _look_behind(self, request: Request) -> None:
        """Raise MisbehaviourError if calls until `request`'s left anything changed or running."""
        setting = self._slow.restore()
        if setting and self._slow.imported:  # what importing changes is no misuse, as in `calls`
            undone = self._slow.undone
            with contextlib.suppress(MisbehaviourError):
                self._call(request)
            setting = self._slow.restore()
            if setting is None:
                self._slow.accept(undone)
        if setting:
            raise MisbehaviourError(Misbehaviour.CHANGED, f"changed {setting}")
        what = ""
        if len(left := children()) > _HELPERS:
            for child in left:
                os.kill(child, signal.SIGKILL)
            what = "processes"
        elif threading.active_count() > _HELPERS:
            what = "threads"
        if what:
            text = f"left more than {_HELPERS} {what} running"
            raise MisbehaviourError(Misbehaviour.LEFT_RUNNING, text)

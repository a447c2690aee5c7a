"""A candidate's process, as the judge sees it: what goes in, what comes out, how it ends.

Any process may be ended by somebody else at any moment: while it waits, in the middle of a
call, or with half a batch read or half an answer written.  So none uses what another has
used: each process that calls run in has a pair of pipes of its own, whose ends for the judge
come with the message that tells of it.  What the one before left in its pipes, torn or not,
goes with them, and an answer can only be one to the batch that this very process was sent.
Numbers are checked beside that, for what a kernel itself may write there.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Hashable
from pathlib import Path

from convcheck.kernels import traces
from convcheck.kernels.loading import SAFE_PATH
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError

from .descendants import descends, family
from .messages import CUT_OFF, GarbledError, Message, take_message
from .threads import variables

_STOP_SECONDS = 5.0
# How often time and memory are looked at, in milliseconds.
_LOOK = 50
_OUTPUT_MEGABYTES = 100
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


class Process:
    """The supervisor's process, and its child and grandchild that the candidate runs in."""

    def __init__(
        self,
        candidate: str,
        megabytes: int,
        tell: Callable[[str], None],
        threads: int | None = None,
    ) -> None:
        """Start them, with threads as `variables` has them; OSError where that cannot be."""
        self.gone = False
        """whether a new one is needed"""
        self.answered: set[Hashable] = set()
        """room for notes on what the process that calls run in has done; a new one has none"""
        self._megabytes, self._tell = megabytes, tell
        self._looked = 0.0  # when, for memory; reading of all processes takes longer than a call
        self._start: Message | None = None  # loaded or refused
        self._pid: int | None = None  # of the process that the candidate runs in
        self._ended: MisbehaviourError | None = None  # how one has ended, if that is to be told yet
        self._buffer, self._news = bytearray(), bytearray()
        self._pipes: tuple[int, ...] = ()  # for requests and for answers
        self._received: list[int] = []  # pipes that came, and what they are for has not
        with contextlib.ExitStack() as opened:  # what is open is closed, should something fail
            self._output = opened.enter_context(tempfile.TemporaryFile())
            self._control, theirs = map(opened.enter_context, socket.socketpair())
            lifeline, self._lifeline = _pipe(opened)
            self._supervisor = subprocess.Popen(  # noqa: S603  (our own module)
                [
                    *(sys.executable, "-u", "-P", "-m", "convcheck.kernels.isolation.supervisor"),
                    *(candidate, str(theirs.fileno()), str(lifeline), *sys.path),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=(theirs.fileno(), lifeline),
                start_new_session=True,
                env=_environment() | variables(threads),
            )
            opened.pop_all()
        theirs.close()
        os.close(lifeline)
        self._control.settimeout(0)
        self._poll = select.poll()
        self._poll.register(self._control, select.POLLIN)

    def loaded(self, seconds: float) -> Message:
        """Return the answer to the start; MisbehaviourError if none comes."""
        deadline = time.monotonic() + seconds
        while self._start is None:
            self._wait(seconds, deadline)
        return self._start

    def refresh(self) -> None:
        """Take all news of processes; somebody else may have ended all.

        Raises:
            MisbehaviourError: one has ended since it answered, by its own doing.
        """
        try:
            while self._listen():
                pass
            self._raise_ended()
        except MisbehaviourError as problem:
            if problem.kind is not Misbehaviour.KILLED:
                raise
            self._tell(f"{problem}, or somebody else did, while it was not called")

    def send(self, data: bytes, seconds: float) -> None:
        """Send a batch of calls to a process that is ready; what goes wrong, `next` will tell."""
        left, deadline = memoryview(data), time.monotonic() + seconds
        while left and self._ended is None:
            try:
                left = left[os.write(self._pipes[0], left) :]
            except BrokenPipeError:
                return
            except BlockingIOError:
                select.select([self._control], [self._pipes[0]], [], _LOOK / 1000)
                self._listen()
                if time.monotonic() > deadline:
                    self.stop()
                    text = f"took no call within {seconds:g} s"
                    raise MisbehaviourError(Misbehaviour.HUNG, text) from None

    def next(self, number: int, shape: tuple[int, ...] | None, seconds: float) -> Message:
        """Return the answer to the call of this number, whose result has this shape, if known.

        Raises:
            MisbehaviourError: none comes, or something else.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                answer = take_message(self._buffer, self._megabytes * 1e6)
            except GarbledError:
                raise self._forged() from None
            if answer is None:
                self._wait(seconds, deadline)
            elif answer.kind == "told":
                self._tell(answer.text)
            elif not _fits(answer, number, shape):
                raise self._forged()
            else:
                return answer

    def _forged(self) -> MisbehaviourError:
        self.stop()
        text = "wrote to the pipe that its results are sent by"
        return MisbehaviourError(Misbehaviour.INTERFERED, text)

    def _wait(self, seconds: float, deadline: float) -> None:
        """Wait for more of an answer; MisbehaviourError if it will not come."""
        self._raise_ended()
        if self._read():
            return
        ready = self._poll.poll(_LOOK)
        if any(each == self._control.fileno() for each, _ in ready) and self._listen():
            return
        now = time.monotonic()
        if ready and now - self._looked < _LOOK / 1000:
            return
        self._looked = now
        problem = self._excess()
        if problem or (not ready and now > deadline):
            printed = self._printed()
            self._kill()
            kind, text = problem or (Misbehaviour.HUNG, f"did not return within {seconds:g} s")
            raise MisbehaviourError(kind, text, printed)

    def _raise_ended(self) -> None:
        """Raise what is to be told of a process that has ended, and forget its answers."""
        problem, self._ended = self._ended, None
        if problem is not None:
            self._buffer.clear()
            raise problem

    def _read(self) -> bool:
        """Take what has been answered; return whether anything has."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            for pipe in self._pipes[1:]:
                data = os.read(pipe, 1 << 20)
                if not data:  # closed: whatever comes of it, that will be news
                    with contextlib.suppress(KeyError):
                        self._poll.unregister(pipe)
        self._buffer += data
        return bool(data)

    def _read_all(self) -> None:
        """Take what was answered by a process that has ended."""
        while self._read():
            pass

    def _listen(self) -> bool:
        """Take all news of processes; return whether there was any."""
        if self.gone:
            return False
        try:
            data, pipes, *_ = socket.recv_fds(self._control, 1 << 16, 2)
        except BlockingIOError:
            return False
        if not data:
            self._note_end()
        self._received += pipes
        self._news += data
        try:
            while news := take_message(self._news, 0):  # several may come at once
                self._heed(news)
        except (GarbledError, ValueError):
            raise self._forged() from None
        return True

    def _heed(self, news: Message) -> None:
        """Take note of a process; ValueError if that makes no sense."""
        if news.kind in ("loaded", "refused"):
            self._start = news
        if news.kind in ("loaded", "next"):
            if news.kind == "next":
                self._read_all()
                self._ended = ended(int(news.text), self._printed())
            requests, answers = self._received  # ValueError if it is not these two
            self._received = []
            self._close_pipes()
            self._pipes = requests, answers
            for pipe in self._pipes:
                os.set_blocking(pipe, False)
                os.set_inheritable(pipe, False)  # noqa: FBT003  (its only form)
            self._poll.register(answers, select.POLLIN)
            self.answered.clear()
        self._pid = news.number

    def _close_pipes(self) -> None:
        for pipe in self._pipes[1:]:
            with contextlib.suppress(KeyError):
                self._poll.unregister(pipe)
        for pipe in (*self._pipes, *self._received):
            os.close(pipe)

    def _note_end(self) -> None:
        """Take note that the supervisor has ended, and with it all else."""
        self._read_all()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(_STOP_SECONDS)
        self._ended = ended(self._supervisor.returncode, self._printed())
        self.stop()

    def _printed(self) -> tuple[str, ...]:
        """Return what the call that is over has left in the output, and empty it for the next."""
        return traces.of_output(traces.taken(self._output.fileno()))

    def _excess(self) -> tuple[Misbehaviour, str] | None:
        """Return what the candidate's process has too much of, if anything."""
        if os.fstat(self._output.fileno()).st_size > _OUTPUT_MEGABYTES * 1e6:
            return Misbehaviour.PRINTED, f"printed more than {_OUTPUT_MEGABYTES} MB"
        if self._pid is not None and max(map(_resident, family(self._pid))) > self._megabytes:
            return Misbehaviour.TOOK_MEMORY, f"took more than {self._megabytes} MB of memory"
        return None

    def _kill(self) -> None:
        """End the candidate's process; the next one may be there already."""
        if self._pid is None or not descends(self._pid, self._supervisor.pid):
            self.stop()
            return
        killed = self._pid
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + _STOP_SECONDS
        while self._pid == killed and not self.gone:
            if not self._listen():
                select.select([self._control], [], [], _LOOK / 1000)
            if time.monotonic() > deadline:
                self.stop()
        self._buffer.clear()
        self._ended = None

    def renew(self) -> None:
        """Have the next call be the first that a process sees, which has loaded the candidate."""
        if not self.gone:
            self._kill()

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
        self._close_pipes()
        self._control.close()
        self._output.close()


def _resident(pid: int) -> float:
    """Return how many megabytes a process takes, where the system tells."""
    try:
        statm = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _fits(answer: Message, number: int, shape: tuple[int, ...] | None) -> bool:
    """Return whether this can be the answer to a call."""
    if answer.kind not in ("result", *Misbehaviour) or answer.number != number:
        return False
    return answer.result is None or shape is None or answer.result.shape == shape


def _pipe(opened: contextlib.ExitStack) -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        opened.callback(os.close, end)
    return ends


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if (name, value) != SAFE_PATH}


def ended(status: int | None, printed: tuple[str, ...]) -> MisbehaviourError:
    """Return how a process ended whose exit status, or negative signal, this is."""
    if status == CUT_OFF:
        text = "closed the pipes to the judge"
        return MisbehaviourError(Misbehaviour.INTERFERED, text, printed)
    if status is None or status >= 0:
        text = f"ended its process, with exit status {status}"
        return MisbehaviourError(Misbehaviour.ENDED, text, printed)
    try:
        name = signal.Signals(-status).name
    except ValueError:  # such as those for real time
        name = f"signal {-status}"
    if -status in _CRASHES:
        return MisbehaviourError(Misbehaviour.CRASHED, f"crashed its process ({name})", printed)
    return MisbehaviourError(Misbehaviour.KILLED, f"killed its process ({name})", printed)

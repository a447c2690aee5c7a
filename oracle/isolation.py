"""Candidates in a process of their own, in time and memory that are limited.

Whatever a kernel does there, the judge goes on: a kernel that does not return, that
crashes or ends its process, or takes all memory, has misbehaved on the case it was called
for.  This is for accidents.  It is no sandbox: the kernel can still do what its user can.
"""

import atexit
import hashlib
from collections.abc import Sequence
from typing import Any, NoReturn

from .calls import Call, MisbehaviourError, NotCalledError, Remote, tell
from .candidates import Candidate, CandidateError
from .cases import Case
from .layouts import Array
from .messages import Request, request_bytes
from .operations import operation_named
from .process import EndedError, ExcessError, HangError, Process

_START_SECONDS = 60.0

# In one test, a kernel is not called again after so many calls that ended its process, or one
# that took too much time or memory.
_PATIENCE = 5
# Once a kernel has hung, no call waits longer than this.
_SHORT_SECONDS = 1.0


class StartError(CandidateError):
    """The system lets no process start for a candidate."""


class Isolated(Remote):
    """A candidate that runs in a process of its own, started when it is first needed."""

    def __init__(
        self, candidate: Candidate, *, seconds: float = 10.0, megabytes: int = 4096
    ) -> None:
        """Limit each call to so much time, and the process to so much memory."""
        self.candidate = candidate
        self.__name__ = candidate.operation
        self.spent = 0.0  # seconds that its function has taken
        self._operation = operation_named(candidate.operation)
        self._seconds, self._megabytes = seconds, megabytes
        self._process: Process | None = None
        self._takes_fore_layer: bool | None = None
        self._ended: dict[bytes, EndedError] = {}
        self._excesses = 0
        self._hung = False
        self._told: set[str] = set()

    def fresh(self, seconds: float) -> "Isolated":
        """Return the same candidate, to run in another process, in at most so much time a call."""
        least = min(seconds, self._seconds)
        return Isolated(self.candidate, seconds=least, megabytes=self._megabytes)

    def start(self) -> None:
        """Start the process and load the candidate; CandidateError if that fails."""
        if self._process is not None:
            return
        try:
            self._process = Process(str(self.candidate), self._megabytes, self._tell)
        except OSError as error:  # no fault of the candidate's
            raise StartError(f"its process cannot be started: {error.strerror}") from None
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
        tell(self.candidate, text)

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
                except EndedError as problem:
                    self._ended[_digest(requests[len(answers)])] = problem
                    self._excesses += isinstance(problem, ExcessError)
                    self._hung = self._hung or isinstance(problem, HangError)
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
        except StartError:
            raise
        except CandidateError as problem:  # it was loaded before
            raise EndedError(f"could not be loaded again: {problem}") from None
        assert self._process is not None, "started"  # noqa: S101
        seconds = min(self._seconds, _SHORT_SECONDS) if self._hung else self._seconds
        try:
            self._process.send(request_bytes(requests), seconds)
            for _ in requests:
                answer = self._process.next(seconds)
                if answer.result is None:
                    answers.append(MisbehaviourError(answer.text, answer.details))
                else:
                    self.spent = _seconds(answer.text, self.spent)
                    answers.append(answer.result)
        except HangError as problem:
            raise HangError(_in_time(self._seconds), problem.details) from None
        finally:
            if self._process.gone:
                self.stop()


def _seconds(text: str, otherwise: float) -> float:
    """Return the seconds that a kernel's process tells, whatever it may have written there."""
    try:
        return float(text)
    except ValueError:
        return otherwise


def _in_time(seconds: float) -> str:
    """Say that a call did not return; of the first in a run and of later ones alike."""
    text = f"did not return within {seconds:g} s"
    if seconds > _SHORT_SECONDS:
        text += f", or {_SHORT_SECONDS:g} s once it had hung before"
    return text


def _digest(request: Request) -> bytes:
    return hashlib.sha256(request_bytes([request])).digest()

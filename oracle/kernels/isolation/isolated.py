"""Candidates in a process of their own, in time and memory that are limited.

Whatever a kernel does there, the judge goes on: a kernel that does not return, that
crashes or ends its process, or takes all memory, has misbehaved on the case it was called
for.  This is for accidents.  It is no sandbox: the kernel can still do what its user can.
"""

import atexit
import hashlib
import time
from collections.abc import Hashable, Sequence
from typing import Any, NoReturn

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.kernels import subjects
from convcheck.kernels.candidates import Candidate, CandidateError, Declared
from convcheck.kernels.misbehaviour import EXCESSES, Misbehaviour, MisbehaviourError, tell
from convcheck.kernels.subjects import Request

from .messages import Message, request_bytes
from .process import Process

# Limits by default, and the options that set others.
_SECONDS, _MEGABYTES = 10.0, 4096
_OPTIONS = {
    "seconds": ("--call-seconds", _SECONDS),
    "first_seconds": ("--first-call-seconds", None),
    "megabytes": ("--call-megabytes", _MEGABYTES),
}

_START_SECONDS = 60.0
# A kill may come from somebody else, who may strike the same call twice by chance; what ends in
# a kill in so many processes, one after the other, is the kernel's doing.
_CALLS = 8
# Seconds before the second of them; each later pause is twice as long.
_PAUSE = 0.01
_LOADS = 40

# In one test, a kernel is not called again after so many calls that ended its process, or one
# that took too much time or memory.
_PATIENCE = 5
# Once a kernel has hung, no call waits longer than this.
_SHORT_SECONDS = 1.0
# How long a first call of a shape may take at least, unless it is said.
FIRST_SECONDS = 120.0
# So many forms of calls are remembered as answered; then all begins anew.
_FORMS = 10_000


class StartError(CandidateError):
    """The system lets no process start for a candidate."""


class Isolated(Declared):
    """A candidate that runs in a process of its own, started when it is first needed.

    It has spent what the kernel took there, without the way of arguments and results.
    """

    at_once = True

    def __init__(
        self,
        candidate: Candidate,
        *,
        seconds: float = _SECONDS,
        first_seconds: float | None = None,
        megabytes: int = _MEGABYTES,
    ) -> None:
        """Limit each call to so much time, and the process to so much memory.

        Args:
            candidate: what is called.
            seconds: that a call may take.
            first_seconds: that the first call of a shape may take, since it may compile, in each
                process anew; by default 120, or `seconds` if that is more.
            megabytes: that the process may take.

        Raises:
            ValueError: one of these is not a positive number.
        """
        self._asked = {"seconds": seconds, "first_seconds": first_seconds, "megabytes": megabytes}
        for name, limit in self._asked.items():
            if limit is not None and not limit > 0:  # nor is nan
                raise ValueError(f"{name}={limit!r}: expected a positive number")
        super().__init__(candidate)
        self._seconds, self._megabytes = seconds, megabytes
        self._first_seconds = first_seconds or max(seconds, FIRST_SECONDS)
        self._process: Process | None = None
        self._number = 0  # of the next call
        self._renewed = False  # whether its limit is another than was asked for
        self._loaded = False  # ever
        self._ended: dict[bytes, MisbehaviourError] = {}
        self._excesses = 0
        self._hung = False
        self._told: set[str] = set()

    def fresh(self, seconds: float | None = None) -> "Isolated":
        """Return the same candidate, to run in another process, in at most so much time a call.

        First calls of a shape may take what they may here: they may compile there, too.
        """
        fresh = Isolated(
            self.candidate,
            seconds=self._seconds if seconds is None else min(seconds, self._seconds),
            first_seconds=self._first_seconds,
            megabytes=self._megabytes,
        )
        fresh._asked, fresh._hung, fresh._renewed = self._asked, self._hung, seconds is not None
        return fresh

    def command(self) -> list[str]:
        """Return the words of a command line that have it judged, called as here."""
        words = super().command()
        for name, (option, default) in _OPTIONS.items():
            if self._asked[name] != default:
                words += [option, f"{self._asked[name]:g}"]
        return words

    def start(self) -> None:
        """Start the process and load the candidate; CandidateError if that fails."""
        if self._process is not None:
            return
        answer = self._load()
        if answer.kind == "refused":
            self._refuse(answer.text)
        self._loaded, self.takes_fore_layer = True, answer.text == "fore_layer"

    def _load(self) -> Message:
        """Return what a new process says of its start.

        Raises:
            CandidateError: it says nothing.
            StartError: the system does not let it start.
            MisbehaviourError: somebody else has ended it again and again, and it was loaded before.
        """
        text = ""
        for _ in range(_LOADS):
            try:
                self._process = Process(str(self.candidate), self._megabytes, self._tell)
            except OSError as error:  # no fault of the candidate's
                raise StartError(f"its process cannot be started: {error.strerror}") from None
            atexit.register(self.stop)
            try:
                return self._process.loaded(_START_SECONDS)
            except KeyboardInterrupt:
                self.stop()
                raise
            except MisbehaviourError as problem:
                if problem.kind is not Misbehaviour.KILLED:
                    self._refuse(f"module {self.candidate.module!r}: importing it {problem}")
                self.stop()
                text = f"importing it {problem}, or somebody else did, {_LOADS} times"
        if not self._loaded:
            self._refuse(f"module {self.candidate.module!r}: {text}")
        raise _not_called(text)

    def _refuse(self, reason: str) -> NoReturn:
        self.stop()
        raise CandidateError(reason)

    def stop(self) -> None:
        """End the process, and all that it started."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            process.stop()

    def renew(self) -> bool:
        """Have the next call be the first that its process sees."""
        if self._process is not None:
            self._process.renew()
            if self._process.gone:
                self.stop()
        return True

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
        if not self._loaded:
            self.start()
        return super().refuses(case, prop)

    def __call__(self, *positional: Any, **keywords: Any) -> Array:
        """Call it as any kernel; MisbehaviourError if it gives no result."""
        (answer,) = self.answers([Request(positional, keywords)])
        if isinstance(answer, MisbehaviourError):
            raise answer
        return answer

    def answers(self, requests: Sequence[Request]) -> list[subjects.Answer]:
        """Have all requests answered, whatever happens to the process meanwhile."""
        answers: list[subjects.Answer] = []
        place, kills = 0, 0  # of the call that was killed last, and how often
        try:
            while len(answers) < len(requests):
                left = requests[len(answers) :]
                known = self._known(left[0])
                if known is not None:
                    answers.append(known)
                    continue
                try:
                    self._run(left if not self._ended else left[:1], answers)
                except MisbehaviourError as problem:
                    if problem.kind is Misbehaviour.NOT_CALLED:
                        answers += [problem] * len(left)
                        continue
                    if problem.kind is Misbehaviour.KILLED:
                        kills = kills + 1 if place == len(answers) else 1
                        place = len(answers)
                        if kills < self._kills():
                            self._tell(f"{problem}, or somebody else did: called again")
                            # Whoever ends processes at a rhythm of its own misses one of these.
                            time.sleep(_PAUSE * 2**kills)
                            continue
                    self._ended[_digest(requests[len(answers)])] = problem
                    self._excesses += problem.kind in EXCESSES
                    self._hung = self._hung or problem.kind is Misbehaviour.HUNG
                    answers.append(problem)
        except BaseException:  # such as Ctrl-C: answers to come would be taken for others
            self.stop()
            raise
        return answers

    def _kills(self) -> int:
        """Return how many kills make a call the kernel's doing: two where others were."""
        known = any(each.kind is Misbehaviour.KILLED for each in self._ended.values())
        return 2 if known else _CALLS

    def _known(self, request: Request) -> MisbehaviourError | None:
        """Return what is to be said of a call without making it."""
        if not self._ended:
            return None
        if _digest(request) in self._ended:
            return self._ended[_digest(request)]
        if len(self._ended) < _PATIENCE and self._excesses == 0:
            return None
        last = list(self._ended.values())[-1]
        return _not_called(f"a call before it in this test {last}")

    def _run(self, requests: Sequence[Request], answers: list[subjects.Answer]) -> None:
        """Have requests answered in the process, adding to `answers` as they come."""
        try:
            process = self._ready()
        except StartError:
            raise
        except CandidateError as problem:  # it was loaded before
            text = f"could not be loaded again: {problem}"
            raise MisbehaviourError(Misbehaviour.NOT_LOADED, text) from None
        first, data = self._number, request_bytes(requests, self._number)
        self._number += len(requests)
        try:
            process.send(data, self._limit(first=True))
            for number, request in enumerate(requests, first):
                form = _form(request)
                limit = self._limit(first=form not in process.answered)
                answer = process.next(number, request.shape, limit)
                if len(process.answered) == _FORMS:
                    process.answered.clear()
                process.answered.add(form)
                self.spent += answer.seconds
                z = answer.result
                if z is None:
                    kind = Misbehaviour(answer.kind)
                    answers.append(MisbehaviourError(kind, answer.text, answer.details))
                else:
                    answers.append(z)
        except MisbehaviourError as problem:
            if problem.kind is not Misbehaviour.HUNG:
                raise
            raise MisbehaviourError(problem.kind, self._in_time(), problem.details) from None
        finally:
            if process.gone:
                self.stop()

    def _ready(self) -> Process:
        """Return a process that waits for calls; CandidateError if it cannot be loaded."""
        if self._process is not None:
            try:
                self._process.ready()
            finally:
                if self._process.gone:
                    self.stop()
        self.start()
        assert self._process is not None, "started"  # noqa: S101
        return self._process

    def _limit(self, *, first: bool) -> float:
        """Return how many seconds a call may take, the first of its shape or another."""
        if self._hung:
            return min(self._seconds, _SHORT_SECONDS)
        return self._first_seconds if first else self._seconds

    def _in_time(self) -> str:
        """Say that a call did not return; of the first in a run and of later ones alike."""
        option = "" if self._renewed else " (--call-seconds)"
        text = f"did not return within {self._seconds:g} s{option}"
        if self._first_seconds != self._seconds:
            text += f", {self._first_seconds:g} s where it was the first of its shape"
            text += " (--first-call-seconds)"
        if self._seconds > _SHORT_SECONDS:
            text += f", or {_SHORT_SECONDS:g} s once it had hung before"
        return text


def _not_called(why: str) -> MisbehaviourError:
    return MisbehaviourError(Misbehaviour.NOT_CALLED, f"not called any more: {why}")


def _form(request: Request) -> Hashable:
    """Return what a compiler may have looked at in a call: all but the numbers in its arrays."""
    shown = [
        (each.shape, each.dtype.str) if isinstance(each, np.ndarray) else repr(each)
        for each in (*request.positional, *request.keywords.values())
    ]
    return *request.keywords, *shown, request.arrangement


def _digest(request: Request) -> bytes:
    return hashlib.sha256(request_bytes([request])).digest()

"""Candidates in a process of their own, in time and memory that are limited.

Whatever a kernel does there, the judge goes on: a kernel that does not return, that
crashes or ends its process, or takes all memory, has misbehaved on the case it was called
for.  This is for accidents.  It is no sandbox: the kernel can still do what its user can.
"""

import atexit
import time
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from convcheck.cases.case import Case
from convcheck.kernels import subjects
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.declared.subject import Declared
from convcheck.kernels.loading import CandidateError, require_no_import
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError, tell
from convcheck.kernels.subjects import Request

from .messages import Message, request_bytes
from .patience import Patience, not_called
from .process import Process
from .threads import ASKED, given

# Limits by default, and the options that set others; None is what the user's settings say.
_SECONDS, _MEGABYTES = 10.0, 4096
_OPTIONS = {
    "seconds": ("--call-seconds", _SECONDS),
    "first_seconds": ("--first-call-seconds", None),
    "megabytes": ("--call-megabytes", _MEGABYTES),
    "threads": (ASKED, None),
}
# By which names a user sets the limits.
KEYWORDS = {name: f"{name}=" for name in _OPTIONS}
OPTIONS = {name: option for name, (option, _) in _OPTIONS.items()}

_START_SECONDS = 60.0
_LOADS = 40
# Seconds before a call that was killed is made again; each later pause is twice as long.
_PAUSE = 0.01
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
        threads: int | None = None,
        names: Mapping[str, str] = KEYWORDS,
    ) -> None:
        """Limit each call to so much time, and the process to so much memory.

        Args:
            candidate: what is called.
            seconds: that a call may take.
            first_seconds: that the first call of a shape may take, since it may compile, in each
                process anew; by default 120, or `seconds` if that is more.
            megabytes: that the process may take.
            threads: that the process is given; by default what OMP_NUM_THREADS says, or as many as
                there are cores.
            names: by which the user sets these, where that can be.

        Raises:
            TypeError: the candidate is none, or a limit is no number.
            ValueError: a limit is not positive.
        """
        if not isinstance(candidate, Candidate):
            raise TypeError(f"candidate={candidate!r:.100}: expected one, as of Candidate.parse")
        limits = seconds, first_seconds, megabytes, threads
        self._asked = dict(zip(_OPTIONS, limits, strict=True))
        for name, limit in self._asked.items():
            if limit is not None or _OPTIONS[name][1] is not None:
                _require_positive(name, limit)
        if threads is not None and not isinstance(threads, int | np.integer):
            raise TypeError(f"threads={threads!r}: expected a positive integer")
        super().__init__(candidate)
        self._megabytes, self._threads = megabytes, threads
        self._patience = Patience(seconds, first_seconds or max(seconds, FIRST_SECONDS), names)
        self._process: Process | None = None
        self._number = 0  # of the next call
        self._loaded = False  # ever
        self._told: set[str] = set()

    def fresh(self, seconds: float | None = None, threads: int | None = None) -> "Isolated":
        """Return the same candidate, to run in another process, in at most so much time a call.

        It has so many threads there, or as many as here.

        First calls of a shape may take what they may here: they may compile there, too.
        """
        return self._another(self.candidate, seconds, threads)

    def declaring(self, candidate: Candidate) -> "Isolated":
        """Return the same kernel as another candidate has it, to run in another process."""
        return self._another(candidate)

    def _another(
        self, candidate: Candidate, seconds: float | None = None, threads: int | None = None
    ) -> "Isolated":
        other = Isolated(candidate, megabytes=self._megabytes)
        other._threads = self._threads if threads is None else threads
        other._asked, other._patience = self._asked, self._patience.of_another(seconds)
        other.chosen = self.chosen
        return other

    @property
    def threads(self) -> int:
        """How many threads its process was given."""
        return given(self._threads)[0]

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
        require_no_import()
        answer = self._load()
        if answer.kind == "refused":
            self._refuse(answer.text)
        self._loaded, self.takes = True, frozenset(answer.text.split())

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
                told = str(self.candidate), self._megabytes, self._tell, self._threads
                self._process = Process(*told)
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
        raise not_called(text)

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
        """Call it again in a new test, also where it was given up in the one before.

        What is a first call of a shape does not depend on the tests before: others judge those.
        """
        self._patience.begin()
        if self._process is not None:
            self._process.answered.clear()

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

    def answers(self, requests: Sequence[Request]) -> list[subjects.Answer]:
        """Have all requests answered, whatever happens to the process meanwhile."""
        answers: list[subjects.Answer] = []
        place, kills = 0, 0  # of the call that was killed last, and how often
        try:
            while len(answers) < len(requests):
                left = requests[len(answers) :]
                known = self._patience.known(left[0])
                if known is not None:
                    answers.append(known)
                    continue
                try:
                    self._run(left[:1] if self._patience.tried else left, answers)
                except MisbehaviourError as problem:
                    if problem.kind is Misbehaviour.NOT_CALLED:
                        answers += [problem] * len(left)
                        continue
                    if problem.kind is Misbehaviour.KILLED:
                        kills = kills + 1 if place == len(answers) else 1
                        place = len(answers)
                        if kills < self._patience.kills:
                            self._tell(f"{problem}, or somebody else did: called again")
                            # Whoever ends processes at a rhythm of its own misses one of these.
                            time.sleep(_PAUSE * 2**kills)
                            continue
                    self._patience.note(requests[len(answers)], problem)
                    answers.append(problem)
        except BaseException:  # such as Ctrl-C: answers to come would be taken for others
            self.stop()
            raise
        return answers

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
        begun, told = time.perf_counter(), 0.0
        new = True  # a call's form
        try:
            process.send(data, self._patience.limit(first=new))
            for number, request in enumerate(requests, first):
                form = _form(request)
                new = form not in process.answered
                answer = process.next(number, request.shape, self._patience.limit(first=new))
                if len(process.answered) == _FORMS:
                    process.answered.clear()
                process.answered.add(form)
                told, self.threaded = told + answer.seconds, answer.threaded
                z = answer.result
                if z is None:
                    told_of = Misbehaviour(answer.kind), answer.text, answer.details
                    answers.append(instead := MisbehaviourError(*told_of))
                    if instead.kind is Misbehaviour.GARBLED:
                        self._patience.note(request, instead)
                else:
                    answers.append(z)
        except MisbehaviourError as problem:
            if problem.kind is not Misbehaviour.HUNG:
                raise
            text = self._patience.in_words(first=new)
            raise MisbehaviourError(problem.kind, text, problem.details) from None
        finally:
            # The process tells how long the kernel took, but never longer than it was waited for.
            self.spent += min(told, time.perf_counter() - begun)
            if process.gone:
                self.stop()

    def _ready(self) -> Process:
        """Return a process that waits for calls; CandidateError if it cannot be loaded."""
        if self._process is not None:
            try:
                self._process.refresh()
            finally:
                if self._process.gone:
                    self.stop()
        self.start()
        assert self._process is not None, "started"  # noqa: S101
        return self._process


def _require_positive(name: str, limit: Any) -> None:
    if isinstance(limit, bool) or not isinstance(limit, int | float | np.number):
        raise TypeError(f"{name}={limit!r:.100}: expected a positive number")
    if not limit > 0:  # nor is nan
        raise ValueError(f"{name}={limit!r}: expected a positive number")


def _form(request: Request) -> Hashable:
    """Return what a compiler may have looked at in a call: all but the numbers in its arrays."""
    shown = [
        (each.shape, each.dtype.str) if isinstance(each, np.ndarray) else repr(each)
        for each in request.arguments.values()
    ]
    return *request.arguments, *shown, request.arrangement

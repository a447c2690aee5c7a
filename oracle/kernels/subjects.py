"""What is judged: a kernel of one operation, whatever it is written in and wherever it runs.

    functions.Function   a function of Python's that is called as the notebook's kernels are
    candidates.Fitted    a candidate in this process, in layouts of its own
    isolation.Isolated   a candidate in a process of its own

Whoever judges asks a subject for what it promises and declines, and hands it calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from convcheck.cases.case import Case
from convcheck.cases.taken import NOTHING, Taken
from convcheck.cases.worded import in_words
from convcheck.form.formats import DTYPES, USUAL
from convcheck.form.geometry import PARAMETERS, Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation

from .misbehaviour import Misbehaviour, MisbehaviourError
from .promises import DIRECT, Promise

KEYWORDS = {
    "fore_layer": "layer l+1 is always the default",
    **{name: f"takes={name} is not declared" for name in PARAMETERS},
}
"""arguments that cases may pass by keyword, and what is so where a kernel does not take one"""

Answer = Array | MisbehaviourError
"""a result, or why there is none"""


class Call(NamedTuple):
    """One call: its arrays, the shape of its result, and how the arrays are handed over."""

    geometry: Geometry
    arrays: Arrays
    shape: tuple[int, ...] | None
    """None allows any"""
    arrangement: str = "copy"
    """how they are handed over, as `arrangements` explains"""


class Request(NamedTuple):
    """One call as its kernel has it: arguments by the names that the operation has for them."""

    arguments: Mapping[str, Any]
    by_position: int
    """how many of them, the first ones, go by position; the others go by keyword"""
    shape: tuple[int, ...] | None = None
    arrangement: str = "copy"
    """these two as a `Call` has them"""


class Subject:
    """A kernel of one operation, as the judge knows it."""

    at_once = False
    """whether several calls take less time together than one by one"""

    def __init__(
        self,
        operation: Operation,
        name: str,
        promise: Promise = DIRECT,
        *,
        module: str = "",
        place: str = "",
        line: str = "",
    ) -> None:
        """Note what is known before any call.

        Args:
            operation: that it computes.
            name: by which code calls it.
            promise: what it promises of its rounding errors, and of zeros.
            module: that it comes from, and that loads libraries for it.
            place: MODULE:FUNCTION of one that can be found by it.
            line: that names it on a command line, if one does.
        """
        self.operation, self.name, self.promise = operation, name, promise
        self.module, self.place, self.line = module, place, line
        self.dtypes = USUAL
        self.takes = frozenset({"fore_layer"})
        """the arguments that it takes by keyword"""
        self.taken: Taken = NOTHING
        self.dense = False
        """whether it takes C-contiguous arguments alone"""
        self.partial = False
        """whether NotImplementedError means that it does not offer a call"""
        self.shapes: int | None = None
        """on how many pairs of a geometry and a dtype it is judged, if it compiles for each"""
        self.chosen: frozenset[tuple[Geometry, str]] | None = None
        """those pairs, once a plan has chosen them: it is judged on no other"""
        self.absent: Mapping[str, Any] = {}
        """those that are handed over where a case has no such parameter, too"""
        self.spent = 0.0
        """seconds that calls have taken, where that is measured"""
        self.threaded = False
        """whether other threads than the one that was called worked in the last call, or wait to"""

    def __str__(self) -> str:
        """Return how it is told of."""
        return self.line or self.name

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Return the result for the notebook's arguments; MisbehaviourError if there is none."""
        return _result(self.answers([self._request(positional, keywords)]))

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Return a result, or why there is none, for each request."""
        raise NotImplementedError

    def requests(self, calls: Sequence[Call]) -> list[Request]:
        """Return calls as its kernel has them."""
        requests = []
        for call in calls:
            positional, keywords = self.operation.arguments(call.geometry, call.arrays)
            every = {**keywords, **self.beside(call.geometry)}
            requests.append(self._request(positional, every, call.shape, call.arrangement))
        return requests

    def beside(self, geometry: Geometry) -> Mapping[str, Any]:  # noqa: ARG002  (of others it needs)
        """Return what it is handed by keyword beside its operation's arguments."""
        return {}

    def _request(
        self, positional: Sequence[Any], keywords: Mapping[str, Any], *others: Any
    ) -> Request:
        named = zip(self.operation.signature, positional, strict=True)
        return Request(dict(**dict(named), **keywords), len(positional), *others)

    def call_all(self, calls: Sequence[Call]) -> list[Answer]:
        """Return a result, or why there is none, for each call: none is made that is not taken."""
        refusals = [self.taken.refusal(call.geometry) for call in calls]
        if not any(refusals):
            return self.answers(self.requests(calls))
        made = [call for call, refusal in zip(calls, refusals, strict=True) if not refusal]
        answers = iter(self.answers(self.requests(made)))
        return [declined(refusal) if refusal else next(answers) for refusal in refusals]

    def call(self, call: Call) -> Array:
        """Return the result of one call.

        Raises:
            MisbehaviourError: there is none: the kernel raised, changed an argument or a setting
                of the process, or returned no array of real floating dtype with this shape.
        """
        return _result(self.call_all([call]))

    @property
    def asked(self) -> tuple[str, ...]:
        """The dtypes that it is asked for: the usual ones, and what it takes beside them."""
        return tuple(dtype for dtype in DTYPES if dtype in (*USUAL, *self.dtypes))

    def refuses(self, case: Case, prop: str) -> str | None:  # noqa: ARG002  (others look at it)
        """Return why it is not to be judged on `case` for a property, if it is not."""
        if case.dtype not in self.dtypes:
            if self.dtypes == USUAL:
                return f"{case.dtype} is judged where it is declared alone: dtypes={case.dtype}"
            return f"{case.dtype} is not among the dtypes that it declares"
        if not self.takes >= self.operation.optional:  # else no keywords have to be looked at
            for name in self.operation.keywords(case.geometry):
                if name not in self.takes:
                    return f"it takes no {name}: {KEYWORDS[name]}"
        if self.chosen is not None and (case.geometry, case.dtype) not in self.chosen:
            return "it compiles for each shape, and this is none of those that it is judged on"
        return self.taken.refusal(case.geometry)

    def axes_in_memory(self, name: str) -> tuple[int, ...] | None:  # noqa: ARG002
        """Return the order of axes in which an argument is to lie in memory, if it is its own."""
        return None

    def command(self) -> list[str]:
        """Return the words of a command line that have it judged; none if it cannot be named."""
        return ["--kernel", self.line] if self.line else []

    def import_line(self) -> str:
        """Return the line of Python that has it under its name."""
        return f"{self.name} = ...  # the kernel that was judged"

    def begin(self) -> None:
        """Begin a test: what was given up in another is called again."""

    def renew(self) -> bool:
        """Have the next call be the first that the kernel sees; False where that cannot be."""
        return False

    def fresh(self, seconds: float | None = None, threads: int | None = None) -> "Subject":  # noqa: ARG002
        """Return it as it was at first, where that can be.

        Args:
            seconds: that a call may take there at most.
            threads: that it has there, if not as many as here.
        """
        return self

    @property
    def judged_for(self) -> str:
        """What it is judged for, in words, where it takes less than its operation; "" for all."""
        parts = [in_words(self.taken), "calls that it does not refuse" * self.partial]
        parts.append("C-contiguous arguments" * self.dense)
        if self.shapes is not None:
            count = len(self.chosen or ()) or self.shapes
            most = "" if self.chosen else "at most "
            parts.append(f"{most}{count:,} pair{'s' * (count > 1)} of a shape and a dtype")
        return ", ".join(filter(None, parts))

    @property
    def threads(self) -> int | None:
        """How many threads its process was given; None where it has none of its own."""
        return None

    def stop(self) -> None:
        """End what runs for it alone."""

    def __enter__(self) -> Self:
        """Return it; it is stopped in the end."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def declined(reason: str) -> MisbehaviourError:
    """Return that a kernel does not offer a call."""
    return MisbehaviourError(Misbehaviour.DECLINED, reason)


def _result(answers: Sequence[Answer]) -> Array:
    (answer,) = answers
    if isinstance(answer, MisbehaviourError):
        raise answer
    return answer


class Wrapped(Subject):
    """A subject as it is, but for what a kind of this changes."""

    def __init__(self, subject: Subject) -> None:
        """Take over what is known of a subject."""
        same = {name: getattr(subject, name) for name in ("module", "place", "line")}
        super().__init__(subject.operation, subject.name, subject.promise, **same)
        self.subject, self.at_once = subject, subject.at_once
        self.takes, self.taken, self.absent = subject.takes, subject.taken, subject.absent
        self.dtypes = subject.dtypes
        self.shapes, self.chosen = subject.shapes, subject.chosen
        self.dense, self.partial = subject.dense, subject.partial

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the subject's answers."""
        return self.subject.answers(requests)

    def refuses(self, case: Case, prop: str) -> str | None:
        """Return why the subject is not to be judged."""
        return self.subject.refuses(case, prop)

    def beside(self, geometry: Geometry) -> Mapping[str, Any]:
        """Return what the subject is handed besides."""
        return self.subject.beside(geometry)

    def axes_in_memory(self, name: str) -> tuple[int, ...] | None:
        """Return how the subject has an argument lie in memory."""
        return self.subject.axes_in_memory(name)

    def import_line(self) -> str:
        """Return the subject's line."""
        return self.subject.import_line()

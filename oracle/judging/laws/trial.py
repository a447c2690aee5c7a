"""A kernel under a law: how laws call it, and what they say of its results."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from convcheck.cases.case import Case
from convcheck.cases.numbers import Raw, integers
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Arrays, Kernel
from convcheck.judging.judge import limits_of, rounding_unsettled
from convcheck.kernels.arguments.arrangements import REFUSABLE, kinds_of
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError, tell
from convcheck.kernels.promises import DIRECT
from convcheck.kernels.shown.clock import KERNEL
from convcheck.kernels.subjects import Answer, Call, Subject


@dataclass(frozen=True)
class Equation:
    """Two sides that a law says are equal, and the call that the left one came from."""

    left: Array
    right: Array
    geometry: Geometry
    arrays: Arrays
    expression: str = "z"
    """the left side in terms of the call's result `z`"""
    extra: Mapping[str, Array] | None = None
    """further arrays that `expression` uses"""
    then: tuple[str, ...] = ()
    """statements after the call, as in `verdicts.Evidence`"""
    arrangement: str = "copy"
    """of that call"""
    before: Case | None = None
    """of a call before that one, if it needs one"""


class UndecidedError(Exception):
    """A result may be off by one half or more, so that rounding it says nothing."""


class NotOfferedError(Exception):
    """The law's next call is one that the kernel does not take."""


class Trial:
    """A kernel with the case it is called for, remembering its last call."""

    def __init__(self, subject: Subject, case: Case, partners: Mapping[str, Kernel]) -> None:
        self.subject = subject
        self.case = case
        self.partners = partners
        self.operation = subject.operation
        self.geometry = case.geometry
        self.arrays = case.arrays()
        self.raw = Raw(case.seed, stream=1)
        self.lot = Raw(case.seed, stream=case.format.precision)  # another one for each dtype
        self.partner_calls: list[tuple[str, Geometry, Arrays]] = []
        self.last: tuple[Geometry, Arrays, str] = (self.geometry, self.arrays, "copy")
        self._answers: Iterator[Answer] | None = None
        self.declined = ""
        """why a part of a law was left out"""

    def __call__(self, geometry: Geometry, arrays: Arrays, arrangement: str = "copy") -> Array:
        """Return the kernel's result, settled; MisbehaviourError if there is none."""
        return self.settled(self.call(geometry, arrays, arrangement), geometry, arrays)

    def settled(self, z: Array, geometry: Geometry, arrays: Arrays) -> Array:
        """Return a result in float64, rounded to integers where the kernel's promise rounds.

        Raises:
            UndecidedError: it may be off by one half or more.
        """
        exact = z.astype(np.float64)
        promise = self.subject.promise
        if promise is DIRECT:
            return exact
        limits = limits_of(promise, replace(self.case, geometry=geometry), arrays)
        if limits is None:
            return exact
        unsettled = rounding_unsettled(limits, promise)
        if unsettled:
            raise UndecidedError(unsettled)
        rounded: Array = np.rint(exact)
        return rounded

    def call(self, geometry: Geometry, arrays: Arrays, arrangement: str = "copy") -> Array:
        """Return the kernel's result as it comes.

        Raises:
            MisbehaviourError: there is none.
            NotOfferedError: the kernel does not take such a call.
        """
        self.require_offered(geometry)
        self.last = (geometry, arrays, arrangement)
        if self._answers is not None:
            answer = next(self._answers)
        else:
            shape = self.operation.shape(geometry, self.operation.result)
            with KERNEL:
                answer = self._answer(Call(geometry, arrays, shape, arrangement))
        if not isinstance(answer, MisbehaviourError):
            return answer
        if answer.kind is Misbehaviour.DECLINED:
            raise NotOfferedError(f"it {answer}")
        raise answer

    def _answer(self, call: Call) -> Answer:
        try:
            return self.subject.call(call)
        except MisbehaviourError as problem:
            return problem

    def unless_refused(self, geometry: Geometry, arrays: Arrays, arrangement: str) -> Array | None:
        """Return the kernel's result; None where it raises and may: then that is told."""
        try:
            return self(geometry, arrays, arrangement)
        except MisbehaviourError as problem:
            where = refused(arrangement, problem)
            if not where:
                raise
            tell(self.subject, f"raises where {where}, which is no fault")
            return None

    def require_offered(self, geometry: Geometry) -> None:
        """Raise NotOfferedError where the kernel does not take calls of a geometry."""
        declined = self._refusal(geometry)
        if declined is not None:
            raise NotOfferedError(declined)

    def offers(self, *geometries: Geometry) -> bool:
        """Return whether the kernel takes calls of these geometries; if not, it is remembered."""
        refusals = [*filter(None, map(self._refusal, geometries))]
        self.declined = self.declined or next(iter(refusals), "")
        return not refusals

    def _refusal(self, geometry: Geometry) -> str | None:
        if geometry is self.geometry:
            return None
        return self.subject.refuses(replace(self.case, geometry=geometry), "exact")

    def ask_at_once(self, law: "Callable[[Trial], Iterable[Equation]]") -> None:
        """Have all calls that `law` is about to make answered in one go, where that is faster."""
        if self.subject.at_once:
            self._answers = iter(self.subject.call_all(calls_of(law, self.subject, self.case)))

    def integers(self, shape: tuple[int, ...], largest: int) -> Array:
        """Return non-zero random integers in the case's dtype."""
        return integers(self.raw.draw(shape), largest).astype(self.case.format.dtype)

    def partner(self, layer: str, geometry: Geometry, x: Array, ftr: Array) -> Array:
        """Return what the partner for `layer` makes of float64 arrays; it may be at fault."""
        arrays = {"x": x, "ftr": ftr}
        self.partner_calls.append((layer, geometry, arrays))
        with np.errstate(all="ignore"):
            return self._of_partner(layer, geometry, arrays)

    def _of_partner(self, layer: str, geometry: Geometry, arrays: Arrays) -> Array:
        positional, keywords = OPERATIONS[layer].arguments(geometry, arrays)
        return np.asarray(self.partners[layer](*positional, **keywords))

    def faulty_partner(self) -> str | None:
        """Return the name of a partner that disagreed with the oracle when called, if any."""
        for layer, geometry, arrays in self.partner_calls:
            try:
                result = self._of_partner(layer, geometry, arrays)
            except Exception:  # noqa: BLE001  (whatever it is, the partner is to blame)
                return layer
            if not np.array_equal(result, OPERATIONS[layer].oracle(geometry, arrays)):
                return layer
        return None


def refused(arrangement: str, answer: Answer) -> str:
    """Return where a kernel has raised, in words, if it may raise there."""
    if not isinstance(answer, MisbehaviourError) or answer.kind is not Misbehaviour.RAISED:
        return ""
    kinds = kinds_of(arrangement).values()
    return next((words for kind, words in REFUSABLE.items() if kind in kinds), "")


class _Rehearsal(Trial):
    """Takes note of a law's calls, which do not depend on results, and makes none."""

    def __init__(self, subject: Subject, case: Case, partners: Mapping[str, Kernel]) -> None:
        super().__init__(subject, case, partners)
        self.calls: list[Call] = []

    def call(self, geometry: Geometry, arrays: Arrays, arrangement: str = "copy") -> Array:
        """Note the call, and return zeros of the result's shape."""
        self.require_offered(geometry)
        shape = self.operation.shape(geometry, self.operation.result)
        self.calls.append(Call(geometry, arrays, shape, arrangement))
        return np.zeros(shape, self.case.format.dtype)


def calls_of(
    law: Callable[[Trial], Iterable[Equation]], subject: Subject, case: Case
) -> list[Call]:
    """Return the calls that `law`, which needs no partners, makes of a kernel on a case."""
    rehearsal = _Rehearsal(subject, case, {})
    with suppress(NotOfferedError):
        for _ in law(rehearsal):
            pass
    return rehearsal.calls

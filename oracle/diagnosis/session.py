"""What a kernel answers to probes, and whether a mistake answers the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Kernel, Operation, operation_named
from convcheck.judging.bounds import bound
from convcheck.judging.judge import not_judged, property_of
from convcheck.judging.verdicts import Evidence, Verdict, Wrong
from convcheck.kernels.functions import subject_of
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.kernels.subjects import Answer, Call, Subject

from .mistakes import Mistake, catalogue
from .probes import Probe, probes_of
from .where.scan import LARGEST, is_lost, products

_AT_ONCE = 8
_SECONDS = 2.0  # that a call of an isolated kernel may take here


@dataclass(frozen=True, eq=False)
class Asked:
    """A probe, and how the kernel answered."""

    probe: Probe
    answer: Answer
    promise: Promise = DIRECT
    """the kernel's, which says how far off a right answer may be"""

    @cached_property
    def right(self) -> bool:
        """Whether the answer is right."""
        result = self.result()
        return result is not None and not result.wrong.any()

    def result(self) -> Wrong | None:
        """Return the answer beside what it should be; None if they cannot be compared."""
        probe, answer = self.probe, self.answer
        expected = probe.expected
        if isinstance(answer, MisbehaviourError) or answer.shape != expected.shape:
            return None
        got = answer.astype(np.float64)
        operation = operation_named(probe.case.operation)
        if probe.case.mode == "nonfinite":
            found = probe.spread(self.promise)
            return Wrong(operation, got, found.values, found.wrong(got))
        return Wrong(operation, got, expected, ~_equal(got, expected, self._allowed(operation)))

    def _allowed(self, operation: Operation) -> Any:
        case = self.probe.case
        if case.mode != "bound" and not self.probe.graded and not self.promise.rounds(case):
            return 0
        return bound(operation, case.geometry, self.probe.arrays, case.dtype, self.promise).error

    def fits(self, replayed: Answer, mistake: Mistake) -> bool:
        """Return whether a mistake answers the same; sums of integers must be equal."""
        answer = self.answer
        if isinstance(answer, MisbehaviourError) or isinstance(replayed, MisbehaviourError):
            return same_kind(answer, replayed)
        if answer.shape != replayed.shape:
            return False
        dtype = self.probe.case.dtype
        with np.errstate(all="ignore"):
            got, should = (z.astype(dtype).astype(np.float64) for z in (answer, replayed))
        equal = _equal(got, should, _tolerance(should, self.probe, mistake))
        if self.probe.case.mode == "nonfinite" and not mistake.nan:
            # Whether a skipped term spreads NaN depends on how the kernel is written.
            equal |= ~np.isfinite(got) | ~np.isfinite(should)
        elif self.probe.case.mode == "nonfinite":  # so it does where NaN is as right
            found = self.probe.spread(self.promise)
            doubtful = found.possible & ~np.isnan(found.values)
            equal |= doubtful & (np.isnan(got) | np.isnan(should))
        if mistake.sums and not self.probe.single:
            equal |= ~np.isfinite(got)  # sums overflow earlier, or not, by their order
        if mistake.wild:
            equal |= np.isnan(should) & ~np.isnan(self.probe.expected)
        return bool(equal.all())

    def resembles(self, replayed: Answer, mistake: Mistake) -> bool:
        """Return whether a mistake answers the same, and plainly other than what is right."""
        if not self.fits(replayed, mistake):
            return False
        if isinstance(self.answer, MisbehaviourError) or isinstance(replayed, MisbehaviourError):
            return True
        if self.right or self.answer.shape != self.probe.expected.shape:
            return True
        with np.errstate(all="ignore"):
            from_right, from_mistake = (
                float(np.nanmax(np.abs(self.answer.astype(np.float64) - each), initial=0))
                for each in (self.probe.expected, replayed)
            )
        return 2 * from_mistake <= from_right


def _equal(got: Array, should: Array, allowed: Any) -> Array:
    with np.errstate(all="ignore"):
        near = np.abs(got - should) <= allowed
    equal: Array = (got == should) | (np.isnan(got) & np.isnan(should)) | near
    return equal


def _tolerance(should: Array, probe: Probe, mistake: Mistake) -> Any:
    """Return how far results may be from those of a mistake: nothing where sums are exact."""
    eps = float(np.finfo(probe.case.dtype).eps)
    whole = should == np.rint(should)
    if probe.single:
        least = 4 * float(np.finfo(probe.case.dtype).smallest_subnormal)
        return np.where(whole, 0, 8 * eps * np.abs(should) + least)
    if probe.case.mode != "bound" and whole.all() and (probe.small or not mistake.sums):
        return 0
    largest = float(np.abs(should[np.isfinite(should)]).max(initial=0))
    return 64 * max(eps, 0 if probe.small else mistake.unit) * largest


def same_kind(one: Answer, other: Answer) -> bool:
    """Return whether both are no results, for the same reason."""
    both = isinstance(one, MisbehaviourError) and isinstance(other, MisbehaviourError)
    return both and _kind(str(one)) == _kind(str(other))


def changed(one: Asked, other: Asked) -> bool:
    """Return whether the same call gave different answers."""
    a, b = one.answer, other.answer
    if isinstance(a, MisbehaviourError) or isinstance(b, MisbehaviourError):
        return not same_kind(a, b)
    return not np.array_equal(a, b, equal_nan=True)


def _kind(problem: str) -> str:
    return "raised" if problem.startswith("raised") else problem


@lru_cache(maxsize=1 << 14)
def replay(mistake: Mistake, probe: Probe) -> Answer:
    """Return what a mistake that keeps no state answers to a probe."""
    return _call(mistake.make(), probe)


def _call(kernel: Kernel, probe: Probe) -> Answer:
    call = Call(probe.case.geometry, probe.arrays, None, probe.arrangement)
    with np.errstate(all="ignore"):
        (answer,) = subject_of(kernel, operation_named(probe.case.operation)).call_all([call])
    return answer


def gives(mistake: Mistake, asked: Iterable[Asked]) -> bool:
    """Return whether a mistake that keeps no state gives these answers."""
    replayed = not mistake.state and not mistake.wild
    return replayed and all(a.resembles(replay(mistake, a.probe), mistake) for a in asked)


@lru_cache(maxsize=32)
def _fresh(subject: Subject) -> Subject:
    """Return the kernel as it was at first, where it can be started anew."""
    return subject.fresh(_SECONDS)


def explains(mistake: Mistake, focus: Asked) -> bool:
    """Return whether a mistake gives a wrong answer: where it is right, it is no reason."""
    if mistake.state:
        return True
    answer = replay(mistake, focus.probe)
    return focus.fits(answer, mistake) and not Asked(focus.probe, answer, focus.promise).right


@dataclass(eq=False)
class Session:
    """A kernel's answers to the probes of an operation and dtype, and what fits them."""

    subject: Subject
    operation: Operation
    dtype: str
    lost: str = ""
    """how it hung or crashed, after which it is not called again"""
    remembers: bool = False
    """whether it gave another answer when asked again"""
    asked: list[Asked] = field(default_factory=list)
    fitting: list[Mistake] = field(default_factory=list)
    """mistakes that give the same answers to all probes"""
    origin: Subject = field(init=False)
    """the one that was handed over"""
    _settled: bool = False
    """whether it was wrong on a first call"""

    def __post_init__(self) -> None:
        """Ask the kernel, where it runs elsewhere one of its own that remembers nothing."""
        self.origin, self.subject = self.subject, _fresh(self.subject)
        probes = [p for p in probes_of(self.operation, self.dtype) if self._offered(p.case)]
        self.asked = self.ask(probes)
        # The first two differ in their numbers alone.
        differ = len(self.asked) > 1 and self.asked[0].right != self.asked[1].right
        if differ and self.restart():
            alone = self.ask(probes[1:2])
            self.remembers = bool(alone) and alone[0].right != self.asked[1].right
            self.restart()  # from a fresh start a kernel that remembers can be followed
            self.asked = self.ask(probes)
        again = [] if self.lost else self.ask([each.probe for each in self.asked])
        self.remembers = self.remembers or any(map(changed, self.asked, again))
        if not self.lost and not all(each.right for each in self.asked):
            order = sorted(self.asked, key=lambda each: each.right)
            self.fitting = [m for m in self._eligible(self.asked) if self._fits(m, order)]

    def ask(self, probes: Sequence[Probe]) -> list[Asked]:
        """Return the kernel's answers, until it hangs or crashes."""
        asked: list[Asked] = []
        for start in range(0, len(probes), _AT_ONCE):
            some = probes[start : start + _AT_ONCE]
            calls = [Call(p.case.geometry, p.arrays, None, p.arrangement) for p in some]
            answers = self.subject.call_all(calls)
            promise = self.subject.promise
            asked += [Asked(*each, promise) for each in zip(some, answers, strict=True)]
            problems = [str(each) for each in answers if isinstance(each, MisbehaviourError)]
            self.lost = next(filter(is_lost, problems), "")
            if self.lost:
                break
        return asked

    def _fits(self, mistake: Mistake, order: Sequence[Asked]) -> bool:
        if not mistake.state:
            return all(each.fits(replay(mistake, each.probe), mistake) for each in order)
        kernel = mistake.make()
        return all(each.fits(_call(kernel, each.probe), mistake) for each in self.asked)

    def _offered(self, case: Case) -> bool:
        return not_judged(self.subject, case, property_of(case)) is None

    def restart(self) -> bool:
        """Have the next call be the first that the kernel sees; False where that cannot be."""
        return self.subject.renew()

    def first(self, probe: Probe) -> Asked:
        """Return the answer to a call that no other call is before, where that may matter."""
        if self.remembers or not self._settled:
            self.restart()
        (asked,) = self.ask([probe])
        if not asked.right and not self._settled:
            self._settled = True
            (again,) = self.ask([probe])
            self.remembers = self.remembers or changed(asked, again)
        return asked

    def call_of(self, evidence: Evidence) -> Probe | None:
        """Return the very call that went wrong; None where it is too large to be repeated."""
        case = evidence.case
        if self.lost or products(case) > LARGEST or not self._offered(case):
            return None
        if evidence.cut_from is None and evidence.drawn:
            return Probe(case)
        changes = tuple((name, array.tobytes()) for name, array in evidence.arrays.items())
        return Probe(case, changes=changes)

    def holding(self, tried: Sequence[Asked]) -> list[Mistake]:
        """Return mistakes that give the answers to all probes, and to all else that was tried.

        Of those of precision, state or NaN that is not asked.
        """
        return [
            each
            for each in self.fitting
            if each.state
            or each.sums
            or each.nan
            or (
                all(asked.fits(replay(each, asked.probe), each) for asked in tried)
                and not (each.wild and self._tidies(each, tried))
            )
        ]

    @staticmethod
    def _tidies(mistake: Mistake, tried: Sequence[Asked]) -> bool:
        """Return whether what a mistake leaves as it was is right too often for chance."""
        answers = ((each, replay(mistake, each.probe)) for each in tried)
        left = [
            each
            for each, answer in answers
            if isinstance(answer, np.ndarray) and np.isnan(answer).any()
        ]
        return sum(each.right for each in left) > len(left) // 10

    def answers(self, tried: Iterable[Verdict]) -> Iterator[Asked]:
        """Yield what the kernel answered where it was judged on a case."""
        promise = self.subject.promise
        for verdict in tried:
            probe, whole = Probe(verdict.case), verdict.evidence and verdict.evidence.whole
            if whole:
                yield Asked(probe, whole.got, promise)
            elif verdict.failed:
                yield from self.ask([probe])  # its shape, or what it raised
            else:
                yield Asked(probe, probe.expected, promise)

    def partly(self, tried: Sequence[Asked]) -> list[tuple[Mistake, str]]:
        """Return mistakes that give all answers that are results, or all that are wrong.

        Few of the probes may be; so they have to give those of all that was tried, too.
        """
        asked = dict(self._parts([*self.asked, *tried]))
        return [
            (mistake, where)
            for where, answers in asked.items()
            for mistake in self._eligible(answers)
            if gives(mistake, answers)
        ]

    def _eligible(self, asked: Iterable[Asked]) -> list[Mistake]:
        """Return mistakes of the kind of what is wrong: some only show where NaN goes."""
        finite = any(a.probe.case.mode != "nonfinite" for a in asked if not a.right)
        return [each for each in catalogue(self.operation.name) if each.nan is not finite]

    @staticmethod
    def _parts(asked: list[Asked]) -> Iterator[tuple[str, list[Asked]]]:
        results = [each for each in asked if not isinstance(each.answer, MisbehaviourError)]
        if len(results) < len(asked) and not all(each.right for each in results):
            yield "where it returns a result", sorted(results, key=lambda each: each.right)
        wrong = [each for each in results if not each.right]
        if 0 < len(wrong) < len(results):
            yield "where it is wrong", wrong

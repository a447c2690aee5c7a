"""What a kernel answers to probes, beside what is right, and which mistakes answer the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.form.operations import Kernel, Operation, operation_named
from convcheck.judging.bounds import bound
from convcheck.judging.rounding import right_results
from convcheck.kernels.functions import Function
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError
from convcheck.kernels.promises import DIRECT, Promise
from convcheck.kernels.shown.evidence import Evidence, Wrong
from convcheck.kernels.subjects import Answer

from .mistakes import Mistake, catalogue
from .probes import Probe
from .where.scan import ANOTHER_SHAPE, WRONG


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
        return self.result is not None and not self.result.wrong.any()

    @property
    def declined(self) -> bool:
        """Whether the kernel does not offer the call."""
        answer = self.answer
        return isinstance(answer, MisbehaviourError) and answer.kind is Misbehaviour.DECLINED

    @property
    def deed(self) -> str:
        """What the kernel did, as in `scan.deed`, if that was not right."""
        if isinstance(self.answer, MisbehaviourError):
            return self.answer.deed
        return WRONG if self.answer.shape == self.probe.expected.shape else ANOTHER_SHAPE

    @cached_property
    def result(self) -> Wrong | None:
        """The answer beside what it should be; None if they cannot be compared."""
        probe, answer = self.probe, self.answer
        expected = probe.expected
        if isinstance(answer, MisbehaviourError) or answer.shape != expected.shape:
            return None
        got, operation = answer.astype(np.float64), operation_named(probe.case.operation)
        if probe.case.mode == "nonfinite":
            found = probe.spread(self.promise)
            return Wrong(operation, got, found.values, found.wrong(got))
        usual, *others = right_results(probe.case, probe.arrays, expected)
        wrong = ~_equal(got, usual, self._allowed(operation))
        for other in others:
            wrong &= got != other
        return Wrong(operation, got, usual, wrong)

    def _allowed(self, operation: Operation) -> Any:
        case = self.probe.case
        if case.mode != "bound" and not self.probe.graded and not self.promise.rounds(case):
            return 0
        return bound(operation, case.geometry, self.probe.arrays, case.dtype, self.promise).error

    def evidence(self) -> Evidence:
        """Return the evidence of the call."""
        probe, result = self.probe, self.result
        if result is None:
            return Evidence(probe.arrays, probe.case, arrangement=probe.arrangement)
        evidence = Evidence.of_result(probe.arrays, probe.case, result)
        return replace(evidence, arrangement=probe.arrangement)

    def fits(self, replayed: Answer, mistake: Mistake) -> bool:
        """Return whether a mistake answers the same; sums of integers must be equal."""
        answer = self.answer
        if isinstance(answer, MisbehaviourError) or isinstance(replayed, MisbehaviourError):
            return same_kind(answer, replayed)
        if answer.shape != replayed.shape:
            return False
        form = self.probe.case.format
        with np.errstate(all="ignore"):
            got, should = (form.array(z).astype(np.float64) for z in (answer, replayed))
        equal = _equal(got, should, _tolerance(should, self.probe, mistake))
        return bool((equal | self._open(got, should, mistake)).all())

    def _open(self, got: Array, should: Array, mistake: Mistake) -> Array:
        """Return where it is not known what a kernel with the mistake answers."""
        unknown = np.zeros(got.shape, bool)
        if self.probe.case.mode == "nonfinite" and not mistake.nan:
            # Whether a skipped term spreads NaN depends on how the kernel is written.
            unknown |= ~np.isfinite(got) | ~np.isfinite(should)
        elif self.probe.case.mode == "nonfinite":  # so it does where NaN is as right
            found = self.probe.spread(self.promise)
            doubtful = found.possible & ~np.isnan(found.values)
            unknown |= doubtful & (np.isnan(got) | np.isnan(should))
        if mistake.sums and not self.probe.single:
            unknown |= ~np.isfinite(got)  # sums overflow earlier, or not, by their order
        if mistake.wild or mistake.quotient:
            unknown |= np.isnan(should) & ~np.isnan(self.probe.expected)
        return unknown

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
    eps = 2 * probe.case.format.u
    whole = (should == np.rint(should)) & (not mistake.quotient)
    if probe.single:
        least = 4 * probe.case.format.eta
        return np.where(whole, 0, 8 * eps * np.abs(should) + least)
    integers = probe.case.mode != "bound" and whole.all()
    largest = _largest(should)
    if integers and not (probe.small or mistake.state):
        # A wrong kernel may sum more products than the integers were chosen for.
        positive = {name: np.abs(array) for name, array in probe.arrays.items()}
        largest = max(largest, _largest(replay(mistake, probe.holding(**positive))))
    if integers and largest * probe.case.format.u <= 1 and (probe.small or not mistake.sums):
        return 0
    return 64 * max(eps, 0 if probe.small else mistake.unit) * largest


def _largest(answer: Answer) -> float:
    """Return the largest finite magnitude, or 0 where there is none."""
    if isinstance(answer, MisbehaviourError):
        return 0.0
    return float(np.abs(answer[np.isfinite(answer)]).max(initial=0))


def same_kind(one: Answer, other: Answer) -> bool:
    """Return whether both are no results, for the same reason."""
    if not isinstance(one, MisbehaviourError) or not isinstance(other, MisbehaviourError):
        return False
    return one.text == other.text or one.kind is other.kind is Misbehaviour.RAISED


def changed(one: Asked, other: Asked) -> bool:
    """Return whether the same call gave different answers."""
    a, b = one.answer, other.answer
    if isinstance(a, MisbehaviourError) or isinstance(b, MisbehaviourError):
        return not same_kind(a, b)
    return not np.array_equal(a, b, equal_nan=True)


@lru_cache(maxsize=1 << 14)
def replay(mistake: Mistake, probe: Probe) -> Answer:
    """Return what a mistake that keeps no state answers to a probe."""
    return _call(mistake.make(), probe)


def _call(kernel: Kernel, probe: Probe) -> Answer:
    with np.errstate(all="ignore"):
        (answer,) = Function(kernel, operation_named(probe.case.operation)).call_all([probe.call])
    return answer


def fitting(operation: Operation, asked: Sequence[Asked]) -> list[Mistake]:
    """Return the mistakes that give the same answers to all probes, made in this order.

    What is left as it was may be anything: only if no other mistake says what it is.
    """
    wrong_first = sorted(asked, key=lambda each: each.right)

    def fits(mistake: Mistake) -> bool:
        if not mistake.state:
            return all(each.fits(replay(mistake, each.probe), mistake) for each in wrong_first)
        kernel = mistake.make()
        return all(each.fits(_call(kernel, each.probe), mistake) for each in asked)

    found = [each for each in _eligible(operation, asked) if fits(each)]
    return [each for each in found if not each.wild] or found


def _eligible(operation: Operation, asked: Sequence[Asked]) -> list[Mistake]:
    """Return mistakes of the kind of what is wrong: some only show where NaN goes."""
    finite = any(a.probe.case.mode != "nonfinite" for a in asked if not a.right)
    parameters = not all(a.probe.case.geometry.is_plain for a in asked)
    every = catalogue(operation.name, parameters=parameters)
    return [each for each in every if each.nan is not finite]


def explains(mistake: Mistake, focus: Asked) -> bool:
    """Return whether a mistake gives a wrong answer: where it is right, it is no reason."""
    if mistake.state:
        return True
    replayed = Asked(focus.probe, replay(mistake, focus.probe), focus.promise)
    if not focus.fits(replayed.answer, mistake):
        return False
    told, same = focus.result, replayed.result
    if focus.probe.case.mode != "nonfinite" or mistake.nan or told is None or same is None:
        return not replayed.right
    # The catalogue's kernels multiply what they skip by zero, which spreads NaN; others do not.
    # So a mistake explains what is wrong with it on finite numbers, too.
    finite = Probe(replace(focus.probe.case, dtype="float64", fill="integers"))
    found = Asked(finite, replay(mistake, finite)).result
    wrong = same.wrong | (found.wrong if found else False)
    return bool((wrong | ~told.wrong).all())


def gives(mistake: Mistake, asked: Iterable[Asked]) -> bool:
    """Return whether a mistake that keeps no state gives these answers."""
    replayed = not mistake.state and not mistake.wild
    return replayed and all(a.resembles(replay(mistake, a.probe), mistake) for a in asked)


def holds(mistake: Mistake, tried: Sequence[Asked]) -> bool:
    """Return whether a mistake that fits all probes gives the answers to all else, too.

    Of those of precision, state or NaN that is not asked.
    """
    if mistake.state or mistake.sums or mistake.nan:
        return True
    if not all(asked.fits(replay(mistake, asked.probe), mistake) for asked in tried):
        return False
    return not (mistake.wild and _tidies(mistake, tried))


def _tidies(mistake: Mistake, tried: Sequence[Asked]) -> bool:
    """Return whether what a mistake leaves as it was is right too often for chance."""
    answers = ((each, replay(mistake, each.probe)) for each in tried)
    left = [a for a, answer in answers if isinstance(answer, np.ndarray) and np.isnan(answer).any()]
    return sum(each.right for each in left) > len(left) // 10


def partly(operation: Operation, asked: Sequence[Asked]) -> Iterator[tuple[Mistake, str]]:
    """Yield mistakes that give all answers that are results, or all that are wrong; and which.

    Few of the probes may be; so `asked` holds all else that was tried, too.
    """
    results = [each for each in asked if not isinstance(each.answer, MisbehaviourError)]
    results.sort(key=lambda each: each.right)  # what is wrong is the quicker to rule one out
    wrong = [each for each in results if not each.right]
    for some, where, tells in (
        (results, "where it returns a result", len(results) < len(asked)),
        (wrong, "where it is wrong", len(wrong) < len(results)),
    ):
        # Nothing but zeros is what many mistakes make of tiny numbers.
        if tells and any(not each.result or np.any(each.result.got) for each in wrong):
            yield from ((m, where) for m in _eligible(operation, some) if gives(m, some))

"""Which mistakes of the catalogue give a kernel's answers."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from convcheck.form.operations import Kernel, Operation, operation_named
from convcheck.kernels.functions import Function
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.subjects import Answer

from .answers import Asked
from .mistakes import Mistake, catalogue
from .probes import Probe


@lru_cache(maxsize=1 << 14)
def replay(mistake: Mistake, probe: Probe) -> Answer:
    """Return what a mistake that keeps no state answers to a probe."""
    return _call(mistake.make(), probe)


def _call(kernel: Kernel, probe: Probe) -> Answer:
    with np.errstate(all="ignore"):
        (answer,) = Function(kernel, operation_named(probe.case.operation)).call_all([probe.call])
    return answer


def fitting(operation: Operation, asked: Sequence[Asked]) -> list[Mistake]:
    """Return the mistakes that give the same answers to all probes, made in this order."""
    wrong_first = sorted(asked, key=lambda each: each.right)

    def fits(mistake: Mistake) -> bool:
        if not mistake.state:
            return all(each.fits(replay(mistake, each.probe), mistake) for each in wrong_first)
        kernel = mistake.make()
        return all(each.fits(_call(kernel, each.probe), mistake) for each in asked)

    return [each for each in _eligible(operation, asked) if fits(each)]


def _eligible(operation: Operation, asked: Iterable[Asked]) -> list[Mistake]:
    """Return mistakes of the kind of what is wrong: some only show where NaN goes."""
    finite = any(a.probe.case.mode != "nonfinite" for a in asked if not a.right)
    return [each for each in catalogue(operation.name) if each.nan is not finite]


def explains(mistake: Mistake, focus: Asked) -> bool:
    """Return whether a mistake gives a wrong answer: where it is right, it is no reason."""
    if mistake.state:
        return True
    answer = replay(mistake, focus.probe)
    return focus.fits(answer, mistake) and not Asked(focus.probe, answer, focus.promise).right


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
    wrong = [each for each in results if not each.right]
    if wrong and len(results) < len(asked):
        yield from _giving(operation, results, "where it returns a result")
    if 0 < len(wrong) < len(results):
        yield from _giving(operation, wrong, "where it is wrong")


def _giving(
    operation: Operation, asked: Iterable[Asked], where: str
) -> Iterator[tuple[Mistake, str]]:
    wrong_first = sorted(asked, key=lambda each: each.right)
    for mistake in _eligible(operation, wrong_first):
        if gives(mistake, wrong_first):
            yield mistake, where

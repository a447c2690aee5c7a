"""What is wrong in words, where no mistake of the catalogue gives the same results."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from convcheck.cases.case import DTYPES, Case, agreement_fills, exact_fills, nonfinite_fills
from convcheck.form.counts import most_terms
from convcheck.form.operations import operation_named
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.subjects import Subject

from .probes import Probe
from .where.claims import Backing, Claim


def rounding(wrong: Sequence[Any], *, guess: bool) -> Iterator[str]:
    """Yield that all of these answers are off by little; with a `guess` at the precision inside.

    A kernel that is wrong on small integers as well has another fault.
    """
    worst, terms = 0.0, 1
    for each in wrong:
        case, result = each.probe.case, each.result()
        if result is None or case.mode == "nonfinite" or not np.isfinite(result.got).all():
            return
        operation = operation_named(case.operation)
        absolute = {name: np.abs(array) for name, array in each.probe.arrays.items()}
        magnitude = operation.oracle(case.geometry, absolute)
        used = magnitude > 0
        error = float(
            np.max(np.abs(result.got - result.expected)[used] / magnitude[used], initial=0)
        )
        worst, terms = max(worst, error), max(terms, most_terms(operation, case.geometry))
    if not 0 < worst < 2.0**-6:
        return
    looked = f"in {len(wrong)} wrong results that were looked at"
    share = f"at most {worst:.2g} of the sum of magnitudes, {looked}"
    for name, unit in (("float32", 2.0**-24), ("TF32 or float16", 2.0**-11), ("bfloat16", 2.0**-8)):
        likely = guess and unit / 16 <= worst <= 2 * unit * np.sqrt(terms)
        if likely and name != case.dtype:
            yield f"errors are small, as of {name} inside: {share}"
            return
    yield f"errors are small: {share}"


def linearity(ask: Callable[[list[Probe]], list[Any]], probe: Probe) -> Iterator[str]:
    """Yield the factors that the result does not follow when they are doubled or negated."""
    names = list(operation_named(probe.case.operation).factors)
    changed = [probe.changed(n, by * probe.arrays[n]) for n in names for by in (2, -1)]
    once, *answers = (asked.answer for asked in ask([probe, *changed]))
    if not all(isinstance(each, np.ndarray) for each in (once, *answers)) or not once.any():
        return
    if not np.isfinite(once).all():  # what zeros make of NaN need not be linear
        return
    for name, twice, opposite in zip(names, answers[::2], answers[1::2], strict=True):
        if np.array_equal(opposite, once):
            yield f"the sign of {name} does not matter"
        elif not np.array_equal(twice, 2 * once):
            yield f"twice {name} does not give twice the result"
        elif not np.array_equal(opposite, -once):
            yield f"-{name} does not give the opposite result"


_MEANING = {
    "integers": "integers",
    "uniform": "real numbers in (-1, 1)",
    "positive": "positive numbers",
    "scaled": "numbers far from 1",
    "tiny": "tiny numbers",
}


def kinds(subject: Subject, case: Case) -> Iterator[Claim]:
    """Yield in which dtypes alone, and on which numbers alone, it is wrong."""
    dtypes = [replace(case, dtype=dtype) for dtype in DTYPES]
    failed, passed = _split(subject, dtypes)
    if failed and passed:
        names = tuple(each.dtype for each in failed)
        yield Claim(f"wrong only in {' and '.join(names)}", "is", backing=Backing(dtypes=names))
    operation = operation_named(case.operation)
    *factors, among_zeros = nonfinite_fills(operation)
    for fills in (agreement_fills(operation), (*factors,), (among_zeros,)):
        failed, passed = _split(subject, [replace(case, fill=fill) for fill in fills])
        if failed:
            break
    text = [_MEANING.get(each.fill, _wide(each.fill)) for each in failed]
    finite = fills == agreement_fills(operation)
    whole = set(exact_fills(operation))
    if finite and text and whole <= {each.fill for each in passed}:
        words = f"right on integers, wrong on {' and on '.join(text)}"
        known = Backing(case.dtype, spared=tuple(whole))
        yield Claim(words, "is", circumstance=True, backing=known)
        return
    if text and (not finite or (passed and len(text) <= len(fills) // 2)):
        words, alone = f"wrong only on {' and on '.join(text)}", tuple(each.fill for each in failed)
        yield Claim(words, "is", backing=Backing(case.dtype, fills=alone))
    elif failed and 0 < len(passed) <= 2:
        right = [_MEANING.get(each.fill, _wide(each.fill)) for each in passed]
        words, spared = f"right on {' and on '.join(right)}", tuple(each.fill for each in passed)
        known = Backing(case.dtype, spared=spared)
        yield Claim(words, "is", circumstance=True, backing=known)


def _wide(fill: str) -> str:
    kind, _, name = fill.partition("-")
    if kind == "wide":
        return f"large numbers in {name}"
    return "NaN or infinity among zeros" if name == "sparse" else f"NaN or infinity in {name}"


def _split(subject: Subject, cases: list[Case]) -> tuple[list[Case], list[Case]]:
    """Return the cases that fail with some of eight seeds, and those that pass: not by chance."""
    drawn = [replace(case, seed=case.seed + more) for more in range(8) for case in cases]
    verdicts = [v for v in judge_all(subject, drawn) if v.outcome in DECIDED]
    failed = {(v.case.dtype, v.case.fill) for v in verdicts if v.failed}
    passed = {(v.case.dtype, v.case.fill) for v in verdicts} - failed
    kinds = [(case, (case.dtype, case.fill)) for case in cases]
    return (
        [case for case, kind in kinds if kind in failed],
        [case for case, kind in kinds if kind in passed],
    )

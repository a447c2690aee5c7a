"""What is wrong in words, where no mistake of the catalogue gives the same results."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from convcheck.cases.case import Case, agreement_fills, exact_fills, nonfinite_fills
from convcheck.form.counts import most_terms
from convcheck.form.formats import DTYPES
from convcheck.form.operations import operation_named
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.subjects import Subject

from .answers import Asked
from .probes import Probe
from .session import Session
from .where.claims import Backing, Claim


def rounding(wrong: Sequence[Asked], *, guess: bool) -> Iterator[Claim]:
    """Yield that all of these answers are off by little; with a `guess` at the precision inside.

    A kernel that is wrong on small integers as well has another fault.
    """
    worst, terms = 0.0, 1
    for each in wrong:
        case, result = each.probe.case, each.result
        if result is None or case.mode == "nonfinite" or not np.isfinite(result.got).all():
            return
        operation = operation_named(case.operation)
        absolute = {name: np.abs(array) for name, array in each.probe.arrays.items()}
        magnitude = operation.oracle(case.geometry, absolute)
        used = magnitude > 0
        error = np.abs(result.got - result.expected)[used] / magnitude[used]
        worst = max(worst, float(np.max(error, initial=0)))
        terms = max(terms, most_terms(operation, case.geometry))
    if not 0 < worst < 2.0**-6:
        return
    small, looked = "errors are small", f"in {len(wrong)} wrong results that were looked at"
    for name, unit in (("float32", 2.0**-24), ("TF32 or float16", 2.0**-11), ("bfloat16", 2.0**-8)):
        likely = guess and unit / 16 <= worst <= 2 * unit * np.sqrt(terms)
        if likely and name != case.dtype:
            small = f"errors are small, as of {name} inside"
            break
    yield Claim(f"{small}: at most {worst:.2g} of the sum of magnitudes, {looked}")


def linearity(session: Session, probe: Probe) -> Iterator[Claim]:
    """Yield the factors that the result does not follow when they are doubled or negated."""
    names = list(session.operation.factors)
    changed = [probe.holding(**{n: by * probe.arrays[n]}) for n in names for by in (2, -1)]
    once, *answers = session.results([probe, *changed]) or [np.zeros(0)]
    # What zeros make of NaN need not be linear.
    if not once.any() or not np.isfinite(once).all():
        return
    for name, twice, opposite in zip(names, answers[::2], answers[1::2], strict=True):
        if np.array_equal(opposite, once):
            yield Claim(f"the sign of {name} does not matter")
        elif not np.array_equal(twice, 2 * once):
            yield Claim(f"twice {name} does not give twice the result")
        elif not np.array_equal(opposite, -once):
            yield Claim(f"-{name} does not give the opposite result")


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

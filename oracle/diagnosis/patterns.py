"""What is wrong in words, where no mistake of the catalogue gives the same results."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from convcheck.cases.case import (
    ROUNDED,
    Case,
    agreement_fills,
    exact_fills,
    is_scaled,
    nonfinite_fills,
    value_fills,
)
from convcheck.form.counts import most_terms
from convcheck.form.operations import operation_named
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.subjects import Subject

from .answers import Asked
from .probes import Probe
from .session import Session
from .where.claims import Backing, Claim, circumstance


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
        # Below the normal numbers, errors are as large without.
        guess = guess and not (magnitude[used] < case.format.smallest_normal).any()
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
    found = _followed(session, probe.linear)
    for name, (twice, sign, opposite) in found.items():
        # Beside what is large, a sign may not matter that does matter elsewhere.
        plain = Probe(replace(probe.case, fill="integers")).linear if not sign else None
        if plain and not _followed(session, plain).get(name, (True, True, True))[1]:
            yield Claim(f"the sign of {name} does not matter")
        elif not twice:
            yield Claim(f"twice {name} does not give twice the result")
        elif not opposite:
            yield Claim(f"-{name} does not give the opposite result")


def _followed(session: Session, probe: Probe) -> dict[str, tuple[bool, bool, bool]]:
    """Return of each factor whether its double doubles the result, and its sign matters, rightly.

    Of none where the result does not tell.
    """
    names = list(session.operation.factors)
    changed = [probe.holding(**{n: by * probe.arrays[n]}) for n in names for by in (2, -1)]
    once, *answers = session.results([probe, *changed]) or [np.zeros(0)]
    with np.errstate(over="ignore"):
        doubled = 2 * once
    # What zeros make of NaN need not be linear, nor what overflows.
    if not once.any() or not np.isfinite(doubled).all():
        return {}
    return {
        name: (
            np.array_equal(twice, doubled),
            not np.array_equal(opposite, once),
            np.array_equal(opposite, -once),
        )
        for name, twice, opposite in zip(names, answers[::2], answers[1::2], strict=True)
    }


def kinds(subject: Subject, case: Case) -> Iterator[Claim]:
    """Yield in which dtypes alone, and on which numbers alone, it is wrong."""
    failed, passed = _parted(subject, [case.in_dtype(dtype) for dtype in subject.asked], "dtype")
    if failed and passed:
        yield Claim(f"wrong only in {' and '.join(failed)}", "is", backing=Backing(dtypes=failed))
    operation = operation_named(case.operation)
    bias = case.geometry.bias
    finite = agreement_fills(operation, bias)
    values = [subject.promise.fill(each, case.dtype) for each in value_fills(operation)]
    special, count = nonfinite_fills(operation, bias), operation.degree + bias
    for fills in (finite, values, special):
        failed, passed = _parted(subject, [replace(case, fill=fill) for fill in fills], "fill")
        if failed:
            break
    implied: tuple[str, ...] = ()
    if not {*failed}.isdisjoint(special[:count]):
        # Others have NaN in the same arguments.
        implied = tuple(fill for fill in special[count:] if fill.startswith("nonfinite"))
        failed = tuple(fill for fill in failed if fill not in implied)
    wrong, right = (" and on ".join(_meanings(each, count)) for each in (failed, passed))
    whole = exact_fills(operation, bias)
    if fills == finite and failed and {*whole} <= {*passed}:
        smaller = "smaller " if case.fill == ROUNDED else ""
        words = f"right on {smaller}integers, wrong on {wrong}"
        yield circumstance(words, backing=Backing(case.dtype, spared=whole))
    elif failed and (fills != finite or (passed and len(failed) <= len(fills) // 2)):
        # Integers of all kinds, and numbers far from 1, have been named.
        named = [
            fill
            for fill in values
            if "integers" in failed or ("scaled" in failed and is_scaled(fill))
        ]
        backing = Backing(case.dtype, fills=(*failed, *named, *implied))
        yield Claim(f"wrong only on {wrong}", "is", backing=backing)
    elif failed and 0 < len(passed) <= 2:
        yield circumstance(f"right on {right}", backing=Backing(case.dtype, spared=passed))


_MEANING = {
    "integers": "integers",
    "rounded": "integers whose sums are rounded",
    "uniform": "real numbers in (-1, 1)",
    "positive": "positive numbers",
    "scaled": "numbers far from 1",
    "shifted": "halves or integers far from 1",
    "tiny": "tiny numbers",
    "wide": "large numbers",
    "samesign": "numbers of one sign",
    "constant": "equal numbers",
    "impulses": "zeros but for two numbers",
    "huge": "huge numbers",
    "subnormal": "subnormal numbers",
    "normal": "the smallest normal numbers",
    "nonfinite": "NaN or infinity",
    "nonfinite-sparse": "NaN or infinity among zeros",
    "nonfinite-all": "NaN in every argument",
    "overflow": "finite numbers whose products overflow",
}


def numbers_of(case: Case) -> str:
    """Return " on " what kind of numbers a case is of, in words; "" where it is of any."""
    if case.fill in ("integers", "small", "sparse", "uniform"):
        return ""
    count = operation_named(case.operation).degree + case.geometry.bias
    return f" on {' and '.join(_meanings([case.fill], count))}"


def _meanings(fills: Iterable[str], count: int) -> Iterator[str]:
    """Yield in words what numbers fills are of, those of several of `count` arrays together."""
    of: dict[str, list[str]] = {}
    for fill in fills:
        kind, _, name = ("", "", fill) if fill in _MEANING else fill.partition("-")
        of.setdefault(kind or fill, []).append(name)
    for kind, names in of.items():
        every = kind in fills or len(names) == count
        yield _MEANING[kind] + ("" if every else f" in {' and '.join(names)}")


def _parted(
    subject: Subject, cases: list[Case], what: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return of what the cases are that fail with some of eight seeds, and those that pass."""
    drawn = [replace(case, seed=case.seed + more) for more in range(8) for case in cases]
    decided = [v for v in judge_all(subject, drawn) if v.outcome in DECIDED]
    bad = {getattr(v.case, what) for v in decided if v.failed}
    good = {getattr(v.case, what) for v in decided} - bad
    kinds = [getattr(case, what) for case in cases]
    return tuple(k for k in kinds if k in bad), tuple(k for k in kinds if k in good)

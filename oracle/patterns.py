"""What is wrong in words, where no mistake of the catalogue gives the same results."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .cases import DTYPES, Case, agreement_fills, nonfinite_fills
from .counts import most_terms
from .judge import judge_all
from .layouts import Array
from .operations import Kernel, operation_named
from .pictures import AXES, Wrong
from .probes import Probe
from .verdicts import DECIDED

ALL = "every element is wrong"


def values(result: Wrong) -> Iterator[str]:
    """Yield what the wrong results have to do with the right ones."""
    got, expected = result.got, result.expected
    wrong = result.wrong
    if not np.isfinite(got[wrong]).all() and np.isfinite(expected).all():
        yield "NaN or infinity comes from nowhere"
        return
    if not np.isfinite(expected).all():
        return
    if not got.any():
        yield "the result is zero everywhere"
        return
    if not got[wrong].any():
        yield "what is wrong is zero"
        return
    used = expected != 0
    if used.sum() > 1:
        with np.errstate(all="ignore"):
            ratios = got[used] / expected[used]
        constant = np.ptp(ratios) <= 1e-3 * abs(ratios[0]) < np.inf
        if constant and abs(ratios[0] - 1) > 0.01 and (got[~used] == 0).all():
            yield f"the result is {float(np.median(ratios)):.4g} times what it should be"
            return
    off = (got - expected)[wrong]
    if off.size > 1 and np.ptp(off) <= 1e-6 * abs(off[0]):
        yield f"what is wrong is off by {off[0]:.6g}"
    elif wrong.any() and (got == -expected)[wrong].all():
        yield "what is wrong has the wrong sign"
    elif (np.sort(got, axis=None) == np.sort(expected, axis=None)).all():
        yield "the results are right but in the wrong places"


def places(result: Wrong) -> Iterator[str]:
    """Yield where the wrong elements are, an axis that they fill only partly at a time."""
    axes = result.operation.result
    parts = []
    for place, axis in enumerate(axes):
        others = tuple(other for other in range(len(axes)) if other != place)
        wrong = np.asarray(result.wrong.any(axis=others))
        if not wrong.all():
            noun = AXES[axis] if axes[0] != "b" or place < 3 else "channel"
            parts.append(_members(noun, np.flatnonzero(wrong), len(wrong)))
    if parts:
        yield f"wrong only in {', '.join(parts)}"
    elif result.wrong.all():
        yield ALL
    else:
        yield f"{int(result.wrong.sum())} of {result.wrong.size} elements are wrong, all over it"


def _members(noun: str, members: Array, length: int) -> str:
    first, last = int(members[0]), int(members[-1])
    several = f"{noun}s" if not noun.startswith("channel ") else noun.replace("channel", "channels")
    if len(members) == 1:
        return f"the last {noun}" if first == length - 1 else f"{noun} {first}"
    if last - first + 1 == len(members):
        if last == length - 1:
            return f"{several} from {first} on"
        return f"{several} {first} to {last}"
    if first in (0, 1) and np.array_equal(members, np.arange(first, length, 2)):
        return f"every second of the {several}, from {first} on"
    if len(members) == 2 and (first, last) == (0, length - 1):
        return f"the first and the last of the {several}"
    listed = ", ".join(str(int(member)) for member in members[:6])
    return f"{several} {listed}{', ...' if len(members) > 6 else ''}"


def rounding(result: Wrong, case: Case, magnitude: Array) -> Iterator[str]:
    """Yield the precision that the errors look like, if they look like rounding."""
    used = magnitude > 0
    if not (np.isfinite(result.got).all() and np.isfinite(magnitude).all() and used.any()):
        return
    error = float(np.max(np.abs(result.got - result.expected)[used] / magnitude[used]))
    terms = max(most_terms(result.operation, case.geometry), 1)
    for name, unit in (("float32", 2.0**-24), ("TF32 or float16", 2.0**-11), ("bfloat16", 2.0**-8)):
        if 0 < error <= 2 * unit * np.sqrt(terms) and name != case.dtype:
            yield f"errors are small, as of {name} inside: {error:.2g} of the sum of magnitudes"
            return
    if 0 < error < 2.0**-6:
        yield f"errors are small, at most {error:.2g} of the sum of magnitudes"


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
    "positive": "numbers of one sign",
    "scaled": "numbers far from 1",
    "tiny": "tiny numbers",
}


def kinds(kernel: Kernel, case: Case) -> Iterator[str]:
    """Yield in which dtypes alone, and on which numbers alone, it is wrong."""
    dtypes = [replace(case, dtype=dtype) for dtype in DTYPES]
    failed, passed = _split(kernel, dtypes)
    if failed and passed:
        yield f"wrong only in {' and '.join(each.dtype for each in failed)}"
    operation = operation_named(case.operation)
    *factors, among_zeros = nonfinite_fills(operation)
    for fills in (agreement_fills(operation), (*factors,), (among_zeros,)):
        failed, passed = _split(kernel, [replace(case, fill=fill) for fill in fills])
        if failed:
            break
    text = [_MEANING.get(each.fill, _wide(each.fill)) for each in failed]
    finite = fills == agreement_fills(operation)
    if text and (not finite or (passed and len(text) <= len(fills) // 2)):
        yield f"wrong only on {' and on '.join(text)}"
    elif failed and 0 < len(passed) <= 2:
        right = [_MEANING.get(each.fill, _wide(each.fill)) for each in passed]
        yield f"right on {' and on '.join(right)}"


def _wide(fill: str) -> str:
    kind, _, name = fill.partition("-")
    if kind == "wide":
        return f"large numbers in {name}"
    return "NaN or infinity among zeros" if name == "sparse" else f"NaN or infinity in {name}"


def _split(kernel: Kernel, cases: list[Case]) -> tuple[list[Case], list[Case]]:
    """Return the cases that fail with some of eight seeds, and those that pass: not by chance."""
    drawn = [replace(case, seed=case.seed + more) for more in range(8) for case in cases]
    verdicts = [v for v in judge_all(kernel, drawn) if v.outcome in DECIDED]
    failed = {(v.case.dtype, v.case.fill) for v in verdicts if v.failed}
    passed = {(v.case.dtype, v.case.fill) for v in verdicts} - failed
    kinds = [(case, (case.dtype, case.fill)) for case in cases]
    return (
        [case for case, kind in kinds if kind in failed],
        [case for case, kind in kinds if kind in passed],
    )

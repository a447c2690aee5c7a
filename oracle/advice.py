"""Declarations that would make a failing kernel right: what it may be, and has not said."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .calls import MisbehaviourError
from .cases import DTYPES
from .judge import judge, limits_of
from .promises import DIRECT, Promise, promise_of
from .session import Asked, Session
from .verdicts import Verdict

_PROMISES = {
    Promise(subnormals="flushed"): "it takes subnormal numbers for zero",
    Promise(accuracy="normwise"): "it is a Winograd or FFT kernel",
    Promise(sums="float32"): "it sums in float32",
    Promise(sums="float16"): "it sums in float16",
}
"""those that allow less before those that allow more"""
_SMALL = 2.0**-6
"""error as a share of the products' magnitudes from which on no promise is the reason"""


def advice(session: Session, focus: Asked, tried: Sequence[Verdict]) -> Iterator[str]:
    """Yield declarations with which all that was tried would be right, and what they say."""
    wrong = [focus, *session.answers(each for each in tried if each.failed)]
    if promise_of(session.kernel) is DIRECT:
        for promise, words in _PROMISES.items():
            if all(_allowed(each, promise) for each in wrong):
                yield f"{promise}, if {words}: all wrong results are as near as that allows"
                break
    if isinstance(focus.answer, MisbehaviourError):
        yield from _dtypes(session, focus)


def _allowed(asked: Asked, promise: Promise) -> bool:
    """Return whether a result is as near as a promise asks."""
    case, answer, expected = asked.probe.case, asked.answer, asked.probe.expected
    if asked.right:
        return True
    if isinstance(answer, MisbehaviourError) or answer.shape != expected.shape:
        return False
    if case.mode == "nonfinite" or not np.isfinite(answer).all():
        return False
    limits = limits_of(promise, case, asked.probe.arrays)
    if limits is None:
        return False
    error = np.abs(answer.astype(np.float64) - expected)
    most = limits.error if promise.flushes else np.minimum(limits.error, _SMALL * limits.magnitude)
    return bool((error <= most).all())


def _dtypes(session: Session, focus: Asked) -> Iterator[str]:
    """Yield that a kernel may not take a dtype, where it raises in that alone."""
    case = focus.probe.case
    if not str(focus.answer).startswith("raised "):
        return
    verdicts = {
        dtype: judge(session.kernel, replace(case, dtype=dtype, fill="integers"))
        for dtype in DTYPES
    }
    bad = [dtype for dtype, verdict in verdicts.items() if verdict.failed]
    good = [dtype for dtype in DTYPES if dtype not in bad]
    if good and case.dtype in bad and all(verdicts[d].reason.startswith("raised ") for d in bad):
        yield f"dtypes={'+'.join(good)}, if it takes no {' and no '.join(bad)}"

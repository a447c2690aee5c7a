"""What each filter tap acts as, by impulse response."""

import numpy as np

from convcheck.form.layouts import Array

from .answers import Asked
from .probes import Probe
from .session import Session

_MOST = 49
_FEW = 8
"""results that may be equal by chance"""

Acts = list[list[int | None]]


def acting(session: Session, focus: Asked) -> Acts | None:
    """Return the number of the tap that each acts as: 0 if it is none, None if no single one.

    None altogether if each acts as itself, or that cannot be told.
    """
    operation, probe = session.operation, focus.probe.linear
    height, width = operation.shape(probe.case.geometry, "hw")
    if operation.filter is None and not operation.returns_filter:
        return None
    if not 1 < height * width <= _MOST or probe.case.mode == "nonfinite":
        return None
    found = None
    if not operation.returns_filter:
        found = _of_argument(session, probe, height, width)
    elif focus.result is not None:
        found = _matched(*map(_by_tap, (focus.result.got, focus.result.expected)))
    itself = list(range(1, height * width + 1))
    if found is None or found == itself or all(each is None for each in found):
        return None
    return [found[at : at + width] for at in range(0, len(found), width)]


def _by_tap(ftr: Array) -> Array:
    i, h, w, o = ftr.shape
    return ftr.transpose(1, 2, 0, 3).reshape(h * w, i, o)


def _of_argument(
    session: Session, probe: Probe, height: int, width: int
) -> list[int | None] | None:
    """Return what each tap acts as, by results that only it enters.

    Where these are few, numbers that happen to be equal would tell of a tap that has no part in
    them: so the other arguments are in other orders, too.
    """
    name = session.operation.filter
    assert name is not None, "what returns no filter takes one"  # noqa: S101
    few = probe.expected.size < _FEW
    singles = [
        _single(probe.arrays[name], row, column) for row in range(height) for column in range(width)
    ]
    got, expected = [], []
    for shift in (0, 1, 2, 3) if few else (0,):
        others = {
            other: np.roll(array, shift)
            for other, array in probe.arrays.items()
            if other != name and array.ndim == probe.arrays[name].ndim
        }
        probes = [probe.holding(**others, **{name: single}) for single in singles]
        results = session.results(probes)
        if results is None or any(each.shape != probe.expected.shape for each in results):
            return None
        got.append(np.stack(results).astype(np.float64))
        expected.append(np.stack([each.expected for each in probes]))
    return _matched(np.stack(got, axis=1), np.stack(expected, axis=1))


def _single(array: Array, row: int, column: int) -> Array:
    single = np.zeros_like(array)
    single[:, row, column] = array[:, 0, 0]  # the same channels whatever the tap
    return single


def _matched(got: Array, expected: Array) -> list[int | None]:
    """Return for each of `got` the number of the one in `expected` that it equals."""
    found: list[int | None] = []
    for own, each in enumerate(got):
        itself = np.array_equal(each, expected[own])
        equal = (n + 1 for n in range(len(expected)) if np.array_equal(each, expected[n]))
        found.append(own + 1 if itself else next(equal, None) if each.any() else 0)
    return found


def words(acts: Acts) -> str | None:
    """Return what the taps act as, in words."""
    flat = [each for row in acts for each in row]

    def place(tap: int) -> str:
        return f"({tap // len(acts[0])}, {tap % len(acts[0])})"

    lost = [n for n, each in enumerate(flat) if each == 0]
    if len(lost) == len(flat):
        return None
    if lost and all(each == n + 1 for n, each in enumerate(flat) if n not in lost):
        places = ", ".join(map(place, lost[:6]))
        return f"filter tap{'s' if len(lost) > 1 else ''} {places} left out"
    moved = [(n, each - 1) for n, each in enumerate(flat) if each and each != n + 1]
    if not moved:
        return None
    shown = ", ".join(f"{place(n)} as {place(other)}" for n, other in moved[:4])
    return f"filter taps act as others: {shown}{', ...' if len(moved) > 4 else ''}"

"""Where the time goes: seconds spent in the kernel, the oracle, and on bounds.

It is read twice a phase, for less than 1% of the time of the smallest cases.
"""

import time


class Phase:
    """A context in which time counts as one phase's; phases do not nest."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._entered = 0.0

    def __enter__(self) -> None:
        self._entered = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._entered


KERNEL, ORACLE, BOUNDS = Phase(), Phase(), Phase()
PHASES = {"kernel": KERNEL, "oracle": ORACLE, "bounds": BOUNDS}


def take() -> dict[str, float]:
    """Return the seconds spent in each phase since the last time, and begin anew."""
    spent = {name: phase.seconds for name, phase in PHASES.items()}
    for phase in PHASES.values():
        phase.seconds = 0.0
    return spent

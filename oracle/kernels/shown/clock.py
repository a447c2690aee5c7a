"""Where the time goes: seconds spent in the kernel, the oracle, and on bounds; and other threads.

It is read twice a phase, for less than 1% of the time of the smallest cases.
"""

import time
from pathlib import Path

# Part of the CPU time that counts: what else runs beside a kernel takes less.
_PART = 0.1
# Links to a folder with one folder in it.
_ALONE = 3


class Phase:
    """A context in which time counts as one phase's; phases do not nest."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._entered = 0.0

    def __enter__(self) -> None:
        self._entered = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._entered


class Threads:
    """Whether other threads work in this process than the one that asks."""

    def __init__(self) -> None:
        self._before = time.process_time(), time.thread_time()

    def worked(self) -> bool:
        """Return whether they have taken a part of the CPU time since this was last asked."""
        before, self._before = self._before, (time.process_time(), time.thread_time())
        process, own = (now - then for now, then in zip(self._before, before, strict=True))
        return process - own > _PART * process

    def there(self) -> bool:
        """Return whether they have, or wait to, where the system tells of such."""
        try:
            return self.worked() or Path("/proc/self/task").stat().st_nlink > _ALONE
        except OSError:
            return False


KERNEL, ORACLE, BOUNDS = Phase(), Phase(), Phase()
PHASES = {"kernel": KERNEL, "oracle": ORACLE, "bounds": BOUNDS}


def take() -> dict[str, float]:
    """Return the seconds spent in each phase since the last time, and begin anew."""
    spent = {name: phase.seconds for name, phase in PHASES.items()}
    for phase in PHASES.values():
        phase.seconds = 0.0
    return spent

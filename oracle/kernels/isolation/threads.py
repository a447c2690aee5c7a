"""How many threads a kernel's process is given: those that its user has set, or the machine's."""

import os

ASKED = "--threads"
_READ = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""what libraries learn it from, the first of which is the user's word"""


def given(asked: int | None = None) -> tuple[int, str]:
    """Return how many threads a process is given, and in words who says so.

    Args:
        asked: how many it is to have, where that is said.
    """
    if asked is not None:
        return asked, ASKED
    first, _, _ = os.environ.get(_READ[0], "").partition(",")  # of nested regions the outer one
    if first.strip().isdecimal() and int(first) > 0:
        return int(first), _READ[0]
    # Not on every system.
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return len(cores), "the machine's cores"


def variables(asked: int | None = None) -> dict[str, str]:
    """Return the variables of the environment that give a process its threads.

    What the user has set stays, but for what is `asked`.  NumPy's own BLAS is left one thread: its
    threads start when it is imported, keep the process from being forked, and wait spinning (on two
    busy cores a product took ten times the CPU).
    Threads of OpenMP wait asleep: many calls are small, and other workers want the cores.

    Args:
        asked: as for `given`.
    """
    number, _ = given(asked)
    told = dict.fromkeys(_READ, str(number))
    others = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    new = {name: value for name, value in (told | others).items() if name not in os.environ}
    return new if asked is None else new | told

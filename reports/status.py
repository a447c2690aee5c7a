"""Exit statuses: the same from every command, so that CI can act on them.

A run beside a user's own tests keeps pytest's, of which the first four mean about the same.
"""

from . import findings

CONFORMS = 0
FAILS = 1
INTERRUPTED = 2
BROKEN = 3  # convcheck itself failed: a report that could not be written, or a fault of its own
WRONG_COMMAND = 4
INCOMPLETE = 4  # parts are missing, or nothing was decided


def status_of(verdict: str, *, part: bool = False) -> int:
    """Return the exit status that a verdict stands for.

    Args:
        verdict: of a report.
        part: whether a part of all tests is what was asked for.
    """
    if verdict == findings.CONFORMS or (part and verdict == findings.SO_FAR):
        return CONFORMS
    return FAILS if verdict == findings.FAILS else INCOMPLETE

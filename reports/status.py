"""Verdicts in a word, the exit status that each stands for, and what goes wrong with reports.

They are the same from every command.

A run beside a user's own tests keeps pytest's exit status; of its first four the meaning is alike.
Imported in every run of pytest, so that it imports nothing heavy.
"""

from enum import IntEnum

CONFORMS = "conforms"
SO_FAR = "conforms so far"  # in what was run, which was not all there is
FAILS = "does not conform"
INCOMPLETE = "incomplete"
UNDECIDED = "nothing decided"


class Exit(IntEnum):
    """How a command ended."""

    CONFORMS = 0
    FAILS = 1
    INTERRUPTED = 2
    BROKEN = 3
    """convcheck itself failed: an error of its own, or a report that could not be written"""
    INCOMPLETE = 4
    """the command was wrong, parts are missing, or nothing was decided"""


def status_of(verdict: str, *, part: bool = False) -> Exit:
    """Return the exit status of a verdict; `part`, if no more than a part was asked for."""
    if verdict == CONFORMS or (part and verdict == SO_FAR):
        return Exit.CONFORMS
    return Exit.FAILS if verdict == FAILS else Exit.INCOMPLETE


class ReportError(ValueError):
    """A report cannot be read, written or used; the message is one line."""


class UnwrittenError(ReportError):
    """A report could not be written where it should have been possible, as on a full disk."""


class ContradictionError(ReportError):
    """A document contradicts itself."""

"""What kernels do instead of giving a result, and what they do besides."""

import re
import warnings
from collections.abc import Sequence
from enum import StrEnum

FORWARD_PASS, BACKWARD_PASS = "in its forward pass", "in its backward pass"
"""notes of exceptions: where a layer raised that was asked for a gradient"""


class Misbehaviour(StrEnum):
    """The kinds of what a kernel does instead of giving a result that can be judged."""

    RAISED = "raised"
    DECLINED = "declined"
    """a call that it does not offer, which is no fault"""
    CHANGED = "changed what it should leave"
    """a setting of the process, the form of an argument, or arrays of an earlier call"""
    OVERWROTE = "overwrote an argument"
    RETURNED_SHAPE = "returned another shape"
    RETURNED_NUMBERS = "returned other numbers than real floating ones"
    RETURNED_NO_ARRAY = "returned no array"
    RETURNED_MEMORY = "returned memory that is not its own"
    LEFT_RUNNING = "left too much running"
    GARBLED = "gave no answer that can be read"
    """as a program may, which is started anew then"""
    # What leaves no process to be called again.
    PRINTED = "printed too much"
    TOOK_MEMORY = "took too much memory"
    HUNG = "hung"
    CRASHED = "crashed"
    KILLED = "was killed"
    """which somebody else may have done"""
    ENDED = "ended its process"
    NOT_LOADED = "could not be loaded again"
    NOT_CALLED = "not called any more"
    """no fault of this call's: calls before had ended its process"""
    INTERFERED = "interfered with the judge's pipes"


EXCESSES = frozenset({Misbehaviour.PRINTED, Misbehaviour.TOOK_MEMORY, Misbehaviour.HUNG})
"""what takes its time until it is known"""

_LOST = EXCESSES | {
    *(Misbehaviour.CRASHED, Misbehaviour.KILLED, Misbehaviour.ENDED),
    *(Misbehaviour.NOT_LOADED, Misbehaviour.NOT_CALLED, Misbehaviour.GARBLED),
}


class MisbehaviourError(Exception):
    """A kernel gave no result that could be judged; the message says why.

    What comes behind a colon there is about what was done, such as an exception's message.
    """

    def __init__(self, kind: Misbehaviour, text: str, details: Sequence[str] = ()) -> None:
        """Keep lines on where that was, and what the kernel printed, as `traces` makes them."""
        super().__init__(kind, text, details)
        self.kind, self.text, self.details = kind, text, tuple(details)

    def __str__(self) -> str:
        """Return what the kernel did."""
        return self.text

    @property
    def deed(self) -> str:
        """What the kernel did, without what is about it."""
        return self.text.partition(":")[0]

    @property
    def lost(self) -> bool:
        """Whether it hung, crashed or garbled its answer, so that asking it again leads nowhere."""
        return self.kind in _LOST


class KernelWarning(UserWarning):
    """Something that a candidate did and that is no fault, such as a warning of its own."""


def tell(kernel: object, text: str) -> None:
    """Warn of what a kernel did, also where the user's warnings are errors: it is no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{kernel}: {text}", KernelWarning, stacklevel=3)


def words(error: BaseException) -> str:
    """Return an exception in a few words that do not change from run to run."""
    try:
        text = str(error)[:2000]
    except BaseException:  # noqa: BLE001  (kernels may raise anything, also then)
        text = "a message that cannot be read"
    text = " ".join(re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text).split())
    notes = getattr(error, "__notes__", ())
    where = "".join(f" {each}" for each in (FORWARD_PASS, BACKWARD_PASS) if each in notes)
    return f"{type(error).__name__}{where}: {text[:200] or 'no message'}"

"""How long a kernel is waited for, and when it is not called any more."""

import hashlib
from collections.abc import Mapping

from convcheck.kernels.misbehaviour import EXCESSES, Misbehaviour, MisbehaviourError
from convcheck.kernels.subjects import Request

from .messages import request_bytes

# A kill may come from somebody else, who may strike the same call twice by chance; what ends in
# a kill in so many processes, one after the other, is the kernel's doing.
CALLS = 8
# In one test, a kernel is not called again after so many calls that ended its process, or one
# that took too much time or memory or was answered by what cannot be read.
_PATIENCE = 5
_ENOUGH = EXCESSES | {Misbehaviour.GARBLED}
# Once a kernel has hung, no call waits longer than this.
_SHORT_SECONDS = 1.0


class Patience:
    """What calls have done to processes so far, and what follows for others."""

    def __init__(self, seconds: float, first_seconds: float, names: Mapping[str, str]) -> None:
        """Limit calls, and first ones of a shape, to so much time.

        Names are those by which a user sets `seconds` and `first_seconds`, where that can be.
        """
        self._seconds, self._first_seconds = seconds, first_seconds
        self._names = names
        self._hung = False
        self._ended: dict[bytes, MisbehaviourError] = {}

    def of_another(self, seconds: float | None) -> "Patience":
        """Return what another process of the kernel meets with, in at most so much time a call."""
        shorter = self._seconds if seconds is None else min(seconds, self._seconds)
        own = self._names if seconds is None else {**self._names, "seconds": ""}  # nobody's choice
        another = Patience(shorter, self._first_seconds, own)
        another._hung = self._hung
        return another

    def begin(self) -> None:
        """Begin a test, in which calls are made that ended processes in others."""
        self._ended.clear()

    @property
    def tried(self) -> bool:
        """Whether a call has ended a process."""
        return bool(self._ended)

    @property
    def kills(self) -> int:
        """How many kills make a call the kernel's doing: two where others were."""
        known = any(each.kind is Misbehaviour.KILLED for each in self._ended.values())
        return 2 if known else CALLS

    def note(self, request: Request, problem: MisbehaviourError) -> None:
        """Note that a call has ended a process, or a program."""
        self._ended[_digest(request)] = problem
        self._hung = self._hung or problem.kind is Misbehaviour.HUNG

    def known(self, request: Request) -> MisbehaviourError | None:
        """Return what is to be said of a call without making it."""
        if not self._ended:
            return None
        if _digest(request) in self._ended:
            return self._ended[_digest(request)]
        problems = list(self._ended.values())
        if len(problems) < _PATIENCE and not any(each.kind in _ENOUGH for each in problems):
            return None
        return not_called_after(problems[-1])

    def limit(self, *, first: bool) -> float:
        """Return how many seconds a call may take, the first of its shape or another."""
        if self._hung:
            return min(self._seconds, _SHORT_SECONDS)
        return self._first_seconds if first else self._seconds

    def in_words(self, *, first: bool) -> str:
        """Say that a call did not return, and which limit is to be raised for it.

        It is the same whether a call has hung before or not: that depends on who judged what.
        """
        limit = self._first_seconds if first else self._seconds
        name = self._names.get("first_seconds" if first else "seconds", "")
        text = f"{name}{'' if name.endswith('=') else ' '}{limit:g}" if name else f"{limit:g} s"
        short = min(self._seconds, _SHORT_SECONDS)
        text += f"; once it has hung, {short:g} s" if short < limit else ""
        return f"did not return in time ({text})"


def not_called(why: str) -> MisbehaviourError:
    """Return that a kernel is given up."""
    return MisbehaviourError(Misbehaviour.NOT_CALLED, f"not called any more: {why}")


def not_called_after(problem: MisbehaviourError) -> MisbehaviourError:
    """Return that a kernel is given up in a test, for what a call of it has done."""
    return not_called(f"a call before it in this test {problem}")


def _digest(request: Request) -> bytes:
    return hashlib.sha256(request_bytes([request])).digest()

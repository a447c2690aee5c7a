"""Earlier calls of a kernel: their arrays must not change any more, nor be returned again."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError

# Of every so many calls the last one is remembered: a ring of fewer buffers comes round meanwhile.
_EVERY = (1, 5, 25, 125)
# Of calls with as many bytes there are fewer, of which the result alone is looked at, ever less
# often.
_LARGE, _EVERY_LARGE = 1_000_000, (1, 5)
_LARGEST = 32_000_000


class Earlier:
    """Calls that are over."""

    def __init__(self) -> None:
        self._small, self._large = _Remembered(_EVERY), _Remembered(_EVERY_LARGE)

    def look(self, z: Array, handed: Sequence[Any], *, again: bool) -> MisbehaviourError | None:
        """Remember a call; return what it shares with earlier ones that it should not.

        Args:
            z: its result.
            handed: its arguments.
            again: whether some of them are those of an earlier call.
        """
        problem = None
        arrays = [each for each in handed if isinstance(each, np.ndarray)]
        for past in (*self._small, *self._large):
            if again:
                past.forget(arrays)
            changed = past.changed()
            if z.size and np.may_share_memory(past.result, z):
                text = "returned the memory of an earlier result again"
                problem = MisbehaviourError(Misbehaviour.RETURNED_MEMORY, text)
            elif changed:
                text = f"changed {changed} of an earlier call"
                problem = problem or MisbehaviourError(Misbehaviour.CHANGED, text)
        if z.nbytes + sum(each.nbytes for each in arrays) < _LARGE:
            self._small.add(_Past(z, arrays))
        elif z.nbytes <= _LARGEST:
            self._large.add(_Large(z, []))
        return problem


class _Past:
    """A call that is over."""

    def __init__(self, result: Array, handed: list[Array]) -> None:
        self.result, self._handed = result, handed
        self._bytes = self._read()

    def _read(self) -> list[Any]:
        return [each.tobytes() for each in (self.result, *self._handed)]

    def forget(self, arrays: Iterable[Array]) -> None:
        """Look no more at arguments that are among `arrays`."""
        ids = {id(each) for each in arrays}
        kept = [each for each in self._handed if id(each) not in ids]
        if len(kept) < len(self._handed):
            self._handed, self._bytes = kept, [self._bytes[0], *(a.tobytes() for a in kept)]

    def changed(self) -> str | None:
        """Return what has changed since this was last asked."""
        now = self._read()
        before, self._bytes = self._bytes, now
        if before == now:
            return None
        return "the result" if before[0] != now[0] else "an argument"


class _Large(_Past):
    """A call whose result is large: it is looked at after 1, 2, 4, 8 ... further calls."""

    _age = 0

    def _read(self) -> list[Any]:
        return [zlib.crc32(np.ascontiguousarray(self.result).view(np.uint8).data)]

    def changed(self) -> str | None:
        """Return what has changed since this was last looked at, if it is now."""
        self._age += 1
        return None if self._age & (self._age - 1) else super().changed()


class _Remembered:
    """One call of every so many."""

    def __init__(self, every: Sequence[int]) -> None:
        self._every = every
        self._kept: list[_Past] = []
        self._count = 0

    def __iter__(self) -> Iterator[_Past]:
        return iter(dict.fromkeys(self._kept))

    def add(self, past: _Past) -> None:
        """Remember a call, in the place of earlier ones."""
        kept = self._kept or [past] * len(self._every)
        self._kept = [
            each if self._count % every else past
            for every, each in zip(self._every, kept, strict=True)
        ]
        self._count += 1

"""Numbers to fill arrays with: the raw output of PCG64, and integers made of it."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from convcheck.form.layouts import Array


def integers(raw: Array, largest: int) -> Array:
    """Return non-zero integers in +-`largest`, as float64, from 64-bit raw numbers.

    All are equally likely but for a relative excess of at most 2 * largest / 2**64 of the
    smaller remainders.
    """
    signed = (raw % np.uint64(2 * largest)).view(np.int64)
    signed -= largest
    signed += signed >= 0
    return signed.astype(np.float64)


def pieces(whole: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Cut `whole` into arrays of these shapes, one after another."""
    arrays, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        arrays[name] = whole[start:stop].reshape(shape)
        start = stop
    return arrays


def turned(array: Array) -> Array:
    """Return another array with the same numbers, and the same first half where that can be.

    One whose numbers are all equal is negated.
    """
    flat, half = array.ravel(), array.size // 2
    for other in (np.concatenate([flat[:half], flat[half:][::-1]]), flat[::-1]):
        if (other != flat).any():
            return other.reshape(array.shape)
    return -array


# Seeding takes longer than drawing what most cases need, and many share a seed.
_FIRST = 1024
# Numbers made at a time, and those that it takes longer to pass over than to draw.
_PIECE = 1 << 20
_FAR = 256


@lru_cache(maxsize=256)
def _first_numbers(seed: int | tuple[int, int]) -> Array:
    numbers = np.random.PCG64(seed).random_raw(_FIRST)
    numbers.flags.writeable = False
    return numbers


def alike(seed: int, largest: int, dtype: np.dtype[Any], size: int) -> Array:
    """Return the first integers of a seed, in +-`largest`: `size` of them or more."""
    if size <= _FIRST:
        return _first_integers(seed, largest, dtype)
    raw, found = Raw(seed), np.empty(size, dtype)
    for start in range(0, size, _PIECE):  # of all at a time, float64 would take most memory
        piece = found[start : start + _PIECE]
        piece[...] = integers(raw.draw(piece.shape), largest)
    return found


@lru_cache(maxsize=256)
def _first_integers(seed: int, largest: int, dtype: np.dtype[Any]) -> Array:
    numbers = integers(_first_numbers(seed), largest).astype(dtype, copy=False)
    numbers.flags.writeable = False
    return numbers


def _places(shape: tuple[int, ...], part: tuple[slice, ...]) -> Array:
    """Return where the elements of a part lie in the whole of an array in C order."""
    places = np.zeros((), np.int64)
    for extent, piece in zip(shape, part, strict=True):
        places = places[..., None] * extent + np.arange(*piece.indices(extent))
    return places


class Raw:
    """The raw 64-bit output of PCG64, drawn in pieces."""

    def __init__(self, seed: int, stream: int | None = None) -> None:
        """Start at `seed`; each `stream` is independent of the others and of none."""
        self._seed = seed if stream is None else (seed, stream)
        self._start = 0
        self._bits: np.random.PCG64 | None = None  # made when the first numbers are used up
        self._drawn = 0  # by these

    def draw(self, shape: tuple[int, ...], part: tuple[slice, ...] | None = None) -> Array:
        """Return an array of unsigned 64-bit integers; it may be read-only.

        Of a `part` the others are passed over, and not made.
        """
        start, self._start = self._start, self._start + math.prod(shape)
        if part is not None:
            return self._at(start + _places(shape, part))
        if self._start <= _FIRST:
            return _first_numbers(self._seed)[start : self._start].reshape(shape)
        return self._from(start, self._start - start).reshape(shape)

    def _from(self, start: int, size: int) -> Array:
        """Return so many numbers from a place on, which lies behind what was drawn."""
        if self._bits is None:
            self._bits = np.random.PCG64(self._seed)
        if start > self._drawn:
            self._bits.advance(start - self._drawn)
        self._drawn = start + size
        return self._bits.random_raw(size)

    def _at(self, places: Array) -> Array:
        """Return the numbers at ascending places."""
        flat = places.ravel()
        found = np.empty(flat.size, np.uint64)
        far = (np.diff(flat) > _FAR) | (np.diff(flat // _PIECE) > 0)
        edges = [0, *(np.flatnonzero(far) + 1).tolist(), flat.size]
        for begin, end in pairwise(edges if flat.size else ()):
            first, last = int(flat[begin]), int(flat[end - 1])
            found[begin:end] = self._from(first, last + 1 - first)[flat[begin:end] - first]
        return found.reshape(places.shape)

    def below(self, limit: int) -> int:
        """Return one number from 0 to `limit` - 1."""
        return int(self.draw(())) % limit

    def one_of(self, names: Sequence[str]) -> str:
        """Return one of several names."""
        return names[self.below(len(names))]

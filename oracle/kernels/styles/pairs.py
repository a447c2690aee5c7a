"""Two functions with a cache between them: `conv_forward_naive` and `conv_backward_naive`.

Behind input, filter and bias the forward one takes a table with the integers "stride" and "pad",
or these as arguments whose names begin so.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from .layer import Gradients

FORWARD, BACKWARD = "forward", "backward"


class _OneOfEach(np.ndarray):
    """A bias of four axes, of which float() takes a number, as NumPy's did before 2.4."""

    def __float__(self) -> float:
        return float(self.item())


class Pair:
    """A layer of two functions."""

    def __init__(self, forward: Callable[..., Any], filters: str, *, coursera: bool) -> None:
        """Take the forward function, and find the other where that was written.

        Filters have these axes, a letter each; the course by Coursera has a bias of four axes.

        Raises:
            ValueError: there is none.
        """
        self._forward, self._filters, self._coursera = forward, filters, coursera
        self._backward = counterpart(forward)

    def build(self, ftr: Any, bias: Any, strd: Any, padding: Any = (0,)) -> list[Any]:
        """Return what the forward function takes behind its input."""
        if bias is None:
            bias = np.zeros(ftr.shape[self._filters.index("O")], ftr.dtype)
        numbers = {"stride": strd[0], "pad": padding[0]}
        bias = bias.reshape(1, 1, 1, -1).view(_OneOfEach) if self._coursera else bias
        return [ftr, bias, numbers]

    def forward(self, made: list[Any], x: Any) -> Any:
        """Return the output, and keep the cache."""
        ftr, bias, numbers = made
        own = names_of_numbers(self._forward)
        if own:
            named = {name: numbers[key] for key, name in own.items()}
            found = self._forward(x, ftr, bias, **named)
        else:
            found = self._forward(x, ftr, bias, numbers)
        if not isinstance(found, tuple | list) or len(found) != 2:
            kind = type(found).__name__
            raise TypeError(f"the forward function returned {kind}, expected output and cache")
        out, cache = found
        made.append(cache)
        return _plain(out)

    def backward(self, made: list[Any], delta: Any) -> Gradients:
        """Return the gradients of the last output."""
        found: Gradients = self._backward(delta, made[-1])
        if self._coursera and isinstance(found, tuple | list) and len(found) == 3:
            dx, dw, db = map(_plain, found)
            return dx, dw, db.reshape(-1) if np.shape(db)[:-1] == (1, 1, 1) else db
        return found


def _plain(array: Any) -> Any:
    """Return what was made of the bias as the array that it would be of a plain one."""
    return np.asarray(array) if isinstance(array, _OneOfEach) else array


def counterpart(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backward function that stands where a forward one does.

    Raises:
        ValueError: there is none of that name.
    """
    name = str(getattr(forward, "__name__", ""))
    beside: Mapping[str, Any] = getattr(inspect.unwrap(forward), "__globals__", {})
    found = beside.get(name.replace(FORWARD, BACKWARD)) if FORWARD in name else None
    if not callable(found):
        other = name.replace(FORWARD, BACKWARD) if FORWARD in name else f"one with {BACKWARD!r}"
        raise ValueError(f"beside {name} there is no function {other}")  # noqa: TRY004
    backward: Callable[..., Any] = found
    return backward


@lru_cache(maxsize=64)
def names_of_numbers(forward: Callable[..., Any]) -> Mapping[str, str]:
    """Return by which names a function takes stride and pad; nothing where it takes a table."""
    names = [*inspect.signature(forward).parameters][3:]
    return {key: name for key in ("stride", "pad") for name in names if name.startswith(key)}

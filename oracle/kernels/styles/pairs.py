"""Two functions with a cache between them: `conv_forward_naive` and `conv_backward_naive`.

Behind input, filter and bias the forward one takes a table with the integers "stride" and "pad",
or these as arguments; where it has other names for them, these begin so.  A backward function that
needs more than a cache behind its gradient is handed what the other was, by the same names.
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


class _Numbers(dict[str, Any]):
    """Stride and pad, by all names that begin so."""

    def __missing__(self, key: str) -> Any:
        name = next((name for name in self if str(key).startswith(name)), None)
        if name is None:
            raise KeyError(f"{key}: expected one of {', '.join(self)}, which are what it is handed")
        return self[name]

    def get(self, key: str, default: Any = None) -> Any:
        """Return a number; the default where there is none of that name."""
        try:
            return self[key]
        except KeyError:
            return default


class Pair:
    """A layer of two functions, or of a class that has them as static methods."""

    def __init__(
        self, forward: Callable[..., Any], tensors: str, filters: str, *, coursera: bool
    ) -> None:
        """Take the forward function, and find the other where that was written.

        Arrays have these axes, a letter each; the course by Coursera has a bias of four axes.

        Raises:
            ValueError: there is none.
        """
        self._forward, self._coursera = entrance(forward), coursera
        self._batch, self._out = tensors.index("N"), filters.index("O")
        self._column: bool | None = None
        self._backward = counterpart(forward)
        behind = [*inspect.signature(self._backward).parameters.values()][1:]
        self._given = [each.name for each in behind]
        own = [each for each in behind if each.kind is each.POSITIONAL_OR_KEYWORD]
        self._by_names = sum(each.default is each.empty for each in own) > 1

    def build(self, ftr: Any, bias: Any, strd: Any, padding: Any = (0,)) -> list[Any]:
        """Return what the forward function takes behind its input."""
        if bias is None:
            bias = _of_zeros(ftr.shape[self._out], ftr)
        numbers = _Numbers(stride=strd[0], pad=padding[0])
        bias = bias.reshape(1, 1, 1, -1).view(_OneOfEach) if self._coursera else bias
        return [ftr, bias, numbers]

    def forward(self, made: list[Any], x: Any) -> Any:
        """Return the output, and keep the cache."""
        ftr, bias, numbers = made
        if self._column is None and not self._coursera and isinstance(x, np.ndarray):
            self._column = self._takes_column(x, ftr, numbers)
        found = self._called(x, ftr, bias.reshape(-1, 1) if self._column else bias, numbers)
        if self._by_names:
            made.append(self._handed_again(x, *made))
            return found
        if not isinstance(found, tuple | list) or len(found) != 2:
            kind = type(found).__name__
            raise TypeError(f"the forward function returned {kind}, expected output and cache")
        out, cache = found
        made.append(cache)
        return _plain(out)

    def _handed_again(self, x: Any, ftr: Any, bias: Any, numbers: Any) -> dict[str, Any]:
        """Return what a backward function takes that is handed no cache: what the other was."""
        bias = bias.reshape(-1, 1) if self._column else bias
        names = [*inspect.signature(self._forward).parameters][:4]
        own = dict(zip(names, (x, ftr, bias, numbers), strict=True))
        own |= {name: numbers[key] for key, name in names_of_numbers(self._forward).items()}
        return {name: own[name] for name in self._given if name in own}

    def _called(self, x: Any, ftr: Any, bias: Any, numbers: _Numbers) -> Any:
        own = names_of_numbers(self._forward)
        if not own:
            return self._forward(x, ftr, bias, numbers)
        return self._forward(x, ftr, bias, **{name: numbers[key] for key, name in own.items()})

    def _takes_column(self, x: Any, ftr: Any, numbers: _Numbers) -> bool | None:
        """Return whether it takes a bias as a column alone; None where it takes none of either.

        It is asked for two items and five filters: no other extents of the output are five then.
        """
        x, ftr = _of(2, x, self._batch), _of(5, ftr, self._out)
        for shape in ((5,), (5, 1)):
            try:
                self._called(x.copy(), ftr.copy(), np.ones(shape, x.dtype), _Numbers(numbers))
            except Exception:  # noqa: BLE001, S112  (whatever it does with what it does not take)
                continue
            return shape == (5, 1)
        return None

    def backward(self, made: list[Any], delta: Any) -> Gradients:
        """Return the gradients of the last output."""
        *_, cache = made
        found: Gradients = (
            self._backward(delta, **cache) if self._by_names else self._backward(delta, cache)
        )
        if self._column and isinstance(found, tuple | list) and len(found) == 3:
            dx, dw, db = found
            return dx, dw, db.reshape(-1) if np.shape(db)[1:] == (1,) else db
        if self._coursera and isinstance(found, tuple | list) and len(found) == 3:
            dx, dw, db = map(_plain, found)
            return dx, dw, db.reshape(-1) if np.shape(db)[:-1] == (1, 1, 1) else db
        return found


def _plain(array: Any) -> Any:
    """Return what was made of the bias as the array that it would be of a plain one."""
    return np.asarray(array) if isinstance(array, _OneOfEach) else array


def _of(count: int, array: Any, axis: int) -> Any:
    """Return an array with so many items along an axis."""
    return np.resize(array, (*array.shape[:axis], count, *array.shape[axis + 1 :]))


def _of_zeros(count: int, like: Any) -> Any:
    """Return an array of zeros, of the library and dtype of another."""
    return like.new_zeros(count) if hasattr(like, "new_zeros") else np.zeros(count, like.dtype)


def entrance(found: Callable[..., Any]) -> Callable[..., Any]:
    """Return the forward function of a pair, which a class has as a static method."""
    forward: Callable[..., Any] = getattr(found, FORWARD) if inspect.isclass(found) else found
    return forward


def is_pair(found: type) -> bool:
    """Return whether a class has two functions as static methods, and makes no layers."""
    both = (inspect.getattr_static(found, name, None) for name in (FORWARD, BACKWARD))
    if not all(isinstance(each, staticmethod) for each in both):
        return False
    return len(inspect.signature(entrance(found)).parameters) > 3


def counterpart(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Return the backward function that stands where a forward one does.

    Raises:
        ValueError: there is none of that name.
    """
    if inspect.isclass(forward):
        method: Callable[..., Any] = getattr(forward, BACKWARD)
        return method
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

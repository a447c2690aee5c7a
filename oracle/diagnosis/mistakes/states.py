"""Mistakes of kernels that remember, overwrite, or look at memory instead of arrays."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from convcheck.form.layouts import Array
from convcheck.form.operations import Kernel, Operation

from .form import TwoLayers, one_layer, two_layers
from .slips import Mistake

Wrap = Callable[[Kernel, Operation], Kernel]


def right(operation: Operation) -> Kernel:
    """Return the right kernel."""
    if operation.default_fore is None:
        return one_layer(operation)
    return two_layers(operation, TwoLayers())


def _shapes(positional: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.shape if hasattr(value, "shape") else value for value in positional)


def _key(positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return *_shapes(positional), *keywords.items()


def _cached_result(kernel: Kernel, _: Operation) -> Kernel:
    seen: dict[Any, Array] = {}

    def wrapped(*positional: Any, **keywords: Any) -> Any:
        key = _key(positional, keywords)
        if key not in seen:
            seen[key] = kernel(*positional, **keywords)
        return seen[key].copy()

    return wrapped


def _cached_argument(place: int) -> Wrap:
    """Return the wrapper that keeps the first argument of each shape in a place."""

    def wrap(kernel: Kernel, operation: Operation) -> Kernel:
        seen: dict[Any, Array] = {}
        at = operation.signature.index(list(operation.factors)[place])

        def wrapped(*positional: Any, **keywords: Any) -> Any:
            first = seen.setdefault(positional[at].shape, positional[at].copy())
            return kernel(*positional[:at], first, *positional[at + 1 :], **keywords)

        return wrapped

    return wrap


def _adding(kernel: Kernel, _: Operation) -> Kernel:
    sums: dict[Any, Array] = {}

    def wrapped(*positional: Any, **keywords: Any) -> Any:
        z = kernel(*positional, **keywords)
        sums[z.shape] = z + sums.get(z.shape, 0)
        return sums[z.shape].copy()

    return wrapped


def _late(kernel: Kernel, _: Operation) -> Kernel:
    last: dict[Any, Array] = {}

    def wrapped(*positional: Any, **keywords: Any) -> Any:
        z = kernel(*positional, **keywords)
        before = last.get(z.shape, z)
        last[z.shape] = z.copy()
        return before

    return wrapped


def _overwriting(place: int, change: Callable[[Array], Array]) -> Wrap:
    def wrap(kernel: Kernel, operation: Operation) -> Kernel:
        at = operation.signature.index(list(operation.factors)[place])

        def wrapped(*positional: Any, **keywords: Any) -> Any:
            z = kernel(*positional, **keywords)
            positional[at][...] = change(positional[at])
            return z

        return wrapped

    return wrap


def _in_memory_order(kernel: Kernel, _: Operation) -> Kernel:
    def read(value: Any) -> Any:
        return value.ravel("A").reshape(value.shape) if hasattr(value, "ravel") else value

    return lambda *positional, **keywords: kernel(*map(read, positional), **keywords)


_CACHE = "caches keyed by shape alone"
_WRAPPERS: dict[str, tuple[str, str, Wrap]] = {
    "stale-result": (
        "the first result for these shapes is returned ever after",
        _CACHE,
        _cached_result,
    ),
    "stale-first": (
        "{first} of the first call with its shape is used ever after",
        _CACHE,
        _cached_argument(0),
    ),
    "stale-second": (
        "{second} of the first call with its shape is used ever after",
        "weights packed once: " + _CACHE,
        _cached_argument(1),
    ),
    "accumulates": (
        "results of the same shape add up from call to call",
        "an accumulator that is not reset",
        _adding,
    ),
    "late": (
        "each call returns the result of the last one with its shape",
        "double buffers exchanged",
        _late,
    ),
    "memory-order": (
        "arguments are read in the order of memory: Fortran order is misread",
        "C++ called with a pointer",
        _in_memory_order,
    ),
    "clears-first": (
        "it overwrites {first}",
        "work in place",
        _overwriting(0, np.zeros_like),
    ),
    "clears-second": (
        "it overwrites {second}",
        "work in place",
        _overwriting(1, np.zeros_like),
    ),
}


def of_state(operation: Operation) -> Iterator[Mistake]:
    """Yield the mistakes of state of an operation."""
    first, second, *_ = operation.factors
    for id_, (sentence, known_from, wrap) in _WRAPPERS.items():
        yield Mistake(
            id_,
            operation.name,
            sentence.format(first=first, second=second),
            known_from,
            lambda wrap=wrap: wrap(right(operation), operation),  # type: ignore[misc]
            state=True,
        )

"""Mistakes of kernels that remember, overwrite, or look at memory instead of arrays."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from convcheck.form.layouts import Array
from convcheck.form.operations import Kernel, Operation

from .form import one_layer, two_layers
from .groups import summing
from .slips import Mistake


def right(operation: Operation) -> Kernel:
    """Return the right kernel."""
    if operation.degree == 1:
        return summing()
    return one_layer(operation) if operation.trilinear else two_layers(operation)


# What a kernel becomes: it is given the right one, what it kept of earlier calls, and a call.
Kept = dict[Any, Array]


def _cached_result(right: Kernel, kept: Kept, *positional: Any, **keywords: Any) -> Array:
    given = (*positional, *keywords, *keywords.values())
    key = tuple(getattr(value, "shape", value) for value in given)
    if key not in kept:
        kept[key] = right(*positional, **keywords)
    return kept[key].copy()


def _cached_argument(
    at: int, right: Kernel, kept: Kept, *positional: Any, **keywords: Any
) -> Array:
    first = kept.setdefault(positional[at].shape, positional[at].copy())
    z: Array = right(*positional[:at], first, *positional[at + 1 :], **keywords)
    return z


def _adding(right: Kernel, kept: Kept, *positional: Any, **keywords: Any) -> Array:
    z = right(*positional, **keywords)
    kept[z.shape] = z + kept.get(z.shape, 0)
    return kept[z.shape].copy()


def _late(right: Kernel, kept: Kept, *positional: Any, **keywords: Any) -> Array:
    z: Array = right(*positional, **keywords)
    before = kept.get(z.shape, z)
    kept[z.shape] = z.copy()
    return before


def _clearing(at: int, right: Kernel, _: Kept, *positional: Any, **keywords: Any) -> Array:
    z: Array = right(*positional, **keywords)
    positional[at][...] = 0
    return z


def _in_memory_order(right: Kernel, _: Kept, *positional: Any, **keywords: Any) -> Array:
    read = (v.ravel("A").reshape(v.shape) if hasattr(v, "ravel") else v for v in positional)
    z: Array = right(*read, **keywords)
    return z


def _table(operation: Operation) -> tuple[tuple[str, str, str, Callable[..., Array]], ...]:
    """Return id, sentence, where it is known from, and what the right kernel becomes."""
    first, second, *_ = operation.factors
    one, two = (operation.signature.index(name) for name in (first, second))
    cache = "caches keyed by shape alone"
    # fmt: off
    return (
        ("stale-result", "the first result for these shapes is returned ever after", cache,
            _cached_result),
        ("stale-first", f"{first} of the first call with its shape is used ever after", cache,
            partial(_cached_argument, one)),
        ("stale-second", f"{second} of the first call with its shape is used ever after",
            f"weights packed once: {cache}", partial(_cached_argument, two)),
        ("accumulates", "results of the same shape add up from call to call",
            "an accumulator that is not reset", _adding),
        ("late", "each call returns the result of the last one with its shape",
            "double buffers exchanged", _late),
        ("memory-order", "arguments are read in the order of memory: Fortran order is misread",
            "C++ called with a pointer", _in_memory_order),
        ("clears-first", f"it overwrites {first}", "work in place", partial(_clearing, one)),
        ("clears-second", f"it overwrites {second}", "work in place", partial(_clearing, two)),
    )
    # fmt: on


def _made(become: Callable[..., Array], operation: Operation) -> Kernel:
    return partial(become, right(operation), {})


def of_state(operation: Operation) -> Iterator[Mistake]:
    """Yield the mistakes of state of an operation."""
    for id_, sentence, known_from, become in _table(operation):
        make = partial(_made, become, operation)
        yield Mistake(id_, operation.name, sentence, known_from, make, state=True)

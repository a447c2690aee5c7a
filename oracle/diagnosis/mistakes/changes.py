"""Changes that mistakes have in common: to one argument or the result, to an axis, to windows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation

from .form import Change, Index, Map, Work, windows

NEVER = -(2**30)
"""a place that lies outside of every array"""

Chosen = Callable[[Mapping[str, str]], Iterable[tuple[str, Map]]]
"""of factors and their axes, the names of some, and what becomes of these"""


def on_result(change: Map) -> Change:
    """Return the change to the result."""
    return Change(result=lambda _, z: change(z))


def on_arguments(chosen: Chosen, *, late: bool = False) -> Change:
    """Return the change to the arguments that are `chosen`, maybe once the sizes are known."""

    def changed(work: Work) -> Work:
        for name, change in chosen(work.operation.factors):
            with np.errstate(all="ignore"):
                work = work.with_array(name, change(work.arrays[name]))
        return work

    return Change(late=changed) if late else Change(arguments=changed)


def on_factors(change: Map, *places: int) -> Change:
    """Return the change to the arguments in these places; none stands for all of them."""
    return on_arguments(
        lambda factors: [(n, change) for at, n in enumerate(factors) if at in (places or (0, 1))]
    )


def on_side(axis: str, argument: Map, result: Map | None = None, *, late: bool = False) -> Change:
    """Return the change to the array that has this axis behind its first.

    Args:
        axis: that tells the array: "h" the filter, "H" the wide side, "P" the narrow one.
        argument: what becomes of the array where it is an argument.
        result: what becomes of it where it is the result, if that is another.
        late: whether an argument is changed once the sizes are known.
    """

    def made(operation: Operation) -> Change:
        if operation.result[1] == axis:
            return on_result(result or argument)
        names = [name for name, axes in operation.factors.items() if axes[1] == axis]
        return on_arguments(lambda _: [(name, argument) for name in names], late=late)

    return Change(of=made)


def along(letter: str, change: Callable[[Array, int], Array], which: int = 0) -> Change:
    """Return the change to an argument that has an axis, told where that is.

    Args:
        letter: of the axis.
        change: what becomes of the array.
        which: of the arguments that have the axis, or the last of them.
    """

    def chosen(factors: Mapping[str, str]) -> list[tuple[str, Map]]:
        having = [(name, axes.index(letter)) for name, axes in factors.items() if letter in axes]
        name, axis = having[: which + 1][-1]
        return [(name, lambda array: change(array, axis))]

    return on_arguments(chosen)


def masked(letter: str, mask: Callable[[int], Array]) -> Change:
    """Return the change that keeps only part of an axis, in whatever array has it."""

    def kept(array: Array, axis: int) -> Array:
        places = mask(array.shape[axis]).reshape([-1 if a == axis else 1 for a in range(4)])
        return np.where(places, array, 0).astype(array.dtype)

    return along(letter, kept)


def taken(letter: str, places: Callable[[int], Array], which: int = 0) -> Change:
    """Return the change that takes other parts of an axis, in one of the arrays that have it."""
    return along(letter, lambda array, axis: np.take(array, places(array.shape[axis]), axis), which)


def both(index: Index, extent: Callable[[Span], int] | None = None) -> Change:
    """Return the change to rows and columns alike."""
    change = Change(rows=index, columns=index)
    return change if extent is None else replace(change, extent=extent)


def moved(by: Callable[[Span], int]) -> Index:
    """Return the map that starts elsewhere."""
    return lambda span: windows(span) + by(span)


def without(skipped: Callable[[Span, Array, Array], Array]) -> Index:
    """Return the map without what `skipped` says of step and tap."""

    def index(span: Span) -> Array:
        steps, taps = np.arange(span.steps)[:, None], np.arange(span.taps)
        return np.where(skipped(span, steps, taps), NEVER, windows(span))

    return index


def sliced(span: Span, extent: int, returns: str) -> Array:
    """Return the map of windows that are slices of an array, as NumPy has them meet a filter.

    Where a slice ends early at a single place, an argument's is broadcast over the filter's taps.
    Where it is empty, it counts for nothing beside a single tap, but not as part of a gradient of
    the filter.  What else does not fit the filter raises.

    Args:
        span: steps and taps.
        extent: of the array, in which the first window begins.
        returns: the axis that tells what is computed, as in `Slip`.

    Raises:
        IndexError: a slice does not fit.
    """
    starts, taps = np.arange(span.steps)[:, None] * span.stride, np.arange(span.taps)
    left = -(-np.clip(extent - starts, 0, span.reach) // span.dilation)
    repeated = (left == 1) & (returns != "H")
    nothing = (left == 0) & (span.taps == 1) & (returns != "h")
    if not (repeated | nothing | (left == span.taps)).all():
        raise IndexError(f"{left.min()} places: expected {span.taps}")
    return np.where(nothing, NEVER, starts + np.minimum(taps, left - 1) * span.dilation)


def strided(step: Callable[[Span], int], tap: Callable[[Span], int] = lambda _: 1) -> Index:
    """Return the map with other distances between steps, and taps so many times farther apart."""
    return lambda span: windows(
        span._replace(stride=step(span), dilation=span.dilation * tap(span))
    )


def more(steps: Callable[[Span], int], by: Callable[[Span], int] = lambda _: 0) -> Index:
    """Return the map with more or fewer steps, moved."""
    return lambda span: windows(span._replace(steps=steps(span))) + by(span)

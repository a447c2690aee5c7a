"""Changes that mistakes have in common: to one argument or the result, to an axis, to windows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation

from .form import Change, Index, Map, Work, windows

NEVER = -(2**30)
"""a place that lies outside of every array"""


def on_result(change: Map) -> Change:
    """Return the change to the result."""
    return Change(result=lambda _, z: change(z))


def on_factors(change: Map, *places: int) -> Change:
    """Return the change to the arguments in these places; none stands for all of them."""

    def arguments(work: Work) -> Work:
        names = list(work.operation.factors)
        for name in [names[place] for place in places] or names:
            with np.errstate(all="ignore"):
                work = work.with_array(name, change(work.arrays[name]))
        return work

    return Change(arguments=arguments)


def on_side(axis: str, argument: Map, result: Map | None = None, *, late: bool = False) -> Change:
    """Return the change to the array that has this axis behind its first.

    Args:
        axis: that tells the array: "h" the filter, "H" the wide side, "P" the narrow one.
        argument: what becomes of the array where it is an argument.
        result: what becomes of it where it is the result, if that is another.
        late: whether an argument is changed once the sizes are known.
    """

    def made(operation: Operation) -> Change:
        name = next((n for n, axes in operation.factors.items() if axes[1:2] == axis), None)
        if name is None:
            return on_result(result or argument)

        def changed(work: Work) -> Work:
            return work.with_array(name, argument(work.arrays[name]))

        return Change(late=changed) if late else Change(arguments=changed)

    return Change(of=made)


def along(letter: str, change: Callable[[Array, int], Array], which: int = 0) -> Change:
    """Return the change to an argument that has an axis, told where that is.

    Args:
        letter: of the axis.
        change: what becomes of the array.
        which: of the arguments that have the axis, or the last of them.
    """

    def arguments(work: Work) -> Work:
        having = [(n, axes) for n, axes in work.operation.factors.items() if letter in axes]
        name, axes = having[min(which, len(having) - 1)]
        return work.with_array(name, change(work.arrays[name], axes.index(letter)))

    return Change(arguments=arguments)


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


def strided(step: Callable[[Span], int], tap: Callable[[Span], int] = lambda _: 1) -> Index:
    """Return the map with other distances between steps and between taps."""
    return lambda span: np.add.outer(
        np.arange(span.steps) * step(span), np.arange(span.taps) * tap(span)
    )


def more(steps: Callable[[Span], int], by: Callable[[Span], int] = lambda _: 0) -> Index:
    """Return the map with more or fewer steps, moved."""
    return lambda span: windows(span._replace(steps=steps(span))) + by(span)

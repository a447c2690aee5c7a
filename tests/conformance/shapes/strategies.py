"""Hypothesis strategies for geometries, as `draws` builds them.

Numbers to fill the arrays are not drawn: a case makes them from its seed.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from convcheck.cases.taken import NOTHING, Taken
from convcheck.form.axis import Axis
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation

from . import draws

T = TypeVar("T")

# Hypothesis mixes constants of 100 and more into integers that it found in whatever modules are
# loaded.  There are none so far from zero, so that seeds depend on the run's seed alone.
_FAR = 3**33
seeds = st.integers(_FAR, _FAR + 2**16 - 1).map(lambda drawn: drawn - _FAR)


class _Drawn:
    """Picks by Hypothesis, which looks for simpler ones part by part."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def one_of(self, options: Sequence[T]) -> T:
        return self._draw(st.sampled_from(options))

    def part(self, make: Callable[..., T], *arguments: Any) -> T:
        part: T = self._draw(_PARTS[make](*arguments))
        return part


@st.composite
def _axis(draw: st.DrawFn, kind: str, operation: Operation) -> Axis:
    return draws.axis(_Drawn(draw), kind, operation)


@st.composite
def _with_block_size(draw: st.DrawFn, layer: Geometry, kind: str) -> Geometry:
    return draws.with_block_size(_Drawn(draw), layer, kind)


@st.composite
def _with_parameters(
    draw: st.DrawFn, layer: Geometry, operation: Operation, taken: Taken
) -> Geometry:
    return draws.with_parameters(_Drawn(draw), layer, operation, taken)


_PARTS: dict[Callable[..., Any], Callable[..., Any]] = {
    draws.axis: _axis,
    draws.with_block_size: _with_block_size,
    draws.with_parameters: _with_parameters,
}


@st.composite
def geometries(draw: st.DrawFn, operation: Operation, taken: Taken = NOTHING) -> Geometry:
    """Draw a geometry that `operation` has a meaning on; shrinks to all ones, and no parameters."""
    return draws.geometry(_Drawn(draw), operation, taken)

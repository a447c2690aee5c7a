"""Hypothesis strategies for geometries, built from the output backwards.

Along an axis a number of steps, a number of taps, a stride and a remainder below the
stride determine the extent, so that every draw is valid and nothing is filtered out.
Numbers to fill the arrays are not drawn: a case makes them from its seed.
"""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from convcheck.form.axis import Axis, reaching
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation

# Five geometries in thirteen are of no special kind; the others reach boundaries that
# independent draws would rarely meet.
_KINDS = (
    *["any"] * 5,
    "full filter",
    "1 x 1 filter",
    "1 x 1 input",
    "empty batch",
    "block of channels",
    "block of extents",
    "large filter",
    "large stride",
)

# Fast kernels change their path at block sizes: sizes just below, at and above them.
_BLOCKS = {
    "block of channels": (("channels_in", "channels_out"), (7, 8, 9, 15, 16, 17, 31, 32, 33)),
    "block of extents": (("height", "width"), (31, 32, 33)),  # other draws reach the smaller
}

_BATCHES = (1, 1, 1, 2, 2, 3, 5)

# Hypothesis mixes constants of 100 and more into integers that it found in whatever modules are
# loaded.  There are none so far from zero, so that seeds depend on the run's seed alone.
_FAR = 3**33
seeds = st.integers(_FAR, _FAR + 2**16 - 1).map(lambda drawn: drawn - _FAR)


@st.composite
def _axis(draw: st.DrawFn, kind: str, operation: Operation) -> Axis:
    """Draw an axis; a smaller one where a second layer follows."""
    most = 4 if operation.default_fore is None else 3
    taps = 1 if kind in ("1 x 1 filter", "1 x 1 input") else draw(st.integers(1, most))
    stride = draw(st.integers(1, most + 1))
    if kind == "large filter":
        taps += most
    elif kind == "large stride":
        stride += most
    if kind == "1 x 1 input":
        return Axis(1, taps, stride)
    if kind == "full filter":
        return Axis(taps, taps, stride)
    count = draw(st.integers(1, 2 if kind in _BLOCKS else most))
    remainder = draw(st.integers(0, stride - 1)) if operation.layer.narrows else 0
    return operation.layer.axis(reaching(count, taps, stride, remainder))


@st.composite
def geometries(draw: st.DrawFn, operation: Operation) -> Geometry:
    """Draw a geometry that `operation` has a meaning on; shrinks to all ones."""
    kind = draw(st.sampled_from(_KINDS))
    rows, columns = draw(_axis(kind, operation)), draw(_axis(kind, operation))
    batch = 0 if kind == "empty batch" else draw(st.sampled_from(_BATCHES))
    channels_in, channels_out = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    layer = Geometry(batch, rows, columns, channels_in, channels_out)
    if kind in _BLOCKS:
        layer = draw(_with_block_size(layer, kind))
    if operation.default_fore is None:
        return layer
    outputs = operation.output_extents(layer)
    fore_layer = draw(st.sampled_from(LAYERS))
    fits = fore_layer.narrows
    fore = Fore(
        fore_layer,
        draw(st.integers(1, 4)),
        *(draw(st.integers(1, min(4, extent) if fits else 3)) for extent in outputs),
        *(draw(st.integers(1, 4 if fits else 3)) for _ in outputs),
    )
    return replace(layer, fore=fore)


@st.composite
def _with_block_size(draw: st.DrawFn, layer: Geometry, kind: str) -> Geometry:
    """Give one field of `layer` a size around a block size, and the batch one item."""
    names, sizes = _BLOCKS[kind]
    changed: dict[str, Any] = {draw(st.sampled_from(names)): draw(st.sampled_from(sizes))}
    return layer.resized(batch=1, **changed)

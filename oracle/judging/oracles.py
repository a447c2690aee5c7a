"""Independent oracles for all operations.

Each computes them in its own way, and `cross_check` compares them:

    PyTorch          conv2d, conv_transpose2d and autograd, in float64; it judges kernels
    Python integers  the trilinear form of `operations`, term by term, in integers of
                     unlimited size, of which NumPy only keeps the places
    sliding windows  einsum over windows of the wide side; where that is the result, over
                     windows of the narrow side, zeros put between its elements
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from convcheck.form.axis import Span
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Arrays, Operation, composed

Oracle = Callable[[Operation, Geometry, Arrays], Array]


def pytorch_float64(operation: Operation, geometry: Geometry, arrays: Arrays) -> Array:
    """Return the result that PyTorch computes in float64."""
    return operation.oracle(geometry, arrays)


def python_integers(operation: Operation, geometry: Geometry, arrays: Arrays) -> Array:
    """Return the result computed in Python's integers, then rounded once to float64.

    Raises:
        ValueError: an element of a factor is not an integer.
    """
    factors = {name: _integers(name, each) for name, each in operation.entering(arrays).items()}
    return composed(operation, geometry, factors, _terms).astype(np.float64)


def sliding_windows(
    operation: Operation, geometry: Geometry, arrays: Arrays, dtype: Any = np.float64
) -> Array:
    """Return the result as einsum over sliding windows, in float64 or what `dtype` says."""
    factors = {name: each.astype(dtype) for name, each in operation.entering(arrays).items()}
    return composed(operation, geometry, factors, _windows)


ORACLES: Mapping[str, Oracle] = {
    "PyTorch": pytorch_float64,
    "Python integers": python_integers,
    "sliding windows": sliding_windows,
}


def _integers(name: str, array: Array) -> Array:
    """Return `array` with integers of Python's as its elements."""
    numbers = [float(value) for value in array.ravel().tolist()]
    if not all(value.is_integer() for value in numbers):
        raise ValueError(f"{name}: expected integers alone")
    integers = np.empty(array.size, object)
    integers[:] = [int(value) for value in numbers]
    return integers.reshape(array.shape)


def _terms(operation: Operation, geometry: Geometry, factors: Arrays) -> Array:
    """Return the sums of all terms of the trilinear form; arrays hold Python's integers."""
    result = np.full(operation.shape(geometry, operation.result), 0, object)
    for at in operation.terms(geometry):
        term = 1
        for name, axes in operation.factors.items():
            term *= factors[name][tuple(at[axis] for axis in axes)]
        result[tuple(at[axis] for axis in operation.result)] += term
    return result


def _windows(operation: Operation, geometry: Geometry, factors: Mapping[str, Array]) -> Array:
    """Return a one-layer result: whichever of wide side, filter and narrow side is missing."""
    sides = {axes: factors[name] for name, axes in operation.factors.items()}
    spans = operation.spans(geometry)
    pads = [(span.before, span.after) for span in spans]
    wide = next((axes for axes in sides if "H" in axes), None)
    if wide is not None:
        starts = tuple(slice(0, span.reached - span.reach + 1, span.stride) for span in spans)
        padded = np.pad(sides.pop(wide), ((0, 0), *pads, (0, 0)))
        windows = _view(padded, spans)[:, *starts]
        ((other, factor),) = sides.items()
        subscripts = f"bPQ{wide[-1]}hw,{other}->{operation.result}"
        result: Array = np.einsum(subscripts, windows, factor)
        return result
    narrow, ftr = (next(axes for axes in sides if key in axes) for key in "Ph")
    # Each element of the narrow side reaches `taps` elements of the wide one, a stride apart
    # from its neighbour's: seen from there, the filter comes last tap first.
    batch, *_, channels = sides[narrow].shape
    extents = (span.reached + span.reach - 1 for span in spans)
    spread = np.zeros((batch, *extents, channels), sides[narrow].dtype)
    fed = tuple(slice(span.reach - 1, span.reached, span.stride) for span in spans)
    spread[:, *fed] = sides[narrow]
    flipped = sides[ftr][:, ::-1, ::-1]
    subscripts = f"bHW{narrow[-1]}hw,{ftr}->{operation.result}"
    reached = np.einsum(subscripts, _view(spread, spans), flipped)
    extents = (span.padded for span in spans)
    result = np.zeros((batch, *extents, reached.shape[-1]), reached.dtype)
    result[:, : reached.shape[1], : reached.shape[2]] = reached
    return result[:, *(span.within_padding() for span in spans)]


def _view(array: Array, spans: tuple[Span, Span]) -> Array:
    """View the windows at every place of an array, their taps last."""
    reach = tuple(span.reach for span in spans)
    windows = np.lib.stride_tricks.sliding_window_view(array, reach, axis=(1, 2))
    rows, columns = (slice(None, None, span.dilation) for span in spans)
    return windows[..., rows, columns]

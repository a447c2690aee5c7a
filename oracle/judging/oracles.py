"""Independent oracles for all operations.

Each computes them in its own way, and `cross_check` compares them:

    PyTorch          conv2d, conv_transpose2d and autograd, in float64; it judges kernels
    Python integers  the trilinear form of `operations`, term by term, in integers of
                     unlimited size; no arithmetic of NumPy's
    sliding windows  einsum over windows of the wide side; where that is the result, over
                     windows of the narrow side, zeros put between its elements
    loops            kernels that are handed in
"""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Arrays, Kernel, Operation
from convcheck.kernels.functions import subject_of
from convcheck.kernels.subjects import Call

Oracle = Callable[[Operation, Geometry, Arrays], Array]
_OneLayer = Callable[[Operation, Geometry, Mapping[str, Any]], Any]


def pytorch_float64(operation: Operation, geometry: Geometry, arrays: Arrays) -> Array:
    """Return the result that PyTorch computes in float64."""
    return operation.oracle(geometry, arrays)


def python_integers(operation: Operation, geometry: Geometry, arrays: Arrays) -> Array:
    """Return the result computed in Python's integers, then rounded once to float64.

    Raises:
        ValueError: an element of a factor is not an integer.
    """
    factors = {name: _integers(name, arrays[name]) for name in operation.factors}
    if geometry.fore is None:
        result = _terms(operation, geometry, factors)
    else:
        fore_operation, fore_geometry = back_through(operation, geometry)
        error = _terms(
            fore_operation,
            fore_geometry,
            {"delta": factors["fore_delta"], "ftr": factors["fore_w"]},
        )
        delta = _multiplied(error, factors["d_act"])
        last, layer = own_gradient(operation, geometry)
        result = _terms(last, layer, {"x": factors["x"], "delta": delta})
    shape = operation.shape(geometry, operation.result)
    return np.array(result, np.float64).reshape(shape)


def sliding_windows(
    operation: Operation, geometry: Geometry, arrays: Arrays, dtype: Any = np.float64
) -> Array:
    """Return the result as einsum over sliding windows, in float64 or what `dtype` says."""
    factors = {name: arrays[name].astype(dtype) for name in operation.factors}
    if geometry.fore is None:
        return _windows(operation, geometry, factors)
    fore_operation, fore_geometry = back_through(operation, geometry)
    error = _windows(
        fore_operation, fore_geometry, {"delta": factors["fore_delta"], "ftr": factors["fore_w"]}
    )
    last, layer = own_gradient(operation, geometry)
    return _windows(last, layer, {"x": factors["x"], "delta": error * factors["d_act"]})


def loops(kernels: Mapping[str, Kernel]) -> Oracle:
    """Return the oracle that calls one of `kernels`, each under its operation's name."""

    def oracle(operation: Operation, geometry: Geometry, arrays: Arrays) -> Array:
        shape = operation.shape(geometry, operation.result)
        return subject_of(kernels[operation.name], operation).call(Call(geometry, arrays, shape))

    return oracle


ORACLES: Mapping[str, Oracle] = {
    "PyTorch": pytorch_float64,
    "Python integers": python_integers,
    "sliding windows": sliding_windows,
}


def back_through(operation: Operation, geometry: Geometry) -> tuple[Operation, Geometry]:
    """Return what carries the derivative back through layer l+1."""
    fore = geometry.fore
    assert fore is not None, "only a backward kernel has a layer l+1"  # noqa: S101
    rows, columns = operation.output_extents(geometry)
    return OPERATIONS[f"{fore.layer}_input_gradient"], Geometry(
        geometry.batch,
        *(rows, columns),
        *(geometry.channels_out, fore.channels_out),
        *(fore.filter_height, fore.filter_width),
        *(fore.stride_height, fore.stride_width),
    )


def own_gradient(operation: Operation, geometry: Geometry) -> tuple[Operation, Geometry]:
    """Return what makes layer l's filter gradient of its delta."""
    g = geometry
    return OPERATIONS[f"{operation.layer}_filter_gradient"], Geometry(
        *(g.batch, g.height, g.width, g.channels_in, g.channels_out),
        *(g.filter_height, g.filter_width, g.stride_height, g.stride_width),
    )


def _integers(name: str, array: Array) -> Any:
    """Return `array` as nested lists of integers."""
    if not all(isinstance(value, int) or value.is_integer() for value in array.ravel().tolist()):
        raise ValueError(f"{name}: expected integers alone")

    def convert(nested: Any) -> Any:
        return [convert(each) for each in nested] if isinstance(nested, list) else int(nested)

    return convert(array.tolist())


def _terms(operation: Operation, geometry: Geometry, factors: Mapping[str, Any]) -> Any:
    """Return the sums of all terms of the trilinear form, as nested lists."""
    extents = operation.extents(geometry)
    result = _zeros([extents[axis] for axis in operation.result])
    for indices in product(*(range(extents[axis]) for axis in "bioPQhw")):
        at = dict(zip("bioPQhw", indices, strict=True))
        at["H"] = at["P"] * geometry.stride_height + at["h"]
        at["W"] = at["Q"] * geometry.stride_width + at["w"]
        term = 1
        for name, axes in operation.factors.items():
            term *= _element(factors[name], [at[axis] for axis in axes])
        *most, last = [at[axis] for axis in operation.result]
        _element(result, most)[last] += term
    return result


def _zeros(extents: list[int]) -> Any:
    return [_zeros(extents[1:]) for _ in range(extents[0])] if extents else 0


def _element(nested: Any, index: list[int]) -> Any:
    for i in index:
        nested = nested[i]
    return nested


def _multiplied(a: Any, b: Any) -> Any:
    if isinstance(a, list):
        return [_multiplied(x, y) for x, y in zip(a, b, strict=True)]
    return a * b


def _windows(operation: Operation, geometry: Geometry, factors: Mapping[str, Array]) -> Array:
    """Return a one-layer result: whichever of wide side, filter and narrow side is missing."""
    sides = {axes: factors[name] for name, axes in operation.factors.items()}
    extents = operation.extents(geometry)
    steps = (geometry.stride_height, geometry.stride_width)
    wide = next((axes for axes in sides if "H" in axes), None)
    if wide is not None:
        taps = (extents["h"], extents["w"])
        windows = np.lib.stride_tricks.sliding_window_view(sides.pop(wide), taps, axis=(1, 2))
        windows = windows[:, :: steps[0], :: steps[1]][:, : extents["P"], : extents["Q"]]
        ((other, factor),) = sides.items()
        subscripts = f"bPQ{wide[-1]}hw,{other}->{operation.result}"
        result: Array = np.einsum(subscripts, windows, factor)
        return result
    narrow, ftr = (next(axes for axes in sides if key in axes) for key in "Ph")
    # Each element of the narrow side reaches `taps` elements of the wide one, `step` apart
    # from its neighbour's: seen from there, the filter comes last tap first.
    taps = (extents["h"], extents["w"])
    spans = [
        ((extents[axis] - 1) * step + 1, tap - 1)
        for axis, step, tap in zip("PQ", steps, taps, strict=True)
    ]
    extent = (span + 2 * rim for span, rim in spans)
    spread = np.zeros((extents["b"], *extent, extents[narrow[-1]]), sides[narrow].dtype)
    rows, columns = (
        slice(rim, rim + span, step) for (span, rim), step in zip(spans, steps, strict=True)
    )
    spread[:, rows, columns] = sides[narrow]
    windows = np.lib.stride_tricks.sliding_window_view(spread, taps, axis=(1, 2))
    flipped = sides[ftr][:, ::-1, ::-1]
    reached = np.einsum(f"bHW{narrow[-1]}hw,{ftr}->{operation.result}", windows, flipped)
    result = np.zeros(operation.shape(geometry, operation.result), reached.dtype)
    result[:, : reached.shape[1], : reached.shape[2]] = reached
    return result

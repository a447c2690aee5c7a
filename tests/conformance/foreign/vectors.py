"""Conformance vectors that others wrote: arguments, and the result that they expect.

a .json file    tests of WebNN's conv2d or convTranspose2d, from the web platform tests
`onnx`          the node tests of Conv and ConvTranspose in the package onnx
"""

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from convcheck.form.formats import FORMATS
from convcheck.form.geometry import Geometry
from convcheck.form.layers import FILTER, LAYER_NAMED
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS

from . import ForeignError, nodes
from .layers import onnx_module

ONNX = "onnx"


@dataclass(frozen=True, eq=False)
class Vector:
    """A vector: what it hands over and expects, in the notebook's layouts and its own dtype."""

    name: str
    operation: str
    geometry: Geometry
    dtype: str
    arrays: Mapping[str, Array]
    expected: Array
    ulps: int | None = None
    """how far results may be off by its own rule, in units of the last place"""


class Vectors(NamedTuple):
    """What a source holds."""

    vectors: tuple[Vector, ...]
    left_out: tuple[str, ...]
    """why others are"""


def require_readable(source: str) -> None:
    """Raise ForeignError where nothing can be read from a source, as far as is soon known."""
    if source == ONNX:
        onnx_module()
    else:
        vectors_in(source)


@lru_cache
def vectors_in(source: str) -> Vectors:
    """Return the vectors of a file, or those of `onnx`.

    Raises:
        ForeignError: it cannot be read, or holds no vector.
    """
    try:
        found = [*(_of_nodes() if source == ONNX else _of_webnn(Path(source)))]
    except OSError as error:
        raise ForeignError(f"{source}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        kind = type(error).__name__
        problem = " ".join(f"{kind}: {error}".split())
        raise ForeignError(f"{source}: expected tests of WebNN in JSON: {problem:.200}") from None
    vectors = [each for each in found if isinstance(each, Vector)]
    if not vectors:
        raise ForeignError(f"{source}: expected at least one vector of a convolution")
    return Vectors(tuple(vectors), tuple(each for each in found if isinstance(each, str)))


_WEBNN = {"conv2d": "convolution", "convTranspose2d": "convolution_transpose"}
_FILTERS = {"convolution": "oihw", "convolution_transpose": "iohw"}
"""WebNN's own layouts"""


def _of_webnn(path: Path) -> Iterator[Vector | str]:
    for test in json.loads(path.read_text(encoding="utf-8"))["tests"]:
        graph, name = test["graph"], test["name"]
        operators = graph["operators"]
        if len(operators) != 1 or operators[0]["name"] not in _WEBNN:
            yield f"{name} is of another operator, or of several"
            continue
        try:
            yield _webnn(name, graph, operators[0])
        except ValueError as error:
            yield f"{name}: {error}"


def _webnn(name: str, graph: Mapping[str, Any], operator: Mapping[str, Any]) -> Vector:
    """Return one test; ValueError where it is none of ours."""
    given: dict[str, Any] = {}
    for argument in operator["arguments"]:
        given |= argument
    options = given.get("options", {})
    operation = OPERATIONS[_WEBNN[operator["name"]]]
    layout = {"nchw": "bihw", "nhwc": "bhwi"}[options.get("inputLayout", "nchw")]
    tensors = {"nchw": "bohw", "nhwc": "bhwo"}[options.get("inputLayout", "nchw")]
    filters = options.get("filterLayout", _FILTERS[operation.name])
    inputs = graph["inputs"]
    arrays = {
        "x": _moved(_array(inputs[given["input"]]), layout, "bhwi"),
        "ftr": _moved(_array(inputs[given["filter"]]), filters, FILTER),
    }
    if "bias" in options:
        arrays["bias"] = _array(inputs[options["bias"]])
    (output,) = graph["expectedOutputs"].values()
    expected = _moved(_array(output), tensors, "bhwo")
    batch, height, width, channels_in = arrays["x"].shape
    within, taps = arrays["ftr"].shape[0], arrays["ftr"].shape[1:3]
    groups = options.get("groups", 1)
    out = arrays["ftr"].shape[3] * (1 if operation.layer.narrows else groups)
    top, bottom, left, right = options.get("padding", (0, 0, 0, 0))
    axes = Geometry.of(
        *(batch, height, width, channels_in, out, *taps, *options.get("strides", (1, 1))),
        padding=((top, bottom), (left, right)),
        dilation=tuple(options.get("dilations", (1, 1))),
        groups=groups,
        output_padding=tuple(options.get("outputPadding", (0, 0))),
        bias=int("bias" in options),
    )
    if "outputSizes" in options:
        more = zip(options["outputSizes"], axes.axes, strict=True)
        rows, columns = (_reaching(int(size), axis, operation.name) for size, axis in more)
        axes = axes.resized(output_padding_height=rows, output_padding_width=columns)
    summed = within if operation.layer.narrows else channels_in // groups
    return _vector(name, operation.name, axes, arrays, expected, 2 * math.prod(taps) * summed)


def _reaching(size: int, axis: Any, operation: str) -> int:
    """Return the output padding with which an axis has an output of this size."""
    layer = LAYER_NAMED[operation]
    return size - layer.output_of(layer.span(axis._replace(output_padding=0)))


def _array(found: Mapping[str, Any]) -> Array:
    descriptor, data = found["descriptor"], found["data"]
    kind = FORMATS.get(descriptor["dataType"])
    if kind is None:
        raise ValueError(f"is of {descriptor['dataType']}")
    numbers = np.array(data, np.float64).astype(kind.dtype)
    shape = descriptor.get("shape", descriptor.get("dimensions"))
    return numbers.reshape(shape) if numbers.ndim else np.full(shape, numbers)


def _moved(array: Array, axes: str, order: str) -> Array:
    """Return an array of four axes in another order."""
    return np.ascontiguousarray(array.transpose([*map(axes.index, order)]))


def _of_nodes() -> Iterator[Vector | str]:
    onnx_module()
    with warnings.catch_warnings(action="ignore"):  # all node tests compute when they are imported
        from onnx.backend.test.case import node as home  # noqa: PLC0415

        # What is imported here registers all of its tests; what is collected, one operator's.
        for module in ("conv", "convtranspose"):
            import_module(f"{home.__name__}.{module}")
        cases = {each.name: each for each in home.collect_testcases("Conv")}
    for name, case in cases.items():
        (node, *others), ((inputs, (expected,)), *_) = case.model.graph.node, case.data_sets
        if others or node.op_type not in nodes.OPERATION_OF:
            continue
        try:
            yield _of_node(name, node, inputs, expected)
        except ValueError as error:
            yield f"{name} {error}"


def _of_node(name: str, node: Any, inputs: Sequence[Array], expected: Array) -> Vector:
    """Return one node test; ValueError where it is none of ours."""
    x, ftr, *bias = inputs
    operation = nodes.OPERATION_OF[node.op_type]
    geometry = nodes.geometry_of(node, x.shape, ftr.shape)
    if x.ndim == 3:
        x, ftr, expected = (each[:, :, None] for each in (x, ftr, expected))
    arrays = {
        "x": _moved(x, "bihw", "bhwi"),
        "ftr": _moved(ftr, LAYER_NAMED[operation].torch_filter, FILTER),
    }
    if bias:
        (arrays["bias"],) = bias
    return _vector(name, operation, geometry, arrays, _moved(expected, "bohw", "bhwo"), None)


def _vector(
    name: str,
    operation: str,
    geometry: Geometry,
    arrays: Mapping[str, Array],
    expected: Array,
    ulps: int | None,
) -> Vector:
    """Return a vector whose parts fit together; ValueError where they do not."""
    of = OPERATIONS[operation]
    of.check(geometry)
    shapes = {key: each.shape for key, each in arrays.items()}
    result = of.shape(geometry, of.result)
    if shapes != dict(of.array_shapes(geometry)) or expected.shape != result:
        raise ValueError(f"expects {expected.shape} where {geometry} gives {result}")
    dtypes = {each.dtype.name for each in (*arrays.values(), expected)}
    if len(dtypes) > 1 or not dtypes <= FORMATS.keys():
        raise ValueError(f"is of {', '.join(sorted(dtypes))}")
    return Vector(name, operation, geometry, dtypes.pop(), arrays, expected, ulps)

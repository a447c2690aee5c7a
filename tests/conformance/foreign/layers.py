"""The layers of a user's own network, from an ONNX model or a list of benchdnn's."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from convcheck.conformance.shapes.networks import Layer, once
from convcheck.form.operations import OPERATIONS

from . import ForeignError, benchdnn, nodes
from .nodes import Dims


class Found(NamedTuple):
    """What a file holds."""

    layers: tuple[Layer, ...]
    """those of one geometry as one"""
    left_out: tuple[str, ...]
    """why others are"""


@lru_cache
def layers_in(file: str) -> Found:
    """Return the layers of a file: a model if it is called .onnx, else problems of benchdnn's.

    Raises:
        ForeignError: it cannot be read, or holds no layer.
    """
    path = Path(file)
    try:
        if path.suffix == ".onnx":
            found = [*_in_model(_model(path), path.stem)]
        else:
            text = path.read_text(encoding="utf-8")
            found = [*benchdnn.problems(text, path.stem, transposed="deconv" in path.name)]
        layers = [each for each in found if isinstance(each, Layer)]
        for layer in layers:
            try:
                OPERATIONS[layer.operation].check(layer.geometry)
            except ValueError as error:
                raise ValueError(f"{layer.name}: {error}") from None
    except OSError as error:
        raise ForeignError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise ForeignError(f"{file}: {' '.join(str(error).split())}") from None
    if not layers:
        raise ForeignError(f"{file}: expected at least one layer with one or two spatial axes")
    left_out = tuple(each for each in found if isinstance(each, str))
    return Found(tuple(_told_apart(once(layers))), left_out)


def _told_apart(layers: list[Layer]) -> Iterator[Layer]:
    """Yield the layers, a number behind names that several have."""
    names = Counter(layer.name for layer in layers)
    for number, layer in enumerate(layers, 1):
        several = names[layer.name] > 1
        yield replace(layer, name=f"{layer.name} {number}") if several else layer


def onnx_module() -> Any:
    """Return the package `onnx`; ForeignError where it is not installed."""
    try:
        import onnx  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415  (an extra)
        import onnx.shape_inference  # noqa: PLC0415
    except ImportError:
        raise ForeignError("expected the package onnx: pip install convcheck[onnx]") from None
    return onnx


def _model(path: Path) -> Any:
    onnx = onnx_module()
    try:
        model = onnx.load(str(path), load_external_data=False)
        return onnx.shape_inference.infer_shapes(model)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever protobuf raises: it is no model)
        raise ValueError(f"is no ONNX model that can be read: {error}") from None


def _in_model(model: Any, network: str) -> Iterator[Layer | str]:
    """Yield each Conv and ConvTranspose of a model, or instead of one why it is left out."""
    graph = model.graph
    shapes: dict[str, Dims] = {each.name: tuple(each.dims) for each in graph.initializer}
    for each in (*graph.input, *graph.value_info, *graph.output):
        dims = each.type.tensor_type.shape.dim
        shapes.setdefault(each.name, tuple(dim.dim_value for dim in dims))
    shapes |= _constants(graph)
    for number, node in enumerate(graph.node):
        if node.op_type not in nodes.OPERATION_OF:
            continue
        name = node.name or f"node {number}"
        x, weights = (shapes.get(each, ()) for each in node.input[:2])
        if not (x and all(x[1:]) and weights and all(weights)):
            yield f"{name} has an input or weights of unknown shape"
            continue
        try:
            geometry = nodes.geometry_of(node, (x[0] or 1, *x[1:]), weights)
        except ValueError as error:
            yield f"{name} {error}"
            continue
        yield Layer(network, name, nodes.OPERATION_OF[node.op_type], geometry)


def _constants(graph: Any) -> dict[str, Dims]:
    """Return the dimensions of weights that nodes hold."""
    return {
        node.output[0]: tuple(each.t.dims)
        for node in graph.node
        if node.op_type == "Constant"
        for each in node.attribute
        if each.name == "value"
    }

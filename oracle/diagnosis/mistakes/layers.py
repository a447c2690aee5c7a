"""Mistakes that only the backward kernels can have: between layer l+1 and layer l."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from convcheck.form.layers import LAYERS
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation

from .form import TwoLayers, other_layer, two_layers
from .numbers import NARROWINGS, PRECISION, inside
from .slips import Mistake

_DERIVATIVE = "the chain rule, one factor short"
_LITERAL = "the notebook's own backward kernels"


def _joined(join: Callable[[Array, Array], Array]) -> TwoLayers:
    return TwoLayers(joined=join)


def _given(change: Callable[[dict[str, Any]], dict[str, Any]]) -> TwoLayers:
    return TwoLayers(arguments=change)


def _binary(d_act: Array) -> Array:
    return (d_act > 0).astype(np.float64)


def _positional(values: dict[str, Any]) -> dict[str, Any]:
    """Exchange both layers' strides."""
    return {**values, "strd": values["fore_strd"], "fore_strd": values["strd"]}


def _always(kind: str) -> TwoLayers:
    return TwoLayers(fore_layer=lambda _: kind)


_CHANGES: dict[str, tuple[str, str, TwoLayers]] = {
    "d-act-missing": (
        "the derivative of the activation is missing",
        _DERIVATIVE,
        _joined(lambda e, _: e),
    ),
    "d-act-squared": (
        "the derivative of the activation is applied twice",
        _DERIVATIVE,
        _joined(lambda e, d: e * d * d),
    ),
    "d-act-mask": (
        "of the derivative of the activation only the sign counts, as for ReLU",
        "ReLU taken for granted",
        _joined(lambda e, d: e * _binary(d)),
    ),
    "d-act-absolute": (
        "the derivative of the activation loses its sign",
        _DERIVATIVE,
        _joined(lambda e, d: e * abs(d)),
    ),
    "d-act-added": (
        "the derivative of the activation is added instead of multiplied",
        _DERIVATIVE,
        _joined(lambda e, d: e + d),
    ),
    "d-act-derived": (
        "1 - d_act**2 is taken for the derivative: d_act for tanh's output",
        "activations handed over instead of derivatives",
        _joined(lambda e, d: e * (1 - d * d)),
    ),
    "d-act-sigmoid": (
        "d_act (1 - d_act) is taken for the derivative: d_act for a sigmoid's output",
        "activations handed over instead of derivatives",
        _joined(lambda e, d: e * d * (1 - d)),
    ),
    "d-act-first-item": (
        "the first batch item's derivative of the activation is taken for all",
        "broadcasting over an axis of stride 0",
        _joined(lambda e, d: e * d[:1]),
    ),
    "d-act-first-channel": (
        "the first channel's derivative of the activation is taken for all",
        "broadcasting over an axis of stride 0",
        _joined(lambda e, d: e * d[..., :1]),
    ),
    "d-act-mean": (
        "the derivative of the activation is averaged",
        "one derivative for all",
        _joined(lambda e, d: e * d.mean() if d.size else e),
    ),
    "error-missing": (
        "dL/da is missing: delta is the derivative of the activation alone",
        _DERIVATIVE,
        _joined(lambda _, d: d),
    ),
    "fore-strides-of-own": (
        "the stride of layer l is used for layer l+1, too",
        _LITERAL,
        _given(lambda v: {**v, "fore_strd": v["strd"]}),
    ),
    "strides-of-fore": (
        "the stride of layer l+1 is used for layer l, too",
        _LITERAL,
        _given(lambda v: {**v, "strd": v["fore_strd"]}),
    ),
    "strides-of-layers-exchanged": (
        "the strides of both layers are exchanged",
        _LITERAL,
        _given(_positional),
    ),
    "fore-kind-other": (
        "layer l+1 is taken for the other kind",
        _LITERAL,
        TwoLayers(fore_layer=other_layer),
    ),
    **{
        f"fore-kind-{layer.replace('_', '-')}": (
            f"layer l+1 is always taken for a {layer.replace('_', ' ')}",
            "a keyword that is ignored",
            _always(layer),
        )
        for layer in LAYERS
    },
}


def _inside(operation: Operation, table: Mapping[str, Operation]) -> Iterator[Mistake]:
    """Yield the mistakes of computing in another precision throughout."""
    gradient = table[f"{operation.layer}_filter_gradient"]
    back = table["convolution_input_gradient"]
    for name, (narrow, unit) in NARROWINGS.items():
        change = TwoLayers(
            fore=inside(narrow)(back),
            own=inside(narrow)(gradient),
            joined=lambda e, d, narrow=narrow: narrow(e * narrow(d)),  # type: ignore[misc]
        )
        yield Mistake(
            f"{name.lower()}-throughout",
            operation.name,
            f"it computes in {name} throughout",
            PRECISION,
            lambda change=change: two_layers(operation, change),  # type: ignore[misc]
            unit=unit,
            sums=True,
        )


def of_both_layers(operation: Operation, table: Mapping[str, Operation]) -> Iterator[Mistake]:
    """Yield the mistakes of a backward kernel that lie between its layers."""
    yield from _inside(operation, table)
    for id_, (sentence, known_from, change) in _CHANGES.items():
        yield Mistake(
            id_,
            operation.name,
            sentence,
            known_from,
            lambda change=change: two_layers(operation, change),  # type: ignore[misc]
        )

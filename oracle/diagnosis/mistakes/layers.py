"""Mistakes that only the backward kernels can have: between layer l+1 and layer l."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from convcheck.form.layers import LAYERS, Layer
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation

from .form import Map, TwoLayers, two_layers
from .numbers import NARROWINGS, PRECISION, inside
from .slips import BROADCAST, Mistake

_DERIVATIVE = "the chain rule, one factor short"
_HANDED = "activations handed over instead of derivatives"
_LITERAL = "the notebook's own backward kernels"


def _always(kind: str) -> TwoLayers:
    return TwoLayers(fore_layer=lambda _: kind)


# fmt: off
# A table, laid out by hand: id, sentence, known from, change.

_BETWEEN = (
    ("d-act-missing", "the derivative of the activation is missing", _DERIVATIVE,
        TwoLayers(joined=lambda e, _: e)),
    ("d-act-squared", "the derivative of the activation is applied twice", _DERIVATIVE,
        TwoLayers(joined=lambda e, d: e * d * d)),
    ("d-act-mask", "of the derivative of the activation only the sign counts, as for ReLU",
        "ReLU taken for granted", TwoLayers(joined=lambda e, d: e * (d > 0).astype(np.float64))),
    ("d-act-absolute", "the derivative of the activation loses its sign", _DERIVATIVE,
        TwoLayers(joined=lambda e, d: e * abs(d))),
    ("d-act-added", "the derivative of the activation is added instead of multiplied", _DERIVATIVE,
        TwoLayers(joined=lambda e, d: e + d)),
    ("d-act-derived", "1 - d_act**2 is taken for the derivative: d_act for tanh's output", _HANDED,
        TwoLayers(joined=lambda e, d: e * (1 - d * d))),
    ("d-act-sigmoid",
        "d_act (1 - d_act) is taken for the derivative: d_act for a sigmoid's output", _HANDED,
        TwoLayers(joined=lambda e, d: e * d * (1 - d))),
    ("d-act-first-item", "the first batch item's derivative of the activation is taken for all",
        BROADCAST, TwoLayers(joined=lambda e, d: e * d[:1])),
    ("d-act-first-channel", "the first channel's derivative of the activation is taken for all",
        BROADCAST, TwoLayers(joined=lambda e, d: e * d[..., :1])),
    ("d-act-mean", "the derivative of the activation is averaged", "one derivative for all",
        TwoLayers(joined=lambda e, d: e * d.mean() if d.size else e)),
    ("error-missing", "dL/da is missing: delta is the derivative of the activation alone",
        _DERIVATIVE, TwoLayers(joined=lambda _, d: d)),
    ("fore-strides-of-own", "the stride of layer l is used for layer l+1, too", _LITERAL,
        TwoLayers(arguments=lambda v: {**v, "fore_strd": v["strd"]})),
    ("strides-of-fore", "the stride of layer l+1 is used for layer l, too", _LITERAL,
        TwoLayers(arguments=lambda v: {**v, "strd": v["fore_strd"]})),
    ("strides-of-layers-exchanged", "the strides of both layers are exchanged", _LITERAL,
        TwoLayers(arguments=lambda v: {**v, "strd": v["fore_strd"], "fore_strd": v["strd"]})),
    ("fore-kind-other", "layer l+1 is taken for the other kind", _LITERAL,
        TwoLayers(fore_layer=lambda given: Layer(given).other)),
    *((f"fore-kind-{layer.replace('_', '-')}",
        f"layer l+1 is always taken for a {layer.replace('_', ' ')}", "a keyword that is ignored",
        _always(layer))
        for layer in LAYERS),
)
# fmt: on


def _throughout(narrow: Map) -> TwoLayers:
    """Return the change of a kernel that computes in another precision throughout."""

    def joined(error: Array, d_act: Array) -> Array:
        return narrow(error * narrow(d_act))

    return TwoLayers(fore=inside(narrow), own=inside(narrow), joined=joined)


def of_both_layers(operation: Operation) -> Iterator[Mistake]:
    """Yield the mistakes of a backward kernel that lie between its layers."""
    for name, (narrow, unit) in NARROWINGS.items():
        make = partial(two_layers, operation, _throughout(narrow))
        words = f"it computes in {name} throughout"
        named = f"{name.lower()}-throughout", operation.name, words, PRECISION
        yield Mistake(*named, make, unit=unit, sums=True)
    for id_, sentence, known_from, change in _BETWEEN:
        make = partial(two_layers, operation, change)
        yield Mistake(id_, operation.name, sentence, known_from, make)

"""Kernels that misread a parameter, by name: the operation, and the kernel.

`PLAIN` are wrong wherever the parameter is not at its default; `RARE` only under conditions under
which kernels have been wrong.  Without parameters all are right.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from whole import cut, dilated, padded, with_parameters
from zoo import STYLES, kernels

Array = Any
Kernel = Callable[..., Array]
Wrong = tuple[str, Kernel]

BASE = kernels(STYLES["fused"])
RIGHT = with_parameters(BASE)


class Misreading:
    """A kernel that calls the right one in another way, and has its parameters."""

    def __init__(self, operation: str, wrong: Callable[..., Array]) -> None:
        """Take what is done, which is handed the right kernel first."""
        self.__wrapped__ = RIGHT[operation]  # what takes its parameters is found there
        self.__name__ = "misreading"
        self._wrong = partial(wrong, RIGHT[operation])

    def __call__(self, *given: Any, **parameters: Any) -> Array:
        """Return the wrong result."""
        return self._wrong(*given, **parameters)


def _changed(name: str, change: Callable[[Any], Any]) -> Callable[..., Array]:
    """Return what hands a parameter on otherwise."""

    def wrong(right: Kernel, *given: Any, **parameters: Any) -> Array:
        if name in parameters:
            parameters[name] = change(parameters[name])
        return right(*given, **parameters)

    return wrong


def _without(name: str) -> Callable[..., Array]:
    """Return what takes a parameter, and ignores it."""

    def wrong(right: Kernel, *given: Any, **parameters: Any) -> Array:
        return right(*given, **{key: each for key, each in parameters.items() if key != name})

    return wrong


def _padded_otherwise(mode: str) -> Callable[..., Array]:
    def wrong(right: Kernel, x: Array, *given: Any, padding: Any = None, **rest: Any) -> Array:
        return right(padded(x, padding, mode) if padding else x, *given, **rest)

    return wrong


def _symmetric(right: Kernel, x: Array, ftr: Array, s: Any, **rest: Any) -> Array:
    """Take the padding at the top and left for that of both sides, in a result of its shape."""
    z = right(x, ftr, s, **rest)
    if "padding" in rest:
        rest["padding"] = tuple((before, before) for before, _ in rest["padding"])
        other = right(x, ftr, s, **rest)
        h, w = (min(n, m) for n, m in zip(z.shape[1:3], other.shape[1:3], strict=True))
        z[:, :h, :w] = other[:, :h, :w]
        z[:, h:], z[:, :, w:] = 0, 0
    return z


def _interleaved(right: Kernel, x: Array, *given: Any, groups: int = 1, **rest: Any) -> Array:
    x = x.reshape(*x.shape[:3], -1, groups).swapaxes(3, 4).reshape(x.shape)
    return right(x, *given, groups=groups, **rest)


def _joined_in_turns(right: Kernel, *given: Any, groups: int = 1, **rest: Any) -> Array:
    z = right(*given, groups=groups, **rest)
    return z.reshape(*z.shape[:3], groups, -1).swapaxes(3, 4).reshape(z.shape)


def _first_filter(right: Kernel, x: Array, f: Array, s: Any, groups: int = 1, **rest: Any) -> Array:
    each = f.shape[3] // groups
    return right(x, np.tile(f[..., :each], groups), s, groups=groups, **rest)


def _bias_of_group(
    right: Kernel, *given: Any, groups: int = 1, bias: Any = None, **rest: Any
) -> Array:
    if bias is not None:
        bias = np.tile(bias[: len(bias) // groups], groups)
    return right(*given, groups=groups, bias=bias, **rest)


def _bias_of_taps(right: Kernel, x: Array, f: Array, s: Any, **rest: Any) -> Array:
    if rest.get("bias") is not None:
        rest["bias"] = rest["bias"] * (f.shape[1] * f.shape[2])
    return right(x, f, s, **rest)


def _extended(
    *, sides: Any = lambda q: (0, q), cut_first: bool = False, bias_first: bool = False
) -> Callable[..., Array]:
    """Return one that has output padding on other sides, or does its steps in another order."""

    def wrong(
        right: Kernel, x: Array, f: Array, s: Any, *, output_padding: Any = (0, 0), **rest: Any
    ) -> Array:
        pads, bias = rest.pop("padding", ((0, 0), (0, 0))), rest.pop("bias", None)
        bias = 0 if bias is None else bias
        z = right(x, f, s, **rest) + (bias if bias_first else 0)
        more = tuple(map(sides, output_padding))
        z = padded(cut(z, pads), more) if cut_first else cut(padded(z, more), pads)
        return z + (0 if bias_first else bias)

    return wrong


def _cut_by(stop: Callable[[int, int], int | None]) -> Callable[..., Array]:
    """Return an input gradient that cuts padding off up to where `stop` says."""

    def wrong(
        right: Kernel,
        delta: Array,
        f: Array,
        s: Any,
        shape: Any,
        *,
        padding: Any = None,
        **rest: Any,
    ) -> Array:
        pads = padding or ((0, 0), (0, 0))
        b, h, w, i = shape
        whole = right(delta, f, s, (b, h + sum(pads[0]), w + sum(pads[1]), i), **rest)
        if not padding:
            return whole
        rows, columns = (slice(before, stop(before, after)) for before, after in pads)
        return whole[:, rows, columns]

    return wrong


def _multiplier_in_turns(
    right: Kernel, x: Array, f: Array, s: Any, groups: int = 1, **rest: Any
) -> Array:
    z = right(x, f, s, groups=groups, **rest)
    if groups == x.shape[3] > 1:
        z = z.reshape(*z.shape[:3], groups, -1).swapaxes(3, 4).reshape(z.shape)
    return z


def _where(condition: Callable[[Any], bool], name: str = "padding") -> Callable[..., Array]:
    """Return what is off in one place where a condition holds on a call that has a parameter.

    It is handed arrays, stride, the result, what is given of that parameter, and the others.
    """

    def wrong(right: Kernel, x: Array, f: Array, s: Any, **rest: Any) -> Array:
        z = np.array(right(x, f, s, **rest))
        if name in rest and z.size:
            call = SimpleNamespace(x=x, f=f, s=s, z=z, given=rest[name], rest=rest)
            z[-1:, :1, :1] += condition(call)
        return z

    return wrong


def _any_side(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return whether a test of extent, taps, stride and what is given holds along an axis."""

    def holds(call: Any) -> bool:
        sides = zip(call.x.shape[1:3], call.f.shape[1:3], call.s, call.given, strict=True)
        return any(
            test(SimpleNamespace(n=n, taps=taps, s=s, given=given)) for n, taps, s, given in sides
        )

    return holds


def _beyond(right: Kernel, x: Array, f: Array, s: Any, **rest: Any) -> Array:
    """Read what is next to the input where all windows lie in the padding."""
    pads, dilation = rest.get("padding"), rest.get("dilation", (1, 1))
    z = right(x, f, s, **rest)
    if pads:
        taps = dilated(f, dilation).shape[1:3]
        ends = [
            (steps - 1) * k + t <= before
            for steps, k, t, (before, _) in zip(z.shape[1:3], s, taps, pads, strict=True)
        ]
        if any(ends):
            z = z + x[:, :1, :1].sum(3, keepdims=True)
    return z


def _around(right: Kernel, x: Array, f: Array, s: Any, **rest: Any) -> Array:
    """Read the last windows' input for windows that lie in the padding by more than a column."""
    z = np.array(right(x, f, s, **rest))
    if "padding" in rest and rest["padding"][1][0] > f.shape[2] + 1:
        z[:, :, 0] += z[:, :, -1]
    return z


def _first_item_alone(right: Kernel, x: Array, f: Array, s: Any, **rest: Any) -> Array:
    """Compute the groups of the first batch item, and the first group of the others."""
    z = right(x, f, s, **rest)
    groups = rest.get("groups", 1)
    z[1:, ..., z.shape[3] // groups :] = 0
    return z


def _of(operation: str, wrong: Callable[..., Array]) -> Wrong:
    return operation, Misreading(operation, wrong)


_CONV, _TRANSPOSED = partial(_of, "convolution"), partial(_of, "convolution_transpose")
_DX, _DF = partial(_of, "convolution_input_gradient"), partial(_of, "convolution_filter_gradient")

PLAIN: dict[str, Wrong] = {
    "before and after exchanged": _CONV(
        _changed("padding", lambda pads: tuple(each[::-1] for each in pads))
    ),
    "rows and columns exchanged": _CONV(_changed("padding", lambda pads: pads[::-1])),
    "padding ignored": _CONV(_without("padding")),
    "padding twice": _CONV(
        _changed("padding", lambda pads: tuple((2 * a, 2 * b) for a, b in pads))
    ),
    "edge values": _CONV(_padded_otherwise("edge")),
    "wrapped around": _CONV(_padded_otherwise("wrap")),
    "taken for symmetric": _CONV(_symmetric),
    "padding of a transposed one exchanged": _TRANSPOSED(
        _changed("padding", lambda pads: tuple(each[::-1] for each in pads))
    ),
    "dilation of rows for both": _CONV(_changed("dilation", lambda d: (d[0], d[0]))),
    "dilation exchanged": _DF(_changed("dilation", lambda d: d[::-1])),
    "dilation ignored in a transposed one": _TRANSPOSED(_without("dilation")),
    "groups interleaved": _CONV(_interleaved),
    "outputs of groups in turns": _CONV(_joined_in_turns),
    "filter of the first group": _CONV(_first_filter),
    "depth multiplier in turns": _CONV(_multiplier_in_turns),
    "bias of the first group": _CONV(_bias_of_group),
    "bias for each tap": _CONV(_bias_of_taps),
    "bias ignored": _TRANSPOSED(_without("bias")),
    "output padding at the top": _TRANSPOSED(_extended(sides=lambda q: (q, 0))),
    "no bias in output padding": _TRANSPOSED(_extended(bias_first=True)),
    "output padding of zeros": _TRANSPOSED(_extended(cut_first=True)),
    "cut off by minus the padding": _DX(_cut_by(lambda _, after: -after)),
    "cut off by one": _DX(_cut_by(lambda *_: -1)),
}


def _usual(taps: int, stride: int, pad: int, *, bias: bool) -> Callable[[Any], bool]:
    """Return whether a call is that of a layer, alike on both axes, with a bias or without."""

    def holds(call: Any) -> bool:
        sizes = call.f.shape[1:3], tuple(call.s), tuple(map(tuple, call.rest.get("padding", ())))
        alike = sizes == ((taps, taps), (stride, stride), ((pad, pad), (pad, pad)))
        return alike and (call.rest.get("bias") is not None) is bias

    return holds


def _is_depthwise(call: Any) -> bool:
    """Return whether four groups or more have one channel each, and filters are 3 x 3."""
    return bool(3 < call.given == call.x.shape[3]) and call.f.shape[1:3] == (3, 3)


RARE: dict[str, Wrong] = {
    "a bias where 3 x 3 doubles the extents": _TRANSPOSED(
        _where(
            lambda call: call.given == (1, 1) and _usual(3, 2, 1, bias=True)(call), "output_padding"
        )
    ),
    "a bias where 4 x 4 doubles the extents": _TRANSPOSED(_where(_usual(4, 2, 1, bias=True))),
    "a bias in a column behind 16, where 3 x 3 spreads by 2": _TRANSPOSED(
        _where(
            lambda call: (*call.f.shape[1:3], *call.s, call.z.shape[2]) == (3, 3, 2, 2, 17), "bias"
        )
    ),
    "no bias at 5 x 5": _CONV(_where(_usual(5, 1, 2, bias=False))),
    "a bias at 7 x 7 and stride 2": _CONV(_where(_usual(7, 2, 3, bias=True))),
    "large padding of columns": _CONV(_where(lambda call: call.given[1][0] > 8)),
    "padding beyond the filter": _CONV(_where(_any_side(lambda side: side.given[0] > side.taps))),
    "many channels, unequal padding": _CONV(
        _where(lambda call: call.x.shape[3] > 16 and any(a != b for a, b in call.given))
    ),
    "padding, stride and remainder": _CONV(
        _where(
            _any_side(lambda side: (side.n + sum(side.given) - side.taps) % side.s > 1),
        )
    ),
    "read beside the input": _CONV(_beyond),
    "read around the input": _CONV(_around),
    "dilation beyond the input": _CONV(
        _where(_any_side(lambda side: (side.taps - 1) * side.given + 1 > side.n), "dilation")
    ),
    "stride larger than the dilated filter": _CONV(
        _where(
            _any_side(lambda side: 1 < side.given < (side.taps - 1) * side.given + 1 < side.s),
            "dilation",
        )
    ),
    "groups of the first batch item": _CONV(_first_item_alone),
    "three groups and a bias": _CONV(
        _where(lambda call: call.given == 3 and call.rest.get("bias") is not None, "groups")
    ),
    "output padding larger than the stride": _TRANSPOSED(
        _where(_any_side(lambda side: side.given >= side.s), "output_padding")
    ),
    "groups of more than 15 channels": _CONV(
        _where(lambda call: call.x.shape[3] // call.given > 15, "groups")
    ),
    "33 groups": _CONV(_where(lambda call: call.given > 32, "groups")),
    "depthwise, a column behind 16": _CONV(
        _where(lambda call: _is_depthwise(call) and call.x.shape[2] == 17, "groups")
    ),
}

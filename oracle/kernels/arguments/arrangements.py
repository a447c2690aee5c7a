"""How arguments of the same values may be handed over: in memory, and as which objects.

An arrangement is written KIND for all arrays, or KIND:NAME for the argument of that name, several
joined by a plus.  A kind is one of `KINDS`, or

    copy     a new array in C order, as is every argument that is not named
    held     the array of the call before, changed in place to hold the values
    a name   the very object that another argument is, which stands before it
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from convcheck.form.layouts import Array


class Kind(NamedTuple):
    """A way to hand over an argument."""

    code: str
    """makes it of {0}, which is C-contiguous: the snippet of a failure has the same"""
    words: str
    """what the argument does then"""


_AXES = range(4)
_FIRST = [":, " * axis + ":1" for axis in _AXES]
# Around an array that is a part of a larger one.
_OTHERS = "constant_values=7"

ORDERS = {
    "fortran": Kind("np.array({0}, order='F')", "lies in Fortran order"),
    "last_second": Kind(
        "np.moveaxis(np.moveaxis({0}, 3, 1).copy(), 1, 3)", "lies with its last axis second"
    ),
    "second_last": Kind(
        "np.moveaxis(np.moveaxis({0}, 1, 3).copy(), 3, 1)", "lies with its second axis last"
    ),
}
DIRECTIONS = {"reversed": Kind("np.flip(np.flip({0}).copy())", "lies with negative strides")}
DIRECTIONS |= {
    f"reversed_{axis}": Kind(
        f"np.flip(np.flip({{0}}, {axis}).copy(), {axis})",
        f"lies with a negative stride on axis {axis}",
    )
    for axis in _AXES
}
GAPS = {
    "gapped": Kind("np.repeat({0}, 2, -1)[..., ::2]", "lies with gaps between elements"),
    "cropped": Kind(
        f"np.pad({{0}}, [(0, 0), (1, 1), (1, 1), (0, 0)], {_OTHERS})[:, 1:-1, 1:-1]",
        "is cropped on axes 1 and 2",
    ),
    "sliced": Kind(
        f"np.pad({{0}}, [(0, 0)] * 3 + [(1, 1)], {_OTHERS})[..., 1:-1]", "is cropped on axis 3"
    ),
}
# The values are those that stand first on the axis.
REPEATED = {
    f"repeated_{axis}": Kind(
        f"np.broadcast_to({{0}}[{_FIRST[axis]}], {{0}}.shape)", f"lies with stride 0 on axis {axis}"
    )
    for axis in _AXES
}
CONTIGUOUS = {
    "offset": Kind(
        "np.ndarray({0}.shape, {0}.dtype, bytearray(8) + {0}.tobytes(), 8)",
        "lies at an odd multiple of 8 bytes",
    ),
    "read_only": Kind("np.ndarray({0}.shape, {0}.dtype, {0}.tobytes())", "is read-only"),
}
# Of a pair of strides.
PAIRS = {
    "list": Kind("[*{0}]", "is a list"),
    "int64": Kind("(*map(np.int64, {0}),)", "holds np.int64"),
}
# What no kernel has to take that does not promise it.
TYPES = {
    "byte_order": Kind("{0}.astype({0}.dtype.newbyteorder())", "is in the other byte order"),
    "mixed_dtypes": Kind("{0}.astype(np.float64)", "alone is float64"),
}

IN_MEMORY: Mapping[str, Mapping[str, Kind]] = {
    "lies with its axes in another order": ORDERS,
    "lies with negative strides": DIRECTIONS,
    "lies with gaps": GAPS,
    "lies with a stride of 0": REPEATED,
    "is no new array": CONTIGUOUS,
}
"""those of arrays with four axes, by what they have in common"""
KINDS = {
    name: kind for family in (*IN_MEMORY.values(), PAIRS, TYPES) for name, kind in family.items()
}

REFUSABLE = {
    **dict.fromkeys(("read_only", *REPEATED), "an argument is read-only"),
    "list": "strides are a list",
    "int64": "strides are of np.int64",
}
"""those on which a kernel may raise, in words: compiled code often takes nothing read-only"""

Arrange = Callable[[Any], Any]

ARRANGEMENTS: Mapping[str, Arrange] = {
    name: eval(f"lambda array: {kind.code.format('array')}")  # noqa: S307  (the text above)
    for name, kind in KINDS.items()
}


@lru_cache
def kinds_of(arrangement: str) -> Mapping[str, str]:
    """Return the kind of each argument that an arrangement names; under "" that of all."""
    pairs = (each.partition(":") for each in arrangement.split("+"))
    return {name: kind for kind, _, name in pairs}


def laid_out(array: Array, kind: str, axes: Sequence[int] | None = None) -> Array:
    """Return a copy of `array` that lies in memory as `kind` has it, its axes in an order.

    `axes` is the order of a kernel's own layout; None is the notebook's.
    """
    own = array if axes is None else array.transpose(axes)
    arrange = ARRANGEMENTS.get(kind, np.array)  # as `np.copy`, in half the time
    # Copies keep gaps and orders of axes: `arrange` is handed what has neither.
    copy: Array = arrange(own if own.flags.c_contiguous else own.copy(order="C"))
    if kind in KINDS and kind not in CONTIGUOUS and copy.flags.c_contiguous:
        # On axes of one element: what `np.ascontiguousarray` leaves, libraries refuse.
        copy = np.array(copy)
    return copy if axes is None else copy.transpose(np.argsort(axes))


def valued(
    arrays: Mapping[str, Array],
    arrangement: str,
    axes_of: Callable[[str], Sequence[int] | None],
) -> Mapping[str, Array]:
    """Return C-contiguous arrays with the values that these can have if so arranged."""
    repeated = {
        name: np.ascontiguousarray(laid_out(arrays[name], kind, axes_of(name)))
        for name, kind in kinds_of(arrangement).items()
        if kind in REPEATED
    }
    return {**arrays, **repeated} if repeated else arrays


def in_words(arrangement: str) -> str:
    """Return what is so of the arguments."""
    return " and ".join(
        f"{name or 'every array'} {_in_words(kind)}" for name, kind in kinds_of(arrangement).items()
    )


def _in_words(kind: str) -> str:
    if kind == "held":
        return "is that of the call before, changed in place"
    return KINDS[kind].words if kind in KINDS else f"is the object that is {kind}, too"

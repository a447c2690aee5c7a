"""The literal kernels beside a recording of what the notebook's own text did.

`record_notebook.py` runs the same calls with the functions of the notebook and keeps one
digest per group of calls in `notebook.json`; the notebook itself is not part of this
repository.  Numbers come from the raw output of PCG64.  Floats are real-valued, so that
another order of accumulation shows; complex numbers are small integers, because a
processor may or may not fuse their products.
"""

import hashlib
import inspect
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from convcheck import reference

RECORDING = Path(__file__).with_name("notebook.json")

FORWARD = ("convolution", "convolution_transpose")
BACKWARD = ("conv_back_prop", "conv_transpose_back_prop")
KERNELS = (*FORWARD, *BACKWARD)
FLOATS = ("float16", "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*FLOATS, *INTEGERS, "bool", "complex64", "complex128")
BAD_STRIDES = (
    *((0, 1), (1, 0), (0, 0), (-1, 1), (1, -1), (-2, -3), (1.0, 1), (1, 2.5), (0.5, 1)),
    *((), (1,), (1, 1, 1), 1, None, "11", ("1", 1), [1, 0], [-1, -1], {1: 1, 2: 2}),
    *((np.int64(0), 1), (1, np.int8(-1)), (np.float64(1), 1), np.array([0, 1])),
)


@dataclass(frozen=True)
class Call:
    """One call of a kernel, with names that are bound in its module meanwhile."""

    kernel: str
    arguments: tuple[Any, ...]
    names: Mapping[str, Any] = field(default_factory=dict)

    def outcome(self, kernels: Mapping[str, Any]) -> bytes:
        """Return result or exception, and what the arrays hold afterwards, as bytes."""
        kernel = kernels[self.kernel]
        bound = FunctionType(kernel.__code__, {**kernel.__globals__, **self.names})
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                z = bound(*self.arguments)
                seen = _bytes(z) + bytes([z is self.names.get("z")])
            except Exception as error:  # noqa: BLE001  (any exception is an outcome)
                unbound = error.name if isinstance(error, NameError) else ""
                seen = f"{type(error).__name__} {unbound}".encode()
        handed = (*self.arguments, *self.names.values())
        return seen + b"".join(_bytes(a) for a in handed if isinstance(a, np.ndarray))


def _bytes(z: Any) -> bytes:
    data: bytes = z.tobytes()
    return f"{z.dtype.str} {z.shape} ".encode() + data


class Draw:
    """Numbers and arrays that are the same with every NumPy."""

    def __init__(self, seed: int) -> None:
        self._raw = np.random.PCG64(seed).random_raw

    def of(self, *choices: Any) -> Any:
        """Return one of `choices`."""
        return choices[int(self._raw()) % len(choices)]

    def upto(self, most: int) -> int:
        """Return an integer from 1 to `most`."""
        return int(self._raw()) % most + 1

    def array(self, shape: tuple[int, ...], dtype: str) -> Any:
        """Return a C-contiguous array."""
        raw = self._raw(math.prod(shape)).reshape(shape)
        if dtype in FLOATS:
            return ((raw >> np.uint64(11)) * 2.0**-52 - 1).astype(dtype)
        if dtype.startswith("complex"):
            real, imaginary = (raw % 17).astype(float) - 8, (raw // 17 % 17).astype(float) - 8
            return (real + 1j * imaginary).astype(dtype)
        return (raw % 2 == 0) if dtype == "bool" else raw.astype(dtype)

    def arranged(self, shape: tuple[int, ...], dtype: str, layout: str) -> Any:
        """Return an array of another memory layout."""
        if layout == "fortran":
            return np.asfortranarray(self.array(shape, dtype))
        if layout == "reversed":
            return self.array(shape, dtype)[::-1, ::-1, ::-1, ::-1]
        if layout == "gaps":
            return self.array((*shape[:3], 3 * shape[3]), dtype)[..., ::3]
        axis = self.of(0, 1, 2, 3)
        one = self.array((*shape[:axis], 1, *shape[axis + 1 :]), dtype)
        return np.broadcast_to(one, shape)

    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, int]]:
        """Return shapes of input and filter, which fits, and strides."""
        f_h, f_w, c = self.upto(3), self.upto(4), self.upto(4)
        x = (self.upto(2), f_h - 1 + self.upto(5), f_w - 1 + self.upto(4), c)
        return x, (c, f_h, f_w, self.upto(3)), (self.upto(4), self.upto(3))


def _with_dtypes(kernel: str, dtypes: tuple[str, ...], draw: Draw) -> Iterator[Call]:
    """Draw ordinary calls, each array's dtype one of `dtypes`."""
    for _ in range(45):
        x, ftr, strd = draw.sizes()
        arrays = (draw.array(shape, draw.of(*dtypes)) for shape in (x, ftr))
        yield Call(kernel, (*arrays, strd))


def _with_layout(kernel: str, layout: str, draw: Draw) -> Iterator[Call]:
    for _ in range(45):
        x, ftr, strd = draw.sizes()
        dtype = draw.of(*FLOATS)
        x_, ftr_ = (draw.arranged(shape, dtype, layout) for shape in (x, ftr))
        yield Call(kernel, (x_, draw.of(ftr_, draw.array(ftr, dtype)), strd))


def _sized(kernel: str, change: Callable[[Draw, list[int], list[int]], None], draw: Draw) -> Any:
    """Draw calls whose shapes `change` has altered."""
    for _ in range(45):
        x, ftr, strd = draw.sizes()
        shapes = list(x), list(ftr)
        change(draw, *shapes)
        dtype = draw.of(*DTYPES)
        yield Call(kernel, (*(draw.array(tuple(shape), dtype) for shape in shapes), strd))


def _empty(draw: Draw, x: list[int], ftr: list[int]) -> None:
    for shape in draw.of((x,), (ftr,), (x, ftr)):
        shape[draw.of(0, 1, 2, 3)] = 0


def _channels(draw: Draw, x: list[int], ftr: list[int]) -> None:
    draw.of(x, ftr)[draw.of(3, 0)] += draw.upto(2)


def _large_filter(draw: Draw, x: list[int], ftr: list[int]) -> None:
    axis = draw.of(1, 2)
    ftr[axis] = x[axis] + draw.upto(3)


def _rank(draw: Draw, x: list[int], ftr: list[int]) -> None:
    shape = draw.of(x, ftr)
    shape[:] = draw.of(shape[:0], shape[:2], shape[1:], shape[:3], [*shape, 1])


def _strides(kernel: str, draw: Draw) -> Iterator[Call]:
    for strd in BAD_STRIDES * 2:
        x, ftr, _ = draw.sizes()
        # Filters of one row more than the input too: there the sign of a stride matters.
        ftr = draw.of(ftr, (ftr[0], x[1] + 1, *ftr[2:]))
        yield Call(kernel, (draw.array(x, "float64"), draw.array(ftr, "float64"), strd))


def _stride_types(kernel: str, draw: Draw) -> Iterator[Call]:
    for _ in range(45):
        x, ftr, (h, w) = draw.sizes()
        strd = draw.of([h, w], np.array([h, w]), (np.int8(h), np.uint64(w)), (h > 1, True))
        yield Call(kernel, (draw.array(x, "float32"), draw.array(ftr, "float32"), strd))


def _no_arrays(kernel: str, draw: Draw) -> Iterator[Call]:
    x, ftr, strd = draw.sizes()
    arrays = draw.array(x, "float64"), draw.array(ftr, "float64")
    for other in (None, 1, 2.5, "x", [[[[1]]]], (), np.float64(1), arrays[0].tolist()):
        yield Call(kernel, (other, arrays[1], strd))
        yield Call(kernel, (arrays[0], other, strd))


def _two_layers(
    draw: Draw, kernel: str, dtypes: tuple[str, ...], into: tuple[str, ...]
) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments that fit the notebook's formulas, and names that it left unbound.

    The filter and its gradient have one of the dtypes `into`.
    """
    fore_delta, fore_w, (t_h, t_w) = draw.sizes()
    outs = (fore_delta[1] - fore_w[1]) // t_h + 1, (fore_delta[2] - fore_w[2]) // t_w + 1
    in_ch, f_h, f_w, s_h, s_w = (draw.upto(3) for _ in range(5))
    ftr = (in_ch, f_h, f_w, fore_w[3])
    if kernel == "conv_back_prop":
        h, w = (outs[0] - 1) * s_h + f_h, (outs[1] - 1) * s_w + f_w
    else:
        h, w = max(1, (outs[0] - f_h) // s_h + 1), max(1, (outs[1] - f_w) // s_w + 1)
    x = (fore_delta[0], h, w, in_ch)
    shapes = (fore_delta, fore_w, (fore_delta[0], *outs, fore_w[3]), x, ftr)
    arrays = [draw.array(shape, draw.of(*dtypes)) for shape in shapes[:4]]
    arrays.append(draw.array(ftr, draw.of(*into)))
    names = {"filters": arrays[4], "inputs": draw.array(x, draw.of(*dtypes)), "B": x[0]}
    names |= {"inH": h, "inW": w, "inCH": in_ch, "outCH": ftr[3]}
    names |= {"fH": f_h, "fW": f_w, "sH": s_h, "sW": s_w, "z": draw.array(ftr, draw.of(*into))}
    return [*arrays[:2], (t_h, t_w), *arrays[2:], (s_h, s_w)], names


def _bound(
    kernel: str, dtypes: tuple[str, ...], into: tuple[str, ...], draw: Draw
) -> Iterator[Call]:
    for _ in range(45):
        arguments, names = _two_layers(draw, kernel, dtypes, into)
        yield Call(kernel, tuple(arguments), names)


def _as_they_are(kernel: str, draw: Draw) -> Iterator[Call]:
    for _ in range(40):
        arguments, _ = _two_layers(draw, kernel, DTYPES, DTYPES)
        yield Call(kernel, tuple(arguments))


def _one_unbound(kernel: str, draw: Draw) -> Iterator[Call]:
    for _ in range(6):
        arguments, names = _two_layers(draw, kernel, FLOATS, FLOATS)
        for unbound in names:
            rest = {name: value for name, value in names.items() if name != unbound}
            yield Call(kernel, tuple(arguments), rest)


def _unfit(kernel: str, draw: Draw) -> Iterator[Call]:
    """Draw two-layer calls in which one argument or name does not fit the others."""
    for _ in range(100):
        arguments, names = _two_layers(draw, kernel, FLOATS, FLOATS)
        at, name = draw.of(*range(7)), draw.of(*names)
        other = draw.of(*BAD_STRIDES, draw.array(draw.sizes()[0], "float32"))
        if draw.of(0, 1):
            arguments[at] = other
        else:
            names[name] = draw.of(other, draw.upto(5), np.zeros(draw.sizes()[1], draw.of(*DTYPES)))
        yield Call(kernel, tuple(arguments), names)


def groups() -> dict[str, Callable[[Draw], Iterator[Call]]]:
    """Return the makers of calls by the name of their group."""
    found: dict[str, Callable[[Draw], Iterator[Call]]] = {}
    for k in FORWARD:
        found |= {f"{k} {d}": partial(_with_dtypes, k, (d,)) for d in DTYPES}
        found[f"{k} mixed dtypes"] = partial(_with_dtypes, k, DTYPES)
        for layout in ("fortran", "reversed", "gaps", "broadcast"):
            found[f"{k} {layout}"] = partial(_with_layout, k, layout)
        for change in (_empty, _channels, _large_filter, _rank):
            found[f"{k} {change.__name__[1:]}"] = partial(_sized, k, change)
        for maker in (_strides, _stride_types, _no_arrays):
            found[f"{k} {maker.__name__[1:]}"] = partial(maker, k)
    for k in BACKWARD:
        found |= {f"{k} bound {d}": partial(_bound, k, (d,), (d,)) for d in FLOATS}
        found[f"{k} bound integers"] = partial(_bound, k, INTEGERS, INTEGERS)
        found[f"{k} bound integers to floats"] = partial(_bound, k, (*INTEGERS, "bool"), FLOATS)
        found[f"{k} bound complex"] = partial(_bound, k, DTYPES[-2:], DTYPES[-2:])
        found[f"{k} bound any dtype"] = partial(_bound, k, DTYPES, DTYPES)
        for maker in (_as_they_are, _one_unbound, _unfit):
            found[f"{k} {maker.__name__[1:]}"] = partial(maker, k)
    return found


def calls(group: str, seed: int = 0) -> Iterator[Call]:
    """Return the calls of a group; the recording has those of seed 0."""
    name = hashlib.sha256(f"{group} {seed}".encode()).digest()[:8]
    return groups()[group](Draw(int.from_bytes(name)))


def digest(group: str, kernels: Mapping[str, Any]) -> str:
    """Return number of calls and digest of all outcomes of a group."""
    outcomes = [call.outcome(kernels) for call in calls(group)]
    seen = hashlib.sha256()
    for outcome in outcomes:
        seen.update(hashlib.sha256(outcome).digest())
    return f"{len(outcomes)} {seen.hexdigest()}"


def parameters(kernels: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return names and kinds of the kernels' parameters."""
    signatures = {name: inspect.signature(kernels[name]).parameters for name in KERNELS}
    return {
        name: [f"{p.name} {p.kind.name} {p.default is p.empty}" for p in signature.values()]
        for name, signature in signatures.items()
    }


LITERAL = {name: getattr(reference, name) for name in KERNELS}
RECORDED: dict[str, Any] = json.loads(RECORDING.read_text()) if RECORDING.exists() else {}


@pytest.mark.parametrize("group", groups())
def test_same_bits(group: str) -> None:
    """The literal kernels return or raise what the notebook's text did, bit by bit."""
    assert digest(group, LITERAL) == RECORDED["groups"][group], (
        f"recorded with NumPy {RECORDED['numpy']}, this is {np.__version__}"
    )


def test_same_parameters() -> None:
    """The literal kernels take the notebook's parameters, by the same names and order."""
    assert parameters(LITERAL) == RECORDED["parameters"]


def test_recording_is_complete() -> None:
    """The recording has these groups, no others, and more than 3,000 calls."""
    assert list(RECORDED["groups"]) == list(groups())
    assert sum(int(seen.split()[0]) for seen in RECORDED["groups"].values()) > 3000

"""The judge is judged first: independent oracles must agree before one of them judges."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from convcheck.cases.numbers import Raw, integers
from convcheck.form.counts import counts
from convcheck.form.formats import is_real
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Arrays, Operation
from convcheck.kernels.misbehaviour import MisbehaviourError

from .judge import OracleError
from .oracles import Oracle, python_integers

# Of layer l, and of layer l+1 where there is one: its channels out, filter and stride, fit
# for either kind of both layers.  Among them are remainders, overlap, equal and unequal
# strides and channels, filters of 1 x 1 and as large as the input, strides beyond the filter,
# and several in the batch, in rows and in columns.
_FIXED = (
    ("b1.h1.w1.i1.o1.f1x1.s1x1", "k3.f1x1.s1x1"),
    ("b2.h4.w3.i1.o2.f2x3.s1x1", "k2.f2x1.s2x2"),
    ("b1.h5.w4.i2.o1.f2x1.s2x3", "k1.f2x2.s1x2"),
    ("b2.h3.w4.i2.o2.f3x1.s1x2", "k3.f1x2.s2x1"),
    ("b1.h3.w3.i3.o2.f1x1.s2x1", "k2.f1x2.s1x2"),
    ("b1.h4.w2.i2.o3.f2x2.s3x1", "k1.f1x1.s1x1"),
    ("b1.h5.w6.i2.o2.f3x3.s2x2", "k2.f2x2.s1x1"),
    ("b1.h5.w5.i1.o2.f2x2.s1x1", "k1.f3x3.s2x2"),
)
# The filter of a transposed convolution may be larger than its input.
_TRANSPOSED = (("b2.h1.w1.i2.o1.f2x3.s1x2", "k2.f2x3.s2x1"),)
# Of the parameters, an operation takes those that it has.
_PARAMETERS = (
    "b2.h4.w3.i4.o2.f2x3.s2x1.p1x1.d1x2.g2.q1x1.bias",
    "b1.h3.w2.i2.o4.f2x2.s3x2.p2-0x0-3.d2x1.q2x1.bias",
    "b2.h2.w5.i3.o6.f1x2.s1x2.p1-0x2-1.d1x3.g3",
    "b2.h3.w3.i2.o2.f3x3.s1x1.p1x1.g2",
)
_PADDED = ("b1.h1.w1.i1.o1.f1x1.s1x1.p2x1.bias", "b1.h2.w2.i2.o4.f3x2.s1x2.p3-1x0-2.d1x2.g2")
_LARGEST = 99


def fixed_geometries(operation: Operation) -> Iterable[Geometry]:
    """Yield the geometries that the oracles are checked on."""
    more = () if operation.layer.narrows else _TRANSPOSED
    if operation.parameters:
        narrow = _PADDED if operation.layer.narrows else ()
        yield from map(operation.taking, map(Geometry.parse, (*_PARAMETERS, *narrow)))
    for layer, fore in (*_FIXED, *more):
        if operation.default_fore is None:
            yield Geometry.parse(layer)
        else:
            for kind in LAYERS:
                yield Geometry.parse(f"{layer}+{kind}.{fore}")


def cross_check(oracles: Mapping[str, Oracle], operations: Iterable[Operation]) -> None:
    """Check that all oracles agree, exactly, on a small fixed set of geometries.

    Raises:
        OracleError: they do not; the message names the one that differs from the others,
            if these agree among themselves, and the case.
    """
    for operation in operations:
        for geometry in fixed_geometries(operation):
            answers = {
                name: _answer(oracle, operation, geometry, _arrays(operation, geometry))
                for name, oracle in oracles.items()
            }
            _compare(answers, f"{operation.name} on {geometry}")
            ones = {name: np.ones_like(a) for name, a in _arrays(operation, geometry).items()}
            counted = counts(operation, geometry).terms
            if not np.array_equal(counted, python_integers(operation, geometry, ones)):
                raise OracleError(
                    f"the counts of products differ from Python integers on {operation.name} on "
                    f"{geometry}; nothing is judged"
                )


def _arrays(operation: Operation, geometry: Geometry) -> Arrays:
    """Return small integers, made without any oracle's help, in float64."""
    raw = Raw(1)
    return {
        name: integers(raw.draw(shape), _LARGEST)
        for name, shape in operation.array_shapes(geometry).items()
    }


def _answer(oracle: Oracle, operation: Operation, geometry: Geometry, arrays: Arrays) -> Any:
    """Return an oracle's result, or in words why there is none to compare."""
    try:
        result = oracle(operation, geometry, arrays)
    except (MisbehaviourError, Exception) as error:  # noqa: BLE001  (each is told)
        return f"{type(error).__name__}: {error}"
    shape = operation.shape(geometry, operation.result)
    if not isinstance(result, np.ndarray) or not is_real(result.dtype):
        return f"a {type(result).__name__} that is no array of real floating dtype"
    return result if result.shape == shape else f"shape {result.shape} instead of {shape}"


def _compare(answers: Mapping[str, Any], where: str) -> None:
    """Raise OracleError unless all answers are the same arrays."""
    groups: list[list[str]] = []
    for name, answer in answers.items():
        for group in groups:
            if _same(answer, answers[group[0]]):
                group.append(name)
                break
        else:
            groups.append([name])
    if len(groups) == 1 and not isinstance(answers[groups[0][0]], str):
        return
    groups.sort(key=len, reverse=True)
    wrong = tuple(name for group in groups[1:] for name in group)
    if len(groups[0]) > len(wrong):
        told = f"{' and '.join(wrong)} differ{'s' * (len(wrong) == 1)} from the other oracles"
    else:
        wrong = ()
        told = f"the oracles contradict one another ({' against '.join(map(', '.join, groups))})"
    right, other = answers[groups[0][0]], answers[groups[-1][0]]
    difference = _difference(groups, right, other)
    raise OracleError(f"{told} on {where}: {difference}; nothing is judged", wrong)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return False
    return np.array_equal(one, other)


def _difference(groups: list[list[str]], right: Any, other: Any) -> str:
    """Return the first difference in words."""
    if isinstance(other, str) or isinstance(right, str):
        return f"{groups[-1][0]} gives {other if isinstance(other, str) else 'a result'}"
    index = tuple(int(i) for i in np.argwhere(right != other)[0])
    return (
        f"at {list(index)} {groups[-1][0]} gives {other[index]!s}, {groups[0][0]} {right[index]!s}"
    )

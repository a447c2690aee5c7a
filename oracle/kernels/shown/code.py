"""Few lines of Python that show a wrong number alone."""

import math
import textwrap
from typing import Any

import numpy as np

from convcheck.cases.case import REAL_FILLS, Case, exponents_of
from convcheck.form.formats import FORMATS
from convcheck.form.layouts import Array
from convcheck.form.operations import operation_named
from convcheck.kernels.misbehaviour import Misbehaviour
from convcheck.kernels.subjects import Subject

from .evidence import Evidence

# Above this many elements arrays are drawn again instead of printed, where they can be.
_PRINTED = 60
_WIDTH = 96

# What stands for an array in a call, and for the first array, by the call's name in
# `Evidence.then`; the last three are `calls.ARRANGEMENTS` as text.
_CALLS = {
    "call": ("{}", "{}"),
    "negated": ("{}", "-{}"),
    "fortran": ("np.array({}, order='F')",) * 2,
    "reversed": ("np.flip(np.flip({}).copy())",) * 2,
    "gapped": ("np.repeat({}, 2, -1)[..., ::2]",) * 2,
}

# What shows misbehaviours that a shape does not: code, what it should print, and what comes
# before the call.
_LOOKED_AT = {
    Misbehaviour.RETURNED_NO_ARRAY: ("type(z)", "an array", ""),
    Misbehaviour.RETURNED_NUMBERS: ("np.asarray(z).dtype", "a real floating dtype", ""),
    Misbehaviour.RETURNED_MEMORY: (
        "[np.may_share_memory(z, each) for each in ({arrays}, {call})]",
        "no True",
        "",
    ),
    Misbehaviour.OVERWROTE: (
        "[np.array_equal(*each, equal_nan=True) for each in zip(kept, ({arrays}))]",
        "no False",
        "kept = [each.copy() for each in ({arrays})]",
    ),
}


def snippet(subject: Subject, evidence: Evidence) -> list[str]:
    """Return few lines of Python that show the wrong number, with NumPy alone."""
    name = subject.name
    lines = ["import numpy as np", subject.import_line()]
    calls = {
        variant: f"{name}({_arguments(evidence.case, wrapped, first, subject)})"
        for variant, (wrapped, first) in _CALLS.items()
    }
    if evidence.before is not None:  # the call that this one depends on
        before = _arguments(evidence.before.case, *_CALLS["call"], subject)
        lines += [*_arrays(evidence.before), f"{name}({before})"]
    lines += _arrays(evidence)
    then = [line.format_map(calls) for line in evidence.then]
    lines.append("; ".join([f"z = {calls['call']}", *then]))
    lines += [
        line for key, array in (evidence.extra or {}).items() for line in _literal(key, array)
    ]
    if not evidence.expression and evidence.repeats:
        lines[-1] = f"for _ in range({evidence.repeats}): z = {calls['call']}"
    elif evidence.misbehaviour in _LOOKED_AT:
        look, expected, before = _LOOKED_AT[evidence.misbehaviour]
        arrays = ", ".join(evidence.arrays)
        if before:
            lines.insert(-1, before.format(arrays=arrays))
        lines.append(f"print({look.format(arrays=arrays, **calls)})  # expected {expected}")
    elif not evidence.expression:
        operation = operation_named(evidence.case.operation)
        shape = operation.shape(evidence.case.geometry, operation.result)
        lines.append(f"print(np.shape(z))  # expected {shape}")
    elif evidence.repeats:
        again = evidence.expression.replace("z", calls["call"], 1)
        found = f"{{float({again}) for _ in range({evidence.repeats})}}"
        lines[-1] = f"print({found})  # expected {{{evidence.expected!r}}}"
    else:
        lines.append(f"print({evidence.expression})  # expected {evidence.expected!r}")
    return lines


def _arrays(evidence: Evidence) -> list[str]:
    if sum(array.size for array in evidence.arrays.values()) > _PRINTED and evidence.drawn:
        return _generated(evidence)
    return [line for key, array in evidence.arrays.items() for line in _literal(key, array)]


def _arguments(case: Case, wrapped: str, first_wrapped: str, subject: Subject) -> str:
    """Return the text of a call's arguments, the arrays wrapped in further text."""
    operation = operation_named(case.operation)
    names: dict[str, Any] = {}
    for name in _array_names(case):
        text = wrapped if names else first_wrapped
        axes = subject.axes_in_memory(name)
        if axes and "(" in text:  # arranged in memory, in the layout declared
            back = tuple(axes.index(axis) for axis in range(4))
            text = f"{text.format(f'{{}}.transpose{axes}')}.transpose{back}"
        names[name] = _Text(text.format(name))
    positional, keywords = operation.arguments(case.geometry, names)
    arguments = [repr(value) for value in positional]
    return ", ".join(arguments + [f"{name}={value!r}" for name, value in keywords.items()])


def _array_names(case: Case) -> list[str]:
    return list(operation_named(case.operation).array_shapes(case.geometry))


class _Text:
    """Code that stands for an array in the text of a call."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _literal(name: str, array: Array) -> list[str]:
    """Return an assignment of `array` to `name`, on as many lines as it takes."""
    numbers = ", ".join(_number(value) for value in array.ravel().tolist())
    text = f"{name} = np.array([{numbers}], {_code(array)}).reshape{array.shape}"
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ", break_long_words=False)


def _code(array: Array) -> str:
    return FORMATS[array.dtype.name].code


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return repr(value).replace("inf", "np.inf").replace("nan", "np.nan")


def _generated(evidence: Evidence) -> list[str]:
    """Return lines that draw the arrays again, as `cases` does."""
    case = evidence.cut_from or evidence.case
    shapes = operation_named(case.operation).array_shapes(case.geometry)
    lines = [f"draw = np.random.PCG64({case.seed}).random_raw"]
    for name, array in evidence.arrays.items():
        line = f"{name} = {drawn(case, name)}.astype({_code(array)}).reshape{shapes[name]}"
        if evidence.cut_at:
            line += f"[{', '.join(map(_slice, evidence.cut_at[name]))}].copy()"
        (at,) = np.nonzero(~np.isfinite(array.ravel()))
        if at.size:
            values = ", ".join(_number(value) for value in array.ravel()[at].tolist())
            line += f"\n{name}.flat[{at.tolist()}] = [{values}]"
        lines += line.split("\n")
    return lines


def _slice(part: slice) -> str:
    return f"{part.start}:{part.stop}"


def drawn(case: Case, name: str) -> str:
    """Return NumPy code for array `name` of a case, flat and in float64, before NaN is put in.

    `draw` stands for the bit generator's `random_raw`; the arrays are to be drawn in
    their order.
    """
    operation = operation_named(case.operation)
    size = math.prod(operation.array_shapes(case.geometry)[name])
    if case.fill not in REAL_FILLS:
        largest = case.largest_in(name)
        # Remainders from `largest` on stand for the positive numbers: zero is left out.
        whole = f"(lambda v: v + (v >= 0))(({{}} % {2 * largest}).astype(int) - {largest})"
        if case.is_sparse(name):
            return f"(lambda r: {whole.format('r')} * (1.0 - (r >> 63)))(draw({size}))"
        text = whole.format(f"draw({size})")
        return f"({text}, draw(7))[0]" if name == case.nonfinite else text
    unit = f"(draw({size}) >> 11) * 2.0**-53"
    if case.fill == "positive":
        return f"({unit})"
    reach = exponents_of(case.fill, case.format, operation.degree)
    if isinstance(reach, int):
        return f"np.ldexp(2 * ({unit}) - 1, {reach})"
    return f"np.ldexp(2 * ({unit}) - 1, draw() % {len(reach)} - {-reach[0]})"

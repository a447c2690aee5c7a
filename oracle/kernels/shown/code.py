"""Few lines of Python that show a wrong number alone."""

import math
import textwrap
from typing import Any

import numpy as np

from convcheck.cases.case import REAL_FILLS, Case
from convcheck.form.formats import FORMATS
from convcheck.form.layouts import Array
from convcheck.form.operations import operation_named
from convcheck.kernels.arguments.arrangements import KINDS, kinds_of
from convcheck.kernels.misbehaviour import Misbehaviour
from convcheck.kernels.subjects import Subject

from .evidence import Evidence

# Above this many elements arrays are drawn again instead of printed, where they can be.
_PRINTED = 60
_WIDTH = 96

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
    lines = ["import numpy as np", subject.import_line()]
    if any(not _code(array).startswith("np.") for array in evidence.arrays.values()):
        lines.insert(1, "import ml_dtypes")
    calls = {"call": _call(subject, evidence), "negated": _call(subject, evidence, "-")}
    if evidence.before is not None:  # the call that this one depends on
        lines += [*_arrays(evidence.before), _call(subject, evidence.before)]
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
    """Return lines that name the arrays, or change in place those that have a name already."""
    if sum(array.size for array in evidence.arrays.values()) > _PRINTED and evidence.drawn:
        return _generated(evidence)
    named = evidence.arrays.items()
    return [line for key, array in named for line in _literal(_target(evidence, key), array)]


def _target(evidence: Evidence, name: str) -> str:
    return f"{name}[...]" if kinds_of(evidence.arrangement).get(name) == "held" else name


def _call(subject: Subject, evidence: Evidence, sign: str = "") -> str:
    """Return the text of a call, a sign before its first array."""
    case, kinds = evidence.case, kinds_of(evidence.arrangement)
    operation = operation_named(case.operation)
    arrays = operation.array_shapes(case.geometry)

    def handed(name: str, value: Any) -> str:
        kind = kinds.get(name, kinds.get("", "") if name in arrays else "")
        if kind in arrays:
            return kind
        if kind not in KINDS:
            return repr(value)
        axes = subject.axes_in_memory(name)
        if axes is None or name not in arrays:
            return KINDS[kind].code.format(repr(value))
        back = tuple(axes.index(axis) for axis in range(4))
        return KINDS[kind].code.format(f"{value!r}.transpose{axes}") + f".transpose{back}"

    named: dict[str, Any] = {name: _Text(name) for name in arrays}
    positional, keywords = operation.arguments(case.geometry, named)
    given = zip(operation.signature, positional, strict=True)
    arguments = [handed(*each) for each in given]
    # Its own may have no defaults.
    every = {**subject.absent, **keywords, **subject.beside(case.geometry)}
    arguments += [f"{name}={handed(name, value)}" for name, value in every.items()]
    return f"{subject.name}({sign}{', '.join(arguments)})"


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
        made = f"{drawn(case, name)}.astype({_code(array)}).reshape{shapes[name]}"
        line = f"{_target(evidence, name)} = {made}"
        if evidence.cut_at:
            line += f"[{', '.join(map(_slice, evidence.cut_at[name]))}].copy()"
        (at,) = np.nonzero(~np.isfinite(array.ravel()))
        if at.size:
            values = ", ".join(_number(value) for value in array.ravel()[at].tolist())
            line += f"\n{name}.flat[{at.tolist()}] = [{values}]"
        lines += line.split("\n")
    return lines


def _slice(part: slice) -> str:
    return f"{part.start}:{part.stop}" + (f":{part.step}" if part.step else "")


def drawn(case: Case, name: str) -> str:
    """Return NumPy code for array `name` of a case, flat and in float64, before NaN is put in.

    `draw` stands for the bit generator's `random_raw`; the arrays are to be drawn in
    their order.
    """
    shape = operation_named(case.operation).array_shapes(case.geometry)[name]
    size, exponents = math.prod(shape), case.exponents(name)
    if case.is_absent(name):
        return f"np.zeros({size})"
    text = _unit(case, size) if case.fill in (*REAL_FILLS, "overflow") else _whole(case, name, size)
    if not isinstance(exponents, int):
        text = f"np.ldexp({text}, {exponents}[draw() % {len(exponents)}])"
    elif exponents:
        text = f"np.ldexp({text}, {exponents})"
    return f"({text}, draw(7))[0]" if name in case.nonfinite else f"({text})"


def _unit(case: Case, size: int) -> str:
    bits = case.format.drawn
    unit = f"(draw({size}) >> {64 - bits}) * 2.0**-{bits}"
    if case.fill == "overflow":
        return f"(1 + ({unit})) * (0.5 - draw() % 2)"
    return unit if case.fill == "positive" else f"2 * ({unit}) - 1"


def _whole(case: Case, name: str, size: int) -> str:
    largest, special = case.largest_in(name), case.special(name)
    # Remainders from `largest` on stand for the positive numbers: zero is left out.
    whole = f"(lambda v: v + (v >= 0))(({{}} % {2 * largest}).astype(int) - {largest})"
    if case.is_sparse(name):
        return f"(lambda r: {whole.format('r')} * (1.0 - (r >> 63)))(draw({size}))"
    if special == "impulses":
        kept = "(r <= np.sort(r)[:2].max(initial=0))"
        return f"(lambda r: {whole.format('r')} * {kept})(draw({size}))"
    if special == "constant":
        return whole.format(f"np.resize(draw({size})[:1], {size})")
    whole = whole.format(f"draw({size})")
    return f"(lambda v: abs(v) * np.sign(v[:1]))({whole})" if special == "samesign" else whole

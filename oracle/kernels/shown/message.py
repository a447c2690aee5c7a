"""The message on one call: what was found, where and by how much, and how to see it again."""

import math
from collections.abc import Iterator, Sequence

from convcheck.cases.case import Case
from convcheck.form.geometry import PARAMETERS, Geometry
from convcheck.kernels.subjects import Subject

from .code import snippet
from .evidence import Evidence


def message(
    finding: str,
    subject: Subject,
    case: Case,
    evidence: Evidence | None,
    *,
    rerun: str | None = None,
    error: str | None = None,
    diagnosis: Sequence[str] = (),
) -> str:
    """Return the whole message.

    Args:
        finding: its first line.
        subject: the kernel that was judged.
        case: what it was judged on.
        evidence: the call to show, if there is one.
        rerun: a command that judges the same kernel on the same case, if there is one.
        error: how large the error is at most, where that is known.
        diagnosis: lines on how the kernel is wrong.
    """
    lines = [finding]
    if evidence is not None:
        lines += [f"  {line}" for line in evidence.details]
    if evidence is not None and evidence.expression:
        told = evidence.expression, evidence.got, evidence.expected, evidence.excess
        lines.append(f"  element  {numbers(*told)}")
        lines.append(f"  wrong    {share(evidence.wrong, evidence.total)}")
    lines += diagnosis
    lines.append(f"  case     {described(case, evidence)}")
    lines.append(f"  case id  {case}" if rerun is None else f"  rerun    {rerun}")
    if error is not None:
        lines.append(f"  error    {error}")
    if evidence is not None:
        lines += ["  alone", *(f"    {line}" for line in snippet(subject, evidence))]
    return "\n".join(lines)


def described(case: Case, evidence: Evidence | None) -> str:
    """Return in words the call that is shown, which a law or a diagnosis may have made another."""
    shown = evidence.case if evidence is not None and evidence.cut_from is None else case
    return f"{describe(shown.geometry)}; fill {shown.fill}"


def numbers(expression: str, got: float, expected: float, excess: float | None) -> str:
    """Return what an element is and should be, and by how much more than rounding it is off."""
    line = f"{expression} is {got!r}, expected {expected!r}"
    if math.isfinite(got) and math.isfinite(expected):
        line += f", off by {got - expected:.6g}"
    if excess is None or excess <= 1:  # then equality was demanded
        return line
    if math.isinf(excess):
        return f"{line}, where rounding can explain nothing"
    return f"{line}, {excess:.3g} times the bound"


def share(wrong: int, total: int) -> str:
    """Return in words how many elements are wrong."""
    return f"{wrong} of {total} element{'' if total == 1 else 's'}"


def _parameters(g: Geometry) -> Iterator[str]:
    """Yield in words the parameters that a geometry has."""
    (top, bottom), (left, right) = g.padding
    if (top, left) != (bottom, right):
        yield f"padding {top} above, {bottom} below, {left} left, {right} right"
    elif g.padding != PARAMETERS["padding"]:
        yield f"padding {top} x {left}"
    for name in ("dilation", "output_padding"):
        if getattr(g, name) != PARAMETERS[name]:
            yield "{} {} x {}".format(name.replace("_", " "), *getattr(g, name))
    if g.groups > 1:
        yield f"{g.groups} groups"
    if g.bias:
        yield "bias"


def describe(geometry: Geometry) -> str:
    """Return a geometry in words."""
    g = geometry
    layer = (
        f"batch {g.batch}, input {g.height} x {g.width}, "
        f"channels {g.channels_in} to {g.channels_out}, "
        f"filter {g.filter_height} x {g.filter_width}, stride {g.stride_height} x {g.stride_width}"
    )
    if not g.is_plain:
        layer += "".join(f", {each}" for each in _parameters(g))
    if g.fore is None:
        return layer
    f = g.fore
    return (
        f"{layer}; layer l+1 a {f.layer.replace('_', ' ')} to {f.channels_out} channels, "
        f"filter {f.filter_height} x {f.filter_width}, stride {f.stride_height} x {f.stride_width}"
    )

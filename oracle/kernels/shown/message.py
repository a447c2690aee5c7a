"""The message on one call: what was found, where and by how much, and how to see it again."""

import math
from collections.abc import Sequence

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
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
        lines += [_numbers(evidence), f"  wrong    {_share(evidence)}"]
    lines += diagnosis
    lines.append(f"  case     {describe(case.geometry)}; fill {case.fill}")
    lines.append(f"  case id  {case}" if rerun is None else f"  rerun    {rerun}")
    if error is not None:
        lines.append(f"  error    {error}")
    if evidence is not None:
        lines += ["  alone", *(f"    {line}" for line in snippet(subject, evidence))]
    return "\n".join(lines)


def _numbers(evidence: Evidence) -> str:
    line = f"  element  {evidence.expression} is {evidence.got!r}, expected {evidence.expected!r}"
    if math.isfinite(evidence.got) and math.isfinite(evidence.expected):
        line += f", off by {evidence.got - evidence.expected:.6g}"
    if evidence.excess is None or evidence.excess <= 1:  # then equality was demanded
        return line
    if math.isinf(evidence.excess):
        return f"{line}, where rounding can explain nothing"
    return f"{line}, {evidence.excess:.3g} times the bound"


def _share(evidence: Evidence) -> str:
    return f"{evidence.wrong} of {evidence.total} element{'' if evidence.total == 1 else 's'}"


def describe(geometry: Geometry) -> str:
    """Return a geometry in words."""
    g = geometry
    layer = (
        f"batch {g.batch}, input {g.height} x {g.width}, "
        f"channels {g.channels_in} to {g.channels_out}, "
        f"filter {g.filter_height} x {g.filter_width}, stride {g.stride_height} x {g.stride_width}"
    )
    if g.fore is None:
        return layer
    f = g.fore
    return (
        f"{layer}; layer l+1 a {f.layer.replace('_', ' ')} to {f.channels_out} channels, "
        f"filter {f.filter_height} x {f.filter_width}, stride {f.stride_height} x {f.stride_width}"
    )

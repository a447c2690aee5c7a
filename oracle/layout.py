"""Kernels that are right on dense arrays, and wrong where arguments lie otherwise in memory."""

from dataclasses import replace

from .calls import ARRANGEMENTS, MisbehaviourError
from .session import Asked, Session

_WORDS = {
    "fortran": "in Fortran order",
    "reversed": "with negative strides",
    "gapped": "with gaps between elements",
}


def layout(session: Session, focus: Asked) -> str:
    """Return in words how a kernel takes memory wrongly; "" if it does not.

    Args:
        session: of the kernel.
        focus: a call with dense arrays on which it is right.
    """
    probes = [replace(focus.probe, arrangement=name) for name in ARRANGEMENTS]
    bad = [each for each in session.ask(probes) if not each.right]
    if not bad or session.lost:
        return ""
    places = [_WORDS[each.probe.arrangement] for each in bad]
    *others, last = places
    where = f"{', '.join(others)} or {last}" if others else last
    raised = {_deed(each) for each in bad}
    deed = raised.pop() if len(raised) == 1 else "wrong or raises"
    return f"right on dense arrays, {deed} where arguments lie {where}"


def _deed(asked: Asked) -> str:
    answer = asked.answer
    return str(answer).partition(":")[0] if isinstance(answer, MisbehaviourError) else "wrong"

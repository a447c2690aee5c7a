"""What can be said of one kernel on one case."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from convcheck.cases.case import ROUNDED, Case, is_scaled
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.shown.message import message
from convcheck.kernels.shown.text import printable
from convcheck.kernels.subjects import Subject


class Outcome(StrEnum):
    """The kinds of verdict; only the first three decide anything."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    MISBEHAVED = "misbehaved"
    """no result to compare: an exception, wrong type or shape, or arguments overwritten"""
    VACUOUS = "vacuous"
    """agrees, but the result is empty or zero whatever the kernel computes"""
    UNDECIDED = "undecided"
    """the bound is so wide that it decides nothing, results could overflow, or the kernel was
    not called any more"""
    NOT_OFFERED = "not offered"
    """the kernel declares that it does not promise this"""
    NOT_APPLICABLE = "not applicable"
    """the property has no meaning, or exact mode no integers, on this case"""


DECIDED = (Outcome.AGREES, Outcome.DISAGREES, Outcome.MISBEHAVED)
# Neither for nor against a kernel: it does not promise so much, or nobody could tell.
UNPROMISED = (Outcome.NOT_OFFERED, Outcome.NOT_APPLICABLE, Outcome.UNDECIDED)
FAILED = (Outcome.DISAGREES, Outcome.MISBEHAVED)


_WITH = {
    "exact": "the oracle, on integers",
    "bound": "the oracle, within what rounding can explain",
    "nonfinite data": "the oracle on where NaN and infinity go",
    "nonfinite others": "the oracle on where NaN and infinity go",
    "activations": "autograd through a real activation, within what rounding can explain",
    "vectors": "the oracle on a vector that others wrote, within what rounding can explain",
}
_AGAINST = {
    "exact": "the oracle, on integers that leave no room for rounding",
    "bound": "the oracle, by more than rounding can explain",
    "nonfinite data": "the oracle on where NaN and infinity go",
    "nonfinite others": "the oracle on where NaN and infinity go",
    "activations": "autograd through a real activation, by more than rounding can explain",
    "vectors": "the oracle on a vector that others wrote, by more than rounding can explain",
}

_REPR = 195
"""characters of a verdict's short line, where a case id leaves room"""


@dataclass(frozen=True)
class Verdict:
    """What was found when one kernel was judged on one case for one property.

    It is true where it was decided and the kernel agrees.  What decides nothing is false, too:
    undecided, vacuous, not offered and not applicable.
    """

    case: Case
    subject: Subject
    prop: str
    """one of `judge`'s ("exact", "bound", "nonfinite data", "nonfinite others") or a law's name"""
    outcome: Outcome
    reason: str = ""
    """why it is so, in words, where it does not agree"""
    error: float | None = None
    """largest error as a fraction of the bound, in bound mode"""
    relative: float | None = None
    """largest error as a fraction of the sum of its products' magnitudes, in bound mode"""
    terms: int = 0
    """n of the bound, in bound mode: how many roundings a product may meet"""
    suspicious: bool = False
    """whether an error exceeds the statistical gate of `bounds`"""
    sampled: str = ""
    """which results were judged, in words, where not all were"""
    evidence: Evidence | None = None
    spreads: str = ""
    """a factor whose NaN or infinity meets zeros that the kernel inserted, and makes NaN of them"""
    skips: bool = False
    """whether it leaves out products of zeros of the data with NaN or infinity"""
    misbehaviour: MisbehaviourError | None = None
    """what the kernel did instead of giving a result, of which `reason` are the words"""

    @property
    def lost(self) -> bool:
        """Whether the kernel hung or crashed, so that asking it again leads nowhere."""
        return self.misbehaviour is not None and self.misbehaviour.lost

    def but(self, outcome: Outcome, reason: str, evidence: Evidence | None = None) -> "Verdict":
        """Return the verdict that it is not so, for a reason."""
        return replace(self, outcome=outcome, reason=reason, evidence=evidence)

    @property
    def failed(self) -> bool:
        """Whether the kernel is wrong."""
        return self.outcome in FAILED

    @property
    def finding(self) -> str:
        """What it says, in a sentence without the numbers."""
        return f"{self._finding}; judged {self.sampled}" if self.sampled else self._finding

    @property
    def _finding(self) -> str:
        if self.outcome is Outcome.MISBEHAVED:
            return f"the kernel {self.reason}"
        if self.outcome is Outcome.AGREES:
            with_ = _WITH.get(self.prop, f"itself: {self.prop} holds")
            return f"the kernel agrees with {self._of_numbers(with_)}"
        if not self.failed:
            return f"{self.outcome}: {self.reason}"
        against = _AGAINST.get(self.prop, f"itself: {self.reason}")
        return f"the kernel disagrees with {self._of_numbers(against)}"

    def _of_numbers(self, words: str) -> str:
        if self.case.fill == ROUNDED:
            return words.replace(
                "that leave no room for rounding", "whose exact sums are rounded once"
            )
        scaled = self.prop == "exact" and is_scaled(self.case.fill)
        return words.replace("integers", "integers times powers of two") if scaled else words

    def __bool__(self) -> bool:
        """Whether it was decided and the kernel agrees; `failed` asks whether it is wrong."""
        return self.outcome is Outcome.AGREES

    def __repr__(self) -> str:
        """Return one short line, which pytest shows where a verdict is not true."""
        text = f"<Verdict {self.prop}: {self.outcome} on {self.case}"
        room = _REPR - len(text) - 1
        reason = f"; {printable(' '.join(self.reason.split()), _REPR)}" if self.reason else ""
        return text + (reason if len(reason) <= room else f"{reason[: max(0, room - 3)]}...") + ">"

    def __str__(self) -> str:
        """Return all that is known, as `explain` tells it."""
        return explain(self)


def explain(verdict: Verdict, rerun: str | None = None, diagnosis: Sequence[str] = ()) -> str:
    """Return what a verdict says; of one that failed what, where, by how much, and again.

    Args:
        verdict: any.
        rerun: a command that judges the same kernel on the same case, if there is one.
        diagnosis: lines on how the kernel is wrong.
    """
    error = None if verdict.error is None else f"at most {verdict.error:.3g} times the bound"
    return message(
        f"{verdict.case.operation}, {verdict.case.dtype}: {verdict.finding}",
        verdict.subject,
        verdict.case,
        verdict.evidence,
        rerun=rerun,
        error=error,
        diagnosis=diagnosis,
    )

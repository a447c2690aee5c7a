"""What can be said of one kernel on one case."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.subjects import Subject
from convcheck.kernels.text import printable


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


_REPR = 195
"""characters of a verdict's short line, where a case id leaves room"""


@dataclass(frozen=True)
class Wrong:
    """A result beside what it should be, both in float64."""

    operation: Operation
    got: Array
    expected: Array
    wrong: Array
    """which elements are"""


@dataclass(frozen=True)
class Evidence:
    """One call that went wrong, as much of it as a person needs to see it."""

    arrays: Mapping[str, Array]
    """what the kernel was handed"""
    case: Case
    """the case whose geometry the call had; for a law it may differ from the verdict's"""
    cut_from: Case | None = None
    """the case whose arrays these are parts of, if they are"""
    cut_at: Mapping[str, tuple[slice, ...]] | None = None
    """where they are cut"""
    expression: str = ""
    """the number to look at, in terms of the result `z`; empty if there was no result"""
    index: tuple[int, ...] = ()
    """where that is in `whole`"""
    got: float = 0.0
    expected: float = 0.0
    excess: float | None = None
    """the error as a multiple of what rounding can explain, where that was computed"""
    wrong: int = 0
    """how many elements of the result are wrong"""
    total: int = 0
    whole: Wrong | None = None
    """all of the result, where the call's own was compared"""
    extra: Mapping[str, Array] | None = None
    """further arrays that `expression` uses"""
    before: "Evidence | None" = None
    """a call before this one, without which this one is right"""
    repeats: int = 0
    """how many calls were made of which some went wrong, if not all did"""
    then: tuple[str, ...] = ()
    """statements to run after the call, {call} standing for it, {negated} for the same call
    with its first array negated, and the names of `calls.ARRANGEMENTS` for the same call with
    its arrays so arranged"""
    details: tuple[str, ...] = ()
    """lines on where a call failed, and what it printed, as `traces` makes them"""

    @property
    def drawn(self) -> bool:
        """Whether the arrays are those of the case, or parts of them: a law's may be others."""
        if self.cut_from is not None:
            return True
        try:
            arrays = self.case.shared_arrays()
        except ValueError:
            return False
        return arrays.keys() == self.arrays.keys() and all(
            arrays[name].tobytes() == array.tobytes() for name, array in self.arrays.items()
        )


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

    @property
    def failed(self) -> bool:
        """Whether the kernel is wrong."""
        return self.outcome in FAILED

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
        from .explain import explain  # noqa: PLC0415  (it tells of verdicts)

        return explain(self)

"""One case again: by what its fill says, and by the laws where it holds exact integers."""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.case import Case
from convcheck.conformance.references import judge_property, laws_of
from convcheck.conformance.shapes.huge import is_huge
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import property_of
from convcheck.judging.threads import THREADS
from convcheck.judging.verdicts import UNPROMISED, Verdict
from convcheck.kernels.subjects import Subject

from .step import Judged, Step


@dataclass(frozen=True)
class Replay(Step):
    """A case, judged for one property."""

    case: Case
    prop: str

    @property
    def name(self) -> str:
        """What tells the step from others of its kind, that are of the same case."""
        return f"{self.operation.name}-{self.prop}"

    @property
    def fills(self) -> tuple[str, ...]:
        """The property."""
        return (self.prop,)

    @property
    def only(self) -> str:
        """The dtype of the case."""
        return self.case.dtype

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel once."""
        verdict = judge_property(self.prop, subject, self.case)
        yield Judged([verdict], remarks={str(self.case): _left_out(verdict)})


def properties_of(case: Case) -> list[str]:
    """Return what a case is judged by: laws, too, where it holds exact integers and is not huge."""
    exact = case.fill in ("integers", "small") and not is_huge(case)
    laws = laws_of(case.operation, parameters=not case.geometry.is_plain)
    return [property_of(case), *([*laws, THREADS] if exact else ())]


def _left_out(verdict: Verdict) -> str:
    """Return why the result of a case was not judged, "" where it was, or a law alone was not."""
    untold = verdict.outcome in UNPROMISED and verdict.prop == property_of(verdict.case)
    return f"{verdict.outcome.value}: {verdict.reason}" if untold else ""


def replays(case: Case) -> Iterator[Replay]:
    """Yield a step for each property that a case is judged by."""
    return (Replay(OPERATIONS[case.operation], case, prop) for prop in properties_of(case))

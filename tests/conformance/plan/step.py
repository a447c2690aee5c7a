"""Steps: the parts of a plan, each of which is one test of the conformance tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from convcheck.cases.case import Case
from convcheck.form.formats import DTYPES
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation
from convcheck.judging.certificates import Certificate
from convcheck.judging.judge import judge_all, not_offered
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.subjects import Subject


class Judged(NamedTuple):
    """Verdicts on one example of a step; the step is over where one of them failed."""

    verdicts: list[Verdict]
    rank: int = 0
    """of several steps' failures the one with the lowest is told"""
    random: bool = False
    """whether the example was drawn at random"""
    certificate: Certificate | None = None
    """what begins with this example, and goes on growing"""


@dataclass(frozen=True)
class Step:
    """A part of what is judged of an operation's kernel."""

    operation: Operation
    filed: ClassVar[str | None] = None
    """the property that verdicts are filed under, where that is not their own"""

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return self.operation.name

    @property
    def fills(self) -> tuple[str, ...]:
        """The properties that are judged."""
        raise NotImplementedError

    @property
    def only(self) -> str | None:
        """The dtype in which alone it judges, if there is one."""
        return None

    @property
    def replayable(self) -> bool:
        """Whether case ids say all that there is to judge."""
        return True

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the operation's kernel, one example after another."""
        raise NotImplementedError


def dtypes_of(subject: Subject) -> tuple[str, ...]:
    """Return the dtypes in which a kernel is to be judged."""
    layer = subject.operation.default_fore
    return tuple(dtype for dtype in DTYPES if _offers(subject, dtype, layer))


def fore_layers_of(subject: Subject) -> tuple[str, ...]:
    """Return the kinds of layer l+1 with which a kernel is to be judged, if it has one."""
    if subject.operation.default_fore is None:
        return ()
    (dtype, *_) = dtypes_of(subject)
    return tuple(layer for layer in LAYERS if _offers(subject, dtype, layer))


def _offers(subject: Subject, dtype: str, fore_layer: str | None) -> bool:
    fore = None if fore_layer is None else Fore(fore_layer, 1, 1, 1, 1, 1)
    geometry = Geometry.of(1, 1, 1, 1, 1, 1, 1, 1, 1, fore)
    case = Case(subject.operation.name, geometry, dtype, "integers", 0)
    return not_offered(subject, case, "exact") is None


def judge_fills(
    subject: Subject, fills: Sequence[str], geometry: Geometry, seed: int
) -> list[Verdict]:
    """Judge a kernel on a geometry, in every dtype, with each of `fills`."""
    cases = [
        Case(subject.operation.name, geometry, dtype, fill, seed)
        for dtype in DTYPES
        for fill in fills
    ]
    return judge_all(subject, cases)

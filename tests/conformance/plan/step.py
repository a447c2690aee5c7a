"""Steps: the parts of a plan, each of which is one test of the conformance tests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from convcheck.cases.case import DTYPES, Case
from convcheck.form.geometry import LAYERS, Fore, Geometry
from convcheck.form.operations import Kernel, Operation
from convcheck.judging.certificates import Certificate
from convcheck.judging.judge import judge_all, not_offered
from convcheck.judging.verdicts import Verdict


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
    fills: ClassVar[tuple[str, ...]]
    """the properties that are judged"""
    filed: ClassVar[str | None] = None
    """the property that verdicts are filed under, where that is not their own"""

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return self.operation.name

    @property
    def only(self) -> str | None:
        """The dtype in which alone it judges, if there is one."""
        return None

    @property
    def replayable(self) -> bool:
        """Whether case ids say all that there is to judge."""
        return True

    def judge(self, kernel: Kernel) -> Iterator[Judged]:
        """Judge the operation's kernel, one example after another."""
        raise NotImplementedError


def dtypes_of(kernel: Kernel, operation: Operation) -> tuple[str, ...]:
    """Return the dtypes in which a kernel is to be judged."""
    layer = operation.default_fore
    return tuple(dtype for dtype in DTYPES if _offers(kernel, operation, dtype, layer))


def fore_layers_of(kernel: Kernel, operation: Operation) -> tuple[str, ...]:
    """Return the kinds of layer l+1 with which a kernel is to be judged, if it has one."""
    if operation.default_fore is None:
        return ()
    (dtype, *_) = dtypes_of(kernel, operation)
    return tuple(layer for layer in LAYERS if _offers(kernel, operation, dtype, layer))


def _offers(kernel: Kernel, operation: Operation, dtype: str, fore_layer: str | None) -> bool:
    fore = None if fore_layer is None else Fore(fore_layer, 1, 1, 1, 1, 1)
    case = Case(operation.name, Geometry(1, 1, 1, 1, 1, 1, 1, 1, 1, fore), dtype, "integers", 0)
    return not_offered(kernel, case, "exact") is None


def judge_fills(
    kernel: Kernel, operation: Operation, fills: Sequence[str], geometry: Geometry, seed: int
) -> list[Verdict]:
    """Judge a kernel on a geometry, in every dtype, with each of `fills`."""
    cases = [
        Case(operation.name, geometry, dtype, fill, seed) for dtype in DTYPES for fill in fills
    ]
    return judge_all(kernel, cases)

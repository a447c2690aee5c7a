"""What a kernel does on many geometries."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED, Verdict
from convcheck.kernels.misbehaviour import Misbehaviour
from convcheck.kernels.subjects import Subject

from .draw import LARGEST, products, size_of
from .statements import columns_of, numbers_of

_AT_ONCE = 32


WRONG, ANOTHER_SHAPE = "is wrong", "returns another shape"
"""what a kernel does whose result has other numbers, or another shape"""


def deed(verdict: Verdict) -> str:
    """Return in a word what a verdict says that the kernel does; "" where it is right."""
    problem = verdict.misbehaviour
    if problem is None or not verdict.failed:
        return WRONG if verdict.failed else ""
    return ANOTHER_SHAPE if problem.kind is Misbehaviour.RETURNED_SHAPE else problem.deed


def in_words(*deeds: str) -> tuple[str, str]:
    """Return what a kernel does, and the verb that these words lack, as a claim has them."""
    words = " or ".join("wrong" if each == WRONG else each for each in deeds)
    return words, "is" if deeds[0] == WRONG else ""


def numbers_in(case: Case) -> str:
    """Return the dtype of a case, and whether its numbers are real: integers may be right alone."""
    return case.dtype if case.mode == "exact" else f"{case.dtype}, real numbers"


@dataclass
class Scan:
    """What a kernel does on geometries that were asked for, with one dtype and fill."""

    subject: Subject
    case: Case
    """whose dtype, fill and seed all of them have"""
    lost: str = ""
    """how it hung or crashed, after which it is not called again"""
    verdicts: dict[Geometry, Verdict] = field(default_factory=dict)
    """the decided ones"""
    _asked: set[Geometry] = field(default_factory=set)

    @property
    def operation(self) -> Operation:
        """The operation that is asked for."""
        return operation_named(self.case.operation)

    def ask(self, geometries: Iterable[Geometry], most: int = LARGEST) -> None:
        """Have the kernel judged on geometries, those apart that it was asked before."""
        cases = []
        for each in dict.fromkeys(geometries):
            if each not in self._asked:
                self._asked.add(each)
                try:
                    case = replace(self.case, geometry=each)
                except ValueError:  # the filter does not fit
                    continue
                if products(case) <= most:
                    cases += [replace(case, seed=case.seed + more) for more in range(self._draws)]
        for start in range(0, len(cases), _AT_ONCE):
            if self.lost:
                return
            for verdict in judge_all(self.subject, cases[start : start + _AT_ONCE]):
                known = self.verdicts.get(verdict.case.geometry)
                if verdict.outcome in DECIDED and (known is None or not known.failed):
                    self.verdicts[verdict.case.geometry] = verdict
                self.lost = self.lost or verdict.reason * verdict.lost

    @property
    def _draws(self) -> int:
        """How many draws of numbers make it unlikely that a wrong kernel is right by chance."""
        return 1 if self.case.dtype == "float64" else 2

    @property
    def wrong(self) -> list[Verdict]:
        """What failed, the smallest first."""
        failed = [each for each in self.verdicts.values() if each.failed]
        return sorted(failed, key=lambda each: size_of(each.case))

    def numbers(self) -> dict[str, Array]:
        """Return the numbers of all geometries, an array for each name."""
        return columns_of(self.operation, self.verdicts)

    def number(self, geometry: Geometry, name: str) -> int:
        """Return one number of a geometry."""
        return numbers_of(self.operation, geometry)[name]

    def deeds(self) -> list[str]:
        """Return what the kernel does on all of them, in the same order."""
        return [deed(each) for each in self.verdicts.values()]

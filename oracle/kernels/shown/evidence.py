"""A call that went wrong, as much of it as a person needs to see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation
from convcheck.kernels.misbehaviour import Misbehaviour


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
    with its first array negated"""
    arrangement: str = "copy"
    """how its arguments were handed over, as `arrangements` explains"""
    misbehaviour: Misbehaviour | None = None
    """what the kernel did instead of giving a result"""
    details: tuple[str, ...] = ()
    """lines on where a call failed, and what it printed, as `traces` makes them"""

    @classmethod
    def of_result(
        cls, arrays: Mapping[str, Array], case: Case, whole: Wrong, limits: Array | None = None
    ) -> Self:
        """Return the evidence of a wrong result, of which the worst element is to be looked at.

        Args:
            arrays: what the kernel was handed.
            case: whose geometry the call had.
            whole: the result.
            limits: what rounding can explain of each error, where that was computed.
        """
        with np.errstate(all="ignore"):
            severity = np.abs(whole.got - whole.expected) / (1.0 if limits is None else limits)
        severity = np.where(np.isnan(severity), np.inf, severity)
        worst = int(np.argmax(np.where(whole.wrong, severity, -1)))
        index = tuple(int(i) for i in np.unravel_index(worst, severity.shape))
        return cls(
            *(arrays, case),
            expression=f"z[{', '.join(map(str, index))}]",
            index=index,
            got=float(whole.got[index]),
            expected=float(whole.expected[index]),
            excess=None if limits is None else float(severity[index]),
            wrong=int(whole.wrong.sum()),
            total=whole.wrong.size,
            whole=whole,
        )

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

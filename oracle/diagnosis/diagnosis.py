"""What is told of a kernel that failed."""

from dataclasses import dataclass, replace

from convcheck.cases.case import Case
from convcheck.kernels.shown.evidence import Evidence, Wrong

from . import pictures
from .mistakes import Mistake
from .pictures import Calls, Picture, Taps
from .where.claims import Claim


@dataclass(frozen=True)
class Diagnosis:
    """What can be told of a kernel that failed."""

    names: tuple[Mistake, ...] = ()
    """mistakes that give its results, exactly"""
    claims: tuple[Claim, ...] = ()
    """what is wrong, the most telling first"""
    advice: tuple[str, ...] = ()
    """declarations with which its results would be right"""
    text: tuple[str, ...] = ()
    """a picture of what is wrong"""
    picture: Picture | None = None
    taps: Taps | None = None
    calls: tuple[Calls, ...] = ()
    """those that show on what else a result depends, in the order in which they were made"""
    cases: tuple[Case, ...] = ()
    """judged one after another, these show what one by itself does not"""
    evidence: Evidence | None = None
    """the call that shows it, where that is not the one that failed"""

    @property
    def patterns(self) -> tuple[str, ...]:
        """What is wrong, in words."""
        return tuple(each.text for each in self.claims)

    def drawn(self, evidence: Evidence | None, result: Wrong | None = None) -> "Diagnosis":
        """Return the same with a picture of the call that went wrong."""
        if evidence is None:
            return self
        whole = evidence.whole or (None if evidence.then else result)
        if whole is None or whole.got.ndim != 4 or not whole.wrong.any():
            return self
        picture = pictures.plane(whole, evidence.index if whole is evidence.whole else ())
        return replace(self, text=tuple(pictures.lines(picture)), picture=picture)

    def lines(self) -> list[str]:
        """Return the diagnosis as a failure message has it."""
        named = [f"  behaves exactly like: {each.sentence}" for each in self.names]
        words = [f"  pattern  {each}" for each in self.patterns]
        advised = [f"  declare  {each}" for each in self.advice]
        return [*named, *words, *advised, *(f"    {line}" for line in self.text)]

"""What is said of a wrong kernel: in words, and in what a run's cases must show for it to be so."""

from dataclasses import dataclass
from enum import StrEnum

from .statements import Statement

Sign = tuple[str, str]
"""what can be said of a wrong result: the axis that it is about, "" for values; and words"""


class Link(StrEnum):
    """How what a kernel does goes with the place where it does it."""

    NONE = ""
    EXACTLY = "exactly where"
    """there, and nowhere else"""
    ONLY = "only where"
    """there something is wrong, elsewhere nothing"""
    AS_IF = "behaves as if"
    """there it gives a mistake's results"""


@dataclass(frozen=True)
class Backing:
    """What all of a run's cases must show for a claim to be so; by default, nothing."""

    dtype: str = ""
    """the one that it is about, "" for all; with a statement, what `numbers_in` says"""
    deed: str = ""
    """what the kernel does where the statement holds, as in `scan.deed`; "" for several things"""
    statement: Statement | None = None
    """it does so where this holds, and nowhere else"""
    always: bool = True
    """whether it does so on all of it"""
    signs: tuple[Sign, ...] = ()
    """those that all wrong results have"""
    dtypes: tuple[str, ...] = ()
    """those alone in which the kernel fails"""
    fills: tuple[str, ...] = ()
    """those alone on which it fails"""
    spared: tuple[str, ...] = ()
    """fills on which it does not"""


NOTHING = Backing()


@dataclass(frozen=True)
class Grid:
    """Geometries by two numbers: how many were tried, and on how many the kernel is wrong."""

    axes: tuple[str, str]
    """what is counted in rows, and in columns"""
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    tried: tuple[tuple[int, ...], ...]
    wrong: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Claim:
    """Something said of a kernel."""

    words: str
    """what it does, or what its results are; with `Link.AS_IF`, the mistake"""
    verb: str = "is wrong:"
    """what comes between the kernel's name and the words: "is", "gives", "" if they have a verb"""
    link: Link = Link.NONE
    place: str = ""
    """where it does so"""
    share: str = ""
    """how many calls that was seen in"""
    circumstance: bool = False
    """whether the words say on what it depends that the kernel is wrong"""
    backing: Backing = NOTHING
    grid: Grid | None = None
    """the geometries that it was seen on"""

    @property
    def text(self) -> str:
        """The sentence, of which the kernel is the subject or its results are."""
        if self.link is Link.AS_IF:
            return f"{self.place}, it {self.link} {self.words}"
        said = " ".join(filter(None, (self.words, self.link, self.place)))
        return f"{said}, {self.share}" if self.share else said

    @property
    def predicate(self) -> str:
        """The sentence as it stands behind the kernel's name."""
        if self.link is Link.AS_IF:
            return f", {self.place}, {self.link} {self.words}"
        return f" {self.verb} {self.text}" if self.verb else f" {self.text}"

    @property
    def leads(self) -> bool:
        """Whether it says under which circumstances the kernel is wrong."""
        return self.circumstance or self.link is not Link.NONE


def circumstance(words: str, verb: str = "is", backing: Backing = NOTHING) -> Claim:
    """Return the claim that the kernel is wrong under these circumstances."""
    return Claim(words, verb, circumstance=True, backing=backing)

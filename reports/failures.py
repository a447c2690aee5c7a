"""A failure of a kernel, in parts: whoever tells of it makes the text."""

import math
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta

from convcheck.diagnosis.where.claims import Claim, Link
from convcheck.form.formats import DTYPES
from convcheck.kernels.shown.message import numbers, share


class Struct(msgspec.Struct, forbid_unknown_fields=True):
    """A part of a document, which holds what is named here and nothing else."""


def one_of(*words: str) -> Meta:
    """Return what has text be one of these words."""
    return Meta(pattern=f"^(?:{'|'.join(words)})(?!\\n)$", extra_json_schema={"enum": [*words]})


Count = Annotated[int, Meta(ge=0, le=2**53)]
Positive = Annotated[int, Meta(ge=1, le=2**53)]
Amount = Annotated[float, Meta(ge=0)]
Dtype = Annotated[str, one_of(*DTYPES)]


class Named(Struct):
    """A mistake with a name."""

    id: str
    sentence: str
    known_from: str


Value = float | Literal["nan", "inf", "-inf"]


def value_of(number: float) -> Value:
    """Return a number as JSON has it, in which none is infinite or NaN."""
    if math.isnan(number):
        return "nan"
    return float(number) if math.isfinite(number) else "inf" if number > 0 else "-inf"


Plane = Annotated[
    list[Annotated[list[Value], Meta(max_length=24)]],
    Meta(max_length=24),
]


class Taps(Struct):
    """What each tap of a filter acts as."""

    title: str
    axes: tuple[str, str]
    got: Plane
    expected: Plane


class Picture(Struct):
    """A part of a result, as it came out and as it was expected."""

    title: str
    axes: tuple[str, str]
    at: dict[str, Count]
    origin: tuple[Count, Count]
    got: Plane
    expected: Plane
    wrong: Annotated[list[Annotated[list[bool], Meta(max_length=24)]], Meta(max_length=24)]


Counts = Annotated[
    list[Annotated[list[Count], Meta(max_length=24)]],
    Meta(max_length=24),
]


class Grid(Struct):
    """Geometries by two of their numbers: how many were tried, and failed."""

    axes: tuple[str, str]
    rows: list[int]
    columns: list[int]
    tried: Counts
    wrong: Counts


class Calls(Struct):
    """Calls that were made one after another, and which of them went right."""

    title: str
    right: Annotated[list[bool], Meta(max_length=64)]


class Pattern(Struct):
    """What is wrong with a kernel."""

    text: str
    """the sentence, of which the kernel is the subject or its results are"""
    predicate: str
    """the sentence as it stands behind the kernel's name"""
    leads: bool
    """whether it says under which circumstances the kernel is wrong"""
    placed: bool
    """whether it says on which geometries"""
    dtypes: list[Dtype]
    """those alone in which the kernel fails, if it is about that"""
    grid: Grid | None = None
    """the geometries that it was seen on, if it is about them"""
    share: str = ""
    """how many calls that was seen in, which the sentence ends with"""

    @property
    def gist(self) -> str:
        """The sentence without how many calls that was seen in."""
        return self.text.removesuffix(f", {self.share}")

    @classmethod
    def of(cls, claim: Claim) -> Self:
        """Return what a claim says."""
        placed, dtypes = claim.link is not Link.NONE, [*claim.backing.dtypes]
        grid = msgspec.convert(claim.grid, Grid | None, from_attributes=True)
        return cls(claim.text, claim.predicate, claim.leads, placed, dtypes, grid, claim.share)


class Diagnosis(Struct):
    """How a kernel is wrong."""

    names: list[Named]
    patterns: list[Pattern]
    advice: list[str]
    picture: Picture | None
    taps: Taps | None
    text: list[str]
    calls: Annotated[list[Calls], Meta(max_length=4)] = []


class Element(Struct):
    """An element that is wrong, and how many are."""

    expression: str
    got: Value
    expected: Value
    excess: Value | None
    """the error as a multiple of what rounding can explain, where that was computed"""
    wrong: Count
    total: Count

    @property
    def difference(self) -> float | None:
        """By how much it is off; None where one of both is not finite."""
        got, expected = float(self.got), float(self.expected)
        return got - expected if math.isfinite(got) and math.isfinite(expected) else None

    @property
    def times(self) -> float | None:
        """The error as a multiple of what rounding can explain, where it is more than that."""
        excess = 0.0 if self.excess is None else float(self.excess)
        return excess if excess > 1 else None

    @property
    def words(self) -> str:
        """What it is and should be."""
        excess = None if self.excess is None else float(self.excess)
        return numbers(self.expression, float(self.got), float(self.expected), excess)


class Failure(Struct):
    """A case that a kernel failed."""

    case: str
    outcome: Literal["disagrees", "misbehaved"]
    rank: int
    rerun: str
    said: str
    """what the kernel did, in a sentence"""
    details: list[str]
    """where a call failed, and what it printed"""
    element: Element | None
    described: str
    """the case in words"""
    error: Amount | None
    """the largest error, as a fraction of the bound"""
    snippet: list[str]
    diagnosis: Diagnosis | None

    @property
    def seen(self) -> list[str]:
        """Lines on what came out."""
        lines = [f"  {line}" for line in self.details]
        if self.element:
            lines.append(f"  element  {self.element.words}")
            lines.append(f"  wrong    {share(self.element.wrong, self.element.total)}")
        return lines

    @property
    def again(self) -> list[str]:
        """Lines on the case, and how to judge it again."""
        lines = [f"  case     {self.described}", f"  rerun    {self.rerun}"]
        if self.error is not None:
            lines.append(f"  error    at most {self.error:.3g} times the bound")
        return lines

    @property
    def alone(self) -> list[str]:
        """Lines of code that show it alone."""
        return ["  alone", *(f"    {line}" for line in self.snippet)] if self.snippet else []

    @property
    def text(self) -> str:
        """All that is known but for the diagnosis."""
        return "\n".join([self.said, *self.seen, *self.again, *self.alone])

    @property
    def names(self) -> list[Named]:
        """The mistakes that give the kernel's results."""
        return self.diagnosis.names if self.diagnosis else []

    @property
    def patterns(self) -> list[Pattern]:
        """What is wrong, in words, the most telling first."""
        return self.diagnosis.patterns if self.diagnosis else []

    @property
    def advice(self) -> list[str]:
        """Declarations with which its results would be right."""
        return self.diagnosis.advice if self.diagnosis else []

    @property
    def simplicity(self) -> tuple[int, int, str, str]:
        """What puts the failure of the lowest rank first, then that with least to read."""
        return self.rank, len(self.text), self.case, self.text

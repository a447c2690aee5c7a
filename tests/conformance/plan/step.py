"""Steps: the parts of a plan, each of which is one test of the conformance tests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import ClassVar, NamedTuple

from convcheck.campaigns.certificates import Certificate
from convcheck.cases.case import (
    ROUNDED,
    Case,
    agreement_fills,
    exact_fills,
    nonfinite_fills,
    value_fills,
)
from convcheck.form.counts import most_terms
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import judge, judge_all, not_offered
from convcheck.judging.verdicts import DECIDED, Verdict
from convcheck.kernels.subjects import Subject

from .simplest import simplest

# With integers of +-1 alone, a result is too often zero everywhere.
_CHOICE = 4

# Judged together, since that is faster.
_BATCH = 16

# Of so many geometries one is judged with NaN and infinities, too.
_NONFINITE = 3
# Channels of a block that fast kernels have a path of their own for.
_BLOCK = 16


class Judged(NamedTuple):
    """Verdicts on one example of a step; the step is over where one of them failed."""

    verdicts: list[Verdict]
    rank: int = 0
    """of several steps' failures the one with the lowest is told"""
    random: bool = False
    """whether the example was drawn at random"""
    certificate: Certificate | None = None
    """what begins with this example, and goes on growing"""
    fast: bool | None = None
    """whether the kernel is fast enough for large layers, where that was measured"""
    remarks: Mapping[str, str] = {}
    """by name, what else is to be known; empty texts say nothing"""


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
    return tuple(dtype for dtype in subject.asked if _offers(subject, dtype, layer))


def fore_layers_of(subject: Subject) -> tuple[str, ...]:
    """Return the kinds of layer l+1 with which a kernel is to be judged, if it has one."""
    if subject.operation.default_fore is None:
        return ()
    (dtype, *_) = dtypes_of(subject)
    return tuple(layer for layer in LAYERS if _offers(subject, dtype, layer))


def _offers(subject: Subject, dtype: str, fore_layer: str | None) -> bool:
    if subject.chosen is not None:  # which the simplest geometry need not be among
        usual = fore_layer == subject.operation.default_fore or "fore_layer" in subject.takes
        return usual and any(of == dtype for _, of in subject.chosen)
    geometry = subject.taken.simplest(subject.operation, fore_layer)
    case = Case(subject.operation.name, geometry, dtype, "integers", 0)
    return not_offered(subject, case, "exact") is None


def promised(subject: Subject, dtype: str, fills: Sequence[str]) -> Sequence[str]:
    """Return the fills as a kernel's promise has them, rounded integers beside others."""
    own = [subject.promise.fill(each, dtype) for each in fills]
    rounded = subject.promise.rounds_once(dtype) and subject.operation.default_fore is None
    return [*own, ROUNDED] if rounded and "integers" in fills else own


def as_taken(subject: Subject, geometry: Geometry) -> Geometry:
    """Return a geometry as a kernel takes it; itself, which is not offered, if there is none."""
    return subject.taken.fit(subject.operation, geometry) or geometry


def judge_fills(
    subject: Subject, fills: Sequence[str], geometry: Geometry, seed: int
) -> list[Verdict]:
    """Judge a kernel on a geometry, as it takes it, in every dtype, with each of `fills`."""
    own, name = as_taken(subject, geometry), subject.operation.name
    cases = [
        Case(name, own, dtype, fill, seed)
        for dtype in subject.asked
        for fill in promised(subject, dtype, fills)
    ]
    return judge_all(subject, cases)


def judge_by_turns(subject: Subject, geometries: Iterable[Geometry]) -> Iterator[Judged]:
    """Judge a kernel on each geometry, as it takes it, by turns: see `cases_by_turns`."""
    turns = enumerate(dict.fromkeys(as_taken(subject, each) for each in geometries))
    while batch := list(islice(turns, _BATCH)):
        cases = [cases_by_turns(subject, geometry, turn) for turn, geometry in batch]
        firsts = judge_all(subject, [first for first, *_ in cases])
        for verdict, (_, *others) in zip(firsts, cases, strict=True):
            for each in until_decided(subject, verdict, others):
                yield Judged([simplest(each)])
        special = [case for turn, each in batch for case in nonfinite_by_turns(subject, each, turn)]
        for verdict in judge_all(subject, special):
            yield Judged([simplest(verdict)])


def cases_by_turns(subject: Subject, geometry: Geometry, turn: int) -> list[Case]:
    """Return the cases to judge a geometry on: the first that decides is enough.

    Every second round of dtypes has integers; between them other fills take turns, each of which
    tells a wrong geometry as well, and inputs that are narrowed, too.  What comes after the first
    case is integers, which decide where the first does not.

    Args:
        subject: what is judged.
        geometry: any.
        turn: how many geometries came before.
    """
    operation, dtypes = subject.operation, dtypes_of(subject)
    rounds, first = divmod(turn, len(dtypes))
    turned = dtypes[first:] + dtypes[:first]
    cases = [Case(operation.name, geometry, dtype, "integers", seed=1) for dtype in turned]
    cases = roomy(cases)
    fill = _fill_of(operation, rounds, geometry.bias)
    other = replace(cases[0], fill=subject.promise.fill(fill, cases[0].dtype))
    return cases if fill == "integers" or not _tells(other) else [other, *cases]


def roomy(cases: Sequence[Case]) -> list[Case]:
    """Return those that have integers enough to choose from; if none has, the one with most."""
    found = [case for case in cases if (case.largest or 0) >= _CHOICE]
    return found or [max(cases, key=lambda case: case.largest or 0)]


def until_decided(subject: Subject, first: Verdict, others: Iterable[Case]) -> Iterator[Verdict]:
    """Yield a verdict, and those on further cases until one decides."""
    yield first
    verdict, left = first, iter(others)
    while verdict.outcome not in DECIDED and (case := next(left, None)):
        verdict = judge(subject, case)
        yield verdict


def nonfinite_by_turns(subject: Subject, geometry: Geometry, turn: int) -> list[Case]:
    """Return a case with NaN and infinities, on some geometries; `turn` as in `cases_by_turns`.

    Those that hold a block of channels in and out are all among them: few of them are.
    """
    rounds, rest = divmod(turn, _NONFINITE)
    if rest and min(geometry.channels_in, geometry.channels_out) < _BLOCK:
        return []
    fills, dtypes = nonfinite_fills(subject.operation, geometry.bias), dtypes_of(subject)
    times, at = divmod(rounds, len(fills))
    dtype = dtypes[(rounds + times) % len(dtypes)]
    return [Case(subject.operation.name, geometry, dtype, fills[at], seed=1)]


def by_turns(fills: Sequence[str], turn: int, count: int = 1) -> list[str]:
    """Return `count` of the fills, the next ones with each turn."""
    return [fills[(count * turn + each) % len(fills)] for each in range(count)]


def drawn_fills(operation: Operation, seed: int, bias: int) -> tuple[str, ...]:
    """Return the fills that agreement is judged with on a geometry drawn at random."""
    return (*agreement_fills(operation, bias), *by_turns(value_fills(operation), seed))


def judge_class(subject: Subject, geometry: Geometry, turn: int) -> list[Verdict]:
    """Judge a kernel on the geometry of a class in every dtype.

    It is judged on numbers of all usual kinds, and on two of those of NaN and of values each, by
    turns; `turn` is how many classes came before.
    """
    operation, bias = subject.operation, geometry.bias
    usual = *agreement_fills(operation, bias), "sparse"
    special = nonfinite_fills(operation, bias), value_fills(operation)
    cases = [
        Case(operation.name, geometry, dtype, fill, seed=1)
        for at, dtype in enumerate(subject.asked, start=turn)
        for fill in promised(
            subject,
            dtype,
            (*usual, *(each for fills in special for each in by_turns(fills, at, 2))),
        )
    ]
    return judge_all(subject, cases)


def _fill_of(operation: Operation, rounds: int, bias: int) -> str:
    """Return the fill of a round of dtypes: integers, and one after another of the others."""
    others, odd = divmod(rounds, 2)
    if not odd:
        return "integers"
    _, *wide = exact_fills(operation, bias)
    fills = (*wide, "uniform", *by_turns(value_fills(operation), others // (len(wide) + 2)))
    return fills[others % len(fills)]


def _tells(case: Case) -> bool:
    """Return whether one product more or less is seen in a case: rounding may be as large.

    The bound is about n u times n products, so that n^2 u must be well below one.
    """
    n = most_terms(operation_named(case.operation), case.geometry)
    return case.mode == "exact" or 4 * n**2 * case.format.u <= 1

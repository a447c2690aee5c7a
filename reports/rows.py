"""What tests find, in rows that add up: of one test, of a run, or of several runs.

Every row says by its `key` what it is of.  Rows of one key add up by +, in any order.  What follows
from a row's other fields is set wherever these are.
"""

import json
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Annotated, Any, ClassVar, Self, TypeVar

import msgspec
from msgspec import Meta, field

from convcheck.campaigns.certificates import Certificate as Certified
from convcheck.campaigns.certificates import Counted
from convcheck.diagnosis.beside.likeness import Likeness, likeness
from convcheck.diagnosis.where.claims import Claim
from convcheck.form.formats import FORMATS
from convcheck.form.operations import OPERATIONS, operation_named
from convcheck.judging.bounds import g
from convcheck.judging.enumeration import false_acceptance
from convcheck.judging.verdicts import Outcome

from .failures import Amount, Count, Dtype, Failure, Positive, Struct, one_of

Operation = Annotated[str, one_of(*OPERATIONS)]
Tally = dict[Annotated[str, one_of(*Outcome)], Count]
"""judged cases by outcome"""
Bins = Annotated[list[Count], Meta(min_length=11, max_length=11)]
"""cases by error: at most 1 / 2**k of the bound in bin k, and more than half of that"""
Key = tuple[Any, ...]

CRASHED = "crashed"
NOT_RUN = "not run"
PARTLY = "incomplete"
SO_FAR = "agrees so far"
AGREEING = (Outcome.AGREES.value, SO_FAR)

# The status of a cell is the first of these that it has.
_WORST_FIRST = (
    Outcome.MISBEHAVED,
    Outcome.DISAGREES,
    Outcome.AGREES,
    Outcome.UNDECIDED,
    Outcome.VACUOUS,
    Outcome.NOT_OFFERED,
    Outcome.NOT_APPLICABLE,
)


class Row(Struct):
    """What adds up with others of its key, in any order."""

    of_what: ClassVar[tuple[str, ...]] = ("operation",)

    @property
    def key(self) -> Key:
        """What it is of."""
        return tuple(getattr(self, name) for name in self.of_what)

    def __add__(self, other: Any) -> Self:
        raise NotImplementedError


R = TypeVar("R", bound=Row)


def added(rows: Iterable[R], planned: Iterable[R] = ()) -> list[R]:
    """Add up rows of the same key; planned ones come first in their order, then others by key."""
    found = {row.key: row for row in planned}
    first = len(found)
    for row in rows:
        known = found.get(row.key)
        found[row.key] = row if known is None else known + row
    keys = [*found]
    return [found[key] for key in (*keys[:first], *sorted(keys[first:]))]


T = TypeVar("T")
K = TypeVar("K")


def by(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Return the items in groups of the same key, all in the order that they come in."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _tallied(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _digits(value: float) -> float:
    """Return a number in three digits: more would claim too much."""
    return float(f"{value:.3g}")


class Cell(Row):
    """One operation, property and dtype."""

    of_what = ("operation", "prop", "dtype")
    operation: Operation
    prop: str = field(name="property")
    dtype: Dtype
    status: Annotated[str, one_of(*Outcome, NOT_RUN, CRASHED, PARTLY, SO_FAR)] = NOT_RUN
    counts: Tally = field(default_factory=dict)
    worst: Amount | None = None
    """largest error, as a fraction of its bound"""
    suspicious: Count = 0
    stopped: Count = 0
    """tests of the cell that ended early, at a failure of this or another cell"""
    lost: list[str] = field(default_factory=list)
    """tests that would have filled the cell and gave no result"""
    failure: Failure | None = None

    @property
    def told(self) -> Failure:
        """The failure, of a cell that has one."""
        if self.failure is None:
            raise ValueError(f"{' '.join(self.key)}: expected a failure")
        return self.failure

    def __add__(self, other: Self) -> Self:
        """Add a cell of the same key; a status is given to the sum."""
        failures = [each.failure for each in (self, other) if each.failure]
        errors = [_digits(each.worst) for each in (self, other) if each.worst is not None]
        return msgspec.structs.replace(
            self,
            counts=_tallied(self.counts, other.counts),
            worst=max(errors, default=None),
            suspicious=self.suspicious + other.suspicious,
            stopped=self.stopped + other.stopped,
            lost=self.lost + other.lost,
            failure=min(failures, key=lambda each: each.simplicity, default=None),
        )

    def settle(self, *, crashed: bool, entire: bool) -> None:
        """Set the status: the worst that happened, or that nothing did.

        Args:
            crashed: whether a test of the cell was lost in a crash.
            entire: whether no test was left out that may have filled the cell.
        """
        if self.failure:  # also one found while looking for a smaller case of another
            self.status = self.failure.outcome
        elif crashed:
            self.status = CRASHED
        elif not any(self.counts.values()):
            self.status = NOT_RUN
        elif self.lost:
            self.status = PARTLY
        else:
            self.status = next(each.value for each in _WORST_FIRST if self.counts.get(each.value))
            # A test that failed elsewhere judged less here than it would have; one left out, none.
            if self.status == Outcome.AGREES.value and (self.stopped or not entire):
                self.status = SO_FAR


class Boundary(Row):
    """Judged cases of a boundary class."""

    of_what = ("operation", "kind")
    operation: Operation
    kind: str = field(name="class")
    count: Count

    def __add__(self, other: Self) -> Self:
        return msgspec.structs.replace(self, count=self.count + other.count)


class Pairs(Row):
    """Pairs of classes of two parameters: how many, and how often each was judged."""

    of_what = ("operation", "kind")
    operation: Operation
    kind: str
    pairs: Count
    reached: Count
    least: Count
    counts: list[Count]

    @classmethod
    def of(cls, operation: str, kind: str, counts: list[int]) -> Self:
        """Return the row that these counts, one for each pair, make."""
        reached = sum(map(bool, counts))
        return cls(operation, kind, len(counts), reached, min(counts, default=0), counts)

    def __add__(self, other: Self) -> Self:
        both = zip(self.counts, other.counts, strict=True)
        return self.of(self.operation, self.kind, [one + two for one, two in both])


class Random(Row):
    """Random geometries that were judged without a failure.

    By the rule of three, where n independent draws show no failure, the share of geometries
    that fail is below 3 / n with 95% confidence, as (1 - 3/n)**n < 0.05.
    """

    operation: Operation
    geometries: Positive
    below: Amount

    @classmethod
    def of(cls, operation: str, geometries: int) -> Self:
        """Return the row for so many geometries."""
        return cls(operation, geometries, _digits(min(1, 3 / geometries)))

    def __add__(self, other: Self) -> Self:
        return self.of(self.operation, self.geometries + other.geometries)


class Growth(Row):
    """The worst error of sums of about so many products, in unit roundoffs."""

    products: Positive
    error: Amount
    bound: Amount
    expected: Amount

    @classmethod
    def of(cls, dtype: str, products: int, error: float) -> Self:
        """Return an error beside what it may be and what is expected, in three digits."""
        u = FORMATS[dtype].u
        figures = (error / u, float(g(products, u)) / u, 8 * products**0.5)
        return cls(products, *map(_digits, figures))

    @property
    def key(self) -> Key:
        """The logarithm of the number of products."""
        return (self.products.bit_length() - 1,)

    def __add__(self, other: Self) -> Self:
        return max(self, other, key=lambda each: (each.error, each.products))


class Accuracy(Row):
    """Errors that were seen where the kernel agrees."""

    of_what = ("operation", "dtype")
    operation: Operation
    dtype: Dtype
    distribution: Bins
    growth: list[Growth]

    def __add__(self, other: Self) -> Self:
        both = zip(self.distribution, other.distribution, strict=True)
        distribution = [one + two for one, two in both]
        growth = added([*self.growth, *other.growth])
        return msgspec.structs.replace(self, distribution=distribution, growth=growth)


class Zeros(Row):
    """What a kernel makes of zeros beside NaN and infinity, where both are right."""

    operation: Operation
    spreads: list[str]
    """arrays whose NaN it spreads"""
    skips: bool
    """whether it leaves out products with zero"""

    def __add__(self, other: Self) -> Self:
        spreads = sorted({*self.spreads, *other.spreads})
        return msgspec.structs.replace(self, spreads=spreads, skips=self.skips or other.skips)


class Certificate(Row):
    """What is certified of an operation on a region."""

    of_what = ("operation", "region")
    operation: Operation
    region: str
    geometries: Count
    certified: Count
    undecided: Count
    draws: Annotated[int, Meta(ge=1, le=1000)]
    choices: dict[str, Positive]
    """by dtype, of how many integers each input was drawn from"""
    axes: list[tuple[Count, Count, Count, Count, Count]]
    """extent, taps and stride of an axis; geometries certified with it; extent of the other"""
    degree: Positive
    complete: bool
    chance: dict[str, Amount]
    """by dtype, a bound on the chance that a wrong kernel was accepted"""

    @classmethod
    def of(cls, found: Certified) -> Self:
        """Return what is told of a certificate."""
        region = found.region
        return cls._with(region.operation, str(region), found.planned, found.draws, found)

    @classmethod
    def _with(
        cls, operation: str, region: str, geometries: int, draws: int, found: Counted
    ) -> Self:
        """Return the certificate with what was counted, and what follows from that."""
        degree, choices = operation_named(operation).degree, dict(sorted(found.choices.items()))
        chances = {
            dtype: _digits(false_acceptance(degree, each, draws)) for dtype, each in choices.items()
        }
        axes = [(*axis, *known) for axis, known in sorted(found.axes.items())]
        counts = geometries, found.agreed, found.undecided, draws
        complete = found.agreed == geometries
        return cls(operation, region, *counts, choices, axes, degree, complete, chances)

    @property
    def _counted(self) -> Counted:
        axes = {(wide, taps, stride): (n, other) for wide, taps, stride, n, other in self.axes}
        known = dict(self.choices)
        return Counted(agreed=self.certified, undecided=self.undecided, choices=known, axes=axes)

    def __add__(self, other: Self) -> Self:
        found = self._counted
        found += other._counted
        return self._with(self.operation, self.region, self.geometries, self.draws, found)

    @property
    def followed(self) -> Self:
        """The same, with what follows from its counts as it does."""
        return self._with(self.operation, self.region, self.geometries, self.draws, self._counted)


class Loss(Struct):
    """How many times larger errors are on average, and from where on that is less accurate."""

    ratio: Amount
    limit: Amount


class Compared(Struct):
    """A candidate in one dtype, beside the kernel that it replaces."""

    dtype: Dtype
    cases: Count
    identical: Count
    retyped: Count
    candidate: Bins
    replaced: Bins
    loss: dict[str, Loss]


class Unlike(Struct):
    """A case whose results were to have the bits of another kernel's, and have not."""

    message: str
    rerun: str


class Refactor(Row):
    """A candidate beside the kernel that it replaces."""

    operation: Operation
    candidate: str
    replaces: str
    verdict: Annotated[str, one_of(*Likeness)]
    bitwise: bool
    cases: Count
    identical: Count
    retyped: Count
    failed_replaced: Count
    dtypes: list[Compared]
    example: str | None
    unlike: Unlike | None = None
    """where bits, or dtypes, were to be the same"""

    @property
    def key(self) -> Key:
        """The operation, as the tests' names have it."""
        return (f"{self.operation}-",)

    def __add__(self, other: Self) -> Self:
        both = sorted((self, other), key=lambda each: [one.dtype for one in each.dtypes])
        verdicts = (self.verdict, other.verdict)
        told = msgspec.structs.replace(
            self,
            bitwise=self.bitwise or other.bitwise,
            cases=self.cases + other.cases,
            identical=self.identical + other.identical,
            retyped=self.retyped + other.retyped,
            failed_replaced=self.failed_replaced + other.failed_replaced,
            dtypes=sorted(self.dtypes + other.dtypes, key=lambda each: each.dtype),
            example=next((each.example for each in both if each.example), None),
            unlike=next((each.unlike for each in both if each.unlike), None),
        )
        told.settle(wrong=Likeness.WRONG in verdicts, less=Likeness.LESS in verdicts)
        return told

    def settle(self, *, wrong: bool, less: bool) -> None:
        """Set the verdict: whether the kernel was found wrong, or less accurate, is known."""
        self.verdict = likeness(
            cases=self.cases,
            identical=self.identical,
            retyped=self.retyped,
            failed=wrong,
            failed_replaced=self.failed_replaced,
            less=less,
        ).value

    @property
    def differing(self) -> int:
        """In how many cases bits differ, or at least the dtype."""
        return max(self.cases - self.identical, self.retyped)

    @property
    def lacks_bits(self) -> bool:
        """Whether a candidate that is right was to have the bits of another, and has not."""
        return bool(self.bitwise and self.differing and self.verdict != Likeness.WRONG)


class Kept(Struct):
    """A failing case kept from an earlier run, and what came of it."""

    operation: Operation
    case: str
    outcome: Annotated[str, one_of(*Outcome)]


class Timed(Struct):
    """Seconds that a candidate, and what it replaces, took for the same cases."""

    operation: str
    cases: int
    seconds: list[tuple[float, float]]


class Sum(Struct):
    """What one test found, or several together."""

    cells: list[Cell] = field(default_factory=list)
    boundaries: list[Boundary] = field(default_factory=list)
    pairs: list[Pairs] = field(default_factory=list)
    random: list[Random] = field(default_factory=list)
    zeros: list[Zeros] = field(default_factory=list)
    accuracy: list[Accuracy] = field(default_factory=list)
    certificates: list[Certificate] = field(default_factory=list)
    refactor: list[Refactor] = field(default_factory=list)
    entries: dict[str, dict[str, bool]] = field(default_factory=dict)
    """whether entries of the ledger, or of the domain map, were seen to hold"""


TABLES = Sum.__struct_fields__[:-1]
"""all that a sum has but entries: lists of rows"""


class Record(Sum):
    """What one test found, and what of it is used up before findings are made."""

    seen: dict[str, dict[str, Any]] = field(default_factory=dict)
    """by operation, as `Seen.plain` has it"""
    claims: list[tuple[str, str, str, tuple[Claim, ...]]] = field(default_factory=list)
    """operation, property and dtype of a failure, and what its diagnosis claims"""
    kept: list[Kept] = field(default_factory=list)
    speed: list[Timed] = field(default_factory=list)
    fast: dict[str, bool] = field(default_factory=dict)
    """by operation, whether its kernel is fast enough for large layers"""
    remarks: dict[str, str] = field(default_factory=dict)
    """by case or vector, what is to be known of how it was judged"""

    def dump(self) -> str:
        """Return it as JSON text, fit to cross processes."""
        return json.dumps(msgspec.to_builtins(self))


def record_of(text: str) -> Record:
    """Return the record that another process has sent as JSON."""
    return msgspec.convert(json.loads(text), Record)


def total(sums: Iterable[Sum], planned: Sum) -> Sum:
    """Add up each table of some sums, planned rows first as in `added`."""
    sums = [*sums]
    found = Sum()
    for name in TABLES:
        rows: Iterable[Any] = chain.from_iterable(getattr(each, name) for each in sums)
        setattr(found, name, added(rows, getattr(planned, name)))
    for each in sums:
        for table, entries in each.entries.items():
            seen = found.entries.setdefault(table, {})
            seen.update({name: seen.get(name, True) and holds for name, holds in entries.items()})
    return found

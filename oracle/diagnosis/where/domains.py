"""Domains that a kernel may have and does not declare: it raises outside, and is right inside.

An expression is learned of geometries that are usual, and of some that are drawn: of the
comparisons that hold wherever the kernel is right, the fewest of which one fails wherever it
raises.  Then geometries are drawn inside, on which it has to be right, and such as are outside by
one comparison alone, on which it has to raise: else the expression is narrower than it might be.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from itertools import product
from operator import and_

from convcheck.cases.case import Case
from convcheck.cases.domain import FORE, Domain, Numbers, numbers_of
from convcheck.cases.taken import OF_AXIS, Taken
from convcheck.form.axis import Axis
from convcheck.form.geometry import PARAMETER_NUMBERS, Geometry
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED
from convcheck.kernels.subjects import Call, Request, Subject, Wrapped

from .scan import LARGEST, Draw, deed, products

_FILTERS = ((1, 1), (2, 2), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1), (1, 7), (7, 1))
_CHANNELS = ((1, 1), (3, 8), (8, 3), (16, 4), (4, 16), (2, 2), (8, 8), (32, 64))
_STRIDES = ((1, 1), (2, 2), (2, 1))
_ROUNDS, _DRAWN, _BESIDE, _MOST = 8, 24, 2, 6
_FEW = 8
"""geometries on which a kernel must be right"""
_MULTIPLES = (64, 32, 16, 8, 4, 3, 2)


@dataclass
class _Tried:
    """What a kernel does on geometries."""

    subject: Subject
    dtype: str
    right: dict[Geometry, Numbers] = field(default_factory=dict)
    raised: dict[Geometry, Numbers] = field(default_factory=dict)
    errors: set[str] = field(default_factory=set)
    """what it raised, in words"""
    wrong: bool = False
    """whether it did anything else"""

    def ask(self, geometries: Iterable[Geometry | None]) -> None:
        """Have it judged on geometries."""
        operation, cases = self.subject.operation, []
        for each in dict.fromkeys(geometries):
            if each is not None and operation.fits(each):
                case = Case(operation.name, each, self.dtype, "integers", 1)
                cases += [case] if products(case) <= LARGEST else []
        for verdict in judge_all(self.subject, cases):
            does, geometry = deed(verdict), verdict.case.geometry
            if does.startswith("raised"):
                self.raised[geometry] = numbers_of(geometry)
                self.errors.add(does)
            elif does:
                self.wrong = True
            elif verdict.outcome in DECIDED:
                self.right[geometry] = numbers_of(geometry)


@lru_cache(maxsize=8)
def _surveyed(subject: Subject, dtype: str) -> _Tried:
    """Return what a kernel does on usual geometries, and on some that are drawn."""
    operation, taken = subject.operation, subject.taken
    tried = _Tried(subject, dtype)
    draw = Draw(operation, seed=9, taken=taken)
    tried.ask(taken.fit(operation, each) for each in _usual(operation))
    tried.ask(draw.small() for _ in range(_DRAWN))
    return tried


def refuses(subject: Subject, dtype: str) -> bool:
    """Return whether a kernel raises NotImplementedError, and is right where it does not."""
    tried = _surveyed(subject, dtype)
    refused = bool(tried.errors) and all(
        each.startswith("raised NotImplementedError") for each in tried.errors
    )
    return refused and len(tried.right) >= _FEW and not tried.wrong


def learned(subject: Subject, dtype: str) -> tuple[Domain, int] | None:
    """Return a domain inside of which a kernel is right and outside of which it raises.

    It is one beside that which the kernel declares.  With it comes on how many geometries inside it
    was right.  None where none is found, or where it does anything else.
    """
    operation, taken = subject.operation, subject.taken
    tried = _surveyed(subject, dtype)
    for _ in range(_ROUNDS):
        if tried.wrong or not tried.raised or not tried.right:
            return None
        found = _parting(tried)
        if found is None:
            return None
        whole = found if taken.domain is None else taken.domain & found
        inside = taken._replace(domain=whole)
        near = Draw(operation, seed=10, taken=inside)
        tried.ask(near.small() for _ in range(_DRAWN))
        tried.ask(near.geometry() for _ in range(_DRAWN))
        tried.ask(_beyond(operation, taken, found))
        parted = all(each in found for each in tried.right)
        parted = parted and not any(each in whole for each in tried.raised)
        if parted and not tried.wrong and len(tried.right) >= _FEW:
            return found, len(tried.right)
    return None


def _beyond(operation: Operation, taken: Taken, found: Domain) -> Iterator[Geometry]:
    """Yield geometries that a kernel takes, of which all comparisons hold but one.

    Where that is of one number, some are multiples.
    """
    for at, part in enumerate(found.parts):
        others = [text for other, text in enumerate(found.parts) if other != at]
        named = {name for clause in Domain(part).clauses for each in clause for name in each.names}
        (name,) = named if len(named) == 1 else [""]
        multiples = [f"{name} % {size} == 0" for size in reversed(_MULTIPLES)] if name else []
        for multiple in [None, *multiples]:
            texts = [f"not ({part})", *others, *filter(None, [multiple])]
            outside = reduce(and_, map(Domain, texts))
            own = taken._replace(domain=outside & taken.domain if taken.domain else outside)
            with suppress(ValueError):  # there are none
                own.simplest(operation)
                draw = Draw(operation, seed=11, taken=own)
                yield from (draw.small() for _ in range(_BESIDE))


def _usual(operation: Operation) -> Iterator[Geometry]:
    """Yield geometries of which kernels for some alone mostly take a few."""
    for (h, w), (i, o), (down, right), batch in product(_FILTERS, _CHANNELS, _STRIDES, (1, 2)):
        rows, columns = Axis(h + 3, h, down), Axis(w + 4, w, right)
        geometry = Geometry(batch, rows, columns, i, o)
        if operation.default_fore is None:
            yield geometry
            if (i, o) == _CHANNELS[1] and "padding" in operation.parameters:
                rows, columns = (axis._replace(before=1, after=1) for axis in geometry.axes)
                yield replace(geometry, rows=rows, columns=columns)


def _parting(tried: _Tried) -> Domain | None:
    """Return few comparisons that hold wherever the kernel is right, and nowhere that it raises."""
    right = [*tried.right.values()]
    left, chosen = [*tried.raised.values()], list[int]()
    possible = [Domain(text) for text in _comparisons(right)]
    while left:
        spared = [sum(each.holds(numbers) for numbers in left) for each in possible]
        if len(chosen) == _MOST or not spared or min(spared) == len(left):
            return None
        chosen.append(spared.index(min(spared)))
        left = [numbers for numbers in left if possible[chosen[-1]].holds(numbers)]
    text = " and ".join(str(possible[at]) for at in sorted(chosen))
    return Domain.parse(text, tuple(right[0]))


def _comparisons(right: Sequence[Numbers]) -> Iterator[str]:
    """Yield comparisons that hold of all these numbers, the plainest first."""
    columns: Mapping[str, set[int]] = {n: {each[n] for each in right} for n in right[0]}
    sizes = [name for name in columns if name not in PARAMETER_NUMBERS]
    for name, values in columns.items():
        if len(values) == 1:
            yield f"{name} == {values.pop()}"
            values.add(right[0][name])
    pairs = [
        *((f"{name}_height", f"{name}_width") for name in ("stride", "filter", "dilation")),
        *(("channels_in", "channels_out"), ("groups", "channels_in"), ("height", "width")),
        ("padding_top", "padding_left"),
        *((f"{FORE}{name}_height", f"{FORE}{name}_width") for name in ("stride", "filter")),
    ]
    of_several = [f"{one} == {other}" for one, other in pairs if one in columns]
    of_several += [_no_remainder(axis, columns) for axis in OF_AXIS]
    yield from (text for text in of_several if all(map(Domain(text).holds, right)))
    for name in sizes:
        for size in _MULTIPLES:
            if all(value % size == 0 for value in columns[name]):
                yield f"{name} % {size} == 0"
                break
        if all(value % 2 for value in columns[name]):
            yield f"{name} % 2 == 1"
    for name in columns:
        yield f"{name} <= {max(columns[name])}"
        yield f"{name} >= {min(columns[name])}"


def _no_remainder(axis: str, columns: Mapping[str, set[int]]) -> str:
    """Return that strides leave no remainder, without the parameters that are never used."""
    extent, taps, stride, before, after, apart, _ = OF_AXIS[axis]
    pads = "".join(f" + {each}" for each in (before, after) if columns[each] != {0})
    reach = taps if columns[apart] == {1} else f"{apart} * ({taps} - 1) - 1"
    return f"({extent}{pads} - {reach}) % {stride} == 0"


class _IntegerStrides(Wrapped):
    """A kernel that is handed one integer for equal strides."""

    def requests(self, calls: Sequence[Call]) -> list[Request]:
        """Return calls as such a kernel has them."""
        return [
            each._replace(
                arguments={
                    name: value[0] if name.endswith("strd") else value
                    for name, value in each.arguments.items()
                }
            )
            for each in super().requests(calls)
        ]


def takes_integers(subject: Subject, dtype: str) -> bool:
    """Return whether a kernel that raises is right where it is handed one integer for strides."""
    operation, taken = subject.operation, subject.taken
    if "strd" not in operation.signature or taken.rank == 1:
        return False
    equal = Domain("stride_height == stride_width")
    if operation.default_fore is not None:
        equal &= Domain(f"{FORE}stride_height == {FORE}stride_width")
    own = taken._replace(domain=equal if taken.domain is None else taken.domain & equal)
    tried = _Tried(_IntegerStrides(subject), dtype)
    draw = Draw(operation, seed=9, taken=own)
    tried.ask(draw.geometry() for _ in range(_DRAWN))
    return len(tried.right) >= _FEW and not tried.raised and not tried.wrong

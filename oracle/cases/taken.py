"""What a kernel takes of geometries, and geometries moved there.

The numbers that have to change change, the others stay.  What a domain names is sought number by
number, the nearest values first, and each comparison is tried as soon as all that it names is
chosen.  Then follows what a geometry needs to have a meaning: filters that fit, groups that divide
the channels.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial, reduce
from operator import and_
from typing import Any, NamedTuple

from convcheck.form.axis import Axis
from convcheck.form.geometry import PARAMETER_NUMBERS, Fore, Geometry
from convcheck.form.operations import Operation

from .domain import FORE, SIZES, Clause, Comparison, Domain, Numbers, numbers_of

Needed = Callable[[Geometry], bool]
"""what else is to be so of a geometry"""

_TRIES = 4000
"""values that are tried for one geometry and alternative"""
_FAR = 64
"""numbers up to which all are tried, and farther ones around a number or a constant"""
_SPREAD = 3
"""of so many least values, numbers below them become one by turns"""
OF_AXIS = {
    axis: (
        *(axis, f"filter_{axis}", f"stride_{axis}", f"padding_{before}", f"padding_{after}"),
        *(f"dilation_{axis}", f"output_padding_{axis}"),
    )
    for axis, before, after in (("height", "top", "bottom"), ("width", "left", "right"))
}
"""the numbers of each axis, in the order of `axis.Axis`"""


class Taken(NamedTuple):
    """Which geometries a kernel takes."""

    parameters: tuple[str, ...] = ()
    """those that it takes; others stay at their defaults"""
    symmetric: bool = False
    """whether padding is the same on both sides of an axis"""
    rank: int = 2
    """how many spatial axes it has; 1 for heights of 1 alone"""
    domain: Domain | None = None
    """those alone that it declares, if it does"""

    def __and__(self, other: "Taken") -> "Taken":
        """Return what both of two kernels take."""
        domains = [each for each in (self.domain, other.domain) if each is not None]
        return Taken(
            tuple(each for each in self.parameters if each in other.parameters),
            self.symmetric or other.symmetric,
            min(self.rank, other.rank),
            reduce(and_, domains) if domains else None,
        )

    def refusal(self, geometry: Geometry) -> str | None:
        """Return why a geometry is not taken, whatever its parameters; None if it is."""
        if self.symmetric and any(one != other for one, other in geometry.padding):
            return "it takes padding as a pair, which is symmetric"
        if self.rank == 1 and geometry.rows != Axis(1):
            return "it is of rank 1, for heights of 1 alone"
        if self.domain is not None and geometry not in self.domain:
            return f"it is declared for {self.domain} alone"
        return None

    def fit(
        self,
        operation: Operation,
        geometry: Geometry,
        needed: Needed | None = None,
        kept: Collection[str] = (),
    ) -> Geometry | None:
        """Return a geometry as the kernel takes it, near this one; None if none is found.

        Args:
            operation: that has to have a meaning on it, where there is a domain.
            geometry: any; without a domain, it is taken without other parameters, in these forms.
            needed: what has to be so besides.
            kept: the numbers that a domain does not move.
        """
        g = self._formed(geometry)
        if self.domain is not None:
            return _moved(self, self.domain, operation, g, needed, kept)
        return g if needed is None or needed(g) else None

    def _formed(self, g: Geometry) -> Geometry:
        if self.rank == 1:
            g = replace(g, rows=Axis(1))
        if g.is_plain:
            return g
        given: dict[str, Any] = {name: getattr(g, name) for name in self.parameters}
        if self.symmetric and "padding" in given:
            given["padding"] = tuple((one, one) for one, _ in g.padding)
        return Geometry.of(**{**g.sizes, **given})

    def near(self, operation: Operation, geometry: Geometry) -> Geometry:
        """Return a geometry that the kernel takes, near this one if such a one is found."""
        return self.fit(operation, geometry) or self.simplest(operation)

    def simplest(self, operation: Operation, fore_layer: str | None = None) -> Geometry:
        """Return a small geometry that the kernel takes; ValueError if none is found."""
        found = _simplest(self, operation, fore_layer or operation.default_fore)
        if found is None:
            raise ValueError(
                f"only={str(self.domain)!r}: expected an expression that holds of some geometry of "
                f"{operation.name}; none was found with numbers up to {_FAR}"
            )
        return found

    def values(self, operation: Operation, name: str, wanted: Iterable[int]) -> tuple[int, ...]:
        """Return, ascending, the values of a number in the domain that lie next to wanted ones."""
        home, near = self.simplest(operation), set()
        for value in wanted:
            start = _made({**numbers_of(home), name: value}, _layer(home))
            found = start and self.fit(operation, start)
            near |= {numbers_of(found)[name]} if found else set()
        return tuple(sorted(near))


NOTHING = Taken()
"""of a kernel without parameters"""


class _Rule(NamedTuple):
    names: frozenset[str]
    holds: Callable[[Numbers], bool]


def _moved(
    taken: Taken,
    domain: Domain,
    operation: Operation,
    geometry: Geometry,
    needed: Needed | None,
    kept: Collection[str],
) -> Geometry | None:
    """Return a geometry of the domain that is near one; itself if it is, None if none is found."""
    start = numbers_of(geometry)
    if domain.holds(start) and operation.fits(geometry) and (needed is None or needed(geometry)):
        return geometry
    layer = _layer(geometry)
    found = (
        _Search(taken, domain, clause, operation, layer, needed, kept).nearest(start)
        for clause in domain.clauses
    )
    near = [each for each in found if each is not None]
    return _made(min(near, key=partial(_distance, start)), layer) if near else None


@lru_cache(maxsize=64)
def _simplest(taken: Taken, operation: Operation, fore_layer: str | None) -> Geometry | None:
    for extent, channels, taps in ((1, 1, 1), (5, 2, 2), (8, 8, 3), (16, 4, 5), (32, 3, 7)):
        fore = fore_layer and Fore(fore_layer, channels, 1, 1, 1, 1)
        sizes = extent, extent, channels, channels, taps, taps, 1, 1
        found = taken.fit(operation, Geometry.of(1, *sizes, fore or None))
        if found is not None:
            return found
    return None


def _layer(geometry: Geometry) -> str:
    return geometry.fore.layer if geometry.fore else ""


class _Search:
    """The search for numbers that one alternative holds of."""

    def __init__(
        self,
        taken: Taken,
        domain: Domain,
        clause: Clause,
        operation: Operation,
        layer: str,
        needed: Needed | None,
        kept: Collection[str],
    ) -> None:
        self._domain, self._clause, self._operation = domain, clause, operation
        self._layer, self._needed, self._tries = layer, needed, _TRIES
        self._fixed = _fixed(operation, taken) | {*kept}
        self._own: dict[frozenset[str], list[Comparison]] = {}
        for each in clause:
            self._own.setdefault(each.names, []).append(each)
        self._rules: list[Comparison | _Rule] = [*clause]
        self._rules += _rules(operation, taken)
        self._order = self._ordered()
        self._known: dict[tuple[str, int], list[int]] = {}

    def _ordered(self) -> list[str]:
        """Return the names to choose, those of the expression first, and extents after filters."""
        own = dict.fromkeys(name for each in self._clause for name in sorted(each.names))
        beside: dict[str, None] = {}
        for name in own:
            for rule in self._rules[len(self._clause) :]:
                if name in rule.names:
                    beside |= dict.fromkeys(sorted(rule.names))
        late = {name: at for at, name in enumerate(_LATE)}
        chosen = sorted(own, key=lambda name: late.get(name, -1))
        others = sorted((n for n in beside if n not in own), key=lambda name: late.get(name, -1))
        return [name for name in (*chosen, *others) if name not in self._fixed]

    def nearest(self, start: Numbers) -> Numbers | None:
        """Return numbers near those to start from; None if none are found."""
        self._start = start
        # A rule is looked at as soon as the last of its names is chosen.
        place = {name: at for at, name in enumerate(self._order)}
        self._last: list[list[Comparison | _Rule]] = [[] for _ in self._order]
        for rule in self._rules:
            last = max((place[name] for name in rule.names if name in place), default=None)
            if last is not None:
                self._last[last].append(rule)
            elif not rule.holds(start):
                return None
        return self._chosen(dict(start), 0)

    def _chosen(self, numbers: dict[str, int], at: int) -> Numbers | None:
        """Return numbers whose names from `at` on are chosen; None if there are none."""
        if at == len(self._order):
            made = _made(numbers, self._layer)
            if made is None or not self._operation.fits(made):
                return None
            return dict(numbers) if self._needed is None or self._needed(made) else None
        name = self._order[at]
        near = _same_windows(self._operation, name, self._start, numbers)
        for value in self._values(name, near):
            self._tries -= 1
            if self._tries < 0:
                break
            numbers[name] = value
            if all(rule.holds(numbers) for rule in self._last[at]):
                found = self._chosen(numbers, at + 1)
                if found is not None:
                    return found
        numbers[name] = self._start[name]
        return None

    def _values(self, name: str, now: int) -> Iterator[int]:
        """Yield the values of a number to try, the nearest to `now` first."""
        if now >= _least(name) and self._alone(name, now):
            yield now
        yield from (each for each in self._ordered_values(name, now) if each != now)

    def _alone(self, name: str, value: int) -> bool:
        """Return whether comparisons of a number alone allow a value."""
        return all(each.holds({name: value}) for each in self._own.get(frozenset({name}), ()))

    def _ordered_values(self, name: str, now: int) -> list[int]:
        if (name, now) in self._known:
            return self._known[name, now]
        least, start = _least(name), {now, *self._start.values()}
        near = {
            *start,
            *range(least, _FAR + 1),
            *(each + more for each in start for more in (-1, 1)),
        }
        for each in self._domain.constants:
            few = min(each, _FAR)
            near |= {each - 1, each, each + 1, 2 * each, 3 * each, now * each}
            near |= {*range(now - few, now + few + 1)}
        near &= {0, 1} if name == "bias" else near
        allowed = sorted(each for each in near if each >= least and self._alone(name, each))
        order = sorted(allowed, key=lambda each: (abs(each - now), each))
        if allowed and now < allowed[0]:
            at = max(0, now - max(least, 1)) % _SPREAD
            first = allowed[min(at, len(allowed) - 1)]
            order = [first, *(each for each in order if each != first)]
        self._known[name, now] = order
        return order


def _same_windows(operation: Operation, name: str, start: Numbers, numbers: Numbers) -> int:
    """Return a number's value, of an extent that which leaves as many windows as there were."""
    own = OF_AXIS.get(name)
    if own is None or not operation.layer.narrows:
        return start[name]
    was, now = (Axis(*(n[each] for each in own)) for n in (start, numbers))
    if was[1:] == now[1:]:
        return start[name]
    span = operation.layer.span(was)
    made = operation.layer.span(now)._replace(steps=max(1, span.steps))
    left = min(max(0, span.remainder), now.stride - 1)
    return max(1, made.reached + left - now.before - now.after)


def _least(name: str) -> int:
    own = name.removeprefix(FORE)
    return int(own in SIZES or own.startswith(("dilation", "groups"))) * (own != "batch")


def _fixed(operation: Operation, taken: Taken) -> frozenset[str]:
    """Return the numbers that are not to be moved."""
    varied = tuple(each for each in taken.parameters if each in operation.parameters)
    fixed = {each for each in PARAMETER_NUMBERS if not each.startswith(varied)}
    if taken.rank == 1:
        fixed |= {name for name in _LATE if name.endswith(("height", "top", "bottom"))}
    return frozenset(fixed)


def _rules(operation: Operation, taken: Taken) -> Iterator[_Rule]:
    """Yield what has to be so of the numbers of any geometry."""
    yield _Rule(
        frozenset({"groups", "channels_in", "channels_out"}),
        lambda n: (
            n["groups"] > 0
            and n["channels_in"] % n["groups"] == n["channels_out"] % n["groups"] == 0
        ),
    )
    for own in OF_AXIS.values():
        yield _Rule(frozenset(own), _fitting(operation, own))
        if taken.symmetric:
            yield _even(*own[3:5])


def _even(before: str, after: str) -> _Rule:
    return _Rule(frozenset({before, after}), lambda n: n[before] == n[after])


def _fitting(operation: Operation, own: tuple[str, ...]) -> Callable[[Numbers], bool]:
    narrows = operation.layer.narrows
    return lambda n: not Axis(*(n[name] for name in own)).misfit("", narrows=narrows)


# In what order numbers are chosen: what comes last gives way first.
_LATE = (
    *("groups", "stride_height", "stride_width", "fore_stride_height", "fore_stride_width"),
    *("filter_height", "filter_width", "dilation_height", "dilation_width"),
    *("padding_top", "padding_left", "padding_bottom", "padding_right"),
    *("output_padding_height", "output_padding_width"),
    *("fore_filter_height", "fore_filter_width", "height", "width"),
)


def _made(numbers: Numbers, layer: str) -> Geometry | None:
    """Return the geometry with these numbers; None if there is none."""
    n = numbers
    own: dict[str, Any] = {name: n[name] for name in (*SIZES, "groups", "bias")}
    for name in ("dilation", "output_padding"):
        own[name] = n[f"{name}_height"], n[f"{name}_width"]
    try:
        if layer:
            of_fore = {k.removeprefix(FORE): v for k, v in n.items() if k.startswith(FORE)}
            own["fore"] = Fore(layer, **of_fore)
        pads = (n[f"padding_{side}"] for side in ("top", "bottom", "left", "right"))
        top, bottom, left, right = pads
        return Geometry.of(**own, padding=((top, bottom), (left, right)))
    except ValueError:
        return None


def _distance(start: Numbers, numbers: Numbers) -> tuple[int, float]:
    """Return how far numbers are from those to start from: how many differ, and by how much."""
    changed = [(start[name], value) for name, value in numbers.items() if value != start[name]]
    return len(changed), sum(abs(a - b) / (1 + a) for a, b in changed)

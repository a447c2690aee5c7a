"""Regions of what a kernel takes: the part of a region that is in its domain."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from itertools import islice, product

from convcheck.form.axis import Axis
from convcheck.form.geometry import PARAMETER_NUMBERS, Geometry, require_extent
from convcheck.form.layers import Layer
from convcheck.form.operations import Operation, operation_named

from .axes import Along
from .domain import FORE, Domain, Numbers, names, numbers_of
from .parameters import ParameterRegion
from .regions import Region, Sizes, geometry_of
from .taken import OF_AXIS, Taken

_FARTHER = 8
"""by how much extents may be larger than those of a region of all geometries"""
_MOST, _EACH = 2**21, 500
"""multiplications in a region of parameters, or so many for each geometry of that without domain"""
_SIZES = 2
"""numbers of channels in, and out, where not all are taken"""


@dataclass(frozen=True)
class Inside(Region):
    """Those geometries of a region that are in a domain.

    Combinations of batch and channels that are not are left out; where they take turns, the next
    one has its turn.
    """

    only: str = ""
    """the expression of the domain, as `domain` reads it"""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        super().__post_init__()
        domain = Domain.parse(self.only, names(operation_named(self.operation)))
        object.__setattr__(self, "only", str(domain))

    def __str__(self) -> str:
        """Return what the region holds, in words."""
        first, semicolon, rest = super().__str__().partition("; ")
        return f"{first} for which {self.only}{semicolon}{rest}"

    def _sizes_in_words(self) -> Iterator[str]:
        yield f"with {', '.join(self._listed)}"
        if self.full_to < self.extent:
            yield f"up to {self.full_to} in every combination of these"
            yield "beyond, in one of these each, by turns"
        else:
            yield "in every combination of these"

    def count(self, span: range | None = None) -> int:
        """Return how many geometries the region, or a span of it, holds, each in one dtype."""
        return sum(1 for _ in self.geometries(span=span))

    def _at(
        self,
        fore_layer: str | None,
        along: tuple[Along, Along],
        several: tuple[Sizes, ...],
        turn: int,
    ) -> Iterator[tuple[int, Geometry, str]]:
        at = 0 if several else turn % len(self.full)
        numbers, free = dict(_PLAIN), list[str]()
        for side, each in zip(OF_AXIS, along, strict=True):
            numbers |= _numbers(side, each)
            free += self._free(side, fore_layer, each)
        for number, sizes in enumerate(several or (*self.full[at:], *self.full[:at])):
            numbers.update(zip(_OF_SIZES, sizes[:4], strict=True))
            found = next(filter(Domain(self.only).holds, alike(self.only, numbers, free)), None)
            if found:
                rows, columns = map(_with_strides, OF_AXIS, along, (found, found))
                yield number, geometry_of(fore_layer, rows, columns, sizes), sizes.dtype
                if not several:
                    return

    def _along(
        self, side: str, fore_layer: str | None, extent: int, *, beyond: bool = False
    ) -> tuple[Along, ...]:
        found = super()._along(side, fore_layer, extent, beyond=beyond)
        may_hold = Domain(self.only).may_hold
        return tuple(
            each
            for each in found
            if any(
                may_hold(numbers)
                for numbers in alike(
                    self.only, _numbers(side, each), self._free(side, fore_layer, each)
                )
            )
        )

    def _free(self, side: str, fore_layer: str | None, along: Along) -> Iterator[str]:
        """Yield the strides that may be larger: those that leave a single step."""
        layer = operation_named(self.operation).layer
        span = layer.span(along.axis)
        if span.steps == 1:
            yield f"stride_{side}"
        if fore_layer is not None:
            after = Axis(layer.output_of(span), *along[1:])
            if Layer(fore_layer).span(after).steps == 1:
                yield f"fore_stride_{side}"


def alike(only: str, numbers: Numbers, free: Iterable[str]) -> Iterator[Numbers]:
    """Yield numbers, and others that do the same, since `free` ones of them may be larger."""
    yield numbers
    domain = Domain(only)
    names = [name for name in free if any(name in c.names for each in domain.clauses for c in each)]
    strides = (value for name, value in numbers.items() if "stride" in name)
    wanted = sorted({*domain.constants, *strides})
    values = ([numbers[n], *(each for each in wanted if each > numbers[n])] for n in names)
    for chosen in islice(product(*values), 1, None):
        yield {**numbers, **dict(zip(names, chosen, strict=True))}


_PLAIN = numbers_of(Geometry.of(1, 1, 1, 1, 1, 1, 1, 1, 1))
_WITHOUT = {name: _PLAIN[name] for name in PARAMETER_NUMBERS}
_OF_SIZES = ("batch", "channels_in", "channels_out", "fore_channels_out")


def _numbers(side: str, along: Along) -> dict[str, int]:
    """Return the numbers along height, or width, by their names in a domain."""
    own = side, f"filter_{side}", f"stride_{side}", f"fore_filter_{side}", f"fore_stride_{side}"
    return dict(zip(own, (*along.axis[:3], *along[1:]), strict=True))


def _with_strides(side: str, along: Along, numbers: Numbers) -> Along:
    stride, fore_stride = (numbers[f"{of}stride_{side}"] for of in ("", FORE))
    return Along(along.axis._replace(stride=stride), along.fore_taps, fore_stride)


@dataclass(frozen=True)
class ParametersInside(ParameterRegion):
    """The part of a region of parameters that is in a domain.

    Every distinct axis that can be there is, beside other axes, and with batch, channels, groups
    and bias, that are moved there.
    """

    only: str = ""
    """the expression of the domain, as `domain` reads it"""
    reach: int = 0
    """how far filters reach at most; 0 stands for `extent`"""
    least: tuple[int, int] = (1, 1)
    """the first of the `extent` heights, and widths, that there are"""
    turns: bool = False
    """whether an axis stands beside one kind of others, by turns"""
    few: bool = False
    """whether batch, channels and groups are 1, before they are moved"""
    every: int = 1
    """one axis of so many is there"""

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        super().__post_init__()
        domain = Domain.parse(self.only, names(operation_named(self.operation)))
        object.__setattr__(self, "only", str(domain))
        object.__setattr__(self, "reach", self.reach or self.extent)
        for each in (*self.least, self.reach, self.every):
            require_extent("least, reach and every", each, 1)

    def __str__(self) -> str:
        """Return what the region holds, in words."""
        first, *rest = super().__str__().split("; ")
        return "; ".join([f"{first}, with which {self.only} can hold", *rest, _MOVED])

    def _extents_in_words(self) -> str:
        if self.least == (1, 1):
            return super()._extents_in_words()
        height, width = (f"{first} to {first + self.extent - 1}" for first in self.least)
        return f"{self._side} height from {height} or width from {width}"

    def _every_in_words(self) -> str:
        return f"one in {self.every} of the distinct" if self.every > 1 else "every distinct"

    def _sizes_in_words(self) -> str:
        if not self.few:
            return super()._sizes_in_words()
        bias = ", a bias where nothing else is summed" * ("bias" in self.takes)
        return f"batch, channels and groups 1{bias}; {' and '.join(self.dtypes)} by turns"

    def _others_in_words(self) -> str:
        return super()._others_in_words() + ", by turns" * self.turns

    @property
    def _reach(self) -> int:
        return self.reach

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """Every distinct axis along height or width, the simplest first."""
        return tuple(dict.fromkeys(axis for _, axis in self._kept()))

    def _kept(self) -> Iterator[tuple[str, Axis]]:
        """Yield the axes that can be along height, and along width, as the domain has them."""
        domain, layer = Domain(self.only), self._layer
        for side, least in [*zip(OF_AXIS, self.least, strict=True)][-self.rank :]:
            for axis in self._axes(least):
                span, own = layer.span(axis), OF_AXIS[side]
                free = [own[2]] * (span.steps == 1)
                free += [own[5]] * (span.taps == 1 and "dilation" in self.takes)
                possible = alike(self.only, dict(zip(own, axis, strict=True)), free)
                numbers = next(filter(domain.may_hold, possible), None)
                if numbers:
                    yield side, Axis(*numbers.values())

    @cached_property
    def _sizes(self) -> tuple[tuple[int, ...], ...]:
        return _ONES if self.few else super()._sizes

    @property
    def sides(self) -> set[str]:
        """Of height and width those along which there is an axis."""
        return {side for side, _ in self._kept()}

    @property
    def starts(self) -> int:
        """At most how many geometries there are."""
        return len([*self._kept()]) * (1 if self.turns else len(self._beside))

    @property
    def _beside(self) -> tuple[Axis, ...]:
        return (Axis(1),) if self.rank == 1 else self.others

    def moved(self) -> Iterator[Geometry]:
        """Yield the geometries, the simplest first."""
        operation = operation_named(self.operation)
        taken = Taken(self.takes, self.symmetric, self.rank, Domain(self.only))
        found = set[tuple[Axis, Axis]]()
        for at, (side, axis) in enumerate(islice(self._kept(), 0, None, self.every)):
            turn = at % len(self._beside)
            for other in self._beside[turn : turn + 1] if self.turns else self._beside:
                axes = (axis, other) if side == "height" else (other, axis)
                start = self._sized(len(found), *axes)
                kept = (*OF_AXIS[side], *["bias"] * (not self._meets(axis)))
                own = taken.fit(operation, start, kept=kept)
                if own and own.axes not in found and (own.bias or all(map(self._meets, own.axes))):
                    found.add(own.axes)
                    yield own

    def multiplies_beyond(self, most: int) -> bool:
        """Return whether more is multiplied where a kernel is called on all."""
        total = 0
        for g in self.moved():
            along = (span.steps * span.taps for span in map(self._layer.span, g.axes))
            total += math.prod((g.batch, g.channels_in, g.channels_out // g.groups, *along))
            if total > most:
                return True
        return False

    @property
    def places(self) -> int:
        """How many geometries there are."""
        return len(_moved(self))

    def _geometry(self, place: int) -> Geometry:
        return _moved(self)[place]


_ONES = ((1, 1, 1, 1, 0),)
_MOVED = "all but the one axis is changed where that does not hold"


@lru_cache(maxsize=8)
def _moved(region: ParametersInside) -> tuple[Geometry, ...]:
    return tuple(region.moved())


@lru_cache(maxsize=16)
def inside(region: Region, taken: Taken) -> Region:
    """Return the region in whose place a kernel with a domain is certified; itself without one.

    Batches and channels are those of the domain.  Extents are larger, as long as not much more is
    multiplied: so that of filters of one size, or of strides of one kind, there are more.
    """
    if taken.domain is None:
        return region
    if not taken.domain.may_hold(_WITHOUT):
        return Inside(**asdict(region), only=str(taken.domain))
    operation = operation_named(region.operation)
    kinds = [taken.values(operation, name, region.channels) for name in _channels(operation)]
    kept = (each if each == region.channels else each[:_SIZES] for each in kinds)
    home = taken.simplest(operation)
    extents = [span.wide for span in operation.spans(home)]
    sizes = {
        "batches": taken.values(operation, "batch", region.batches),
        "channels": tuple(sorted({*(value for each in kept for value in each)})),
        "narrow": max(region.narrow, min(extents)),
        "only": str(taken.domain),
    }
    most, found = 2 * _products(region), region
    first = max(region.extent, *extents)
    for full_to in (max(region.full_to, *extents), region.full_to):
        for extent in range(first, first + _FARTHER + 1):
            own = {"extent": extent, "reach": max(region.reach, extent)}
            own |= dict.fromkeys(("full_to", "pairs_to"), full_to)
            larger = Inside(**{**asdict(region), **sizes, **own})
            if _products(larger, most) > most:
                break
            found = larger
        if found is not region:
            return found
    return Inside(**{**asdict(region), **sizes, **own, "extent": first})


def _channels(operation: Operation) -> tuple[str, ...]:
    own = ("channels_in", "channels_out")
    return own if operation.default_fore is None else (*own, "fore_channels_out")


def _products(region: Region, most: float = math.inf) -> int:
    """Return about how much is multiplied where a kernel is called on all; or more than `most`."""
    total = 0
    for _, g, _ in region.geometries():
        extents = (axis.extent * axis.taps for axis in g.axes)
        total += math.prod((g.batch, g.channels_in, g.channels_out, *extents))
        if total > most:
            break
    return total


@lru_cache(maxsize=16)
def parameters_inside(region: ParameterRegion, taken: Taken) -> ParameterRegion:
    """Return the region of parameters in whose place a kernel with a domain is certified.

    Filters reach as far as those of the domain.  Extents are larger where there are few geometries,
    and where there are many the kinds of the other axis take turns.  Where much is multiplied,
    channels are fewer, and so are then the axes.
    """
    if taken.domain is None:
        return region
    operation = operation_named(region.operation)
    height, width = operation.spans(taken.simplest(operation))
    reach = max(region.extent, height.reach, width.reach)
    own = ParametersInside(**asdict(region), only=str(taken.domain), reach=reach)
    if len(own.sides) < taken.rank or next(own.moved(), None) is None:
        own = replace(own, least=(height.wide, width.wide))
    for extent in range(region.extent + 1, region.extent + _FARTHER + 1):
        larger = replace(own, extent=extent, reach=max(reach, extent))
        if larger.starts > region.places:
            break
        own = larger
    own = replace(own, turns=own.starts > 2 * region.places)
    most = max(_MOST, region.places * _EACH)
    if own.multiplies_beyond(most):
        own = replace(own, turns=True)
    if own.multiplies_beyond(most):
        own = replace(own, few=True)
    while own.every < own.starts and own.multiplies_beyond(most):
        own = replace(own, every=2 * own.every)
    return own

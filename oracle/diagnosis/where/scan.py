"""Geometries to ask a kernel about, around one or drawn at random, and what it does on them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from convcheck.cases.case import Case, is_of_values
from convcheck.cases.numbers import Raw
from convcheck.cases.taken import NOTHING, Taken
from convcheck.form.axis import Axis, reaching
from convcheck.form.geometry import PARAMETER_NUMBERS, Fore, Geometry
from convcheck.form.layers import LAYERS, Layer
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED, Verdict
from convcheck.kernels.misbehaviour import Misbehaviour
from convcheck.kernels.subjects import Subject

from .statements import FORE, FORE_SIZES, SIZES, TOTALS, columns_of, numbers_of

LARGEST = 200_000
"""cases with more products than this are too slow to be asked by the hundred"""
_DRAWN, _AT_ONCE = 20_000, 32
_DRAWS = 1000
"""times that a geometry is drawn which has few products, and then the simplest one is taken"""

_CHANNELS = (*range(1, 10), 15, 16, 17, 31, 32, 33, 64)
_EXTENTS = (*range(1, 14), 15, 16, 17, 31, 32, 33)
_VALUES = {
    "batch": (1, 2, 3, 4, 5, 8),
    "height": _EXTENTS,
    "width": _EXTENTS,
    "channels_in": _CHANNELS,
    "channels_out": _CHANNELS,
    **dict.fromkeys(("filter_height", "filter_width"), tuple(range(1, 8))),
    **dict.fromkeys(("stride_height", "stride_width"), tuple(range(1, 6))),
    **dict.fromkeys(FORE_SIZES, tuple(range(1, 5))),
    **dict.fromkeys(PARAMETER_NUMBERS, (*range(6), 8, 9, 16, 17)),
    **dict.fromkeys(("dilation_height", "dilation_width"), (*range(1, 6), 8, 9)),
    "groups": (1, 2, 3, 4, 8, 9, 16, 32),
    "bias": (0, 1),
}
VARIED = frozenset(_VALUES)
"""the numbers of a geometry that are varied"""


def products(case: Case) -> int:
    """Return how many products a layer of this geometry sums."""
    return numbers_of(operation_named(case.operation), case.geometry)["products"]


def size_of(case: Case) -> tuple[int, str]:
    """Return what orders cases by size, always in the same way."""
    return products(case), str(case)


def smaller(case: Case) -> Case:
    """Return a case with the same filter, strides, channels and parameters, and few steps an axis.

    They are two at most, beside those that padding adds or takes.  Two layers are left as they are.
    """
    g = case.geometry
    if g.fore is not None:
        return case
    layer = operation_named(case.operation).layer
    rows, columns = (each._replace(extent=min(each.extent, _few(layer, each))) for each in g.axes)
    return replace(case, geometry=replace(g, batch=1, rows=rows, columns=columns))


def _few(layer: Layer, axis: Axis) -> int:
    """Return an extent of which few windows are made."""
    if layer.narrows:
        return axis.stride + axis.reach
    return 2 - -(axis.before + axis.after) // axis.stride


def neighbours(
    operation: Operation, geometry: Geometry, taken: Taken = NOTHING
) -> Iterator[Geometry]:
    """Yield geometries that differ from one in one number each, or in the kind of layer l+1.

    Where a kernel does not take them, others that are near.
    """
    if geometry.fore is not None:
        other = Layer(geometry.fore.layer).other
        yield replace(geometry, fore=replace(geometry.fore, layer=other))
    for name in _sized(geometry, taken):
        others = (changed(geometry, {name: value}) for value in _VALUES[name])
        yield from filter(None, (taken.fit(operation, each) for each in others if each))


def _sized(geometry: Geometry, taken: Taken) -> list[str]:
    """Return the names of its sizes, and of numbers of the parameters that are taken."""
    names = SIZES if geometry.fore is None else (*SIZES, *FORE_SIZES)
    return [*names, *(each for each in PARAMETER_NUMBERS if each.startswith(taken.parameters))]


def changed(geometry: Geometry, sizes: dict[str, int]) -> Geometry | None:
    """Return a geometry with other numbers, by the names of `statements`; None if it is none.

    Other groups have as many channels each, where these are not changed, too.
    """
    own = {name: size for name, size in sizes.items() if not name.startswith(FORE)}
    for name in ("channels_in", "channels_out") if "groups" in own else ():
        own.setdefault(name, getattr(geometry, name) // geometry.groups * own["groups"])
    try:
        made = geometry.resized(**own)
    except ValueError:  # groups do not divide the channels
        return None
    if made.fore is None:
        return made
    fore: dict[str, Any] = {n.removeprefix(FORE): sizes[n] for n in FORE_SIZES if n in sizes}
    return replace(made, fore=replace(made.fore, **fore))


_PARTS = {
    **dict.fromkeys(("height", "top", "bottom"), "rows"),
    **dict.fromkeys(("width", "left", "right"), "columns"),
    **dict.fromkeys(("in", "out", "groups"), "channels"),
}


def _parts(name: str) -> set[str]:
    """Return what parts of a geometry a number is about."""
    return {"rows", "columns"} if name in TOTALS else {_PARTS.get(name.rpartition("_")[2], name)}


class Draw:
    """Random sizes of an operation's geometries, the same in every run."""

    _BATCH = (1, 1, 2, 3, 4)
    _CHANNELS = (1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17)
    _TAPS = (1, 1, 2, 3, 3, 4, 5)
    _STRIDE = (1, 1, 2, 3, 4)
    _STEPS = (1, 2, 3, 3, 4, 5, 7, 9)

    def __init__(self, operation: Operation, seed: int, taken: Taken = NOTHING) -> None:
        self._operation, self._raw, self._taken = operation, Raw(seed, stream=2), taken

    def of(self, values: Sequence[Any]) -> Any:
        """Return one of `values`."""
        return values[self._raw.below(len(values))]

    def _axis(self, most: int) -> Axis:
        """Return one axis of a geometry."""
        steps, taps, stride = (
            self.of([value for value in values if value <= most])
            for values in (self._STEPS, self._TAPS, self._STRIDE)
        )
        span = reaching(steps, taps, stride, remainder=self._raw.below(stride))
        return self._operation.layer.plain_axis(span)

    def small(self) -> Geometry:
        """Return a geometry with no number above 3, or not far: there most kinds lie close."""
        return self.geometry(most=3)

    def geometry(self, most: int = 99) -> Geometry:
        """Return a geometry; one in three has the same rows and columns."""
        channels = [value for value in self._CHANNELS if value <= most]
        for _ in range(_DRAWS):
            rows, columns = self._axis(most), self._axis(most)
            if self._raw.below(3) == 0:
                columns = rows
            batch, channels_in, channels_out = map(self.of, (self._BATCH, channels, channels))
            layer = Geometry(batch, rows, columns, channels_in, channels_out)
            layer = self._with_fore(layer) if self._operation.default_fore else layer
            found = self._with_parameters(layer)
            if found and self.fits(found):
                return found
        return self._taken.simplest(self._operation)

    def _with_parameters(self, layer: Geometry) -> Geometry | None:
        """Return a layer as the kernel takes it, three in four with some parameters."""
        names = [each for each in PARAMETER_NUMBERS if each.startswith(self._taken.parameters)]
        if not names or self._raw.below(4) == 0:
            return self._taken.fit(self._operation, layer)
        some = [name for name in names if self._raw.below(2)]
        made = changed(layer, {name: self.of(_VALUES[name][:4]) for name in some})
        return self._fit(made) if made else None

    def _fit(self, geometry: Geometry) -> Geometry | None:
        """Return a geometry as the kernel takes it; padding is even in one of four."""
        if geometry.is_plain:
            return self._taken.fit(self._operation, geometry)
        even = self._taken.symmetric or self._raw.below(4) == 0
        return self._taken._replace(symmetric=even).fit(self._operation, geometry)

    def _with_fore(self, layer: Geometry) -> Geometry:
        outputs = self._operation.output_extents(layer)
        kind = self.of(range(2))
        taps = [1 + self._raw.below(min(3, extent) if kind == 0 else 3) for extent in outputs]
        strides = [self.of((1, 1, 2, 3)) for _ in outputs]
        fore = Fore(LAYERS[kind], self.of((1, 2, 3, 4)), *taps, *strides)
        return replace(layer, fore=fore)

    def mutated(self, geometry: Geometry, about: Collection[str] = ()) -> Geometry | None:
        """Return a geometry with one to three sizes drawn anew; None if it has no meaning.

        The sizes are those on which numbers depend that it is `about`, if it is about some.  In one
        of two, there are as many windows as before: else a condition on these hides what stands
        beside it.
        """
        every = _sized(geometry, self._taken)
        parts = set().union(*map(_parts, about))
        names = [name for name in every if _parts(name) & parts] or every
        sizes = {}
        for _ in range(1 + self._raw.below(3)):
            name = self.of(names)
            sizes[name] = self.of(_VALUES[name][:4] if self._raw.below(2) else _VALUES[name])
        made = changed(geometry, sizes)
        if made and self._raw.below(2):
            made = self._with_windows_of(geometry, made)
        made = made and self._fit(made)
        return made if made and self.fits(made) else None

    def _with_windows_of(self, other: Geometry, made: Geometry) -> Geometry:
        """Return a geometry with extents, or padding, that make as many windows as another has."""
        if not self._operation.layer.narrows:
            return made  # an extent is a number of windows there
        pads = "padding" in self._taken.parameters and self._raw.below(2)
        names = ("padding_bottom", "padding_right") if pads else ("height", "width")
        spans = map(self._operation.spans, (other, made))
        sizes = {}
        for name, before, after in zip(names, *spans, strict=True):
            size = getattr(made, name) + (before.steps - after.steps) * after.stride
            sizes[name] = max(size, 0 if pads else 1)
        return made.resized(**sizes)

    def fits(self, geometry: Geometry) -> bool:
        """Return whether the operation has a meaning on it, and few products."""
        try:
            case = Case(self._operation.name, geometry, "float64", "integers", 0)
        except ValueError:
            return False
        return products(case) <= _DRAWN


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
    """Return the dtype of a case, and what is special about its numbers: others may be right."""
    if is_of_values(case.fill):
        return f"{case.dtype}, {case.fill}"
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

"""The layers of published networks, and of a user's own, agree with PyTorch at full size.

A loop kernel takes minutes for many of them, so results are judged in a random sample, each
on its own receptive field; layers that are small are judged whole, and all where that is asked for.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from convcheck.cases.case import Case, exact_fills, nonfinite_fills
from convcheck.conformance.shapes.huge import is_huge, judge_any
from convcheck.conformance.shapes.networks import Layer, distinct_layers, evened
from convcheck.conformance.shapes.patches import patch
from convcheck.conformance.shapes.sampled import WIDEST, fields, judge_sampled, sample
from convcheck.form.counts import most_terms
from convcheck.form.formats import DTYPES
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, by_turns

# Results of which one has a receptive field.
_TRIES = 8

# Multiply-add steps of a layer that is judged whole.
_WHOLE = 500_000

# Multiply-add steps up to which a layer of these networks is judged backwards too, and in
# every dtype.
_SMALL = 50_000_000
_BACKWARDS = ("LeNet-5", "FCN-8s")

# Products that a result sums at most where the batch has more than one item: of a user's own
# layers, gradients of filters sum all of it.
_MOST_TERMS = 2**14


@dataclass(frozen=True)
class RealLayer(Step):
    """A layer of a network: exactly, within the bound, and on NaN by turns."""

    layer: Layer
    dtype: str
    turn: int = 0
    """how many layers came before"""
    all_results: bool = False
    """whether they are asked for, however large the layer is"""
    among: tuple[Layer, ...] = ()
    """of the first of several, all of their layers: it tells how many of these are judged"""
    kind: str = ""
    """what these are called"""

    fills = ("real layers",)
    filed = "real layers"

    @property
    def name(self) -> str:
        """What tells the step from others of its kind, without spaces."""
        return re.sub(r"[^\w.:*-]+", "_", f"{self.layer}-{self.operation.name}-{self.dtype}")

    @property
    def only(self) -> str:
        """The dtype in which it judges."""
        return self.dtype

    @property
    def replayable(self) -> bool:
        """Whether every result is judged, so that case ids say all that there is to judge."""
        products = self.layer.multiplications * self.layer.geometry.batch
        return self.all_results or products <= _WHOLE

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on all fills at once."""
        yield Judged(self._verdicts(subject), remarks=self._left_out(subject))

    def _geometry(self, subject: Subject) -> Geometry:
        """Return the layer's geometry as the kernel takes it, where it takes it at all."""
        own = self.layer.geometry
        return evened(self.operation.layer, own) if subject.taken.symmetric else own

    def _verdicts(self, subject: Subject) -> list[Verdict]:
        geometry, name = self._geometry(subject), self.operation.name
        (exact,), (special,) = (
            by_turns(fills(self.operation, geometry.bias), self.turn)
            for fills in (exact_fills, nonfinite_fills)
        )
        exactly, bounded, nonfinite = (
            Case(name, geometry, self.dtype, fill, seed=1) for fill in (exact, "uniform", special)
        )
        if self.replayable:
            cases = (exactly, bounded, *[nonfinite] * (not is_huge(exactly)))
            return [judge_any(subject, case) for case in cases]
        # Of some results NaN would seldom be a part: it is put into the call for some of them.
        found = (
            patch(self.operation, geometry, index, WIDEST, symmetric=subject.taken.symmetric)
            for index in sample(self.operation, geometry, _TRIES, seed=1)
        )
        parts = [replace(nonfinite, geometry=each.geometry) for each in found if each][:1]
        sampled = [judge_sampled(subject, case) for case in (exactly, bounded)]
        return [*sampled, *(judge(subject, part) for part in parts)]

    def _is_taken(self, subject: Subject) -> bool:
        """Return whether the kernel takes the layer, or the parts of it that are judged."""
        whole = self._geometry(subject)
        if not subject.takes.issuperset(self.operation.keywords(whole)):
            return False
        refusal, even = subject.taken.refusal, subject.taken.symmetric
        parts = (each.geometry for each, _ in fields(self.operation, whole, symmetric=even))
        return refusal(whole) is None and (self.replayable or None in map(refusal, parts))

    def _left_out(self, subject: Subject) -> dict[str, str]:
        """Return how many of the layers are taken, if not all."""
        steps = [replace(self, layer=each) for each in self.among]
        count, taken = len(steps), sum(each._is_taken(subject) for each in steps)  # noqa: SLF001
        if taken == count:
            return {}
        few = f"{taken:,} of {count:,} judged" if taken else f"none of {count:,} judged"
        said = f"{few}: it takes no {'others' if taken else 'such'}"
        return {f"{self.kind} of {self.operation.name}": said}


def _telling(steps: Iterable[RealLayer], kind: str) -> Iterator[RealLayer]:
    """Yield the steps, the first of which tells of them all."""
    several = [*steps]
    among = tuple(dict.fromkeys(each.layer for each in several))
    for at, each in enumerate(several):
        yield each if at else replace(each, among=among, kind=kind)


def real_layers(
    operation: Operation, effort: str, *, all_results: bool = False
) -> Iterator[RealLayer]:
    """Yield a step for each layer and dtype that an operation is judged on.

    Large layers are judged in float32 alone at default effort, and not at all at the least.
    Those of a user's own are in `own_layers`.
    """
    steps = (
        RealLayer(operation, layer, dtype, turn, all_results)
        for turn, layer in enumerate(distinct_layers())
        if effort != "quick" or layer.multiplications <= _SMALL
        if _is_judged(operation, layer)
        for dtype in DTYPES
        if effort == "thorough" or _is_small(layer) or dtype == "float32"
    )
    return _telling(steps, "published layers")


def own_layers(
    operation: Operation, effort: str, layers: Sequence[Layer], *, all_results: bool = False
) -> Iterator[RealLayer]:
    """Yield a step for each of a user's own layers, whose gradients are judged like themselves."""
    own = (
        (turn, replace(layer, geometry=_summable(operation, operation.taking(layer.geometry))))
        for turn, layer in enumerate(layers)
        if operation.trilinear and operation.layer == layer.operation
    )
    steps = (
        RealLayer(operation, layer, dtype, turn, all_results)
        for turn, layer in own
        for dtype in (DTYPES if effort == "thorough" else ("float32",))
    )
    return _telling(steps, "own layers")


def _summable(operation: Operation, geometry: Geometry) -> Geometry:
    """Return a geometry with as many batch items as results may sum products."""
    while geometry.batch > 1 and most_terms(operation, geometry) > _MOST_TERMS:
        geometry = geometry.resized(batch=geometry.batch // 2)
    return geometry


def _is_judged(operation: Operation, layer: Layer) -> bool:
    """Return whether an operation is judged on a layer: of some, gradients are too.

    Those of a bias are not: no result of theirs has a receptive field that is smaller than all.
    """
    own = operation.trilinear and operation.layer == layer.operation
    return own and (operation.name == operation.layer or _is_small(layer))


def _is_small(layer: Layer) -> bool:
    return layer.network in _BACKWARDS and layer.multiplications <= _SMALL

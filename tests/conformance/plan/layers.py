"""The layers of published networks agree with PyTorch at full size.

A loop kernel takes minutes for many of them, so results are judged in a random sample, each
on its own receptive field; layers that are small are judged whole, and all where that is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from convcheck.cases.case import Case, exact_fills, nonfinite_fills
from convcheck.conformance.shapes.networks import Layer, distinct_layers
from convcheck.conformance.shapes.patches import WIDEST, judge_sampled, patch
from convcheck.form.formats import DTYPES
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, by_turns

OUTPUTS = 32

# Multiply-add steps of a layer that is judged whole.
_WHOLE = 500_000

# Multiply-add steps up to which a layer of these networks is judged backwards too, and in
# every dtype.
_SMALL = 50_000_000
_BACKWARDS = ("LeNet-5", "FCN-8s")


@dataclass(frozen=True)
class RealLayer(Step):
    """A layer of a published network: exactly, within the bound, and on NaN by turns."""

    layer: Layer
    dtype: str
    turn: int = 0
    """how many layers came before"""
    all_results: bool = False
    """whether they are asked for, however large the layer is"""

    fills = ("real layers",)
    filed = "real layers"

    @property
    def name(self) -> str:
        """What tells the step from others of its kind, without spaces."""
        return f"{self.layer}-{self.operation.name}-{self.dtype}".replace(" ", "_")

    @property
    def only(self) -> str:
        """The dtype in which it judges."""
        return self.dtype

    @property
    def replayable(self) -> bool:
        """Whether every result is judged, so that case ids say all that there is to judge."""
        return self.all_results or self.layer.multiplications <= _WHOLE

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on all fills at once."""
        geometry, name = self.layer.geometry, self.operation.name
        (exact,), (special,) = (
            by_turns(fills(self.operation), self.turn) for fills in (exact_fills, nonfinite_fills)
        )
        exactly, bounded, nonfinite = (
            Case(name, geometry, self.dtype, fill, seed=1) for fill in (exact, "uniform", special)
        )
        if self.replayable:
            yield Judged([judge(subject, case) for case in (exactly, bounded, nonfinite)])
            return
        # Of some results NaN would seldom be a part: it is put into the call for some of them.
        first = patch(self.operation, geometry, (0,) * 4, WIDEST)
        assert first is not None, "a window reaches the first result"
        part = replace(nonfinite, geometry=first.geometry)
        sampled = [judge_sampled(subject, case, OUTPUTS) for case in (exactly, bounded)]
        yield Judged([*sampled, judge(subject, part)])


def real_layers(
    operation: Operation, effort: str, *, all_results: bool = False
) -> Iterator[RealLayer]:
    """Yield a step for each layer and dtype that an operation is judged on.

    Large layers are judged in float32 alone at default effort, and not at all at the least.
    """
    return (
        RealLayer(operation, layer, dtype, turn, all_results)
        for turn, layer in enumerate(distinct_layers())
        if effort != "quick" or layer.multiplications <= _SMALL
        if _is_judged(operation, layer)
        for dtype in DTYPES
        if effort == "thorough" or _is_small(layer) or dtype == "float32"
    )


def _is_judged(operation: Operation, layer: Layer) -> bool:
    """Return whether an operation is judged on a layer: of some, gradients are too.

    Those of a bias are not: no result of theirs has a receptive field that is smaller than all.
    """
    own = operation.trilinear and operation.layer == layer.operation
    return own and (operation.name == operation.layer or _is_small(layer))


def _is_small(layer: Layer) -> bool:
    return layer.network in _BACKWARDS and layer.multiplications <= _SMALL

"""The layers of published networks agree with PyTorch at full size.

A loop kernel takes minutes for many of them, so results are judged in a random sample, each
on its own receptive field; layers that are small are judged whole, and all where that is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from convcheck.cases.case import Case
from convcheck.conformance.shapes.networks import Layer, distinct_layers
from convcheck.conformance.shapes.patches import judge_sampled
from convcheck.form.formats import DTYPES
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge
from convcheck.kernels.subjects import Subject

from .step import Judged, Step

OUTPUTS = 32
FILLS = ("integers", "uniform")

# Multiply-add steps of a layer that is judged whole.
_WHOLE = 500_000

# Multiply-add steps up to which a layer of these networks is judged backwards too, and in
# every dtype.
_SMALL = 50_000_000
_BACKWARDS = ("LeNet-5", "FCN-8s")


@dataclass(frozen=True)
class RealLayer(Step):
    """A layer of a published network: exactly and within the bound."""

    layer: Layer
    dtype: str
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
        """Judge the kernel on both fills at once."""
        cases = [
            Case(self.operation.name, self.layer.geometry, self.dtype, fill, seed=1)
            for fill in FILLS
        ]
        if self.replayable:
            yield Judged([judge(subject, case) for case in cases])
        else:
            yield Judged([judge_sampled(subject, case, OUTPUTS) for case in cases])


def real_layers(
    operation: Operation, effort: str, *, all_results: bool = False
) -> Iterator[RealLayer]:
    """Yield a step for each layer and dtype that an operation is judged on.

    Large layers are judged in float32 alone at default effort, and not at all at the least.
    """
    return (
        RealLayer(operation, layer, dtype, all_results)
        for layer in distinct_layers()
        if effort != "quick" or layer.multiplications <= _SMALL
        if _is_judged(operation, layer)
        for dtype in DTYPES
        if effort == "thorough" or _is_small(layer) or dtype == "float32"
    )


def _is_judged(operation: Operation, layer: Layer) -> bool:
    """Return whether an operation is judged on a layer: of some, gradients are too."""
    own = operation.default_fore is None and operation.layer == layer.operation
    return own and (operation.name == operation.layer or _is_small(layer))


def _is_small(layer: Layer) -> bool:
    return layer.network in _BACKWARDS and layer.multiplications <= _SMALL

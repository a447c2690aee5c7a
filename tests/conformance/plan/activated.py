"""The backward kernels train a network with real activations.

The cases hand `d_act` over as data.  Here it is the derivative of an activation, and the
expected gradient is autograd's through that same activation, in float64.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from convcheck.cases.case import Case
from convcheck.form import pytorch
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import Operation
from convcheck.judging.bounds import bound
from convcheck.judging.judge import judge_against, not_judged
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.subjects import Subject

from .step import Judged, Step, as_taken

ACTIVATIONS = ("identity", "relu", "tanh", "sigmoid", "leaky_relu")


@dataclass(frozen=True)
class Activated(Step):
    """An activation between both layers, the stride of layer l+1 leaving a remainder."""

    fore_layer: str
    activation: str

    fills = ("activations",)

    @property
    def only(self) -> str:
        """The dtype in which it judges."""
        return "float64"

    @property
    def replayable(self) -> bool:
        """Whether case ids say all that there is to judge: not what `d_act` is here."""
        return False

    @property
    def name(self) -> str:
        """What tells the step from others of its kind."""
        return f"{self.operation.name}-{self.fore_layer}-{self.activation}"

    def judge(self, subject: Subject) -> Iterator[Judged]:
        """Judge the kernel on one geometry, in float64."""
        geometry = Geometry.of(2, 7, 6, 2, 3, 3, 2, 2, 1, Fore(self.fore_layer, 2, 2, 2, 2, 3))
        geometry = as_taken(subject, geometry)
        case = Case(self.operation.name, geometry, "float64", "uniform", seed=3)
        arrays = case.arrays()
        arrays["d_act"], expected = _network(self.operation, geometry, self.activation, arrays)
        limits = bound(self.operation, geometry, arrays, "float64")
        # Autograd's step through an activation takes up to two roundings more than the product
        # with d_act, and g(n + 2) <= 2 g(n) for the bound's n, which is four at least.
        limits = replace(limits, error=2 * limits.error)
        agrees = Verdict(case, subject, "activations", Outcome.AGREES)
        verdict = not_judged(subject, case, agrees.prop)
        if verdict is None:
            verdict = judge_against(agrees, arrays, expected, limits)
        yield Judged([verdict])


def activated(operation: Operation) -> Iterator[Activated]:
    """Yield a step for each kind of layer l+1 and activation, if the operation has a layer l+1."""
    return (
        Activated(operation, layer, activation)
        for layer in LAYERS
        if operation.default_fore
        for activation in ACTIVATIONS
    )


def _activation(name: str) -> Any:
    import torch  # noqa: PLC0415  (a second to import, and not needed to collect)

    if name == "identity":
        return torch.clone
    return torch.nn.functional.leaky_relu if name == "leaky_relu" else getattr(torch, name)


def _network(
    operation: Operation, g: Geometry, activation: str, arrays: dict[str, Any]
) -> tuple[Any, Any]:
    """Return act'(z) and dL/dfltrs of the network with `activation` between its layers."""
    import torch  # noqa: PLC0415

    act = _activation(activation)
    assert g.fore is not None
    layer, fore = operation.layer, g.fore.layer
    fltrs = pytorch.filters(layer, arrays["fltrs"]).requires_grad_()
    z = pytorch.apply(layer, pytorch.images(arrays["x"]), fltrs, g.strides)
    a = act(z)
    fore_w = pytorch.filters(fore, arrays["fore_w"])
    y = pytorch.apply(fore, a, fore_w, g.fore.strides)
    dy = pytorch.images(arrays["fore_delta"])
    (d_act,) = torch.autograd.grad(a, z, torch.ones_like(a), retain_graph=True)
    (gradient,) = torch.autograd.grad(y, fltrs, dy)
    return pytorch.from_images(d_act), pytorch.from_filters(layer, gradient)

"""The backward kernels train a network with real activations.

The cases hand `d_act` over as data.  Here it is the derivative of an activation, and the
expected gradient is autograd's through that same activation, in float64.
"""

from dataclasses import replace
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.conformance.plugin.fills import fills
from convcheck.conformance.plugin.kernels import kernel_for, operations
from convcheck.conformance.plugin.recording import Record
from convcheck.form import pytorch
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.bounds import bound
from convcheck.judging.judge import judge_against, not_judged
from convcheck.judging.verdicts import Outcome, Verdict

pytestmark = pytest.mark.usefixtures("one_thread")

ACTIVATIONS = ("identity", "relu", "tanh", "sigmoid", "leaky_relu")


def _activation(name: str) -> Any:
    import torch  # noqa: PLC0415  (a second to import, and not needed to collect)

    if name == "identity":
        return torch.clone
    return torch.nn.functional.leaky_relu if name == "leaky_relu" else getattr(torch, name)


def _network(case: Case, activation: str, arrays: dict[str, Any]) -> tuple[Any, Any]:
    """Return act'(z) and dL/dfltrs of the network with `activation` between its layers."""
    import torch  # noqa: PLC0415

    act = _activation(activation)
    g, operation = case.geometry, OPERATIONS[case.operation]
    assert g.fore is not None
    layer, fore = operation.layer, g.fore.layer
    fltrs = pytorch.filters(layer, arrays["fltrs"]).requires_grad_()
    z = pytorch.apply(layer, pytorch.images(arrays["x"]), fltrs, (g.stride_height, g.stride_width))
    a = act(z)
    fore_w = pytorch.filters(fore, arrays["fore_w"])
    y = pytorch.apply(fore, a, fore_w, (g.fore.stride_height, g.fore.stride_width))
    dy = pytorch.images(arrays["fore_delta"])
    (d_act,) = torch.autograd.grad(a, z, torch.ones_like(a), retain_graph=True)
    (gradient,) = torch.autograd.grad(y, fltrs, dy)
    return pytorch.from_images(d_act), pytorch.from_filters(layer, gradient)


@fills("activations")
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("fore_layer", LAYERS)
@pytest.mark.parametrize(
    "operation",
    [operation for operation in operations() if operation.default_fore],
    ids=lambda operation: operation.name,
)
def test_gradient_through_activation(
    record: Record, operation: Operation, fore_layer: str, activation: str
) -> None:
    """The kernel returns autograd's gradient, the stride of layer l+1 leaving a remainder."""
    geometry = Geometry.of(2, 7, 6, 2, 3, 3, 2, 2, 1, Fore(fore_layer, 2, 2, 2, 2, 3))
    case = Case(operation.name, geometry, "float64", "uniform", seed=3)
    arrays = case.arrays()
    arrays["d_act"], expected = _network(case, activation, arrays)
    limits = bound(operation, geometry, arrays, "float64")
    # Autograd's step through an activation takes up to two roundings more than the product
    # with d_act, and g(n + 2) <= 2 g(n) for the bound's n, which is four at least.
    limits = replace(limits, error=2 * limits.error)
    agrees = Verdict(case, kernel_for(operation.name), "activations", Outcome.AGREES)
    verdict = not_judged(agrees.kernel, case, agrees.prop)
    if verdict is None:
        verdict = judge_against(agrees, arrays, expected, limits)
    record.judged(
        [verdict],
        rerun=f"pytest --pyargs convcheck.conformance.test_activations -k "
        f"'{operation.name} and {fore_layer}-{activation}'",
    )

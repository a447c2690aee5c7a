"""Classes of torch's: modules, and autograd functions."""

import inspect
from collections.abc import Callable
from typing import Any

from .layer import NO_BIAS, Gradients
from .roles import make, role_of, roles_of

_LIKE_CONV2D = {
    "in_channels": "in",
    "out_channels": "out",
    "kernel_size": "size",
    "stride": "stride",
    **{name: name for name in ("padding", "dilation", "groups", "output_padding", "bias")},
}
_NEUTRAL = {"padding": 0, "dilation": 1, "groups": 1, "output_padding": 0}
"""of what a gradient's case does not say, and a parameter without a default has to be handed"""


class _Made:
    """A layer, and what gradients are computed of."""

    def __init__(self, call: Callable[[Any], Any], ftr: Any, bias: Any) -> None:
        self.call, self.ftr, self.bias = call, ftr, bias
        self.x: Any = None
        self.z: Any = None


class _Recorded:
    """A layer whose gradients autograd computes."""

    def forward(self, made: _Made, x: Any) -> Any:
        """Return the output."""
        made.x = x.detach().requires_grad_()
        made.z = made.call(made.x)
        return made.z

    def backward(self, made: _Made, delta: Any) -> Gradients:
        """Return what autograd makes of the gradient of the last output; None for no bias."""
        import torch  # noqa: PLC0415  (a second, that others do not need)

        inputs = [each for each in (made.x, made.ftr, made.bias) if each is not None]
        found = torch.autograd.grad(made.z, inputs, delta, allow_unused=True)
        return (*found, None) if made.bias is None else found


class Module(_Recorded):
    """A module's class, or whatever makes a module as torch.nn.Conv2d is made."""

    def __init__(self, found: Callable[..., Any], *, transposed: bool) -> None:
        """Take it.

        Raises:
            ValueError: it has a parameter that may be anything.
        """
        self._found, self._transposed = found, transposed
        kinds = {each.kind for each in inspect.signature(found).parameters.values()}
        others = _LIKE_CONV2D if inspect.Parameter.VAR_KEYWORD in kinds else {}
        self._roles = {**others, **roles_of(found)}

    def build(self, ftr: Any, bias: Any, strd: Any, **given: Any) -> _Made:
        """Return a module that has this filter and bias."""
        groups = given.get("groups", 1)
        first, second, *taps = ftr.shape
        channels = (first, second * groups) if self._transposed else (second * groups, first)
        values = {
            **_NEUTRAL,
            "in": channels[0],
            "out": channels[1],
            "size": tuple(taps),
            "stride": strd,
        }
        numbers = {role: _fewest(each) for role, each in {**values, **given}.items()}
        numbers["bias"] = bias is not None
        module = make(self._found, self._roles, numbers).to(ftr.dtype)
        return _Made(module, *_put(module, ftr, bias))


def behind_filter(found: type) -> list[inspect.Parameter]:
    """Return the parameters of an autograd function behind its input and filter.

    Before these it has a context, unless that is set up elsewhere.
    """
    own = [each for each in found.__mro__ if not each.__module__.startswith("torch")]
    apart = any("setup_context" in vars(each) for each in own)
    function: Callable[..., Any] = getattr(found, "forward")  # noqa: B009  (of no known type)
    return [*inspect.signature(function).parameters.values()][2 if apart else 3 :]


class Function(_Recorded):
    """An autograd function, called as torch.nn.functional.conv2d is."""

    def __init__(self, found: Any) -> None:
        """Take it.

        Raises:
            ValueError: it has a parameter that may be anything.
        """
        self._apply = found.apply
        behind = behind_filter(found)
        self._behind = [(role_of(each.name), each.default) for each in behind]
        if any(
            role is None and default is inspect.Parameter.empty for role, default in self._behind
        ):
            names = ", ".join(each.name for each in behind)
            raise ValueError(f"of {names} behind input and filter, one may be anything")

    def build(self, ftr: Any, bias: Any, strd: Any, **given: Any) -> _Made:
        """Return the function of an input alone; without a bias that of zeros, where it has to."""
        ftr = ftr.detach().requires_grad_()
        if bias is None and ("bias", inspect.Parameter.empty) in self._behind:
            bias = ftr.new_zeros(ftr.shape[0])
        bias = None if bias is None else bias.detach().requires_grad_()
        values = {**_NEUTRAL, "stride": strd, **given}
        numbers = {role: _fewest(each) for role, each in values.items()} | {"bias": bias}
        order = [numbers.get(str(role), default) for role, default in self._behind]
        return _Made(lambda x: self._apply(x, ftr, *order), ftr, bias)


def _fewest(numbers: Any) -> Any:
    """Return one number for several that are equal."""
    return numbers[0] if isinstance(numbers, tuple | list) and len({*numbers}) == 1 else numbers


def _put(module: Any, ftr: Any, bias: Any) -> tuple[Any, Any]:
    """Put a filter and a bias into a module's parameters; return these."""
    import torch  # noqa: PLC0415

    named = dict(module.named_parameters())
    filters = [each for each in named.values() if each.ndim == ftr.ndim]
    biases = [each for each in named.values() if each.ndim < ftr.ndim]
    if len(filters) != 1 or filters[0].shape != ftr.shape or len(biases) > 1:
        has = ", ".join(f"{name} {tuple(each.shape)}" for name, each in named.items())
        raise TypeError(
            f"expected one filter of shape {tuple(ftr.shape)} among the module's parameters, "
            f"which are {has or 'none'}"
        )
    if bias is not None and not biases:
        raise TypeError(NO_BIAS)
    with torch.no_grad():
        filters[0].copy_(ftr)
        for each in biases:
            each.copy_(torch.zeros(()) if bias is None else bias.view(each.shape))
    return filters[0], biases[0] if biases and bias is not None else None

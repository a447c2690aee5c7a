"""What the parameters of a constructor are for, by the names that people give them."""

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

_NAMES = {
    "in": r"in|n_?in|c_?in|in_?(c|ch|chans?|channels?|planes|depth|features)|channels_in"
    r"|input_?(c|ch|channels?|depth)|(n|num)_?(in_?)?(channels?|inputs?)|channels|depth|n_?c_prev",
    "out": r"out|n_?out|c_?out|out_?(c|ch|chans?|channels?|planes|depth|features)|channels_out"
    r"|output_?(c|ch|channels?|depth)|(n|num|nb)_?(of_)?(filters?|kernels?|outputs?)|n_?c"
    r"|filters",
    "size": r"(k|kernel|filter)_?(size|dim|shape)|kernel|size|f|k|ksize|field",
    "stride": r"s|strides?|step",
    "padding": r"p|pads?|padding|zero_?padding",
    "dilation": r"d|dilations?|dilation_rate",
    "groups": r"g|groups?",
    "output_padding": r"output_?padding",
    "bias": r"b|bias|biases|(use|with|has)_?bias",
}
_ARRAYS = {"filter": r"w|weights?|filters?|kernels?|ftr|fltrs", **_NAMES}
"""where the filter is handed over, not its sizes"""


class UnknownError(ValueError):
    """A parameter is for nothing that is known."""


def role_of(name: str) -> str | None:
    """Return what a parameter beside arrays is for, if that is known."""
    own = name.lower().strip("_")
    return next((role for role, names in _NAMES.items() if re.fullmatch(names, own)), None)


def roles_of(function: Callable[..., Any]) -> Mapping[str, str]:
    """Return what each parameter of a constructor, or of `build`, is for, by its name.

    One that takes any keyword has those of torch.nn.Conv2d.  What is a word by default, such as
    "same", is left so.

    Raises:
        UnknownError: one that has no default is for nothing that is known.
    """
    parameters = inspect.signature(function).parameters
    lower = {name: name.lower().strip("_") for name in parameters}
    sized = any(re.fullmatch(_NAMES[role], lower[n]) for n in lower for role in ("in", "size"))
    table = _NAMES if sized else _ARRAYS
    found: dict[str, str] = {}
    for name, parameter in parameters.items():
        various = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if various or isinstance(parameter.default, str):
            continue
        fits = (r for r, names in table.items() if re.fullmatch(names, lower[name]))
        role = next((role for role in fits if role not in found.values()), None)
        if role is not None:
            found[name] = role
        elif parameter.default is parameter.empty:
            what = getattr(function, "__name__", "it")
            raise UnknownError(
                f"{what} has a parameter {name}, which may be anything: write build(filters, bias, "
                "stride, padding), which makes the layer"
            )
    return found


def make(function: Callable[..., Any], roles: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    """Return what a constructor, or `build`, makes of values by their roles.

    A number is handed over as a pair where that is the parameter's default; so is a size of which
    a single number is no good.
    """
    parameters = inspect.signature(function).parameters
    pairs = {name for name, each in parameters.items() if isinstance(each.default, tuple | list)}
    own = {name: values[role] for name, role in roles.items() if role in values}
    own |= {name: (each, each) for name, each in own.items() if name in pairs and _is_one(each)}
    try:
        return function(**own)
    except TypeError:
        sizes = [name for name, role in roles.items() if role == "size" and _is_one(own.get(name))]
        if sizes:
            with suppress(Exception):
                return function(**{**own, **{name: (own[name],) * 2 for name in sizes}})
        raise


def _is_one(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

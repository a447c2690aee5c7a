"""Which layer a function or a class is, and which ones a module has."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

from convcheck.cases.domain import Domain
from convcheck.form.operations import operation_named

from .classes import Class
from .layer import Layer
from .modules import Function, Module, behind_filter
from .pairs import BACKWARD, FORWARD, Pair, entrance, is_pair, names_of_numbers
from .roles import UnknownError, role_of, roles_of
from .style import STYLES
from .tried import Tried

_CONVOLUTION = re.compile(r"conv(olution(al)?)?_?(2d)?_?(layer|op|func(tion)?)?_?|my_?conv\w*")
_OTHER = re.compile(r"relu|pool|norm|bn|transpose|deconv|[13]d|net|depthwise|block|cell|test")


def layer_of(
    style: str, found: Callable[..., Any], tensors: str, filters: str, *, transposed: bool
) -> Layer:
    """Return the layer that a function, or a class, stands for; arrays have these axes.

    Raises:
        ValueError: it is none of that style.
    """
    if style == "module":
        of_function = inspect.isclass(found) and _has_base(found, "Function")
        return Function(found) if of_function else Module(found, transposed=transposed)
    if style == "layer":
        return Class(found, filters)
    return Pair(found, tensors, filters, coursera=style == "coursera")


def lines_in(module: ModuleType, place: str, written: Callable[[Any], bool]) -> Iterator[str]:
    """Yield a line for each layer of a module, the plainest first, and those that take most.

    Args:
        module: where they stand.
        place: by which it is named.
        written: says whether something was written there, not imported.
    """
    layers = (
        (name, style, narrower(style, each)) for name, style, each in _layers(module, written)
    )
    for name, style, own in sorted(layers, key=lambda each: ("naive" not in each[0], len(each[2]))):
        more = "".join(f",{key}={value}" for key, value in own.items())
        yield f"convolution={place}:{name},style={style}{more}"


def narrower(
    style: str, found: Callable[..., Any], operation: str = "convolution"
) -> dict[str, str]:
    """Return what is to be declared where a layer's parameters leave out some of its style's."""
    pair = style in ("cs231n", "coursera")
    takes = _taken_by_pair(entrance(found)) if pair else _taken_by(found)
    declared = STYLES[style].declared(operation).get("takes", "")
    own, domain = [each for each in declared.split("+") if takes(each)], list[str]()
    tried = _tried(style, found, operation)
    if tried is not None:
        domain = tried.domain(padding="padding" in own)
        if any("padding" in part for part in domain) and "padding" not in own:
            own.insert(0, "padding")
        if "bias" in own and not tried.biased:
            own.remove("bias")
    if not takes("stride"):
        domain += ["stride_height==1", "stride_width==1"]
    more = {} if "+".join(own) == declared else {"takes": "+".join(own)}
    if pair and _is_of_torch(entrance(found)):
        more["arrays"] = "torch"
    return more | ({"only": " and ".join(domain)} if domain else {})


def _is_of_torch(function: Callable[..., Any]) -> bool:
    """Return whether a function names torch, and not NumPy."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    names = () if code is None else code.co_names
    return "torch" in names and not {"np", "numpy"} & {*names}


def _tried(style: str, found: Callable[..., Any], operation: str) -> Tried | None:
    """Return what tries a class; None of what is none, or cannot be made."""
    own = STYLES[style]
    narrows = operation_named(operation).layer.narrows
    if not inspect.isclass(found) or style not in ("layer", "module") or not narrows:
        return None
    try:
        layer = layer_of(style, found, own.tensors, own.filters, transposed=False)
    except ValueError:  # as is told where it is judged
        return None
    return Tried(layer, own)


def within_both(given: Mapping[str, Any], narrower: Mapping[str, str]) -> dict[str, Any]:
    """Return what is given and, where that is silent, what a layer has to declare besides.

    Of two domains it has what is in both.
    """
    both = {**narrower, **given}
    if given.get("only") and "only" in narrower:
        with suppress(ValueError):  # which is told of where it is read
            own = Domain(given["only"]).parts
            more = [each for each in Domain(narrower["only"]).parts if each not in own]
            both["only"] = " and ".join([f"({given['only']})", *more])
    return both


Takes = Callable[[str], bool]
Found = tuple[str, str, Callable[..., Any]]


def _layers(module: ModuleType, written: Callable[[Any], bool]) -> Iterator[Found]:
    """Yield name and style of each layer, and the layer; of classes, what `build` makes."""
    build = getattr(module, "build", None)
    built = inspect.isfunction(build) and written(build)
    for name, each in [*vars(module).items()]:
        if not callable(each) or not written(each):
            continue
        if inspect.isfunction(each):
            style = _style_of_pair(vars(module), name, each)
            if style is not None:
                yield name, style, each
        elif inspect.isclass(each) and _is_convolution(name) and not built:
            style = _style_of_class(each)
            if style is not None:
                yield name, style, each
    if build is not None and built:
        yield "build", "layer", build


def _is_convolution(name: str) -> bool:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace(FORWARD, "")
    parts = "_".join(part for part in words.split("_") if part)
    return bool(re.search(_CONVOLUTION, parts)) and not re.search(_OTHER, parts)


def style_of(found: Callable[..., Any]) -> str | None:
    """Return the style of a layer that a function, or a class, is the entrance of; None if of none.

    What stands beside a function is looked at where that was written.
    """
    if inspect.isclass(found):
        return _style_of_class(found)
    beside = getattr(inspect.unwrap(found), "__globals__", None)
    name = getattr(found, "__name__", "")
    return None if beside is None else _style_of_pair(beside, name, found)


def _style_of_pair(
    beside: Mapping[str, Any], name: str, function: Callable[..., Any]
) -> str | None:
    other = beside.get(name.replace(FORWARD, BACKWARD))
    names = [*inspect.signature(function).parameters]
    if FORWARD not in name or not _is_convolution(name) or not callable(other) or len(names) < 4:
        return None
    return "coursera" if "hparam" in names[3] or names[0].startswith("A") else "cs231n"


def _taken_by_pair(forward: Callable[..., Any]) -> Takes:
    own = names_of_numbers(forward)
    return lambda what: not own or what == "bias" or {"padding": "pad"}.get(what, what) in own


def _style_of_class(found: type) -> str | None:
    """Return the style of a class with a backward pass, or of torch's."""
    home = {each.__module__.partition(".")[0] for each in found.__mro__}
    if "torch" in home:
        return "module"
    if is_pair(found):
        return "cs231n"
    forward = any(callable(getattr(found, name, None)) for name in (FORWARD, "__call__"))
    return "layer" if forward and callable(getattr(found, BACKWARD, None)) else None


def _has_base(found: type, name: str) -> bool:
    """Return whether a class is one of torch's of this name, without torch being imported."""
    return any(
        each.__name__ == name and each.__module__.startswith("torch") for each in found.__mro__
    )


def _taken_by(found: Callable[..., Any]) -> Takes:
    """Return what says whether a class, or `build`, takes a parameter."""
    if inspect.isclass(found) and _has_base(found, "Function"):
        own = [role_of(each.name) for each in behind_filter(found)]
        return lambda what: what in own
    if any(each.kind is each.VAR_KEYWORD for each in inspect.signature(found).parameters.values()):
        return lambda _: True
    try:
        roles = {*roles_of(found).values()}
    except UnknownError:
        return lambda what: what in ("stride", "padding", "bias")
    sized = roles & {"in", "out", "size"}
    return lambda what: what in roles or (what == "bias" and bool(sized))

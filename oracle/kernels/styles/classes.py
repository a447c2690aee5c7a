"""Classes with `forward` and `backward`, or what `build(filters, bias, stride, padding)` makes."""

import inspect
import random
import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np

from .layer import NO_BIAS, Gradients
from .roles import make, roles_of

_GRADIENT = re.compile(r"d_?[a-z]\w*|\w*grad\w*|\w*delta\w*", re.IGNORECASE)


class Kept(NamedTuple):
    """An array that a layer keeps: in an attribute, or in a table or list that is one."""

    home: MutableMapping[Any, Any]
    key: Any
    name: str

    @property
    def array(self) -> Any:
        """What is kept there."""
        return self.home[self.key]


class Made(NamedTuple):
    """A layer, and its filter and bias as they were handed over."""

    layer: Any
    home: Any
    """what keeps them: the layer, or one inside it"""
    ftr: Any
    bias: Any


class Class:
    """A layer that is an object, by its class or by a function that makes it."""

    def __init__(self, found: Callable[..., Any], filters: str) -> None:
        """Take the class or `build`, and `forward` and `backward` where they stand beside that.

        Filters have these axes, a letter each.

        Raises:
            ValueError: it has a parameter that may be anything; or its method needs more.
        """
        self._build, self._filters, self._roles = found, filters, roles_of(found)
        beside: Mapping[str, Any] = {}
        if inspect.isclass(found):
            _check_methods(found)
        else:
            beside = getattr(inspect.unwrap(found), "__globals__", {})
        self._forward = beside.get("forward") or _forward
        self._backward = beside.get("backward") or _backward

    def build(self, ftr: Any, bias: Any, strd: Any, padding: Any = (0,)) -> Made:
        """Return a layer that has this filter and bias, whatever it was made with.

        They are its own: a backward pass may change them, as by a step of gradient descent.
        """
        ftr, bias = deepcopy((ftr, bias))
        extents = dict(zip(self._filters, ftr.shape, strict=True))
        needed = bias is not None
        bias = bias if needed else np.zeros(extents["O"], ftr.dtype)
        taps = tuple(extents[axis] for axis in "HW" if axis in extents)
        size = taps[0] if len({*taps}) == 1 else taps
        values: dict[str, Any] = {"in": extents["I"], "out": extents["O"], "size": size}
        sized = "filter" not in self._roles.values()
        values |= {"filter": ftr, "bias": True if sized else bias}
        values |= {"stride": strd[0], "padding": padding[0]}
        with _drawing_anew():
            layer = make(self._build, self._roles, values)
        home = _home(layer, ftr) if sized else layer
        if sized:
            _put(home, ftr, bias, needed=needed)
        return Made(layer, home, ftr, bias)

    def forward(self, made: Made, x: Any) -> Any:
        """Return the layer's output."""
        return self._forward(made.layer, x)

    def backward(self, made: Made, delta: Any) -> Gradients:
        """Return the gradients, those that it leaves in the layer included."""
        found = self._backward(made.layer, delta)
        if isinstance(found, tuple | list) and len(found) == 3:
            dx, dw, db = found
            return dx, dw, db.reshape(-1) if _is_as_bias(made, np.shape(db)) else db
        dx = found[0] if isinstance(found, tuple | list) and found else found
        left = [each for each in _kept(made.home) if _GRADIENT.fullmatch(each.name)]
        return dx, _gradient(left, made.ftr, "filter"), _gradient(left, made.bias, "bias")


def _check_methods(found: type) -> None:
    """Raise ValueError if `forward` or `backward` needs more than an array."""
    for name in ("forward", "backward"):
        method = inspect.getattr_static(found, name, None)
        if not inspect.isfunction(method):
            continue
        try:
            inspect.signature(method).bind("self", "array")
        except TypeError as error:
            raise ValueError(
                f"{found.__name__}.{name} cannot be called with an array alone: {error}; write "
                f"{name}(layer, array), which hands over the rest, and build(filters, bias, "
                "stride, padding), which makes the layer"
            ) from None


@contextmanager
def _drawing_anew() -> Iterator[None]:
    """Put the random numbers' states back: layers draw their first weights, which is no fault."""
    known, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002  (whose state it is)
    try:
        yield
    finally:
        random.setstate(known)
        np.random.set_state(numpys)  # noqa: NPY002


def _forward(layer: Any, x: Any) -> Any:
    return layer.forward(x) if hasattr(layer, "forward") else layer(x)


def _backward(layer: Any, delta: Any) -> Any:
    return layer.backward(delta)


def _kept(layer: Any) -> Iterator[Kept]:
    """Yield the arrays that a layer keeps."""
    for name, each in [*vars(layer).items()]:
        if isinstance(each, np.ndarray):
            yield Kept(vars(layer), name, name)
        elif isinstance(each, dict):
            inner = ((key, f"{name}_{key}") for key, one in each.items() if _is_array(one))
            yield from (Kept(each, key, whole) for key, whole in inner)


def _home(layer: Any, ftr: Any) -> Any:
    """Return what keeps an array of a filter's shape: the layer, or else an object inside it."""
    inner = [each for each in vars(layer).values() if hasattr(each, "__dict__")]
    for home in (layer, *inner):
        if any(each.array.shape == ftr.shape for each in _kept(home)):
            return home
    return layer


def _is_array(each: Any) -> bool:
    return isinstance(each, np.ndarray)


def _put(layer: Any, ftr: Any, bias: Any, *, needed: bool) -> None:
    """Put a filter and a bias into a layer, in the place of those that it was made with."""
    kept = [each for each in _kept(layer) if not _GRADIENT.fullmatch(each.name)]
    filters = [each for each in kept if each.array.shape == ftr.shape]
    biases = [
        each
        for each in kept
        if each.array.size == bias.size and "b" in each.name.lower() and each not in filters
    ]
    if len(filters) != 1 or len(biases) > 1:
        has = ", ".join(f"{each.name} {each.array.shape}" for each in kept) or "no array"
        raise TypeError(f"expected one filter of shape {ftr.shape} in the layer, which has {has}")
    if needed and not biases:
        raise TypeError(NO_BIAS)
    filters[0].home[filters[0].key] = ftr
    for each in biases:
        each.home[each.key] = bias.reshape(each.array.shape)


def _gradient(left: list[Kept], of: Any, what: str) -> Any:
    """Return the gradient of a filter, or of a bias, among the arrays in a layer."""
    own = [each for each in left if _means(each.name, what)]
    fits = [each for each in own if each.array.shape == of.shape] or own
    if len(fits) == 1:
        found = fits[0].array
        return found.reshape(-1) if what == "bias" and found.size == of.size else found
    has = ", ".join(each.name for each in left) or "none"
    raise TypeError(f"expected one gradient of the {what} in the layer, which was left with {has}")


def _is_as_bias(made: Made, shape: tuple[int, ...]) -> bool:
    """Return whether a shape is that in which a layer has its bias, with axes of extent 1."""
    kept = (each for each in _kept(made.home) if not _GRADIENT.fullmatch(each.name))
    biases = [each.array for each in kept if "b" in each.name.lower()]
    return any(each.shape == shape and each.size == made.bias.size for each in biases)


def _means(name: str, what: str) -> bool:
    """Return whether a gradient's name is that of a bias's, or of a filter's."""
    core = re.sub(r"grad(ient)?s?|delta|_|^dl(oss)?(?=_?d)", "", name.lower())
    of_bias = core.removeprefix("d").startswith("b") or core.startswith("b")
    return of_bias if what == "bias" else bool(re.match(r"d?(w|k|f|weight)", core)) and not of_bias

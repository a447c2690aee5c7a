"""The sizes and strides of one call."""

import re
from dataclasses import dataclass, fields
from functools import cached_property
from operator import attrgetter
from typing import Any, Self

LAYERS = ("convolution", "convolution_transpose")


def require_extent(name: str, value: object, least: int) -> None:
    """Raise ValueError unless `value` is an integer of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r}: expected an integer of at least {least}")


@dataclass(frozen=True)
class Fore:
    """Layer l+1 of a two-layer network: what the notebook's backward kernels call fore.

    Its input is the output of layer l, so that its channels in are layer l's channels out.
    """

    layer: str
    channels_out: int
    filter_height: int
    filter_width: int
    stride_height: int
    stride_width: int

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        if self.layer not in LAYERS:
            raise ValueError(f"layer={self.layer!r}: expected one of {', '.join(LAYERS)}")
        _require_sizes("fore ", _FORE_SIZES, _fore_sizes_of(self))

    def __str__(self) -> str:
        return (
            f"{self.layer}.k{self.channels_out}.f{self.filter_height}x{self.filter_width}"
            f".s{self.stride_height}x{self.stride_width}"
        )


@dataclass(frozen=True)
class Geometry:
    """The sizes and strides of one layer, and of the one after it where there is one.

    `height` and `width` are those of the layer's input, also for its gradients.  Whether
    a filter fits depends on the operation: see `operations.Operation.check`.
    """

    batch: int
    height: int
    width: int
    channels_in: int
    channels_out: int
    filter_height: int
    filter_width: int
    stride_height: int
    stride_width: int
    fore: Fore | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        _require_sizes("", _SIZES, _sizes_of(self))

    @cached_property
    def spatial(self) -> dict[Any, Any]:
        """What others have found out of all but batch and channels: by layer, operation or name.

        Geometries that differ in batch and channels alone may share it.
        """
        return {}

    # Kept, since what follows from a geometry is looked up by it many times.
    @cached_property
    def _hash(self) -> int:
        return hash((*_sizes_of(self), self.fore))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        """Leave out what was found out: hashes differ from process to process."""
        return type(self), (*_sizes_of(self), self.fore)

    def __str__(self) -> str:
        """Return the part of a case id that stands for the geometry."""
        layer = (
            f"b{self.batch}.h{self.height}.w{self.width}"
            f".i{self.channels_in}.o{self.channels_out}"
            f".f{self.filter_height}x{self.filter_width}"
            f".s{self.stride_height}x{self.stride_width}"
        )
        return layer if self.fore is None else f"{layer}+{self.fore}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the geometry whose text form is `text`; ValueError if there is none."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(
                f"geometry={text!r}: expected the form b1.h4.w4.i1.o1.f2x2.s1x1, and for a "
                "backward kernel +convolution.k1.f1x1.s1x1 behind it"
            )
        layer, fore_numbers = match["layer"], match["fore"]
        fore = None
        if fore_numbers is not None:
            fore = Fore(match["kind"], *map(int, re.findall(r"\d+", fore_numbers)))
        numbers = map(int, re.findall(r"\d+", layer))
        sizes: dict[str, Any] = dict(zip(_SIZES, numbers, strict=True))
        return cls(**sizes, fore=fore)


_SIZES = tuple(each.name for each in fields(Geometry))[:-1]
_FORE_SIZES = tuple(each.name for each in fields(Fore))[1:]
_sizes_of, _fore_sizes_of = attrgetter(*_SIZES), attrgetter(*_FORE_SIZES)


def _require_sizes(whose: str, names: tuple[str, ...], sizes: tuple[Any, ...]) -> None:
    for name, size in zip(names, sizes, strict=True):
        if type(size) is not int or size < 1:  # seldom, and a call for each takes long
            require_extent(whose + name, size, 0 if name == "batch" else 1)


# Numbers without leading zeros, so that no two texts stand for one geometry.
_N = r"(?:0|[1-9][0-9]{0,8})"
_TEXT = re.compile(
    rf"(?P<layer>b{_N}\.h{_N}\.w{_N}\.i{_N}\.o{_N}\.f{_N}x{_N}\.s{_N}x{_N})"
    rf"(?:\+(?P<kind>[a-z_]+)(?P<fore>\.k{_N}\.f{_N}x{_N}\.s{_N}x{_N}))?"
)

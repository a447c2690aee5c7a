"""The sizes and strides of one call."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Self

from .axis import Axis
from .layers import LAYERS

# The parts of a geometry's text: a letter, and the sizes behind it.
_OF_FILTER = {"f": ("filter_height", "filter_width"), "s": ("stride_height", "stride_width")}
_OF_LAYER = {
    "b": ("batch",),
    "h": ("height",),
    "w": ("width",),
    "i": ("channels_in",),
    "o": ("channels_out",),
    **_OF_FILTER,
}
_OF_FORE = {"k": ("channels_out",), **_OF_FILTER}


def require_extent(name: str, value: object, least: int) -> None:
    """Raise ValueError unless `value` is an integer of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r}: expected an integer of at least {least}")


def _names(parts: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [name for part in parts.values() for name in part]


def _text(parts: Mapping[str, tuple[str, ...]]) -> str:
    """Return what the text is made of, in the words of `str.format`."""
    return ".".join(
        letter + "x".join(f"{{0.{name}}}" for name in part) for letter, part in parts.items()
    )


class _Sized:
    """What has sizes, which parts of a text name."""

    _parts: ClassVar[Mapping[str, tuple[str, ...]]]
    _text: ClassVar[str]

    def _require_sizes(self, whose: str, found: tuple[Any, ...]) -> None:
        """Raise ValueError unless all sizes, which are `found`, are integers above zero."""
        if {*map(type, found)} == {int} and min(found) > 0:
            return
        for name, size in self.sizes.items():  # seldom: they take long
            require_extent(whose + name, size, 0 if name == "batch" else 1)

    @property
    def sizes(self) -> dict[str, int]:
        """Every size by its name."""
        return {name: getattr(self, name) for name in _names(self._parts)}

    def __str__(self) -> str:
        return self._text.format(self)


@dataclass(frozen=True)
class Fore(_Sized):
    """Layer l+1 of a two-layer network: what the notebook's backward kernels call fore.

    Its input is the output of layer l, so that its channels in are layer l's channels out.
    """

    layer: str
    channels_out: int
    filter_height: int
    filter_width: int
    stride_height: int
    stride_width: int
    _parts, _text = _OF_FORE, _text(_OF_FORE)

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        if self.layer not in LAYERS:
            raise ValueError(f"layer={self.layer!r}: expected one of {', '.join(LAYERS)}")
        self._require_sizes("fore ", _fore_sizes_of(self))

    def axes(self, height: int, width: int) -> tuple[Axis, Axis]:
        """Return its axes on an input of these extents."""
        return (
            Axis(height, self.filter_height, self.stride_height),
            Axis(width, self.filter_width, self.stride_width),
        )

    @property
    def strides(self) -> tuple[int, int]:
        """Its stride, as kernels are handed it."""
        return self.stride_height, self.stride_width

    def __str__(self) -> str:
        return f"{self.layer}.{super().__str__()}"


class _Along:
    """A size of one of a geometry's axes, under a name of its own."""

    def __init__(self, axis: str, size: str) -> None:
        self._size = attrgetter(f"{axis}.{size}")

    def __get__(self, geometry: "Geometry", _: object) -> int:
        size: int = self._size(geometry)
        return size


@dataclass(frozen=True)
class Geometry(_Sized):
    """The sizes and strides of one layer, and of the one after it where there is one.

    The axes are those of the layer's input, also for its gradients.  Whether a filter fits
    depends on the operation: see `operations.Operation.check`.
    """

    batch: int
    rows: Axis
    columns: Axis
    channels_in: int
    channels_out: int
    fore: Fore | None = None
    _parts, _text = _OF_LAYER, _text(_OF_LAYER)

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        channels = (self.channels_in, self.channels_out)
        self._require_sizes("", (self.batch, *channels, *self.rows, *self.columns))

    @classmethod
    def of(
        cls,
        batch: int,
        height: int,
        width: int,
        channels_in: int,
        channels_out: int,
        filter_height: int,
        filter_width: int,
        stride_height: int,
        stride_width: int,
        fore: Fore | None = None,
    ) -> Self:
        """Return the geometry with these sizes."""
        rows = Axis(height, filter_height, stride_height)
        columns = Axis(width, filter_width, stride_width)
        return cls(batch, rows, columns, channels_in, channels_out, fore)

    def resized(self, **sizes: int) -> Self:
        """Return the same geometry but for these sizes."""
        return self.of(**{**self.sizes, **sizes}, fore=self.fore)

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def strides(self) -> tuple[int, int]:
        """The stride, as kernels are handed it."""
        return self.rows.stride, self.columns.stride

    height, width = _Along("rows", "extent"), _Along("columns", "extent")
    filter_height, filter_width = _Along("rows", "taps"), _Along("columns", "taps")
    stride_height, stride_width = _Along("rows", "stride"), _Along("columns", "stride")

    def __str__(self) -> str:
        """Return the part of a case id that stands for the geometry."""
        layer = super().__str__()
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
        fore = None
        if match["kind"] is not None:
            fore = Fore(match["kind"], *_numbers(match["fore"] or ""))
        sizes: dict[str, Any] = dict(zip(_names(_OF_LAYER), _numbers(match["layer"]), strict=True))
        return cls.of(**sizes, fore=fore)


_fore_sizes_of = attrgetter(*_names(_OF_FORE))


def _numbers(text: str) -> Iterator[int]:
    return map(int, re.findall(r"\d+", text))


# Numbers without leading zeros, so that no two texts stand for one geometry.
_N = r"(?:0|[1-9][0-9]{0,8})"


def _pattern(parts: Mapping[str, tuple[str, ...]]) -> str:
    return r"\.".join(letter + "x".join([_N] * len(part)) for letter, part in parts.items())


_TEXT = re.compile(
    rf"(?P<layer>{_pattern(_OF_LAYER)})(?:\+(?P<kind>[a-z_]+)\.(?P<fore>{_pattern(_OF_FORE)}))?"
)

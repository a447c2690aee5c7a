"""The sizes, strides and parameters of one call."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, ClassVar, Self

from .axis import Axis
from .layers import LAYERS
from .names import one_of

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

NO_PADDING = ((0, 0), (0, 0))
PARAMETERS: Mapping[str, Any] = {
    "padding": NO_PADDING,
    "dilation": (1, 1),
    "groups": 1,
    "output_padding": (0, 0),
    "bias": 0,
}
"""what a geometry may have beside sizes and strides, each with its default: its absence"""
_PLAIN = Axis(0)[3:]


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
        """Raise ValueError unless all sizes, which are `found`, are integers above zero.

        The batch may be empty.
        """
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
            raise ValueError(f"layer={self.layer!r}: {one_of(self.layer, LAYERS)}")
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
        self.axis, self.size = axis, size
        self._get = attrgetter(f"{axis}.{size}")

    def __get__(self, geometry: "Geometry", _: object) -> int:
        size: int = self._get(geometry)
        return size


@dataclass(frozen=True)
class Geometry(_Sized):
    """The sizes, strides and parameters of one layer, and the layer after it where there is one.

    The axes are those of the layer's input, also for its gradients.  Channels are those of all
    groups.  Whether a filter fits depends on the operation: see `operations.Operation.check`.
    """

    batch: int
    rows: Axis
    columns: Axis
    channels_in: int
    channels_out: int
    fore: Fore | None = None
    groups: int = 1
    bias: int = 0
    """1 where there is one"""
    _parts, _text = _OF_LAYER, _text(_OF_LAYER)

    def __post_init__(self) -> None:
        """Raise ValueError where a field is not what it should be."""
        channels = (self.channels_in, self.channels_out)
        self._require_sizes("", (self.batch, *channels, *self.rows[:3], *self.columns[:3]))
        if self.is_plain:
            return
        if self.fore is not None:
            raise ValueError(f"geometry={self}: expected no parameters beside a layer l+1")
        numbers = (*self.rows[3:], *self.columns[3:], self.groups, self.bias)
        positive = self.groups, self.rows.dilation, self.columns.dilation
        if {*map(type, numbers)} != {int} or min(numbers) < 0 or min(positive) < 1:
            for name, size in self.parameters.items():  # seldom: they take long
                require_extent(name, size, 1 if name.startswith(("dilation", "groups")) else 0)
        if self.bias > 1:
            raise ValueError(f"bias={self.bias!r}: expected 0 or 1")
        for name, each in zip(("channels_in", "channels_out"), channels, strict=True):
            if each % self.groups:
                raise ValueError(f"groups={self.groups}: expected a divisor of {name}={each}")

    @property
    def is_plain(self) -> bool:
        """Whether every parameter is at its default."""
        plain = self.rows[3:] == self.columns[3:] == _PLAIN
        return plain and self.groups == 1 and not self.bias

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
        *,
        padding: tuple[tuple[int, int], tuple[int, int]] = NO_PADDING,
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        output_padding: tuple[int, int] = (0, 0),
        bias: int = 0,
    ) -> Self:
        """Return the geometry with these sizes and parameters.

        Padding is ((top, bottom), (left, right)); other pairs are of height and width.
        """
        sizes = (height, filter_height, stride_height), (width, filter_width, stride_width)
        axes = map(Axis, *zip(*sizes, strict=True), *zip(*padding, strict=True))
        rows, columns = (
            axis._replace(dilation=apart, output_padding=more)
            for axis, apart, more in zip(axes, dilation, output_padding, strict=True)
        )
        return cls(batch, rows, columns, channels_in, channels_out, fore, groups, bias)

    def resized(self, **sizes: int) -> Self:
        """Return the same geometry but for these numbers, of parameters too."""
        along: dict[str, Axis] = {}
        for name in [name for name in sizes if name in _ALONG]:
            at = _ALONG[name]
            axis = along.get(at.axis, getattr(self, at.axis))
            along[at.axis] = axis._replace(**{at.size: sizes.pop(name)})
        changed: dict[str, Any] = {**along, **sizes}
        return replace(self, **changed)

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
    padding_top, padding_bottom = _Along("rows", "before"), _Along("rows", "after")
    padding_left, padding_right = _Along("columns", "before"), _Along("columns", "after")
    dilation_height, dilation_width = _Along("rows", "dilation"), _Along("columns", "dilation")
    output_padding_height = _Along("rows", "output_padding")
    output_padding_width = _Along("columns", "output_padding")

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((top, bottom), (left, right))."""
        return self.rows[3:5], self.columns[3:5]

    @property
    def dilation(self) -> tuple[int, int]:
        """(height, width)."""
        return self.rows.dilation, self.columns.dilation

    @property
    def output_padding(self) -> tuple[int, int]:
        """(height, width)."""
        return self.rows.output_padding, self.columns.output_padding

    @property
    def parameters(self) -> dict[str, int]:
        """Every number of a parameter by its name; the bias is 0 or 1."""
        return {name: getattr(self, name) for name in PARAMETER_NUMBERS}

    def __str__(self) -> str:
        """Return the part of a case id that stands for the geometry."""
        layer = super().__str__()
        if not self.is_plain:
            layer += _parameters_text(self)
        return layer if self.fore is None else f"{layer}+{self.fore}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the geometry whose text form is `text`; ValueError if there is none."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(
                f"geometry={text!r}: expected the form b1.h4.w4.i1.o1.f2x2.s1x1, with parameters "
                "as in .p1x1.d2x2.g2.q1x0.bias behind it, or for a backward kernel "
                "+convolution.k1.f1x1.s1x1"
            )
        found = {name: tuple(_numbers(part or "")) for name, part in match.groupdict().items()}
        fore = Fore(match["kind"], *found["fore"]) if match["kind"] is not None else None
        sizes: dict[str, Any] = dict(zip(_names(_OF_LAYER), found["layer"], strict=True))
        for name in ("dilation", "output_padding"):
            sizes[name] = found[name] or PARAMETERS[name]
        (sizes["groups"],) = found["groups"] or (1,)
        pads = found["padding"] or (0, 0)
        if len(pads) == 2:  # of the same size on both sides of an axis
            pads = tuple(each for each in pads for _ in range(2))
        sizes["padding"] = pads[:2], pads[2:]
        made = cls.of(**sizes, fore=fore, bias=int(match["bias"] is not None))
        if str(made) != text:
            raise ValueError(f"geometry={text!r}: expected it in the form {made}")
        return made


_ALONG = {name: each for name, each in vars(Geometry).items() if isinstance(each, _Along)}
"""the numbers that belong to an axis, by name"""
PARAMETER_NUMBERS = (
    *("padding_top", "padding_bottom", "padding_left", "padding_right"),
    *("dilation_height", "dilation_width", "groups"),
    *("output_padding_height", "output_padding_width", "bias"),
)
"""of parameters, by the names that geometries have for them"""
_fore_sizes_of = attrgetter(*_names(_OF_FORE))


def _numbers(text: str) -> Iterator[int]:
    return map(int, re.findall(r"\d+", text))


def _parameters_text(g: Geometry) -> str:
    """Return what stands behind the sizes in a geometry's text."""
    (top, bottom), (left, right) = g.padding
    even = (top, left) == (bottom, right)
    parts = {
        f".p{top}x{left}" if even else f".p{top}-{bottom}x{left}-{right}": g.padding != NO_PADDING,
        ".d{}x{}".format(*g.dilation): g.dilation != (1, 1),
        f".g{g.groups}": g.groups != 1,
        ".q{}x{}".format(*g.output_padding): g.output_padding != (0, 0),
        ".bias": g.bias,
    }
    return "".join(text for text, has in parts.items() if has)


# Numbers without leading zeros, so that no two texts stand for one geometry.
_N = r"(?:0|[1-9][0-9]{0,8})"


def _pattern(parts: Mapping[str, tuple[str, ...]]) -> str:
    return r"\.".join(letter + "x".join([_N] * len(part)) for letter, part in parts.items())


_TEXT = re.compile(
    rf"(?P<layer>{_pattern(_OF_LAYER)})"
    rf"(?:\.p(?P<padding>{_N}x{_N}|{_N}-{_N}x{_N}-{_N}))?(?:\.d(?P<dilation>{_N}x{_N}))?"
    rf"(?:\.g(?P<groups>{_N}))?(?:\.q(?P<output_padding>{_N}x{_N}))?(?P<bias>\.bias)?"
    rf"(?:\+(?P<kind>[a-z_]+)\.(?P<fore>{_pattern(_OF_FORE)}))?"
)

"""The two forward operations, and all in which they differ."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from .axis import Axis, Span, reaching, span_of

FILTER = "ihwo"
"""axes of the notebook's filters; for the letters see `operations`"""


class Layer(StrEnum):
    """A forward operation: axes of its input and output, and what PyTorch has for it."""

    CONVOLUTION = "convolution", "bHWi", "bPQo", "oihw"
    TRANSPOSE = "convolution_transpose", "bPQi", "bHWo", "iohw"

    input: str
    output: str
    torch_filter: str
    """the axes of its filters there"""
    narrows: bool
    """whether its input is the wide side and its output the narrow one"""
    within: str
    """the axis of filters whose channels are those of a single group"""

    def __new__(cls, name: str, *of: str) -> Self:
        """Make the member that is the string `name`."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.input, member.output, member.torch_filter = of
        member.narrows = "H" in member.input
        member.within = "i" if member.narrows else "o"
        return member

    def __repr__(self) -> str:
        """Return what stands for the string."""
        return repr(str(self))

    @property
    def other(self) -> "Layer":
        """The layer with both sides exchanged."""
        return Layer.TRANSPOSE if self.narrows else Layer.CONVOLUTION

    def span(self, axis: Axis) -> Span:
        """Return both sides of an axis of this layer."""
        return span_of(self.narrows, axis)

    def axis(self, span: Span) -> Axis:
        """Return the axis of this layer that has these sides."""
        return span.axis(narrows=self.narrows)

    def plain_axis(self, span: Span) -> Axis:
        """Return the same without output padding: only an input keeps what windows leave."""
        return self.axis(span)._replace(output_padding=0)

    def output_of(self, span: Span) -> int:
        """Return the extent of its output."""
        return span.steps if self.narrows else span.wide

    def least(self, outputs: int, taps: int, stride: int) -> int:
        """Return the least extent of its input from which it makes so many outputs."""
        if self.narrows:
            return reaching(outputs, taps, stride).wide
        return max(0, -((taps - outputs) // stride)) + 1


LAYERS = tuple(Layer)
LAYER_NAMED: Mapping[str, Layer] = {str(layer): layer for layer in LAYERS}

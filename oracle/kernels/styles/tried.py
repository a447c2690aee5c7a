"""What a class takes that the names of its parameters do not tell: it is made, and called, to see.

A filter's size or a padding that it is not handed is seen in what it returns.  Where it raises
TypeError for a pair of different numbers, it takes one integer.  What is not found so is as its
style supposes.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .layer import NO_BIAS, Layer
from .style import Style

_SQUARES = ((3, 3), (5, 5), (2, 2), (1, 1), (7, 7))
_EXTENT = 12
_ONE, _NONE = (1, 1), (0, 0)


class Tried(NamedTuple):
    """A class of layers whose arrays lie as its style has them."""

    layer: Layer
    style: Style

    def domain(self, *, padding: bool) -> list[str]:
        """Return comparisons that hold of what it takes; those of `padding` where it is handed it.

        Where it is not, and pads, they say by how much.
        """
        found = ((taps[0], self._height(taps)) for taps in _SQUARES)
        heights = {taps: height for taps, height in found if isinstance(height, int)}
        if not heights:
            return []
        taps = next(iter(heights))
        if len(heights) == 1:
            parts = [f"filter_height == {taps}", f"filter_width == {taps}"]
        else:
            parts = ["filter_height == filter_width"] * self._refuses((taps, taps - 1))
        if not self.style.whole:
            parts += ["stride_height == stride_width"] * self._refuses((taps, taps), (1, 2))
        if padding:
            equal = self.style.whole or not self._refuses((taps, taps), _ONE, (0, 1))
            return [*parts, *["padding_top == padding_left"] * (not equal)]
        return [*parts, *_of_padding({f: (h - _EXTENT + f - 1) / 2 for f, h in heights.items()})]

    @property
    def biased(self) -> bool:
        """Whether it has a bias, or none was missed."""
        made = (self._height(taps, bias=True) for taps in _SQUARES)
        return not any(isinstance(each, TypeError) and str(each) == NO_BIAS for each in made)

    def _refuses(self, *given: Sequence[int]) -> bool:
        return isinstance(self._height(*given), TypeError)

    def _height(
        self,
        taps: Sequence[int],
        strides: Sequence[int] = _ONE,
        padding: Sequence[int] = _NONE,
        *,
        bias: bool = False,
    ) -> int | Exception:
        """Return how high the output is, or what was raised."""
        x = self._zeros(self.style.tensors, N=1, C=2, H=_EXTENT, W=_EXTENT + 1)
        ftr = self._zeros(self.style.filters, O=3, I=2, H=taps[0], W=taps[1])
        given = {} if padding == _NONE else {"padding": padding}
        zeros = self._zeros("O", O=3) if bias else None
        try:
            with warnings.catch_warnings(action="ignore"):
                z = self.layer.forward(self.layer.build(ftr, zeros, strides, **given), x)
            shape = dict(zip(self.style.tensors, np.shape(z), strict=True))
        except Exception as error:  # noqa: BLE001  (whatever a layer raises)
            return error
        if (shape["N"], shape["C"]) != (1, 3):
            return ValueError("its arrays lie otherwise")
        return int(shape["H"])

    def _zeros(self, axes: str, **extents: int) -> Any:
        zeros = np.zeros([extents[axis] for axis in axes], np.float32)
        if self.style.arrays == "numpy":
            return zeros
        import torch  # noqa: PLC0415

        return torch.from_numpy(zeros)


def _of_padding(found: Mapping[int, float]) -> Iterator[str]:
    """Yield by how much a layer pads that is not told, of each filter's extent; nothing if not."""
    whole = {taps: int(pad) for taps, pad in found.items() if pad == int(pad) and pad >= 0}
    first = next(iter(whole.values()), 0)
    ways: Mapping[str, Callable[[int], int]] = {
        f"{first}": lambda _: first,
        "filter_{} // 2": lambda taps: taps // 2,
        "(filter_{} - 1) // 2": lambda taps: (taps - 1) // 2,
    }
    for text, padding in ways.items():
        if any(whole.values()) and all(padding(taps) == pad for taps, pad in whole.items()):
            for side, axis in (("top", "height"), ("left", "width")):
                yield f"padding_{side} == {text.format(axis)}"
                if len(whole) < len(found):  # as "same" is not symmetric
                    yield f"filter_{axis} % 2 == 1"
            return

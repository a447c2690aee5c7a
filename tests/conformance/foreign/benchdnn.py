"""Problems of convolution as oneDNN's benchdnn writes them, one on a line.

For instance `g1mb50ic64ih56oc64oh56kh3ph1n"name"`, underscores between sizes or not.  What is left
out follows benchdnn's rules: the batch is 2; strides are 1; dilation, which counts what is between
taps, is 0; rows alone stand for columns, too, and columns alone are a layer of height 1; output
follows from padding, or padding from output, half of it before.  Padding at the end follows from
the output.  `--deconv` on a line, or in the file's name, makes the problems transposed ones, `--mb`
another batch; other options are about no sizes.
"""

import re
from collections.abc import Iterator, Mapping

from convcheck.conformance.shapes.networks import Layer
from convcheck.form.axis import Axis
from convcheck.form.geometry import Geometry

_SIZE = r"(g|mb|[io]c|[ioksp][dhw]|d[dhw])(\d{1,9})"
_PROBLEM = re.compile(rf"((?:_?{_SIZE})+)_?(?:n(.*))?")


def problems(text: str, network: str, *, transposed: bool = False) -> Iterator[Layer | str]:
    """Yield the layers of a file's text, or instead of one why it is left out.

    Raises:
        ValueError: a line is no problem; the message names it.
    """
    batch = 0
    for number, line in enumerate(text.splitlines(), 1):
        for word in _words(line):
            option, _, value = word.partition("=")
            if option in ("--conv", "--deconv"):
                transposed = option == "--deconv"
            elif option == "--mb":
                batch = int(value)
            elif not word.startswith("-"):
                try:
                    yield _layer(word, network, number, batch, transposed=transposed)
                except ValueError as error:
                    raise ValueError(f"line {number}: {word!r:.100}: {error}") from None


def _words(line: str) -> list[str]:
    """Return the words of a line without its comment; names in quotes may hold anything."""
    return re.findall(r'(?:[^\s"#]|"[^"]*")+', re.sub(r'^((?:[^"#]|"[^"]*")*)#.*', r"\1", line))


def _layer(word: str, network: str, number: int, batch: int, *, transposed: bool) -> Layer | str:
    match = _PROBLEM.fullmatch(word)
    if match is None:
        raise ValueError("expected sizes such as mb2ic16ih7oc32oh7kh3ph1")
    sizes = {key: int(value) for key, value in re.findall(_SIZE, match[1])}
    name = (match[4] or "").strip('"') or f"line {number}"
    depth, rows, columns = (_axis(sizes, axis, transposed=transposed) for axis in "dhw")
    if depth is not None:
        return f"{name} has three spatial axes"
    if rows is None and columns is None:
        raise ValueError("expected at least one of ih and iw")
    if columns is None:
        columns = rows
    channels_in, channels_out = (_positive(sizes, key) for key in ("ic", "oc"))
    operation = "convolution_transpose" if transposed else "convolution"
    batch, axes = batch or sizes.get("mb", 2), (rows or Axis(1), columns or Axis(1))
    geometry = Geometry(batch, *axes, channels_in, channels_out, None, sizes.get("g", 1))
    return Layer(network, name, operation, geometry)


def _positive(sizes: Mapping[str, int], key: str) -> int:
    if sizes.get(key, 0) < 1:
        raise ValueError(f"expected {key} of at least 1")
    return sizes[key]


def _axis(sizes: Mapping[str, int], letter: str, *, transposed: bool) -> Axis | None:
    """Return the axis of depth, height or width; None where none of its sizes is given."""
    i, k, o, d = (sizes.get(f"{key}{letter}", 0) for key in "ikod")
    s, p = sizes.get(f"s{letter}", 1), sizes.get(f"p{letter}", -1)
    if not (i or k or o or d) and s == 1 and p < 1:
        return None
    for key in "ik":
        _positive(sizes, f"{key}{letter}")
    if s < 1:
        raise ValueError(f"expected s{letter} of at least 1")
    reach = (k - 1) * (d + 1) + 1
    if not o:
        p = max(p, 0)
        o = (i - 1) * s + reach - 2 * p if transposed else (i - reach + 2 * p) // s + 1
    # What both sides together are padded by; of a transposed one, what is cut off.
    pads = (i - 1) * s + reach - o if transposed else (o - 1) * s + reach - i
    if p < 0:
        p = int(pads / 2)
    after = pads - p
    if min(o, p) < 0 or o == 0:
        raise ValueError(f"o{letter}={o} does not follow from i{letter}={i}")
    if transposed:
        return Axis(i, k, s, p, max(0, after), d + 1, max(0, -after))
    if after <= -s:
        i += after  # the rest is in no window
    return Axis(i, k, s, p, max(0, after), d + 1)

"""Signs: what can be said of a wrong result at a glance, in words that others may share.

One wrong result shows much that is of chance: in two columns, "the last" is also "column 1" and
"every second".  So each result is given all the signs that it has, and only what all wrong results
of a kernel have in common is told of it, see `common`.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, permutations

import numpy as np

from convcheck.form.layouts import Array
from convcheck.kernels.shown.evidence import Wrong

from .claims import Backing, Claim, Sign
from .statements import word

AXES = {
    "b": "batch item",
    **dict.fromkeys("PH", "row"),
    **dict.fromkeys("QW", "column"),
    "i": "channel in",
    "o": "channel out",
    "h": "filter row",
    "w": "filter column",
}
_ALONG = {"P": "height", "H": "height", "Q": "width", "W": "width"}
_BEFORE = {"height": "padding_top", "width": "padding_left"}
_LEAST = 3
"""elements along an axis from which on a position is told"""

Signs = Mapping[Sign, bool]
"""what holds of a result; true where the result is large enough to tell it from what does not"""


def noun(axes: str, axis: str) -> str:
    """Return what one place along an axis of a result with `axes` is called."""
    return "channel" if axis in "io" and axes[0] == "b" else AXES[axis]


def plural(noun: str) -> str:
    """Return the plural of a noun of `AXES`."""
    return noun.replace("channel", "channels") if noun.startswith("channel ") else f"{noun}s"


def signs(result: Wrong, numbers: Mapping[str, int]) -> dict[Sign, bool]:
    """Return the signs of a wrong result on a geometry with these numbers."""
    with np.errstate(all="ignore"):  # what is wrong may be infinite
        found = {("", text): True for text in _values(result, numbers)}
    axes = result.operation.result
    for place, axis in enumerate(axes):
        others = tuple(other for other in range(len(axes)) if other != place)
        wrong = np.asarray(result.wrong.any(axis=others))
        enough = len(wrong) >= _LEAST and not wrong.all()
        for text in _positions(wrong, noun(axes, axis), axis, numbers):
            found[axis, text] = enough
    return found


def common(results: Iterable[Signs]) -> dict[Sign, bool]:
    """Return the signs that all results have; true where at least one is large enough to tell."""
    first, *others = results
    return {
        sign: enough or any(each[sign] for each in others)
        for sign, enough in first.items()
        if all(sign in each for each in others)
    }


def told(shared: Signs, dtype: str = "") -> Iterator[Claim]:
    """Yield what wrong results of a dtype have in common: of each axis the plainest sign."""
    plainest: dict[str, str] = {}
    for (axis, text), enough in shared.items():
        if enough:
            plainest.setdefault(axis, text)
    values = plainest.pop("", None)
    if values is not None:
        yield Claim(values, backing=Backing(dtype, signs=(("", values),)))
    shape = [plainest.pop(axis) for axis in list(plainest) if axis.startswith("shape")]
    if shape:
        yield Claim(f"the result has {' and '.join(shape)}", backing=Backing(dtype))
    if plainest:
        words = f"wrong only in {' and in '.join(plainest.values())}"
        yield Claim(words, "is", backing=Backing(dtype, signs=tuple(plainest.items())))


def _positions(wrong: Array, name: str, axis: str, numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield all that can be said of where along an axis something is wrong, the plainest first."""
    length, at = len(wrong), np.flatnonzero(wrong).tolist()
    for text, places in _places(length, name, axis, numbers):
        if at and at == [place for place in places if 0 <= place < length]:
            yield text
    if at and at[-1] - at[0] + 1 == len(at):
        yield f"{name} {at[0]}" if len(at) == 1 else f"{plural(name)} {at[0]} to {at[-1]}"
        if at[-1] == length - 1:
            yield f"{plural(name)} from {at[0]} on"


def _places(
    length: int, name: str, axis: str, numbers: Mapping[str, int]
) -> Iterator[tuple[str, Iterable[int]]]:
    """Yield places along an axis in words, and which they are."""
    several, along = plural(name), _ALONG.get(axis, "")
    yield f"the last {name}", [length - 1]
    yield f"the first {name}", [0]
    yield f"{several} behind the first", range(1, length)
    yield f"{several} before the last", range(length - 1)
    if along:
        remainder, stride = numbers[f"remainder_{along}"], numbers[f"stride_{along}"]
        yield f"the {several} that the stride leaves over", range(length - remainder, length)
        yield f"{several} from the filter's {along} on", range(numbers[f"filter_{along}"], length)
        skipped = [place for place in range(length) if place % stride]
        yield f"{several} whose number is no multiple of the stride", skipped
        yield from _beside_padding(length, several, axis, numbers)
    yield f"every second of the {several}, from 1 on", range(1, length, 2)
    yield f"every second of the {several}, from 0 on", range(0, length, 2)
    for block in (4, 8, 16, 32):
        behind = range(length // block * block if length > block else length, length)
        yield f"the {several} behind the last multiple of {block}", behind


def _beside_padding(
    length: int, several: str, axis: str, numbers: Mapping[str, int]
) -> Iterator[tuple[str, Iterable[int]]]:
    """Yield the places of an image that output padding adds, or whose windows reach padding."""
    along = _ALONG[axis]
    added = numbers[f"output_padding_{along}"]
    if axis in "HW":
        yield f"the {several} that output padding adds", range(length - added, length)
        return
    stride, before = numbers[f"stride_{along}"], numbers[_BEFORE[along]]
    after = numbers[f"padding_{along}"] - before
    behind = after - added - numbers[f"remainder_{along}"]  # of the last window
    first = {place for place in range(length) if place * stride < before}
    last = {place for place in range(length) if (length - 1 - place) * stride < behind}
    top, bottom = ("top", "bottom") if along == "height" else ("left", "right")
    yield f"{several} whose windows begin in {top} padding", sorted(first)
    yield f"{several} whose windows end in {bottom} padding", sorted(last)
    yield f"{several} whose windows reach padding", sorted(first | last)


def _values(result: Wrong, numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield what the wrong results have to do with the right ones, the most telling first."""
    got, expected, wrong = result.got, result.expected, result.wrong
    if not np.isfinite(expected).all() or not wrong.any():
        return
    if not np.isfinite(got[wrong]).all():
        yield "NaN or infinity comes from nowhere"
    if not np.isfinite(got).all():
        return
    if not got.any():
        yield "wrong results are zero everywhere"
    if not got[wrong].any():
        yield "what is wrong is zero"
        return
    if (got == -expected)[wrong].all():
        yield "what is wrong has the wrong sign"
        return
    yield from _scaled(got, expected, numbers)
    off = (got - expected)[wrong]
    if off.size > 1 and np.ptp(off) <= 1e-6 * abs(off[0]):
        yield f"what is wrong is off by {off[0]:.6g}"
    if got.size >= _LEAST and np.array_equal(np.sort(got, axis=None), np.sort(expected, axis=None)):
        yield "wrong results have the right numbers in wrong places"


_FACTORS = (
    *("batch", "windows", "taps", "channels_in", "channels_out"),
    *("stride_height", "stride_width", "height", "width", "filter_height", "filter_width"),
    "groups",
)


def _scaled(got: Array, expected: Array, numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield by which sizes, and by what number, the whole result is multiplied or divided."""
    used = expected != 0
    if not used.any() or got[~used].any():
        return
    ratios = got[used] / expected[used]
    ratio = float(np.median(ratios))
    if not np.ptp(ratios) <= 2e-3 * abs(ratio) < np.inf or abs(ratio - 1) <= 0.01:
        return
    for many in (1, 2, 3):
        for names in combinations(_FACTORS, many):
            product = float(np.prod([numbers[name] for name in names]))
            words = " x ".join(map(word, names))
            if abs(ratio * product - 1) <= 2e-3:
                yield f"wrong results are divided by {words}"
            elif abs(ratio / product - 1) <= 2e-3:
                yield f"wrong results are multiplied by {words}"
    yield f"wrong results are {ratio:.4g} times what they should be"


def of_shape(
    got: tuple[int, ...], expected: tuple[int, ...], axes: str, numbers: Mapping[str, int]
) -> dict[Sign, bool]:
    """Return the signs of a result whose shape is another than expected."""
    if len(got) != len(expected):
        return {("", f"the result has {len(got)} axes, expected {len(expected)}"): True}
    found: dict[Sign, bool] = {}
    for order in permutations(range(len(axes))):
        if tuple(expected[place] for place in order) == got:
            names = ", ".join(noun(axes, axes[place]) for place in order)
            found["", f"the result's axes are in the order {names}"] = len(set(got)) == len(got)
    for place, axis in enumerate(axes):
        if got[place] != expected[place]:
            for text in _lengths(got[place], expected, axes, place, numbers):
                found["shape" + axis, text] = True
    return found


def _lengths(
    got: int, expected: tuple[int, ...], axes: str, place: int, numbers: Mapping[str, int]
) -> Iterator[str]:
    """Yield what a wrong number of rows or the like may be, the most telling first."""
    several = plural(noun(axes, axes[place]))
    other = {1: 2, 2: 1}.get(place)
    if other and got == expected[other]:
        yield f"as many {several} as it should have {plural(noun(axes, axes[other]))}"
    along = _ALONG.get(axes[place]) or {"h": "height", "w": "width"}.get(axes[place])
    if along:
        windows, remainder = numbers[f"windows_{along}"], numbers[f"remainder_{along}"]
        taps, stride = numbers[f"filter_{along}"], numbers[f"stride_{along}"]
        reach, padding = numbers[f"reach_{along}"], numbers[f"padding_{along}"]
        output_padding = numbers[f"output_padding_{along}"]
        reached = (windows - 1) * stride + reach
        padded = reached + remainder + output_padding
        if axes[place] in "HW":
            parameters = {
                "as with the padding that is to be cut off": padded,
                "as without output padding": padded - padding - output_padding,
            }
        else:
            parameters = {
                "as windows without padding": (padded - padding - reach) // stride + 1,
                "as windows without dilation": (padded - taps) // stride + 1,
            }
        for words, length in (
            ("as the filter and the remainder together", taps + remainder),
            ("as windows, were their number rounded up", windows + (remainder > 0)),
            ("as the last window reaches", reached - numbers[_BEFORE[along]]),
            ("as the windows' number times the stride", windows * stride),
            ("as the input", numbers[along]),
            ("as windows with stride 1", padded - reach + 1),
            ("as the input divided by the stride", numbers[along] // stride),
            ("as the input divided by the stride, rounded up", -(-numbers[along] // stride)),
            *parameters.items(),
        ):
            if got == length != expected[place]:
                yield f"as many {several} {words}"
    off = got - expected[place]
    yield f"{abs(off)} {several} too {'many' if off > 0 else 'few'}"

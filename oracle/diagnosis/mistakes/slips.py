"""What a mistake is, and slips: mistakes written once for all operations that can have them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from convcheck.form.layers import LAYERS, Layer
from convcheck.form.operations import OPERATIONS, Kernel, Operation

from .form import Change, TwoLayers, one_layer, same, two_layers, windows

LOOP = "a loop bound off by one"
SAME = '"same" padding of TensorFlow'
NEGLECT = "strides that do not divide: FlagGems#1576, pytorch/xla#2333, candle#2337, tvm#6179"
BROADCAST = "broadcasting over an axis of stride 0"
PADDING = "padding = filter // 2 by default"

NARROWS, WIDENS = (Layer.CONVOLUTION,), (Layer.TRANSPOSE,)
"""the layers that make an image smaller, and larger"""


@dataclass(frozen=True)
class Mistake:
    """A wrong kernel with a name."""

    id: str
    operation: str
    sentence: str
    known_from: str
    make: Callable[[], Kernel]
    """returns the kernel; one that keeps state starts anew"""
    wild: bool = False
    """whether it leaves memory as it was: NaN in its results stands for any value"""
    unit: float = 0.0
    """unit roundoff of the precision inside, if it is another"""
    nan: bool = False
    """whether NaN and infinity are all that it is about"""
    state: bool = False
    """whether it remembers earlier calls"""
    sums: bool = False
    """whether sums are in that precision, too, and depend on their order"""
    quotient: bool = False
    """whether it divides, sooner or later: then 0 / 0 in its results stands for any value"""


@dataclass(frozen=True)
class Slip:
    """A change to the trilinear form, and which operations can have it: a row of the catalogue."""

    id: str
    sentence: str
    """with {wide} and {narrow} for what the layer calls these sides, {first} and {second} for the
    names of its arguments"""
    known_from: str
    change: Change
    returns: str = "PHh"
    """axes that tell what the operation returns: narrow side, wide side, filter"""
    layers: tuple[str, ...] = LAYERS
    summed: str = ""
    """an axis that the result must not have"""
    needs: str = ""
    """a parameter that the operation must have"""
    told: bool = True
    """whether operations have it that are told the result's extents, too"""
    fore: bool = True
    """whether it is also told of layer l+1"""
    wild: bool = False
    unit: float = 0.0
    nan: bool = False
    sums: bool = False
    quotient: bool = False

    def applies(self, operation: Operation) -> bool:
        """Return whether a one-layer operation can have it."""
        return (
            operation.result[1] in self.returns
            and operation.layer in self.layers
            and (not self.summed or self.summed not in operation.result)
            and (not self.needs or self.needs in operation.parameters)
            and (self.told or not {"x_shape", "ftr_shape"} & {*operation.signature})
        )

    def changed(self, operation: Operation) -> Change:
        """Return the change to a one-layer operation."""
        return self.change.of(operation) if self.change.of else self.change

    def words(self, operation: Operation) -> str:
        """Return the sentence for a one-layer operation."""
        sides = ("input", "output")
        wide, narrow = sides if operation.layer.narrows else sides[::-1]
        first, second = operation.factors
        return self.sentence.format(wide=wide, narrow=narrow, first=first, second=second)

    def mistake(
        self, operation: Operation, make: Callable[[], Kernel], words: str, prefix: str = ""
    ) -> Mistake:
        """Return the mistake of an operation that this makes."""
        named = prefix + self.id, operation.name, words, self.known_from
        numbers = self.wild, self.unit, self.nan
        return Mistake(*named, make, *numbers, sums=self.sums, quotient=self.quotient)


def of_one_layer(slips: Sequence[Slip], operation: Operation) -> Iterator[Mistake]:
    """Yield what `slips` make of a one-layer operation."""
    for slip in slips:
        if slip.applies(operation):
            make = partial(one_layer, operation, slip.changed(operation))
            yield slip.mistake(operation, make, slip.words(operation))


def of_two_layers(slips: Sequence[Slip], operation: Operation) -> Iterator[Mistake]:
    """Yield what `slips` make of a backward kernel: in its filter gradient, or in layer l+1."""
    gradient = OPERATIONS[f"{operation.layer}_filter_gradient"]
    for slip in slips:
        if slip.applies(gradient):
            make = partial(two_layers, operation, TwoLayers(own=slip.changed(gradient)))
            yield slip.mistake(operation, make, slip.words(gradient))
    backs = [OPERATIONS[f"{layer}_input_gradient"] for layer in LAYERS]
    for slip in slips:
        able = [back for back in backs if slip.applies(back)]
        if slip.fore and able:
            kinds = tuple(back.layer for back in able)
            change = TwoLayers(fore=slip.changed(able[0]), only=kinds)
            words = f"in layer l+1, {slip.words(able[0])}"
            yield slip.mistake(operation, partial(two_layers, operation, change), words, "fore-")


def on_axes(slip: Slip) -> Iterator[Slip]:
    """Yield the slip of both axes, of the rows, and of the columns.

    Its sentence has [axes] or [row] where these are to be told, its change the maps of both.
    """
    for suffix, axes, row, change in (
        ("", "rows and columns", "row and column", slip.change),
        ("-rows", "rows", "row", replace(slip.change, columns=windows, of_columns=same)),
        ("-columns", "columns", "column", replace(slip.change, rows=windows, of_rows=same)),
    ):
        words = slip.sentence.replace("[axes]", axes).replace("[row]", row)
        yield replace(slip, id=f"{slip.id}{suffix}", sentence=words, change=change)

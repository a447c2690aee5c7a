"""What a mistake is, and slips: mistakes written once for all operations that can have them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from convcheck.form.layers import LAYERS
from convcheck.form.operations import Kernel, Operation

from .form import Change, Index, TwoLayers, one_layer, two_layers, windows


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


@dataclass(frozen=True)
class Slip:
    """A change to the trilinear form, and which operations can have it."""

    id: str
    sentence: str
    """with {wide} and {narrow} for what the layer calls these sides, {first} and {second} for the
    names of its arguments"""
    known_from: str
    change: Change | Callable[[Operation], Change]
    returns: str = "PHh"
    """axes that tell what the operation returns: narrow side, wide side, filter"""
    layers: tuple[str, ...] = LAYERS
    summed: str = ""
    """an axis that the result must not have"""
    fore: bool = True
    """whether it is also told of layer l+1"""
    wild: bool = False
    unit: float = 0.0
    nan: bool = False
    sums: bool = False

    def applies(self, operation: Operation) -> bool:
        """Return whether a one-layer operation can have it."""
        return (
            operation.result[1] in self.returns
            and operation.layer in self.layers
            and (not self.summed or self.summed not in operation.result)
        )

    def changed(self, operation: Operation) -> Change:
        """Return the change to a one-layer operation."""
        return self.change if isinstance(self.change, Change) else self.change(operation)

    def words(self, operation: Operation) -> str:
        """Return the sentence for a one-layer operation."""
        sides = ("input", "output")
        wide, narrow = sides if operation.layer.narrows else sides[::-1]
        first, second = operation.factors
        return self.sentence.format(wide=wide, narrow=narrow, first=first, second=second)


def of_one_layer(slips: tuple[Slip, ...], operation: Operation) -> Iterator[Mistake]:
    """Yield what `slips` make of a one-layer operation."""
    for slip in slips:
        if slip.applies(operation):
            change = slip.changed(operation)
            yield Mistake(
                slip.id,
                operation.name,
                slip.words(operation),
                slip.known_from,
                lambda change=change: one_layer(operation, change),  # type: ignore[misc]
                slip.wild,
                slip.unit,
                slip.nan,
                sums=slip.sums,
            )


def of_two_layers(
    slips: tuple[Slip, ...], operation: Operation, table: dict[str, Operation]
) -> Iterator[Mistake]:
    """Yield what `slips` make of a backward kernel: in its filter gradient, or in layer l+1."""
    gradient = table[f"{operation.layer}_filter_gradient"]
    for slip in slips:
        if slip.applies(gradient):
            own = TwoLayers(own=slip.changed(gradient))
            yield _two(slip, slip.id, slip.words(gradient), operation, own)
    for slip in slips:
        backs = [table[f"{layer}_input_gradient"] for layer in LAYERS]
        able = [back for back in backs if slip.applies(back)]
        if slip.fore and able:
            fore = TwoLayers(fore=slip.changed(able[0]), only=tuple(b.layer for b in able))
            words = f"in layer l+1, {slip.words(able[0])}"
            yield _two(slip, f"fore-{slip.id}", words, operation, fore)


def _two(slip: Slip, id_: str, words: str, operation: Operation, change: TwoLayers) -> Mistake:
    return Mistake(
        id_,
        operation.name,
        words,
        slip.known_from,
        lambda: two_layers(operation, change),
        slip.wild,
        slip.unit,
        slip.nan,
        sums=slip.sums,
    )


def on_axes(
    id_: str, sentence: str, known_from: str, index: Index, *, only: str = "", **rest: object
) -> Iterator[Slip]:
    """Yield the slip of both axes, of the rows, and of the columns.

    Args:
        id_: of the slip of both axes.
        sentence: with [axes] where the axes are to be told.
        known_from: where it is known from.
        index: what becomes of the index map.
        only: "both" leaves out the single axes.
        rest: further fields.
    """
    axes = {"": (index, index), "-rows": (index, windows), "-columns": (windows, index)}
    words = {"": "rows and columns", "-rows": "rows", "-columns": "columns"}
    for suffix, (rows, columns) in axes.items():
        if only == "both" and suffix:
            continue
        text = sentence.replace("[axes]", words[suffix])
        text = text.replace("[row]", words[suffix][:-1].replace("rows and", "row and"))
        yield Slip(f"{id_}{suffix}", text, known_from, Change(rows=rows, columns=columns), **rest)  # type: ignore[arg-type]

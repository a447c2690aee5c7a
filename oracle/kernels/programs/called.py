"""A program as a candidate in this process: it takes and returns what the notebook's kernels do."""

from collections.abc import Mapping, Sequence
from typing import Any

from convcheck.form.axis import SIDES
from convcheck.form.geometry import PARAMETERS
from convcheck.form.layers import FILTER
from convcheck.form.operations import Operation
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import Fitted

from .program import Program


class Called(Fitted):
    """A program that a candidate names."""

    def __init__(self, candidate: Candidate) -> None:
        """Find it; CandidateError if there is none, or it cannot be started."""
        self._program = Program(candidate)
        super().__init__(candidate, self._program)
        self.takes = frozenset(candidate.takes)  # what it looks at in a request, it has to say

    def in_threads(self) -> bool:
        """Return whether the program has several threads."""
        return self._program.in_threads()

    def renew(self) -> bool:
        """Have the next call be the first that a program sees."""
        self.stop()
        return True

    def fresh(self, seconds: float | None = None, threads: int | None = None) -> "Called":  # noqa: ARG002
        """Return the same, asked of another program."""
        return Called(self.candidate)

    def stop(self) -> None:
        """End the program; the next call starts another."""
        self._program.stop()

    def _called(
        self, positional: Sequence[Any], keywords: Mapping[str, Any], *, dense: bool = False
    ) -> Any:
        named = dict(zip(self.operation.signature, positional, strict=True), **keywords)
        shape = result_shape(self.operation, named)
        name = {FILTER: "ftr_shape", "o": "bias"}.get(self.operation.result, "x_shape")
        self._program.result = self._converted(name, shape, dense=False)
        return super()._called(positional, keywords, dense=dense)


def result_shape(operation: Operation, named: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of an operation's result, in the notebook's layout, for its arguments.

    They are those of a call on which the operation has a meaning.
    """
    for name in ("x_shape", "ftr_shape"):
        if name in operation.signature:
            return tuple(map(int, named[name]))
    if "fltrs" in operation.signature:
        shape: tuple[int, ...] = named["fltrs"].shape
        return shape
    e: dict[str, int] = {}
    for name, axes in operation.factors.items():
        e.update(zip(axes, named[name].shape, strict=True))
    if "strd" in operation.signature:
        given = {**PARAMETERS, **named}
        e[operation.layer.within] *= given["groups"]
        pairs = (named["strd"], given["padding"], given["dilation"], given["output_padding"])
        for side, stride, pads, dilation, q in zip(SIDES, *pairs, strict=True):
            inner = (e[side.tap] - 1) * dilation + 1 + q - sum(pads)
            if side.wide in e:
                e[side.narrow] = (e[side.wide] - inner) // stride + 1
            else:
                e[side.wide] = (e[side.narrow] - 1) * stride + inner
    return tuple(int(e[axis]) for axis in operation.result)

"""What is judged of a kernel without search, in order."""

from collections.abc import Iterator
from typing import Literal, get_args

from convcheck.cases.taken import NOTHING, Taken
from convcheck.form.operations import Operation

from .activated import activated
from .boundaries import boundaries
from .certified import certified
from .combined import TIERS, Shapes, combined
from .drawn import drawn
from .large import Large
from .layers import real_layers
from .parameters import with_parameters
from .step import Step
from .threads import threaded

Effort = Literal["quick", "default", "thorough"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)


def plan(
    operation: Operation, effort: str = "quick", seed: int = 0, taken: Taken = NOTHING
) -> Iterator[Step]:
    """Yield what an operation's kernel is judged on: what rejects most wrong kernels soonest.

    Args:
        operation: that of the kernel.
        effort: one of `EFFORTS`.
        seed: of what is drawn at random.
        taken: the parameters that the kernel takes.
    """
    yield from boundaries(operation)
    yield from drawn(operation, effort, seed)
    yield from threaded(operation)
    yield from certified(operation, effort, seed)
    yield from combined(operation, TIERS[effort])
    yield Shapes(operation)
    yield from with_parameters(operation, taken, effort, seed)
    yield Large(operation, effort)
    yield from real_layers(operation, effort)
    yield from activated(operation)

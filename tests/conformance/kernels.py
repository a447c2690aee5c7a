"""Which kernels are judged, one for each operation, and judging them."""

from collections.abc import Iterable, Mapping
from types import ModuleType

from convcheck.oracle.cases import DTYPES, Case
from convcheck.oracle.geometry import LAYERS, Geometry
from convcheck.oracle.judge import judge
from convcheck.oracle.operations import OPERATIONS, Kernel, Operation
from convcheck.oracle.verdicts import Verdict
from convcheck.reference import gradients, notebook, repaired

# The literal backward kernels end in NameError, so that the repaired ones stand in.
HOMES: Mapping[str, ModuleType] = {
    name: notebook if name in LAYERS else repaired if name.endswith("back_prop") else gradients
    for name in OPERATIONS
}


def kernel_for(operation: str) -> Kernel:
    """Return the kernel to judge, as its module has it now."""
    kernel: Kernel = getattr(HOMES[operation], operation)
    return kernel


def partners() -> dict[str, Kernel]:
    """Return the forward kernels that adjointness is judged with."""
    return {name: kernel_for(name) for name in LAYERS}


def names() -> dict[str, str]:
    """Return where each operation's kernel comes from, as MODULE:FUNCTION."""
    return {name: f"{home.__name__}:{name}" for name, home in HOMES.items()}


def judge_fills(
    operation: Operation, fills: Iterable[str], geometry: Geometry, seed: int
) -> list[Verdict]:
    """Judge an operation's kernel on a geometry, in every dtype, with each of `fills`."""
    kernel = kernel_for(operation.name)
    cases = (
        Case(operation.name, geometry, dtype, fill, seed) for dtype in DTYPES for fill in fills
    )
    return [judge(kernel, case) for case in cases]

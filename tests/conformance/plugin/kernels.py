"""Which kernels are judged, one for each operation, and judging them."""

from collections.abc import Sequence

from convcheck.conformance import references
from convcheck.conformance.plan import step
from convcheck.conformance.references import HOMES, reference_for
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS, Kernel, Operation
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.candidates import Candidate
from convcheck.kernels.functions import subject_of
from convcheck.kernels.loading import source_digest
from convcheck.kernels.subjects import Subject

# Candidates that are judged in place of the reference, by operation, and where they are from.
CHOSEN: dict[str, Kernel] = {}
CANDIDATES: dict[str, Candidate] = {}
PLACES: dict[str, str] = {}
# Options that change how candidates are called, as on a command line.
OPTIONS: list[str] = []
# What they replace: the reference, or kernels of the user's.
REPLACED: dict[str, Subject] = {}


def kernel_for(operation: str) -> Subject:
    """Return the kernel to judge: a candidate, or the reference as its module has it now."""
    if operation in CHOSEN:
        return subject_of(CHOSEN[operation], OPERATIONS[operation])
    return reference_for(operation)


def dtypes_of(operation: Operation) -> tuple[str, ...]:
    """Return the dtypes in which the kernel is to be judged."""
    return step.dtypes_of(kernel_for(operation.name))


def fore_layers_of(operation: Operation) -> tuple[str, ...]:
    """Return the kinds of layer l+1 with which the kernel is to be judged, if it has one."""
    return step.fore_layers_of(kernel_for(operation.name))


def begin() -> None:
    """Begin a test: candidates that were given up in another are called again."""
    for name in CHOSEN:
        kernel_for(name).begin()


def replaced_names() -> dict[str, str]:
    """Return where the kernels come from that candidates replace, as MODULE:FUNCTION."""
    return {name: each.place for name, each in REPLACED.items() if each.place}


def judged() -> list[str]:
    """Return the operations that are judged: those of the candidates, or all."""
    return [name for name in OPERATIONS if not PLACES or name in PLACES]


def operations() -> list[Operation]:
    """Return the operations that tests are collected for: those that are judged."""
    return [OPERATIONS[name] for name in judged()]


def check_oracles() -> None:
    """Check that the oracles agree on what is judged; OracleError where they do not."""
    for operation in operations():
        references.check_oracles(kernel_for(operation.name))


def oracles() -> dict[str, str]:
    """Return in words what each oracle is that was checked against the others."""
    return {
        "PyTorch": "conv2d, conv_transpose2d and autograd in float64, on one thread; it judges",
        "Python integers": "term by term, in integers of unlimited size",
        "sliding windows": "einsum over windows, in float64",
        "loops": "the reference's: literal for convolution and convolution_transpose, repaired "
        "for the backward kernels, plain loops for the gradients",
    }


def names() -> dict[str, str]:
    """Return where each operation's kernel comes from, as MODULE:FUNCTION."""
    return {name: PLACES.get(name, f"{HOMES[name].__name__}:{name}") for name in judged()}


def sources() -> dict[str, str | None]:
    """Return the SHA-256 of the file that each operation's kernel stands in, where it has one."""
    modules = {name: place.rpartition(":")[0] for name, place in names().items()}
    return {name: source_digest(module) or None for name, module in modules.items()}


def judge_fills(
    operation: Operation, fills: Sequence[str], geometry: Geometry, seed: int
) -> list[Verdict]:
    """Judge an operation's kernel on a geometry, in every dtype, with each of `fills`."""
    return step.judge_fills(kernel_for(operation.name), fills, geometry, seed)

"""Which kernels are judged, one for each operation, and judging them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any

from convcheck.cases.case import DTYPES, Case
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Kernel, Operation, operation_named
from convcheck.judging.cross_check import cross_check
from convcheck.judging.judge import OracleError, judge, judge_all, not_offered
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.oracles import ORACLES, loops
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.calls import Remote
from convcheck.kernels.candidates import Candidate
from convcheck.kernels.loading import source_digest
from convcheck.kernels.promises import OF_ZEROS, Promise
from convcheck.reference import gradients, notebook, repaired

# The literal backward kernels end in NameError, so that the repaired ones stand in.
HOMES: Mapping[str, ModuleType] = {
    name: notebook if name in LAYERS else repaired if name.endswith("back_prop") else gradients
    for name in OPERATIONS
}


# Candidates that are judged in place of the reference, by operation, and where they are from.
CHOSEN: dict[str, Kernel] = {}
CANDIDATES: dict[str, Candidate] = {}
PLACES: dict[str, str] = {}
# Options that change how candidates are called, as on a command line.
OPTIONS: list[str] = []
# What they replace: the reference, or kernels of the user's.
REPLACED: dict[str, Kernel] = {}


def kernel_for(operation: str) -> Kernel:
    """Return the kernel to judge: a candidate, or the reference as its module has it now."""
    return CHOSEN[operation] if operation in CHOSEN else reference_for(operation)


def reference_for(operation: str) -> Kernel:
    """Return the reference's kernel, and with it what it promises of zeros."""
    return _promising(getattr(HOMES[operation], operation))


@lru_cache
def _promising(kernel: Kernel) -> Kernel:
    @wraps(kernel)
    def promising(*positional: Any, **keywords: Any) -> Any:
        return kernel(*positional, **keywords)

    promising.promise = Promise(zeros=OF_ZEROS)  # type: ignore[attr-defined]
    return promising


def dtypes_of(operation: Operation) -> tuple[str, ...]:
    """Return the dtypes in which the kernel is to be judged."""
    return tuple(dtype for dtype in DTYPES if _offers(operation, dtype, operation.default_fore))


def fore_layers_of(operation: Operation) -> tuple[str, ...]:
    """Return the kinds of layer l+1 with which the kernel is to be judged, if it has one."""
    if operation.default_fore is None:
        return ()
    (dtype, *_) = dtypes_of(operation)
    return tuple(layer for layer in LAYERS if _offers(operation, dtype, layer))


def _offers(operation: Operation, dtype: str, fore_layer: str | None) -> bool:
    fore = None if fore_layer is None else Fore(fore_layer, 1, 1, 1, 1, 1)
    case = Case(operation.name, Geometry.of(1, 1, 1, 1, 1, 1, 1, 1, 1, fore), dtype, "integers", 0)
    return not_offered(kernel_for(operation.name), case, "exact") is None


def begin() -> None:
    """Begin a test: candidates that were given up in another are called again."""
    for kernel in CHOSEN.values():
        if isinstance(kernel, Remote):
            kernel.begin()


def replaced_names() -> dict[str, str]:
    """Return where the kernels come from that candidates replace, as MODULE:FUNCTION."""
    found = {name: getattr(kernel, "candidate", None) for name, kernel in REPLACED.items()}
    return {name: f"{each.module}:{each.function}" for name, each in found.items() if each}


def judged() -> list[str]:
    """Return the operations that are judged: those of the candidates, or all."""
    return [name for name in OPERATIONS if not PLACES or name in PLACES]


def operations() -> list[Operation]:
    """Return the operations that tests are collected for: those that are judged."""
    return [OPERATIONS[name] for name in judged()]


def check_oracles() -> None:
    """Check that the oracles agree, the reference's loops among them.

    Where only these loops differ and are what is judged, the verdicts will tell.

    Raises:
        OracleError: they contradict one another.
    """
    reference = {name: reference_for(name) for name in HOMES}
    oracles = {**ORACLES, "loops": loops(reference)}
    for operation in map(operation_named, judged()):
        try:
            cross_check(oracles, [operation])
        except OracleError as error:
            is_judged = kernel_for(operation.name) is reference[operation.name]
            if not is_judged or error.wrong != ("loops",):
                raise


def oracles() -> dict[str, str]:
    """Return in words what each oracle is that was checked against the others."""
    return {
        "PyTorch": "conv2d, conv_transpose2d and autograd in float64, on one thread; it judges",
        "Python integers": "term by term, in integers of unlimited size",
        "sliding windows": "einsum over windows, in float64",
        "loops": "the reference's: literal for convolution and convolution_transpose, repaired "
        "for the backward kernels, plain loops for the gradients",
    }


def partners() -> dict[str, Kernel]:
    """Return the forward kernels that adjointness is judged with."""
    return {name: reference_for(name) for name in LAYERS}


def judge_property(prop: str, kernel: Kernel, case: Case) -> Verdict:
    """Judge a kernel on a case for a property, be it a law or what the case's fill says."""
    return judge_law(prop, kernel, case, partners()) if prop in LAWS else judge(kernel, case)


def names() -> dict[str, str]:
    """Return where each operation's kernel comes from, as MODULE:FUNCTION."""
    return {name: PLACES.get(name, f"{HOMES[name].__name__}:{name}") for name in judged()}


def sources() -> dict[str, str | None]:
    """Return the SHA-256 of the file that each operation's kernel stands in, where it has one."""
    modules = {name: place.rpartition(":")[0] for name, place in names().items()}
    return {name: source_digest(module) or None for name, module in modules.items()}


def judge_fills(
    operation: Operation, fills: Iterable[str], geometry: Geometry, seed: int
) -> list[Verdict]:
    """Judge an operation's kernel on a geometry, in every dtype, with each of `fills`."""
    kernel = kernel_for(operation.name)
    cases = (
        Case(operation.name, geometry, dtype, fill, seed) for dtype in DTYPES for fill in fills
    )
    return judge_all(kernel, list(cases))

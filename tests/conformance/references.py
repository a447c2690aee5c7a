"""The reference's kernels, as partners of others and as an oracle."""

from collections.abc import Mapping
from types import ModuleType

from convcheck.cases.case import Case
from convcheck.conformance.shapes.huge import judge_any
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.layouts import Array
from convcheck.form.operations import OPERATIONS, Arrays, Kernel, Operation
from convcheck.judging.cross_check import cross_check
from convcheck.judging.judge import OracleError
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.oracles import ORACLES
from convcheck.judging.threads import THREADS, judge_threads
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.functions import Function
from convcheck.kernels.promises import OF_ZEROS, Promise
from convcheck.kernels.subjects import Call, Subject
from convcheck.reference import parameters, repaired

# The literal backward kernels end in NameError, so that the repaired ones stand in.  Without
# parameters, results of the others are those of the notebook and of the gradients to the bit; with
# padding or dilation they meet zeros that are inserted.
HOMES: Mapping[str, ModuleType] = {
    name: repaired if name.endswith("back_prop") else parameters for name in OPERATIONS
}

ORACLES_IN_WORDS: Mapping[str, str] = {
    "PyTorch": "conv2d, conv_transpose2d and autograd in float64, on one thread; it judges",
    "Python integers": "term by term, in integers of unlimited size",
    "sliding windows": "einsum over windows, in float64",
    "loops": "the reference's: literal for convolution and convolution_transpose, repaired "
    "for the backward kernels, plain loops for the gradients",
}
"""those that are checked against one another"""

# The laws of the trilinear form, which neither two layers are nor a sum.
_TRILINEAR = ("translation", "impulse", "subsampling")


def reference_for(operation: str) -> Subject:
    """Return the reference's kernel, and with it what it promises of zeros."""
    kernel = getattr(HOMES[operation], operation)
    zeros = OF_ZEROS[1:] if OPERATIONS[operation].parameters else OF_ZEROS
    return Function(kernel, OPERATIONS[operation], Promise(zeros=zeros))


def loops(operation: Operation, geometry: Geometry, arrays: Arrays) -> Array:
    """Return the result that the reference computes, as an oracle does."""
    shape = operation.shape(geometry, operation.result)
    return reference_for(operation.name).call(Call(geometry, arrays, shape))


def partners() -> dict[str, Kernel]:
    """Return the forward kernels that adjointness is judged with."""
    return {name: reference_for(name) for name in LAYERS}


def laws_of(operation: str, *, parameters: bool = False) -> list[str]:
    """Return the laws that `operation` is judged by, where its kernel takes parameters or not."""
    of = OPERATIONS[operation]
    without: tuple[str, ...] = () if of.trilinear else _TRILINEAR
    without += ("adjointness",) if of.degree == 1 else ()
    without += () if parameters else ("parameters",)
    return [law for law in LAWS if law not in without]


def judge_property(prop: str, kernel: Kernel, case: Case) -> Verdict:
    """Judge a kernel on a case for a property, be it a law or what the case's fill says."""
    if prop == THREADS:
        return judge_threads(kernel, case)
    return judge_law(prop, kernel, case, partners()) if prop in LAWS else judge_any(kernel, case)


def check_oracles(subject: Subject) -> None:
    """Check that the oracles of what is judged agree, the reference's loops among them.

    Where only these loops differ and are what is judged, the verdicts will tell.

    Raises:
        OracleError: they contradict one another.
    """
    try:
        cross_check({**ORACLES, "loops": loops}, [subject.operation])
    except OracleError as error:
        if subject != reference_for(subject.operation.name) or error.wrong != ("loops",):
            raise

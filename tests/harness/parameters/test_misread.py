"""What is judged of parameters: right kernels pass it, kernels that misread one do not."""

from collections.abc import Iterator

import pytest
from each import ONE_LAYER
from misread import PLAIN, RARE, RIGHT
from whole import DIRECT

from convcheck.cases.case import Case
from convcheck.conformance.plan.parameters import with_parameters
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.judging.cross_check import fixed_geometries
from convcheck.judging.judge import judge_all
from convcheck.judging.verdicts import DECIDED, Outcome, Verdict
from convcheck.kernels.functions import load, subject_of
from convcheck.kernels.subjects import Subject

TORCH = "tensors=NCHW,arrays=torch,names=strd:stride"
CANDIDATES = {
    "conv2d": f"convolution=torch.nn.functional:conv2d,filters=OIHW,{TORCH},"
    "takes=padding+dilation+groups+bias,padding=pair",
    "conv_transpose2d": f"convolution_transpose=torch.nn.functional:conv_transpose2d,filters=IOHW,"
    f"{TORCH},takes=padding+dilation+groups+output_padding+bias,padding=pair",
    "conv1d": f"convolution=torch.nn.functional:conv1d,filters=OIHW,{TORCH},"
    "takes=padding+dilation+groups+bias,padding=pair,rank=1",
}


def judged(subject: Subject, effort: str) -> Iterator[Verdict]:
    """Yield the verdicts of the steps of parameters."""
    with pytorch.one_thread():
        for step in with_parameters(subject.operation, subject.taken, effort, 0):
            for each in step.judge(subject):
                yield from each.verdicts


def accepted(subject: Subject) -> None:
    """Assert that a kernel passes, and that it was decided on all that it takes."""
    decided: set[str] = set()
    for verdict in judged(subject, "quick"):
        assert not verdict.failed, (str(verdict.case), verdict.reason)
        if verdict.outcome in DECIDED:
            decided |= subject.operation.keywords(verdict.case.geometry).keys()
    assert decided == {*subject.taken.parameters}


@pytest.mark.parametrize("name", [each.name for each in ONE_LAYER if each.parameters])
def test_right_kernels_pass(name: str) -> None:
    """Kernels that insert zeros, and loops that do not."""
    for kernels in (RIGHT, DIRECT):
        if name in kernels:
            accepted(subject_of(kernels[name], OPERATIONS[name]))


@pytest.mark.parametrize("line", CANDIDATES.values(), ids=CANDIDATES)
def test_candidates_of_torch_pass(line: str) -> None:
    """PyTorch's functions, in the forms of parameters that they have."""
    accepted(load(line))


def rejected(name: str, effort: str) -> bool:
    """Return whether a kernel that misreads a parameter fails."""
    operation, kernel = {**PLAIN, **RARE}[name]
    subject = subject_of(kernel, OPERATIONS[operation])
    assert subject.taken.parameters == OPERATIONS[operation].parameters
    return any(verdict.failed for verdict in judged(subject, effort))


@pytest.mark.parametrize("name", PLAIN)
def test_plain_mistakes_are_found_quickly(name: str) -> None:
    """Whatever is wrong with a parameter everywhere is found by the quickest run."""
    assert rejected(name, "quick")


@pytest.mark.parametrize("name", RARE)
def test_rare_mistakes_are_found(name: str) -> None:
    """Whatever is wrong in one class of geometries is found by a default run."""
    assert rejected(name, "default")


@pytest.mark.parametrize("name", [*PLAIN, *RARE])
def test_mistakes_show_with_parameters_alone(name: str) -> None:
    """Without parameters, a kernel that misreads one is right: that it fails is the parameter's."""
    operation, kernel = {**PLAIN, **RARE}[name]
    cases = [
        Case(operation, geometry, "float32", "integers", 1)
        for geometry in fixed_geometries(OPERATIONS[operation])
        if geometry.is_plain
    ]
    assert {verdict.outcome for verdict in judge_all(kernel, cases)} == {Outcome.AGREES}

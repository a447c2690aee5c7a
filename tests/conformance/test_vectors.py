"""Conformance vectors that others wrote hold of the kernel, where `--vectors` names any."""

import shlex

import pytest

from convcheck.conformance.foreign import told
from convcheck.conformance.foreign.vectors import vectors_in
from convcheck.conformance.plan.vectors import ForeignVector
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.steps import parametrize

pytestmark = pytest.mark.usefixtures("one_thread")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the test the vectors of what is judged."""
    found = vectors_in(metafunc.config.getoption("convcheck_vectors")).vectors
    parametrize(
        metafunc,
        lambda operation: [
            ForeignVector(operation, each) for each in found if each.operation == operation.name
        ],
    )


def test_vector(record: Record, step: ForeignVector, pytestconfig: pytest.Config) -> None:
    """The kernel gives the result of a vector, within the bound."""
    source = pytestconfig.getoption("convcheck_vectors")
    vectors, left_out = vectors_in(source)
    record.remark(source, told((each.operation for each in vectors), left_out, "vector"))
    test = shlex.quote(f"convcheck.conformance.test_vectors::test_vector[{step.name}]")
    record.walk(step, f"pytest --pyargs {test} --vectors {shlex.quote(source)}")

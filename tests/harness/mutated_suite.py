"""The conformance tests on kernels that mutmut changes, the cheapest first, in one process.

Certificates are small here, since every mutant that survives costs a whole run.

`mutants.py` copies this file beside the kernels, where it is all that pytest collects.
"""

from typing import Any

import hypothesis
import pytest
import zoo

from convcheck.conformance import (
    kernels,
    test_agreement,
    test_boundaries,
    test_combinations,
    test_laws,
)
from convcheck.conformance.boundaries import reachable
from convcheck.conformance.recording import Record
from convcheck.oracle import pytorch
from convcheck.oracle.certificates import certify
from convcheck.oracle.operations import OPERATIONS, Operation
from convcheck.oracle.regions import Region
from convcheck.reference import gradients, notebook

# Primitives that are not changed, to judge what all styles share.
LOOPS = zoo.Style(
    narrow=notebook.convolution,
    filter=gradients.convolution_filter_gradient,
    wide=gradients.convolution_input_gradient,
)
STYLES = {**zoo.STYLES, "loops": LOOPS}
# One operation for each primitive of a style.
PRIMITIVES = ("convolution", "convolution_input_gradient", "convolution_filter_gradient")
RUNS = [(style, name) for style in zoo.STYLES for name in PRIMITIVES]
RUNS += [("loops", name) for name in OPERATIONS]


@pytest.mark.parametrize(("style", "name"), RUNS)
def test_conforms(style: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is certified in a small region, and passes the other tests."""

    def kernel(*arguments: Any, **keywords: Any) -> Any:
        return zoo.kernels(STYLES[style])[name](*arguments, **keywords)

    monkeypatch.setitem(kernels.CHOSEN, name, kernel)
    operation = OPERATIONS[name]
    with pytorch.one_thread():
        assert certify(kernel, Region(name, 1 if operation.default_fore else 2)).complete
        _judge(operation)


def _judge(operation: Operation) -> None:
    for boundary in reachable(operation):
        test_boundaries.test_boundary(Record(), operation, boundary)
    for plan in test_combinations.TIERS["quick"]:
        test_combinations.test_sizes(Record(), operation, plan, 0)
    for test in (test_agreement.test_agreement, test_agreement.test_nonfinite, test_laws.test_laws):
        judged: Any = hypothesis.seed(0)(test)
        judged(record=Record(), operation=operation)

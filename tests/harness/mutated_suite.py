"""The conformance tests on kernels that mutmut changes, the cheapest first, in one process.

Certificates are small here, since every mutant that survives costs a whole run.

`mutants.py` copies this file beside the kernels, where it is all that pytest collects.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import zoo
from suite import plain, sizes

from convcheck.campaigns.certificates import certify
from convcheck.cases.regions import Region
from convcheck.conformance.plugin.recording import Record
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.kernels.functions import Function
from convcheck.kernels.subjects import Subject
from convcheck.reference import gradients, notebook

# Primitives that are not changed, to judge what all styles share.
LOOPS = zoo.Style(
    narrow=notebook.convolution,
    filter=gradients.convolution_filter_gradient,
    wide=gradients.convolution_input_gradient,
)
STYLES = {**zoo.STYLES, "loops": LOOPS}
# One operation for each primitive of a style; before them, what all styles share.
PRIMITIVES = ("convolution", "convolution_input_gradient", "convolution_filter_gradient")
RUNS = [("loops", name) for name in OPERATIONS]
RUNS += [(style, name) for style in zoo.STYLES for name in PRIMITIVES]


each_run = pytest.mark.parametrize(("style", "name"), RUNS)


@pytest.fixture
def subject(style: str, name: str) -> Iterator[Subject]:
    """Return an operation's kernel in a style."""

    def kernel(*arguments: Any, **keywords: Any) -> Any:
        return zoo.kernels(STYLES[style])[name](*arguments, **keywords)

    with pytorch.one_thread():
        yield Function(kernel, OPERATIONS[name])


@each_run
def test_certified(subject: Subject) -> None:
    """The kernel is certified in a small region: all kernels first, since that is cheap."""
    region = Region(subject.operation.name, 1 if subject.operation.default_fore else 2)
    assert certify(subject, region).complete


@each_run
def test_conforms(subject: Subject, style: str) -> None:
    """The kernel passes the other tests; loops are too slow for those of sizes."""
    record = Record(lambda _: subject)
    for test in (*plain(subject), *(sizes(subject.operation) if style != "loops" else ())):
        test(record=record)

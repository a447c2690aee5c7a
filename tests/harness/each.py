"""What tests are repeated for: operations, and geometries of one that Hypothesis draws."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcheck.cases.taken import Taken
from convcheck.conformance.shapes.strategies import geometries, seeds
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS, Operation

Test = Callable[..., Any]


def each(operations: Iterable[Operation]) -> pytest.MarkDecorator:
    """Repeat a test for these operations."""
    return pytest.mark.parametrize(
        "operation", list(operations), ids=lambda operation: operation.name
    )


ONE_LAYER = [each for each in OPERATIONS.values() if each.default_fore is None]
TWO_LAYERS = [each for each in OPERATIONS.values() if each.default_fore is not None]
each_operation = each(OPERATIONS.values())
each_of_one_layer = each(ONE_LAYER)
# Where all depends on the layers alone: an operation stands for its gradients.
each_kind_of_layers = each(each for each in OPERATIONS.values() if "gradient" not in each.name)


def drawing(examples: int) -> Callable[[Test], Test]:
    """Repeat a test for as many examples, which it draws from its argument `data`."""

    def decorate(test: Test) -> Test:
        repeat = settings(max_examples=examples, deadline=None, database=None)
        return repeat(given(data=st.data())(test))

    return decorate


def drawn(data: st.DataObject, operation: Operation) -> tuple[Geometry, int]:
    """Return a geometry of the operation, with any of its parameters, and a seed."""
    return data.draw(geometries(operation, Taken(operation.parameters))), data.draw(seeds)

"""The operations table: signatures, counts of products, and what has no meaning.

That its shapes and arguments are right is what `cross_check` finds: PyTorch and the reference's
kernels are called with them, and their results have the shapes that the table says.
"""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from arithmetic import EXACT, after, compute, terms
from each import TWO_LAYERS, each, each_operation

from convcheck import reference
from convcheck.form.counts import counts
from convcheck.form.geometry import PARAMETERS, Geometry
from convcheck.form.layers import Layer
from convcheck.form.operations import OPERATIONS, Operation, operation_named
from convcheck.judging.cross_check import fixed_geometries
from convcheck.reference import parameters, repaired


@each_operation
def test_counts(operation: Operation) -> None:
    """Terms of each result, and of the two sums of a backward kernel, are as counted by loops."""
    fixed = list(fixed_geometries(operation))
    for g in (*fixed, fixed[1].resized(batch=0)):
        found = counts(operation, g)
        shapes = operation.array_shapes(g)
        ones = {n: np.ones(shapes[n]) for n in (*operation.factors, "bias") if n in shapes}
        expected = np.zeros(found.terms.shape)
        for index, value in compute(operation.name, ones, EXACT, geometry=g).items():
            expected[index] = value
        assert np.array_equal(found.terms, expected)
        inner = outer = 0
        if g.fore is not None:
            back = terms(f"{g.fore.layer}_input_gradient", after(g.fore, ones["d_act"].shape))
            own = terms(f"{operation.layer}_filter_gradient", g)
            inner, outer = (max(map(len, each.values()), default=0) for each in (back, own))
        assert (found.inner, found.outer) == (inner, outer)


def kernel(name: str) -> Callable[..., Any]:
    """Return the kernel whose arguments users see."""
    home = reference if name.endswith("back_prop") else parameters
    found: Callable[..., Any] = getattr(home, name)
    return found


@pytest.mark.parametrize("name", OPERATIONS)
def test_signature(name: str) -> None:
    """Arguments are the reference kernels', in the same order: parameters by keyword."""
    named = inspect.signature(kernel(name)).parameters.values()
    by_keyword = {each.name: each.default for each in named if each.kind is each.KEYWORD_ONLY}
    absent = {**PARAMETERS, "bias": None}
    assert by_keyword == {each: absent[each] for each in OPERATIONS[name].parameters}
    assert OPERATIONS[name].signature == tuple(
        each.name for each in named if each.name not in by_keyword
    )


@each(TWO_LAYERS)
def test_repaired_signature(operation: Operation) -> None:
    """The repaired kernels also take `fore_layer`, by keyword, with the default that it has.

    Where that is layer l+1, nothing is passed: a kernel need not take it.
    """
    *rest, last = inspect.signature(getattr(repaired, operation.name)).parameters.values()
    assert operation.signature == tuple(parameter.name for parameter in rest)
    assert (last.name, last.kind) == ("fore_layer", inspect.Parameter.KEYWORD_ONLY)
    assert last.default == operation.default_fore == operation.layer
    for g in fixed_geometries(operation):
        fore = g.fore and g.fore.layer
        passed = {} if fore == last.default else {last.name: fore}
        assert operation.arguments(g, dict.fromkeys(operation.signature))[1] == passed  # type: ignore[arg-type]


LAYER = "b1.h4.w4.i1.o1.f2x2.s1x1"


@each_operation
def test_layer_after(operation: Operation) -> None:
    """A layer l+1 is demanded of backward kernels and refused by the others."""
    fore, expected = ("", "a") if operation.default_fore else ("+convolution.k1.f1x1.s1x1", "no")
    with pytest.raises(ValueError, match=f"{operation.name} expected {expected} layer l\\+1$"):
        operation.check(Geometry.parse(LAYER + fore))


# The filter that does not fit, where layer l is a convolution, and a transposed one.
MISFITS = {
    "b1.h4.w4.i1.o1.f5x1.s1x1": ("filter_height=5", ""),
    "b1.h4.w4.i1.o1.f1x5.s1x1": ("filter_width=5", ""),
    "b1.h2.w4.i1.o1.f1x1.s1x1+convolution.k1.f3x1.s1x1": ("fore filter_height=3",) * 2,
    "b1.h4.w2.i1.o1.f1x1.s1x1+convolution.k1.f1x3.s1x1": ("fore filter_width=3",) * 2,
    # Layer l makes 2 x 2 of 4 x 4, or 6 x 6.
    "b1.h4.w4.i1.o1.f3x3.s1x1+convolution.k1.f3x1.s1x1": ("fore filter_height=3", ""),
    "b1.h4.w4.i1.o1.f3x3.s1x1+convolution.k1.f6x6.s1x1": ("fore filter_height=6", ""),
    "b1.h2.w2.i1.o1.f1x1.s1x1+convolution_transpose.k1.f9x9.s1x1": ("", ""),
    "b1.h2.w2.i1.o1.f9x9.s1x1+convolution_transpose.k1.f9x9.s1x1": ("filter_height=9", ""),
}


@pytest.mark.parametrize("text", MISFITS)
def test_filter_that_does_not_fit(text: str) -> None:
    """A filter larger than what it slides over is refused by the operations that slide it."""
    g = Geometry.parse(text)
    for operation in OPERATIONS.values():
        if (g.fore is None) is not (operation.default_fore is None):
            continue
        misfit = dict(zip(Layer, MISFITS[text], strict=True))[operation.layer]
        refused = pytest.raises(ValueError, match=f"^{misfit}: expected at most the extent ")
        with refused if misfit else nullcontext():
            operation.check(g)


def test_names() -> None:
    """There are ten operations, found by name; another name is refused, all ten named."""
    assert len(OPERATIONS) == 10
    for name, operation in OPERATIONS.items():
        assert operation_named(name) is operation
        assert repr(operation) == f"OPERATIONS['{name}']"
        degree = 4 if "back" in name else 1 if "bias" in name else 2
        assert operation.degree == len(operation.factors) == degree
        assert operation.data in operation.factors
    with pytest.raises(
        ValueError, match=r"^operation='conv': expected one of convolution,"
    ) as error:
        operation_named("conv")
    assert all(name in str(error.value) for name in OPERATIONS)

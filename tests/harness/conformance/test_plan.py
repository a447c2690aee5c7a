"""The plan: what is judged without a search, in order, and the same each time."""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from convcheck.cases.case import Case
from convcheck.cases.numbers import Raw
from convcheck.conformance.plan.certified import certified
from convcheck.conformance.plan.plan import EFFORTS, plan
from convcheck.conformance.plan.replay import properties_of, replays
from convcheck.conformance.plan.simplest import simplest
from convcheck.conformance.references import laws_of, reference_for
from convcheck.conformance.shapes import draws
from convcheck.conformance.shapes.boundaries import classes_of
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import Function, load

each_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda o: o.name)


@each_operation
def test_steps_are_told_apart(operation: Operation) -> None:
    """Each has a name of its own among those of its kind, and is the same in every process."""
    for effort in EFFORTS:
        steps = list(plan(operation, effort, seed=3))
        assert len({(type(step), step.name) for step in steps}) == len(steps)
        assert steps == list(plan(operation, effort, seed=3))
        assert {step.operation for step in steps} == {operation}


def test_more_effort_is_more_steps() -> None:
    """Each effort judges all kinds of the one before it, some of them in more steps."""
    kinds = [Counter(map(type, plan(OPERATIONS["convolution"], effort))) for effort in EFFORTS]
    for less, more in pairwise(kinds):
        assert less.keys() == more.keys()
        assert less < more


@each_operation
def test_geometries_drawn_by_a_seed_are_of_all_kinds(operation: Operation) -> None:
    """An operation has a meaning on each, and few have the same classes."""
    pick = draws.Seeded(Raw(0, stream=3))
    found = [draws.geometry(pick, operation) for _ in range(200)]
    for each in found:
        operation.check(each)
    kinds = {name for each in found for name in classes_of(operation, each)}
    assert {"empty batch", "1 x 1 input", "large filter", "large stride"} < kinds
    assert {"a block of channels", "a block of rows or columns", "unequal strides"} < kinds
    assert len(set(found)) > 150


def test_a_certificate_counts_what_is_not_declared() -> None:
    """As other properties do: no cell of a dtype is left as if it had not been run."""
    kernel = load("convolution=convcheck.reference:convolution,dtypes=float32")
    steps = certified(kernel.operation, "quick", seed=0)
    verdicts = [each for step in steps for part in step.judge(kernel) for each in part.verdicts]
    found = Counter((each.case.dtype, each.outcome) for each in verdicts)
    assert found.pop(("float32", Outcome.AGREES)) > 1000
    assert found == {(dtype, Outcome.NOT_OFFERED): 1 for dtype in ("float16", "float64")}


def test_a_case_is_judged_by_laws_where_it_holds_exact_integers() -> None:
    """Once for what its fill says, and once for each law, and again and again for threads."""
    text = "v1:convolution:float32:{}:b1.h2.w1.i1.o1.f2x1.s1x1:0"
    exact, real = (Case.parse(text.format(fill)) for fill in ("integers", "uniform"))
    assert properties_of(exact) == ["exact", *laws_of("convolution"), "threads"]
    assert [step.prop for step in replays(real)] == ["bound"]


def test_a_failure_is_made_simpler_as_long_as_it_fails() -> None:
    """What is wrong from 8 channels on is told on 8, a right verdict is as it was."""
    right = reference_for("convolution")
    operation = OPERATIONS["convolution"]
    wrong = Function(lambda x, f, s: right(x, f, s) * (1 + (f.shape[0] > 7)), operation)
    case = Case.parse("v1:convolution:float32:uniform:b3.h5.w6.i17.o3.f2x3.s2x1:4")
    assert str(simplest(judge(wrong, case)).case.geometry) == "b1.h1.w1.i8.o1.f1x1.s1x1"
    verdict = judge(right, case)
    assert simplest(verdict) is verdict


def test_a_failure_on_numbers_of_the_bias_keeps_it() -> None:
    """Fills of the bias are none of a geometry without one."""
    right = reference_for("convolution")

    def wrong(*given: Any, bias: Any = None) -> Any:
        return right(*given, bias=bias if bias is None else np.nan_to_num(bias))

    case = Case.parse("v1:convolution:float32:nonfinite-bias:b2.h2.w3.i2.o3.f2x2.s1x1.bias:4")
    verdict = judge(wrong, case)
    assert verdict.failed
    assert str(simplest(verdict).case.geometry) == "b1.h1.w1.i1.o1.f1x1.s1x1.bias"

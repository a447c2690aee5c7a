"""Kernels that compile for each shape: which shapes they are judged on, and on no others."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from each import each_kind_of_layers
from pytest_runs import Folder, call
from zoo import STYLES, kernels

import convcheck
from convcheck.cases.case import Case
from convcheck.cases.taken import Taken
from convcheck.conformance.plan.few import few
from convcheck.conformance.plan.step import dtypes_of, fore_layers_of
from convcheck.conformance.references import reference_for
from convcheck.conformance.shapes.boundaries import classes_of, reachable
from convcheck.conformance.shapes.coverage import pairs_of, shape_classes, shape_pairs
from convcheck.conformance.shapes.few import representative
from convcheck.conformance.shapes.parameters import special
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.subjects import Subject


@each_kind_of_layers
def test_the_first_shapes_hold_every_class(operation: Operation) -> None:
    """Fifty geometries are in every class where kernels go wrong; 150 hold all pairs of others."""
    layers = fore_layers_of(_subject(operation, 1))
    found = representative(operation, layers, Taken(operation.parameters))
    assert len({*found}) == len(found) > 90
    assert {*reachable(operation)} <= {c for g in found[:50] for c in classes_of(operation, g)}
    pairs = {pair for g in found[:150] for pair in pairs_of(shape_classes(operation, g))}
    assert {*shape_pairs(operation.name, layers)} <= pairs
    kinds = dict(special(operation, Taken(operation.parameters)))
    assert {*kinds.values()} <= {*found[:150]}


def _subject(operation: Operation, shapes: int) -> Subject:
    found = reference_for(operation.name)
    found.shapes = shapes
    return found


@pytest.mark.parametrize("count", [1, 7, 150, 100_000])
def test_as_many_pairs_as_were_asked_for(count: int) -> None:
    """They differ, and are all that the kernel is judged on from then on."""
    operation = OPERATIONS["convolution"]
    subject = _subject(operation, count)
    steps = few(subject)
    pairs = [(step.geometry, step.dtype) for step in steps]
    every = len({*pairs})
    assert len(pairs) == every == count or count > every > 2 * len({g for g, _ in pairs})
    (geometry, dtype), *_ = pairs
    case = Case(operation.name, geometry, dtype, "integers", 1)
    assert judge(subject, case).outcome is Outcome.AGREES
    other = replace(case, geometry=geometry.resized(batch=77))
    assert judge(subject, other).reason == (
        "it compiles for each shape, and this is none of those that it is judged on"
    )


right = kernels(STYLES["einsum"])["convolution"]


def counted(kernel: Callable[..., Any]) -> tuple[Callable[..., Any], set[object]]:
    """Return a kernel, and the shapes and dtypes that it has been called with."""
    forms: set[object] = set()

    def convolution(x: Any, ftr: Any, strd: Any) -> Any:
        forms.add((x.shape, ftr.shape, tuple(strd), x.dtype.name))
        return kernel(x, ftr, strd)

    return convolution, forms


def test_no_other_shape_is_called() -> None:
    """Neither while a kernel is judged, nor to find out how it is wrong."""
    kernel, forms = counted(right)
    result = convcheck.check(kernel, "convolution", shapes=6)
    assert result
    assert len(forms) == 6
    assert "was judged on 6 pairs of a shape and a dtype alone: nothing is certified" in str(result)
    told = "judged for 6 pairs of a shape and a dtype; nothing is said of others"
    assert told in result.headline
    flipped = lambda x, ftr, strd: right(x, ftr[:, ::-1], strd)  # noqa: E731
    wrong, forms = counted(flipped)
    result = convcheck.check(wrong, "convolution", shapes=40)
    assert not result
    assert "behaves as if the filter is flipped in its rows" in str(result)
    assert len(forms) <= 40


def test_what_shapes_may_be() -> None:
    """A number of them, or few."""
    for text in ("0", "-1", "many", "1.5"):
        with pytest.raises(CandidateError, match=f"shapes='{text}': expected few, or a positive"):
            Candidate.parse(f"convolution=a:b,shapes={text}")
    assert str(Candidate.parse("convolution=a:b,shapes=7")) == "convolution=a:b,shapes=7"


MINE = """
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""


def test_a_run_judges_on_these_shapes(folder: Folder) -> None:
    """Each is a test, nothing else is run, and the comparison with loops is of these, too."""
    line = "convolution=mine.py:convolution,shapes=5"
    words = ("-m", "convcheck", "check", line, "--hypothesis-profile", "quick", "-n", "0")
    ran = call(folder(mine=MINE), [sys.executable, *words], OMP_NUM_THREADS="1")
    assert ran.returncode == 0, ran.stdout
    assert "convolution: compiles for each shape, and was judged on 5 pairs" in ran.stdout
    assert "\nConforms: no disagreement" in ran.stdout
    assert "not run" not in ran.stdout
    assert "times faster" in ran.stdout


@pytest.mark.parametrize("operation", [OPERATIONS["convolution"], OPERATIONS["conv_back_prop"]])
def test_dtypes_stay_offered(operation: Operation) -> None:
    """Once shapes are chosen, the kernel is asked for the same dtypes, and judged once in each."""
    kernel = _subject(operation, 40)
    before = dtypes_of(kernel), fore_layers_of(kernel)
    first = few(kernel)[0]
    assert (dtypes_of(kernel), fore_layers_of(kernel)) == before
    cases = [(each.case, each.prop) for judged in first.judge(kernel) for each in judged.verdicts]
    assert len({*cases}) == len(cases)

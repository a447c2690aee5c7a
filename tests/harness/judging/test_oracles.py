"""The oracles agree, and a fault in any one of them is blamed on that one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from each import drawing, drawn, each, each_operation
from hypothesis import strategies as st

from convcheck.cases.case import Case
from convcheck.conformance.plugin.subjects import Subjects
from convcheck.conformance.references import loops
from convcheck.conformance.shapes.coverage import shape_classes, shape_pairs
from convcheck.form import pytorch
from convcheck.form.counts import Counts, counts
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging import cross_check as checked
from convcheck.judging.cross_check import cross_check
from convcheck.judging.judge import OracleError
from convcheck.judging.oracles import ORACLES, Oracle, python_integers, pytorch_float64
from convcheck.reference import notebook

ALL: dict[str, Oracle] = {**ORACLES, "loops": loops}


@each_operation
@drawing(15)
def test_oracles_agree(operation: Operation, data: st.DataObject) -> None:
    """On integers, all oracles give the same result, of the shape of the operation's."""
    geometry, seed = drawn(data, operation)
    sizes = [operation.shape(geometry, axes) for axes in operation.factors.values()]
    if max(map(np.prod, sizes)) > 2000:  # Python's integers take long
        return
    arrays = Case(operation.name, geometry, "float64", "integers", seed).arrays()
    expected = pytorch_float64(operation, geometry, arrays)
    for name, oracle in ALL.items():
        assert np.array_equal(oracle(operation, geometry, arrays), expected), name


def flipped(oracle: Oracle) -> Oracle:
    """Return an oracle that has the filter, or the first factor, last row and channel first."""

    def wrong(operation: Operation, geometry: Geometry, arrays: Any) -> Any:
        name = "ftr" if "ftr" in operation.factors else next(iter(operation.factors))
        return oracle(operation, geometry, {**arrays, name: arrays[name][:, ::-1, :, ::-1]})

    return wrong


def changed(how: Callable[[Any], Any]) -> Callable[[Oracle], Oracle]:
    """Return a fault that changes an oracle's result."""
    return lambda oracle: lambda *arguments: how(oracle(*arguments))


FAULTS: dict[str, Callable[[Oracle], Oracle]] = {
    "flipped": flipped,
    "raises": changed(lambda _: 1 / 0),
    "NaN": changed(lambda z: z * np.nan),
    "shape": changed(lambda z: z[..., None]),
    "dtype": changed(lambda z: z.astype(int)),
    "list": changed(lambda z: z.tolist()),
    "one element": changed(lambda z: z + (np.arange(z.size) == z.size - 1).reshape(z.shape)),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ALL)
@each_operation
def test_a_fault_is_blamed_on_the_oracle_that_has_it(
    operation: Operation, name: str, fault: str
) -> None:
    """Whatever is wrong with one oracle, for one operation, the error names it alone."""
    oracles = {**ALL, name: FAULTS[fault](ALL[name])}
    with pytest.raises(OracleError, match=f"^{name} differs from the other oracles") as error:
        cross_check(oracles, [operation])
    assert error.value.wrong == (name,)
    assert operation.name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ALL)
@each(operation for operation in OPERATIONS.values() if operation.parameters)
def test_so_is_one_of_parameters_alone(operation: Operation, name: str) -> None:
    """An oracle that exchanges padding before and after is named, though all sizes are right."""

    def wrong(operation: Operation, geometry: Geometry, arrays: Any) -> Any:
        rows, columns = (
            axis._replace(before=axis.after, after=axis.before) for axis in geometry.axes
        )
        return ALL[name](operation, replace(geometry, rows=rows, columns=columns), arrays)

    with pytest.raises(OracleError, match=f"^{name} differs from the other oracles") as error:
        cross_check({**ALL, name: wrong}, [operation])
    assert error.value.wrong == (name,)


@each_operation
def test_fixed_set_has_every_class(operation: Operation) -> None:
    """A fault that shows in one class of geometries only is noticed, whichever it is."""
    fixed = list(checked.fixed_geometries(operation))
    reached = {name for geometry in fixed for name in shape_classes(operation, geometry)}
    assert reached == {name for pair in shape_pairs(operation.name, LAYERS) for name in pair}
    layers = [
        (each.filter_height, each.filter_width, each.stride_height, each.stride_width)
        for geometry in fixed
        for each in (geometry, geometry.fore)
        if each is not None
    ]
    assert any(rows == columns > 1 for *_, rows, columns in layers)
    for taps, stride in ((0, 2), (1, 3)):
        assert any(1 < each[stride] < each[taps] for each in layers)


def test_sound_oracles_pass() -> None:
    """All agree on every operation: so shapes and arguments of kernels are right as well."""
    cross_check(ALL, OPERATIONS.values())


@pytest.mark.parametrize(
    ("fault", "sound", "words"), [("one element", 2, "against"), ("raises", 0, "contradict")]
)
def test_without_a_majority_nobody_is_blamed(fault: str, sound: int, words: str) -> None:
    """Two against two, or all that raise, do not agree: the error names all of them."""
    oracles = {
        name: each if at < sound else FAULTS[fault](each)
        for at, (name, each) in enumerate(ALL.items())
    }
    with pytest.raises(OracleError, match=words) as error:
        cross_check(oracles, [OPERATIONS["convolution"]])
    assert error.value.wrong == ()
    assert all(name in str(error.value) for name in ALL)


def test_wrong_counts_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products that are miscounted are noticed though all results agree."""

    def one_more(operation: Operation, geometry: Geometry) -> Counts:
        right = counts(operation, geometry)
        return Counts(right.terms + 1, right.inner, right.outer)

    monkeypatch.setattr(checked, "counts", one_more)
    with pytest.raises(OracleError, match="counts of products"):
        cross_check(ALL, [OPERATIONS["convolution"]])


def test_python_integers_are_exact() -> None:
    """Sums that float64 would round come out right; a factor not of integers alone is named."""
    geometry = Geometry.parse("b1.h1.w3.i1.o1.f1x3.s1x1")
    ftr = np.ones((1, 1, 3, 1))
    x = np.array([2.0**60, 1, -(2.0**60)]).reshape(1, 1, 3, 1)
    convolution = OPERATIONS["convolution"]
    assert python_integers(convolution, geometry, {"x": x, "ftr": ftr}).item() == 1
    assert notebook.convolution(x, ftr, (1, 1)).item() == 0
    with pytest.raises(ValueError, match="x: expected integers alone"):
        python_integers(convolution, geometry, {"x": x + 0.5, "ftr": ftr})


def test_the_judged_reference_may_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops that are themselves judged get verdicts; they do not stop the run."""
    Subjects().check_oracles()
    right = notebook.convolution
    monkeypatch.setattr(notebook, "convolution", lambda x, f, s: right(x, f[:, ::-1], s))
    Subjects().check_oracles()


def test_a_wrong_judge_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in PyTorch's oracle is found before anything is judged by it."""
    right = pytorch.filter_gradient
    monkeypatch.setattr(pytorch, "filter_gradient", lambda *args, **kw: right(*args, **kw) + 1)
    with pytest.raises(OracleError, match=r"^PyTorch differs"):
        Subjects().check_oracles()

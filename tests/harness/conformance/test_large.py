"""Large layers: what they hold, who is judged on them, and that right kernels agree there."""

import math
from typing import Any

import numpy as np
import pytest
from each import each_operation
from zeros import OF_ZEROS
from zoo import STYLES, kernels

from convcheck.conformance.plan import large
from convcheck.conformance.plan.large import TEXTS, Large, geometry_of, is_fast
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.references import reference_for
from convcheck.form import pytorch
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS, Operation
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import subject_of
from convcheck.reports import circumstances

FAST = kernels(STYLES["fused"])


def geometries(operation: Operation, *efforts: str) -> list[Geometry]:
    """Return the large layers of an operation."""
    subject = subject_of(FAST[operation.name], operation)
    texts = [text for effort in efforts for text in TEXTS[effort]]
    return [geometry_of(subject, text, turn) for turn, text in enumerate(texts)]


@each_operation
def test_what_large_layers_hold(operation: Operation) -> None:
    """Every effort has long arrays, whole tiles, strided 1 x 1 filters and uneven 3 x 3 outputs."""
    found = geometries(operation, "quick")
    for each in found:
        operation.check(each)
    results = [math.prod(operation.shape(each, operation.result)) for each in found]
    handed = [max(map(math.prod, operation.array_shapes(each).values())) for each in found]
    assert max(handed) > 2**20
    assert max(results) > 2**20 or operation.degree == 1
    windows = {each: math.prod(operation.shape(each, "PQ")) for each in found}
    tiles = [each for each in found if min(each.channels_in, each.channels_out) >= 32]
    assert max(windows[each] for each in tiles) >= 16
    strided = [each for each in tiles if each.filter_height == 1 and each.stride_height == 2]
    assert any(each.channels_in == 64 and windows[each] > 1 for each in strided)
    uneven = [each for each in found if each.filter_height == 3 and each.stride_height == 1]
    steps = {step % 4 for each in uneven for step in operation.shape(each, "PQ")}
    assert {1, 3} <= steps
    most = [math.prod(operation.shape(each, "bPQihwo")) for each in geometries(operation, *TEXTS)]
    assert 10**7 < max(most) < 2 * 10**7


@each_operation
def test_right_kernels_agree_on_large_layers(operation: Operation) -> None:
    """A fast right kernel is judged on every layer, in exact mode and in the others."""
    with pytorch.one_thread():
        found = list(Large(operation, "quick").judge(subject_of(FAST[operation.name], operation)))
    assert found.pop(0).fast
    outcomes = {verdict.outcome for each in found for verdict in each.verdicts}
    assert outcomes <= {Outcome.AGREES, Outcome.UNDECIDED, Outcome.NOT_APPLICABLE}
    judged = {v.case.geometry for each in found for v in each.verdicts if v.outcome == "agrees"}
    assert judged == set(geometries(operation, "quick"))
    modes = {verdict.case.mode for each in found for verdict in each.verdicts}
    assert modes == {"exact", "bound", "nonfinite"}


def test_what_is_wrong_in_large_calls_alone_is_found() -> None:
    """A kernel that gives up above 300,000 products fails, and is told on a simpler layer."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = FAST["convolution"](x, ftr, strd)
        return 0 * z if z.size * ftr[..., 0].size > 300_000 else z

    subject = subject_of(kernel, OPERATIONS["convolution"])
    failed = [
        v
        for each in Large(OPERATIONS["convolution"], "quick").judge(subject)
        for v in each.verdicts
        if v.failed
    ]
    products = [math.prod(v.subject.operation.shape(v.case.geometry, "bPQihwo")) for v in failed]
    assert len(products) >= len(TEXTS["quick"])
    assert 300_000 < min(products) < 10**6


def _by_window(x: Any, ftr: Any, strd: Any) -> Any:
    """Compute a convolution of one batch item by a product for each window."""
    height, width = ftr.shape[1:3]
    z = FAST["convolution"](x[:, :, :, :0], ftr[:0], strd)
    for p, q in np.ndindex(z.shape[1:3]):
        rows, columns = slice(p * strd[0], p * strd[0] + height), slice(q * strd[1], None)
        z[0, p, q] = np.tensordot(x[0, rows, columns][:, :width], ftr, ((2, 0, 1), (0, 1, 2)))
    return z


def _by_number(x: Any, delta: Any, strd: Any, ftr_shape: Any) -> Any:
    """Compute a filter's gradient by a product for each number."""
    z = np.zeros(ftr_shape, x.dtype)
    _, rows, columns, _ = delta.shape
    for i, h, w, o in np.ndindex(ftr_shape):
        part = x[:, h :: strd[0], w :: strd[1], i][:, :rows, :columns]
        z[i, h, w, o] = (part * delta[..., o]).sum()
    return z


def test_slow_kernels_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops are not judged on large layers, and a report tells that; what raises is not slow."""
    operation = OPERATIONS["convolution"]
    (judged,) = Large(operation, "quick").judge(reference_for(operation.name))
    assert judged.fast is False
    raising = Large(operation, "quick").judge(subject_of(lambda *_: 1 / 0, operation))
    assert [each.fast for each in raising] == [None]
    monkeypatch.setattr(large, "_SECONDS", 0.0)
    record = Record(lambda name: subject_of(FAST[name], OPERATIONS[name]))
    record.walk(Large(operation, "quick"))
    (told,) = circumstances.slow([record.found()])
    assert told.startswith("convolution: not judged on layers of millions of products: calls took")


@pytest.mark.parametrize(
    ("name", "kernel"),
    [
        ("convolution", kernels(OF_ZEROS["Toeplitz"])["convolution"]),
        ("convolution", _by_window),
        ("convolution_filter_gradient", _by_number),
    ],
)
def test_what_is_fast_on_some_sizes_alone_is_not_asked(name: str, kernel: Any) -> None:
    """What makes a matrix of inputs by results, or loops over windows or numbers, is slow."""
    subject = subject_of(kernel, OPERATIONS[name])
    assert not is_fast(subject)

"""What is said of kernels that are wrong as in public reports is so, on geometries unseen, too.

Each spoils a right kernel as the reports tell; none is written with the catalogue's means.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from wrong import RIGHT

from convcheck.cases.case import Case
from convcheck.diagnosis.diagnose import diagnose
from convcheck.diagnosis.diagnosis import Diagnosis
from convcheck.diagnosis.where.claims import Claim
from convcheck.diagnosis.where.scan import Draw, deed
from convcheck.diagnosis.where.statements import numbers_of
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import DECIDED

Array = Any
Kernel = Callable[..., Array]

FRESH = 150


class Reported(NamedTuple):
    """A wrong kernel, a call that it fails, and facts of its diagnosis."""

    kernel: Kernel
    operation: str
    geometry: str
    named: str = ""
    """id of the mistake that is named"""
    atoms: set[tuple[str, str, Any]] = set()  # noqa: RUF012
    """what the condition is about: all of these and nothing else"""
    said: tuple[str, ...] = ()
    """words that some pattern has"""


REPORTED: dict[str, Reported] = {}


def _reported(operation: str, geometry: str, **facts: Any) -> Callable[[Kernel], Kernel]:
    """Return a decorator that puts a wrong kernel into the table, with these facts of it."""

    def register(kernel: Kernel) -> Kernel:
        REPORTED[kernel.__name__] = Reported(kernel, operation, geometry, **facts)
        return kernel

    return register


@_reported(
    "convolution_input_gradient",
    "b1.h2.w2.i2.o1.f1x1.s1x1",
    atoms={("filter_height", "==", 1), ("filter_width", "==", 1), ("channels_in", ">=", 2)},
    said=("only the first channel in counts", "what is wrong is zero"),
)
def one_by_one_first_channel(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """With 1 x 1 filters only the first channel is right (cudnn.torch#28)."""
    z = np.array(RIGHT["convolution_input_gradient"](delta, ftr, strd, x_shape))
    if ftr.shape[1:3] == (1, 1):
        z[..., 1:] = 0
    return z


@_reported("convolution", "b1.h1.w3.i1.o1.f1x1.s1x2", said=("1 x 1",))
def one_by_one_consecutive(x: Array, ftr: Array, strd: Any) -> Array:
    """With 1 x 1 filters consecutive pixels are read whatever the stride (tensorflow#889)."""
    z = RIGHT["convolution"](x, ftr, strd)
    if ftr.shape[1:3] != (1, 1):
        return z
    flat = x.reshape(len(x), -1, x.shape[3])[:, : z.shape[1] * z.shape[2]]
    return np.asarray(flat @ ftr[:, 0, 0]).reshape(z.shape)


@_reported(
    "convolution_input_gradient", "b1.h17.w1.i1.o1.f1x1.s1x1", said=("16", "what is wrong is zero")
)
def one_by_one_tail(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """With 1 x 1 filters pixels behind the last whole tile of 16 are not written (MIOpen#1672)."""
    z = np.array(RIGHT["convolution_input_gradient"](delta, ftr, strd, x_shape))
    pixels = x_shape[1] * x_shape[2]
    if ftr.shape[1:3] == (1, 1) and tuple(strd) == (1, 1) and pixels > 16:
        z.reshape(len(z), pixels, -1)[:, pixels // 16 * 16 :] = 0
    return z


@_reported("convolution_input_gradient", "b1.h1.w3.i1.o1.f1x2.s1x1", named="overlap-first")
def assigns(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """In col2im, = stands in the place of +=."""
    z = np.zeros(x_shape, delta.dtype)
    (_, rows, columns, _), (down, across) = delta.shape, strd
    for h in range(ftr.shape[1]):
        for w in range(ftr.shape[2]):
            part = delta @ ftr[:, h, w].T
            z[:, h : h + rows * down : down, w : w + columns * across : across] = part
    return z


@_reported("convolution_input_gradient", "b1.h1.w3.i1.o1.f1x2.s1x1", named="overlap-last")
def assigns_by_window(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """The same in a loop over windows."""
    z = np.zeros(x_shape, delta.dtype)
    _, taps, across, _ = ftr.shape
    for p in range(delta.shape[1]):
        for q in range(delta.shape[2]):
            part = np.einsum("bo,ihwo->bhwi", delta[:, p, q], ftr)
            z[:, p * strd[0] :, q * strd[1] :][:, :taps, :across] = part
    return z


@_reported(
    "convolution",
    "b1.h1.w2.i1.o1.f1x1.s1x1",
    atoms={("windows_height", "!=", "windows_width")},
    said=("as many columns as it should have rows",),
)
def width_from_height(x: Array, ftr: Array, strd: Any) -> Array:
    """The image's width is taken from its height."""
    rows = (x.shape[1] - ftr.shape[1]) // strd[0] + 1
    z = RIGHT["convolution"](x, ftr, strd)
    if rows > z.shape[2]:
        raise IndexError(rows)
    return np.ascontiguousarray(z[:, :, :rows])


@_reported(
    "convolution",
    "b1.h1.w3.i1.o1.f1x1.s1x2",
    atoms={("gap_height", ">=", 1), ("gap_width", ">=", 1)},
)
def beyond_the_filter(x: Array, ftr: Array, strd: Any) -> Array:
    """Where the stride exceeds the filter, windows are as far apart as the filter is long."""
    near = [min(pair) for pair in zip(strd, ftr.shape[1:3], strict=True)]
    z = RIGHT["convolution"](x, ftr, strd)
    return np.ascontiguousarray(RIGHT["convolution"](x, ftr, near)[:, : z.shape[1], : z.shape[2]])


@_reported("convolution_filter_gradient", "b1.h1.w2.i1.o1.f1x1.s1x2", named="taps-of-remainder")
def gradient_too_long(x: Array, delta: Array, strd: Any, ftr_shape: Any) -> Array:
    """Made by a dilated convolution, it is longer than the filter (opacus#245)."""
    rows, columns = ((d - 1) * s + 1 for d, s in zip(delta.shape[1:3], strd, strict=True))
    shape = (ftr_shape[0], x.shape[1] - rows + 1, x.shape[2] - columns + 1, ftr_shape[3])
    return RIGHT["convolution_filter_gradient"](x, delta, strd, shape)


@_reported("convolution", "b1.h1.w3.i1.o1.f1x1.s1x2", named="loop-steps-by-stride")
def steps_by_stride(x: Array, ftr: Array, strd: Any) -> Array:
    """The loop over results advances by the stride, and reads where it is."""
    z = np.zeros_like(RIGHT["convolution"](x, ftr, strd))
    dense = RIGHT["convolution"](x, ftr, (1, 1))[:, : z.shape[1], : z.shape[2]]
    z[:, :: strd[0], :: strd[1]] = dense[:, :: strd[0], :: strd[1]]
    return z


@_reported("convolution_transpose", "b1.h2.w1.i1.o1.f1x1.s1x1", named="bounded-by-filter")
def bounded_by_filter(x: Array, ftr: Array, strd: Any) -> Array:
    """An input coordinate is compared with the filter's size (nntrainer#4347)."""
    x = x.copy()
    x[:, ftr.shape[1] :] = 0
    x[:, :, ftr.shape[2] :] = 0
    return RIGHT["convolution_transpose"](x, ftr, strd)


@_reported("convolution_input_gradient", "b1.h2.w1.i1.o1.f1x1.s2x1", named="stored-by-step-rows")
def stored_at_output(delta: Array, ftr: Array, strd: Any, x_shape: Any) -> Array:
    """Rows are stored at the output's index (neon#111)."""
    right = RIGHT["convolution_input_gradient"](delta, ftr, strd, x_shape)
    z = np.zeros_like(right)
    for row in range(x_shape[1]):
        z[:, min(row // strd[0], delta.shape[1] - 1)] = right[:, row]
    return z


@_reported("convolution_filter_gradient", "b1.h1.w2.i1.o1.f1x1.s1x1", named="mean-of-samples")
def mean_of_samples(x: Array, delta: Array, strd: Any, ftr_shape: Any) -> Array:
    """The mean is taken over batch, rows and columns."""
    z = RIGHT["convolution_filter_gradient"](x, delta, strd, ftr_shape)
    return (z / delta[..., 0].size).astype(z.dtype)


@_reported(
    "conv_back_prop",
    "b1.h1.w3.i1.o1.f1x1.s1x1+convolution.k1.f1x1.s1x2",
    atoms={("fore_kind", "==", 0), ("fore_apart_height", ">=", 1), ("fore_apart_width", ">=", 1)},
    said=("in layer l+1, the stride of rows and columns is ignored",),
)
def fore_stride_ignored(*arguments: Array, fore_layer: str = "convolution") -> Array:
    """The derivative comes back through a convolution as if its stride were 1."""
    fore_delta, fore_w, _, d_act, *others = arguments
    if fore_layer == "convolution":
        shape = (len(fore_delta), *d_act.shape[1:3], fore_w.shape[0])
        error = RIGHT["convolution_input_gradient"](fore_delta, fore_w, (1, 1), shape)
        x, fltrs, strd = others
        return RIGHT["convolution_filter_gradient"](x, error * d_act, strd, fltrs.shape)
    return RIGHT["conv_back_prop"](*arguments, fore_layer=fore_layer)


def diagnosis_of(wrong: Reported) -> Diagnosis:
    """Return the diagnosis of a kernel on the call that it fails."""
    case = Case.parse(f"v1:{wrong.operation}:float64:integers:{wrong.geometry}:1")
    verdict = judge(wrong.kernel, case)
    assert verdict.failed
    return diagnose(verdict)


def located(found: Diagnosis) -> list[Claim]:
    """Return the claims that say where a kernel is wrong."""
    return [each for each in found.claims if each.backing.statement]


@pytest.mark.parametrize("name", REPORTED)
def test_what_leads_to_the_fault_is_said(name: str) -> None:
    """The mistake is named, or the condition is what it should be, and patterns tell the rest."""
    wrong = REPORTED[name]
    found = diagnosis_of(wrong)
    assert [each.id for each in found.names] == [wrong.named] * bool(wrong.named)
    for words in wrong.said:
        assert any(words in each for each in found.patterns), found.patterns
    if wrong.atoms:
        (claim,) = located(found)
        assert claim.backing.statement is not None
        clauses = claim.backing.statement.clauses
        assert {atom for clause in clauses for atom in clause} == wrong.atoms


@pytest.mark.parametrize("name", REPORTED)
def test_conditions_hold_where_nobody_looked(name: str) -> None:
    """A kernel is wrong where it is said to be, and nowhere else, but for a few in a hundred."""
    wrong = REPORTED[name]
    operation = OPERATIONS[wrong.operation]
    draw = Draw(operation, seed=99)
    fresh = [draw.small() if at % 2 else draw.geometry() for at in range(FRESH)]
    for claim in located(diagnosis_of(wrong)):
        statement = claim.backing.statement
        assert statement is not None
        against = 0
        for geometry in fresh:
            case = Case(wrong.operation, geometry, "float64", "integers", 5)
            verdict = judge(wrong.kernel, case)
            if verdict.outcome in DECIDED and deed(verdict) in (
                "",
                claim.backing.deed or deed(verdict),
            ):
                holds = statement.holds(numbers_of(operation, geometry))
                against += bool(holds) is not verdict.failed
        assert against <= FRESH // 50

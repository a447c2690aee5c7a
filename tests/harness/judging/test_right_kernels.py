"""Right kernels are never rejected, in whatever way they are written."""

from typing import Any

import numpy as np
import pytest
from each import drawing, drawn, each_operation
from hypothesis import strategies as st
from whole import DIRECT, with_parameters
from zeros import OF_ZEROS
from zoo import STYLES, Style, kernels

from convcheck.campaigns.certificates import certify
from convcheck.cases.case import Case, agreement_fills, nonfinite_fills, value_fills
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.conformance.references import laws_of, partners
from convcheck.form.formats import USUAL
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Kernel, Operation
from convcheck.judging.judge import judge_all
from convcheck.judging.laws.judge_law import judge_law

each_style = pytest.mark.parametrize("style", STYLES)


@each_style
@each_operation
def test_certified(style: str, operation: Operation) -> None:
    """Every style is certified, in every dtype."""
    extent = 2 if operation.default_fore else 3
    region = Region(operation.name, extent, full_to=1, dtypes=USUAL)
    certificate = certify(kernels(STYLES[style])[operation.name], region)
    assert certificate.complete, certificate


@each_style
@each_operation
def test_certified_with_parameters(style: str, operation: Operation) -> None:
    """So it is along an axis with all parameters, whose zeros are inserted."""
    if operation.parameters:
        region = ParameterRegion(operation.name, 2, operation.parameters, dtypes=USUAL)
        certificate = certify(whole(STYLES[style])[operation.name], region)
        assert certificate.complete, certificate


def whole(style: Style) -> dict[str, Kernel]:
    """Return kernels with parameters."""
    return with_parameters(kernels(style))


# Every style with parameters, and loops over taps that insert no zeros.
WAYS = {**{name: whole(style) for name, style in STYLES.items()}, "direct": DIRECT}


@pytest.mark.parametrize("way", WAYS)
@each_operation
@drawing(8)
def test_agrees_on_random_geometries(way: str, operation: Operation, data: st.DataObject) -> None:
    """Every style agrees exactly and within the bound, in every dtype, and obeys the laws."""
    geometry, seed = drawn(data, operation)
    kernel = WAYS[way].get(operation.name)
    if kernel is None:
        return
    cases = [
        Case(operation.name, geometry, dtype, fill, seed)
        for dtype in USUAL
        for fill in (
            *agreement_fills(operation, geometry.bias),
            *value_fills(operation)[seed % 2 :: 2],
        )
    ]
    verdicts = judge_all(kernel, cases)
    case = Case(operation.name, geometry, data.draw(st.sampled_from(USUAL)), "integers", seed)
    laws = laws_of(operation.name, parameters=True)
    verdicts += [judge_law(law, kernel, case, partners()) for law in laws]
    for verdict in verdicts:
        assert not verdict.failed, (str(verdict.case), verdict.prop, verdict.reason)


def at_once(
    fore_delta: Any, fore_w: Any, fore_strd: Any, d_act: Any, x: Any, fltrs: Any, strd: Any
) -> Any:
    """Multiply all four factors before anything is summed; layer l+1 is a convolution."""
    (_, height, width, _), (_, *taps, _) = d_act.shape, fore_w.shape
    grid = np.zeros((len(x), height + taps[0] - 1, width + taps[1] - 1, fore_w.shape[3]), x.dtype)
    grid[:, taps[0] - 1 :: fore_strd[0], taps[1] - 1 :: fore_strd[1]][
        :, : fore_delta.shape[1], : fore_delta.shape[2]
    ] = fore_delta
    error = np.lib.stride_tricks.sliding_window_view(grid, taps, axis=(1, 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, fltrs.shape[1:3], axis=(1, 2))
    windows = windows[:, :: strd[0], :: strd[1]]
    factors = error, fore_w[:, ::-1, ::-1], d_act, windows
    return np.einsum("bhwkij,oijk,bhwo,bhwcmn->cmno", *factors)


@pytest.mark.parametrize("dtype", USUAL)
def test_all_factors_may_be_multiplied_at_once(dtype: str) -> None:
    """Then n1 n2 products may underflow for each result, of which most are subnormal here."""
    texts = (
        "b1.h2.w2.i65.o2.f2x1.s1x1+convolution.k40.f1x2.s1x1",
        "b2.h5.w4.i3.o4.f3x2.s1x1+convolution.k30.f2x2.s1x2",
    )
    for geometry in map(Geometry.parse, texts):
        for fill in ("integers", "uniform", "positive", "tiny"):
            cases = [Case("conv_back_prop", geometry, dtype, fill, seed) for seed in range(40)]
            assert not [str(each.case) for each in judge_all(at_once, cases) if each.failed]


OTHERS = {name: whole(style) for name, style in OF_ZEROS.items()}


@each_operation
@drawing(8)
def test_zeros_beside_nan(operation: Operation, data: st.DataObject) -> None:
    """Whatever a right kernel makes of zeros beside NaN and infinity, in any factor, it agrees."""
    geometry, seed = drawn(data, operation)
    cases = [
        Case(operation.name, geometry, dtype, fill, seed)
        for dtype in USUAL
        for fill in ("integers", "uniform", "sparse", *nonfinite_fills(operation, geometry.bias))
    ]
    for name, kernels_of in (WAYS | OTHERS).items():
        if operation.name in kernels_of:
            for verdict in judge_all(kernels_of[operation.name], cases):
                assert not verdict.failed, (name, str(verdict.case), verdict.reason)

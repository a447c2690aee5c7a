"""Right kernels are never rejected, in whatever way they are written."""

import pytest
from each import drawing, drawn, each_operation
from hypothesis import strategies as st
from zeros import OF_ZEROS
from zoo import STYLES, kernels

from convcheck.campaigns.certificates import certify
from convcheck.cases.case import Case, agreement_fills, nonfinite_fills, value_fills
from convcheck.cases.regions import Region
from convcheck.conformance.references import laws_of, partners
from convcheck.form.formats import DTYPES
from convcheck.form.operations import Operation
from convcheck.judging.judge import judge_all
from convcheck.judging.laws.judge_law import judge_law

each_style = pytest.mark.parametrize("style", STYLES)


@each_style
@each_operation
def test_certified(style: str, operation: Operation) -> None:
    """Every style is certified, in every dtype."""
    extent = 2 if operation.default_fore else 3
    region = Region(operation.name, extent, full_to=1, dtypes=DTYPES)
    certificate = certify(kernels(STYLES[style])[operation.name], region)
    assert certificate.complete, certificate


@each_style
@each_operation
@drawing(8)
def test_agrees_on_random_geometries(style: str, operation: Operation, data: st.DataObject) -> None:
    """Every style agrees exactly and within the bound, in every dtype, and obeys the laws."""
    geometry, seed = drawn(data, operation)
    kernel = kernels(STYLES[style])[operation.name]
    cases = [
        Case(operation.name, geometry, dtype, fill, seed)
        for dtype in DTYPES
        for fill in (*agreement_fills(operation), *value_fills(operation)[seed % 2 :: 2])
    ]
    verdicts = judge_all(kernel, cases)
    case = Case(operation.name, geometry, data.draw(st.sampled_from(DTYPES)), "integers", seed)
    verdicts += [judge_law(law, kernel, case, partners()) for law in laws_of(operation.name)]
    for verdict in verdicts:
        assert not verdict.failed, (str(verdict.case), verdict.prop, verdict.reason)


@each_operation
@drawing(8)
def test_zeros_beside_nan(operation: Operation, data: st.DataObject) -> None:
    """Whatever a right kernel makes of zeros beside NaN and infinity, in any factor, it agrees."""
    geometry, seed = drawn(data, operation)
    cases = [
        Case(operation.name, geometry, dtype, fill, seed)
        for dtype in DTYPES
        for fill in ("integers", "uniform", "sparse", *nonfinite_fills(operation))
    ]
    for name, style in (STYLES | OF_ZEROS).items():
        for verdict in judge_all(kernels(style)[operation.name], cases):
            assert not verdict.failed, (name, str(verdict.case), verdict.reason)

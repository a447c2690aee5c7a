"""Certificates: what is wrong anywhere in a region is found there, and nothing else is said."""

import io
import random
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from each import each_operation

from convcheck.campaigns.certificates import Certificate, certify
from convcheck.cases.case import Case
from convcheck.cases.regions import Region
from convcheck.conformance.references import reference_for
from convcheck.form import pytorch
from convcheck.form.formats import USUAL
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation
from convcheck.judging import enumeration
from convcheck.judging.enumeration import enumerate_region, false_acceptance
from convcheck.judging.judge import OracleError, judge, judge_all
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import Function
from convcheck.kernels.shown import progress
from convcheck.kernels.subjects import Call
from convcheck.reference import convolution as right

Kernel = Callable[..., Any]


def region_of(operation: Operation) -> Region:
    """Return a small region in float64."""
    if operation.default_fore is None:
        return Region(operation.name, 3, full_to=1)
    return Region(operation.name, 2, narrow=0, full_to=0, channels=(1, 2))


class WrongOn(Function):
    """A kernel that is wrong by one in one element, on some geometries alone."""

    def __init__(self, operation: Operation, *geometries: Geometry) -> None:
        super().__init__(reference_for(operation.name), operation)
        self._geometries = geometries

    def call_all(self, calls: Sequence[Call]) -> Any:
        """Return what the right kernel does, or nearly."""
        answers: Any = super().call_all(calls)
        for call, z in zip(calls, answers, strict=True):
            if call.geometry in self._geometries:
                z.flat[-1] += 1
        return answers


@each_operation
def test_any_single_geometry_is_found_and_named(operation: Operation) -> None:
    """A kernel wrong on one geometry is refused on it; of two, on the simpler one."""
    region = region_of(operation)
    everything = [geometry for _, geometry, _ in region.geometries()]
    choose = random.Random(operation.name)  # noqa: S311  (no secret)
    for _ in range(6):
        simpler, other = sorted(choose.sample(range(len(everything)), 2))
        kernel = WrongOn(operation, everything[other], everything[simpler])
        certificate = _enumerated(kernel, region)
        assert certificate.failure is not None
        assert certificate.failure.case.geometry == everything[simpler]
        assert certificate.agreed == simpler
        assert not certificate.complete


def _enumerated(kernel: Kernel, region: Region) -> Certificate:
    certificate = Certificate(region, 1, region.count())
    for _, verdicts in enumerate_region(kernel, region, draws=1, seed=0):
        certificate.add(verdicts)
    return certificate


def test_chance_of_a_false_acceptance() -> None:
    """It is d / |S| where that says something, else the multilinear figure; draws multiply."""
    assert false_acceptance(2, 10) == 0.2
    assert false_acceptance(2, 10, draws=3) == pytest.approx(0.008)
    assert false_acceptance(4, 4) == 1 - (3 / 4) ** 4
    assert false_acceptance(4, 5) == 0.8


def test_chance_is_that_of_the_fewest_integers() -> None:
    """Over a region the largest chance counts, by dtype; without agreement it is one."""
    region = Region("convolution", 3, dtypes=USUAL)
    certificate = _enumerated(right, region)
    worst: dict[str, int] = {}
    for _, geometry, dtype in region.geometries():
        largest = Case("convolution", geometry, dtype, "integers", 0).largest
        assert largest is not None
        worst[dtype] = min(worst.get(dtype, largest), largest)
    for dtype in USUAL:
        assert certificate.chance(dtype) == 2 / (2 * worst[dtype])
    assert Certificate(region, 1, 1).chance("float64") == 1


def test_wrong_kernels_agree_no_more_often_than_stated() -> None:
    """A kernel that is wrong by a product of two inputs agrees as often as zeros are drawn."""
    geometry = Geometry.parse("b1.h2.w4.i1.o1.f2x4.s1x1")

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = right(x, ftr, strd)
        return z + (x[0, 0, 0, 0] - x[0, 0, 1, 0]) * (ftr[0, 0, 0, 0] - ftr[0, 0, 1, 0])

    draws = 400
    cases = [Case("convolution", geometry, "float16", "integers", seed) for seed in range(draws)]
    agreed = sum(judge(kernel, case).outcome is Outcome.AGREES for case in cases)
    choices = 2 * (cases[0].largest or 0)
    expected = 1 - (1 - 1 / choices) ** 2
    assert agreed
    assert abs(agreed / draws - expected) < 4 * (expected / draws) ** 0.5
    assert expected <= false_acceptance(2, choices)


@pytest.mark.parametrize("operation", ["convolution", "convolution_transpose"])
def test_axes_tell_what_was_certified(operation: str) -> None:
    """Every axis of a geometry that agreed is known, with the longest that lay across it."""
    certificate = certify(reference_for(operation), Region(operation, 3, narrow=1))
    axes = certificate.axes
    assert {extent for extent, _, _ in axes} == {1, 2, 3}
    assert all(1 <= taps <= extent for extent, taps, _ in axes)
    assert {axis[0] for axis, (_, other) in axes.items() if other == 3} == {1, 2, 3}
    beyond = (1, 1, 2)  # a stride past the last distinct one: only along with short axes
    assert axes[beyond][1] == 1
    geometries = {each for _, each, _ in certificate.region.geometries()}
    if operation == "convolution":
        rows = {(g.height, g.filter_height, g.stride_height) for g in geometries}
        columns = {(g.width, g.filter_width, g.stride_width) for g in geometries}
        assert set(axes) == rows | columns


def test_axes_are_those_of_the_operation() -> None:
    """The same geometry has other extents under a transposed convolution than before."""
    geometry = Geometry.parse("b1.h5.w4.i1.o1.f2x2.s1x1")
    found = []
    for name in ("convolution", "convolution_transpose"):
        certificate = Certificate(Region(name, 6), 1, 1)
        case = Case(name, geometry, "float64", "integers", 1)
        certificate.add([judge(reference_for(name), case)])
        found.append(set(certificate.axes))
    assert found == [{(4, 2, 1), (5, 2, 1)}, {(5, 2, 1), (6, 2, 1)}]


def test_interruption_keeps_what_was_certified() -> None:
    """Ctrl-C in the middle returns the certificate of what came before, and it says so."""
    calls = count(1)

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        if next(calls) > 100:
            raise KeyboardInterrupt
        return right(x, ftr, strd)

    certificate = certify(kernel, Region("convolution", 4))
    assert not certificate
    assert certificate.interrupted
    assert not certificate.complete
    assert 64 <= certificate.agreed <= 100
    assert str(certificate).startswith("convolution: interrupted\n")


def test_progress_is_told_geometry_by_geometry() -> None:
    """The progress function sees the certificate grow by one geometry at a time."""
    seen: list[int] = []
    region = Region("convolution", 2)
    certify(right, region, progress=lambda each: seen.append(each.agreed))
    assert seen == list(range(1, region.count() + 1))


def test_a_terminal_sees_a_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is one line, written over and over, and nothing of it is left at the end."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    seconds = count()
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    monkeypatch.setattr(progress, "time", clock)
    certify(right, Region("convolution", 2))
    shown = terminal.getvalue().split("\r")[1:]
    assert len(shown) > 50
    assert re.fullmatch(r"convolution: \d+ of 312 geometries, about \d+ s left *", shown[0])
    for before, after in pairwise(shown):
        assert len(after) >= len(before.rstrip()) or not after
    assert shown[-2:] == [" " * len(shown[-3].rstrip()), ""]


def test_more_draws_judge_more() -> None:
    """Each geometry is judged on as many draws as asked for, with different numbers."""
    region = Region("convolution", 1, batches=(1,), channels=(1,), narrow=0)
    certificate = certify(right, region, draws=3)
    assert certificate.judged == {("float64", Outcome.AGREES): 3}
    seeds = [
        verdict.case.seed
        for _, verdicts in enumerate_region(right, region, draws=3, seed=5)
        for verdict in verdicts
    ]
    assert seeds == [5, 6, 7]


def test_vacuous_draws_are_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where right results happen to be zero everywhere, further draws decide."""

    def vacuous(kernel: Kernel, cases: Any) -> Any:
        return [replace(each, outcome=Outcome.VACUOUS) for each in judge_all(kernel, cases)]

    monkeypatch.setattr(enumeration, "judge_all", vacuous)
    region = Region("convolution", 2)
    certificate = _enumerated(right, region)
    assert certificate.judged == {
        ("float64", Outcome.VACUOUS): region.count(),
        ("float64", Outcome.AGREES): region.count(),
    }
    assert certificate.complete


def test_no_room_is_undecided() -> None:
    """Where a dtype has no integers for exact sums, nothing is certified."""
    region = Region("convolution", 1, channels=(2049,), narrow=0, dtypes=("float16",))
    certificate = certify(right, region)
    assert (certificate.agreed, certificate.undecided) == (0, 2)
    assert "convolution: nothing certified" in str(certificate)
    assert "2 undecided" in str(certificate)


def test_what_would_certify_anything_or_no_case_is_refused() -> None:
    """No draws would, and of a negative seed there is no case."""
    with pytest.raises(ValueError, match="draws=0"):
        certify(right, Region("convolution", 1), draws=0)
    with pytest.raises(ValueError, match="seed=-1"):
        certify(right, Region("convolution", 1), seed=-1)


def test_a_broken_oracle_certifies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in PyTorch's oracle is blamed on it before the kernel is called."""
    honest = pytorch.forward
    monkeypatch.setattr(
        pytorch, "forward", lambda layer, x, ftr, strd: honest(layer, x, ftr[:, ::-1], strd)
    )
    with pytest.raises(OracleError, match=r"^PyTorch differs from the other oracles"):
        certify(lambda *_: pytest.fail("was called"), Region("convolution", 1))


def test_a_certificate_is_true_where_all_of_its_region_agreed() -> None:
    """A failure, an interruption, a geometry left undecided or an empty region make it false."""
    region = Region("convolution", 2)
    whole = certify(right, region)
    assert whole
    assert whole.agreed == region.count() == whole.judged["float64", Outcome.AGREES]
    assert str(whole).startswith("convolution: certified\n")
    case = Case.parse("v1:convolution:float64:integers:b1.h1.w1.i1.o1.f1x1.s1x1:0")
    failed = judge(lambda x, f, s: -right(x, f, s), case)
    for other in (
        replace(whole, failure=failed),
        replace(whole, interrupted=True),
        replace(whole, agreed=whole.planned - 1, undecided=1),
        Certificate(region, 1, 0),
        Certificate(region, 1, 10),
    ):
        assert not other
        assert not other.complete
        assert not re.search(": certified[;\n]", f"{other!r}{other}")
    assert str(case) in repr(replace(whole, failure=failed))
    assert repr(whole) == "<Certificate convolution: certified; agreed on 312 of 312 geometries>"


def test_the_first_failure_is_kept() -> None:
    """Of several geometries that failed, a certificate names the first that was added."""
    certificate, kernel = Certificate(Region("convolution", 2), 1, 312), lambda _x, f, _s: f
    ids = [f"v1:convolution:float64:integers:b1.h1.w{n}.i1.o1.f1x1.s1x1:0" for n in (1, 2)]
    for each in ids:
        certificate.add([judge(kernel, Case.parse(each))])
    assert str(certificate.failure.case if certificate.failure is not None else "") == ids[0]


def test_choices_are_integers_of_json() -> None:
    """Where a single number is returned as it is, no more are counted than any reader knows."""
    region = Region("convolution_bias_gradient", 1, batches=(1,), channels=(1,))
    (choices,) = certify(reference_for(region.operation), region).choices.values()
    assert choices == 2**53

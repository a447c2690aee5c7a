"""A candidate beside the kernel that it replaces, where candidates are judged."""

import math
from dataclasses import replace

import pytest

from convcheck.cases.case import REAL_FILLS, Case
from convcheck.cases.numbers import Raw
from convcheck.cases.taken import Taken
from convcheck.conformance.plugin.effort import seed_number, tier
from convcheck.conformance.plugin.likeness import Tally
from convcheck.conformance.plugin.planned import fills
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.subjects import subjects_of
from convcheck.conformance.shapes.boundaries import boundary_geometries, reachable
from convcheck.conformance.shapes.sizes import within
from convcheck.diagnosis.beside.likeness import compare
from convcheck.form.formats import DTYPES
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.operations import Operation
from convcheck.kernels.subjects import Subject

pytestmark = pytest.mark.usefixtures("one_thread")

_DRAWN = {"quick": 6, "default": 24, "thorough": 96}

# Sums of many products, whichever operation it is, that loops make in milliseconds.
_MANY_PRODUCTS = (
    "b1.h7.w7.i16.o2.f5x5.s1x1",
    "b1.h7.w6.i2.o16.f5x4.s1x1",
    "b4.h10.w9.i2.o2.f2x2.s1x1",
    "b2.h9.w9.i4.o4.f4x4.s2x1",
)
_SEEDS = (2, 3, 4)
_FORES = (Fore("convolution", 3, 2, 2, 1, 1), Fore("convolution_transpose", 3, 2, 2, 1, 1))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have the test run in each dtype that some kernel is asked for."""
    if "dtype" in metafunc.fixturenames:
        asked = {dtype for each in subjects_of(metafunc.config) for dtype in each.asked}
        metafunc.parametrize("dtype", [dtype for dtype in DTYPES if dtype in asked])


@fills("exact", "bound", "nonfinite data")
def test_refactor(
    record: Record, subject: Subject, dtype: str, pytestconfig: pytest.Config
) -> None:
    """The candidate is right; what it shares with the kernel that it replaces is told."""
    operation = subject.operation
    replaced = subjects_of(pytestconfig).replaced[operation.name]
    bitwise = pytestconfig.getoption("convcheck_bitwise")
    taken = subject.taken & replaced.taken
    groups = _cases(subject, taken, dtype, seed_number(pytestconfig), every=bitwise)
    for cases in groups[:1]:
        compare(subject, replaced, cases)  # imports and compilers are no part of its speed
    tally = Tally(subject, replaced)
    for cases in groups:
        tally.compare(cases)
    record.compared(tally.row(operation.name, dtype, bitwise=bitwise), tally.timed(operation.name))
    record.require_right([each.verdict for each in tally.comparisons])
    if bitwise:
        tally.demand_bits()


def _cases(
    subject: Subject, taken: Taken, dtype: str, seed: int, *, every: bool
) -> list[list[Case]]:
    """Return the cases of each geometry, the smallest first; fewer in the quick profile.

    There, `every` boundary class is compared only where bits decide: whether the candidate is
    right on the others other tests tell, and loops take long for them.  So it is with the shapes
    of a kernel that is judged on few.  Others are moved to where both kernels take them, if there
    is such a place.
    """
    operation, quick = subject.operation, tier() == "quick"
    part = 4 if quick and not every else 1
    fills = ("integers", *(REAL_FILLS[:2] if quick else REAL_FILLS), f"nonfinite-{operation.data}")
    texts = _MANY_PRODUCTS[: 2 if quick else None]
    many = [_followed(operation, Geometry.parse(text), at) for at, text in enumerate(texts)]
    fixed = [boundary_geometries(operation, name)[0] for name in reachable(operation)]
    drawn = _drawn(operation, Raw(seed, stream=2), _DRAWN[tier()])
    many = [*within(operation, many, taken)] or many
    geometries = [*fixed[::part], *many, *drawn]
    geometries = [*dict.fromkeys(within(operation, geometries, taken))] or geometries
    if subject.chosen is not None:
        chosen = [geometry for geometry, of in subject.chosen if of == dtype]
        geometries, many = sorted(chosen, key=str)[::part], []
    groups = [
        [Case(operation.name, geometry, dtype, fill, 1) for fill in fills]
        for geometry in geometries
    ]
    groups += [
        [Case(operation.name, geometry, dtype, "positive", each) for each in _SEEDS]
        for geometry in many
    ]
    return sorted(groups, key=lambda cases: _size(operation, cases[0]))


def _drawn(operation: Operation, raw: Raw, count: int) -> list[Geometry]:
    """Return small geometries drawn at random, most of them with a remainder."""
    one_layer = operation.default_fore is None
    drawn = []
    for at in range(count):
        taps, strides = [1 + raw.below(4), 1 + raw.below(4)], [1 + raw.below(3), 1 + raw.below(3)]
        # Room for layer l+1's filter after layer l's.
        height, width = (
            n + step + raw.below(4) if operation.layer.narrows else 2 + raw.below(3)
            for n, step in zip(taps, strides, strict=True)
        )
        channels = [1 + raw.below(5 if one_layer else 3) for _ in "io"]
        sizes = (1 + raw.below(3 if one_layer else 2), height, width, channels[0], channels[1])
        layer = Geometry.of(*sizes, taps[0], taps[1], strides[0], strides[1])
        drawn.append(_followed(operation, layer, at))
    return drawn


def _followed(operation: Operation, layer: Geometry, at: int) -> Geometry:
    """Return a geometry as it is, or followed by a layer l+1, whose kinds take turns."""
    return layer if operation.default_fore is None else replace(layer, fore=_FORES[at % 2])


def _size(operation: Operation, case: Case) -> tuple[int, str]:
    shapes = operation.array_shapes(case.geometry).values()
    return sum(map(math.prod, shapes)), str(case)

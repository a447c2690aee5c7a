"""The strategies reach what they are for, and failures shrink to something small."""

from collections import Counter
from functools import cache

import hypothesis
import pytest
from each import each_kind_of_layers
from hypothesis import HealthCheck, Phase, given, settings
from pytest_runs import Folder, run

from convcheck.conformance.shapes.boundaries import (
    CLASSES,
    boundary_geometries,
    classes_of,
    reachable,
)
from convcheck.conformance.shapes.strategies import geometries
from convcheck.form.geometry import Geometry
from convcheck.form.layers import LAYERS
from convcheck.form.operations import OPERATIONS, Operation

# Too large to be drawn often; `boundary_geometries` has one of each.
NOT_DRAWN = {
    *["many channels in", "many channels out", "many in the batch", "large on both axes"],
    *["large stride", "large filter", "deep overlap"],
    *["layer l+1 with many channels", "layer l+1 with a large filter"],
    "layer l+1 with a large stride",
    *["filter of one row", "filter of one column", "very large filter", "several blocks at once"],
    *["hundreds of channels in", "hundreds of channels out", "very many in the batch"],
    *["hundreds of rows", "hundreds of columns"],
}


@cache
def drawn(operation: Operation, seed: int) -> tuple[Geometry, ...]:
    """Return what the strategy draws in a test of a hundred examples."""
    found: list[Geometry] = []

    @hypothesis.seed(seed)
    @settings(max_examples=100, phases=[Phase.generate], database=None, deadline=None)
    @given(geometries(operation))
    def draw(geometry: Geometry) -> None:
        found.append(geometry)

    draw()
    return tuple(found)


@each_kind_of_layers
def test_every_boundary_is_reached(operation: Operation) -> None:
    """Three hundred draws meet every class, but those left to fixed geometries, and none always.

    Both kinds of layer l+1 are among them.
    """
    found = [each for seed in range(3) for each in drawn(operation, seed)]
    reached = Counter(name for each in found for name in classes_of(operation, each))
    assert set(reachable(operation)) - NOT_DRAWN <= set(reached)
    assert max(reached.values()) < 0.9 * len(found)
    fores = {each.fore.layer for each in found if each.fore}
    assert fores == set(LAYERS if operation.default_fore else ())


@each_kind_of_layers
def test_every_draw_is_valid_and_few_repeat(operation: Operation) -> None:
    """The operation has a meaning on whatever is drawn; at most one draw in four repeats."""
    for each in drawn(operation, seed=0):
        operation.check(each)
    assert len(set(drawn(operation, seed=0))) >= 75


@each_kind_of_layers
def test_every_boundary_has_its_geometries(operation: Operation) -> None:
    """Each class has fixed geometries that belong to it, so that no run leaves it out."""
    for name in reachable(operation):
        fixed = boundary_geometries(operation, name)
        assert fixed
        for geometry in fixed:
            operation.check(geometry)
            assert name in classes_of(operation, geometry), geometry


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("remainder", "b1.h2.w1.i1.o1.f1x1.s2x1"),
        ("stride beyond the filter", "b1.h1.w1.i1.o1.f1x1.s1x2"),
        ("unequal height and width", "b1.h1.w2.i1.o1.f1x1.s1x1"),
        ("unequal channels", "b1.h1.w1.i1.o2.f1x1.s1x1"),
        ("several in the batch", "b2.h1.w1.i1.o1.f1x1.s1x1"),
    ],
)
def test_failures_shrink_to_the_simplest_geometry(name: str, text: str) -> None:
    """A failure that needs one boundary class keeps nothing else, or hardly anything."""
    operation, allowed = OPERATIONS["convolution"], list(HealthCheck)
    found = hypothesis.find(
        geometries(operation),
        lambda geometry: geometry.batch > 0 and CLASSES[name](operation, geometry),
        settings=settings(
            max_examples=2000, derandomize=True, database=None, suppress_health_check=allowed
        ),
    )
    least = sum(Geometry.parse(text).sizes.values())
    assert sum(found.sizes.values()) <= least + 1, f"shrunk to {found}"


# Notes the cases of a test, and judges none: neither kernel nor oracle is needed.
SPY = """
import contextlib, os, pathlib
from convcheck.conformance.plan import step
from convcheck.conformance import references
from convcheck.form import pytorch

def noted(kernel, cases):
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2]
    with pathlib.Path("cases.txt").open("a") as file:
        print(test, *cases, file=file)
    return []

step.judge_all, references.check_oracles = noted, lambda _: None
pytorch.one_thread = contextlib.nullcontext
"""
ODD = f"NUMBERS = {[*range(1, 69_000, 69)]}"


def test_draws_depend_on_the_seed_alone(folder: Folder) -> None:
    """Whatever modules are loaded, and whatever tests came before, a test has the same cases."""
    where = folder(spy=SPY, odd=ODD)
    tests = [
        f"convcheck.conformance.test_agreement::test_{name}" for name in ("nonfinite", "agreement")
    ]
    found = []
    for loaded, chosen in (("spy", tests[1:]), ("odd", tests)):
        run(where, *("-p", "spy", "-p", loaded, "--hypothesis-seed", "9", "--pyargs"), *chosen)
        lines = (where / "cases.txt").read_text(encoding="utf-8").splitlines()
        found.append([line for line in lines if line.startswith("test_agreement[")])
        (where / "cases.txt").unlink()
    assert len(found[0]) >= 100 * len(OPERATIONS)
    assert found[0] == found[1]

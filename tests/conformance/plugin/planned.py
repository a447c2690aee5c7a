"""What a full run fills and reaches, and which cells a test fills, known before it runs.

So a test that is lost is missed there.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from convcheck.conformance.plan.few import Few
from convcheck.conformance.plan.step import fore_layers_of
from convcheck.conformance.references import laws_of
from convcheck.conformance.shapes.boundaries import (
    boundary_geometries,
    class_with,
    of_class,
    reachable,
)
from convcheck.conformance.shapes.coverage import PLANNED
from convcheck.judging.laws.identities import LAWS
from convcheck.judging.threads import THREADS
from convcheck.kernels.subjects import Subject

PROPERTIES = (
    "certified",
    "exact",
    "bound",
    "nonfinite data",
    "nonfinite others",
    *LAWS,
    THREADS,
    "real layers",
    "activations",
)

Cell = tuple[str, str, str]
"""operation, property and dtype"""

Test = TypeVar("Test", bound=Callable[..., None])
Filling = tuple[str, list[str], str | None]
"""operation, properties, and one dtype or all; plain, to cross processes"""

_MARK = "fills_properties"


def fills(*properties: str) -> Callable[[Test], Test]:
    """Declare what a test judges of the operation that is its parameter."""

    def declare(test: Test) -> Test:
        setattr(test, _MARK, properties)
        return test

    return declare


def filling(test: object, params: dict[str, Any]) -> Filling | None:
    """Return what a test fills that was given these parameters, if anything."""
    if "case" in params:
        return params["case"].operation, [params["prop"]], params["case"].dtype
    if "step" in params:
        step = params["step"]
        return step.operation.name, list(step.fills), step.only
    properties = getattr(test, _MARK, ())
    if not properties:
        return None
    return params["operation"].name, list(properties), params.get("dtype")


def filled(what: Filling, planned: Iterable[Cell]) -> list[Cell]:
    """Return the planned cells that are filled."""
    operation, properties, dtype = what
    return [
        cell
        for cell in planned
        if cell[0] == operation and cell[1] in properties and dtype in (None, cell[2])
    ]


def planned_cells(subjects: Iterable[Subject]) -> list[Cell]:
    """Return operation, property and dtype of every cell that a full run fills."""
    return [cell for each in subjects for cell in cells_of(each)]


def cells_of(subject: Subject) -> list[Cell]:
    """Return the cells that are filled of one kernel."""
    operation = subject.operation
    laws = laws_of(operation.name, parameters=bool(subject.taken.parameters))
    props = PROPERTIES if subject.shapes is None else Few.fills
    return [
        (operation.name, prop, dtype)
        for prop in props
        for dtype in subject.asked
        if (prop not in LAWS or prop in laws)
        # No published network fixes two layers, and a bias's gradient has no receptive fields.
        and (operation.trilinear or prop != "real layers")
        and (operation.degree > 1 or prop != "nonfinite others")
        and (prop != "activations" or (operation.default_fore and dtype == "float64"))
    ]


def planned_boundaries(subjects: Iterable[Subject]) -> list[tuple[str, str]]:
    """Return operation and name of every boundary class that a full run reaches."""
    return [(each.operation.name, name) for each in subjects for name in _classes_reached(each)]


def _classes_reached(subject: Subject) -> Iterator[str]:
    operation, taken, layers = subject.operation, subject.taken, fore_layers_of(subject)
    for name in reachable(operation):
        if any(
            geometry.fore is None or geometry.fore.layer in layers
            for geometry in boundary_geometries(operation, name)
            if of_class(operation, name, geometry, taken) is not None
        ):
            yield name
    yield from map(class_with, taken.parameters)


def planned_pairs(subjects: Iterable[Subject]) -> list[tuple[str, str, int]]:
    """Return operation, kind and number of the pairs of classes that a full run reaches."""
    return [
        (each.operation.name, kind, len(pairs(each.operation.name, fore_layers_of(each))))
        for each in subjects
        # Pairs of sizes along both axes, of which a domain need not hold many.
        if each.taken.rank == 2 and each.taken.domain is None
        for kind, pairs in PLANNED.items()
    ]

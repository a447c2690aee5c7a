"""Which cells a test fills, known before it runs: so a test that is lost is missed there."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from .recording import Cell

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

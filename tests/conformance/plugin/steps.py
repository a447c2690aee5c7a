"""Walking the plan: each of its steps is a test."""

from collections.abc import Callable, Iterable

import pytest

from convcheck.conformance.plan.step import Step
from convcheck.form.operations import Operation
from convcheck.judging.verdicts import DECIDED, UNPROMISED, Outcome

from .subjects import subjects_of


def parametrize(
    metafunc: pytest.Metafunc, steps_of: Callable[[Operation], Iterable[Step]]
) -> list[Step]:
    """Give a test that takes a step those of every operation that is judged, and return them.

    Of those in one dtype, it gets the ones that the operation's kernel is asked for.
    """
    if "step" not in metafunc.fixturenames:
        return []
    steps = [
        step
        for subject in subjects_of(metafunc.config)
        for step in steps_of(subject.operation)
        if step.only is None or step.only in subject.asked
    ]
    metafunc.parametrize("step", [pytest.param(step, id=step.name) for step in steps])
    return steps


def require_decided(seen: set[Outcome]) -> None:
    """Raise AssertionError where nothing was decided that the kernel promises."""
    decided = not seen.isdisjoint(DECIDED)
    assert decided or seen <= set(UNPROMISED), "nothing was decided"

"""The subtle wrong kernels are what they are said to be."""

from dataclasses import replace

import pytest
import subtle
from subtle import FAMILIES, SUBTLE, Subtle

from convcheck.cases.case import Case
from convcheck.form.geometry import Fore, Geometry
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge

SMALL = Geometry.of(2, 5, 4, 3, 3, 2, 2, 2, 1)
FORE = Fore("convolution", 2, 2, 1, 1, 2)


@pytest.mark.parametrize("each", SUBTLE.values(), ids=SUBTLE)
def test_a_subtle_kernel_is_right_at_first_sight(
    each: Subtle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It agrees on a small call by one thread, and says what it does."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert each.family in FAMILIES
    assert each.sentence.startswith("It ")
    assert each.sentence.endswith(".")
    fore = FORE if OPERATIONS[each.operation].default_fore else None
    case = Case(each.operation, replace(SMALL, fore=fore), "float32", "integers", seed=1)
    verdict = judge(each.make(), case)
    assert not verdict.failed, verdict


def test_a_subtle_kernel_goes_by_its_name() -> None:
    """The package has each as an attribute, made anew each time."""
    assert subtle.ring_of_three is not subtle.ring_of_three
    with pytest.raises(AttributeError):
        _ = subtle.no_such_kernel

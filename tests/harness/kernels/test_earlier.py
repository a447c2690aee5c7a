"""Earlier results of a kernel: that they are returned again, or change, is seen later, too."""

from typing import Any

import numpy as np
import pytest

from convcheck.kernels.isolation.earlier import Earlier

SMALL, LARGE = 10, 500_000


def seen(results: list[Any], *, changed_in: int = -1) -> list[str]:
    """Return what is found at each call, of which one changes the first result."""
    earlier, found = Earlier(), []
    for number, z in enumerate(results):
        if number == changed_in:
            results[0][0] += 1
        found.append(str(earlier.look(z, [], again=False) or ""))
    return found


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_memory_that_comes_round_is_seen(size: int) -> None:
    """However many buffers a ring has, up to 125, or four of large ones."""
    for buffers in (1, 2, 3, 4, *((7, 24, 100) if size == SMALL else ())):
        ring = [np.ones(size) for _ in range(buffers)]
        found = seen([ring[call % buffers] for call in range(2 * buffers + 1)])
        assert "returned the memory of an earlier result again" in found, buffers


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_result_that_changes_later_is_seen(size: int) -> None:
    """Of results of a megabyte or more, too."""
    for call in (1, 3):
        found = seen([np.ones(size) for _ in range(9)], changed_in=call)
        assert "changed the result of an earlier call" in found, call
        assert not any(seen([np.ones(size) for _ in range(200)]))


def test_an_argument_may_be_changed_where_it_is_handed_over_again() -> None:
    """Only what the kernel changes counts."""
    earlier, x, z = Earlier(), np.ones(3), np.ones(3)
    assert earlier.look(z, [x], again=False) is None
    x[0] = 2
    assert earlier.look(z.copy(), [x], again=True) is None
    x[0] = 3
    problem = earlier.look(z.copy(), [np.ones(3)], again=False)
    assert str(problem) == "changed an argument of an earlier call"

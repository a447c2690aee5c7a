"""What is drawn to refute a condition comes near enough to do so."""

from collections import Counter

import pytest

from convcheck.cases.taken import NOTHING, Taken
from convcheck.diagnosis.where.scan import Draw
from convcheck.form.geometry import Geometry
from convcheck.form.operations import OPERATIONS

OPERATION = OPERATIONS["convolution"]
GEOMETRY = Geometry.parse("b2.h21.w5.i3.o2.f3x2.s2x1")


@pytest.mark.parametrize("taken", [NOTHING, Taken(("padding",))], ids=["plain", "padding"])
def test_many_mutations_keep_the_number_of_windows(taken: Taken) -> None:
    """A condition on that number would hide what stands beside it, as strides and filters do."""
    draw, before = Draw(OPERATION, 1, taken), OPERATION.spans(GEOMETRY)[0].steps
    drawn = [each for _ in range(400) if (each := draw.mutated(GEOMETRY, ["stride_height"]))]
    other = [each for each in drawn if each.stride_height != GEOMETRY.stride_height]
    kept = sum(OPERATION.spans(each)[0].steps == before for each in other)
    assert len(other) // 3 < kept < len(other)


def test_mutations_are_of_what_a_condition_is_about() -> None:
    """They change all that its numbers depend on, and leave the rest as it is."""
    draw = Draw(OPERATION, 1, Taken(("padding", "dilation", "groups")))
    changed: Counter[str] = Counter()
    for _ in range(400):
        made = draw.mutated(GEOMETRY, ["reach_height"])
        own = {**GEOMETRY.sizes, **GEOMETRY.parameters}
        new = {**made.sizes, **made.parameters} if made else own
        changed.update(name for name in own if new[name] != own[name])
    rows = {"height", "filter_height", "stride_height", "dilation_height"}
    assert {*changed} <= rows | {"padding_top", "padding_bottom"}
    assert min(changed[name] for name in (*rows, "padding_top", "padding_bottom")) > 20

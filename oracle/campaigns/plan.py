"""What a campaign certifies, and how its parts make one certificate.

A plan's region is cut into spans, always alike.  What the spans gave makes the certificate
that one process would have given, to the byte, however they were shared out.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from msgspec import Meta, Struct

from convcheck.cases.axes import axes
from convcheck.cases.case import Case, require_seed
from convcheck.cases.inside import Inside, ParametersInside
from convcheck.cases.parameters import ParameterRegion
from convcheck.cases.regions import Region
from convcheck.form.operations import operation_named
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.isolation.isolated import Isolated

from .certificates import Certificate, Counted

MOST_AXES = 50_000

SPAN = 256
"""places of a region that are certified together; see `Region.geometries`"""


_KINDS: dict[tuple[bool, bool], type[Region | ParameterRegion]] = {
    (False, False): Region,
    (False, True): Inside,
    (True, False): ParameterRegion,
    (True, True): ParametersInside,
}
"""of regions: whether they are of parameters, and of a domain"""


@dataclass(frozen=True)
class Plan:
    """What is certified: it alone determines the result."""

    region: Region | ParameterRegion
    candidate: str
    """as `candidates.Candidate` has it"""
    source: str
    """digest of the file that the candidate stands in, so that results are of one version"""
    draws: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ValueError where there is no such seed, or no end to the region."""
        require_seed(self.seed)
        _require_countable(self.region)

    def plain(self) -> dict[str, Any]:
        """Return the plan as plain types."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the plan that `plain` gave."""
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in plain["region"].items()
        }
        kind = _KINDS["takes" in fields, "only" in fields]
        return cls(**{**plain, "region": kind(**fields)})

    def spans(self) -> Iterator[range]:
        """Yield the spans of the region, the simplest geometries first."""
        places = self.region.places
        return (range(at, min(at + SPAN, places)) for at in range(0, places, SPAN))

    def span_at(self, start: int) -> range | None:
        """Return the span that starts there, if one does."""
        places = self.region.places
        there = start % SPAN == 0 and 0 <= start < places
        return range(start, min(start + SPAN, places)) if there else None


@lru_cache(maxsize=8)
def _require_countable(region: Region | ParameterRegion) -> None:
    """Raise ValueError where a region has more axes than a campaign could end with."""
    for extent, several in _axes_up_to(region):
        if several > MOST_AXES:
            reach = f", reach={region.reach}" if isinstance(region, Region) else ""
            raise ValueError(
                f"extent={region.extent}{reach}: expected at most {MOST_AXES:,} kinds of axes; "
                f"extents up to {extent} have more"
            )


def _axes_up_to(region: Region | ParameterRegion) -> Iterator[tuple[int, int]]:
    """Yield extents, and in how many ways an axis of at most so many can differ."""
    if isinstance(region, ParameterRegion):
        of, form = region.operation, (region.takes, region.symmetric, region.rank)
        for extent in range(1, region.extent + 1):
            yield extent, len(ParameterRegion(of, extent, *form).axes)
        return
    layers = region.fore_layers if operation_named(region.operation).default_fore else (None,)
    several = 0
    for extent in range(1, region.reach + 1):
        several += sum(len(axes(region.operation, layer, extent)) for layer in layers)
        yield extent, several


Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class Failed(Struct, forbid_unknown_fields=True):
    """The first disagreement of a span."""

    case: str
    outcome: Literal["disagrees", "misbehaved"]
    reason: str


class Part(Struct, forbid_unknown_fields=True):
    """What a span gave."""

    start: int
    stop: int
    certified: Count
    undecided: Count
    judged: list[tuple[str, Outcome, Positive]]
    """dtype, outcome and number of judged cases"""
    choices: dict[str, Positive]
    axes: list[tuple[Positive, Positive, Positive, Positive, Positive]]
    """as `Certificate.axes`, each key and value in one list"""
    rounded: bool
    failure: Failed | None
    """with which it ends"""

    @property
    def counted(self) -> Counted:
        """What it adds to a certificate."""
        return Counted(
            agreed=self.certified,
            undecided=self.undecided,
            judged=Counter({(dtype, outcome): count for dtype, outcome, count in self.judged}),
            choices=self.choices,
            rounded=self.rounded,
            axes={(wide, taps, stride): (n, other) for wide, taps, stride, n, other in self.axes},
        )


def total(plan: Plan, parts: Iterable[Part]) -> Certificate:
    """Return the certificate that the parts of a plan make together.

    Parts count up to the first that is missing or failed, for what comes behind says nothing
    of the simplest disagreement.
    """
    certificate = Certificate(plan.region, plan.draws, plan.region.count())
    found = {part.start: part for part in parts}
    for span in plan.spans():
        part = found.get(span.start)
        if part is None:
            certificate.interrupted = True
            break
        certificate += part.counted
        if part.failure is not None:
            certificate.failure = _verdict(plan, part.failure)
            break
    return certificate


def _verdict(plan: Plan, failure: Failed) -> Verdict:
    """Return the verdict on a failure, judged again for its evidence; it may be one of chance."""
    case, outcome = Case.parse(failure.case), Outcome(failure.outcome)
    kernel = Isolated(Candidate.parse(plan.candidate), names={})
    again = judge(kernel, case)
    if again.failed:
        return again
    reason = f"{failure.reason}; asked once more, it did not fail"
    return Verdict(case, kernel, "exact", outcome, reason)

"""What is said of a wrong kernel, and what a run has seen of it that must bear it out.

A diagnosis is made in the process that judged the failing case, from what it asked of the kernel.
Other tests, in other processes, judged other cases.  So what a diagnosis says comes as claims that
can be held against all of these, once they are known: see `Seen.bearing`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import property_of
from convcheck.judging.verdicts import DECIDED, Verdict

from .scan import deed
from .signs import Sign, common, signs
from .statements import Statement, columns_of, numbers_of


class Link(StrEnum):
    """How what a kernel does goes with the place where it does it."""

    NONE = ""
    EXACTLY = "exactly where"
    """there, and nowhere else"""
    ONLY = "only where"
    """there something is always wrong, elsewhere nothing"""
    AS_IF = "behaves as if"
    """there it gives a mistake's results"""


@dataclass(frozen=True)
class Backing:
    """What all of a run's cases must show for a claim to be so; by default, nothing."""

    dtype: str = ""
    """the one that it is about, "" for all; with a statement, what `numbers_in` says"""
    deed: str = ""
    """what the kernel does where the statement holds, as in `scan.deed`; "" for several things"""
    statement: Statement | None = None
    """it does so where this holds, and nowhere else"""
    signs: tuple[Sign, ...] = ()
    """those that all wrong results have"""
    dtypes: tuple[str, ...] = ()
    """those alone in which the kernel fails"""
    fills: tuple[str, ...] = ()
    """those alone on which it fails"""
    spared: tuple[str, ...] = ()
    """fills on which it does not"""


@dataclass(frozen=True)
class Claim:
    """Something said of a kernel."""

    words: str
    """what it does, or what its results are; with `Link.AS_IF`, the mistake"""
    verb: str = "is wrong:"
    """what comes between the kernel's name and the words: "is", "gives", "" if they have a verb"""
    link: Link = Link.NONE
    place: str = ""
    """where it does so"""
    share: str = ""
    """how many calls that was seen in"""
    circumstance: bool = False
    """whether the words say on what it depends that the kernel is wrong"""
    backing: Backing = Backing()

    @property
    def text(self) -> str:
        """The sentence, of which the kernel is the subject or its results are."""
        if self.link is Link.AS_IF:
            return f"{self.place}, it {self.link} {self.words}"
        said = " ".join(filter(None, (self.words, self.link, self.place)))
        return f"{said}, {self.share}" if self.share else said

    @property
    def predicate(self) -> str:
        """The sentence as it stands behind the kernel's name."""
        if self.link is Link.AS_IF:
            return f", {self.place}, {self.link} {self.words}"
        return f" {self.verb} {self.text}" if self.verb else f" {self.text}"

    @property
    def leads(self) -> bool:
        """Whether it says under which circumstances the kernel is wrong."""
        return self.circumstance or self.link is not Link.NONE

    def plain(self) -> dict[str, Any]:
        """Return the claim in plain types."""
        return asdict(self)

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return the claim that `plain` gives in plain types."""
        backing = {name: _tuples(value) for name, value in plain["backing"].items()}
        if backing["statement"] is not None:
            known = backing["statement"].items()
            backing["statement"] = Statement(**{name: _tuples(value) for name, value in known})
        return cls(**{**plain, "link": Link(plain["link"]), "backing": Backing(**backing)})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


Deeds = dict[str, str]
"""what a kernel does on a geometry, "" where it is right, by what `numbers_in` says"""


def numbers_in(case: Case) -> str:
    """Return the dtype of a case, and whether its numbers are real: integers may be right alone."""
    return case.dtype if case.mode == "exact" else f"{case.dtype}, real numbers"


_TELLING = ("integers", "small", "uniform")
"""fills on which a kernel that is wrong on a geometry hardly looks right by chance"""


@dataclass
class Seen:
    """What a run has seen of one operation's kernel, on finite numbers."""

    deeds: dict[Geometry, Deeds] = field(default_factory=dict)
    signs: dict[str, dict[Sign, bool]] = field(default_factory=dict)
    """those that all wrong results have, by dtype"""
    failed: set[tuple[str, str]] = field(default_factory=set)
    """dtypes and fills with which a case failed"""
    _numbers: Mapping[str, Array] = field(default_factory=dict, repr=False, compare=False)
    """of the geometries in `deeds`, once they are asked for"""

    def add(self, verdict: Verdict) -> None:
        """Take note of a verdict."""
        case = verdict.case
        if verdict.failed and verdict.prop == property_of(case):
            self.failed.add((case.dtype, case.fill))
        if verdict.outcome not in DECIDED or verdict.prop not in ("exact", "bound"):
            return
        does = deed(verdict)
        if not does and case.fill not in _TELLING:
            return
        known, key = self.deeds.setdefault(case.geometry, {}), numbers_in(case)
        known[key] = known.get(key) or does
        whole = verdict.evidence.whole if verdict.evidence else None
        if does and whole is not None:
            numbers = numbers_of(operation_named(case.operation), case.geometry)
            self._share(case.dtype, signs(whole, numbers))

    def _share(self, dtype: str, found: Mapping[Sign, bool]) -> None:
        known = self.signs.get(dtype)
        self.signs[dtype] = dict(found) if known is None else common([known, found])

    def plain(self) -> dict[str, Any]:
        """Return it in plain types: geometries by what the kernel does in which dtypes."""
        deeds: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for geometry, known in self.deeds.items():
            deeds.setdefault(tuple(known.items()), []).append(str(geometry))
        return {
            "deeds": [[dict(known), geometries] for known, geometries in deeds.items()],
            "signs": {dtype: [*map(list, found)] for dtype, found in self.signs.items()},
            "failed": sorted(self.failed),
        }

    def add_plain(self, plain: Mapping[str, Any]) -> None:
        """Take note of what another test saw."""
        for deeds, geometries in plain["deeds"]:
            for geometry in map(Geometry.parse, geometries):
                known = self.deeds.setdefault(geometry, {})
                known.update({dtype: known.get(dtype) or does for dtype, does in deeds.items()})
        self.failed |= set(map(tuple, plain["failed"]))
        for dtype, found in plain["signs"].items():
            self._share(dtype, dict.fromkeys(map(tuple, found), True))

    def bearing(self, claims: Iterable[Claim], operation: Operation) -> list[Claim]:
        """Return the claims that all cases bear out, and of the others what was seen."""
        told = []
        for claim in claims:
            if claim.backing.statement is not None:
                told.append(self._located(claim, claim.backing.statement, operation))
            elif self._shows(claim.backing):
                told.append(claim)
        return told

    def _shows(self, backing: Backing) -> bool:
        dtypes = {dtype for dtype, _ in self.failed}
        fills = {fill for dtype, fill in self.failed if backing.dtype in ("", dtype)}
        return (
            set(backing.signs) <= self.signs.get(backing.dtype, dict.fromkeys(backing.signs)).keys()
            and (not backing.dtypes or dtypes <= {*backing.dtypes})
            and (not backing.fills or fills <= {*backing.fills})
            and fills.isdisjoint(backing.spared)
        )

    def _located(self, claim: Claim, statement: Statement, operation: Operation) -> Claim:
        """Return a claim of where, or what was counted of it if that is not so everywhere."""
        deed, dtype = claim.backing.deed, claim.backing.dtype
        does: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        holds, doubtful = self._truth(statement, operation)
        for known, there, unknown in zip(self.deeds.values(), holds, doubtful, strict=True):
            # Elsewhere it should be right in every dtype.
            dtypes = [dtype] if there else [dtype, *known]
            found = {known[dtype] for dtype in dtypes if dtype in known and not unknown}
            if found:
                told = found if deed else {"any" if any(found) else ""}
                does[bool(there)][deed if deed in told else max(told)] += 1
        what = deed or "any"
        inside, tried = does[True][what], does[True].total()
        outside, others = does[False][what], does[False].total()
        spared = does[True][""] if claim.link is Link.ONLY else tried - inside
        if not spared and not outside:
            return claim
        words = f"{claim.words} in {inside} of {tried} geometries judged where {claim.place}"
        share = f"in {outside} of {others} others"
        return replace(claim, words=words, link=Link.NONE, place="", share=share)

    def _truth(self, statement: Statement, operation: Operation) -> tuple[Array, Array]:
        """Return where a statement holds, and where it says nothing, of the geometries seen."""
        if len(self._numbers.get("batch", ())) != len(self.deeds):
            self._numbers = columns_of(operation, self.deeds)
        if not self.deeds:
            return np.zeros(0, bool), np.zeros(0, bool)
        return statement.holds(self._numbers), statement.doubtful(self._numbers)

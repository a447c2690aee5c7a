"""What is said of a wrong kernel, and what a run has seen of it that must bear it out.

A diagnosis is made in the process that judged the failing case, from what it asked of the kernel.
Other tests, in other processes, judged other cases.  So what a diagnosis says comes as claims that
can be held against all of these, once they are known: see `Seen.bearing`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import property_of
from convcheck.judging.verdicts import DECIDED, Verdict

from .scan import deed
from .signs import Sign, common, signs
from .statements import Statement, numbers_of


@dataclass(frozen=True)
class Claim:
    """Something said of a kernel, in words, and what a run's cases must show for it to be so."""

    text: str
    deed: str = ""
    """what the kernel does, as in `scan.deed`"""
    dtype: str = ""
    """the dtype, or of a statement what `numbers_in` says"""
    clauses: tuple[Any, ...] = ()
    """a statement's: it does so where it holds, and nowhere else"""
    doubts: tuple[tuple[str, int, int], ...] = ()
    """a statement's: geometries with these numbers say nothing"""
    signs: tuple[Sign, ...] = ()
    """those that all wrong results have"""
    dtypes: tuple[str, ...] = ()
    """those alone in which the kernel fails"""
    fills: tuple[str, ...] = ()
    """those alone on which it fails"""
    spared: tuple[str, ...] = ()
    """fills on which it does not"""

    def plain(self) -> dict[str, Any]:
        """Return the claim in plain types."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return the claim that `plain` gives in plain types."""
        return cls(**{name: _tuples(value) for name, value in plain.items()})


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

    def bearing(self, claims: Iterable[Claim], operation: Operation) -> list[str]:
        """Return the claims that all cases bear out, and of the others what was seen, in words."""
        told = []
        for claim in claims:
            if claim.clauses:
                told.append(self._where(claim, operation))
            elif self._shows(claim):
                told.append(claim.text)
        return told

    def _shows(self, claim: Claim) -> bool:
        dtypes = {dtype for dtype, _ in self.failed}
        fills = {fill for dtype, fill in self.failed if claim.dtype in ("", dtype)}
        return (
            set(claim.signs) <= self.signs.get(claim.dtype, dict.fromkeys(claim.signs)).keys()
            and (not claim.dtypes or dtypes <= {*claim.dtypes})
            and (not claim.fills or fills <= {*claim.fills})
            and fills.isdisjoint(claim.spared)
        )

    def _where(self, claim: Claim, operation: Operation) -> str:
        statement = Statement("", claim.clauses)
        does: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
        for geometry, known in self.deeds.items():
            numbers = numbers_of(operation, geometry)
            if any(low <= numbers[name] <= high for name, low, high in claim.doubts):
                continue
            holds = bool(statement.holds(numbers))
            # Elsewhere it should be right in every dtype.
            dtypes = [claim.dtype] if holds else [claim.dtype, *known]
            found = {known[dtype] for dtype in dtypes if dtype in known}
            if found:
                told = found if claim.deed else {"any" if any(found) else ""}
                does[holds][claim.deed if claim.deed in told else max(told)] += 1
        what = claim.deed or "any"
        inside, tried = does[True][what], does[True].total()
        outside, others = does[False][what], does[False].total()
        deed, link, where = re.split(" (exactly|only) (?=where )", claim.text, maxsplit=1)
        spared = does[True][""] if link == "only" else tried - inside
        if not spared and not outside:
            return claim.text
        where = where.rpartition(", in ")[0]
        there = f"{deed} in {inside} of {tried} geometries judged {where}"
        return f"{there}, in {outside} of {others} others"

"""What a run has seen of a wrong kernel, that must bear out what is said of it.

A diagnosis is made in the process that judged the failing case, from what it asked of the kernel.
Other tests, in other processes, judged other cases.  So what a diagnosis says comes as claims that
are held against all of these, once they are known: see `Seen.bearing`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from convcheck.form.geometry import Geometry
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation, operation_named
from convcheck.judging.judge import property_of
from convcheck.judging.verdicts import DECIDED, Verdict

from .claims import Backing, Claim, Link, Sign
from .scan import deed, numbers_in
from .signs import common, signs
from .statements import Statement, columns_of, numbers_of

Deeds = dict[str, str]
"""what a kernel does on a geometry, "" where it is right, by what `numbers_in` says"""


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
        if verdict.sampled:
            return  # a kernel that is called on parts of the arrays alone is right on these
        evidence = verdict.evidence
        geometry = evidence.case.geometry if evidence else case.geometry  # of a part, if it was one
        does = deed(verdict)
        if not does and case.fill not in _TELLING:
            return
        known, key = self.deeds.setdefault(geometry, {}), numbers_in(case)
        known[key] = known.get(key) or does
        whole = evidence.whole if evidence else None
        if does and whole is not None:
            numbers = numbers_of(operation_named(case.operation), geometry)
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
                located = self._located(claim, claim.backing.statement, operation)
                told += [] if located is None else [located]
            elif self._shows(claim.backing):
                told.append(claim)
        return told

    def _shows(self, backing: Backing) -> bool:
        dtypes = {dtype for dtype, _ in self.failed}
        fills = {fill for dtype, fill in self.failed if backing.dtype in ("", dtype)}
        return (
            all(set(backing.signs) <= found.keys() for found in self.signs.values())
            and (not backing.dtypes or dtypes <= {*backing.dtypes})
            and (not backing.fills or fills <= {*backing.fills})
            and fills.isdisjoint(backing.spared)
        )

    def _located(self, claim: Claim, statement: Statement, operation: Operation) -> Claim | None:
        """Return a claim of where, or what was counted of it if that is not so everywhere.

        None if it was so nowhere.
        """
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
        spared = spared if claim.backing.always else 0
        if not spared and not outside:
            return claim
        if not inside:
            return None
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

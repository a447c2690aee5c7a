"""What holds of a kernel around a call that it answers wrongly, and what of that is said of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from convcheck.cases.case import Case
from convcheck.form.operations import operation_named
from convcheck.judging.judge import judge, judge_all
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.subjects import Subject

from . import answers, patterns, taps
from .answers import Asked
from .mistakes import Mistake
from .probes import Probe
from .session import Session, session_of
from .where.claims import Backing, Claim, Link
from .where.conditions import condition, confined
from .where.scan import WRONG, Draw, Scan, deed, in_words, products, size_of
from .where.signs import common, of_shape, signs, told
from .where.statements import numbers_of

_TRIED = 40  # small geometries, and others, of which the smallest wrong one is looked around
_SMALL = 100  # products up to which a call is small
_FEW = 3  # wrong results that it takes to count them


@dataclass(frozen=True, eq=False)
class Found:
    """What was found around a call that a kernel answers wrongly."""

    deed: str = WRONG
    tried: tuple[Asked, ...] = ()
    names: tuple[Mistake, ...] = ()
    """those that give all answers"""
    partly: tuple[tuple[Mistake, str], ...] = ()
    """those that give some, and which"""
    where: Claim | None = None
    kinds: tuple[Claim, ...] = ()
    """in which dtypes and on which numbers alone"""
    others: tuple[Claim, ...] = ()

    def located(self, case: Case, does: str) -> list[Claim]:
        """Return where the kernel is wrong, if that says that it does so on a case."""
        where = self.where
        statement = where and where.backing.statement
        if not where or not statement or where.backing.deed not in ("", does):
            return []
        numbers = numbers_of(operation_named(case.operation), case.geometry)
        return [where] if statement.holds(numbers) else []


def around(session: Session, focus: Asked) -> Found:
    """Return what holds of the kernel beyond one call: the same for most that it fails."""
    case, does = focus.probe.case, focus.deed
    plain = _plain(session.subject, case, does)
    session = session_of(session.origin, plain.dtype)
    first = around_first(session, plain.dtype, plain.fill, does)
    if first is None:
        return _around(session, plain, does)
    # A scan takes its time: another one is for small calls, which are those that are told.
    spared = first.where is None or products(case) > _SMALL
    return first if spared or first.located(case, does) else _around(session, plain, does)


def _plain(subject: Subject, case: Case, does: str) -> Case:
    """Return a case of the same geometry on which the kernel is wrong likewise, if one is plainer.

    Small integers leave room for the sums of more terms that a wrong kernel may make; and there
    are most of them in float64, so that it is hardly right by chance.
    """
    for dtype in dict.fromkeys(("float64", case.dtype)):
        for fill in ("small", "integers"):
            plain = replace(case, dtype=dtype, fill=fill, seed=1)
            verdict = judge(subject, plain)
            if verdict.failed and deed(verdict) == does:
                return plain
    return case


@lru_cache(maxsize=64)
def around_first(session: Session, dtype: str, fill: str, does: str) -> Found | None:
    """Return what holds around the smallest of a fixed set of calls that the kernel does wrongly.

    None if it does none of them so.
    """
    draw = Draw(session.operation, seed=7, taken=session.subject.taken)
    drawn = [draw.small() for _ in range(_TRIED)] + [draw.geometry() for _ in range(_TRIED)]
    drawn += [each.probe.case.geometry for each in session.asked if each.probe.small]
    cases = [Case(session.operation.name, each, dtype, fill, 1) for each in dict.fromkeys(drawn)]
    wrong = [each.case for each in judge_all(session.subject, cases) if deed(each) == does]
    if not wrong:
        return None
    return _around(session, min(wrong, key=size_of), does)


@lru_cache(maxsize=64)
def _around(session: Session, case: Case, does: str) -> Found:
    scan = Scan(session.subject, case)
    where = condition(scan, case.geometry, does)
    tried, names = _named(session, scan)
    if where is None and not names and not session.lost:
        where = confined(scan)
        tried, names = _named(session, scan)
    if session.lost:
        return Found(does, tried)
    if where is not None:
        where = replace(where, share=where.share + patterns.numbers_of(case))
    partly = () if names else tuple(answers.partly(session.operation, [*session.asked, *tried]))
    kinds = tuple(patterns.kinds(session.subject, case))
    (asked,) = session.ask([Probe(case)])
    linear = () if asked.right else tuple(patterns.linearity(session, asked.probe))
    return Found(does, tried, names, partly, where, kinds, linear)


def _named(session: Session, scan: Scan) -> tuple[tuple[Asked, ...], tuple[Mistake, ...]]:
    """Return what the kernel answered to all that was tried, and the mistakes that answer so."""
    session.lost = session.lost or scan.lost
    tried = tuple(session.answers(sorted(scan.verdicts.values(), key=lambda v: size_of(v.case))))
    if session.lost:
        return tried, ()
    return tried, tuple(each for each in session.fitting if answers.holds(each, tried))


def claims(session: Session, focus: Asked, found: Found, acts: taps.Acts | None) -> Iterator[Claim]:
    """Yield what is wrong, the most telling first."""
    wrong = [each for each in found.tried if not each.right and each.deed == found.deed]
    part = next((each for each in found.partly if answers.gives(each[0], [focus])), None)
    if part is not None:
        yield Claim(part[0].sentence, link=Link.AS_IF, place=part[1])
    located = found.located(focus.probe.case, found.deed)
    kinds = [each for each in found.kinds if _borne_out(each.backing, focus.probe.case)]
    if not all(each.backing.always for each in located):
        yield from kinds  # that say more than where it is wrong now and then
    yield from located
    counted = found.where is None and len(wrong) >= _FEW
    every = len(wrong) == len(found.tried)
    share = f"all {len(wrong)}" if every else f"{len(wrong)} of {len(found.tried)}"
    words, verb = in_words(found.deed)
    on = patterns.numbers_of(found.tried[0].probe.case) if found.tried else ""
    count = Claim(f"{words} in {share} geometries tried{on}", verb)
    if not located and isinstance(focus.answer, MisbehaviourError):
        yield count if counted else Claim(*in_words(focus.deed))
    if not located:
        yield from kinds
    looked = [each for each in (focus, *wrong) if not each.right]
    looked = [each for each in looked if not isinstance(each.answer, MisbehaviourError)]
    signed = list(_signed(session, looked, focus.probe.case.dtype))
    yield from signed
    acting = taps.words(acts) if acts else None
    if acting:
        yield Claim(f"in this call, {acting}")
    if not signed and not acting:
        plain = found.tried[0].probe.case.fill == "small" if found.tried else False
        yield from patterns.rounding(looked, guess=not plain)
    yield from kinds  # where they were not told yet
    yield from found.others
    if counted and not isinstance(focus.answer, MisbehaviourError):
        yield count


def _borne_out(backing: Backing, case: Case) -> bool:
    """Return whether a failing case is of the kind that alone is said to fail."""
    if backing.dtypes and case.dtype not in backing.dtypes:
        return False
    if backing.dtype not in ("", case.dtype):
        return True
    return case.fill not in backing.spared and (not backing.fills or case.fill in backing.fills)


def _signed(session: Session, asked: list[Asked], dtype: str) -> Iterator[Claim]:
    """Yield what all wrong results have in common."""
    every, axes = [], session.operation.result
    for each in asked:
        numbers = numbers_of(session.operation, each.probe.case.geometry)
        if each.result is not None:
            every.append(signs(each.result, numbers))
        elif not isinstance(each.answer, MisbehaviourError):
            every.append(of_shape(each.answer.shape, each.probe.expected.shape, axes, numbers))
    if every:
        yield from told(common(every), dtype)

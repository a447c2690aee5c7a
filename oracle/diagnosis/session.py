"""A kernel that failed, called again: what it answers to probes, and to other calls."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from convcheck.cases.case import Case
from convcheck.form.layouts import Array
from convcheck.form.operations import Operation
from convcheck.judging.judge import not_judged, property_of
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.misbehaviour import MisbehaviourError
from convcheck.kernels.shown.evidence import Evidence
from convcheck.kernels.subjects import Subject

from .answers import Asked, changed, fitting
from .mistakes import Mistake
from .probes import Probe, probes_of
from .where.scan import LARGEST, products

_AT_ONCE = 8
_SECONDS = 2.0  # that a call of an isolated kernel may take here


@lru_cache(maxsize=32)
def _fresh(subject: Subject) -> Subject:
    return subject.fresh(_SECONDS)


@lru_cache(maxsize=32)
def session_of(subject: Subject, dtype: str) -> "Session":
    """Return a session in which a kernel has answered the probes, for all cases of a dtype.

    They are asked of one of its own that remembers nothing, where it runs elsewhere.
    """
    session = Session(subject, _fresh(subject))
    session.ask_probes(dtype)
    return session


@dataclass(eq=False)
class Session:
    """A kernel that is called, and what is known of it."""

    origin: Subject
    """the one that was handed over"""
    subject: Subject
    """the one that is called"""
    lost: str = ""
    """how it hung or crashed, after which it is not called again"""
    remembers: bool = False
    """whether it gave another answer when asked again"""
    asked: list[Asked] = field(default_factory=list)
    """its answers to the probes"""
    fitting: list[Mistake] = field(default_factory=list)
    """mistakes that give the same answers to all of these"""
    _settled: bool = False
    """whether it was wrong on a first call"""

    @property
    def operation(self) -> Operation:
        """The operation that it computes."""
        return self.subject.operation

    def ask_probes(self, dtype: str) -> None:
        """Ask the kernel the probes, twice, and from a fresh start if it seems to remember."""
        probes = [
            p
            for p in probes_of(self.operation, dtype, self.subject.taken)
            if self._offered(p.case) and not (self.subject.dense and p.arrangement != "copy")
        ]
        self.asked = [each for each in self.ask(probes) if not each.declined]
        # The first two differ in their numbers alone.
        differ = len(self.asked) > 1 and self.asked[0].right != self.asked[1].right
        if differ and self.subject.renew():
            alone = self.ask([self.asked[1].probe])
            self.remembers = bool(alone) and alone[0].right != self.asked[1].right
            self.subject.renew()  # from a fresh start a kernel that remembers can be followed
            self.asked = [each for each in self.ask(probes) if not each.declined]
        again = [] if self.lost else self.ask([each.probe for each in self.asked])
        self.remembers = self.remembers or any(map(changed, self.asked, again))
        if not self.lost and not all(each.right for each in self.asked):
            self.fitting = fitting(self.operation, self.asked)

    def ask(self, probes: Sequence[Probe]) -> list[Asked]:
        """Return the kernel's answers, until it hangs or crashes."""
        asked: list[Asked] = []
        for start in range(0, len(probes), _AT_ONCE):
            some = probes[start : start + _AT_ONCE]
            answers = self.subject.call_all([each.call for each in some])
            told = zip(some, answers, strict=True)
            asked += [Asked(*each, self.subject.promise) for each in told]
            problems = (each for each in answers if isinstance(each, MisbehaviourError))
            self.lost = next((each.text for each in problems if each.lost), "")
            if self.lost:
                break
        return asked

    def results(self, probes: Sequence[Probe]) -> list[Array] | None:
        """Return the kernel's results; None where a call gives none."""
        answers = [each.answer for each in self.ask(probes)]
        results = [each for each in answers if not isinstance(each, MisbehaviourError)]
        return results if len(results) == len(probes) else None

    def _offered(self, case: Case) -> bool:
        return not_judged(self.subject, case, property_of(case)) is None

    def first(self, probe: Probe) -> Asked:
        """Return the answer to a call that no other call is before, where that may matter."""
        if self.remembers or not self._settled:
            self.subject.renew()
        (asked,) = self.ask([probe])
        if not asked.right and not self._settled:
            self._settled = True
            (again,) = self.ask([probe])
            self.remembers = self.remembers or changed(asked, again)
        return asked

    def call_of(self, evidence: Evidence) -> Probe | None:
        """Return the very call that went wrong; None where it is too large to be repeated."""
        case = evidence.case
        if self.lost or products(case) > LARGEST or not self._offered(case):
            return None
        if evidence.cut_from is None and evidence.drawn:
            return Probe(case)
        return Probe(case).holding(**evidence.arrays)

    def answers(self, tried: Iterable[Verdict]) -> Iterator[Asked]:
        """Yield what the kernel answered where it was judged on a case."""
        promise = self.subject.promise
        for verdict in tried:
            probe, whole = Probe(verdict.case), verdict.evidence and verdict.evidence.whole
            if whole:
                yield Asked(probe, whole.got, promise)
            elif verdict.failed:
                yield from self.ask([probe])  # its shape, or what it raised
            else:
                yield Asked(probe, probe.expected, promise)

"""A kernel handed its arguments otherwise: in which layouts, library or rank it is right.

Nothing of this is supposed: a declaration is advised under which a kernel that is wrong on a call
whose extents all differ, and hence in no layout by chance, is right on this and on others.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from convcheck.cases.case import Case
from convcheck.form.geometry import Geometry
from convcheck.judging.judge import judge
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.declared.required import FILTERS, TENSORS
from convcheck.kernels.declared.subject import Declared
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError
from convcheck.kernels.subjects import Answer, Request, Subject, Wrapped

Right = Callable[[Subject, str], bool]
"""whether a kernel is right on many calls in a dtype"""

_DISTINCT = "b2.h6.w9.i4.o5.f3x2.s1x1"
_AFTER = "k3.f2x1.s1x1"  # layer l+1
_OF_TORCH = ("Tensor", "torch", "'numpy.ndarray' object has no attribute")
_OF_RANK = re.compile(r"unpack|dim|axis|axes|shape|[1-4]D|ind(ex|ic)|operand|subscript")
"""what may be told of arrays with one axis too many; to try a rank takes processes"""
# Without a height, axes cannot be exchanged from outside: these layouts are tried one by one.
_OF_LINES: Sequence[Mapping[str, str]] = (
    {},
    {"tensors": "NCHW", "filters": "OIHW"},
    {"tensors": "NCHW", "filters": "IOHW"},
    {"tensors": "NHWC", "filters": "HWIO"},
)


class _LaidOut(Wrapped):
    """A kernel that is handed arrays in other layouts than it declares."""

    def __init__(self, subject: Subject, own: Candidate, other: Candidate) -> None:
        super().__init__(subject)
        self._own, self._other = own, other

    def answers(self, requests: Sequence[Request]) -> list[Answer]:
        """Return the subject's answers, with arguments and results in the other layouts."""
        handed = [
            each._replace(
                arguments={name: self._moved(name, a) for name, a in each.arguments.items()},
                shape=None,
            )
            for each in requests
        ]
        answers = super().answers(handed)
        return [self._back(*each) for each in zip(requests, answers, strict=True)]

    def _order(self, name: str) -> Any:
        """Return the axes of what is to be handed over, so that it lies in the other layout."""
        own, other = self._own.axes(name), self._other.axes(name)
        return [other[axis] for axis in np.argsort(own)]

    def _moved(self, name: str, value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.ndim == 4:
            return np.ascontiguousarray(value.transpose(self._order(name)))
        if name.endswith("shape"):
            return tuple(value[axis] for axis in self._order(name))
        return value

    def _back(self, request: Request, answer: Answer) -> Answer:
        if not isinstance(answer, np.ndarray):
            return answer
        if answer.ndim == 4:
            name = "ftr" if self.operation.returns_filter else "x"
            answer = answer.transpose(np.argsort(self._order(name)))
        if request.shape in (None, answer.shape):
            return answer
        text = f"returned shape {answer.shape}, expected {request.shape}"
        return MisbehaviourError(Misbehaviour.RETURNED_SHAPE, text)


def handed_otherwise(subject: Subject, raised: str, dtype: str, right: Right) -> Iterator[str]:
    """Yield a declaration under which a kernel is right that is wrong where all extents differ.

    Args:
        subject: what is judged.
        raised: what it raised, if it did.
        dtype: in which it is judged.
        right: says whether a kernel is right on many calls.
    """
    if isinstance(subject, Declared):
        yield from _found(subject, raised, dtype, right)


@lru_cache(maxsize=32)
def _found(subject: Declared, raised: str, dtype: str, right: Right) -> tuple[str, ...]:
    if not _verdict(subject, dtype).failed:
        return ()
    with ExitStack() as ended:
        of_torch = any(word in raised for word in _OF_TORCH)
        for changes in _others(subject.candidate, raised, of_torch=of_torch):
            try:
                own = replace(subject.candidate, **changes)
                kernel = ended.enter_context(subject.declaring(own)) if changes else subject
                layout = next(_layouts(kernel, own, dtype, right), None)
            except CandidateError:
                continue
            if layout is not None:
                return (f"{_said(subject.candidate, layout)}: handed so, it is right",)
    if of_torch and subject.candidate.arrays == "numpy":
        return ("arrays=torch? It was handed arrays of NumPy's",)
    return ()


def _verdict(subject: Subject, dtype: str) -> Verdict:
    operation, fore = subject.operation, subject.operation.default_fore
    distinct = Geometry.parse(f"{_DISTINCT}+{fore}.{_AFTER}" if fore else _DISTINCT)
    geometry = subject.taken.near(operation, operation.taking(distinct))
    return judge(subject, Case(operation.name, geometry, dtype, "integers", 1))


def _others(own: Candidate, raised: str, *, of_torch: bool) -> Iterator[dict[str, Any]]:
    """Yield what else may be declared beside layouts: nothing, another library, another rank."""
    libraries = [{}, *([{"arrays": "torch"}] if of_torch and own.arrays == "numpy" else [])]
    line = {"rank": "1"} if own.rank == "2" and (of_torch or _OF_RANK.search(raised)) else {}
    ranks = [{}, *({**line, **layout} for layout in _OF_LINES if line)]
    return ({**library, **rank} for rank, library in product(ranks, libraries[::-1]))


def _layouts(kernel: Declared, own: Candidate, dtype: str, right: Right) -> Iterator[Candidate]:
    """Yield layouts in which a kernel is right, those that differ least from its own first."""
    both = product(TENSORS, FILTERS) if own.rank == "2" else [(own.tensors, own.filters)]
    others = [replace(own, tensors=tensors, filters=filters) for tensors, filters in both]
    others.sort(key=lambda each: (each.tensors != own.tensors) + (each.filters != own.filters))
    for other in others:
        with ExitStack() as ended:
            laid_out: Subject = kernel if other == own else _LaidOut(kernel, own, other)
            if own.style and other != own:  # what a layer is made with depends on its axes
                laid_out = ended.enter_context(kernel.declaring(other))
            agrees = _verdict(laid_out, dtype).outcome is Outcome.AGREES
            fits = agrees and right(laid_out, dtype)
        if fits:
            yield other


def _said(own: Candidate, other: Candidate) -> str:
    keys = ("arrays", "rank", "tensors", "filters")
    return ",".join(
        f"{key}={getattr(other, key)}" for key in keys if getattr(other, key) != getattr(own, key)
    )

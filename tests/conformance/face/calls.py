"""Judging kernels from Python: what a user's own test calls.

What `convcheck check` judges without a search is judged here, by the same plan, and told in the
same words.  Neither pytest nor Hypothesis has a part in it.
"""

import inspect
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Unpack

from convcheck.campaigns import certificates
from convcheck.cases.case import Case, require_seed
from convcheck.cases.inside import inside
from convcheck.cases.regions import Region
from convcheck.conformance.plan.few import few
from convcheck.conformance.plan.plan import EFFORTS, Effort, plan
from convcheck.conformance.plan.replay import replays
from convcheck.conformance.plan.step import Step
from convcheck.conformance.shapes.huge import judge_any
from convcheck.form.names import one_of
from convcheck.form.operations import Operation, operation_named
from convcheck.judging import verdicts
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.declared.subject import Declared
from convcheck.kernels.subjects import Subject

from .engine import Result, Run
from .given import Keywords, subject_given

Kernel = Callable[..., Any] | str
"""a function, or a program as `exec:PROGRAM`"""


def assert_conforms(
    kernel: Kernel,
    operation: str,
    *,
    profile: Effort = "quick",
    seed: int = 0,
    isolated: bool = False,
    **declarations: Unpack[Keywords],
) -> None:
    """Raise AssertionError, which says how it is wrong, unless a kernel computes an operation.

    Args:
        kernel: a function, a method or whatever else can be called, in the notebook's layouts
            unless it declares others; or "exec:PROGRAM", which has a process of its own.
        operation: the name of what it is to compute, such as "convolution".
        profile: how much is judged: "quick", "default" or "thorough".
        seed: of the geometries that are drawn at random.
        isolated: whether it is called in a process of its own, where it may crash and hang; then
            it has to be one that can be imported by its name.  Else it is called in this process,
            as it is handed over, and what ends that process ends the test.
        declarations: what it declares, as a line that names a kernel does; and beside
            `isolated=True` its limits: `seconds` that a call may take, `first_seconds` that the
            first call of a shape may, `megabytes` that its process may.

    Raises:
        AssertionError: the kernel is wrong, or nothing was decided.
        TypeError: an argument is of the wrong type, or there is none of this name.
        ValueError: an argument has a value that it cannot have.
        OracleError: what judges contradicts itself; nothing is judged.
    """
    __tracebackhide__ = True
    _require_known(assert_conforms, declarations)
    seed = _integer("seed", seed)
    _require_effort(profile, seed)
    with _given(kernel, operation, declarations, isolated=isolated) as subject:
        run = Run(subject, profile, seed, _call(kernel, operation, declarations, isolated=isolated))
        run.walk(_plan(subject, profile, seed), stop=True)
        text = None if run.conforms else str(run.result(brief=True))
    if text is not None:
        raise AssertionError(text)


def check(
    kernel: Kernel,
    operation: str,
    *,
    profile: Effort = "quick",
    seed: int = 0,
    isolated: bool = False,
    case: str | Case | Sequence[str | Case] = (),
    **declarations: Unpack[Keywords],
) -> Result:
    """Judge a kernel as `assert_conforms` does, but to the end, and return what came of it.

    Args:
        kernel: as for `assert_conforms`.
        operation: likewise.
        profile: likewise.
        seed: likewise.
        isolated: likewise.
        case: one to judge alone, or several to judge one after another; or their ids.
        declarations: as for `assert_conforms`.

    Returns:
        the result, whose text is the end of what `convcheck check` prints.
    """
    _require_known(check, declarations)
    seed = _integer("seed", seed)
    _require_effort(profile, seed)
    given = case if isinstance(case, Sequence) and not isinstance(case, str) else [case]
    again = [_case(each) for each in given]
    for each in again:
        if each.operation != operation:
            raise ValueError(f"case={str(each)!r}: expected a case of {operation}")
    with _given(kernel, operation, declarations, isolated=isolated) as subject:
        run = Run(subject, profile, seed, _call(kernel, operation, declarations, isolated=isolated))
        alone = (step for each in again for step in replays(each))
        run.walk(alone if again else _plan(subject, profile, seed))
        return run.result(alone=again)


def judge(
    kernel: Kernel,
    case: str | Case,
    *,
    isolated: bool = False,
    **declarations: Unpack[Keywords],
) -> Verdict:
    """Judge a kernel, as for `assert_conforms`, on one case, or on the one with this id.

    Of a huge case some results are judged; `verdict.sampled` says which.
    """
    _require_known(judge, declarations)
    found = _case(case)
    with _given(kernel, found.operation, declarations, isolated=isolated) as subject:
        return judge_any(subject, found)


def certify(
    kernel: Kernel,
    region: str | Region,
    *,
    draws: int = 1,
    seed: int = 0,
    progress: Callable[[certificates.Certificate], None] | None = None,
    isolated: bool = False,
    **declarations: Unpack[Keywords],
) -> certificates.Certificate:
    """Judge a kernel, as for `assert_conforms`, on every geometry of a region.

    Args:
        kernel: what is judged.
        region: which geometries; an operation's name stands for extents up to 4, or, of two
            layers, up to 2, in float64, or where that is not declared in the dtypes that are.
        draws: how many draws of integers on each.
        seed: of the first draw.
        progress: called after each geometry with the certificate so far; by default, where
            standard error is a terminal, a line there tells of what takes seconds.
        isolated: as for `assert_conforms`.
        declarations: likewise.

    Returns:
        the certificate; of what came before Ctrl-C, if that came.
    """
    _require_known(certify, declarations)
    if not isinstance(region, str | Region):
        raise TypeError(f"region={region!r:.100}: expected a Region, or the name of an operation")
    if progress is not None and not callable(progress):
        raise TypeError(f"progress={progress!r:.100}: expected a function")
    draws, seed = _integer("draws", draws), _integer("seed", seed)
    operation = region if isinstance(region, str) else region.operation
    with _given(kernel, operation, declarations, isolated=isolated) as subject:
        whole = _region(subject) if isinstance(region, str) else region
        return certificates.certify(subject, whole, draws=draws, seed=seed, progress=progress)


def explain(
    verdict: Verdict | Result, rerun: str | None = None, diagnosis: Sequence[str] = ()
) -> str:
    """Return what a verdict says; of one that failed what, where, by how much, and again.

    Args:
        verdict: any; of a result all is told that is known.
        rerun: a command that judges the same kernel on the same case, if there is one.
        diagnosis: lines on how the kernel is wrong.
    """
    if isinstance(verdict, Result):
        return str(verdict)
    if not isinstance(verdict, Verdict):  # whatever its type says
        raise TypeError(f"verdict={verdict!r:.100}: expected a Verdict, or a Result")
    return verdicts.explain(verdict, rerun, diagnosis)


def _region(subject: Subject) -> Region:
    """Return the region for which the name of a subject's operation stands."""
    small = Region(subject.operation.name, 4 if subject.operation.default_fore is None else 2)
    if not isinstance(subject, Declared) or set(small.dtypes) <= set(subject.candidate.dtypes):
        return inside(small, subject.taken)
    return inside(replace(small, dtypes=subject.candidate.dtypes), subject.taken)


def _require_known(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raise TypeError where a function is given what neither it nor `Keywords` names."""
    known = [*inspect.getfullargspec(function).kwonlyargs, *Keywords.__annotations__]
    for key, value in given.items():
        if key not in known:
            raise TypeError(f"unexpected argument {key}={value!r:.100}: {one_of(key, known)}")


def _integer(name: str, value: Any) -> int:
    if not isinstance(value, bool):
        with suppress(TypeError):
            return operator.index(value)
    raise TypeError(f"{name}={value!r:.100}: expected an integer")


def _case(case: str | Case) -> Case:
    if isinstance(case, str):
        return Case.parse(case)
    if not isinstance(case, Case):
        raise TypeError(f"case={case!r:.100}: expected a Case, or the id of one")
    return case


def _operation(name: str) -> Operation:
    if not isinstance(name, str):
        raise TypeError(f"operation={name!r:.100}: expected the name of one, such as 'convolution'")
    return operation_named(name)


def _require_effort(profile: object, seed: int) -> None:
    if profile not in EFFORTS:
        kind = ValueError if isinstance(profile, str) else TypeError
        raise kind(f"profile={profile!r:.100}: {one_of(profile, EFFORTS)}")
    require_seed(seed)


def _plan(subject: Subject, profile: Effort, seed: int) -> Iterator[Step]:
    if subject.shapes is not None:
        return iter(few(subject))
    return plan(subject.operation, profile, seed, subject.taken)


@contextmanager
def _given(
    kernel: Kernel, operation: str, declared: Mapping[str, Any], *, isolated: bool
) -> Iterator[Subject]:
    """Have the subject of a kernel; one that is made here is stopped in the end."""
    subject = subject_given(kernel, _operation(operation), declared, isolated=isolated)
    try:
        yield subject
    finally:
        if subject is not kernel:
            subject.stop()


def _call(
    kernel: Kernel, operation: str, declared: Mapping[str, Any], *, isolated: bool
) -> Callable[[Mapping[str, Any]], str]:
    """Return what writes a call of `check` that judges the same kernel."""
    name = _name(kernel)
    own = {**({"isolated": True} if isolated else {}), **declared}

    def call(keywords: Mapping[str, Any]) -> str:
        words = [f"{key}={_quoted(value)}" for key, value in {**keywords, **own}.items()]
        return f"convcheck.check({', '.join([name, _quoted(operation), *words])})"

    return call


def _name(kernel: Kernel) -> str:
    """Return the name by which a kernel is found in its module, or another for it."""
    if isinstance(kernel, str):
        return _quoted(kernel)
    name = str(getattr(kernel, "__qualname__", ""))
    module = sys.modules.get(str(getattr(kernel, "__module__", "")))
    for home in (getattr(kernel, "__globals__", {}), getattr(module, "__dict__", {})):
        first, *rest = name.split(".")
        found = home.get(first)
        for part in rest:
            found = getattr(found, part, None)
        if found is kernel:
            return name
    return "kernel"


def _quoted(value: Any) -> str:
    """Return a value as code, text in double quotes where it has neither kind of its own."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')

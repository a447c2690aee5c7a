"""Judging kernels from Python: what a user's own test calls.

What `convcheck check` judges without a search is judged here, by the same plan, and told in the
same words.  Neither pytest nor Hypothesis has a part in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Unpack

from convcheck.cases.case import Case, require_seed
from convcheck.cases.regions import Region
from convcheck.conformance.plan.plan import EFFORTS, plan
from convcheck.conformance.plan.replay import replays
from convcheck.conformance.plan.step import Step
from convcheck.form.operations import Operation, operation_named
from convcheck.judging import certificates
from convcheck.judging import judge as judging
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.subjects import Subject

from .engine import Result, Run
from .given import Declarations, subject_given

Kernel = Callable[..., Any]


def assert_conforms(
    kernel: Kernel,
    operation: str,
    *,
    profile: str = "quick",
    seed: int = 0,
    isolated: bool = False,
    **declarations: Unpack[Declarations],
) -> None:
    """Raise AssertionError, which says how it is wrong, unless a kernel computes an operation.

    Args:
        kernel: a function, a method or whatever else can be called, in the notebook's layouts
            unless it declares others.
        operation: the name of what it is to compute, such as "convolution".
        profile: how much is judged: "quick", "default" or "thorough".
        seed: of the geometries that are drawn at random.
        isolated: whether it is called in a process of its own, where it may crash and hang; then
            it has to be one that can be imported by its name.  Else it is called in this process,
            as it is handed over, and what ends that process ends the test.
        declarations: what it declares, as a line that names a kernel does.

    Raises:
        AssertionError: the kernel is wrong, or nothing was decided.
        TypeError: an argument is of the wrong type.
        ValueError: an argument has a value that it cannot have.
        OracleError: what judges contradicts itself; nothing is judged.
    """
    __tracebackhide__ = True
    steps = _steps(operation, profile, seed)
    with _given(kernel, operation, declarations, isolated=isolated) as subject:
        run = Run(subject, profile, seed, _call(kernel, operation, declarations, isolated=isolated))
        run.walk(steps, stop=True)
        text = None if run.conforms else str(run.result(brief=True))
    if text is not None:
        raise AssertionError(text)


def check(
    kernel: Kernel,
    operation: str,
    *,
    profile: str = "quick",
    seed: int = 0,
    isolated: bool = False,
    case: str | Case | Sequence[str | Case] = (),
    **declarations: Unpack[Declarations],
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
    steps = _steps(operation, profile, seed)
    again = [_case(each) for each in ([case] if isinstance(case, str | Case) else case)]
    for each in again:
        if each.operation != operation:
            raise ValueError(f"case={str(each)!r}: expected one of {operation}")
    with _given(kernel, operation, declarations, isolated=isolated) as subject:
        run = Run(subject, profile, seed, _call(kernel, operation, declarations, isolated=isolated))
        run.walk((step for each in again for step in replays(each)) if again else steps)
        return run.result(whole=not again)


def judge(
    kernel: Kernel,
    case: str | Case,
    *,
    isolated: bool = False,
    **declarations: Unpack[Declarations],
) -> Verdict:
    """Judge a kernel, as for `assert_conforms`, on one case, or on the one with this id."""
    found = _case(case)
    with _given(kernel, found.operation, declarations, isolated=isolated) as subject:
        return judging.judge(subject, found)


def certify(
    kernel: Kernel,
    region: str | Region,
    *,
    draws: int = 1,
    seed: int = 0,
    progress: Callable[[certificates.Certificate], None] | None = None,
    isolated: bool = False,
    **declarations: Unpack[Declarations],
) -> certificates.Certificate:
    """Judge a kernel, as for `assert_conforms`, on every geometry of a region.

    Args:
        kernel: what is judged.
        region: which geometries; an operation's name stands for extents up to 4, or, of two
            layers, up to 2.
        draws: how many draws of integers on each.
        seed: of the first draw.
        progress: called after each geometry with the certificate so far; by default, where
            standard error is a terminal, a line there tells of what takes seconds.
        isolated: as for `assert_conforms`.
        declarations: likewise.

    Returns:
        the certificate; of what came before Ctrl-C, if that came.
    """
    if isinstance(region, str):
        region = Region(region, 4 if operation_named(region).default_fore is None else 2)
    if not isinstance(region, Region):
        raise TypeError(f"region={region!r:.100}: expected a Region, or the name of an operation")
    with _given(kernel, region.operation, declarations, isolated=isolated) as subject:
        return certificates.certify(subject, region, draws=draws, seed=seed, progress=progress)


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


def _steps(operation: str, profile: str, seed: int) -> Iterator[Step]:
    if profile not in EFFORTS:
        raise ValueError(f"profile={profile!r}: expected one of {', '.join(EFFORTS)}")
    require_seed(seed)
    return plan(_operation(operation), profile, seed)


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
    name = str(getattr(kernel, "__name__", "kernel"))
    name = name if name.isidentifier() else "kernel"
    own = {**({"isolated": True} if isolated else {}), **declared}

    def call(keywords: Mapping[str, Any]) -> str:
        words = [f"{key}={_quoted(value)}" for key, value in {**keywords, **own}.items()]
        return f"convcheck.check({', '.join([name, _quoted(operation), *words])})"

    return call


def _quoted(value: Any) -> str:
    """Return a value as code, text in double quotes where it has neither kind of its own."""
    text = repr(value)
    return text if '"' in text else text.replace("'", '"')

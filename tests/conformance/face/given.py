"""Kernels that are handed over in Python: what is judged of them, and what they declare."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from convcheck.conformance.references import judge_property
from convcheck.diagnosis.diagnose import diagnose
from convcheck.form.operations import Operation
from convcheck.judging.verdicts import Verdict
from convcheck.kernels.declared import line
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.declared.line import EXEC, KEYS
from convcheck.kernels.functions import Fitted, subject_of
from convcheck.kernels.isolation.isolated import KEYWORDS, Isolated
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.promises import DIRECT
from convcheck.kernels.styles.found import narrower, within_both
from convcheck.kernels.styles.style import STYLES
from convcheck.kernels.subjects import Subject


class Declarations(TypedDict, total=False):
    """What a kernel declares, in the words of a line that names one."""

    tensors: Literal["NHWC", "NCHW"]
    filters: Literal["IHWO", "HWIO", "OIHW", "IOHW", "OHWI", "HWOI"]
    arrays: str
    device: str
    takes: str | Sequence[str]
    padding: Literal["sides", "pair"]
    strides: Literal["pair", "int"]
    rank: Literal[1, 2]
    style: Literal["cs231n", "coursera", "layer", "module"]
    shapes: int | Literal["few"]
    only: str
    partial: bool
    memory: Literal["any", "C"]
    names: Mapping[str, str]
    constants: Mapping[str, Any]
    dtypes: str | Sequence[str]
    declines: str | Sequence[str]
    sums: str
    accuracy: str
    subnormals: str
    promises: str | Sequence[str]
    arguments: str | Sequence[str]


class Keywords(Declarations, total=False):
    """Besides, what limits it in a process of its own, as `Isolated` says."""

    seconds: float
    first_seconds: float
    megabytes: int
    threads: int


class Given(Fitted):
    """An object of Python's, called in this process."""

    def __init__(self, candidate: Candidate, kernel: Callable[..., Any]) -> None:
        """Take a kernel, and what it declares."""
        super().__init__(candidate, kernel)
        self._twin: Isolated | None = None
        # To import the main program again is to run it again.
        self._found = _place(kernel) is not None and kernel.__module__ != "__main__"
        if not self._found:
            self.line = ""

    @contextmanager
    def remembering(self, verdict: Verdict) -> Iterator[None]:
        """Look into why it failed where it remembers nothing yet, if that shows it.

        What it remembers of earlier calls cannot be undone in this process.  In another, such a
        kernel is right when first called, and wrong after others; what is wrong there at once, or
        never, is looked into here, as it was handed over.
        """
        if not self._found:
            yield
            return
        with Isolated(self.candidate) as twin:
            twin.chosen = self.chosen
            with suppress(CandidateError):  # as where it cannot be imported there
                again = judge_property(verdict.prop, twin, verdict.case)
                if not again.failed and diagnose(replace(verdict, subject=twin)).cases:
                    self._twin = twin
            try:
                yield
            finally:
                self._twin = None

    def fresh(self, seconds: float | None = None, threads: int | None = None) -> Subject:
        """Return it as it was at first, where that is known to be another."""
        return self if self._twin is None else self._twin.fresh(seconds, threads)

    def import_line(self) -> str:
        """Return the line of Python that has it as its operation's name, if there is one."""
        if self._found:
            return super().import_line()
        fitted = "" if self.candidate.plain else ", called in the notebook's layouts"
        return f"{self.name} = ...  # the kernel that was judged{fitted}"


def subject_given(
    kernel: Callable[..., Any] | str,
    operation: Operation,
    given: Mapping[str, Any],
    *,
    isolated: bool = False,
) -> Subject:
    """Return what is judged where a user hands over `kernel`.

    Args:
        kernel: anything that can be called, a subject, or "exec:PROGRAM".
        operation: that it is to compute.
        given: as `Keywords`.
        isolated: whether it is to run in a process of its own.

    Raises:
        TypeError: it cannot be called, or something is given in a type that it cannot have.
        ValueError: it cannot be called with the operation's arguments, declares something that
            cannot be, is limited where it has no process of its own, or cannot be imported where
            it has to be.
    """
    if not isinstance(isolated, bool):  # whatever its type says
        raise TypeError(f"isolated={isolated!r:.100}: expected True or False")
    if isinstance(kernel, Subject):
        if given or isolated:
            named = ", ".join([*given, *["isolated"] * isolated])
            raise TypeError(f"{named}: expected none beside {kernel}, which says so itself")
        return subject_of(kernel, operation)
    if isinstance(kernel, str) and kernel.startswith(f"{EXEC}:"):
        program = kernel.removeprefix(f"{EXEC}:")
        return Isolated(_candidate(operation, EXEC, program, given), **_limits(given))
    if not callable(kernel):  # whatever its type says
        kind = type(kernel).__name__
        raise TypeError(
            f"kernel={kernel!r:.100}: expected a function, or '{EXEC}:PROGRAM', "
            f"not one of type {kind}"
        )
    place = _place(kernel)
    if isolated and place is None:
        raise ValueError(
            f"isolated=True: expected a function that can be imported, not {kernel!r:.100}"
        )
    module, function = place or (str(getattr(kernel, "__module__", "")) or "here", _name(kernel))
    limits = _limits(given)
    if limits and not isolated:
        raise ValueError(f"{', '.join(limits)}: expected isolated=True beside a limit")
    style = given.get("style", "")
    more = narrower(style, kernel, operation.name) if style in STYLES else {}
    candidate = _candidate(operation, module, function, within_both(given, more))
    if isolated:
        return Isolated(candidate, **limits)
    promise = getattr(kernel, "promise", DIRECT)
    if candidate.promise == DIRECT != promise:
        candidate = replace(candidate, promise=promise)
    return Given(candidate, kernel)


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key in KEYWORDS}


def _candidate(
    operation: Operation, module: str, function: str, given: Mapping[str, Any]
) -> Candidate:
    lines = {key: line.declared(key, given[key]) for key in KEYS if key in given}
    return Candidate.of(operation.name, module, function, lines)


def _name(kernel: Callable[..., Any]) -> str:
    name = str(getattr(kernel, "__name__", type(kernel).__name__))
    return name if name.isidentifier() else "kernel"


def _place(kernel: Callable[..., Any]) -> tuple[str, str] | None:
    """Return module, or the path of its file, and name by which `kernel` is found; None if none."""
    module, name = (str(getattr(kernel, key, "")) for key in ("__module__", "__qualname__"))
    home: Any = sys.modules.get(module)
    found = home
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not kernel:
        return None
    top = module.partition(".")[0]
    if module != "__main__" and any(_finds(finder, top) for finder in sys.meta_path):
        return module, name
    # Of the main program, or imported by the path of its file.
    file = Path(getattr(home, "__file__", None) or "")
    if file.suffix != ".py" or not file.is_file():
        return None
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file), name


def _finds(finder: Any, name: str) -> bool:
    find = getattr(finder, "find_spec", None)
    return find is not None and find(name, None) is not None

"""Which kernels candidates replace: those that --replaces names, or the reference's."""

import pytest

from convcheck.conformance.references import HOMES
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import fitted
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.subjects import Subject

from . import asked


def replaced(config: pytest.Config, candidates: dict[str, Candidate]) -> dict[str, Subject]:
    """Return what candidates replace, by operation; UsageError where that is named badly."""
    found: dict[str, Subject] = {}
    for text in config.getoption("convcheck_replaces") or ():
        place = text if "=" in text.partition(",")[0] else f"{_operation(text, candidates)}={text}"
        try:
            other = asked.completed(config, Candidate.parse(place))
        except CandidateError as error:
            raise pytest.UsageError(f"--replaces: {error}") from None
        if other.operation not in candidates or other.operation in found:
            raise pytest.UsageError(
                f"--replaces: {text!r}: expected one kernel, for an operation that --kernel names"
            )
        found[other.operation] = asked.kernel(config, other, "--replaces")
    return {name: found.get(name) or _reference(config, each) for name, each in candidates.items()}


def _operation(text: str, candidates: dict[str, Candidate]) -> str:
    """Return the operation of a kernel that names none: the only one, or that of its function."""
    if len(candidates) == 1:
        return next(iter(candidates))
    return text.partition(",")[0].rpartition(":")[2]


def _reference(config: pytest.Config, of: Candidate) -> Subject:
    """Return the reference's kernel, called as a candidate is, so that times compare."""
    name = of.operation
    candidate = Candidate(name, HOMES[name].__name__, name, takes=of.takes)
    if config.getoption("convcheck_in_process"):
        return fitted(candidate)
    return asked.isolated(config, candidate)  # started when first called

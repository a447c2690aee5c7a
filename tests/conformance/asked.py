"""Which candidates the command line and pyproject.toml ask for."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from convcheck.oracle.candidates import Candidate, CandidateError, Fitted, import_module
from convcheck.oracle.isolation import Isolated
from convcheck.oracle.operations import OPERATIONS, Kernel


def candidates(config: pytest.Config) -> dict[str, Candidate]:
    """Return the candidates, by operation; UsageError where one is named badly or twice."""
    texts = list(config.getoption("convcheck_kernel") or ())
    modules = list(config.getoption("convcheck_kernels") or ())
    if not texts and not modules:
        texts = _from_pyproject(config.rootpath)
    try:
        for module in modules:
            texts += _kernels_of(module)
        return _by_operation(map(Candidate.parse, texts))
    except CandidateError as error:
        raise pytest.UsageError(f"--kernel: {error}") from None


def _from_pyproject(root: Path) -> list[str]:
    """Return the kernels that the table [tool.convcheck] names."""
    try:
        settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):  # pytest reads it too, and complains
        return []
    table = settings.get("tool", {}).get("convcheck", {})
    kernels = table.get("kernels", [])
    unknown = set(table) - {"kernels"}
    if unknown or not isinstance(kernels, list) or not all(isinstance(k, str) for k in kernels):
        raise pytest.UsageError(
            'pyproject.toml: [tool.convcheck]: expected kernels = ["OPERATION=MODULE:FUNCTION"]'
            " and nothing else"
        )
    return list(kernels)


def _kernels_of(module: str) -> list[str]:
    """Return every function of a module that bears an operation's name."""
    found = import_module(module)
    names = [name for name in OPERATIONS if callable(getattr(found, name, None))]
    if not names:
        raise CandidateError(
            f"module {module!r}: expected a function with the name of an operation: "
            f"{', '.join(OPERATIONS)}"
        )
    return [f"{name}={module}:{name}" for name in names]


def _by_operation(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.operation in found:
            raise CandidateError(f"{candidate.operation}: expected one kernel, not several")
        found[candidate.operation] = candidate
    return found


def kernel(config: pytest.Config, candidate: Candidate, option: str = "--kernel") -> Kernel:
    """Return a candidate ready to be judged; UsageError, naming `option`, if it cannot be."""
    try:
        if config.getoption("convcheck_in_process"):
            return Fitted(candidate)
        found = isolated(config, candidate)
        found.start()
    except CandidateError as error:
        raise pytest.UsageError(f"{option}: {error}") from None
    return found


def isolated(config: pytest.Config, candidate: Candidate) -> Isolated:
    """Return a candidate that is called as the options say, not started yet."""
    seconds, megabytes = (
        config.getoption(f"convcheck_{name}") for name in ("seconds", "megabytes")
    )
    return Isolated(candidate, seconds=seconds, megabytes=megabytes)


def call_options(config: pytest.Config) -> list[str]:
    """Return the options about calls that were given, as on a command line."""
    if config.getoption("convcheck_in_process"):
        return ["--in-process"]
    names = {"--call-seconds": "convcheck_seconds", "--call-megabytes": "convcheck_megabytes"}
    defaults = {"--call-seconds": 10.0, "--call-megabytes": 4096}
    given = {option: config.getoption(name) for option, name in names.items()}
    return [
        word
        for option, value in given.items()
        if value != defaults[option]
        for word in (option, f"{value:g}")
    ]


def is_about(params: dict[str, Any], names: Iterable[str]) -> bool:
    """Return whether a test with these parameters judges one of these operations."""
    operation = params.get("operation") or params.get("case")
    name = getattr(operation, "operation", None) or getattr(operation, "name", None)
    return name in set(names)

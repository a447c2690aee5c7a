"""Which candidates the command line and pyproject.toml ask for."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.kernels.candidates import KEYS, Candidate, CandidateError, split
from convcheck.kernels.functions import Fitted
from convcheck.kernels.isolation.isolated import OPTIONS, Isolated
from convcheck.kernels.literals import declared
from convcheck.kernels.subjects import Subject

TABLE = "pyproject.toml"
_IMPORT_SECONDS = 60.0
_ENTRY = f'"OPERATION=MODULE:FUNCTION", or {{kernel = "...", KEY = ...}} with {", ".join(KEYS)}'


def settle(config: pytest.Config) -> dict[str, Candidate]:
    """Settle which candidates are judged: all are put into --kernel, and returned by operation.

    pytest-xdist hands that option on to its workers, so that what others name is looked up once.

    Raises:
        UsageError: one is named badly or twice.
    """
    option = config.option
    texts = list(option.convcheck_kernel or ())
    modules = list(option.convcheck_kernels or ())
    cases = map(Case.parse, option.convcheck_case or ())
    about = dict.fromkeys(case.operation for case in cases)
    if not texts and not modules:
        texts = _from_table(config.rootpath / TABLE, needed=False)
    try:
        for module in modules:
            if Path(module).name == TABLE:
                path = config.rootpath / TABLE if module == TABLE else Path(module)
                texts += _from_table(path, needed=True)
            else:
                # Cases say whose they are; to look into a module takes a process.
                names = about if len(modules) == 1 and about else _names_in(module)
                texts += [f"{name}={module}:{name}" for name in names]
        found = _by_operation(map(Candidate.parse, texts))
    except CandidateError as error:
        raise pytest.UsageError(f"--kernel: {error}") from None
    option.convcheck_kernel, option.convcheck_kernels = [*map(str, found.values())], []
    return found


def _from_table(path: Path, *, needed: bool) -> list[str]:
    """Return the kernels that the table [tool.convcheck] names, as lines.

    Files are found from the folder that `path` is in.
    """
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if needed:
            raise pytest.UsageError(
                f"no kernel is named: expected one, before all options, or {path} with a table "
                "[tool.convcheck]"
            ) from None
        return []
    except (OSError, ValueError) as error:
        if needed:
            raise pytest.UsageError(f"{path}: {' '.join(str(error).split())}") from None
        return []  # pytest reads it too, and complains
    table = _table(settings, "tool", "convcheck")
    if not table and needed:
        raise pytest.UsageError(f"{path}: expected a table [tool.convcheck] with kernels = [...]")
    kernels = table.get("kernels", [])
    where = f"{path}: [tool.convcheck]"
    for key in table:
        if key != "kernels":
            raise pytest.UsageError(f"{where}: {key}: expected kernels = [...] and nothing else")
    if not isinstance(kernels, list) or not (kernels or not table):
        raise pytest.UsageError(f"{where}: kernels={kernels!r}: expected a list of {_ENTRY}")
    try:
        return [_placed(_line(entry), path.parent) for entry in kernels]
    except CandidateError as error:
        raise pytest.UsageError(f"{where}: {error}") from None


def completed(config: pytest.Config, candidate: Candidate) -> Candidate:
    """Return a candidate as the table declares it, where it declares nothing itself."""
    if candidate != Candidate(candidate.operation, candidate.module, candidate.function):
        return candidate
    lines = _from_table(config.rootpath / TABLE, needed=False)
    known = {_place(each): each for each in map(Candidate.parse, lines)}
    return known.get(_place(candidate), candidate)


def _place(candidate: Candidate) -> tuple[str, str, str]:
    module = candidate.module
    where = str(Path(module).resolve()) if module.endswith(".py") else module
    return candidate.operation, where, candidate.function


def _table(settings: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        inner = settings.get(name, {})
        if not isinstance(inner, dict):
            raise pytest.UsageError(f"{TABLE}: {name}={inner!r}: expected a table")
        settings = inner
    return settings


def _line(entry: Any) -> str:
    """Return the line that an entry of the table stands for."""
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, dict) or not isinstance(entry.get("kernel"), str):
        raise CandidateError(f"kernels: {entry!r}: expected {_ENTRY}")
    given = {key: value for key, value in entry.items() if key != "kernel"}
    try:
        return ",".join([entry["kernel"], *(f"{k}={declared(k, v)}" for k, v in given.items())])
    except (TypeError, ValueError) as error:
        raise CandidateError(str(error)) from None


def _placed(line: str, folder: Path) -> str:
    """Return `line` with the path of a file made absolute, as seen from `folder`."""
    operation, module, function, declared = split(line)
    if not module.endswith(".py") or not (operation and function):
        return line
    path = (folder / module).resolve()
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{operation}={here}:{function}{declared}"


def _names_in(module: str) -> list[str]:
    """Return which functions of a module bear an operation's name.

    It is imported in a process of its own: it may end it, or never return.
    """
    command = [sys.executable, "-P", "-m", "convcheck.kernels.loading", module, *sys.path]
    try:
        done = subprocess.run(  # noqa: S603  (our own module)
            command, capture_output=True, check=False, timeout=_IMPORT_SECONDS
        )
    except subprocess.TimeoutExpired:
        problem = f"importing it did not end within {_IMPORT_SECONDS:g} s"
        raise CandidateError(f"module {module!r}: {problem}") from None
    except OSError as error:
        raise CandidateError(f"module {module!r}: no process can be started: {error}") from None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
        names = [str(name) for name in answer.get("names", [])]
    except (ValueError, IndexError, AttributeError):
        problem = f"importing it ended its process, with exit status {done.returncode}"
        raise CandidateError(f"module {module!r}: {problem}") from None
    if not names:
        raise CandidateError(answer["error"][0])
    return names


def _by_operation(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.operation in found:
            raise CandidateError(
                f"{candidate.operation}: expected one kernel, not both "
                f"{found[candidate.operation].place} and {candidate.place}"
            )
        found[candidate.operation] = candidate
    return found


def kernel(config: pytest.Config, candidate: Candidate, option: str = "--kernel") -> Subject:
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
    limits = {name: config.getoption(f"convcheck_{name}") for name in OPTIONS}
    return Isolated(candidate, **limits, names=OPTIONS)


def is_about(params: dict[str, Any], names: Iterable[str]) -> bool:
    """Return whether a test with these parameters judges one of these operations."""
    about = params.get("operation") or params.get("case") or params.get("step")
    operation = getattr(about, "operation", about)  # a case has its name
    return getattr(operation, "name", operation) in set(names)

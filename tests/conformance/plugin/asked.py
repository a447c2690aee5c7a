"""Which candidates the command line and pyproject.toml ask for."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.form.layers import LAYERS
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.declared.line import KEYS, declared, split
from convcheck.kernels.functions import fitted
from convcheck.kernels.isolation.isolated import OPTIONS, Isolated
from convcheck.kernels.loading import CandidateError
from convcheck.kernels.styles.found import within_both
from convcheck.kernels.styles.style import STYLES
from convcheck.kernels.subjects import Subject

from . import known

TABLE = "pyproject.toml"
FOUND = pytest.StashKey[list[str]]()
"""what was found of layers, in lines"""
LEDGER = pytest.StashKey[list[str]]()
"""what the ledger says of kernels that are the notebook's own, in lines"""
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
    found_here = not hasattr(config, "workerinput")  # else what the controller has found is handed
    others: list[str] = []
    ledger: list[str] = []
    try:
        for module in modules:
            if Path(module).name == TABLE:
                path = config.rootpath / TABLE if module == TABLE else Path(module)
                texts += _from_table(path, needed=True)
            else:
                lines = _lines_in(module, about, others)
                own = [line for line in lines if line.partition("=")[0] in known.BACKWARD]
                ledger += known.told_of(split(module)[1] or module) if own and not about else []
                texts += lines
        candidates = map(_whole if found_here else Candidate.parse, texts)
        found = _by_operation(_of_layers([*candidates], about))
    except CandidateError as error:
        raise pytest.UsageError(f"--kernel: {error}") from None
    config.stash[LEDGER] = ledger
    config.stash[FOUND] = [*(_taken_for(each, found) for each in _layers_of(found)), *others]
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


def _place(candidate: Candidate) -> tuple[str, str]:
    return candidate.operation, candidate.located(lambda path: str(Path(path).resolve())).place


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
    """Return `line` with paths made absolute, as seen from `folder`."""
    operation, module, function, _ = split(line)
    if not (operation and module and function):
        return line  # which is told of

    def place(name: str) -> str:
        path = Path(os.path.normpath(folder.resolve() / name))  # programs look at their own names
        return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

    return str(Candidate.parse(line).located(place))


def _lines_in(target: str, about: Collection[str], others: list[str]) -> list[str]:
    """Return lines that name the kernels of a module by their operations' names, or else its layer.

    Args:
        target: the module, behind which may stand what is declared of each.
        about: the operations of cases; where a file defines them, nothing is looked into.
        others: to which what is told of other layers is added.
    """
    _, module, _, more = split(target)
    if about and not more and all(_defines(module, name) for name in about):
        return [f"{name}={module}:{name}" for name in about]
    found = _look_into(module or target)
    if found["kernels"] and ",style=" not in more:
        named = {line.partition("=")[0] for line in found["kernels"]}
        wanted = [f"{name}={module or target}:{name}" for name in about if name not in named]
        return [line + more for line in found["kernels"] + wanted]  # what is missing is told
    if not found["layers"]:
        raise CandidateError(f"{target!r}: expected a layer, such as conv_forward, conv_backward")
    if more:
        found["layers"] = [each.partition(",")[0] + more for each in found["layers"]]
    first, *rest = found["layers"]
    others += [f"not judged, but found there, too: {each}" for each in rest]
    return [first]


def _defines(module: str, name: str) -> bool:
    try:
        return module.endswith(".py") and f"def {name}(" in Path(module).read_text("utf-8")
    except (OSError, ValueError):
        return False


def _whole(line: str) -> Candidate:
    """Return the candidate of a line; a layer without parameters of its style declares that."""
    candidate = Candidate.parse(line)
    if not candidate.style:
        return candidate
    *_, function, own = split(line)
    layer = _look_into(candidate.module, function, candidate.style, candidate.operation)
    besides = dict(each.split("=", 1) for each in layer["declared"])
    more = [f"{key}={each}" for key, each in besides.items() if f",{key}=" not in own]
    whole = Candidate.parse(",".join([line, *more]))
    return replace(whole, only=within_both({"only": candidate.only}, besides).get("only", ""))


def _look_into(module: str, *layer: str) -> dict[str, list[str]]:
    """Return what a module has to be judged, as `named.found_in` does, or `declared_for` a layer.

    It is imported in a process of its own: it may end it, or never return.
    """
    named = "convcheck.kernels.styles.named"
    command = [sys.executable, "-P", "-m", named, module, " ".join(layer), *sys.path]
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
        found = {key: [str(each) for each in value] for key, value in answer.items()}
        problem = "".join(found.get("error", []))
    except (ValueError, IndexError, AttributeError, KeyError):
        problem = f"importing it ended its process, with exit status {done.returncode}"
        raise CandidateError(f"module {module!r}: {problem}") from None
    if problem:
        raise CandidateError(problem)
    return found


def _of_layers(candidates: Sequence[Candidate], about: Collection[str]) -> Iterator[Candidate]:
    """Yield candidates, those of a layer for each of its operations that no other is named for."""
    named = {each.operation for each in candidates}
    for candidate in candidates:
        layer = candidate.of_layer() if candidate.operation in LAYERS else [candidate]
        for each in layer:
            own = each.operation == candidate.operation or each.operation not in named
            if own and (each.operation in about or not (about and each.style)):
                yield each


def _layers_of(found: Mapping[str, Candidate]) -> list[list[Candidate]]:
    """Return the candidates that are of layers, those of one layer together."""
    layers: dict[tuple[str, str], list[Candidate]] = {}
    for each in found.values():
        if each.style:
            layers.setdefault((each.place, each.style), []).append(each)
    return [*layers.values()]


def _taken_for(layer: Sequence[Candidate], found: Collection[str]) -> str:
    """Return what a layer's functions were taken for; `found` are all operations with a kernel."""
    first, names = layer[0], ", ".join(each.operation for each in layer)
    function, style = first.function, f"style={first.style}"
    if first.style in ("cs231n", "coursera") and "forward" in function:
        function += f" and {function.replace('forward', 'backward')}"
    if first.arrays != STYLES[first.style].arrays:
        style += f",arrays={first.arrays}"
    outside = (
        f"; not {name}, whose cases have no parameters, as only= needs"
        for name in first.outside
        if name not in found
    )
    return f"{first.module}: {function}, taken as {style}: {names}{''.join(outside)}"


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
            return fitted(candidate)
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

"""The pytest plugin: options, and the report of a conformance run.

It is loaded in every pytest run of an environment that has convcheck, so it imports
nothing heavy, and does nothing unless one of its options is given or conformance tests
are among those that run.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Generator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from convcheck.reports.document import Report

HERE = Path(__file__).parents[1]
_CHOSEN = pytest.StashKey[bool]()
EXAMPLES = {"quick": 20, "thorough": 1000}
MOST_SHARDS = 10_000
_GROUP = ("convcheck", "conformance of convolution kernels")


@lru_cache
def is_home(folder: Path) -> bool:
    """Return whether a folder is that of the conformance tests, by whatever links it is reached."""
    return folder.resolve() == HERE.resolve()


def _positive(number: Callable[[str], float]) -> Callable[[str], float]:
    """Return a reader of numbers that takes positive ones alone: nor nan."""

    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            found = number(text)
            if found > 0:
                return found
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a positive {'number' if number is float else 'integer'}"
        )

    return read


def _option(name: str, tells: str, dest: str = "", **attributes: Any) -> tuple[str, dict[str, Any]]:
    """Return an option's name without dashes and prefix, and what argparse is told of it."""
    dest = f"convcheck_{dest or name.replace('-', '_')}"
    return name, {"dest": dest, "help": tells, **attributes}


_OPTIONS = (
    _option(
        "case",
        "judge one case again, and run nothing else; where given several times, one case after "
        "another",
        action="append",
        metavar="CASEID",
    ),
    _option(
        "kernel",
        "judge this function in place of the reference; see convcheck's tests/README.md for what "
        "may follow, such as ,tensors=NCHW",
        action="append",
        metavar="OPERATION=MODULE:FUNCTION",
    ),
    _option(
        "kernels",
        "judge every function written in a module that bears an operation's name",
        action="append",
        metavar="MODULE",
    ),
    _option(
        "replaces",
        "compare the candidate with this kernel, instead of the reference's",
        action="append",
        metavar="[OPERATION=]MODULE:FUNCTION",
    ),
    _option(
        "bitwise",
        "fail unless the candidate's results have the bits of what it replaces",
        action="store_true",
    ),
    _option(
        "in-process",
        "call candidates in the judge's own process, for debugging",
        action="store_true",
    ),
    _option(
        "call-seconds",
        "how long a call of a candidate may take (default: 10)",
        "seconds",
        type=_positive(float),
        default=10.0,
        metavar="S",
    ),
    _option(
        "first-call-seconds",
        "how long the first call of a shape may take, which may compile (default: 120, or what "
        "--call-seconds says if that is more)",
        "first_seconds",
        type=_positive(float),
        metavar="S",
    ),
    _option(
        "call-megabytes",
        "how much memory a candidate's process may take (default: 4096)",
        "megabytes",
        type=_positive(int),
        default=4096,
        metavar="MB",
    ),
    _option(
        "threads",
        "how many threads a candidate's process is given (default: what OMP_NUM_THREADS says, or "
        "as many as there are cores)",
        type=_positive(int),
        metavar="N",
    ),
    _option(
        "whole-layers",
        "judge every result of published networks' layers, not a sample: for fast kernels",
        action="store_true",
    ),
    _option(
        "layers",
        "judge the layers of a network of your own, too: an .onnx model, or problems as oneDNN's "
        "benchdnn writes them",
        metavar="FILE",
    ),
    _option(
        "vectors",
        "judge conformance vectors that others wrote, too: a JSON file of WebNN's tests, or onnx "
        "for the node tests of that package",
        metavar="FILE|onnx",
    ),
    _option(
        "shard",
        "run the I-th of N equal parts of the conformance tests; `convcheck merge` puts their "
        "reports together",
        metavar="I/N",
    ),
    *(
        _option(
            f"conformance-{form}",
            f"write the conformance report to FILE, as {form.upper()}",
            form,
            metavar="FILE",
        )
        for form in ("json", "html")
    ),
    _option(
        "baseline",
        "an earlier report, in JSON: the page tells what changed since",
        metavar="FILE",
    ),
    _option(
        "history",
        "add a line about the run to FILE; the page draws how earlier ones went",
        metavar="FILE",
    ),
    _option(
        "github",
        "print annotations as GitHub's workflow commands, and write the job's summary",
        action="store_true",
    ),
)

FILES = {"history": "history", "json": "conformance-json", "html": "conformance-html"}
"""what a run is asked to leave, by the options that name where: in the order that it is written"""


NAMES = tuple(name for name, _ in _OPTIONS)
"""of the options, as they stand behind two dashes"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options by their long names, which are nobody else's."""
    group = parser.getgroup(*_GROUP)
    for name, attributes in _OPTIONS:
        group.addoption(f"--convcheck-{name}", **attributes | {"help": argparse.SUPPRESS})


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None]:
    """Declare the options by their short names, unless the user's own tests have such."""
    yield
    group = parser.getgroup(*_GROUP)
    for name, attributes in _OPTIONS:
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption(f"--{name}", **attributes)


def shard(config: pytest.Config) -> tuple[int, int]:
    """Return which of how many parts of the tests is to run; UsageError if that is unclear."""
    text = config.getoption("convcheck_shard") or "1/1"
    first, _, second = text.partition("/")
    numbers = first.isdecimal() and second.isdecimal() and max(len(first), len(second)) < 9
    if not (numbers and 1 <= int(first) <= int(second) <= MOST_SHARDS):
        raise pytest.UsageError(f"--shard={text!r}: expected I/N with 1 <= I <= N <= {MOST_SHARDS}")
    return int(first), int(second)


# Before Hypothesis's own hook, which loads the profile that was asked for.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and set up what they ask for."""
    profile = config.getoption("hypothesis_profile", None)
    if profile in EXAMPLES:
        _register_profile(profile)
    if profile:
        _check_profile(profile)
    if _check_cases(config):
        config.args = [str(HERE / "replay.py")]
        # It has nothing to tell, and would import Hypothesis to say so.
        config.pluginmanager.unregister(name="hypothesispytest")
    shard(config)
    _check_foreign(config)
    chosen = config.stash[_CHOSEN] = _choose_candidates(config)
    if config.getoption("convcheck_threads") and config.getoption("convcheck_in_process"):
        raise pytest.UsageError("--threads: expected a process of its own, not --in-process")
    for option in ("replaces", "bitwise", "threads"):
        if config.getoption(f"convcheck_{option}") and not chosen:
            raise pytest.UsageError(f"--{option}: expected a candidate, named by --kernel")
    _check_files(config)
    if not hasattr(config, "workerinput"):  # the controller, or the only process
        from .collector import Collector  # noqa: PLC0415

        collector = Collector(config, candidates=chosen, since=_baseline(config))
        config.pluginmanager.register(collector, "convcheck-collector")


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """Start workers where files beside a candidate may bear names of Python's modules."""
    loading = sys.modules.get("convcheck.kernels.loading")
    named = session.config.stash.get(_CHOSEN, False)
    with loading.safe_path() if loading and named else contextlib.nullcontext():
        yield


def _check_cases(config: pytest.Config) -> bool:
    """Return whether cases are to be judged again; UsageError where an id names none."""
    cases = config.getoption("convcheck_case")
    if cases:
        from convcheck.cases.case import Case  # noqa: PLC0415  (NumPy: only when asked)
        from convcheck.conformance.shapes.huge import is_huge  # noqa: PLC0415

        try:
            found = list(map(Case.parse, cases))
        except ValueError as error:
            raise pytest.UsageError(f"--case: {error}") from None
        if config.getoption("convcheck_bitwise") and any(map(is_huge, found)):
            raise pytest.UsageError("--bitwise: expected cases that are judged whole, not so large")
        explicit = config.args_source is pytest.Config.ArgsSource.ARGS
        for argument in config.args if explicit else ():
            if not is_ours(argument) and not Path(argument.partition("::")[0]).exists():
                raise pytest.UsageError(
                    f"--case: {argument!r}: expected --case before each case id"
                )
    return bool(cases)


def _check_foreign(config: pytest.Config) -> None:
    """Raise UsageError where a file of layers or of vectors cannot be read."""
    given = {name: config.getoption(f"convcheck_{name}") for name in ("layers", "vectors")}
    if not any(given.values()):
        return
    from convcheck.conformance.foreign import ForeignError, layers, vectors  # noqa: PLC0415

    for name, read in (("layers", layers.layers_in), ("vectors", vectors.require_readable)):
        try:
            if given[name]:
                read(given[name])
        except ForeignError as error:
            raise pytest.UsageError(f"--{name}: {error}") from None


class _ConformanceModule(pytest.Module):
    """A file of conformance tests, by whatever names a user's own tests go."""

    def funcnamefilter(self, name: str) -> bool:
        """Return whether a function is a test."""
        return name.startswith("test_")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect conformance tests as such, whatever the user's settings say of files."""
    found = yield
    if not is_home(file_path.parent):
        return found
    if file_path.name.startswith("test_") or parent.session.isinitpath(file_path):
        return [_ConformanceModule.from_parent(parent, path=file_path)]
    return []


def _register_profile(name: str) -> None:
    from hypothesis import settings  # noqa: PLC0415
    from hypothesis.errors import InvalidArgument  # noqa: PLC0415

    try:
        settings.get_profile(name)
    except InvalidArgument:  # not one that the user's own tests register
        settings.register_profile(name, max_examples=EXAMPLES[name])


def _check_profile(name: str) -> None:
    """Raise UsageError where Hypothesis would end in a traceback."""
    from hypothesis import settings  # noqa: PLC0415
    from hypothesis.errors import InvalidArgument  # noqa: PLC0415

    try:
        settings.get_profile(name)
    except InvalidArgument:
        from convcheck.form.names import meant  # noqa: PLC0415

        near = meant(name, ("quick", "default", "thorough"))
        raise pytest.UsageError(
            f"--hypothesis-profile={name!r}: expected quick, default, thorough or one that your "
            f"conftest.py registers{near}"
        ) from None


def _choose_candidates(config: pytest.Config) -> bool:
    """Put candidates in the reference's place, and see to it that they are judged.

    Returns whether there are any.
    """
    asked_for = config.getoption("convcheck_kernel") or config.getoption("convcheck_kernels")
    ours = [argument for argument in config.args if is_ours(argument)]
    if not asked_for and not (ours and (config.rootpath / "pyproject.toml").is_file()):
        return False
    from . import asked, replaced, subjects  # noqa: PLC0415  (NumPy: only when asked)

    candidates = asked.settle(config)
    config.stash[subjects.SUBJECTS] = subjects.Subjects(
        {name: asked.kernel(config, each) for name, each in candidates.items()},
        replaced.replaced(config, candidates),
    )
    if candidates and not ours:
        explicit = config.args_source is pytest.Config.ArgsSource.ARGS
        config.args = [*(config.args if explicit else ()), str(HERE)]
    return bool(candidates)


def is_ours(argument: str) -> bool:
    """Return whether an argument names conformance tests."""
    place = argument.partition("::")[0]
    path = Path(place).resolve()
    return place.startswith("convcheck.conformance") or any(map(is_home, (path, *path.parents)))


def _baseline(config: pytest.Config) -> "Report | None":
    """Return the report of an earlier run, if one is named; UsageError where it cannot be read.

    It is read before the run, whose own report may take its place.
    """
    name = config.getoption("convcheck_baseline")
    if not name:
        return None
    from convcheck.reports import files  # noqa: PLC0415
    from convcheck.reports.status import ReportError  # noqa: PLC0415

    try:
        return files.read(Path(name))
    except ReportError as error:
        raise pytest.UsageError(f"--baseline: {error}") from None


def _check_files(config: pytest.Config) -> None:
    """Raise UsageError where what a run is to leave cannot be written, or in one file."""
    places: dict[str, str] = {}
    for form, option in FILES.items():
        check_writable(config, form)
        name = config.getoption(f"convcheck_{form}")
        other = places.setdefault(os.path.realpath(name), option) if name else option
        if other != option:
            raise pytest.UsageError(f"--{option}={name!r}: expected another file than --{other}'s")


def check_writable(config: pytest.Config, form: str) -> None:
    """Raise UsageError where a file could not be written, before any test runs."""
    name = config.getoption(f"convcheck_{form}")
    if name is None:
        return
    path = Path(os.path.realpath(name))
    with contextlib.suppress(OSError):  # as of a name that is too long
        new = not path.exists() and not path.is_symlink()  # not even one that leads nowhere
        if os.access(path.parent, os.W_OK) and (new or path.is_file()):
            return
    raise pytest.UsageError(
        f"--{FILES[form]}={name!r}: expected a regular file in a folder that exists and "
        "may be written to"
    )

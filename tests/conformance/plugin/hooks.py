"""The pytest plugin: declares options, has kernels judged, and has the run reported.

It is loaded in every pytest run of an environment that has convcheck, so it imports
nothing heavy, and does nothing unless one of its options is given or conformance tests
are among those that run.
"""

import argparse
import contextlib
import sys
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .options import EXAMPLES, OPTIONS, check_files, check_foreign, check_profile, shard

if TYPE_CHECKING:
    from convcheck.reports.document import Report

HERE = Path(__file__).parents[1]
_CHOSEN = pytest.StashKey[bool]()
_GROUP = ("convcheck", "conformance of convolution kernels")


@lru_cache
def is_home(folder: Path) -> bool:
    """Return whether a folder is that of the conformance tests, by whatever links it is reached."""
    return folder.resolve() == HERE.resolve()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options by their long names, which are nobody else's."""
    group = parser.getgroup(*_GROUP)
    for name, attributes in OPTIONS:
        group.addoption(f"--convcheck-{name}", **attributes | {"help": argparse.SUPPRESS})


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(parser: pytest.Parser) -> Generator[None]:
    """Declare the options by their short names, unless the user's own tests have such."""
    yield
    group = parser.getgroup(*_GROUP)
    for name, attributes in OPTIONS:
        with contextlib.suppress(ValueError, argparse.ArgumentError):
            group.addoption(f"--{name}", **attributes)


# Before Hypothesis's own hook, which loads the profile that was asked for.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and set up what they ask for."""
    profile = config.getoption("hypothesis_profile", None)
    if profile in EXAMPLES:
        _register_profile(profile)
    if profile:
        check_profile(profile)
    if _check_cases(config):
        config.args = [str(HERE / "replay.py")]
        # It has nothing to tell, and would import Hypothesis to say so.
        config.pluginmanager.unregister(name="hypothesispytest")
    shard(config)
    check_foreign(config)
    chosen = config.stash[_CHOSEN] = _choose_candidates(config)
    if config.getoption("convcheck_threads") and config.getoption("convcheck_in_process"):
        raise pytest.UsageError("--threads: expected a process of its own, not --in-process")
    for option in ("replaces", "bitwise", "threads"):
        if config.getoption(f"convcheck_{option}") and not chosen:
            raise pytest.UsageError(f"--{option}: expected a candidate, named by --kernel")
    check_files(config)
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

"""What the conformance tests, and only they, need from pytest."""

import gc
import json
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from convcheck.conformance.plugin import hooks as plugin
from convcheck.conformance.plugin import kept, options
from convcheck.conformance.plugin.asked import is_about
from convcheck.conformance.plugin.collector import BROKEN, COLLECTED, COST, PROPERTY, SAID, TOLD
from convcheck.conformance.plugin.effort import tier
from convcheck.conformance.plugin.failures import ConformanceError
from convcheck.conformance.plugin.hooks import is_home
from convcheck.conformance.plugin.junit import properties
from convcheck.conformance.plugin.planned import filling
from convcheck.conformance.plugin.recording import Record
from convcheck.conformance.plugin.subjects import subjects_of
from convcheck.form import pytorch
from convcheck.form.operations import Operation
from convcheck.judging.judge import OracleError
from convcheck.kernels import floating
from convcheck.kernels.shown import clock
from convcheck.kernels.subjects import Subject

HERE = Path(__file__).parent
_RECORD = pytest.StashKey[Record]()
_JUNIT = pytest.StashKey[list[tuple[str, str]]]()
_COLLECTED = pytest.StashKey[dict[str, Any]]()
_OFFERED = pytest.StashKey[list[pytest.Item]]()
_MODULES = pytest.StashKey[set[str]]()


@pytest.fixture(scope="session")
def agreeing_oracles(request: pytest.FixtureRequest) -> None:
    """Refuse to go on unless the oracles agree with one another."""
    if all(map(plugin.is_ours, request.config.args)):
        _import_torch()
    try:
        with floating.kept():
            subjects_of(request.config).check_oracles()
    except OracleError as error:
        request.session.shouldfail = str(error)
        raise


def _import_torch() -> None:
    """Import torch, which is there to stay, and takes long to look through for rubbish."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        import torch  # noqa: F401, PLC0415  (not before the oracles are compared)
    finally:
        if enabled:
            gc.enable()
    gc.freeze()


@pytest.fixture(scope="module")
def one_thread(agreeing_oracles: None) -> Iterator[None]:  # noqa: ARG001  (only asked for)
    """Keep torch to one thread for a whole module.

    The oracle does so for each call, but changing the number each time makes torch build
    its thread pool anew, whose threads then wait spinning: two workers on two cores took
    twice the time.
    """
    with pytorch.one_thread():
        yield


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Iterator[Record]:
    """Return the record of the running test."""
    subjects = subjects_of(request.config)
    subjects.begin()
    new = Record(subjects.__getitem__, keep=kept.keep)
    record: Record = request.node.stash.setdefault(_RECORD, new)
    with floating.kept():  # whatever the user's conftest.py has imported
        yield record


@pytest.fixture
def subject(request: pytest.FixtureRequest, operation: Operation) -> Subject:
    """Return what is judged of an operation."""
    return subjects_of(request.config)[operation.name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have a test that asks for an operation run with each that is judged."""
    if "operation" in metafunc.fixturenames:
        operations = subjects_of(metafunc.config).operations
        metafunc.parametrize("operation", operations, ids=lambda operation: operation.name)


# What rejects most wrong kernels soonest, in this order; the other tests come after it.
_EARLY = ("test_kept", "test_boundaries", "test_agreement", "test_laws")

# What there is to test of candidates alone, and of the reference alone.
_OF_CANDIDATES = {"test_kept.py", "test_refactor.py"}
_OF_THE_REFERENCE = {"test_domain.py", "test_ledger.py"}
# What judges kernels that compile for each shape, and of these alone.
_OF_FEW_SHAPES = "test_few_shapes.py"
_WITH_FEW_SHAPES = {_OF_FEW_SHAPES, "test_kept.py", "test_refactor.py", "test_vectors.py"}


def _idle(config: pytest.Config) -> set[str]:
    """Return the modules that have nothing to do."""
    subjects = subjects_of(config)
    idle = _OF_THE_REFERENCE if subjects.candidates else _OF_CANDIDATES
    if all(each.shapes is None for each in subjects):
        idle = {*idle, _OF_FEW_SHAPES}
    return idle if config.getoption("convcheck_vectors") else {*idle, "test_vectors.py"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what has nothing to do where candidates are judged, or none is."""
    idle = _idle(config)
    return True if collection_path.name in idle and is_home(collection_path.parent) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only tests about the candidates, where there are any, the cheapest first; a shard's.

    The others judge operations that nobody asked for, or are about the reference.
    """
    config.stash[_MODULES] = {item.path.name for item in items if is_home(item.path.parent)}
    candidates = subjects_of(config).candidates
    if candidates:
        others = [
            item
            for item in items
            if is_home(item.path.parent)
            and not is_about(_params(item), _judged_by(item, candidates))
        ]
        _leave_out(config, items, others)
        items.sort(key=_turn)
    offered = [item for item in items if is_home(item.path.parent)]
    config.stash[_OFFERED] = offered
    shard, shards = options.shard(config)
    # Neighbours take about the same time, so that every shard gets its part of each kind.
    others = [item for at, item in enumerate(offered) if at % shards != shard - 1]
    _leave_out(config, items, others)


def _judged_by(item: pytest.Item, candidates: Mapping[str, Subject]) -> list[str]:
    """Return the operations whose kernels a test's module judges."""
    every = item.path.name in _WITH_FEW_SHAPES
    return [name for name, each in candidates.items() if every or each.shapes is None]


def _leave_out(config: pytest.Config, items: list[pytest.Item], others: list[pytest.Item]) -> None:
    if others:
        kept = set(items) - set(others)
        items[:] = [item for item in items if item in kept]
        config.hook.pytest_deselected(items=others)


def _turn(item: pytest.Item) -> int:
    """Return when a test takes its turn."""
    early = is_home(item.path.parent) and item.path.stem in _EARLY
    return _EARLY.index(item.path.stem) if early else len(_EARLY)


def _params(item: pytest.Item) -> dict[str, Any]:
    return getattr(getattr(item, "callspec", None), "params", {})


def _name(item: pytest.Item) -> str:
    """Return a name that no folder is part of."""
    return f"{item.path.stem}::{item.name}"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember which conformance tests are to run, which are left out, and what they fill."""
    config = session.config
    if _OFFERED not in config.stash:  # it was interrupted
        return
    ours = [item for item in session.items if is_home(item.path.parent)]
    # Both keep tests from being collected at all, so that nobody knows of them here.
    chosen = any("::" in each for each in config.args) or config.getoption("lf", default=False)
    offered: list[pytest.Item] = config.stash[_OFFERED]
    candidates = subjects_of(config).candidates
    every = {path.name for path in HERE.glob("test_*.py")} - _idle(config)
    whole = config.stash[_MODULES] >= every and not chosen
    config.stash[_COLLECTED] = {
        "names": {item.nodeid: _name(item) for item in ours},
        "left out": sorted({*map(_name, offered)} - {*map(_name, ours)}),
        "fills": {
            _name(item): what
            for item in ours
            if (what := filling(getattr(item, "obj", None), _params(item)))
        },
        "whole": whole,
        "covering": not candidates and tier() != "quick",
    }


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Seed Hypothesis by the test's name, so that a run is the same on any worker."""
    test: Any = getattr(item, "obj", None)
    if getattr(test, "is_hypothesis_test", False):
        import hypothesis  # noqa: PLC0415  (a tenth of what torch takes, and not for every run)

        seed = item.config.getoption("hypothesis_seed", None) or "0"
        hypothesis.seed(f"{seed} {item.path.stem} {item.name}")(test)


def _first_of_flaky(error: BaseException) -> BaseException | None:
    """Return what a test ended in at first that, as Hypothesis says, did not again; else None."""
    errors = sys.modules.get("hypothesis.errors")
    flaky = errors is not None and isinstance(error, errors.FlakyFailure)
    first: BaseException | None = getattr(error, "exceptions", [None])[0] if flaky else None
    return first


def _is_ours(error: BaseException) -> bool:
    """Return whether convcheck is to blame for an error: neither a kernel, nor whoever ran it."""
    first = _first_of_flaky(error)
    if first is not None:
        return not isinstance(first, ConformanceError)
    return isinstance(error, Exception) and not isinstance(error, AssertionError)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the record along with the outcome, and let a failed kernel's message stand alone.

    With the first report goes the list of all tests: node ids alone do not tell the
    controlling process which are conformance tests, nor what is missing after a crash.

    The frames of the harness and Hypothesis's account of the draws say nothing that the
    message does not; `--tb=long` and its like show them all the same.
    """
    record = item.stash.get(_RECORD, None)
    collected = item.config.stash.get(_COLLECTED, None)
    if collected and collected["names"]:
        item.user_properties.append((COLLECTED, json.dumps(collected)))
        item.config.stash[_COLLECTED] = {}
    if call.when == "call" and record is not None:
        found = record.found()
        item.stash[_JUNIT] = [*properties(found)]
        item.user_properties.append((PROPERTY, found.dump()))
        item.user_properties.append((COST, json.dumps(clock.take())))
        if call.excinfo is not None and getattr(call.excinfo.value, "verdict", None) is not None:
            item.user_properties.append((TOLD, "yes"))
    if call.excinfo is not None and isinstance(call.excinfo.value, ConformanceError):
        item.user_properties.append((SAID, str(call.excinfo.value)))
    if call.excinfo is not None and _is_ours(call.excinfo.value):
        item.user_properties.append((BROKEN, "yes"))
    if call.when == "teardown":  # of which alone JUnit's XML takes properties
        told = item.stash.get(_JUNIT, [])
        item.user_properties.extend(told)
    report = yield
    item.user_properties.clear()
    if call.excinfo is None or item.config.option.tbstyle != "auto":
        return report
    error = call.excinfo.value
    first = _first_of_flaky(error)
    if isinstance(error, ConformanceError):
        error.diagnose()
        report.longrepr = call.excinfo.getrepr(style="value")
    elif isinstance(first, ConformanceError):
        first.diagnose()
        report.longrepr = (
            "The kernel failed on a case and not on the same case again: its results depend on "
            f"more than its arguments.\n{first}"
        )
    return report

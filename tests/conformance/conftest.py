"""What the conformance tests, and only they, need from pytest."""

from collections.abc import Generator
from typing import Any

import hypothesis
import pytest
from hypothesis import is_hypothesis_test

from convcheck.conformance.recording import PROPERTY, ConformanceError, Record

_RECORD = pytest.StashKey[Record]()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Return the record of the running test."""
    record: Record = request.node.stash.setdefault(_RECORD, Record())
    return record


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Seed Hypothesis by the test's name, so that a run is the same on any worker."""
    test: Any = getattr(item, "obj", None)
    if is_hypothesis_test(test):
        seed = item.config.getoption("hypothesis_seed", None) or "0"
        hypothesis.seed(f"{seed} {item.path.stem} {item.name}")(test)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the record along with the outcome, and let a failed kernel's message stand alone.

    The frames of the harness and Hypothesis's account of the draws say nothing that the
    message does not; `--tb=long` and its like show them all the same.
    """
    if call.when == "call":
        record = item.stash.get(_RECORD, None)
        item.user_properties.append((PROPERTY, "{}" if record is None else record.dump()))
    report = yield
    failed = call.excinfo is not None and call.excinfo.errisinstance(ConformanceError)
    if call.excinfo is not None and failed and item.config.option.tbstyle == "auto":
        report.longrepr = call.excinfo.getrepr(style="value")
    return report

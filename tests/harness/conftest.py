"""What several tests of the harness share."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def styles() -> dict[str, dict[str, Callable[..., Any]]]:
    """Return the right kernels of zoo.py, by style and operation."""
    spec = importlib.util.spec_from_file_location("zoo", Path(__file__).with_name("zoo.py"))
    assert spec is not None
    assert spec.loader is not None
    zoo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(zoo)
    return {name: zoo.kernels(style) for name, style in zoo.STYLES.items()}

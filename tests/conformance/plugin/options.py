"""What may be asked of a conformance run, and whether what is asked can be.

Each option has a long name, which is nobody else's, and a short one, unless the user's own tests
have such.  Nothing heavy is imported: every pytest run of an environment declares them.
"""

import argparse
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = {"quick": 20, "thorough": 1000}
"""by profile: the most random examples of a test; Hypothesis's default is that of `default`"""
MOST_SHARDS = 10_000


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


OPTIONS = (
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


NAMES = tuple(name for name, _ in OPTIONS)
"""of the options, as they stand behind two dashes"""


def shard(config: pytest.Config) -> tuple[int, int]:
    """Return which of how many parts of the tests is to run; UsageError if that is unclear."""
    text = config.getoption("convcheck_shard") or "1/1"
    first, _, second = text.partition("/")
    numbers = first.isdecimal() and second.isdecimal() and max(len(first), len(second)) < 9
    if not (numbers and 1 <= int(first) <= int(second) <= MOST_SHARDS):
        raise pytest.UsageError(f"--shard={text!r}: expected I/N with 1 <= I <= N <= {MOST_SHARDS}")
    return int(first), int(second)


def check_profile(name: str) -> None:
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


def check_foreign(config: pytest.Config) -> None:
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


def check_files(config: pytest.Config) -> None:
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

"""The pytest plugin: options, and the report of a conformance run.

It is loaded in every pytest run of an environment that has convcheck, so it imports
nothing heavy, and does nothing unless one of its options is given or conformance tests
are among those that run.
"""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
EXAMPLES = {"quick": 20, "thorough": 1000}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("convcheck", "conformance of convolution kernels")
    group.addoption(
        "--case",
        dest="convcheck_case",
        metavar="CASEID",
        help="judge one case again, and run nothing else",
    )
    for form in ("json", "html"):
        group.addoption(
            f"--conformance-{form}",
            dest=f"convcheck_{form}",
            metavar="FILE",
            help=f"write the conformance report to FILE, as {form.upper()}",
        )


# Before Hypothesis's own hook, which loads the profile that was asked for.
@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Check the options, and set up what they ask for."""
    profile = config.getoption("hypothesis_profile", None)
    if profile in EXAMPLES:
        _register_profile(profile)
    case = config.getoption("convcheck_case")
    if case is not None:
        from convcheck.oracle.cases import Case  # noqa: PLC0415  (NumPy: only when asked)

        try:
            Case.parse(case)
        except ValueError as error:
            raise pytest.UsageError(f"--case: {error}") from None
        config.args = [str(HERE / "replay.py")]
    for form in ("json", "html"):
        _check_writable(config, form)
    if not hasattr(config, "workerinput"):  # the controller, or the only process
        from .collector import Collector  # noqa: PLC0415

        config.pluginmanager.register(Collector(config), "convcheck-collector")


def _register_profile(name: str) -> None:
    from hypothesis import settings  # noqa: PLC0415
    from hypothesis.errors import InvalidArgument  # noqa: PLC0415

    try:
        settings.get_profile(name)
    except InvalidArgument:  # not one that the user's own tests register
        settings.register_profile(name, max_examples=EXAMPLES[name])


def _check_writable(config: pytest.Config, form: str) -> None:
    """Raise UsageError where a report could not be written, before any test runs."""
    name = config.getoption(f"convcheck_{form}")
    if name is None:
        return
    folder = Path(name).absolute().parent
    if not folder.is_dir() or Path(name).is_dir():
        raise pytest.UsageError(
            f"--conformance-{form}={name!r}: expected a file in a folder that exists"
        )

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
    both = [config.getoption(f"convcheck_{form}") for form in ("json", "html")]
    if all(both) and len({Path(name).resolve() for name in both}) == 1:
        raise pytest.UsageError(
            f"--conformance-html={both[1]!r}: expected another file than JSON's"
        )
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
    path = Path(name).resolve()
    if not path.parent.is_dir() or (path.exists() and not path.is_file()):
        raise pytest.UsageError(
            f"--conformance-{form}={name!r}: expected a regular file in a folder that exists"
        )

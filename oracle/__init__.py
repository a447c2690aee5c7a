"""Decides whether a 2-D convolution kernel is right.

The names below are the face: each is imported when it is first asked for.  Nothing is before
that: `python -m convcheck` may yet have the user's folder first on its path.

PYTEST_DONT_REWRITE: the console script imports it before pytest starts.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .cases.case import Case as Case
    from .cases.regions import Region as Region
    from .conformance.face.calls import assert_conforms as assert_conforms
    from .conformance.face.calls import certify as certify
    from .conformance.face.calls import check as check
    from .conformance.face.calls import explain as explain
    from .conformance.face.calls import judge as judge
    from .conformance.face.engine import Result as Result
    from .form.operations import OPERATIONS as OPERATIONS
    from .kernels.declared.candidates import Candidate as Candidate
    from .kernels.isolation.isolated import Isolated as Isolated

# Where each name stands.
_HOMES = {
    "Candidate": "kernels.declared.candidates",
    "Case": "cases.case",
    "Isolated": "kernels.isolation.isolated",
    "OPERATIONS": "form.operations",
    "Region": "cases.regions",
    "Result": "conformance.face.engine",
    "assert_conforms": "conformance.face.calls",
    "certify": "conformance.face.calls",
    "check": "conformance.face.calls",
    "explain": "conformance.face.calls",
    "judge": "conformance.face.calls",
}
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  (names, all of them)


def __getattr__(name: str) -> "Any":
    from importlib import import_module  # noqa: PLC0415

    if name == "__version__":
        return import_module("importlib.metadata").version("convcheck")
    if name not in _HOMES:
        raise AttributeError(f"module 'convcheck' has no attribute {name!r}")
    found = getattr(import_module(f"convcheck.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

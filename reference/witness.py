"""A call written down as text, what came of it, and how to make it again.

The ledger (`defects`) and the domain map (`domain`) are data made of these.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

Value = bool | int | float | str | list["Value"]


@dataclass(frozen=True)
class Raises:
    """The call raised an exception."""

    exception: str
    """name of the exception's type, without its module"""
    message: str = ""
    """text that its message contains; empty where the wording is a library's own"""

    def __str__(self) -> str:
        """Return it as Python's own last line of a traceback has it."""
        return f"{self.exception}: {self.message}" if self.message else self.exception


@dataclass(frozen=True)
class Returns:
    """The call returned an array."""

    dtype: str
    shape: tuple[int, ...]
    values: Value
    """`ndarray.tolist()`; complex numbers as text"""
    warning: str = ""
    """name of the warning's type that NumPy or PyTorch gave meanwhile, if any"""

    def __str__(self) -> str:
        """Return dtype, shape and values on one line."""
        warned = f" with {self.warning}" if self.warning else ""
        return f"{self.dtype} {self.shape} {self.values}{warned}"


Outcome = Raises | Returns


def array(values: Value, dtype: str = "float64", warning: str = "") -> Returns:
    """Describe an array that holds `values`, nested lists none of which is empty."""
    return Returns(dtype, np.shape(values), values, warning)


def row(*values: Value, dtype: str = "float64", warning: str = "") -> Returns:
    """Describe an array [1, 1, n, 1]: an image of one row and one channel."""
    return array([[[[value] for value in values]]], dtype, warning)


@dataclass(frozen=True)
class Witness:
    """One call that shows something, and the outcome that it must still have."""

    call: str
    """a Python expression over `np` and the names of kernels"""
    outcome: Outcome
    given: Mapping[str, str] = field(default_factory=dict)
    """expressions for names to bind in the kernel's module beforehand, as a notebook
    with leftover variables would have them: how to get past an unbound name"""


def observe(call: str, names: Mapping[str, Any], given: Mapping[str, str] | None = None) -> Outcome:
    """Evaluate `call` and describe what came of it.

    Args:
        call: an expression over `np` and `names`.
        names: what the expression may use besides `np`.
        given: expressions for extra globals of the functions among `names`.

    Returns:
        what happened, any exception included; only an expression that is not Python
        raises, a SyntaxError.
    """
    scope: dict[str, Any] = {"np": np, **names}
    extra = {name: eval(text, scope) for name, text in (given or {}).items()}  # noqa: S307
    if extra:
        scope.update(
            (name, _with_globals(value, extra))
            for name, value in names.items()
            if isinstance(value, FunctionType)
        )
    code = compile(call, "<witness>", "eval")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = eval(code, scope)  # noqa: S307  (the text is this package's own data)
        except Exception as error:  # noqa: BLE001  (any exception is an outcome)
            return Raises(type(error).__name__, str(error))
    warning = caught[0].category.__name__ if caught else ""
    z = np.asarray(result)
    values = z.astype(str).tolist() if z.dtype.kind == "c" else z.tolist()
    return Returns(z.dtype.name, z.shape, values, warning)


def _with_globals(function: FunctionType, extra: Mapping[str, Any]) -> FunctionType:
    """Return `function` as if `extra` were bound in its module; the module is not touched."""
    bound = FunctionType(
        function.__code__,
        {**function.__globals__, **extra},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    bound.__kwdefaults__ = function.__kwdefaults__
    return bound


def shows(expected: Outcome, seen: Outcome) -> bool:
    """Return whether `seen` is what `expected` describes, values to the bit."""
    if isinstance(expected, Raises) and isinstance(seen, Raises):
        return expected.exception == seen.exception and expected.message in seen.message
    return repr(expected) == repr(seen)  # as text, so that NaN equals NaN

"""Functions of Python's as kernels."""

from collections.abc import Callable
from typing import Any

from convcheck.form.operations import Operation

from .calls import Local
from .promises import DIRECT, Promise
from .subjects import Subject


class Function(Local):
    """A function that takes and returns what the notebook's kernels do.

    It may carry what it promises as an attribute `promise`.  The same function makes an equal
    subject each time.
    """

    def __init__(
        self, function: Callable[..., Any], operation: Operation, promise: Promise | None = None
    ) -> None:
        """Take a function and its operation, and what it promises where it does not say so."""
        name = str(getattr(function, "__name__", "kernel")).replace("<lambda>", "kernel")
        if promise is None:
            promise = getattr(function, "promise", DIRECT)
        module = str(getattr(function, "__module__", None) or "")
        super().__init__(operation, name, promise or DIRECT, module=module)
        self.function = function

    def __call__(self, *positional: Any, **keywords: Any) -> Any:
        """Return what the function does."""
        return self.function(*positional, **keywords)

    def __eq__(self, other: object) -> bool:
        """Return whether the other is the same function, of the same operation."""
        if not isinstance(other, Function) or self.function is not other.function:
            return False
        return (self.operation, self.promise) == (other.operation, other.promise)

    def __hash__(self) -> int:
        return hash((id(self.function), self.operation))

    def import_line(self) -> str:
        """Return the line of Python that has it under its name, where it can be imported."""
        named = getattr(self.function, "__qualname__", "") == self.name
        if self.module in ("", "__main__") or not named:
            return super().import_line()
        return f"from {self.module} import {self.name}"


def subject_of(kernel: Callable[..., Any], operation: Operation) -> Subject:
    """Return what is judged where `kernel` is to be: itself, or the function that it is.

    Raises:
        ValueError: it is a subject of another operation.
    """
    if not isinstance(kernel, Subject):
        return Function(kernel, operation)
    if kernel.operation is not operation:
        raise ValueError(
            f"operation={operation.name!r}: expected {kernel.operation.name}, which is what "
            f"{kernel} computes"
        )
    return kernel

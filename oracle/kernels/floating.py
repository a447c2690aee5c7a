"""How the processor treats subnormal numbers, which libraries change for a whole thread.

Shared objects that old versions of gcc linked with -Ofast make it take such numbers for zero
as soon as they are loaded.  The judge's arithmetic needs them, and so do other kernels; but a
kernel that has loaded such a library is called as its user runs it, and judged by its results.
"""

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from typing import Any

_LIBRARY: Any = ctypes.CDLL(None)  # the C library, and what Python is linked with
_DEFAULT = ctypes.c_void_p(-1)
"""FE_DFL_ENV, the environment that programs start with, by its value in C"""
_LEAST, _HALF = sys.float_info.min, 0.5
_BYTES = 256
"""more than an `fenv_t` has anywhere"""

TOLD = (
    "makes the processor take subnormal numbers for zero, as libraries do that were linked with "
    "-Ofast; it is called so, and the judge's own arithmetic is kept from it; "
    "subnormals=flushed declares it"
)

Environment = ctypes.Array[ctypes.c_char]

# A kernel is known here by the module that loads libraries for it: again, that changes nothing.
_left: dict[str, Environment] = {}
"""how the kernels of a module leave the processor, where that is not how they found it"""
_told: set[str] = set()


class SubnormalsError(RuntimeError):
    """The judge's own arithmetic takes subnormal numbers for zero, and that cannot be changed."""


def flushes() -> bool:
    """Return whether this thread takes subnormal numbers for zero; in 50 ns."""
    return _LEAST * _HALF == 0.0


def put_back() -> None:
    """Have this thread compute with subnormal numbers again; SubnormalsError if it does not."""
    _set(_DEFAULT)
    if flushes() and "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
    if flushes():
        raise SubnormalsError(
            "a library in this process makes the processor take subnormal numbers for zero, and "
            "that cannot be put back here: nothing can be judged"
        )


def _set(environment: Any) -> None:
    if hasattr(_LIBRARY, "fesetenv"):
        _LIBRARY.fesetenv(environment)


def _get() -> Environment:
    environment = ctypes.create_string_buffer(_BYTES)
    _LIBRARY.fegetenv(environment)
    return environment


def hand_over(module: str) -> None:
    """Let a kernel find the processor as those of its module left it."""
    if _left and (environment := _left.get(module)) is not None:
        _set(environment)


def take_over(module: str) -> None:
    """Take note of how a kernel left the processor, and have the judge compute as before."""
    if flushes():
        _left[module] = _get()
        put_back()
    elif _left:
        _left.pop(module, None)


def is_news(module: str) -> bool:
    """Return whether a kernel flushes subnormal numbers and that is still to be told; once."""
    if module not in _left or module in _told:
        return False
    _told.add(module)
    return True


@contextlib.contextmanager
def kept(module: str = "") -> Iterator[None]:
    """Compute with subnormal numbers inside, also where the caller does not.

    Kernels of `module` are then called as the caller computes.
    """
    if not flushes():
        yield
        return
    environment = _get()
    take_over(module)
    try:
        yield
    finally:
        _set(environment)

"""Settings of a whole process, which a kernel should leave as they are."""

import contextlib
import ctypes
import gc
import locale
import operator
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Setting:
    """One setting, in words, and how it is read and put back."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]
    imports: bool = False
    """whether importing a module may well change it, and needs what it changed"""
    default: Callable[[], Any] = lambda: None
    """what it is where the library that it belongs to has just been imported"""


class Settings:
    """Settings as they were before a kernel was called."""

    def __init__(self, settings: Iterable[Setting]) -> None:
        self._settings = tuple(settings)
        self._readers = [each.read for each in self._settings]
        self.undone: list[tuple[Setting, Any]] = []
        """what the last `restore` put back, and what it had become"""
        self.imported = False
        """whether modules were imported before the last `restore`"""
        self._read()

    def _read(self) -> None:
        self._values = [read() for read in self._readers]
        self._modules = len(sys.modules)

    def restore(self) -> str | None:
        """Put back what has changed; return the name of the first such setting, if any.

        Where modules were imported meanwhile, it may be their doing: `accept` has it again.
        """
        self.undone = []
        self.imported = len(sys.modules) != self._modules
        values = [read() for read in self._readers]
        if values == self._values and not self.imported:
            return None
        for at, (setting, now) in enumerate(zip(self._settings, values, strict=True)):
            before = self._values[at]
            if before is None:  # it could not be read, since its library was not there
                before = now if now is None else setting.default()
            if now == before or before is None or (self.imported and setting.imports):
                continue
            self.undone.append((setting, now))
            _write(setting, before)
        if self.imported:
            self._read()
        return self.undone[0][0].name if self.undone else None

    def accept(self, undone: Iterable[tuple[Setting, Any]]) -> None:
        """Change settings again, as they were before `restore`, and take them for right."""
        for setting, value in undone:
            _write(setting, value)
        self._read()


def _write(setting: Setting, value: Any) -> None:
    with contextlib.suppress(OSError, ValueError):
        setting.write(value)


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109  (as text, and in a microsecond)
    except OSError:
        return None


def _of_torch(name: str, read: str, write: str, default: Callable[[], Any]) -> Setting:
    """Return one of torch's settings, by the names of two functions: None where it is not there."""

    def reader() -> Any:
        function = getattr(sys.modules.get("torch"), read, None)
        return function() if function else None

    def writer(value: Any) -> object:
        return getattr(sys.modules["torch"], write)(value)

    return Setting(f"torch's {name}", reader, writer, default=default)


def _set_filters(filters: Any) -> None:
    own: Any = warnings
    own.filters[:] = filters
    own._filters_mutated()  # noqa: SLF001  (there is no other way)


def _environment() -> dict[bytes, bytes]:
    return dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001  (decoding is slow)


def _set_environment(variables: dict[bytes, bytes]) -> None:
    os.environb.clear()
    os.environb.update(variables)


_LIBRARY = ctypes.CDLL(None)  # the C library, and what Python is linked with

# What takes a microsecond to read: looked at after every call.
QUICK = (
    Setting("NumPy's print options", np.get_printoptions, lambda o: np.set_printoptions(**o)),
    Setting("the working directory", _folder, os.chdir),
    Setting("the environment's variables", _environment, _set_environment, imports=True),
    Setting(
        "the module search path",
        lambda: list(sys.path),
        lambda p: operator.setitem(sys.path, slice(None), p),
        imports=True,
    ),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, imports=True),
    Setting("the warnings filters", lambda: list(warnings.filters), _set_filters, imports=True),
    Setting("the rounding of floating-point numbers", _LIBRARY.fegetround, _LIBRARY.fesetround),
    _of_torch(
        *("default dtype", "get_default_dtype", "set_default_dtype"),
        lambda: sys.modules["torch"].float32,
    ),
    _of_torch("recording of gradients", "is_grad_enabled", "set_grad_enabled", lambda: True),
)

_SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGALRM,
    signal.SIGSEGV,
    signal.SIGFPE,
    signal.SIGCHLD,
)
# Of the Mersenne Twister: 624 words and a position.  Reading it by its method takes 90 us.
_STATE = 625 * 4
_NUMPY = tuple(name for name, value in vars(np).items() if callable(value))


def _handlers() -> list[Any]:
    return [signal.getsignal(number) for number in _SIGNALS]


def _handle(handlers: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        signal.signal(number, handler)


def _generator() -> int:
    """Return where the state of np.random's generator lies."""
    random_module: Any = np.random
    return int(random_module.get_bit_generator().ctypes.state_address)


def _threads() -> int:
    """Return how many threads torch starts with, or some number: only what recurs counts."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() else len(os.sched_getaffinity(0))


# What takes longer: looked at after every few calls.
SLOW = (
    Setting(
        "NumPy's functions",
        lambda: operator.itemgetter(*_NUMPY)(vars(np)),
        lambda v: vars(np).update(zip(_NUMPY, v, strict=True)),
    ),
    Setting(
        "the state of np.random",
        lambda: ctypes.string_at(_generator(), _STATE),
        lambda state: ctypes.memmove(_generator(), state, _STATE),
    ),
    Setting("the state of random", random.getstate, random.setstate),
    Setting("signal handlers", _handlers, _handle, imports=True),
    Setting(
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda v: locale.setlocale(locale.LC_ALL, v),
        imports=True,
    ),
    Setting("garbage collection", gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    _of_torch("number of threads", "get_num_threads", "set_num_threads", _threads),
    # c10's default_rng_seed_val
    _of_torch("seed", "initial_seed", "manual_seed", lambda: 67280421310721),
    _of_torch(
        *("choice of deterministic algorithms", "are_deterministic_algorithms_enabled"),
        *("use_deterministic_algorithms", lambda: False),
    ),
)

"""Kernels for convolution that misbehave, most with the right result, and what is said of it.

`test_hostile` calls them by name, each in a process of its own; none imports more than it needs.
"""

import contextlib
import ctypes
import fcntl
import locale
import os
import random
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from convcheck.reference import convolution as right

Array = Any
Pair = tuple[int, int]
Kernel = Callable[[Array, Array, Pair], Array]

_calls = count(1)
_kept: list[Array] = []
_buffers: dict[Any, Array] = {}


def does(*deeds: Callable[[], object]) -> Kernel:
    """Return a right kernel that does something else besides."""

    def kernel(x: Array, ftr: Array, strd: Pair) -> Array:
        z = right(x, ftr, strd)
        for deed in deeds:
            deed()
        return z

    return kernel


def touches(deed: Callable[[Array], object]) -> Kernel:
    """Return a right kernel that does something to its input besides."""

    def kernel(x: Array, ftr: Array, strd: Pair) -> Array:
        z = right(x, ftr, strd)
        deed(x)
        return z

    return kernel


def returns(change: Callable[[Array], Any]) -> Kernel:
    """Return a kernel that returns the right result in another form."""
    return lambda x, ftr, strd: change(right(x, ftr, strd))


def raises(error: BaseException) -> Kernel:
    """Return a kernel that raises."""

    def kernel(*_: Any) -> Any:
        raise error

    return kernel


_wait = partial(time.sleep, 1000)


def _in_buffer(z: Array, turn: int = 0) -> Array:
    buffer = _buffers.setdefault((turn, z.shape), np.empty_like(z))
    buffer[...] = z
    return buffer


def _changed_later(z: Array) -> Array:
    for kept in _kept:
        kept[...] += 1
    _kept[:] = [z]
    return z


def _clears_the_input_before(x: Array, ftr: Array, strd: Pair) -> Array:
    for kept in _kept:
        kept[...] = 0
    _kept[:] = [x]
    return right(x, ftr, strd)


class NoClass:
    """What does not say of which class it is."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise ValueError("class")


class Lazy:
    """What is an array only when it is read."""

    def __init__(self, read: Callable[[], Array]) -> None:
        """Take the function that reads it."""
        self.read = read

    def __array__(self, *_: Any, **__: Any) -> Array:
        """Return the array."""
        return self.read()


def _allocate() -> None:
    while True:
        _kept.append(np.ones(10_000_000))


def _write_to_descriptors() -> None:
    for descriptor in range(3, 256):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"progress: 50%\n" * 10)


def _leave_forks() -> None:
    for _ in range(100 * (next(_calls) == 1)):
        if os.fork() == 0:
            _wait()


def _leave_threads() -> None:
    for _ in range(100 * (next(_calls) == 1)):
        threading.Thread(target=_wait, daemon=True).start()


def _abort_later() -> None:
    threading.Timer(0.05, os.abort).start()
    time.sleep(next(_calls) > 1)


def _close_stdout() -> None:
    if next(_calls) == 1:
        sys.stdout.close()
        os.close(1)


def _change_locale() -> None:
    locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")


def _signals_its_parent(number: int) -> Kernel:
    return does(lambda: os.kill(os.getppid(), number), _wait)


MISBEHAVE: dict[str, tuple[Kernel, str]] = {
    "same_buffer": (returns(_in_buffer), "returned the memory of an earlier result again"),
    "two_buffers": (
        returns(lambda z: _in_buffer(z, next(_calls) % 2)),
        "returned the memory of an earlier result again",
    ),
    "changes_a_result": (returns(_changed_later), "changed the result of an earlier call"),
    "changes_an_argument": (_clears_the_input_before, "changed an argument of an earlier call"),
    "interrupts": (raises(KeyboardInterrupt()), "raised KeyboardInterrupt: no message"),
    "raises_half_a_character": (raises(OSError("no \ud800")), r"raised OSError: no \ud800"),
    "returns_no_class": (returns(lambda _: NoClass()), "returned NoClass, expected an array"),
    "hangs": (
        does(lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN), _wait),
        "did not return in time (first_seconds=0.5)",
    ),
    "hangs_when_read": (
        returns(lambda _: Lazy(_wait)),
        "did not return in time (first_seconds=0.5)",
    ),
    "crashes": (does(lambda: ctypes.string_at(0)), "crashed its process (SIGSEGV)"),
    "aborts": (does(os.abort), "crashed its process (SIGABRT)"),
    "aborts_in_a_thread": (does(_abort_later), "crashed its process (SIGABRT)"),
    "ends": (does(lambda: os._exit(0)), "ended its process, with exit status 0"),
    "kills_its_group": (
        does(lambda: os.killpg(0, signal.SIGKILL)),
        "killed its process (SIGKILL)",
    ),
    "kills_its_parent": (_signals_its_parent(signal.SIGKILL), "killed its process (SIGKILL)"),
    "terminates_its_parent": (_signals_its_parent(signal.SIGTERM), "killed its process (SIGTERM)"),
    "closes_descriptors": (does(lambda: os.closerange(0, 1000)), "closed the pipes to the judge"),
    "writes_to_descriptors": (
        does(_write_to_descriptors),
        "wrote to the pipe that its results are sent by",
    ),
    "leaves_many_processes": (does(_leave_forks), "left more than 64 processes running"),
    "leaves_threads": (does(_leave_threads), "left more than 64 threads running"),
    "allocates": (does(_allocate), "took more than 400 MB of memory"),
    "prints_megabytes": (
        does(lambda: sys.stdout.write("x" * 10**6), lambda: os.write(2, b"y" * 10**6)),
        "printed more than 100,000 bytes",
    ),
    "reads_stdin": (
        does(lambda: input("continue?")),
        "raised EOFError: EOF when reading a line",
    ),
    "patches_numpy": (
        does(lambda: vars(np).update(array_equal=lambda *_: True)),
        "changed NumPy's functions",
    ),
    "seeds": (does(lambda: np.random.seed(0)), "changed the state of np.random"),  # noqa: NPY002
    "draws": (does(random.random), "changed the state of random"),
    "ignores_interrupts": (
        does(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)),
        "changed signal handlers",
    ),
    "sets_the_locale": (does(_change_locale), "changed the locale"),
}


def _sleep_in_a_session() -> None:
    subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)


HARMLESS: dict[str, Kernel] = {
    "forks": does(os.fork),
    "leaves_processes": does(_sleep_in_a_session),
    "prints": does(lambda: sys.stdout.write("here I am")),
    "closes_stdout": does(_close_stdout),
    "warns": does(lambda: warnings.warn("this kernel is old", UserWarning, stacklevel=1)),
    "warns_of_a_name": does(lambda: warnings.warn("no \udcff.bin", UserWarning, stacklevel=1)),
}
# Those whose result depends on more than the arguments.
WRONG: dict[str, Kernel] = {
    "every_seventh": returns(lambda z: z + (next(_calls) % 7 == 0)),
    "once": returns(lambda z: z + (next(_calls) == 10)),
    "by_shape": lambda x, ftr, strd: _buffers.setdefault(
        (*x.shape, *ftr.shape, *strd), right(x, ftr, strd)
    ).copy(),
    "by_identity": lambda x, ftr, strd: _buffers.setdefault(
        (id(x), id(ftr), *x.shape), right(x, ftr, strd)
    ).copy(),
}


def _forged(header: str, body: bytes = np.ones(12).tobytes(), length: int | None = None) -> bytes:
    """Return what a process might take for an answer, of whatever header."""
    size = len(body) if length is None else length
    return struct.pack("<4sIQ", b"cvk1", len(header), size) + header.encode("latin-1") + body


FORGERIES = {
    "another shape": _forged('["result", "", 0, "<f8", [12], []]'),
    "another number": _forged('["raised", "why", -1, "", [], []]', b""),
    "another kind": _forged('["loaded", "", 0, "", [], []]', b""),
    "a long body": _forged('["result", "", 0, "<f8", [12], []]', length=(1 << 64) - 1),
    "torn": _forged('["result", "", 0, "<f8", [12], []]')[:50],
}
# What is no answer, whoever sends it.
GARBLED = {
    "other bytes": b"progress: 50%\n" * 9,
    "negative sizes": _forged('["result", "", 0, "<f8", [-3, -4], []]'),
    "sizes that are no integers": _forged('["result", "", 0, "<f8", [3.0, 4], []]'),
    "another size": _forged('["result", "", 0, "<f8", [2, 3], []]'),
    "no sizes": _forged('["result", "", 0, "<f8", {}, []]', bytes(8)),
    "integers": _forged('["result", "", 0, "<i8", [1, 2, 3, 2], []]'),
    "objects": _forged('["result", "", 0, "O", [1, 2, 3, 2], []]'),
    "bytes": _forged('["result", "", 0, "V8", [1, 2, 3, 2], []]'),
    "records": _forged('["result", "", 0, "f4,f4", [1, 2, 3, 2], []]'),
    "no dtype": _forged('["result", "", 0, 7, [12], []]'),
    "brackets": _forged("[" * 60_000, b""),
    "digits": _forged("1" * 60_000, b""),
    "no JSON": _forged("\xff\xfe", b""),
    "not UTF-8": _forged('["raised", "\xe9", 0, "", [], []]', b""),
    "a body for no result": _forged('["raised", "", 0, "", [], []]'),
    "NaN for a number": _forged('["raised", "", NaN, "", [], []]', b""),
    "a text that is none": _forged('["raised", 7, 0, "", [], []]', b""),
    "a kind that is none": _forged('[[], "", 0, "", [], []]', b""),
    "details that are none": _forged('["raised", "", 0, "", [], [7]]', b""),
    "too few": _forged('["raised"]', b""),
    "no list": _forged('{"kind": "result"}', b""),
}


def _send() -> None:
    """Answer in the process's place, by the pipe that it answers by."""
    for each in list(Path("/proc/self/fd").iterdir()):
        number = int(each.name)
        with contextlib.suppress(OSError):
            pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
            if pipe and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_WRONLY:
                os.write(number, FORGERIES[os.environ["FORGERY"]])


# Each is found by its name.
globals().update({name: kernel for name, (kernel, _) in MISBEHAVE.items()} | HARMLESS | WRONG)
forges = does(_send)
hangs_in_a_run = does(lambda: Path("started").touch(), _sleep_in_a_session, _wait)


def crashes_on_stride_two(x: Array, ftr: Array, strd: Pair) -> Array:
    """Crash on some cases only."""
    return ctypes.string_at(0) if strd[1] == 2 else right(x, ftr, strd)

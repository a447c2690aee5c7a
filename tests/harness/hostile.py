"""Kernels for convolution that misbehave, most with the right result.

They are called by name from `test_hostile`; none imports more than it needs.
"""

import contextlib
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
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from convcheck.reference import convolution as right

Array = Any
Pair = tuple[int, int]

_calls = count(1)
_kept: list[Array] = []
_buffers: dict[tuple[int, ...], Array] = {}


def same_buffer(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return every result in the memory of the last one of its shape."""
    z = right(x, ftr, strd)
    buffer = _buffers.setdefault(z.shape, np.empty_like(z))
    buffer[...] = z
    return buffer


def two_buffers(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return results in two buffers by turns."""
    z = right(x, ftr, strd)
    buffer = _buffers.setdefault((next(_calls) % 2, *z.shape), np.empty_like(z))
    buffer[...] = z
    return buffer


def changes_an_earlier_result(x: Array, ftr: Array, strd: Pair) -> Array:
    """Add to the result of the call before."""
    for z in _kept:
        z[...] += 1
    _kept[:] = [right(x, ftr, strd)]
    return _kept[0]


def changes_an_earlier_argument(x: Array, ftr: Array, strd: Pair) -> Array:
    """Clear the input of the call before."""
    for kept in _kept:
        kept[...] = 0
    _kept[:] = [x]
    return right(x, ftr, strd)


def every_seventh(x: Array, ftr: Array, strd: Pair) -> Array:
    """Be wrong on every seventh call."""
    return right(x, ftr, strd) + (next(_calls) % 7 == 0)


def once(x: Array, ftr: Array, strd: Pair) -> Array:
    """Be wrong on the tenth call, and never again."""
    return right(x, ftr, strd) + (next(_calls) == 10)


def by_shape(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return what was computed before for arrays of this shape."""
    key = (*x.shape, *ftr.shape, *strd)
    return _buffers.setdefault(key, right(x, ftr, strd)).copy()


def by_identity(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return what was computed before for arrays at these addresses."""
    return _buffers.setdefault((id(x), id(ftr), *x.shape), right(x, ftr, strd)).copy()


def returns_with_keyboard_interrupt(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Raise what Ctrl-C raises."""
    raise KeyboardInterrupt


def hangs(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Do not return, nor listen to SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1000)


def hangs_in_a_run(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Do not return, and leave a sign that it was called."""
    Path("started").touch()
    leaves_processes(_x, _ftr, _strd)
    time.sleep(1000)


def hangs_when_read(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return something whose array never comes."""

    class Lazy:
        def __array__(self, *_: Any, **__: Any) -> Array:
            time.sleep(1000)
            return right(x, ftr, strd)

    return Lazy()


def crashes(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Read memory that is not there."""
    import ctypes  # noqa: PLC0415

    return ctypes.string_at(0)


def crashes_on_stride_two(x: Array, ftr: Array, strd: Pair) -> Array:
    """Crash on some cases only."""
    return crashes(x, ftr, strd) if strd[1] == 2 else right(x, ftr, strd)


def aborts(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Abort."""
    os.abort()


def ends(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """End the process as if all were well."""
    os._exit(0)


def kills_its_group(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Kill the process group."""
    os.killpg(0, signal.SIGKILL)


def kills_its_parent(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Kill the parent, and wait for the end."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1000)


def terminates_its_parent(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Ask the parent to end, and wait for it."""
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(1000)


def crashes_in_a_thread(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return, and crash a moment later."""
    threading.Timer(0.05, os.abort).start()
    if next(_calls) > 1:
        time.sleep(1)
    return right(x, ftr, strd)


def closes_descriptors(x: Array, ftr: Array, strd: Pair) -> Array:
    """Close all that is open."""
    os.closerange(0, 1000)
    return right(x, ftr, strd)


def writes_to_descriptors(x: Array, ftr: Array, strd: Pair) -> Array:
    """Write to all that is open."""
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, b"progress: 50%\n" * 10)
        except OSError:
            continue
    return right(x, ftr, strd)


def _forged(header: str, body: bytes, length: int | None = None) -> bytes:
    """Return what a process might take for an answer, of whatever header."""
    size = len(body) if length is None else length
    return struct.pack("<4sIQ", b"cvk1", len(header), size) + header.encode("latin-1") + body


_BODY = np.ones(12).tobytes()
FORGERIES = {
    "another shape": _forged('["result", "", 0, "<f8", [12]]', _BODY),
    "negative sizes": _forged('["result", "", 0, "<f8", [-3, -4]]', _BODY),
    "sizes that are no integers": _forged('["result", "", 0, "<f8", [3.0, 4]]', _BODY),
    "another size": _forged('["result", "", 0, "<f8", [2, 3]]', _BODY),
    "no sizes": _forged('["result", "", 0, "<f8", {}]', _BODY[:8]),
    "integers": _forged('["result", "", 0, "<i8", [1, 2, 3, 2]]', _BODY),
    "objects": _forged('["result", "", 0, "O", [1, 2, 3, 2]]', _BODY),
    "bytes": _forged('["result", "", 0, "V8", [1, 2, 3, 2]]', _BODY),
    "records": _forged('["result", "", 0, "f4,f4", [1, 2, 3, 2]]', _BODY),
    "no dtype": _forged('["result", "", 0, 7, [12]]', _BODY),
    "brackets": _forged("[" * 60_000, b""),
    "digits": _forged("1" * 60_000, b""),
    "no JSON": _forged("\xff\xfe", b""),
    "not UTF-8": _forged('["misbehaved", "\xe9", 0, "", []]', b""),
    "a long body": _forged('["result", "", 0, "<f8", [12]]', _BODY, (1 << 64) - 1),
    "a body for no result": _forged('["misbehaved", "", 0, "", []]', _BODY),
    "NaN for a number": _forged('["misbehaved", "", NaN, "", []]', b""),
    "another number": _forged('["misbehaved", "why", -1, "", []]', b""),
    "a text that is none": _forged('["misbehaved", 7, 0, "", []]', b""),
    "another kind": _forged('["loaded", "", 0, "", []]', b""),
    "a kind that is none": _forged('[[], "", 0, "", []]', b""),
    "too few": _forged('["misbehaved"]', b""),
    "no list": _forged('{"kind": "result"}', b""),
    "torn": _forged('["result", "", 0, "<f8", [12]]', _BODY)[:50],
}


def forges(x: Array, ftr: Array, strd: Pair) -> Array:
    """Answer in the process's place, by the pipe that it answers by."""
    _send(FORGERIES[os.environ["FORGERY"]])
    return right(x, ftr, strd)


def _send(data: bytes) -> None:
    for each in list(Path("/proc/self/fd").iterdir()):
        number = int(each.name)
        with contextlib.suppress(OSError):
            pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
            if pipe and fcntl.fcntl(number, fcntl.F_GETFL) & os.O_WRONLY:
                os.write(number, data)


def forks(x: Array, ftr: Array, strd: Pair) -> Array:
    """Return in two processes."""
    os.fork()
    return right(x, ftr, strd)


def leaves_processes(x: Array, ftr: Array, strd: Pair) -> Array:
    """Start processes that outlive it, in a session of their own."""
    subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    return right(x, ftr, strd)


def leaves_many_processes(x: Array, ftr: Array, strd: Pair) -> Array:
    """Start a hundred forks that outlive it, once."""
    for _ in range(100 * (next(_calls) == 1)):
        if os.fork() == 0:
            time.sleep(1000)
    return right(x, ftr, strd)


def leaves_threads(x: Array, ftr: Array, strd: Pair) -> Array:
    """Start a hundred threads that outlive it, once."""
    for _ in range(100 * (next(_calls) == 1)):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return right(x, ftr, strd)


def allocates(_x: Array, _ftr: Array, _strd: Pair) -> Array:
    """Take memory as long as there is some."""
    while True:
        _kept.append(np.ones(10_000_000))


def prints_megabytes(x: Array, ftr: Array, strd: Pair) -> Array:
    """Print a lot, also below Python."""
    sys.stdout.write("x" * 1_000_000)
    os.write(2, b"y" * 1_000_000)
    return right(x, ftr, strd)


def prints(x: Array, ftr: Array, strd: Pair) -> Array:
    """Print a little."""
    sys.stdout.write("here I am")
    return right(x, ftr, strd)


def closes_stdout(x: Array, ftr: Array, strd: Pair) -> Array:
    """Close what others print to."""
    if next(_calls) == 1:
        sys.stdout.close()
        os.close(1)
    return right(x, ftr, strd)


def reads_stdin(x: Array, ftr: Array, strd: Pair) -> Array:
    """Wait for somebody to type."""
    input("continue?")
    return right(x, ftr, strd)


def warns(x: Array, ftr: Array, strd: Pair) -> Array:
    """Warn, and return the right result."""
    warnings.warn("this kernel is old", UserWarning, stacklevel=1)
    return right(x, ftr, strd)


def patches_numpy(x: Array, ftr: Array, strd: Pair) -> Array:
    """Replace a function that others use."""
    z = right(x, ftr, strd)
    np.array_equal = lambda *_: True
    return z


def seeds(x: Array, ftr: Array, strd: Pair) -> Array:
    """Seed the generator that all share."""
    np.random.seed(0)  # noqa: NPY002
    return right(x, ftr, strd)


def draws(x: Array, ftr: Array, strd: Pair) -> Array:
    """Draw from the generator that all share."""
    random.random()  # noqa: S311
    return right(x, ftr, strd)


def ignores_interrupts(x: Array, ftr: Array, strd: Pair) -> Array:
    """Take Ctrl-C from the user."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return right(x, ftr, strd)


def sets_the_locale(x: Array, ftr: Array, strd: Pair) -> Array:
    """Change how numbers are written."""
    locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")
    return right(x, ftr, strd)

"""Kernels for convolution that misbehave, most with the right result.

They are called by name from `test_hostile`; none imports more than it needs.
"""

import locale
import os
import random
import signal
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

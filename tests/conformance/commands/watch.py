"""`convcheck watch`: judge a kernel again whenever its file changes."""

import importlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from convcheck.reports.status import Exit

from . import check

USAGE = """usage: convcheck watch KERNEL [...] [options]

Judges as `convcheck check` does, with its options, and again whenever the kernel's file, or
another .py file beside it, changes: first on the cases that failed before.  Ctrl-C ends it.
"""

_PAUSE = 0.2
"""seconds between two looks at the files"""

# What takes most of the time to import, or is imported for the first test.
_HEAVY = (
    *("torch", "pytest", "hypothesis", "convcheck.conformance.plugin.collector"),
    *("convcheck.conformance.plugin.recording", "convcheck.conformance.plan.plan"),
    *("convcheck.conformance.shapes.strategies", "convcheck.diagnosis.diagnose"),
    "convcheck.reports.told.terminal",
)


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status, which is that of an interrupted one."""
    targets = check.targets_of(words)
    helps = bool({"-h", "--help"} & {*words})
    if helps or not targets:
        (sys.stdout if helps else sys.stderr).write(USAGE)
        return 0 if helps else Exit.INCOMPLETE
    for name in _HEAVY:
        importlib.import_module(name)
    child = None
    try:
        while True:
            seen = settled(targets)
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                _judge(words)
            with suppress(OSError):  # it does so itself, sooner or later than this
                os.setpgid(child, child)
            ended = False
            while _seen(targets) == seen:
                if not ended and os.waitpid(child, os.WNOHANG)[0]:
                    ended = True
                    sys.stdout.write("\nwatching; Ctrl-C ends it\n")
                    sys.stdout.flush()
                time.sleep(_PAUSE)
            if not ended:
                _end(child)
            child = None
    except KeyboardInterrupt:
        _end(child)
        return Exit.INTERRUPTED


def _judge(words: Sequence[str]) -> None:
    """Judge in this process, and end it."""
    os.setpgid(0, 0)  # Ctrl-C is for the one that watches, which ends this
    try:
        # Modules are imported already, so that pytest cannot rewrite their assertions.
        status = check.main([*words, "--assert=plain"])
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  (whatever it is, the next change is judged again)
        sys.excepthook(*sys.exc_info())
        status = Exit.BROKEN
    os._exit(status)


def _end(child: int | None) -> None:
    """End a child that judges, in silence; what it has started sees that, and ends."""
    with suppress(OSError):
        if child is not None:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def settled(targets: Sequence[str]) -> Mapping[Path, tuple[int, int]]:
    """Return what `_seen` does once it stays: an editor may empty a file before it writes it.

    A run that is begun on half a change would be ended, and what it has replayed not told.
    """
    seen = _seen(targets)
    while True:
        time.sleep(_PAUSE)
        before, seen = seen, _seen(targets)
        if before == seen:
            return seen


def _seen(targets: Sequence[str]) -> Mapping[Path, tuple[int, int]]:
    """Return when the files of kernels were changed, and how long they are."""
    found = {}
    for path in {path for each in targets for path in _files(each)}:
        with suppress(OSError):  # an editor may write it anew
            status = path.stat()
            found[path] = status.st_mtime_ns, status.st_size
    return found


def _files(target: str) -> list[Path]:
    """Return the files that a kernel may depend on: its own, and others beside it."""
    from convcheck.kernels.declared.line import split  # noqa: PLC0415  (NumPy)

    _, module, function, _ = split(target)
    path = Path(function if module == "exec" else module or target)
    if not path.exists():
        with suppress(ImportError, ValueError):
            path = Path(getattr(find_spec(str(path)), "origin", None) or path)
    return [path, *(path.parent.glob("*.py") if path.suffix == ".py" else ())]

"""What a call that failed has left behind, in a few lines: where it was, and what it printed."""

import linecache
import os
import re
import sysconfig
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from traceback import walk_tb

_FRAMES, _LINES = 5, 5
"""shown at most"""
_SHOWN = 10_000
"""bytes at the end of a call's output that are looked at"""
_LONGEST = 100
"""characters of a line"""
_OURS = Path(__file__).parents[1]
_THEIRS = ("site-packages", "dist-packages")
_STANDARD = sysconfig.get_path("stdlib")
_CRASHED = "Fatal Python error: "
_CRASHED_AT = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.MULTILINE)

_FRAME = re.compile(r"\s+(\d+: |at )")
"""of a stack as node and Rust print it, behind the message"""

Frame = tuple[str, int, str]
"""file, line and function"""


def of_error(error: BaseException) -> tuple[str, ...]:
    """Return where a kernel raised: its own frames, as Python has them, the last one last."""
    walked = walk_tb(error.__traceback__)
    codes = ((frame.f_code, line) for frame, line in walked)
    return _labelled("at", _told((code.co_filename, line, code.co_name) for code, line in codes))


def taken(output: int) -> bytes:
    """Return the end of what was written to the file `output`, and empty it."""
    size = os.fstat(output).st_size
    data = os.pread(output, _SHOWN, max(0, size - _SHOWN))
    os.ftruncate(output, 0)
    os.lseek(output, 0, os.SEEK_SET)
    return data


def of_output(data: bytes) -> tuple[str, ...]:
    """Return the end of what a call printed and, if it crashed, the frames that `faulthandler` saw.

    Args:
        data: the last bytes of its output.
    """
    printed, crashed, stack = data.decode(errors="replace").partition(_CRASHED)
    frames = [(file, int(line), name) for file, line, name in _CRASHED_AT.findall(stack)]
    at = _labelled("at", _told(reversed(frames))) if crashed else ()
    lines = [line for line in map(steady, printed.splitlines()) if line.strip()]
    return (*at, *_labelled("printed", _ended(lines)))


def _ended(lines: Sequence[str]) -> Sequence[str]:
    """Return the last lines; what stands before the frames of other languages' stacks counts."""
    if len(lines) > _LINES:
        shown = ("..." if _FRAME.match(line) else line for line in lines)
        lines = [line for line, _ in groupby(shown)]
    return lines if len(lines) <= _LINES + 1 else ["...", *lines[-_LINES:]]


def steady(text: str) -> str:
    """Return `text` without what changes from run to run, and not too long."""
    text = re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _labelled(label: str, lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{label if at == 0 else '':9}{line}" for at, line in enumerate(lines))


def _told(frames: Iterable[Frame]) -> Sequence[str]:
    """Return frames as lines: the user's, or else those of libraries; a loop's only once."""
    others = [each for each in frames if not _is_ours(each[0])]
    users = [frame for frame in others if not _is_library(frame[0])]
    lines = [*dict.fromkeys(map(_line, users or others))]
    return lines if len(lines) <= _FRAMES else [*lines[:2], "...", *lines[-_FRAMES + 2 :]]


def _is_ours(file: str) -> bool:
    """Return whether a file is part of what calls kernels, Python's start included."""
    return _OURS in Path(file).parents or file.startswith("<frozen ")


def _is_library(file: str) -> bool:
    parts = Path(file).parts
    inside = any(part in _THEIRS for part in parts)
    return inside or file.startswith(f"{_STANDARD}/")


def _line(frame: Frame) -> str:
    file, line, name = frame
    source = linecache.getline(file, line).strip()
    return steady(f"{_place(file)}:{line} in {name}{source and f': {source}'}")


def _place(file: str) -> str:
    """Return a file's path as it is the same on every machine."""
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):  # it is elsewhere, or there is no working directory
        parts = path.parts
    at = max((at for at, part in enumerate(parts) if part in _THEIRS), default=len(parts) - 2)
    return "/".join(parts[at + 1 :])

"""A failure shows the lines of the kernel's own file that led to it, and what it printed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.diagnosis.answers import same_kind
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Verdict, explain
from convcheck.kernels import traces
from convcheck.kernels.functions import Function
from convcheck.kernels.misbehaviour import Misbehaviour, MisbehaviourError

CASES = [
    Case.parse(f"v1:convolution:float32:integers:b1.h3.w4.i1.o1.f{f}x1.s1x1:1") for f in (1, 2, 3)
]
KERNEL = """
import ctypes, json, os, sys

def inner(x):
    return x[77]

def raises(x, ftr, strd):
    print("shape", x.shape, "at", hex(id(x)))
    return inner(x)

def raises_in_a_library(x, ftr, strd):
    return json.loads("{")

def recurses(x, ftr, strd):
    return recurses(x, ftr, strd)

def deep(x, ftr, strd):
    return [lambda: one(x), 0][0]()

def crashes(x, ftr, strd):
    print("on the way")
    return ctypes.string_at(0)

def prints_in_c(x, ftr, strd):
    ctypes.CDLL(None).puts(b"from below")
    raise ValueError

def chats(x, ftr, strd):
    for at in range(1000):
        print("line", at)
    os._exit(3)

def second(x, ftr, strd):
    print("filter", ftr.shape[1])
    if ftr.shape[1] == 2:
        raise ValueError
    return x

class Lazy:
    def __array__(self, *_, **__):
        raise ValueError("not now")

def unreadable(x, ftr, strd):
    return Lazy()

def one(x):
    return two(x)

def two(x):
    return three(x)

def three(x):
    return inner(x)
"""
SHOWN = {
    "raises": [
        "at       k.py:9 in raises: return inner(x)",
        "         k.py:5 in inner: return x[77]",
        "printed  shape (1, 3, 4, 1) at 0x...",
    ],
    "raises_in_a_library": ['at       k.py:12 in raises_in_a_library: return json.loads("{")'],
    "recurses": ["at       k.py:15 in recurses: return recurses(x, ftr, strd)"],
    "crashes": [
        "at       k.py:22 in crashes: return ctypes.string_at(0)",
        "printed  on the way",
    ],
    "prints_in_c": ["at       k.py:26 in prints_in_c: raise ValueError", "printed  from below"],
    "chats": ["printed  ...", *(f"         line {at}" for at in range(995, 1000))],
    "unreadable": ['at       k.py:41 in __array__: raise ValueError("not now")'],
}
AT_HOME = ("raises_in_a_library", "recurses", "unreadable")
"""those that print nothing, and end no process"""


@pytest.fixture
def isolated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_of: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that calls a kernel of a file in the working directory."""
    (tmp_path / "k.py").write_text(KERNEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return lambda name, **how: kernel_of(f"convolution=k.py:{name}", **how)


def details(verdict: Verdict) -> list[str]:
    """Return what a message says between its first line and the case."""
    first, *lines = explain(verdict).split("\n")
    assert first == f"convolution, float32: the kernel {verdict.reason}"
    return [line[2:] for line in lines[: lines.index(next(x for x in lines if "  case  " in x))]]


@pytest.mark.parametrize("name", SHOWN)
def test_frames_and_output_are_shown(isolated: Callable[..., Any], name: str) -> None:
    """The kernel's own frames, the last one last, and the end of what this call printed."""
    assert details(judge(isolated(name), CASES[0])) == SHOWN[name]
    if name in AT_HOME:
        assert details(judge(isolated(name, isolated=False), CASES[0])) == SHOWN[name]


NODE = """/k.js:52
    throw new RangeError("stride three");
    ^

RangeError: stride three
    at convolution (/k.js:52:30)
    at Object.<anonymous> (/k.js:70:14)
    at node:internal/main/run_main_module:28:49

Node.js v20.20.2
"""
RUST = """thread 'main' panicked at k.rs:33:5:
index out of bounds: the len is 0 but the index is 3
stack backtrace:
   0: rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:697:5
   1: k::main
note: Some details are omitted
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [(NODE, "RangeError: stride three"), (RUST, "index out of bounds: the len is 0 but the ind")],
)
def test_messages_before_a_stack_are_shown(text: str, message: str) -> None:
    """As programs in other languages print them: of the frames behind it, none is shown."""
    told = traces.of_output(text.encode())
    assert any(message in line for line in told)
    assert any(line.strip() == "..." for line in told)
    assert not any(" at " in line for line in told if "panicked" not in line)


def test_long_stacks_are_cut(isolated: Callable[..., Any]) -> None:
    """The first two frames are shown, and the last three."""
    assert [
        line.partition(" in ")[2] or line for line in details(judge(isolated("deep"), CASES[0]))
    ] == [
        "deep: return [lambda: one(x), 0][0]()",
        "<lambda>: return [lambda: one(x), 0][0]()",
        "         ...",
        "two: return three(x)",
        "three: return inner(x)",
        "inner: return x[77]",
    ]


def test_output_is_that_of_the_call(isolated: Callable[..., Any]) -> None:
    """What other calls of a batch have printed is not shown."""
    first, second, third = judge_all(isolated("second"), CASES)
    assert details(second)[1:] == ["printed  filter 2"]
    assert [each.reason[:8] for each in (first, second, third)] == [
        "returned",
        "raised V",
        "returned",
    ]
    assert details(third) == ["printed  filter 3"]


def test_an_error_that_is_raised_again_keeps_nothing() -> None:
    """One object for every call has the frames of the last one, as if it were a new one."""
    error = ValueError()

    def raises(*_: Any) -> Any:
        raise error

    kernel = Function(raises, OPERATIONS["convolution"])
    first, *others = (details(judge(kernel, CASES[0])) for _ in range(3))
    assert others == [first] * 2
    assert error.__traceback__ is None


def test_libraries_are_shown_where_there_is_nothing_else() -> None:
    """A kernel that stands in a library is told by its place there, wherever that is installed."""
    output = (
        b"Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):\n"
        b'  File "/somewhere/lib/python3.11/site-packages/lib/conv.py", line 7 in conv2d\n'
        + f'  File "{traces.__file__}", line 3 in call\n'.encode()
        + b'  File "<frozen runpy>", line 88 in _run_code\n\n'
    )
    assert traces.of_output(output) == ("at       lib/conv.py:7 in conv2d",)


def test_places_do_not_change_the_kind() -> None:
    """Two failures that differ in their details alone are one kind."""
    one, other = (MisbehaviourError(Misbehaviour.RAISED, "did so", (f"at {at}",)) for at in (1, 2))
    assert same_kind(one, other)


def test_nothing_is_shown_without_a_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames are told by the names of their files where the folder is gone."""
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        os.getcwd()  # noqa: PTH109
    try:
        json.loads("{")
    except ValueError as error:
        lines = traces.of_error(error)
    monkeypatch.undo()
    assert lines == (lines[0],)
    assert lines[0].endswith(
        'in test_nothing_is_shown_without_a_working_directory: json.loads("{")'
    )

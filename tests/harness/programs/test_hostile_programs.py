"""Whatever a program does, it has the verdict of a kernel that does so; nothing hangs."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convcheck.cases.case import Case
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import load
from convcheck.kernels.misbehaviour import KernelWarning, Misbehaviour, MisbehaviourError

CASES = [
    Case.parse(f"v1:convolution:float64:integers:b1.h3.w4.i2.o2.f2x2.s1x{stride}:1")
    for stride in (1, 2, 1)
]
# Reads each request, calls `deed`, and writes zeros unless that has written something.
PROGRAM = """#!{python} -SE
import json, math, os, signal, sys, time

asked, answers, calls = sys.stdin.buffer, sys.stdout.buffer, 0

def npy(shape, dtype="<f8", size=8, version=1, header=None):
    header = header or str({{"descr": dtype, "fortran_order": False, "shape": tuple(shape)}})
    header = header.ljust(117).encode() + b"\\n"
    data = bytes(math.prod(shape) * size)
    return b"\\x93NUMPY" + bytes([version, 0, 118, 0]) + header + data

while line := asked.readline():
    about = json.loads(line)
    for name in about["arrays"]:
        header = asked.read(int.from_bytes(asked.read(10)[8:], "little")).decode()
        about_it = eval(header)
        asked.read(int(about_it["descr"][2:]) * math.prod(about_it["shape"]))
    shape, calls = about["result"], calls + 1
    {deed}
    answers.write(npy(shape))
    answers.flush()
"""
WRITES = "answers.write({}); answers.flush(); continue"
BEYOND = "wrote more than its answer to its standard output: b'!'"
BEGINS = "wrote no .npy file to its standard output: it begins with "
ENDED = "ended its process, with exit status "
OPEN = "closed the pipes to the judge"
WRONG = Outcome.DISAGREES
"""of a program that answers zeros"""
HUNG = "did not return in time ("
# What a program does, and what is said of it.
DEEDS = {
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed its process (SIGSEGV)"),
    "aborts": ("os.abort()", "crashed its process (SIGABRT)"),
    "is_killed": ("os.kill(os.getpid(), signal.SIGTERM)", "killed its process (SIGTERM)"),
    "raises": ("raise ValueError(shape)", ENDED + "1"),
    "exits": ("sys.exit(3)", ENDED + "3"),
    "ends": ("sys.exit(0)", ENDED + "0"),
    "ends_in_its_answer": ("answers.write(npy(shape)[:-1]); sys.exit(0)", ENDED + "0"),
    "hangs": ("time.sleep(60)", HUNG),
    "does_not_answer": ("continue", HUNG),
    "writes_too_little": (WRITES.format("npy(shape)[:-1]"), HUNG),
    "writes_half_a_header": (WRITES.format("npy(shape)[:50]"), HUNG),
    "writes_too_much": (WRITES.format("npy(shape) + b'!'"), BEYOND),
    "prints": ("answers.write(b'sum = 3\\n')", BEGINS + r"b'sum = 3\n' ..."),
    "writes_numbers": (WRITES.format("bytes(64)"), BEGINS + repr(bytes(40)) + " ..."),
    "writes_no_header": (
        WRITES.format("npy(shape, header='{')"),
        "wrote a .npy file with a header that cannot be read: b'{",
    ),
    "writes_a_negative_shape": (
        WRITES.format("npy([-1, -5])"),
        "wrote a .npy file with a header that cannot be read: b\"{'descr'",
    ),
    "writes_another_version": (
        WRITES.format("npy(shape, version=9)"),
        "wrote a .npy file of version 9, expected 1 or 2",
    ),
    "writes_objects": (
        WRITES.format("npy(shape, '|O')"),
        "promised an array of shape (1, 2, ",
    ),
    "writes_integers": (
        WRITES.format("npy(shape, '<i4', 4)"),
        "returned dtype int32, expected a real floating one",
    ),
    "writes_another_shape": (WRITES.format("npy([5])"), "returned shape (5,), expected (1, 2, "),
    "promises_too_much": (
        WRITES.format(
            "npy(shape, header=str({'descr': '<f8', 'fortran_order': False, 'shape': (10 ** 12,)}))"
        ),
        "promised an array of shape (1000000000000,) and dtype float64, expected shape (1, 2, ",
    ),
    "closes_its_output": ("os.close(1); time.sleep(60)", OPEN),
    "floods": ("sys.stderr.write('!' * 200_000)", "printed more than 100,000 bytes"),
    "takes_memory": ("kept = b'!' * 500_000_000; time.sleep(60)", "took more than 400 MB"),
}


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a program which does something on each call."""

    def write(deed: str) -> Path:
        path = tmp_path / "program"
        text = PROGRAM.format(python=sys.executable, deed=deed)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o700)
        return path

    return write


@pytest.fixture
def isolated(program: Callable[[str], Path], kernel_of: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that isolates such a program."""

    def make(deed: str, seconds: float = 10.0) -> Any:
        return kernel_of(
            f"convolution=exec:{program(deed)}",
            seconds=seconds,
            first_seconds=seconds,
            megabytes=400,
        )

    return make


@pytest.mark.parametrize("name", DEEDS)
def test_misbehaviour_says_what_happened(isolated: Callable[..., Any], name: str) -> None:
    """What a program did is said in words, on every case."""
    deed, said = DEEDS[name]
    kernel = isolated(deed, 0.5 if said == HUNG else 10.0)
    for case in CASES[:2]:
        kernel.begin()
        verdict = judge(kernel, case)
        assert verdict.outcome is Outcome.MISBEHAVED
        assert verdict.reason.startswith(said)


def test_after_a_crash_another_program_is_asked(isolated: Callable[..., Any]) -> None:
    """What other calls return is kept, before a crash and after it."""
    kernel = isolated("if about['strd'] == [1, 2]: os.abort()")
    for verdicts in (judge_all(kernel, CASES), [judge(kernel, case) for case in CASES]):
        assert [each.outcome for each in verdicts] == [
            WRONG,
            Outcome.MISBEHAVED,
            WRONG,
        ]


@pytest.mark.parametrize("deed", ["sys.exit(3)", "raise ValueError(shape)", "os.abort()"])
def test_a_program_may_end_on_an_empty_batch(isolated: Callable[..., Any], deed: str) -> None:
    """As a kernel in Python may raise: it does not offer it.  A crash is a crash there, too."""
    (case, *_) = CASES
    empty = replace(case, geometry=replace(case.geometry, batch=0))
    verdict = judge(isolated(deed), empty)
    offered = Outcome.MISBEHAVED if "abort" in deed else Outcome.NOT_OFFERED
    assert (verdict.outcome, judge(isolated(deed), case).failed) == (offered, True)


def test_what_comes_late_belongs_to_no_answer(isolated: Callable[..., Any]) -> None:
    """What a program writes behind an answer is told with the next call, if not with its own."""
    late = "answers.write(npy(shape)); answers.flush(); time.sleep(0.2); answers.write(b'!'); "
    kernel = isolated(late + "answers.flush(); continue")
    judge(kernel, CASES[0])
    time.sleep(0.5)
    assert judge(kernel, CASES[0]).reason == BEYOND


def test_a_program_may_answer_before_it_has_read(tmp_path: Path, kernel_of: Any) -> None:
    """An answer may be on its way while a request is: neither side waits for the other."""
    text = PROGRAM.format(python=sys.executable, deed="continue")
    early = 'answers.write(npy(about["result"])); answers.flush()'
    text = text.replace("    for name", f"    {early}\n    for name")
    program = tmp_path / "program"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o700)
    kernel = kernel_of(f"convolution=exec:{program}")
    case = Case.parse("v1:convolution:float64:integers:b1.h100.w100.i10.o10.f2x2.s1x1:1")
    assert [judge(kernel, case).outcome for _ in range(3)] == [WRONG] * 3


def test_a_program_may_talk(isolated: Callable[..., Any]) -> None:
    """Standard error is kept: told where nothing failed, and shown where something did."""
    with pytest.warns(KernelWarning, match="printed something"):
        assert judge(isolated("sys.stderr.write('!' * 90_000)"), CASES[0]).outcome is WRONG
    verdict = judge(isolated("raise ValueError(shape)"), CASES[0])
    assert verdict.evidence is not None
    assert verdict.evidence.details[-1].endswith("ValueError: [1, 2, 3, 2]")


def test_an_answer_that_is_kept_back_is_told_soon(isolated: Callable[..., Any]) -> None:
    """What a program does not flush comes when its input ends, which is no answer."""
    kernel = isolated("answers.write(npy(shape)); continue", 60.0)
    for case in CASES[:2]:
        kernel.begin()
        assert judge(kernel, case).reason == (
            "gave its answer only when its input had ended: is its standard output flushed?"
        )


def test_a_part_of_an_answer_is_told_soon(isolated: Callable[..., Any]) -> None:
    """What a program waits for then, and how much it wrote, is told before the limit of a call."""
    kernel = isolated(WRITES.format("npy(shape)[:-1]"), 60.0)
    started = time.monotonic()
    for case in CASES[::2]:
        kernel.begin()
        assert judge(kernel, case).reason == (
            "wrote 223 of 224 bytes of its answer, and waited for another request"
        )
    assert time.monotonic() - started < 30


def test_what_can_be_no_answer_ends_the_calls_of_a_test(isolated: Callable[..., Any]) -> None:
    """A program is not started again and again then, in one batch or in several."""
    kernel = isolated("answers.write(b'sum = 3\\n')")
    cases = CASES[:2]
    for verdicts in (judge_all(kernel, cases), [judge(kernel, case) for case in cases]):
        said = [each.outcome for each in verdicts]
        assert said == [Outcome.MISBEHAVED, Outcome.UNDECIDED]
        reason = verdicts[1].reason
        assert reason.startswith(f"not called any more: a call before it in this test {BEGINS}")
        kernel.begin()


def test_a_wrong_array_is_an_answer(isolated: Callable[..., Any]) -> None:
    """The same program is asked for the next then, as a function would be."""
    answers = "npy(shape[:3]), npy(shape, '<i4', 4), npy(shape)"
    kernel = isolated(WRITES.format(f"[{answers}][min(calls, 3) - 1]"))
    verdicts = [judge(kernel, case) for case in CASES]
    assert [each.reason.partition(",")[0] for each in verdicts[:2]] == [
        "returned shape (1",
        "returned dtype int32",
    ]
    assert verdicts[2].outcome is WRONG


def test_a_program_refuses_in_a_line(program: Callable[[str], Path], kernel_of: Any) -> None:
    """What is an exception elsewhere is an answer here, which is no result, and no offer."""
    refuses = WRITES.format("b'NotImplementedError: no stride of 2\\n'")
    path = program(f"if about['strd'] == [1, 2]: {refuses}")
    for partial, outcome in (("yes", Outcome.NOT_OFFERED), ("no", Outcome.MISBEHAVED)):
        line = f"convolution=exec:{path}" + ",partial=yes" * (partial == "yes")
        verdicts = judge_all(kernel_of(line), CASES)
        assert [each.outcome for each in verdicts] == [WRONG, outcome, WRONG]
        assert verdicts[1].reason.endswith("raised NotImplementedError: no stride of 2")


def test_a_slow_answer_is_an_answer(isolated: Callable[..., Any]) -> None:
    """A program may do nothing for a while, also one that ends as soon as its input does."""
    slow = "time.sleep(2.1)"
    ends = "import threading; threading.Thread(target=lambda: asked.read() or os._exit(0)).start()"
    part = "answers.write(npy(shape)[:150]); answers.flush()"
    rest = "answers.write(npy(shape)[150:]); answers.flush(); continue"
    for deed in (slow, f"{ends}; {slow}", f"{ends}; {part}; {slow}; {rest}"):
        assert judge(isolated(deed, 60.0), CASES[0]).outcome is WRONG


def test_bfloat16_travels_as_uint16(program: Callable[[str], Path], kernel_of: Any) -> None:
    """It is named among the dtypes of a request, and so is the answer read."""
    answers = WRITES.format("npy(shape, '<u2', 2)")
    deed = f"assert about['dtypes'] == ['bfloat16'] * 2; {answers}"
    kernel = kernel_of(f"convolution=exec:{program(deed)},dtypes=bfloat16")
    assert judge(kernel, replace(CASES[0], dtype="bfloat16")).outcome is WRONG


def test_in_this_process(program: Callable[[str], Path]) -> None:
    """Called in the judge's process, or by the snippet of a failure, it is told as well."""
    kernel = load(f"convolution=exec:{program('sys.exit(3)')}")
    for _ in range(2):
        with pytest.raises(MisbehaviourError, match="with exit status 3") as raised:
            kernel(*CASES[0].arrays().values(), (1, 1))
        assert raised.value.kind is Misbehaviour.ENDED
    kernel.stop()

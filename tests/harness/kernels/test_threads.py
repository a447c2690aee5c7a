"""Kernels have the threads that their user has set, and a race among these is found and named."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from subtle import SUBTLE
from zoo import STYLES, kernels

from convcheck.cases.case import Case
from convcheck.conformance.plan.threads import Threaded
from convcheck.conformance.references import reference_for
from convcheck.diagnosis.diagnose import diagnose
from convcheck.form import pytorch
from convcheck.form.operations import OPERATIONS
from convcheck.judging.threads import THREADS, growing, judge_threads
from convcheck.judging.verdicts import Outcome, Verdict
from convcheck.kernels.functions import subject_of
from convcheck.kernels.isolation.threads import given, variables
from convcheck.kernels.subjects import Subject

CONVOLUTION = OPERATIONS["convolution"]
CASE = Case.parse("v1:convolution:float64:integers:b2.h6.w5.i2.o3.f3x2.s1x1:1")
RIGHT = kernels(STYLES["fused"])["convolution"]
CORES = len(os.sched_getaffinity(0))
NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TELLING = """
import os
import numpy as np

def convolution(x, ftr, strd):
    return np.full((1, 1, 1, 1), float(os.environ["OMP_NUM_THREADS"]))
"""


def judged(subject: Subject) -> list[Verdict]:
    """Return the verdicts of the step, until one fails."""
    verdicts = []
    for each in Threaded(subject.operation).judge(subject):
        verdicts += each.verdicts
        if any(verdict.failed for verdict in verdicts):
            break
    return verdicts


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a user does who has set nothing; torch's threads, which judge, do not work here."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with pytorch.one_thread():
        yield


@pytest.mark.parametrize(
    ("user", "asked", "numbers"),
    [
        ({}, None, (CORES, CORES, CORES, 1)),
        ({"OMP_NUM_THREADS": "3"}, None, (3, 3, 3, 1)),
        ({"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "2"}, None, (3, 2, 3, 1)),
        ({"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "2"}, 5, (5, 5, 5, 1)),
        ({"NUMBA_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "4"}, 1, (1, 1, 1, 4)),
    ],
)
def test_threads_are_the_users(
    user: dict[str, str],
    asked: int | None,
    numbers: tuple[int, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the user has set stays; what is asked for goes before it; else it is the machine's."""
    for name, value in user.items():
        monkeypatch.setenv(name, value)
    found = {**os.environ, **variables(asked)}
    assert tuple(int(found[name]) for name in NAMES) == numbers


def test_a_process_is_given_them(kernel_of: Callable[..., Any]) -> None:
    """The kernel's process has the variables, and no thread beside the kernel's own."""
    kernel = kernel_of(TELLING, threads=CORES + 1)
    case = Case.parse("v1:convolution:float64:integers:b1.h1.w1.i1.o1.f1x1.s1x1:0")
    assert kernel(*case.arrays().values(), (1, 1)) == CORES + 1
    assert (kernel.threads, kernel.threaded) == (CORES + 1, False)
    assert kernel.command()[2:] == ["--threads", str(CORES + 1)]


@pytest.mark.parametrize(("text", "number"), [("4,2", 4), ("many", None), ("0", None), ("", None)])
def test_settings_that_are_no_number(
    text: str, number: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of nested regions the outer one counts; what OpenMP would not take is nothing."""
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    by_default = CORES, "the machine's cores"
    assert given() == ((number, "OMP_NUM_THREADS") if number else by_default)
    assert "OMP_NUM_THREADS" not in variables()  # stays as it is


def in_a_thread(wrong: Callable[[int], bool]) -> tuple[Callable[..., Any], list[int]]:
    """Return a kernel that computes in a thread of its own, wrong in some calls, and its calls."""
    calls: list[int] = []

    def convolution(x: Any, ftr: Any, strd: Any) -> Any:
        results = []
        thread = threading.Thread(target=lambda: results.append(RIGHT(x, ftr, strd)))
        thread.start()
        thread.join()
        calls.append(len(calls))
        return results[0] + wrong(calls[-1])

    return convolution, calls


def test_how_often_is_told() -> None:
    """What is wrong in some calls is told with their number; in all, it is in exact mode."""
    verdict = judge_threads(in_a_thread(lambda call: call % 3 == 1)[0], CASE)
    assert (verdict.prop, verdict.outcome) == ("threads", Outcome.DISAGREES)
    assert verdict.finding == (
        "the kernel disagrees with itself: wrong in 7 of 20 calls with several threads"
    )
    assert verdict.evidence is not None
    assert (verdict.evidence.repeats, verdict.evidence.wrong) == (20, verdict.evidence.total)
    (told,) = diagnose(verdict).patterns
    assert told == f"results that change from call to call with several threads, {verdict.reason}"
    assert judge_threads(in_a_thread(lambda _: True)[0], CASE).prop == "exact"
    right, calls = in_a_thread(lambda _: False)
    assert (judge_threads(right, CASE).outcome, len(calls)) == (Outcome.AGREES, 20)


def test_one_thread_is_not_called_on() -> None:
    """Where one thread works alone the kernel is not called on, and that is no agreement.

    Once is enough, unless another thread, as pytest-xdist's, worked in this process meanwhile.
    """
    calls = []

    def convolution(x: Any, ftr: Any, strd: Any) -> Any:
        calls.append(1)
        return RIGHT(x, ftr, strd)

    verdict = judge_threads(convolution, CASE)
    assert (verdict.outcome, verdict.reason) == (
        Outcome.NOT_APPLICABLE,
        "only one thread worked",
    )
    assert 1 <= len(calls) <= 3  # not 20, as where several work


def test_no_threads_are_to_blame_where_each_call_is_wrong() -> None:
    """A kernel of one thread that is wrong fails in exact mode, and threads say nothing of it."""
    found = judged(subject_of(lambda *given: RIGHT(*given) + 1, CONVOLUTION))
    said = {(verdict.prop, verdict.outcome) for verdict in found}
    assert said == {
        ("exact", Outcome.DISAGREES),
        ("threads", Outcome.NOT_APPLICABLE),
    }


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_right_kernels_of_one_thread(name: str, style: str) -> None:
    """No kernel of one thread is rejected, and each has the same number of verdicts."""
    found = judged(subject_of(kernels(STYLES[style])[name], OPERATIONS[name]))
    assert len(found) == 18
    assert not any(verdict.failed for verdict in found)


def test_the_reference_has_one_thread() -> None:
    """The reference's loops are not repeated."""
    found = judged(reference_for("convolution"))
    assert {verdict.outcome for verdict in found} == {Outcome.NOT_APPLICABLE}


@pytest.mark.skipif(CORES == 1, reason="one core: threads take turns of milliseconds")
def test_a_race_in_python_is_found() -> None:
    """Threads that write the same scratch memory are found out."""
    subtle = SUBTLE["shared_scratch_row"]
    found = judged(subject_of(subtle.make(), OPERATIONS[subtle.operation]))
    assert any(verdict.failed for verdict in found)


SQUARE = """
import threading
import numpy as np

def convolution(x, ftr, strd):
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    z = np.einsum("bpqihw,ihwo->bpqo", windows[:, :: strd[0], :: strd[1]], ftr)
    thread = threading.Thread(target=work, args=(x[0].size * z[0].size,))
    thread.start()
    thread.join()
    return z

def work(size):
    sum(range(300_000))  # so long that it is seen to work
    return np.ones(size, np.int8)
"""


def test_large_calls_that_take_too_much_memory(kernel_of: Callable[..., Any]) -> None:
    """A right kernel whose memory grows with the square of the arrays is judged on small ones."""
    kernel = kernel_of(SQUARE, megabytes=600, threads=2)
    found = [*growing(kernel, "float64")]
    assert found[0].outcome is Outcome.AGREES
    assert (found[-1].outcome, found[-1].reason) == (
        Outcome.UNDECIDED,
        "calls of this size would take too much memory",
    )


C = """
#include <stdlib.h>
void convolution(const double *x, const double *f, double *z, const long *s)
{
    const long B = s[0], H = s[1], W = s[2], I = s[3], FH = s[4], FW = s[5], O = s[6];
    const long P = (H - FH) / s[7] + 1, Q = (W - FW) / s[8] + 1;
    SHARED
    #pragma omp parallel for
    for (long at = 0; at < B * P; at++) {
        OWN
        for (long k = 0; k < Q * O; k++) row[k] = 0;
        for (long q = 0; q < Q; q++)
            for (long h = 0; h < FH; h++)
                for (long w = 0; w < FW; w++)
                    for (long i = 0; i < I; i++) {
                        long b = at / P, p = at % P;
                        double v = x[((b * H + p * s[7] + h) * W + q * s[8] + w) * I + i];
                        const double *g = f + ((i * FH + h) * FW + w) * O;
                        for (long o = 0; o < O; o++) row[q * O + o] += v * g[o];
                    }
        for (long k = 0; k < Q * O; k++) z[at * Q * O + k] = row[k];
    }
}
"""
ROW = "double *row = malloc(sizeof(double) * Q * O);"
IN_C = """
import ctypes, pathlib
import numpy as np

library = ctypes.CDLL(str(pathlib.Path(__file__).with_name("kernel.so")))

def convolution(x, ftr, strd):
    x, ftr = (np.ascontiguousarray(each, np.float64) for each in (x, ftr))
    (B, H, W, I), (_, FH, FW, O) = x.shape, ftr.shape
    z = np.empty((B, (H - FH) // strd[0] + 1, (W - FW) // strd[1] + 1, O))
    sizes = np.array([B, H, W, I, FH, FW, O, *strd], np.int_)
    library.convolution(*(ctypes.c_void_p(each.ctypes.data) for each in (x, ftr, z, sizes)))
    return z
"""


def compiled(folder: Path, shared: str, own: str) -> str:
    """Return the line of a kernel whose rows are computed in scratch memory by several threads."""
    source = C.replace("SHARED", shared).replace("OWN", own)
    (folder / "kernel.c").write_text(source, encoding="utf-8")
    (folder / "in_c.py").write_text(IN_C, encoding="utf-8")
    command = ["gcc", "-O2", "-fopenmp", "-shared", "-fPIC", "-o", "kernel.so", "kernel.c"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603  (own text)
    return f"convolution={folder}/in_c.py:convolution,dtypes=float64"


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler: gcc is not on the path")
def test_openmp(tmp_path: Path, kernel_of: Callable[..., Any]) -> None:
    """A row of scratch memory that threads share makes some results wrong; one for each, none."""
    line = compiled(tmp_path, ROW, "")
    if CORES > 1:
        # Where every call happens to be wrong, the result is simply wrong: seldom.
        runs = (judged(kernel_of(line, threads=2)) for _ in range(5))
        failed = next(each for run in runs for each in run if each.failed and each.prop == THREADS)
        assert "calls with 2 threads" in failed.reason
        (told,) = diagnose(failed).patterns
        assert told.startswith("results that change from call to call with several threads")
        assert "with one" in told
    one = {each.outcome for each in judged(kernel_of(line, threads=1))}
    assert one == {Outcome.NOT_OFFERED, Outcome.NOT_APPLICABLE}
    line = compiled(tmp_path, "", ROW)
    right = {each.outcome for each in judged(kernel_of(line, threads=2))}
    assert right == {Outcome.NOT_OFFERED, Outcome.AGREES}

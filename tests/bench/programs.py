"""How many small calls a second a program answers: the worked example in C."""

import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from convcheck.cases.case import Case
from convcheck.kernels.declared.candidates import Candidate
from convcheck.kernels.functions import fitted
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.subjects import Call, Request, Subject

_SOURCE = Path(__file__).parents[1] / "harness" / "examples" / "programs" / "convolution.c"
_CASES = [
    Case.parse(f"v1:convolution:float32:integers:b1.h4.w5.i2.o2.f2x3.s1x{1 + seed % 2}:{seed}")
    for seed in range(32)
]


def rate() -> dict[str, dict[str, int]]:
    """Return calls a second, by where the program is asked from and how many calls are sent."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "convolution"
        subprocess.run(["cc", "-O2", "-o", program, _SOURCE], check=True)  # noqa: S603, S607
        candidate = Candidate.parse(f"convolution=exec:{program},dtypes=float32")
        found = {}
        for name, subject in (
            ("here", fitted(candidate)),
            ("in a process of its own", Isolated(candidate)),
        ):
            with subject:
                calls = [Call(case.geometry, case.arrays(), None) for case in _CASES]
                requests = subject.requests(calls)
                found[name] = {
                    "one by one": _rate(subject, [[each] for each in requests]),
                    "together": _rate(subject, [requests]),
                }
    return found


def _rate(subject: Subject, batches: Sequence[Sequence[Request]], repeats: int = 20) -> int:
    """Return how many calls a second are answered in the best of several rounds."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        for each in batches:
            subject.answers(each)
        seconds.append(time.perf_counter() - started)
    return round(sum(map(len, batches)) / min(seconds))

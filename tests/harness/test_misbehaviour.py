"""What a kernel does in the judge's own process is seen too, and nothing escapes."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from convcheck.cases.case import Case
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.candidates import Candidate, load
from convcheck.kernels.isolation.isolated import Isolated
from convcheck.kernels.isolation.messages import Answer, GarbledError, answer_bytes, take_answer
from convcheck.reference import convolution as right

Kernel = Callable[..., Any]
CASE = Case.parse("v1:convolution:float32:integers:b1.h3.w4.i2.o2.f2x2.s1x2:1")


def raises(error: BaseException) -> Kernel:
    """Return a kernel that raises."""

    def kernel(*_: Any) -> Any:
        raise error

    return kernel


def does(deed: Callable[[], object]) -> Kernel:
    """Return a right kernel that does something else besides."""

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = right(x, ftr, strd)
        deed()
        return z

    return kernel


def returns(change: Callable[[Any], Any]) -> Kernel:
    """Return a kernel that returns the right result in another form."""
    return lambda x, ftr, strd: change(right(x, ftr, strd))


def recurses(x: Any, ftr: Any, strd: Any) -> Any:
    """Call itself without end."""
    return recurses(x, ftr, strd)


def reshapes_its_input(x: Any, ftr: Any, strd: Any) -> Any:
    """Flatten the input where it lies."""
    z = right(x, ftr, strd)
    x.shape = (-1,)
    return z


def locks_its_input(x: Any, ftr: Any, strd: Any) -> Any:
    """Make the input read-only."""
    x.flags.writeable = False
    return right(x, ftr, strd)


class UnreadableError(Exception):
    """Cannot even be told."""

    def __str__(self) -> str:
        raise ValueError("no")


class Subclass(np.ndarray):
    """An array that is none."""


class Refuses:
    """Cannot be read as an array."""

    def __init__(self, _z: Any) -> None:
        """Forget the result."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise SystemExit(3)


class Changes:
    """Is another array each time."""

    def __init__(self, z: Any) -> None:
        """Keep the result."""
        self._z = z

    def __array__(self, *_: Any, **__: Any) -> Any:
        self._z = self._z + 1
        return self._z


MISBEHAVIOUR: dict[str, tuple[Kernel, str]] = {
    "exits": (raises(SystemExit(0)), "raised SystemExit: 0"),
    "closes": (raises(GeneratorExit()), "raised GeneratorExit: no message"),
    "skips": (raises(pytest.skip.Exception("later")), "raised Skipped: later"),
    "groups": (
        raises(BaseExceptionGroup("several", [KeyboardInterrupt()])),
        "raised BaseExceptionGroup: several (1 sub-exception)",
    ),
    "unreadable": (raises(UnreadableError()), "UnreadableError: a message that cannot be read"),
    "huge": (raises(ValueError("x" * 10**7)), "raised ValueError: " + "x" * 200),
    "address": (raises(ValueError("<f at 0x7f12345678>")), "raised ValueError: <f at 0x...>"),
    "recursion": (recurses, "raised RecursionError: maximum recursion depth exceeded"),
    "warning as error": (raises(UserWarning("old")), "raised UserWarning: old"),
    "subclass": (returns(lambda z: z.view(Subclass)), "returned Subclass, a subclass"),
    "masked array": (
        returns(lambda z: np.ma.masked_array(z, mask=False)),
        "returned MaskedArray, a subclass",
    ),
    "objects": (returns(lambda z: z.astype(object)), "returned dtype object"),
    "scalar": (returns(lambda z: z.sum()), "returned shape ()"),
    "transposed": (returns(lambda z: z.transpose(3, 0, 1, 2)), "returned shape"),
    "broadcastable": (returns(lambda z: z[:, :1]), "returned shape (1, 1, 2, 2)"),
    "a number": (returns(lambda z: float(z.sum())), "returned float, expected an array"),
    "refuses": (returns(Refuses), "returned a Refuses that cannot be read: SystemExit: 3"),
    "changes": (returns(Changes), "returned a Changes that is another array each time"),
    "reshapes": (reshapes_its_input, "changed the shape, dtype or flags of its argument x"),
    "locks": (locks_its_input, "changed the shape, dtype or flags of its argument x"),
    "view": (lambda x, _f, _s: x[:, :2, :2], "returned a view of its argument x"),
    "errors": (does(lambda: np.seterr(all="warn")), "changed NumPy's error state"),
    "prints": (does(lambda: np.set_printoptions(precision=3)), "changed NumPy's print options"),
    "folder": (does(lambda: os.chdir("/")), "changed the working directory"),
    "variable": (
        does(lambda: os.environ.update(CONVCHECK_TEST="1")),
        "changed the environment's variables",
    ),
    "path": (does(lambda: sys.path.append("/")), "changed the module search path"),
    "recursion limit": (does(lambda: sys.setrecursionlimit(5000)), "changed the recursion limit"),
    "filters": (does(lambda: warnings.simplefilter("ignore")), "changed the warnings filters"),
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_misbehaviour_in_the_own_process(name: str) -> None:
    """It is a verdict that says what happened, twice the same, and what was changed is put back."""
    kernel, reason = MISBEHAVIOUR[name]
    for _ in range(2):
        verdict = judge(kernel, CASE)
        assert (verdict.outcome, reason in verdict.reason) == (Outcome.MISBEHAVED, True), verdict
    assert judge(right, CASE).outcome is Outcome.AGREES


TORCH = {
    "torch's default dtype": lambda torch: torch.set_default_dtype(torch.float64),
    "torch's recording of gradients": lambda torch: torch.set_grad_enabled(False),
}


@pytest.mark.parametrize("name", TORCH)
def test_torch_is_put_back(name: str) -> None:
    """A kernel that changes torch's settings has misbehaved, and does not harm the oracle."""
    import torch  # noqa: PLC0415

    judge(right, CASE)
    verdict = judge(does(lambda: TORCH[name](torch)), CASE)
    assert verdict.reason == f"changed {name}"
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float32, True)


class Tensor:
    """An array of a library that has some of torch's methods, or none that works."""

    def __init__(self, z: Any, *methods: str) -> None:
        """Have these methods, besides `detach`."""
        self._z = z
        self.__dict__ |= {name: getattr(self, f"_{name}") for name in methods}

    def detach(self) -> "Tensor":
        """Return what is left of it."""
        return self

    def _numpy(self) -> Any:
        return self._z

    def _cpu(self) -> Any:
        raise RuntimeError("no device")


class Convertible(Tensor):
    """One that NumPy can read."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self._z


UNREADABLE = {
    "nothing to read it by": (Tensor, (), "returned Tensor, expected an array"),
    "a method that raises": (
        *(Tensor, ("cpu", "numpy")),
        "returned a Tensor that cannot be read: RuntimeError: no device",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the result that cannot be read: the kernel raised nothing."""
    kind, methods, reason = UNREADABLE[name]
    kernel = returns(lambda z: kind(z, *methods))
    module = ModuleType("users_tensors")
    module.convolution = kernel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for each in (kernel, load("convolution=users_tensors:convolution")):
        assert judge(each, CASE).reason == reason


HARMLESS: dict[str, Kernel] = {
    "no cpu": returns(lambda z: Tensor(z, "numpy")),
    "no cpu nor numpy": returns(Convertible),
    "other byte order": returns(lambda z: z.astype(z.dtype.newbyteorder())),
    "read-only": returns(lambda z: np.frombuffer(z.tobytes(), z.dtype).reshape(z.shape)),
    "Fortran order": returns(np.asfortranarray),
    "long double": returns(lambda z: z.astype(np.longdouble)),
    "imports": does(lambda: __import__("colorsys")),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_other_forms_of_a_result_are_accepted(name: str) -> None:
    """Byte order, flags and memory layout of a result are its own affair."""
    assert judge(HARMLESS[name], CASE).outcome is Outcome.AGREES


LIBRARY = """
import gc, os, random, sys, warnings
import numpy as np
np.random.seed(3); random.seed(3); np.set_printoptions(precision=3)
os.environ["SEEN"] = "yes"; warnings.simplefilter("ignore"); sys.setrecursionlimit(1999)
"""
LAZY = """
import numpy as np
def convolution(x, ftr, strd):
    import library_of_{name}
    {deed}
    windows = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
    return np.einsum("bhwcij,cijo->bhwo", windows[:, :: strd[0], :: strd[1]], ftr)
"""


@pytest.fixture
def lazy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that writes a kernel that imports a library when called."""
    name = tmp_path.name
    for each in ("path", "warnoptions"):
        monkeypatch.setattr(sys, each, list(getattr(sys, each)))
    monkeypatch.setattr(warnings, "filters", list(warnings.filters))
    monkeypatch.setenv("SEEN", "no")

    def write(deed: str = "pass", library: str = LIBRARY) -> str:
        (tmp_path / f"library_of_{name}.py").write_text(library, encoding="utf-8")
        (tmp_path / "lazy.py").write_text(LAZY.format(name=name, deed=deed), encoding="utf-8")
        return f"convolution={tmp_path}/lazy.py:convolution"

    return write


@pytest.mark.parametrize("isolated", [False, True])
def test_what_importing_changes_is_no_misuse(lazy: Callable[..., str], *, isolated: bool) -> None:
    """A library that a kernel imports when first called may change whatever it likes."""
    limit, options = sys.getrecursionlimit(), np.get_printoptions()
    line = lazy()
    kernel: Any = Isolated(Candidate.parse(line)) if isolated else load(line)
    try:
        found = [judge(kernel, CASE) for _ in range(3)]
    finally:
        getattr(kernel, "stop", int)()  # none in the judge's own process
        sys.setrecursionlimit(limit)
        np.set_printoptions(**options)
    assert [each.outcome for each in found] == [Outcome.AGREES] * 3, found


@pytest.mark.parametrize("isolated", [False, True])
def test_what_a_kernel_changes_beside_importing_is(
    lazy: Callable[..., str], *, isolated: bool
) -> None:
    """A change that the kernel makes itself, in each call, is seen in the call that imports too."""
    line = lazy("np.set_printoptions(precision=5)", "")
    kernel: Any = Isolated(Candidate.parse(line)) if isolated else load(line)
    try:
        found = judge_all(kernel, [CASE, CASE])
    finally:
        getattr(kernel, "stop", int)()  # none in the judge's own process
    assert {each.reason for each in found} == {"changed NumPy's print options"}


TORCHES = {
    "torch's default dtype": "set_default_dtype(torch.float64)",
    "torch's recording of gradients": "set_grad_enabled(False)",
    "torch's seed": "manual_seed(5)",
    "torch's choice of deterministic algorithms": "use_deterministic_algorithms(True)",
    "torch's number of threads": "set_num_threads(3)",
}


@pytest.mark.parametrize("name", TORCHES)
def test_settings_of_a_library_that_was_not_there(lazy: Callable[..., str], name: str) -> None:
    """What a kernel sets in the call that first imports torch is seen in that call."""
    line = lazy(f"import torch; torch.{TORCHES[name]}", "")
    kernel = Isolated(Candidate.parse(line), seconds=60)
    try:
        assert judge(kernel, CASE).reason == f"changed {name}"
    finally:
        kernel.stop()


def test_torch_imported_when_called_is_no_misuse(lazy: Callable[..., str]) -> None:
    """Importing torch alone changes nothing, nor does a library that sets it up."""
    line = lazy(library="import torch; torch.set_default_dtype(torch.float64)")
    kernel = Isolated(Candidate.parse(line), seconds=60)
    try:
        assert judge(kernel, CASE).outcome is Outcome.AGREES
        assert judge(kernel, CASE).outcome is Outcome.AGREES
    finally:
        kernel.stop()


def test_the_users_ctrl_c_ends_the_run() -> None:
    """In the judge's own process KeyboardInterrupt may be the user's: it is let through."""
    with pytest.raises(KeyboardInterrupt):
        judge(raises(KeyboardInterrupt()), CASE)


def test_answers_cross_whole() -> None:
    """An answer is taken when it is there to the last byte, and what follows is left."""
    z = np.arange(6.0).reshape(1, 2, 3, 1)
    data = answer_bytes(Answer("result", result=z)) + answer_bytes(Answer("misbehaved", "why"))
    buffer = bytearray()
    answers = []
    for byte in data:
        buffer.append(byte)
        answer = take_answer(buffer)
        answers += [answer] if answer else []
    first, second = answers
    assert first.result is not None
    assert np.array_equal(first.result, z)
    assert (second.kind, second.text, second.result) == ("misbehaved", "why", None)


@pytest.mark.parametrize(
    "data",
    [b"progress: 50%\n" * 9, answer_bytes(Answer("result", result=np.ones(2)))[1:] + b"x" * 99],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    """Bytes that a kernel wrote to the pipe itself are not taken for an answer."""
    with pytest.raises(GarbledError):
        take_answer(bytearray(data))

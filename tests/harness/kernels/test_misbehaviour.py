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
from hostile import Lazy, does, raises, returns, touches

from convcheck.cases.case import Case
from convcheck.form.operations import OPERATIONS
from convcheck.judging.judge import judge, judge_all
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.functions import Function, load
from convcheck.kernels.subjects import Request
from convcheck.reference import convolution as right

Kernel = Callable[..., Any]
CASE, *OTHERS = (
    Case.parse(f"v1:convolution:float32:{fill}:b1.h3.w4.i2.o2.f2x2.s1x2:1")
    for fill in ("integers", "uniform", "nonfinite-x")
)


def recurses(*given: Any) -> Any:
    """Call itself without end."""
    return recurses(*given)


def reshape(x: Any) -> None:
    """Flatten an array where it lies."""
    x.shape = (-1,)


class UnreadableError(Exception):
    """Cannot even be told."""

    def __str__(self) -> str:
        raise ValueError("no")


class Subclass(np.ndarray):
    """An array that is none."""


MISBEHAVIOUR: dict[str, tuple[Kernel, str]] = {
    "raises": (lambda x, _f, _s: x.no_such_thing, "raised AttributeError"),
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
    "nothing": (returns(lambda _: None), "returned NoneType"),
    "a list": (returns(lambda z: z.tolist()), "returned list"),
    "integers": (returns(lambda z: z.astype(int)), "returned dtype int64"),
    "complex": (returns(lambda z: z + 0j), "returned dtype complex128"),
    "loses an axis": (returns(lambda z: z[0]), "returned shape (2, 2, 2)"),
    "one row too many": (
        returns(lambda z: np.pad(z, ((0, 0), (0, 1), (0, 0), (0, 0)))),
        "returned shape (1, 3, 2, 2), expected (1, 2, 2, 2)",
    ),
    "writes": (touches(lambda x: x.fill(0)), "overwrote its argument x"),
    "objects": (returns(lambda z: z.astype(object)), "returned dtype object"),
    "scalar": (returns(lambda z: z.sum()), "returned shape ()"),
    "transposed": (returns(lambda z: z.transpose(3, 0, 1, 2)), "returned shape"),
    "broadcastable": (returns(lambda z: z[:, :1]), "returned shape (1, 1, 2, 2)"),
    "a number": (returns(lambda z: float(z.sum())), "returned float, expected an array"),
    "refuses": (
        returns(lambda _: Lazy(lambda: sys.exit(3))),
        "returned a Lazy that cannot be read: SystemExit: 3",
    ),
    "changes": (
        returns(lambda z: Lazy(lambda: np.add(z, 1, out=z).copy())),
        "returned a Lazy that is another array each time",
    ),
    "reshapes": (touches(reshape), "changed the shape, dtype or flags of its argument x"),
    "locks": (
        touches(lambda x: x.setflags(write=False)),
        "changed the shape, dtype or flags of its argument x",
    ),
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
    """It is a verdict that says what happened, each time, and what was changed is put back."""
    kernel, reason = MISBEHAVIOUR[name]
    for case in (CASE, CASE, *OTHERS):
        verdict = judge(kernel, case)
        assert (verdict.outcome, reason in verdict.reason) == (Outcome.MISBEHAVED, True), verdict
    assert judge(right, CASE).outcome is Outcome.AGREES


KEYWORDS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "writes": (lambda bias: bias.fill(0), "overwrote its argument bias"),
    "view": (lambda bias: bias[:1], "returned a view of its argument bias"),
    "gaps": (lambda bias: bias.base[::2], "returned a view of its argument bias"),
    "reads": (lambda bias: bias.sum(), ""),
}


@pytest.mark.parametrize("name", KEYWORDS)
def test_arrays_by_keyword_are_arguments_too(name: str) -> None:
    """They are copied, laid out in memory and looked at after the call, as others are."""
    touch, reason = KEYWORDS[name]

    def kernel(x: Any, *others: Any, bias: Any) -> Any:
        assert (len(others), bias.strides) == (2, (16,))
        z = touch(bias)
        return z if isinstance(z, np.ndarray) else x.copy()

    ones = np.ones(3)
    arguments = {**CASE.arrays(), "strd": (1, 1), "bias": ones}
    request = Request(arguments, by_position=3, arrangement="gapped:bias")
    (answer,) = Function(kernel, OPERATIONS["convolution"]).answers([request])
    assert (str(answer) if isinstance(answer, Exception) else "") == reason
    assert ones.tolist() == [1, 1, 1]


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

    def __init__(self, **methods: Callable[[], Any]) -> None:
        """Have these methods, besides `detach`."""
        self.__dict__ |= methods

    def detach(self) -> "Tensor":
        """Return what is left of it."""
        return self


class Convertible(Tensor, Lazy):
    """One that NumPy can read."""


def no_device() -> Any:
    """Raise what torch might."""
    raise RuntimeError("no device")


UNREADABLE = {
    "nothing to read it by": (Tensor(), "returned Tensor, expected an array"),
    "a method that raises": (
        Tensor(cpu=no_device, numpy=no_device),
        "returned a Tensor that cannot be read: RuntimeError: no device",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the result that cannot be read: the kernel raised nothing."""
    tensor, reason = UNREADABLE[name]
    kernel = returns(lambda _: tensor)
    module = ModuleType("users_tensors")
    module.convolution = kernel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for each in (kernel, load("convolution=users_tensors:convolution")):
        assert judge(each, CASE).reason == reason


HARMLESS: dict[str, Kernel] = {
    "no cpu": returns(lambda z: Tensor(numpy=lambda: z)),
    "no cpu nor numpy": returns(lambda z: Convertible(read=lambda: z)),
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
def lazy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel_of: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function that makes a kernel that imports a library when called."""
    name = tmp_path.name
    for each in ("path", "warnoptions"):
        monkeypatch.setattr(sys, each, list(getattr(sys, each)))
    monkeypatch.setattr(warnings, "filters", list(warnings.filters))
    monkeypatch.setenv("SEEN", "no")

    def make(deed: str = "pass", library: str = LIBRARY, **how: Any) -> Any:
        (tmp_path / f"library_of_{name}.py").write_text(library, encoding="utf-8")
        return kernel_of(LAZY.format(name=name, deed=deed), **how)

    return make


@pytest.mark.parametrize("isolated", [False, True])
def test_what_importing_changes_is_no_misuse(lazy: Callable[..., Any], *, isolated: bool) -> None:
    """A library that a kernel imports when first called may change whatever it likes."""
    limit, options = sys.getrecursionlimit(), np.get_printoptions()
    kernel = lazy(isolated=isolated)
    try:
        found = [judge(kernel, CASE) for _ in range(3)]
    finally:
        sys.setrecursionlimit(limit)
        np.set_printoptions(**options)
    assert [each.outcome for each in found] == [Outcome.AGREES] * 3, found


@pytest.mark.parametrize("isolated", [False, True])
def test_what_a_kernel_changes_beside_importing_is(
    lazy: Callable[..., Any], *, isolated: bool
) -> None:
    """A change that the kernel makes itself, in each call, is seen in the call that imports too."""
    kernel = lazy("np.set_printoptions(precision=5)", "", isolated=isolated)
    found = judge_all(kernel, [CASE, CASE])
    assert {each.reason for each in found} == {"changed NumPy's print options"}


TORCHES = {
    "torch's default dtype": "set_default_dtype(torch.float64)",
    "torch's recording of gradients": "set_grad_enabled(False)",
    "torch's seed": "manual_seed(5)",
    "torch's choice of deterministic algorithms": "use_deterministic_algorithms(True)",
    "torch's number of threads": "set_num_threads(3)",
}


@pytest.mark.parametrize("name", TORCHES)
def test_settings_of_a_library_that_was_not_there(lazy: Callable[..., Any], name: str) -> None:
    """What a kernel sets in the call that first imports torch is seen in that call."""
    kernel = lazy(f"import torch; torch.{TORCHES[name]}", "", seconds=60)
    assert judge(kernel, CASE).reason == f"changed {name}"


def test_torch_imported_when_called_is_no_misuse(lazy: Callable[..., Any]) -> None:
    """Importing torch alone changes nothing, nor does a library that sets it up."""
    library = "import torch; torch.set_default_dtype(torch.float64)"
    kernel = lazy(library=library, seconds=60)
    for _ in range(2):
        assert judge(kernel, CASE).outcome is Outcome.AGREES


def test_the_users_ctrl_c_ends_the_run() -> None:
    """In the judge's own process KeyboardInterrupt may be the user's: it is let through."""
    with pytest.raises(KeyboardInterrupt):
        judge(raises(KeyboardInterrupt()), CASE)

"""Arrays of other libraries: made of NumPy's, read as such, and changed in place."""

import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from convcheck.cases.case import Case
from convcheck.judging.judge import judge
from convcheck.judging.laws.judge_law import judge_law
from convcheck.judging.verdicts import Outcome
from convcheck.kernels.arguments.libraries import Library, as_numpy, change
from convcheck.kernels.functions import Fitted, load
from convcheck.kernels.loading import CandidateError

LIBRARIES = ("numpy", "torch", "jax", "tensorflow", "mlx", "cupy")
CASE = Case.parse("v1:convolution:float32:integers:b2.h4.w5.i3.o2.f2x3.s1x2:1")


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_values_cross(name: str, dtype: str) -> None:
    """Arrays keep their dtype and values there and back, whatever their strides."""
    pytest.importorskip(name, reason=f"{name} is not installed")
    if dtype == "bfloat16":
        of_numpy: Any = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
        if name == "cupy":
            pytest.skip("CuPy has no bfloat16")
    else:
        of_numpy = np
    array = np.array([[1.5, -2, 3], [0, np.inf, 2**-9]], getattr(of_numpy, dtype))[:, ::-1]
    library = Library(name)
    own = library.array(array)
    assert str(getattr(own, "dtype", "")).rpartition(".")[2].strip("<>'dtype: ") == dtype
    np.testing.assert_array_equal(as_numpy(own), array.astype(np.float32))
    new = library.array(array + array.dtype.type(1))
    if change(own, new):
        np.testing.assert_array_equal(as_numpy(own), as_numpy(new))
    else:
        assert name in ("jax", "tensorflow")
        np.testing.assert_array_equal(as_numpy(own), array.astype(np.float32))


@pytest.mark.parametrize("declared", ["torch,device=cuda", "jax,device=gpu"])
def test_other_devices(declared: str) -> None:
    """Arrays lie on the device that is named, and come back from it."""
    name, _, device = declared.partition(",device=")
    pytest.importorskip(name, reason=f"{name} is not installed")
    try:
        library = Library(name, device)
    except CandidateError as error:
        pytest.skip(f"there is no such device: {error}")
    own = library.array(np.ones((2, 3)))
    assert "cuda" in str(own.device).lower()
    np.testing.assert_array_equal(as_numpy(own + own), np.full((2, 3), 2.0))


REFUSED = {
    "no_such_library": "arrays='no_such_library': expected it to be installed here",
    "json": "arrays=json: no array can be made: AttributeError: json has none of asarray, array, ",
    "torch,device=nowhere": "arrays=torch,device=nowhere: no array can be made: ",
    "torch,device=meta": "arrays=torch,device=meta: no array can be made: ",
    "numpy,device=gpu": "arrays=numpy,device=gpu: no array can be made: ",
    "to rch": "arrays='to rch': expected the name of a library",
}


@pytest.mark.parametrize("declared", REFUSED)
def test_what_is_not_there_is_refused(declared: str) -> None:
    """A library or a device that is not there is one error of one line."""
    with pytest.raises(CandidateError, match=re.escape(REFUSED[declared])) as caught:
        load(f"convolution=convcheck.reference:convolution,arrays={declared}")
    assert "\n" not in str(caught.value)


TENSORS: dict[str, Callable[[torch.Tensor], Any]] = {
    "gradients": lambda z: z.requires_grad_(),
    "a subclass": torch.nn.Parameter,
    "sparse": lambda z: z.to_sparse(),
    "negated when read": lambda z: torch.complex(z, -z).conj().imag,
    "bfloat16": lambda z: z.bfloat16(),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_of_every_kind_are_read(name: str) -> None:
    """Those whose memory does not hold their values as they are, too."""
    values = torch.tensor([[1.0, 0.0, -3.0]], dtype=torch.float64)
    np.testing.assert_array_equal(as_numpy(TENSORS[name](values)), [[1.0, 0.0, -3.0]])


def conv2d(x: Any, ftr: Any, strd: Any) -> Any:
    """Return what torch does."""
    return torch.nn.functional.conv2d(x, ftr, stride=strd)


@pytest.fixture
def of_torch(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Fitted]:
    """Return a function that makes a function of tensors a candidate."""
    module: Any = ModuleType("users_tensors")
    monkeypatch.setitem(sys.modules, "users_tensors", module)

    def declare(mine: Any) -> Fitted:
        module.mine = mine
        return load("convolution=users_tensors:mine,tensors=NCHW,filters=OIHW,arrays=torch")

    return declare


def remembering(key: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a kernel that takes a filter for the last one where `key` says the same."""
    known: dict[str, Any] = {}

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        if known.get("key") != key(ftr):
            known.update(key=key(ftr), ftr=ftr.clone())
        return conv2d(x, known["ftr"], strd)

    return kernel


def learning(x: Any, ftr: Any, strd: Any) -> Any:
    """Return what torch does, having it record gradients of the filter."""
    return conv2d(x, ftr.requires_grad_(), strd)


def test_tensors_are_changed_in_place(of_torch: Callable[[Any], Fitted]) -> None:
    """A kernel that takes a tensor for what it held is caught; one that sees the change is not."""

    def outcome(kernel: Any) -> Outcome:
        return judge_law("repeatability", of_torch(kernel), CASE, {}).outcome

    assert outcome(remembering(id)) is Outcome.DISAGREES
    assert outcome(remembering(lambda ftr: ftr.data_ptr())) is Outcome.DISAGREES
    assert outcome(remembering(lambda ftr: (id(ftr), ftr._version))) is Outcome.AGREES  # noqa: SLF001
    assert outcome(learning) is Outcome.AGREES
    assert outcome(conv2d) is Outcome.AGREES


def test_what_cannot_be_read_after_a_call_was_not_overwritten() -> None:
    """JAX deletes arrays that a function gives away, and that is its right."""
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    module: Any = ModuleType("users_jax")

    def kernel(x: Any, ftr: Any, strd: Any) -> Any:
        z = jax.lax.conv(x, ftr, strd, "VALID")
        z.block_until_ready()
        x.delete()
        return z

    module.kernel = kernel
    sys.modules[module.__name__] = module
    try:
        line = "convolution=users_jax:kernel,tensors=NCHW,filters=OIHW,arrays=jax"
        assert judge(load(line), CASE).outcome is Outcome.AGREES
    finally:
        del sys.modules[module.__name__]

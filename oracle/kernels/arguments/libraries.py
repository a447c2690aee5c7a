"""Arrays of other libraries, made of NumPy's and read as such.

No library has code of its own here: an array is made by what the array API standard, DLPack or
TensorFlow call it, on a device if one is named, and is read by the methods that it has.  Whoever
reads it waits for what computes it.  bfloat16, which NumPy has no name for, crosses by its bits.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from convcheck.form.formats import FORMATS, is_real
from convcheck.form.layouts import Array
from convcheck.kernels.loading import CandidateError

_MODULES = {"jax": "jax.numpy", "mlx": "mlx.core"}
"""where arrays are made, if not in the module that a library is called by"""
_MAKERS = ("asarray", "array", "convert_to_tensor", "from_dlpack")
# Of tensors that record gradients, lie in parts, leave zeros out, lie on another device, or are
# negated when they are read.
_METHODS = ("detach", "full_tensor", "to_dense", "cpu", "resolve_neg")


class Library:
    """A library of arrays, and a device of its own."""

    def __init__(self, name: str, device: str = "") -> None:
        """Find the library that is imported by `name`; `device` is what it calls one of its own.

        Raises:
            CandidateError: it is not installed, or makes no arrays there.
        """
        top = name.partition(".")[0]
        if importlib.util.find_spec(top) is None:
            raise CandidateError(f"arrays={name!r}: expected it to be installed here")
        try:
            self._module = importlib.import_module(_MODULES.get(name, name))
            self._make = _maker(self._module)
            # JAX finds devices by their kind.
            found = getattr(sys.modules[top], "devices", None)
            self._device = found(device)[0] if device and callable(found) else device
            as_numpy(self.array(np.ones(1, np.float32)))
        except Exception as error:  # noqa: BLE001  (whatever the library says)
            where = f"arrays={name}" + (f",device={device}" if device else "")
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise CandidateError(f"{where}: no array can be made: {said:.200}") from None

    def array(self, own: Array) -> Any:
        """Return a new array with the dtype and the values of one of NumPy's."""
        copy = np.array(own, order="C")  # not all know other strides, or what is read-only
        try:
            return self._made(copy)
        except TypeError:
            if copy.dtype.kind != "V":
                raise
            return self._made(copy.view(np.uint16)).view(getattr(self._module, own.dtype.name))

    def _made(self, copy: Array) -> Any:
        if not self._device:
            return self._make(copy)
        if hasattr(self._module, "device"):  # of torch and TensorFlow; JAX has none to enter
            with self._module.device(self._device):
                return self._make(copy)
        return self._make(copy, device=self._device)


def _maker(module: ModuleType) -> Callable[..., Any]:
    for each in _MAKERS:
        if hasattr(module, each):
            made: Callable[..., Any] = getattr(module, each)
            return made
    raise AttributeError(f"{module.__name__} has none of {', '.join(_MAKERS)}")


def change(held: Any, new: Any) -> bool:
    """Change an array in place to hold the values of another; False where that cannot be."""
    try:
        getattr(held, "detach", lambda: held)()[...] = new
    except Exception:  # noqa: BLE001  (whatever they say: JAX's arrays, and others, stay as they are)
        return False
    return True


def as_numpy(z: Any) -> Any:
    """Return an array of any library, a tensor among them, as a NumPy array of its values.

    bfloat16 keeps its bits; others that NumPy does not have become float32.  What is no array
    stays what it is.

    Raises:
        Exception: whatever the array's own methods raise where it cannot be read.
    """
    if hasattr(z, "detach"):
        for method in _METHODS:
            z = getattr(z, method, lambda z=z: z)()
    array = z if issubclass(type(z), np.ndarray) else _read(z)  # whatever class it says it has
    if issubclass(type(array), np.ndarray) and array.dtype.kind == "V":
        other = array.dtype.names is None and not is_real(array.dtype)
        return array.astype(np.float32) if other and np.can_cast(array.dtype, np.float32) else array
    return array


def _read(z: Any) -> Any:
    dtype = getattr(z, "dtype", None)
    name = "" if isinstance(dtype, np.dtype) else str(dtype).rpartition(".")[2]
    if name.startswith(("bfloat", "float8")):  # PyTorch's, and MLX's
        module = sys.modules[type(dtype).__module__]
        if name in FORMATS:
            return _read(z.view(module.uint16)).view(FORMATS[name].dtype)
        z = z.float() if hasattr(z, "float") else z.astype(module.float32)
    if hasattr(z, "numpy"):
        return z.numpy()
    if dtype is None or not hasattr(z, "__array__"):
        return np.from_dlpack(z) if hasattr(z, "__dlpack__") else z
    try:
        return np.asarray(z)
    except TypeError:  # CuPy's leave their device where that is asked for alone
        if not hasattr(z, "__dlpack__"):
            raise
        return np.from_dlpack(z, device="cpu")

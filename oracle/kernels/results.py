"""What kernels return, as NumPy arrays."""

from typing import Any

import numpy as np


def as_numpy(z: Any) -> Any:
    """Return a tensor, or an array of another library, as a NumPy array of its values.

    Tensors may record gradients and lie on another device; bfloat16 and the like, which NumPy
    does not have, become float32.  What is no array stays what it is.

    Raises:
        Exception: whatever the array's own methods raise where it cannot be read.
    """
    if hasattr(z, "detach"):
        z = _read(z)
    if hasattr(z, "__dlpack__") and not hasattr(z, "__array__"):
        z = np.from_dlpack(z)
    dtype = getattr(z, "dtype", None)
    if not isinstance(dtype, np.dtype) or not hasattr(z, "__array__"):
        return z
    if dtype.kind == "V" and dtype.names is None and np.can_cast(dtype, np.float32):
        return np.asarray(z).astype(np.float32)
    return z if isinstance(z, np.ndarray) else np.asarray(z)


def _read(z: Any) -> Any:
    """Return the values of a tensor by those of torch's methods that it has."""
    for method in ("detach", "cpu"):
        z = getattr(z, method, lambda z=z: z)()
    if not hasattr(z, "numpy"):
        return z
    try:
        return z.numpy()
    except (TypeError, RuntimeError):  # torch has no NumPy array of bfloat16
        if not hasattr(z, "is_floating_point"):
            raise
        return z.float().numpy() if z.is_floating_point() else z

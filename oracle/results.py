"""What kernels return, as NumPy arrays."""

from typing import Any

import numpy as np


def as_numpy(z: Any) -> Any:
    """Return a tensor, or an array of another library, as a NumPy array of its values.

    Torch tensors may record gradients and lie on another device; bfloat16 and the like,
    which NumPy does not have, become float32.  What is no array stays what it is.
    """
    if hasattr(z, "detach"):
        z = z.detach().cpu()
        try:
            return z.numpy()
        except (TypeError, RuntimeError):
            return z.float().numpy() if z.is_floating_point() else z
    dtype = getattr(z, "dtype", None)
    if not isinstance(dtype, np.dtype) or not hasattr(z, "__array__"):
        return z
    if dtype.kind == "V" and dtype.names is None and np.can_cast(dtype, np.float32):
        return np.asarray(z).astype(np.float32)
    return z if isinstance(z, np.ndarray) else np.asarray(z)

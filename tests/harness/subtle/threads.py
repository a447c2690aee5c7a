"""Faults that only several threads show."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .kernels import Array, Kernel, remembering


@remembering("convolution")
def shared_scratch(right: Kernel) -> Kernel:
    """It has threads share one buffer for a batch item."""
    scratch: dict[str, Array] = {}

    def kernel(x: Array, ftr: Array, strd: Array) -> Array:
        def item(n: int) -> Array:
            scratch["x"] = x[n : n + 1].copy()
            return right(scratch["x"], ftr, strd)

        if len(x) < 2:
            return right(x, ftr, strd)
        with ThreadPoolExecutor(2) as pool:
            return np.concatenate(list(pool.map(item, range(len(x)))))

    return kernel

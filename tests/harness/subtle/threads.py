"""Faults that only several threads show; as many work as the user has OpenMP take."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .kernels import Array, Function, Kernel, remembering


def _each(work: Function, count: int) -> list[Any]:
    """Return what work makes of each number below count."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    if threads == 1 or count < 2:
        return [work(n) for n in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(count)))


@remembering("convolution", "convolution_transpose")
def shared_scratch(right: Kernel) -> Kernel:
    """It has threads share one buffer for a batch item."""
    scratch: dict[str, Array] = {}

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        def item(n: int) -> Array:
            scratch["x"] = x[n : n + 1].copy()
            time.sleep(0)
            return right(scratch["x"], ftr, strd)

        return np.concatenate(_each(item, len(x))) if len(x) else right(x, ftr, strd)

    return kernel


@remembering("convolution_filter_gradient")
def sums_unsynchronised(right: Kernel) -> Kernel:
    """It has threads add batch items to one sum without a lock."""

    def kernel(x: Array, delta: Array, *rest: Any) -> Array:
        total = [right(x[:0], delta[:0], *rest)]

        def add(n: int) -> None:
            known = total[0]
            part = right(x[n : n + 1], delta[n : n + 1], *rest)
            time.sleep(0)
            total[0] = known + part

        _each(add, len(x))
        return total[0]

    return kernel


@remembering("convolution")
def turned_filter_seen_half_made(right: Kernel) -> Kernel:
    """It has the first thread pack the filter, and others go on before that is done."""

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        packed: list[Array] = []

        def item(n: int) -> Array:
            if not packed:
                packed.append(np.zeros_like(ftr))
                time.sleep(0)
                packed[0][...] = ftr
            return right(x[n : n + 1], packed[0], strd)

        return np.concatenate(_each(item, len(x))) if len(x) else right(x, ftr, strd)

    return kernel


@remembering("convolution")
def shared_scratch_row(_: Kernel) -> Kernel:
    """It has threads copy the windows of their rows into one scratch row, and multiply these."""

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        view = np.lib.stride_tricks.sliding_window_view(x, ftr.shape[1:3], axis=(1, 2))
        windows = view[:, :: strd[0], :: strd[1]]
        scratch = np.empty(windows.shape[2:], x.dtype)
        z = np.empty((*windows.shape[:3], ftr.shape[3]), x.dtype)

        def row(n: int) -> None:
            at = divmod(n, z.shape[1])
            np.copyto(scratch, windows[at])
            z[at] = np.einsum("qihw,ihwo->qo", scratch, ftr)

        _each(row, z.shape[0] * z.shape[1])
        return z

    return kernel

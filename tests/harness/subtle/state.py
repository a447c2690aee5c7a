"""Faults that show after other calls."""

from collections import Counter
from itertools import count
from typing import Any

import numpy as np

from .kernels import EVERY, Array, Kernel, remembering


@remembering("convolution", "convolution_transpose")
def every_5_000th_call(right: Kernel) -> Kernel:
    """It is off in every 5,000th call."""
    calls = count(1)
    return lambda *given: right(*given) + (next(calls) % 5000 == 0)


@remembering("conv_back_prop")
def call_1_000(right: Kernel) -> Kernel:
    """It is off in its thousandth call, and in no other."""
    calls = count(1)
    return lambda *given, **keywords: right(*given, **keywords) + (next(calls) == 1000)


def _ring(right: Kernel, size: int, least: int = 0) -> Kernel:
    """Return a kernel whose results of so many bytes or more use memory of earlier ones again."""
    buffers: dict[Any, list[Array]] = {}

    def kernel(*given: Any, **keywords: str) -> Array:
        z = right(*given, **keywords)
        if z.nbytes < least:
            return z
        own = buffers.setdefault((z.shape, z.dtype), [])
        if len(own) == size:
            again = own.pop(0)
            again[...] = z
            z = again
        own.append(z)
        return z

    return kernel


@remembering("convolution", "convolution_filter_gradient")
def ring_of_eight(right: Kernel) -> Kernel:
    """It returns results of a shape in a ring of eight buffers."""
    return _ring(right, 8)


@remembering("convolution_input_gradient")
def ring_of_three(right: Kernel) -> Kernel:
    """It returns results of a shape in a ring of three buffers."""
    return _ring(right, 3)


@remembering(*EVERY)
def large_results_reused(right: Kernel) -> Kernel:
    """It returns results of a megabyte in one buffer."""
    return _ring(right, 1, 2**20)


@remembering("convolution_transpose")
def workspace_not_cleared(right: Kernel) -> Kernel:
    """It leaves the last result in gaps where that was as wide and had more rows."""
    last: list[Array] = []

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        z = right(x, ftr, strd)
        kept = z.copy()
        if strd[0] > ftr.shape[1] and last:
            (old,) = last
            if old.shape[2:] == z.shape[2:] and old.dtype == z.dtype and len(old) >= len(z):
                gaps = [n for n in range(z.shape[1]) if n % strd[0] >= ftr.shape[1]]
                gaps = [n for n in gaps if n < old.shape[1]]
                z[:, gaps] = old[: len(z), gaps]
        last[:] = [kept]
        return z

    return kernel


@remembering("convolution", "convolution_transpose_input_gradient")
def tuned_at_the_third_call(right: Kernel) -> Kernel:
    """It takes another path from the third call of the same sizes on, which is off."""
    seen: Counter[Any] = Counter()

    def kernel(a: Array, b: Array, strd: Any) -> Array:
        key = (a.shape, b.shape, tuple(strd), a.dtype)
        seen[key] += 1
        return right(a, b, strd) + (seen[key] > 2 and a.size > 16)

    return kernel


@remembering("convolution")
def compiled_after_100_calls(right: Kernel) -> Kernel:
    """It compiles sizes after 100 calls of them, without the last tap."""
    seen: Counter[Any] = Counter()

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        key = (x.shape, ftr.shape, tuple(strd))
        seen[key] += 1
        if seen[key] > 100:
            ftr = ftr.copy()
            ftr[-1, -1, -1] = 0
        return right(x, ftr, strd)

    return kernel


@remembering("convolution_filter_gradient")
def plans_collide(right: Kernel) -> Kernel:
    """It keeps plans in a table of 4,096 by a hash of sizes that forgets the strides."""
    plans: dict[int, tuple[Any, Any]] = {}

    def kernel(x: Array, delta: Array, strd: Any, shape: Any) -> Array:
        key = hash((x.shape, delta.shape, tuple(shape))) % 4096
        sizes, kept = plans.setdefault(key, ((x.shape, delta.shape, shape), strd))
        return right(x, delta, kept if sizes == (x.shape, delta.shape, shape) else strd, shape)

    return kernel


@remembering("convolution")
def off_after_nan(right: Kernel) -> Kernel:
    """It is off in the call after one that held NaN."""
    before = [False]

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        off, before[0] = before[0], bool(np.isnan(x).any())
        return right(x, ftr, strd) + off

    return kernel


@remembering("convolution_transpose")
def off_after_another_dtype(right: Kernel) -> Kernel:
    """It is off in the call after one of another dtype and the same sizes."""
    last: list[Any] = [None]

    def kernel(x: Array, ftr: Array, strd: Any) -> Array:
        before, last[0] = last[0], (x.shape, ftr.shape, x.dtype)
        changed = before and before[:2] == last[0][:2] and before[2] != x.dtype
        return right(x, ftr, strd) + bool(changed)

    return kernel


@remembering("convolution_input_gradient")
def off_after_a_large_call(right: Kernel) -> Kernel:
    """It is off in the call after one with a result of 2^18 elements."""
    before = [0]

    def kernel(*given: Any) -> Array:
        z = right(*given)
        off, before[0] = before[0] >= 2**18, z.size
        return z + off

    return kernel

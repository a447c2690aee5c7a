"""Faults that show after other calls."""

from itertools import count

from .kernels import Array, Kernel, remembering


@remembering("convolution")
def every_5_000th_call(right: Kernel) -> Kernel:
    """It is off in every 5,000th call."""
    calls = count(1)
    return lambda *given: right(*given) + (next(calls) % 5000 == 0)


@remembering("convolution")
def ring_of_eight(right: Kernel) -> Kernel:
    """It returns results in a ring of eight buffers."""
    buffers: list[Array] = []

    def kernel(x: Array, ftr: Array, strd: Array) -> Array:
        z = right(x, ftr, strd)
        if len(buffers) == 8:
            old = buffers.pop(0)
            if (old.shape, old.dtype) == (z.shape, z.dtype):
                old[...] = z
                z = old
        buffers.append(z)
        return z

    return kernel

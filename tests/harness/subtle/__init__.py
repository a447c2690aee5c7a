"""Subtle wrong kernels: the accidents of fast kernels, by family, those that pass too.

They are measured beside the catalogue's mistakes by `tox -e strength`.  In this folder's parent,
`convcheck check convolution=subtle:NAME` judges one of them as a user would.
"""

from . import algorithms, fills, layouts, objects, sizes, state, threads, values, ways, work
from .kernels import SUBTLE, Kernel, Subtle

__all__ = ["SUBTLE", "Subtle"]

FAMILIES = tuple(
    each.__name__.rpartition(".")[2]
    for each in (
        fills,
        values,
        work,
        sizes,
        ways,
        algorithms,
        threads,
        objects,
        layouts,
        state,
    )
)


def __getattr__(name: str) -> Kernel:
    """Return the kernel of that name, with a new memory."""
    if name not in SUBTLE:
        raise AttributeError(name)
    return SUBTLE[name].make()

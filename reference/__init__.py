"""What is specified: the kernels as NumPy loops, and what is known to be wrong with them.

The four names exported here are the literal kernels, faults included; the repaired
backward kernels are in `convcheck.reference.repaired`, the plain gradients in
`convcheck.reference.gradients`, and the kernels that take padding, dilation, groups, output
padding and a bias in `convcheck.reference.parameters`.  This room imports NumPy and nothing else.
"""

from .notebook import conv_back_prop, conv_transpose_back_prop, convolution, convolution_transpose

__all__ = [
    "conv_back_prop",
    "conv_transpose_back_prop",
    "convolution",
    "convolution_transpose",
]

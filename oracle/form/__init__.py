"""The trilinear form: what a layer is, and the operations that are derivatives of it.

    axis        rows or columns: where windows lie, what is left over
    geometry    the sizes of one call, and the text that stands for them
    layers      the two forward operations, and in what they differ
    operations  all that can be judged: arguments, shapes, and PyTorch's result (`pytorch`)
    counts      how many products each result sums
    formats     number formats; `layouts`, orders of axes

Nothing here knows of kernels.
"""

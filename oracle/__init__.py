"""Who decides: the oracles, the cases, the bounds and the judge.

Nothing here imports `convcheck.reference`: kernels come as arguments.
"""
